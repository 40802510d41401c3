"""A page of a container: a leaf holds children, an inner page holds pages (docs/format.md, "Pages").

Pages are frozen values. Content (hashed) holds keys, counts, hashes and the children that are small enough to stand in
the page; the tail (not hashed) holds locations and the sibling order. An inner page keeps its hashes and locations as
two long byte strings, so that rewriting one child is two splices; children not yet written stand beside them in
``fresh`` until the page is sealed.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Union

from treering.objects.packing import pack_integers, unpack_integers
from treering.objects.pointer import HASH_BYTES, LOCATION_BYTES, Embedded, Hash, Location, Pointer

if TYPE_CHECKING:
    from treering.objects.node import Node

# A child: its content where it is embedded and has no tail; with its tail; where it is stored; or not yet written.
Value = Union[bytes, Embedded, Pointer, "Node"]
Entry = tuple[bytes, Value, int]  # key, child, ordinal (its place among its siblings, 0 where order is not kept)

MAX_LEVEL = 63  # pages but the last have two entries or more, so no container is that high
_HEADER = struct.Struct("<BH")  # level (0: leaf), number of entries
_NOTHING_FRESH: Mapping[int, Page] = MappingProxyType({})


class Leaf:
    """Children in key order. ``keys``, ``values`` and ``ordinals`` run in parallel."""

    __slots__ = ("keys", "ordinals", "values")

    level = 0

    def __init__(self, keys: tuple[bytes, ...], values: tuple[Value, ...], ordinals: tuple[int, ...]) -> None:
        self.keys = keys
        self.values = values
        self.ordinals = ordinals

    @property
    def count(self) -> int:
        """The number of children."""
        return len(self.keys)

    def entries(self) -> list[Entry]:
        """Return the children as (key, child, ordinal)."""
        return list(zip(self.keys, self.values, self.ordinals, strict=True))

    def encode(self) -> tuple[bytes, bytes]:
        """Return (content, tail). Every value must be bytes, Embedded or Pointer: nothing unwritten."""
        keys = self.keys
        head = _HEADER.pack(0, len(keys)) + pack_integers(list(map(len, keys)))
        ordinals = pack_integers(self.ordinals)
        try:  # the common case: every child is embedded and has no tail; one join in C finds that out
            values = b"".join(self.values)  # type: ignore[arg-type]
        except TypeError:
            return self._encode_mixed(head, ordinals)
        sizes = pack_integers(list(map(len, self.values)))  # type: ignore[arg-type]
        return b"".join((head, *keys, sizes, values)), ordinals + b"\x00"

    def _encode_mixed(self, head: bytes, ordinals: bytes) -> tuple[bytes, bytes]:
        sizes, parts, tails = [], [], []
        for value in self.values:
            if type(value) is bytes:
                content, tail, size = value, b"", len(value)
            elif type(value) is Embedded:
                content, tail = value
                size = len(content)
            elif type(value) is Pointer:
                content, tail = value
                size = 0  # no content is empty, so 0 says: a hash follows
            else:
                message = "a child that was not written cannot be encoded"
                raise TypeError(message)
            sizes.append(size)
            parts.append(content)
            tails.append(tail)
        content = b"".join((head, *self.keys, pack_integers(sizes), *parts))
        return content, b"".join((ordinals, pack_integers(list(map(len, tails))), *tails))


class Inner:
    """Pages in key order, each known by the last key in it. ``fresh`` holds the ones not yet written, by index."""

    __slots__ = ("counts", "fresh", "hashes", "keys", "level", "locations")

    def __init__(
        self,
        level: int,
        keys: tuple[bytes, ...],
        counts: tuple[int, ...],
        hashes: bytes,
        locations: bytes,
        fresh: Mapping[int, Page] = _NOTHING_FRESH,
    ) -> None:
        self.level = level
        self.keys = keys
        self.counts = counts
        self.hashes = hashes
        self.locations = locations
        self.fresh = fresh

    @property
    def count(self) -> int:
        """The number of children below."""
        return sum(self.counts)

    def pointer(self, index: int) -> Pointer:
        """Return where the page at ``index`` is stored. It must not be fresh."""
        return Pointer(
            Hash(self.hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]),
            Location(self.locations[index * LOCATION_BYTES : (index + 1) * LOCATION_BYTES]),
        )

    def child(self, index: int) -> Page | Pointer:
        """Return the page at ``index`` where it is not yet written, else its pointer."""
        return self.fresh.get(index) or self.pointer(index)

    def with_child(self, index: int, page: Page, count: int) -> Inner:
        """Return this page with another, unwritten page at ``index`` that ends at the same key."""
        counts = self.counts
        if counts[index] != count:
            counts = (*counts[:index], count, *counts[index + 1 :])
        return Inner(self.level, self.keys, counts, self.hashes, self.locations, {**self.fresh, index: page})

    def with_pointers(self, written: Mapping[int, Pointer]) -> Inner:
        """Return this page with nothing fresh: ``written`` says where each fresh page now stands."""
        hashes, locations = bytearray(self.hashes), bytearray(self.locations)
        for index, (digest, location) in written.items():
            hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES] = digest
            locations[index * LOCATION_BYTES : (index + 1) * LOCATION_BYTES] = location
        return Inner(self.level, self.keys, self.counts, bytes(hashes), bytes(locations))

    def encode(self) -> tuple[bytes, bytes]:
        """Return (content, tail). Nothing may be fresh."""
        if self.fresh:
            message = "a page that was not written cannot be encoded"
            raise TypeError(message)
        keys = self.keys
        head = _HEADER.pack(self.level, len(keys)) + pack_integers(list(map(len, keys)))
        return b"".join((head, *keys, pack_integers(self.counts), self.hashes)), self.locations


Page = Leaf | Inner


def inner_page(level: int, children: Sequence[tuple[bytes, int, Page | Pointer]]) -> Inner:
    """Build an inner page from (last key, count, page or where it is stored)."""
    fresh = {index: child for index, (_, _, child) in enumerate(children) if type(child) is not Pointer}
    blank = Pointer(Hash(bytes(HASH_BYTES)), Location(bytes(LOCATION_BYTES)))
    pointers = [child if type(child) is Pointer else blank for _, _, child in children]
    return Inner(
        level,
        tuple(key for key, _, _ in children),
        tuple(count for _, count, _ in children),
        b"".join(pointer.hash for pointer in pointers),
        b"".join(pointer.location for pointer in pointers),
        fresh,  # type: ignore[arg-type]
    )


def decode_page(content: bytes, tail: bytes) -> Page:
    """Rebuild a page. Raises IndexError, struct.error or ValueError on bytes that are not a page."""
    level, number = _HEADER.unpack_from(content)
    if level > MAX_LEVEL:
        raise ValueError("page of an impossible level")
    lengths, position = unpack_integers(content, _HEADER.size, number)
    keys = []
    for length in lengths:
        keys.append(content[position : position + length])
        position += length
    if level:
        counts, position = unpack_integers(content, position, number)
        if len(content) - position != number * HASH_BYTES or len(tail) != number * LOCATION_BYTES:
            message = "inner page of the wrong size"
            raise ValueError(message)
        return Inner(level, tuple(keys), counts, content[position:], tail)
    sizes, position = unpack_integers(content, position, number)
    ordinals, tail_position = unpack_integers(tail, 0, number)
    tail_sizes, tail_position = unpack_integers(tail, tail_position, number)
    values: list[Value] = []
    for size, tail_size in zip(sizes, tail_sizes, strict=True):
        end = position + (size or HASH_BYTES)
        part = content[position:end]
        position = end
        if tail_size:
            rest = tail[tail_position : tail_position + tail_size]
            tail_position += tail_size
            values.append(Embedded(part, rest) if size else Pointer(Hash(part), Location(rest)))
        else:
            values.append(part)
    if position != len(content) or tail_position != len(tail):
        message = "leaf of the wrong size"
        raise ValueError(message)
    return Leaf(tuple(keys), tuple(values), ordinals)
