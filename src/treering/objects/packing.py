"""Integers as bytes: the two forms that every stored object uses (docs/format.md, "Integers")."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_CODES = {2: "H", 4: "I", 8: "Q"}
_FEW = 64
# Of as many integers as a page has entries: the struct module would have to find the format in its cache, by a text
# that has to be put together first. A third of the time.
_PACKERS = {
    width: [struct.Struct(f"<B{count}{code}").pack for count in range(_FEW + 1)] for width, code in _CODES.items()
}
_ONE_BYTE = [bytes((value,)) for value in range(0x80)]


def encode_varint(value: int) -> bytes:
    """Encode a non-negative integer in base 128, least significant group first (as protobuf does)."""
    if value < 0x80:
        return _ONE_BYTE[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
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
    if width == 0:
        return (0,) * count, position
    end = position + width * count
    if width == 1:
        values = tuple(data[position:end])
        if len(values) != count:
            msg = "integers beyond the end"
            raise IndexError(msg)
        return values, end
    if width not in _CODES:
        msg = "integers of an unknown width"
        raise ValueError(msg)
    return struct.unpack_from(f"<{count}{_CODES[width]}", data, position), end
