"""A node: one message's own fields, and the slots that its children hang in (docs/format.md, "Nodes")."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from treering.objects.packing import decode_sized, decode_varint, encode_sized, encode_varint
from treering.objects.page import Page, Value, decode_page
from treering.objects.pointer import HASH_BYTES, LOCATION_BYTES, Embedded, Hash, Location, Pointer

EMBED_BYTES: Final = 512  # a constant of the format: content up to this size stands inside its parent

_CHILD, _CHILD_POINTER, _CONTAINER, _CONTAINER_POINTER = range(4)


class Container(NamedTuple):
    """All children of one field: never empty. ``next_ordinal``: what the next one gets; 0: order is not kept."""

    root: Page | Pointer
    count: int  # type: ignore[assignment] # hides tuple.count, which nobody needs here
    next_ordinal: int


Slot = Value | Container
NO_SLOTS: Mapping[int, Slot] = MappingProxyType({})


class Node:
    """One message: the wire bytes of its own fields, and its children by field number. Frozen."""

    __slots__ = ("own", "slots")

    def __init__(self, own: bytes, slots: Mapping[int, Slot] = NO_SLOTS) -> None:
        self.own = own
        self.slots = slots

    def with_own(self, own: bytes) -> Node:
        """Return this node with other own fields and the same children."""
        return Node(own, self.slots)

    def with_slot(self, number: int, slot: Slot | None) -> Node:
        """Return this node with another child or container at a field; None: nothing there."""
        if slot is not None:
            return Node(self.own, {**self.slots, number: slot})
        slots = {key: value for key, value in self.slots.items() if key != number}
        return Node(self.own, slots or NO_SLOTS)

    def encode(self) -> tuple[bytes, bytes]:
        """Return (content, tail). Nothing below may be unwritten; a container's root page is embedded as it is."""
        slots = self.slots
        if not slots:
            return b"\x00" + self.own, b""
        parts = [encode_varint(len(slots))]
        tails: list[bytes] = []
        content: bytes
        tail: bytes
        for number in sorted(slots) if len(slots) > 1 else slots:
            slot = slots[number]
            if type(slot) is Container:
                root = slot[0]
                if type(root) is Pointer:
                    content, tail = root[0], root[1]
                    start, tail_start = _encode_counts(number, slot[1], slot[2])
                else:
                    content, tail = root.encode()  # type: ignore[union-attr] # no pointer
                    start, tail_start = _encode_counts(number, slot[1], slot[2], len(content), len(tail))
                parts += start, content
                tails += tail_start, tail
            else:
                form, content, tail = _encode_child(slot)  # type: ignore[arg-type] # no container
                parts += encode_varint(number << 2 | form), content
                tails.append(tail)
        parts.append(self.own)
        return b"".join(parts), b"".join(tails)


@lru_cache(256)
def _encode_counts(number: int, count: int, following: int, size: int = -1, tail_size: int = -1) -> tuple[bytes, bytes]:
    """Return what stands before a container's root in content and tail. ``size``: of an embedded page; -1: a pointer.

    Kept, as from one commit to the next it is mostly the same: six varints, each of which would take a call.
    """
    if size < 0:
        return encode_varint(number << 2 | _CONTAINER_POINTER) + encode_varint(count), encode_varint(following)
    start = encode_varint(number << 2 | _CONTAINER) + encode_varint(count) + encode_varint(size)
    return start, encode_varint(following) + encode_varint(tail_size)


def _encode_child(slot: Value) -> tuple[int, bytes, bytes]:
    if type(slot) is bytes:
        return _CHILD, encode_sized(slot), b"\x00"
    if type(slot) is Embedded:
        return _CHILD, encode_sized(slot.content), encode_sized(slot.tail)
    if type(slot) is Pointer:
        return _CHILD_POINTER, slot.hash, slot.location
    message = "a child that was not written cannot be encoded"
    raise TypeError(message)


def decode_node(content: bytes, tail: bytes) -> Node:
    """Rebuild a node. Raises IndexError, struct.error or ValueError on bytes that are not a node."""
    if content[0] == 0 and not tail:
        return Node(content[1:])
    count, position = decode_varint(content, 0)
    tail_position = 0
    slots: dict[int, Slot] = {}
    for _ in range(count):
        tagged, position = decode_varint(content, position)
        form = tagged & 3
        size = ordinal = 0
        if form >= _CONTAINER:
            size, position = decode_varint(content, position)
            ordinal, tail_position = decode_varint(tail, tail_position)
        if form in (_CHILD_POINTER, _CONTAINER_POINTER):
            pointer = Pointer(
                Hash(content[position : position + HASH_BYTES]),
                Location(tail[tail_position : tail_position + LOCATION_BYTES]),
            )
            position += HASH_BYTES
            tail_position += LOCATION_BYTES
            slots[tagged >> 2] = Container(pointer, size, ordinal) if form == _CONTAINER_POINTER else pointer
        else:
            inside, position = decode_sized(content, position)
            inside_tail, tail_position = decode_sized(tail, tail_position)
            if form == _CONTAINER:
                slots[tagged >> 2] = Container(decode_page(inside, inside_tail), size, ordinal)
            else:
                slots[tagged >> 2] = Embedded(inside, inside_tail) if inside_tail else inside
    if tail_position != len(tail) or position > len(content):
        message = "node of the wrong size"
        raise ValueError(message)
    return Node(content[position:], slots)
