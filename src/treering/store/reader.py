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
from treering.objects.page import Page, Value, decode_page
from treering.objects.pointer import Embedded, Hash, Location, Pointer
from treering.store.cache import ByteCache
from treering.store.codec import load_codec

DEFAULT_CACHE_BYTES = 32 << 20

T = TypeVar("T")
_OVERHEAD_BYTES = 600  # what a decoded object takes beside its bytes, roughly


class StoredCommit:
    """A commit as it was read or written: where it is, what it says. ``tree_hash`` names its tree."""

    __slots__ = ("_tree", "pointer", "record")

    def __init__(self, pointer: Pointer, record: CommitRecord, node_content: bytes) -> None:
        self.pointer = pointer
        self.record = record
        self._tree: bytes | Hash = node_content

    @property
    def tree_hash(self) -> Hash:
        """The hash of the root node. Computed when first asked for: most commits are never asked."""
        tree = self._tree
        if type(tree) is not _TreeHash:
            tree = self._tree = _TreeHash(hash_content(NODE, tree))
        return Hash(bytes(tree))


class _TreeHash(bytes):
    """Marks the tree's content as replaced by its hash."""


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
        self._cache: ByteCache[Location, tuple[Hash, object]] = ByteCache(cache_bytes)

    def page(self, pointer: Pointer) -> Page:
        """Return one page of a container."""
        cached = self._cache.get(pointer.location)
        if cached is not None and cached[0] == pointer.hash:
            return cast("Page", cached[1])
        return self._load([pointer], PAGE, _page_of)[0]

    def pages(self, pointers: Sequence[Pointer]) -> list[Page]:
        """Return several pages, in one request for those not cached."""
        return self._load(pointers, PAGE, _page_of)

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
        return self._load([pointer], COMMIT, _commit_of)[0]

    def schema(self, pointer: Pointer) -> bytes:
        """Return a stored schema."""
        return self._load([pointer], SCHEMA, _content_of)[0]

    def table(self, pointer: Pointer) -> bytes:
        """Return a part of the root record that stands by itself."""
        return self._load([pointer], TABLE, _content_of)[0]

    def remember(self, pointer: Pointer, value: object, cost_bytes: int) -> None:
        """Keep an object that was just written, so that reading it again costs nothing."""
        self._cache.put(pointer.location, (pointer.hash, value), cost_bytes + _OVERHEAD_BYTES)

    def forget(self) -> None:
        """Drop the cache."""
        self._cache.clear()

    def _load(self, pointers: Sequence[Pointer], kind: bytes, decode: Callable[[bytes, bytes, Pointer], T]) -> list[T]:
        found: list[T | None] = []
        missing: list[int] = []
        for index, pointer in enumerate(pointers):
            cached = self._cache.get(pointer.location)
            if cached is not None and cached[0] == pointer.hash:
                found.append(cast("T", cached[1]))
            else:
                found.append(None)
                missing.append(index)
        if missing:
            stored = self._backend.read_many([pointers[index].location for index in missing])
            for index, data in zip(missing, stored, strict=True):
                found[index] = self._decode(pointers[index], data, kind, decode)
        return cast("list[T]", found)

    def _decode(
        self, pointer: Pointer, data: bytes | None, kind: bytes, decode: Callable[[bytes, bytes, Pointer], T]
    ) -> T:
        if data is None:
            message = "an object is missing from the store"
            raise DanglingReference(message, location=pointer.location.hex(), kind=kind.decode())
        content, tail, _ = unseal(data, kind, pointer.hash, pointer.location, load_codec)
        try:
            value = decode(content, tail, pointer)
        except (struct.error, IndexError, ValueError) as error:
            message = "a stored object does not parse"
            raise Corruption(message, problem=str(error), location=pointer.location.hex()) from error
        self.remember(pointer, value, len(content) + len(tail))
        return value
