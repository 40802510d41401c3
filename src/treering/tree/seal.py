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

    def seal_value(value: Value) -> Value:
        if type(value) is not Node:
            return value
        sealed = seal_node(value, put)
        content, tail = sealed.encode()
        if len(content) > EMBED_BYTES:
            return put(NODE, content, tail, sealed)
        return Embedded(content, tail) if tail else content

    def seal_slot(slot: Slot) -> Slot:
        if type(slot) is not Container:
            return seal_value(slot)  # type: ignore[arg-type]
        if type(slot.root) is Pointer:
            return slot
        return Container(seal_root(slot.root, put, seal_value), slot.count, slot.next_ordinal)  # type: ignore[arg-type]

    return Node(node.own, {number: seal_slot(slot) for number, slot in node.slots.items()})
