"""The objects of one publication, sealed and in the order in which they were put."""

from __future__ import annotations

from collections.abc import Mapping

from treering.backend.base import Entry
from treering.objects.frame import COMMIT, TABLE, Codec, hash_content, seal
from treering.objects.pointer import COUNTER_BYTES, Location, Pointer, make_pointer
from treering.objects.root import INLINE_BYTES, Section, encode_names
from treering.store.cache import OVERHEAD_BYTES
from treering.store.reader import Reader, StoredCommit
from treering.store.session import Session
from treering.store.state import State


class Batch:
    """Collects objects until they are published. Not shared between threads.

    What an object decodes to goes into the reader's cache at once: the commits of one publication follow each other,
    and each is read by the next. Where nothing is published after all that is no harm: a location is never used again.
    """

    __slots__ = ("_cache", "_codec", "_counter", "_prefix", "base", "entries", "size_bytes")

    def __init__(self, session: Session, codec: Codec | None, reader: Reader, base: State) -> None:
        self.base = base  # the state to publish on: taking a session may have moved the root on
        self._prefix = session.prefix
        self._counter = session.counter
        self._codec = codec
        self._cache = reader.cache
        self.entries: list[Entry] = []
        self.size_bytes = 0

    def put(self, kind: bytes, content: bytes, tail: bytes, value: object = None, old: bytes = b"") -> Pointer:
        """Add an object; ``value`` is what it decodes to, ``old`` the location of what it takes the place of.

        That is dropped from the cache, as it is seldom read again, and its memory used for the new one: memory that is
        new to the process costs a page fault for each 4 kB, on a virtual machine 4 to 10 µs.
        """
        digest = hash_content(kind, content)
        location: Location = self._prefix + next(self._counter).to_bytes(COUNTER_BYTES, "big")  # type: ignore[assignment]
        data = seal(kind, content, tail, digest, location, self._codec)
        size = len(data)
        self.entries.append((location, data))
        self.size_bytes += size
        if value is not None:
            self._cache.replace(old, location, (digest, value, size + OVERHEAD_BYTES))
        return make_pointer(digest, location)

    def put_commit(self, commit: StoredCommit, content: bytes, tail: bytes) -> StoredCommit:
        """Add a commit, and say where it stands: it is known to the reader from now on."""
        commit.pointer = self.put(COMMIT, content, tail, commit)
        return commit

    def put_names(self, names: Mapping[str, Pointer]) -> Section:
        """Encode branches or tags as a section of the root."""
        return self.put_section(encode_names(names))

    def put_section(self, data: bytes) -> Section:
        """Return a section of the root as it stands there: in an object of its own where it is large."""
        return data if len(data) <= INLINE_BYTES else self.put(TABLE, data, b"", data)
