"""Whether two subtrees hold the same, in any form: written or not, embedded or stored."""

from __future__ import annotations

from treering.errors import DanglingReference
from treering.merkle import diff as merkle
from treering.objects.frame import hash_content
from treering.objects.node import Container, Node, Slot
from treering.objects.page import Value
from treering.objects.pointer import LOCATION_BYTES, Location, Pointer
from treering.store.reader import Reader
from treering.tree.diff import same_slot
from treering.tree.seal import seal_node
from treering.tree.walk import iter_in_order


def equal_values(reader: Reader, one: Value | None, other: Value | None) -> bool:
    """Compare two children; None is no child. Reads only where one is not written yet, as far as both look alike."""
    if one is None or other is None or merkle.same_value(one, other):
        return one is other or (one is not None and other is not None)
    if type(one) is not Node and type(other) is not Node:
        return False  # both written, and the hash says it all
    try:
        return equal_nodes(reader, reader.node(one), reader.node(other))
    except DanglingReference:  # pruned since it was seen
        return _content(one) == _content(other)


def equal_nodes(reader: Reader, one: Node, other: Node) -> bool:
    """Compare two nodes with all below them."""
    if one is other:
        return True
    if one.own != other.own or one.slots.keys() != other.slots.keys():
        return False
    return all(equal_slots(reader, slot, other.slots[number]) for number, slot in one.slots.items())


def equal_slots(reader: Reader, one: Slot | None, other: Slot | None) -> bool:
    """Compare two slots: children or containers; None is neither."""
    if one is None or other is None or same_slot(one, other):
        return one is other or same_slot(one, other)
    if type(one) is not Container or type(other) is not Container:
        return type(one) is not Container and type(other) is not Container and equal_values(reader, one, other)  # type: ignore[arg-type]
    if one.count != other.count:
        return False
    try:
        return all(equal_values(reader, left, right) for _, left, right in merkle.diff(reader, one.root, other.root))
    except DanglingReference:
        return _content(one) == _content(other)


def equal_order(reader: Reader, one: Value, other: Value) -> bool:
    """Compare the sibling orders, at every level, of two children whose content is equal.

    Where one was pruned, nobody can tell any more, and they pass for equal.
    """
    if one is other or one == other:
        return True
    try:
        left, right = reader.node(one), reader.node(other)
        return all(_equal_slot_order(reader, slot, right.slots[number]) for number, slot in left.slots.items())
    except DanglingReference:
        return True


def _equal_slot_order(reader: Reader, one: Slot, other: Slot) -> bool:
    if type(one) is not Container or type(other) is not Container:
        return equal_order(reader, one, other)  # type: ignore[arg-type]
    if type(one.root) is Pointer and one.root == other.root:
        return True
    left, right = list(iter_in_order(reader, one)), list(iter_in_order(reader, other))
    return all(
        here[0] == there[0] and equal_order(reader, here[1], there[1]) for here, there in zip(left, right, strict=True)
    )


def _content(slot: Slot) -> bytes:
    """Return what is equal for equal content, without reading: what is not written yet is sealed for its hash."""
    return seal_node(Node(b"", {1: slot}), _put).encode()[0]


def _put(kind: bytes, content: bytes, _: bytes, __: object, ___: bytes) -> Pointer:
    return Pointer(hash_content(kind, content), Location(bytes(LOCATION_BYTES)))
