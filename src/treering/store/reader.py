"""Objects out of a backend: every one checked before it is decoded, and kept in a bounded cache."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from treering.backend.base import Backend
from treering.errors import Corruption, DanglingReference
from treering.objects.commit import CommitRecord, decode_commit
from treering.objects.frame import COMMIT, NODE, PAGE, SCHEMA, TABLE, hash_content, unseal
from treering.objects.node import Node, decode_node
from treering.objects.page import Inner, Page, Value, decode_page
from treering.objects.pointer import HASH_BYTES, LOCATION_BYTES, Embedded, Hash, Location, Pointer
from treering.objects.skim import Skim
from treering.store.cache import OVERHEAD_BYTES, ObjectCache
from treering.store.codec import load_codec
from treering.store.ids import CommitIndex

DEFAULT_CACHE_BYTES = 32 << 20

_MALFORMED = (struct.error, IndexError, ValueError)  # what decoding raises on bytes that are not what they should be

T = TypeVar("T")


class StoredCommit:
    """A commit as it was read or written: where it is, what it says. ``tree_hash`` names its tree."""

    __slots__ = ("_content", "_tree_hash", "pointer", "record")

    def __init__(self, pointer: Pointer, record: CommitRecord, node_content: bytes) -> None:
        self.pointer = pointer
        self.record = record
        self._content: bytes | None = node_content
        self._tree_hash: Hash | None = None

    @property
    def tree_hash(self) -> Hash:
        """The hash of the root node. Computed when first asked for: most commits are never asked."""
        content = self._content  # looked at first: another thread sets the hash before it drops the content
        found = self._tree_hash
        if found is None:
            assert content is not None
            found = self._tree_hash = hash_content(NODE, content)
            self._content = None
        return found


def _page_of(content: bytes, tail: bytes, _: Pointer) -> Page:
    return decode_page(content, tail)


def _node_of(content: bytes, tail: bytes, _: Pointer) -> Node:
    return decode_node(content, tail)


def _commit_of(content: bytes, tail: bytes, pointer: Pointer) -> StoredCommit:
    return StoredCommit(pointer, *decode_commit(content, tail))


def _content_of(content: bytes, _: bytes, __: Pointer) -> bytes:
    return content


class Reader:
    """Reads objects by pointer. Threads may share it.

    Every method raises ``Corruption`` where stored bytes are not what the pointer names, ``DanglingReference`` where
    there are none, and what the backend raises. A cached object costs no call; the others one for all that are asked
    for together.
    """

    def __init__(self, backend: Backend, cache_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._backend = backend
        self.cache = ObjectCache(cache_bytes)
        self.ids = CommitIndex()  # what a new state looks ids up in

    def page(self, pointer: Pointer) -> Page:
        """Return one page of a container."""
        digest, location = pointer
        found = self.cache.get(location, digest)
        return found if found is not None else self._load_one(pointer, PAGE, _page_of)  # type: ignore[return-value]

    def child(self, page: Inner, index: int) -> Page:
        """Return the page at ``index`` of another one: a step of every descent, so it makes no pointer on a hit."""
        if page.fresh and index in page.fresh:
            return page.fresh[index]
        at = index * LOCATION_BYTES
        found = self.cache.young.get(page.locations[at : at + LOCATION_BYTES])  # type: ignore[call-overload]
        if found is not None and page.content.startswith(found[0], page.index.hashes_at + index * HASH_BYTES):
            return found[1]  # type: ignore[no-any-return]
        return self.page(page.pointer(index))

    def pages(self, pointers: Sequence[Pointer]) -> list[Page]:
        """Return several pages, in one request for those not cached."""
        return self._load(pointers, PAGE, _page_of)

    def skims(self, pointers: Sequence[Pointer]) -> list[Skim]:
        """Return pages as far as prune looks at them, in one request, past the cache.

        Of use for pages that are about to be deleted: the size of each has to be asked for anyway.
        """
        found: list[Skim] = []
        stored = self._backend.read_many([location for _, location in pointers])
        for (digest, location), data in zip(pointers, stored, strict=True):
            if data is None:
                raise _missing(location, PAGE)
            content, tail, _ = unseal(data, PAGE, digest, location, load_codec)
            try:
                found.append(Skim(content, tail, location, len(data)))
            except _MALFORMED as error:
                raise _unparsable(location, error) from error
        return found

    def skimmed(self, skim: Skim) -> Page:
        """Return the whole of a page that was looked at."""
        try:
            return skim.page
        except _MALFORMED as error:
            raise _unparsable(skim.location, error) from error

    def node(self, value: Value) -> Node:
        """Return the node that a slot or a leaf holds, whatever its form."""
        if type(value) is bytes:
            return Node(value[1:]) if value[0] == 0 else decode_node(value, b"")
        if type(value) is Node:
            return value
        if type(value) is Embedded:
            return decode_node(value.content, value.tail)
        return self._load([cast("Pointer", value)], NODE, _node_of)[0]

    def nodes(self, values: Sequence[Value]) -> list[Node]:
        """Return several nodes, in one request for those that are stored by themselves and not cached."""
        stored = [value for value in values if type(value) is Pointer]
        loaded = iter(self._load(stored, NODE, _node_of) if stored else ())
        return [next(loaded) if type(value) is Pointer else self.node(value) for value in values]

    def commit(self, pointer: Pointer) -> StoredCommit:
        """Return a commit."""
        digest, location = pointer
        found = self.cache.get(location, digest)
        return found if found is not None else self._load_one(pointer, COMMIT, _commit_of)  # type: ignore[return-value]

    def commits(self, pointers: Sequence[Pointer]) -> list[StoredCommit]:
        """Return several commits, in one request for those not cached."""
        return self._load(pointers, COMMIT, _commit_of)

    def schema(self, pointer: Pointer) -> bytes:
        """Return a stored schema."""
        return self._load([pointer], SCHEMA, _content_of)[0]

    def table(self, pointer: Pointer) -> bytes:
        """Return a part of the root record that stands by itself."""
        return self._load([pointer], TABLE, _content_of)[0]

    def forget(self) -> None:
        """Drop the cache, and what later states would know of ids."""
        self.cache.clear()
        self.ids = CommitIndex()

    def _load_one(self, pointer: Pointer, kind: bytes, decode: Callable[[bytes, bytes, Pointer], T]) -> T:
        """Load an object that is not cached."""
        (data,) = self._backend.read_many((pointer.location,))
        return self._decode(pointer, data, kind, decode)

    def _load(self, pointers: Sequence[Pointer], kind: bytes, decode: Callable[[bytes, bytes, Pointer], T]) -> list[T]:
        found: list[T | None] = []
        missing: list[int] = []
        for index, pointer in enumerate(pointers):
            cached = self.cache.get(pointer.location, pointer.hash)
            found.append(cached)  # type: ignore[arg-type]
            if cached is None:
                missing.append(index)
        if missing:
            stored = self._backend.read_many([pointers[index].location for index in missing])
            for index, data in zip(missing, stored, strict=True):
                found[index] = self._decode(pointers[index], data, kind, decode)
        return cast("list[T]", found)

    def _decode(
        self, pointer: Pointer, data: bytes | None, kind: bytes, decode: Callable[[bytes, bytes, Pointer], T]
    ) -> T:
        digest, location = pointer
        if data is None:
            raise _missing(location, kind)
        content, tail, _ = unseal(data, kind, digest, location, load_codec)
        try:
            value = decode(content, tail, pointer)
        except _MALFORMED as error:
            raise _unparsable(location, error) from error
        self.cache.put(location, (digest, value, len(content) + len(tail) + OVERHEAD_BYTES))
        return value


def _missing(location: Location, kind: bytes) -> DanglingReference:
    return DanglingReference("an object is missing from the store", location=location.hex(), kind=kind.decode())


def _unparsable(location: Location | None, error: Exception) -> Corruption:
    where = "" if location is None else location.hex()
    return Corruption("a stored object does not parse", problem=str(error), location=where)
