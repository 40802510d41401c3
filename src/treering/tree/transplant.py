"""Carry a subtree over to another tree of the same store without carrying locations to where they may not stand.

A tree may hold only locations written for its own commit, or standing at the same place in a parent of it (prune
relies on that). So what is equal to what the new tree has at the same place becomes the very pointer standing there,
and everything else is unpacked, to be written anew.
"""

from __future__ import annotations

from treering.merkle import diff as merkle
from treering.merkle.container import Change, build, edit, iter_entries
from treering.objects.node import Container, Node, Slot
from treering.objects.page import Value
from treering.objects.pointer import Pointer
from treering.store.reader import Reader
from treering.tree.walk import value_of


def transplant(reader: Reader, value: Value, there: Value | None) -> Value:
    """Return ``value`` as it may stand where ``there`` stands now (None: nothing). Reads what is not equal to it."""
    if type(value) is bytes and not value[0]:
        return value  # nothing but own fields: it names no location
    if there is not None and (value is there or (type(value) is Pointer and value == there)):
        return there
    node = reader.node(value)
    base = None if there is None else reader.node(there)
    moved = transplant_node(reader, node, base)
    return there if there is not None and moved is base else value_of(moved)


def transplant_node(reader: Reader, node: Node, there: Node | None) -> Node:
    """Return a node, with all below it, as it may stand where ``there`` stands; that itself where nothing differs."""
    if there is None:
        return Node(node.own, {number: _slot(reader, slot, None) for number, slot in node.slots.items()})
    slots = {number: _slot(reader, slot, there.slots.get(number)) for number, slot in node.slots.items()}
    same = slots.keys() == there.slots.keys() and all(slot is there.slots[number] for number, slot in slots.items())
    return there if same and node.own == there.own else Node(node.own, slots)


def _slot(reader: Reader, slot: Slot, there: Slot | None) -> Slot:
    if type(slot) is Container:
        return transplant_container(reader, slot, there if type(there) is Container else None)
    return transplant(reader, slot, None if type(there) is Container else there)  # type: ignore[arg-type]


def transplant_container(reader: Reader, container: Container, there: Container | None) -> Container:
    """Return a container, children and their order, as it may stand where ``there`` stands."""
    if there is None:
        entries = iter_entries(reader, container.root)
        root = build((key, transplant(reader, value, None), ordinal) for key, value, ordinal in entries)
        assert root is not None
        return Container(root, container.count, container.next_ordinal)
    changes: list[Change] = []
    for key, before, after in merkle.diff_entries(reader, there.root, container.root):
        if after is None:
            changes.append((key, None))
            continue
        value, ordinal = after
        moved = transplant(reader, value, before[0] if before else None)
        if before is None or moved is not before[0] or ordinal != before[1]:
            changes.append((key, (moved, ordinal)))
    if not changes:
        return there
    root = edit(reader, there.root, changes)
    assert root is not None
    return Container(root, root.count, max(container.next_ordinal, there.next_ordinal))
