"""Deep reads: the wire bytes of a whole subtree, joined from those of its nodes and parsed once.

Parsing each of 100,000 children by itself costs twice as much as joining their bytes and parsing the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, cast

from treering.objects.node import Container, Node, Slot
from treering.objects.page import Value
from treering.schema.shape import ChildField, Kind, Shape
from treering.store.reader import Reader
from treering.tree.walk import iter_in_order, values_in_order

ALL_LEVELS = 1 << 30
_BYTES = {bytes}
_first: Callable[[Any], object] = itemgetter(0)


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


def _contents(reader: Reader, shape: Shape, values: Sequence[Value], depth: int) -> Sequence[bytes]:
    """Return what `join_values` yields; at once where there are own fields only, as in most large containers."""
    if set(map(type, values)) == _BYTES and not any(map(_first, values)):
        return [value[1:] for value in cast("Sequence[bytes]", values)]
    return list(join_values(reader, shape, values, depth))


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


def _join_slot(reader: Reader, field: ChildField, slot: Slot, depth: int) -> Iterable[bytes]:
    """Return what stands on the wire for a child or a container, in pieces."""
    if type(slot) is not Container:
        node = reader.node(slot)  # type: ignore[arg-type]
        return (field.frame(join(reader, field.shape, node, depth)),)
    if field.kind is not Kind.MAP:
        return field.frames(_contents(reader, field.shape, values_in_order(reader, slot), depth))
    decode = field.codec.decode  # type: ignore[union-attr] # a map's keys have a codec
    children = join_children(reader, field, slot, depth)
    return [field.frame_entry(decode(key), content) for key, content in children]
