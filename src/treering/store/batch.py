"""The objects of one publication, sealed and in the order in which they were put."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from treering.backend.base import Entry
from treering.objects.frame import PAGE, TABLE, Codec, hash_content, seal
from treering.objects.native import NATIVE
from treering.objects.node import EMBED_BYTES
from treering.objects.page import NOTHING_FRESH, Inner, Leaf, Page
from treering.objects.pointer import COUNTER_BYTES, HASH_BYTES, LOCATION_BYTES, Location, Pointer
from treering.objects.root import INLINE_BYTES, Section, encode_names
from treering.store.cache import OVERHEAD_BYTES, ObjectCache
from treering.store.reader import Reader
from treering.store.session import Session
from treering.store.state import State

_new_tuple = tuple.__new__


class Batch:
    """Collects objects until they are published. Not shared between threads.

    What an object decodes to goes into the reader's cache at once: the commits of one publication follow each other,
    and each is read by the next. Where nothing is published after all that is no harm: a location is never used again.
    """

    __slots__ = ("_cache", "_codec", "_counter", "_prefix", "base", "entries")

    def __init__(self, session: Session, codec: Codec | None, reader: Reader, base: State) -> None:
        self.base = base  # the state to publish on: taking a session may have moved the root on
        self._prefix = session.prefix
        self._counter = session.counter
        self._codec = codec
        self._cache = reader.cache
        self.entries: list[Entry] = []

    def put(self, kind: bytes, content: bytes, tail: bytes, value: object = None, old: bytes = b"") -> Pointer:
        """Add an object; ``value`` is what it decodes to, ``old`` the location of what it takes the place of.

        That is dropped from the cache, as it is seldom read again, and its memory used for the new one: memory that is
        new to the process costs a page fault for each 4 kB, on a virtual machine 4 to 10 µs.
        """
        if NATIVE is not None:
            return NATIVE.put(self, hash_content, seal, kind, content, tail, value, old)
        digest = hash_content(kind, content)
        location: Location = self._prefix + next(self._counter).to_bytes(COUNTER_BYTES, "big")  # type: ignore[assignment]
        data = seal(kind, content, tail, digest, location, self._codec)
        self.entries.append((location, data))
        if value is not None:
            cached = digest, value, len(data) + OVERHEAD_BYTES
            if old:
                self._cache.replace(old, location, cached)
            else:
                self._cache.put(location, cached)
        return _new_tuple(Pointer, (digest, location))  # make_pointer, without its call

    def put_path(
        self, leaf: Leaf, trail: Sequence[tuple[Inner, int]], added: int, replaced: Page | Pointer
    ) -> Page | Pointer:
        """Add a leaf and the pages above it, each with the one below in its place; return the root.

        ``trail``: the pages above, from the root down, each with the index of the next below. ``added``: how many
        children more there are. ``replaced``: the old root. A root page small enough to be embedded is returned itself.
        """
        old = replaced.location if type(replaced) is Pointer else b""
        if NATIVE is not None:
            return NATIVE.put_path(self, hash_content, seal, leaf, trail, added, old)
        page, content, tail = self._put_below(leaf, trail, added)
        return page if len(content) <= EMBED_BYTES else self.put(PAGE, content, tail, page, old)

    def _put_below(self, leaf: Leaf, trail: Sequence[tuple[Inner, int]], added: int) -> tuple[Page, bytes, bytes]:
        """Put a leaf and the pages above it but the root; return the root and its encoding.

        This is the inner loop of every single edit: `put` and `Inner.with_pointer` without their calls, which take a
        third of its time. Where there are loops in C it is one of them (native/write.c).
        """
        entries, codec, prefix, counter, cache = self.entries, self._codec, self._prefix, self._counter, self._cache
        page: Page = leaf
        content, tail = leaf.encode()
        for parent, index in reversed(trail):
            digest = hash_content(PAGE, content)
            location: Location = prefix + next(counter).to_bytes(COUNTER_BYTES, "big")  # type: ignore[assignment]
            data = seal(PAGE, content, tail, digest, location, codec)
            entries.append((location, data))
            locations = parent.locations
            at = index * LOCATION_BYTES
            after = at + LOCATION_BYTES
            cache.replace(locations[at:after], location, (digest, page, len(data) + OVERHEAD_BYTES))
            above = parent.with_count(index, added) if added else parent
            content = above.content
            start = above.index.hashes_at + index * HASH_BYTES
            content = content[:start] + digest + content[start + HASH_BYTES :]
            tail = locations[:at] + location + locations[after:]
            page = Inner(0, above.keys, (), content, tail, NOTHING_FRESH, above.index)
        return page, content, tail

    def put_names(self, names: Mapping[str, Pointer]) -> Section:
        """Encode branches or tags as a section of the root."""
        return self.put_section(encode_names(names))

    def put_section(self, data: bytes) -> Section:
        """Return a section of the root as it stands there: in an object of its own where it is large."""
        return data if len(data) <= INLINE_BYTES else self.put(TABLE, data, b"", data)


if NATIVE is not None:
    NATIVE.know_batch(Batch, ObjectCache, Pointer)
