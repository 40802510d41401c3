"""A page of a container: a leaf holds children, an inner page holds pages (docs/format.md, "Pages").

Pages are frozen values. Content (hashed) holds keys, counts, hashes and the children that are small enough to stand in
the page; the tail (not hashed) holds locations and the sibling order. What an edit leaves as it was, a page shares with
the one that it was made from, encoded: keys above all (``packed_keys``), which take longer to encode than all the rest.
An inner page keeps its hashes and locations as two long byte strings, so that rewriting one child is two splices;
children not yet written stand beside them in ``fresh`` until the page is sealed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, Union

from treering.objects.columns import PAGE_HEADER, pack_keys
from treering.objects.native import NATIVE
from treering.objects.packing import cut, cut_evenly, decode_sized, pack_integers, unpack_integers
from treering.objects.pointer import HASH_BYTES, LOCATION_BYTES, Embedded, Hash, Location, Pointer, make_pointer

if TYPE_CHECKING:
    from treering.objects.node import Node

# A child: its content where it is embedded and has no tail; with its tail; where it is stored; or not yet written.
Value = Union[bytes, Embedded, Pointer, "Node"]
Entry = tuple[bytes, Value, int]  # key, child, ordinal (its place among its siblings, 0 where order is not kept)

MAX_LEVEL = 63  # pages but the last have two entries or more, so no container is that high
_HEADER_BYTES = PAGE_HEADER.size
_PLAIN = {bytes}  # the types of children that are embedded and have no tail
_NO_HASH, _NO_LOCATION = bytes(HASH_BYTES), bytes(LOCATION_BYTES)  # of a page not yet written
NOTHING_FRESH: Mapping[int, Page] = MappingProxyType({})


class Leaf:
    """Children in key order. ``keys``, ``values`` and ``ordinals`` run in parallel."""

    __slots__ = ("keys", "ordinals", "packed_keys", "packed_ordinals", "packed_sizes", "values")

    level: Final = 0

    def __init__(
        self,
        keys: tuple[bytes, ...],
        values: tuple[Value, ...],
        ordinals: tuple[int, ...],
        packed_keys: bytes = b"",
        packed_ordinals: bytes = b"",
        packed_sizes: bytes = b"",
    ) -> None:
        self.keys = keys
        self.values = values
        self.ordinals = ordinals
        self.packed_keys = packed_keys  # as they are encoded; empty until that is asked for
        self.packed_ordinals = packed_ordinals
        self.packed_sizes = packed_sizes  # also empty where a child has a tail, or stands elsewhere

    @property
    def count(self) -> int:
        """The number of children."""
        return len(self.keys)

    def entries(self) -> list[Entry]:
        """Return the children as (key, child, ordinal)."""
        return list(zip(self.keys, self.values, self.ordinals, strict=True))

    def with_value(self, index: int, value: Value, ordinal: int) -> Leaf:
        """Return this page with another child under the key at ``index``."""
        if NATIVE is not None:
            return NATIVE.with_value(self, index, value, ordinal)
        old = self.values[index]
        values = (*self.values[:index], value, *self.values[index + 1 :])
        is_same_size = type(value) is bytes and type(old) is bytes and len(value) == len(old)
        sizes = self.packed_sizes if is_same_size else b""
        if self.ordinals[index] == ordinal:
            return Leaf(self.keys, values, self.ordinals, self.packed_keys, self.packed_ordinals, sizes)
        ordinals = (*self.ordinals[:index], ordinal, *self.ordinals[index + 1 :])
        return Leaf(self.keys, values, ordinals, self.packed_keys, b"", sizes)

    def encode(self) -> tuple[bytes, bytes]:
        """Return (content, tail). Every value must be bytes, Embedded or Pointer: nothing unwritten."""
        keys, ordinals, values, sizes = self.packed_keys, self.packed_ordinals, self.values, self.packed_sizes
        is_plain = bool(sizes) or set(map(type, values)) == _PLAIN
        if is_plain and NATIVE is not None and not keys:  # a leaf with other keys: all of it at once
            encoded = NATIVE.encode_leaves(self.keys, values, self.ordinals, [len(values)])  # type: ignore[arg-type]
            if encoded is not None:
                content, tail, self.packed_keys, self.packed_sizes = encoded[0]
                self.packed_ordinals = tail[:-1]
                return content, tail
        if not keys:
            keys = self.packed_keys = pack_keys(0, self.keys)
        if not ordinals:
            ordinals = self.packed_ordinals = pack_integers(self.ordinals)
        if not is_plain:
            return self._encode_mixed(keys, ordinals)
        if not sizes:
            sizes = self.packed_sizes = pack_integers(list(map(len, values)))  # type: ignore[arg-type]
        return b"".join((keys, sizes, *values)), ordinals + b"\x00"  # type: ignore[arg-type]

    def _encode_mixed(self, keys: bytes, ordinals: bytes) -> tuple[bytes, bytes]:
        sizes: list[int] = []
        parts: list[bytes] = []
        tails: list[bytes] = []
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
        content = b"".join((keys, pack_integers(sizes), *parts))
        return content, b"".join((ordinals, pack_integers(list(map(len, tails))), *tails))


class Index(NamedTuple):
    """What an inner page says of the pages below, but for where they are: the same in every version with these keys.

    ``counts_at`` and ``hashes_at`` say where in the page's content the counts and the hashes begin.
    """

    level: int
    keys: tuple[bytes, ...]
    counts: tuple[int, ...]
    counts_at: int
    hashes_at: int


class Inner:
    """Pages in key order, each known by the last key in it. ``fresh`` holds the ones not yet written, by index.

    ``content`` and ``locations`` are what is stored, ready for use: to put another page in the place of one is a splice
    of each. At the index of a fresh page both hold anything.
    """

    __slots__ = ("content", "fresh", "index", "keys", "locations")

    def __init__(
        self,
        level: int,
        keys: tuple[bytes, ...],
        counts: tuple[int, ...],
        hashes: bytes,
        locations: bytes,
        fresh: Mapping[int, Page] = NOTHING_FRESH,
        index: Index | None = None,
    ) -> None:
        """Make the page. ``index``: where all but the locations is known; then ``hashes`` is the whole content."""
        if index is None:
            packed_keys = pack_keys(level, keys)
            packed = packed_keys + pack_integers(counts)
            index = Index(level, keys, counts, len(packed_keys), len(packed))
            hashes = packed + hashes
        self.index = index
        self.keys = keys
        self.content = hashes
        self.locations = locations
        self.fresh = fresh

    @property
    def level(self) -> int:
        """How high the page is above the leaves."""
        return self.index.level

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of children below each page."""
        return self.index.counts

    @property
    def count(self) -> int:
        """The number of children below."""
        return sum(self.index.counts)

    @property
    def hashes(self) -> bytes:
        """The hashes of all pages below, one after the other."""
        return self.content[self.index.hashes_at :]

    def pointer(self, index: int) -> Pointer:
        """Return where the page at ``index`` is stored. It must not be fresh."""
        at, there = self.index.hashes_at + index * HASH_BYTES, index * LOCATION_BYTES
        return make_pointer(self.content[at : at + HASH_BYTES], self.locations[there : there + LOCATION_BYTES])  # type: ignore[arg-type]

    def places(self) -> list[Location]:
        """Return the locations of all pages below. Nothing may be fresh."""
        locations = self.locations
        return [locations[at : at + LOCATION_BYTES] for at in range(0, len(locations), LOCATION_BYTES)]  # type: ignore[misc]

    def is_cut_as(self, other: Inner) -> bool:
        """Tell whether the two are known to be of one level and to have the same keys, and nothing in them is fresh."""
        if self.fresh or other.fresh:
            return False
        at = self.index.counts_at
        return self.index is other.index or other.content.startswith(self.content[:at])

    def columns(self) -> tuple[tuple[Hash, ...], tuple[Location, ...]]:
        """Return the hashes and the locations of all pages below. Nothing may be fresh."""
        number = len(self.keys)
        hashes = cut_evenly(self.content, self.index.hashes_at, HASH_BYTES, number)
        return hashes, cut_evenly(self.locations, 0, LOCATION_BYTES, number)  # type: ignore[return-value]

    def child(self, index: int) -> Page | Pointer:
        """Return the page at ``index`` where it is not yet written, else its pointer."""
        return self.fresh.get(index) or self.pointer(index)

    def with_child(self, index: int, page: Page, added: int) -> Inner:
        """Return this page with another, unwritten page at ``index``: one that ends at the same key.

        ``added``: how many children more are below it.
        """
        like = self.with_count(index, added) if added else self
        return _make(like.index, like.content, self.locations, {**self.fresh, index: page})

    def with_count(self, index: int, added: int) -> Inner:
        """Return this page with ``added`` children more below the page at ``index``."""
        if NATIVE is not None:
            page = NATIVE.with_count(self, index, added)
            if page is not None:
                return page
        level, keys, counts, counts_at, hashes_at = self.index
        count = counts[index] + added
        counts = (*counts[:index], count, *counts[index + 1 :])
        content = self.content
        width = content[counts_at]
        if not count >> 8 * width and (width == 1 or count >> 4 * width):  # it takes the width that all have: in place
            at = counts_at + 1 + index * width
            content = content[:at] + count.to_bytes(width, "little") + content[at + width :]
        else:
            packed = content[:counts_at] + pack_integers(counts)
            content = packed + content[hashes_at:]
            hashes_at = len(packed)
        made: Index = tuple.__new__(Index, (level, keys, counts, counts_at, hashes_at))  # as in make_pointer
        return _make(made, content, self.locations, self.fresh)

    def with_pointer(self, index: int, pointer: Pointer) -> Inner:
        """Return this page with nothing fresh: the page at ``index`` now stands at ``pointer``."""
        digest, location = pointer
        content, locations = self.content, self.locations
        at, there = self.index.hashes_at + index * HASH_BYTES, index * LOCATION_BYTES
        content = content[:at] + digest + content[at + HASH_BYTES :]
        locations = locations[:there] + location + locations[there + LOCATION_BYTES :]
        return Inner(0, self.keys, (), content, locations, NOTHING_FRESH, self.index)  # _make, without its call

    def with_pointers(self, written: Sequence[tuple[int, Pointer]]) -> Inner:
        """Return this page with nothing fresh: ``written`` says where each fresh page now stands."""
        content, locations, start = bytearray(self.content), bytearray(self.locations), self.index.hashes_at
        for index, (digest, location) in written:
            content[start + index * HASH_BYTES : start + (index + 1) * HASH_BYTES] = digest
            locations[index * LOCATION_BYTES : (index + 1) * LOCATION_BYTES] = location
        return _make(self.index, bytes(content), bytes(locations), NOTHING_FRESH)

    def encode(self) -> tuple[bytes, bytes]:
        """Return (content, tail). Nothing may be fresh."""
        if self.fresh:
            message = "a page that was not written cannot be encoded"
            raise TypeError(message)
        return self.content, self.locations


def _make(index: Index, content: bytes, locations: bytes, fresh: Mapping[int, Page]) -> Inner:
    """Return an inner page of which everything is known: a tenth of the time that encoding its keys takes."""
    return Inner(index.level, index.keys, index.counts, content, locations, fresh, index)


Page = Leaf | Inner


def inner_page(
    level: int, keys: tuple[bytes, ...], counts: tuple[int, ...], children: Sequence[Page | Pointer]
) -> Inner:
    """Build an inner page from last keys, counts, and the pages themselves or where they are stored."""
    fresh = {index: child for index, child in enumerate(children) if type(child) is not Pointer}
    hashes = b"".join([child.hash if type(child) is Pointer else _NO_HASH for child in children])
    locations = b"".join([child.location if type(child) is Pointer else _NO_LOCATION for child in children])
    return Inner(level, keys, counts, hashes, locations, fresh)  # type: ignore[arg-type]


def decode_page(content: bytes, tail: bytes) -> Page:
    """Rebuild a page. Raises IndexError, struct.error or ValueError on bytes that are not a page."""
    if NATIVE is not None:
        page: Page | None = NATIVE.decode_page(content, tail)
        if page is not None:
            return page
    return decode_any_page(content, tail)


def decode_any_page(content: bytes, tail: bytes) -> Page:
    """Do the same in Python, also for a leaf with children that are large or have children, and for damaged bytes."""
    level, number = PAGE_HEADER.unpack_from(content)
    if level > MAX_LEVEL or not number:
        raise ValueError("page of an impossible level, or of nothing")
    length = content[_HEADER_BYTES]
    position = _HEADER_BYTES + 1 + length
    shared = content[_HEADER_BYTES + 1 : position]
    if length >= 0x80:  # not as it nearly always is, and decode_sized takes three times as long for
        shared, position = decode_sized(content, _HEADER_BYTES)
    lengths, position = unpack_integers(content, position, number)
    keys, position = cut(content, position, lengths)
    if shared:
        keys = tuple([shared + rest for rest in keys])
    start = position
    if level:
        counts, position = unpack_integers(content, position, number)
        if len(content) - position != number * HASH_BYTES or len(tail) != number * LOCATION_BYTES:
            message = "inner page of the wrong size"
            raise ValueError(message)
        index: Index = tuple.__new__(Index, (level, keys, counts, start, position))  # as in make_pointer
        return _make(index, content, tail, NOTHING_FRESH)
    sizes, position = unpack_integers(content, position, number)
    ordinals, tail_position = unpack_integers(tail, 0, number)
    packed_keys, packed_ordinals = content[:start], tail[:tail_position]
    if tail[tail_position:] == b"\x00" and 0 not in sizes:  # nothing here has a tail or stands elsewhere
        packed_sizes = content[start:position]
        plain, position = cut(content, position, sizes)
        if position != len(content):
            raise ValueError("leaf of the wrong size")
        return Leaf(keys, plain, ordinals, packed_keys, packed_ordinals, packed_sizes)
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
    return Leaf(keys, tuple(values), ordinals, packed_keys, packed_ordinals)


if NATIVE is not None:
    NATIVE.know_pages(Leaf, Inner, Index, NOTHING_FRESH)
