"""Deep reads: the wire bytes of a whole subtree, joined from those of its nodes and parsed once.

Parsing each of 100,000 children by itself costs twice as much as joining their bytes and parsing the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from treering.objects.node import Container, Node, Slot
from treering.objects.page import Value
from treering.schema.shape import ChildField, Kind, Shape
from treering.store.reader import Reader
from treering.tree.walk import iter_in_order

ALL_LEVELS = 1 << 30


def join(reader: Reader, shape: Shape, node: Node, depth: int) -> bytes:
    """Return the wire bytes of a node with ``depth`` levels of children."""
    if depth <= 0 or not node.slots:
        return node.own
    parts = [node.own]
    for number, slot in node.slots.items():
        field = shape.by_number.get(number)
        if field is not None:  # else of a newer schema than the reader's: not to be seen by it
            parts += _join_slot(reader, field, slot, depth - 1)
    return b"".join(parts)


def join_children(reader: Reader, field: ChildField, container: Container, depth: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, wire bytes) of each child in sibling order, each with ``depth`` levels of children."""
    entries = list(iter_in_order(reader, container))
    contents = join_values(reader, field.shape, [value for _, value, _ in entries], depth)
    for (key, _, _), content in zip(entries, contents, strict=True):
        yield key, content


def join_values(reader: Reader, shape: Shape, values: Sequence[Value], depth: int) -> Iterator[bytes]:
    """Yield the wire bytes of each of several nodes; those stored by themselves are read in batches."""
    for at in range(0, len(values), 256):
        batch = values[at : at + 256]
        stored = [value for value in batch if type(value) is not bytes or value[0]]
        nodes = iter(reader.nodes(stored))
        for value in batch:
            if type(value) is bytes and not value[0]:
                yield value[1:]  # nothing but own fields, and no node to build for them
            else:
                yield join(reader, shape, next(nodes), depth)


def _join_slot(reader: Reader, field: ChildField, slot: Slot, depth: int) -> Iterator[bytes]:
    if type(slot) is not Container:
        node = reader.node(slot)  # type: ignore[arg-type]
        yield field.frame(join(reader, field.shape, node, depth))
        return
    children = join_children(reader, field, slot, depth)
    if field.kind is Kind.MAP:
        assert field.codec is not None
        for key, content in children:
            yield field.frame_entry(field.codec.decode(key), content)
    else:
        frame = field.frame
        for _, content in children:
            yield frame(content)
