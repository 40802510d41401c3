"""Keys, and whole leaves of plain children, as a page's content holds them: bytes out of columns, no pages."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

from treering.objects.native import NATIVE
from treering.objects.packing import encode_varint, pack_integers

PAGE_HEADER = struct.Struct("<BH")  # level (0: leaf), number of entries
_pack_header = PAGE_HEADER.pack


def pack_keys(level: int, keys: Sequence[bytes]) -> bytes:
    """Encode how a page's content begins: level, number of entries, and the keys without what all of them share."""
    if NATIVE is not None:
        packed = NATIVE.pack_keys(level, tuple(keys))
        if packed is not None:
            return packed
    first, last = keys[0], keys[-1]  # the keys between begin with what these two do
    length = len(first)
    if length == len(last):
        differing = int.from_bytes(first, "big") ^ int.from_bytes(last, "big")
    else:
        length = min(length, len(last))
        differing = int.from_bytes(first[:length], "big") ^ int.from_bytes(last[:length], "big")
    shared = length - (differing.bit_length() + 7 >> 3)  # one step in C, where a loop takes one for each byte
    rests = [key[shared:] for key in keys]
    head = _pack_header(level, len(keys)) + encode_varint(shared) + first[:shared]
    try:
        # as pack_integers does: the last key is longer than what is shared, unless it is the only one
        lengths = bytes(map(len, rests))
    except ValueError:
        return b"".join((head, pack_integers(list(map(len, rests))), *rests))
    return b"".join((head, b"\x01", lengths, *rests)) if rests[-1] else head + b"\x00"


def encode_leaves(
    keys: Sequence[bytes], values: Sequence[bytes], ordinals: Sequence[int], ends: list[int]
) -> Iterable[tuple[bytes, bytes, bytes, bytes]]:
    """Yield content and tail, as ``Leaf.encode`` returns them, of the leaves that columns are cut into at ``ends``.

    Beside them stand the packed keys and the packed sizes, which a leaf keeps. Two thirds of the time of making the
    leaves and encoding each: sizes and ordinals are packed for all at once.
    """
    encoded = None if NATIVE is None else NATIVE.encode_leaves(keys, values, ordinals, ends)
    return _encode_leaves(keys, values, ordinals, ends) if encoded is None else encoded


def _encode_leaves(
    keys: Sequence[bytes], values: Sequence[bytes], ordinals: Sequence[int], ends: Sequence[int]
) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    sizes, width = _pack_column(list(map(len, values)))
    places, place_width = _pack_column(ordinals)
    start = 0
    for end in ends:
        children = values[start:end]
        if width:
            packed_sizes = sizes[:1] + sizes[1 + start * width : 1 + end * width]
        else:
            packed_sizes = pack_integers(list(map(len, children)))
        if place_width:
            tail = b"%b%b\0" % (places[:1], places[1 + start * place_width : 1 + end * place_width])
        else:
            tail = pack_integers(ordinals[start:end]) + b"\0"
        packed_keys = pack_keys(0, keys[start:end])
        yield b"".join((packed_keys, packed_sizes, *children)), tail, packed_keys, packed_sizes
        start = end


def _pack_column(values: Sequence[int]) -> tuple[bytes, int]:
    """Pack integers of which parts are to be packed: any part is the first byte and its own bytes, width for each.

    The width is 0 where parts may differ in it.
    """
    packed = pack_integers(values)
    width = packed[0]
    return packed, width if min(values) >= (1 << 4 * width if width > 1 else 1) else 0
