"""The few pieces of protobuf's wire format that putting messages together from parts takes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor

from treering.objects.packing import decode_varint

VARINT: Final = 0
FIXED64: Final = 1
LENGTH_DELIMITED: Final = 2
START_GROUP: Final = 3
END_GROUP: Final = 4
FIXED32: Final = 5

_UINT64: Final = (1 << 64) - 1
_KEY_FIELD: Final = 1  # of a map's entry
_VALUE_FIELD: Final = 2


def varint(value: int) -> bytes:
    """Encode an unsigned integer."""
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


def tag(number: int, wire_type: int) -> bytes:
    """Encode what stands before a field's value."""
    return varint(number << 3 | wire_type)


def message_tags(field: FieldDescriptor) -> tuple[bytes, bytes]:
    """Return what stands before a message of this field and after it (nothing, where a length stands before it)."""
    if field.type == FieldDescriptor.TYPE_GROUP:
        return tag(field.number, START_GROUP), tag(field.number, END_GROUP)
    return tag(field.number, LENGTH_DELIMITED), b""


def message_frame(field: FieldDescriptor) -> Callable[[bytes], bytes]:
    """Return the function that turns the content of one message of this field into the field on the wire."""
    start, end = message_tags(field)
    if end:
        return lambda content: start + content + end
    return lambda content: start + varint(len(content)) + content


def map_key(field: FieldDescriptor) -> Callable[[Any], bytes]:
    """Return the function that turns a key of a map into the key field of its entry."""
    kind = field.type
    if kind == FieldDescriptor.TYPE_STRING:
        start = tag(_KEY_FIELD, LENGTH_DELIMITED)

        def text(value: str) -> bytes:
            raw = value.encode()
            return start + varint(len(raw)) + raw

        return text
    if kind in _FIXED:
        wire_type, pack = _FIXED[kind]
        start = tag(_KEY_FIELD, wire_type)
        return lambda value: start + pack(value)
    start = tag(_KEY_FIELD, VARINT)
    if kind in {FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64}:
        return lambda value: start + varint(value << 1 if value >= 0 else -value * 2 - 1)
    return lambda value: start + varint(value & _UINT64)  # negative numbers are sign-extended to 64 bits


def map_value_frame() -> Callable[[bytes], bytes]:
    """Return the function that turns a message into the value field of a map's entry; maps have no delimited ones."""
    start = tag(_VALUE_FIELD, LENGTH_DELIMITED)
    return lambda content: start + varint(len(content)) + content


def iter_fields(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (number, start, end) of each top-level field on the wire, tag included; a group is one field."""
    position = 0
    while position < len(data):
        start = position
        tagged, position = decode_varint(data, position)
        position = _end(data, position, tagged & 7)
        yield tagged >> 3, start, position


def _end(data: bytes, position: int, wire_type: int) -> int:
    """Return where the value that starts at ``position`` ends."""
    if wire_type == VARINT:
        return decode_varint(data, position)[1]
    if wire_type == FIXED64:
        return position + 8
    if wire_type == FIXED32:
        return position + 4
    if wire_type == LENGTH_DELIMITED:
        length, position = decode_varint(data, position)
        return position + length
    if wire_type != START_GROUP:
        raise ValueError("not a protobuf message")
    while True:
        tagged, position = decode_varint(data, position)
        if tagged & 7 == END_GROUP:
            return position
        position = _end(data, position, tagged & 7)


_ONE_BYTE: Final = [bytes((value,)) for value in range(0x80)]
_FIXED: Final = {
    FieldDescriptor.TYPE_FIXED32: (FIXED32, struct.Struct("<I").pack),
    FieldDescriptor.TYPE_SFIXED32: (FIXED32, struct.Struct("<i").pack),
    FieldDescriptor.TYPE_FIXED64: (FIXED64, struct.Struct("<Q").pack),
    FieldDescriptor.TYPE_SFIXED64: (FIXED64, struct.Struct("<q").pack),
}
