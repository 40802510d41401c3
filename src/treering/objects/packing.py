"""Integers as bytes: the two forms that every stored object uses (docs/format.md, "Integers")."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache

_CODES = {2: "H", 4: "I", 8: "Q"}
_FEW = 64
# Of as many integers as a page has entries: the struct module would have to find the format in its cache, by a text
# that has to be put together first. A third of the time.
_PACKERS = {
    width: [struct.Struct(f"<B{count}{code}").pack for count in range(_FEW + 1)] for width, code in _CODES.items()
}
_ONE_BYTE = [bytes((value,)) for value in range(0x80)]
_pack_two_bytes = struct.Struct("<H").pack


def encode_varint(value: int) -> bytes:
    """Encode a non-negative integer in base 128, least significant group first (as protobuf does)."""
    if value < 0x80:
        return _ONE_BYTE[value]
    if value < 0x4000:
        return _pack_two_bytes(value & 0x7F | 0x80 | value >> 7 << 8)
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def decode_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the integer at ``position`` and the position after it. Raises IndexError at the end of the data."""
    value = data[position]
    position += 1
    if value < 0x80:
        return value, position
    value &= 0x7F
    shift = 7
    while True:
        group = data[position]
        position += 1
        value |= (group & 0x7F) << shift
        if group < 0x80:
            return value, position
        shift += 7


def encode_text(text: str) -> bytes:
    """Encode a text as its length in bytes (a varint) and its UTF-8."""
    return encode_sized(text.encode()) if text else b"\x00"


def decode_text(data: bytes, position: int) -> tuple[str, int]:
    """Return the text at ``position`` and the position after it."""
    raw, position = decode_sized(data, position)
    return raw.decode(), position


def encode_sized(data: bytes) -> bytes:
    """Put the length of ``data`` (a varint) before it."""
    return encode_varint(len(data)) + data


def decode_sized(data: bytes, position: int) -> tuple[bytes, int]:
    """Return the bytes whose length stands at ``position``, and the position after them."""
    length, position = decode_varint(data, position)
    end = position + length
    if end > len(data):
        msg = "length beyond the end"
        raise IndexError(msg)
    return data[position:end], end


def pack_integers(values: Sequence[int]) -> bytes:
    """Pack integers as one width byte (0, 1, 2, 4 or 8: the smallest that fits) and little-endian values.

    Width 0 means that all are zero and takes no further byte. The count is not stored: the reader knows it.
    """
    top = max(values, default=0)
    if top < 0x100:
        return b"\x01" + bytes(values) if top else b"\x00"
    width = 2 if top < 0x10000 else 4 if top < 0x100000000 else 8
    if len(values) <= _FEW:
        return _PACKERS[width][len(values)](width, *values)
    return struct.pack(f"<B{len(values)}{_CODES[width]}", width, *values)


def unpack_integers(data: bytes, position: int, count: int) -> tuple[tuple[int, ...], int]:
    """Return ``count`` integers packed at ``position`` and the position after them."""
    width = data[position]
    position += 1
    if width == 1:
        end = position + count
        values = tuple(data[position:end])
        if len(values) != count:
            msg = "integers beyond the end"
            raise IndexError(msg)
        return values, end
    if width == 0:
        return (0,) * count, position
    if width not in _CODES:
        msg = "integers of an unknown width"
        raise ValueError(msg)
    return _integer_unpacker(_CODES[width], count)(data, position), position + width * count


def cut(data: bytes, position: int, sizes: Sequence[int]) -> tuple[tuple[bytes, ...], int]:
    """Return pieces of these sizes (at least one), which follow one another from ``position`` on, and their end."""
    number, size = len(sizes), sizes[0]
    if number <= _MOST_AT_ONCE and sizes.count(size) == number:
        return _cutter(size, number)(data, position), position + size * number
    pieces = []
    for size in sizes:
        end = position + size
        pieces.append(data[position:end])
        position = end
    if position > len(data):
        msg = "pieces beyond the end"
        raise IndexError(msg)
    return tuple(pieces), position


def cut_evenly(data: bytes, position: int, size: int, number: int) -> tuple[bytes, ...]:
    """Return pieces of one size, which follow one another from ``position`` on; all of them must be there.

    In one step, and in a third of the time that a slice for each takes.
    """
    if number <= _MOST_AT_ONCE:
        return _cutter(size, number)(data, position)
    return tuple([data[at : at + size] for at in range(position, position + size * number, size)])


_MOST_AT_ONCE = 64  # more than a page has: a format of what damaged bytes say might be endless


@lru_cache(1024)
def _cutter(size: int, number: int) -> Callable[[bytes, int], tuple[bytes, ...]]:
    return struct.Struct(f"{size}s" * number).unpack_from


@lru_cache(256)
def _integer_unpacker(code: str, count: int) -> Callable[[bytes, int], tuple[int, ...]]:
    return struct.Struct(f"<{count}{code}").unpack_from  # kept: half of what struct.unpack_from takes to find it
