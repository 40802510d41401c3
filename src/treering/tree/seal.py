"""Write a tree's new nodes and pages: from the leaves up, each once, embedding what is small."""

from __future__ import annotations

from treering.merkle.seal import Put, seal_root
from treering.objects.frame import NODE
from treering.objects.node import EMBED_BYTES, Container, Node, Slot
from treering.objects.page import Value
from treering.objects.pointer import Embedded, Pointer


def seal_node(node: Node, put: Put) -> Node:
    """Return the node with everything below it written through ``put``; the node itself can then be encoded."""
    if not node.slots:
        return node
    return Node(node.own, {number: seal_slot(slot, put) for number, slot in node.slots.items()})


def seal_slot(slot: Slot, put: Put) -> Slot:
    """Return a child or a container with everything below it written."""
    if type(slot) is not Container:
        return seal_value(slot, put)  # type: ignore[arg-type]
    root = slot.root
    return slot if type(root) is Pointer else Container(seal_root(root, put, seal_value), *slot[1:])  # type: ignore[arg-type]


def seal_value(value: Value, put: Put) -> Value:
    """Return a child with everything below it written: itself embedded, or written, too, where it is large."""
    if type(value) is not Node:
        return value
    sealed = seal_node(value, put)
    content, tail = sealed.encode()
    if len(content) > EMBED_BYTES:
        return put(NODE, content, tail, sealed, b"")
    return Embedded(content, tail) if tail else content
