"""What differs between two trees, in terms of messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from google.protobuf.message import Message

from treering.merkle import diff as merkle
from treering.objects.node import Container, Node, Slot
from treering.objects.page import Page, Value
from treering.objects.pointer import Pointer
from treering.path import Path
from treering.schema.shape import ChildField, Kind, Shape
from treering.store.reader import Reader
from treering.tree.address import Address
from treering.tree.join import ALL_LEVELS, join
from treering.tree.view import View, child_path, parse
from treering.tree.walk import find_node

ChangeKind = Literal["add", "update", "remove"]


@dataclass(frozen=True, slots=True)
class Change:
    """One node that differs.

    ``update``: ``old`` and ``new`` are its own fields (for a plain list, the path is the list's and both are lists of
    deep messages). ``add`` and ``remove``: the deep message in ``new`` or ``old``, the other is None; what is below it
    is not reported again.
    """

    kind: ChangeKind
    path: Path
    old: Message | list[Message] | None
    new: Message | list[Message] | None


def same_slot(one: Slot | None, other: Slot | None) -> bool:
    """Tell whether two slots are known to have equal content, without reading."""
    if one is other:
        return True
    if one is None or other is None:
        return False
    if type(one) is Container and type(other) is Container:
        if one.count != other.count:
            return False
        return one.root is other.root or _identity(one.root) == _identity(other.root)
    if type(one) is Container or type(other) is Container:
        return False
    return merkle.same_value(one, other)  # type: ignore[arg-type]


def touches(reader: Reader, before: Node | None, after: Node, address: Address) -> bool:
    """Tell whether two trees (None: no tree) differ at or below an address, order apart, without looking below it."""
    old = find_node(reader, before, address.steps) if before else None
    new = find_node(reader, after, address.steps)
    if old is None or new is None:
        return old is not new
    if address.container is not None:
        number = address.container.number
        return not same_slot(old.slots.get(number), new.slots.get(number))
    return old.own != new.own or any(
        not same_slot(old.slots.get(number), new.slots.get(number)) for number in old.slots.keys() | new.slots.keys()
    )


def _identity(page: Page | Pointer) -> bytes | object:
    """Return what is equal for equal containers: the hash, or the content of an embedded page; unique if unwritten."""
    if type(page) is Pointer:
        return page.hash
    try:
        return page.encode()[0]  # type: ignore[union-attr]
    except TypeError:  # holds something that is not written yet
        return object()


class Differ:
    """Compares trees read by one reader."""

    __slots__ = ("_reader",)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def values(self, shape: Shape, old: Value | None, new: Value | None, path: Path) -> Iterator[Change]:
        """Yield what differs between two children that stand at ``path``; None where there is none."""
        if old is not None and new is not None:
            if not merkle.same_value(old, new):
                yield from self.nodes(shape, self._reader.node(old), self._reader.node(new), path)
        elif new is not None:
            yield Change("add", path, None, self._deep(shape, new, path))
        elif old is not None:
            yield Change("remove", path, self._deep(shape, old, path), None)

    def nodes(self, shape: Shape, old: Node, new: Node, path: Path) -> Iterator[Change]:
        """Yield what differs between two nodes: their own fields, then child by child, in key order."""
        if old is new:
            return
        if old.own != new.own:
            yield Change("update", path, parse(shape, old.own, path), parse(shape, new.own, path))
        for number in sorted(old.slots.keys() | new.slots.keys()):
            field = shape.by_number.get(number)
            if field is not None:  # else of a newer schema than the reader's
                yield from self.slots(field, old.slots.get(number), new.slots.get(number), path)

    def slots(self, field: ChildField, old: Slot | None, new: Slot | None, path: Path) -> Iterator[Change]:
        """Yield what differs in one field of the node at ``path``."""
        if same_slot(old, new):
            return
        if field.kind is Kind.SINGULAR:
            yield from self.values(field.shape, old, new, child_path(path, field, None))  # type: ignore[arg-type]
        elif field.kind is Kind.LIST:
            yield from self._lists(field, old, new, path)  # type: ignore[arg-type]
        else:
            shape = field.shape
            for key, before, after in self._entries(old, new):  # type: ignore[arg-type]
                where = child_path(path, field, key)
                if type(before) is bytes and type(after) is bytes and not before[0] and not after[0]:
                    # nothing but own fields: to build nodes, only to compare these again, takes a fifth of the time
                    yield Change("update", where, parse(shape, before[1:], where), parse(shape, after[1:], where))
                else:
                    yield from self.values(shape, before, after, where)

    def _entries(
        self, old: Container | None, new: Container | None
    ) -> Iterator[tuple[bytes, Value | None, Value | None]]:
        return merkle.diff(self._reader, old.root if old else None, new.root if new else None)

    def _lists(self, field: ChildField, old: Container | None, new: Container | None, path: Path) -> Iterator[Change]:
        if any(True for _, before, after in self._entries(old, new) if self._differ(field, before, after, path)):
            where = child_path(path, field, None)
            view = View(self._reader, field.shape, Node(b""))
            before = view.messages(field, old, ALL_LEVELS, where)
            after = view.messages(field, new, ALL_LEVELS, where)
            yield Change("update", where, before, after)  # type: ignore[arg-type]

    def _differ(self, field: ChildField, before: Value | None, after: Value | None, path: Path) -> bool:
        return any(True for _ in self.values(field.shape, before, after, path))

    def _deep(self, shape: Shape, value: Value, path: Path) -> Message:
        return parse(shape, join(self._reader, shape, self._reader.node(value), ALL_LEVELS), path)
