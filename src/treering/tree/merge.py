"""Put what a transaction wrote on top of a head that may have moved: the rules of design 4, one by one.

Each thing written is compared, by content, with what the transaction saw and with what the head has now. Only the head,
the transaction's own tree and its touches take part, so the outcome depends on neither base object nor timing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from treering.errors import DanglingReference
from treering.merkle.container import Change as Edit
from treering.merkle.container import edit, find_entries
from treering.objects.node import Container, Node, Slot
from treering.objects.page import Value
from treering.path import Path
from treering.schema.shape import ChildField, Kind, Shape
from treering.store.reader import Reader
from treering.tree.address import find_address
from treering.tree.equal import equal_order, equal_slots, equal_values
from treering.tree.fields import merge_fields
from treering.tree.join import ALL_LEVELS, join
from treering.tree.touch import ABSENT, UNTOUCHED, Touch
from treering.tree.transplant import transplant, transplant_container
from treering.tree.view import ChildPath, View, child_path, parse
from treering.tree.walk import find_value, iter_in_order, value_of

_NO_ENTRY: tuple[None, int] = (None, 0)


@dataclass(frozen=True, slots=True)
class Conflict:
    """One thing that both sides changed: what the transaction saw, what it made of it, what the head has.

    ``base``, ``mine`` and ``theirs`` are messages (own fields for an update, deep else; lists for a plain list), None
    where there is nothing, or, for ``base``, where it was pruned.
    """

    path: Path
    base: Any
    mine: Any
    theirs: Any


class Write(NamedTuple):
    """One thing that was written and is not as it was seen: own fields, a subtree, a plain list."""

    kind: Literal["own", "deep", "list"]
    path: Path | ChildPath
    shape: Shape
    seen: Any
    mine: Any
    field: Any = None  # of a list


class Merger:
    """One merge.

    ``conflicts`` fills up with what cannot be merged. ``effective`` names what came of the transaction, and says
    whether that is so for all below the path too; empty where it wrote nothing that the head did not have already.
    """

    def __init__(self, reader: Reader, *, by_field: bool) -> None:
        self.conflicts: list[Conflict] = []
        self._effective: dict[Path, bool] = {}
        self._writes: list[Write] = []  # of an unmoved head: what they make effective, only hooks ask for
        self._reader = reader
        self._by_field = by_field

    @property
    def effective(self) -> dict[Path, bool]:
        """What came of the transaction."""
        self._effective.update((_path(write.path), write.kind == "deep") for write in self._writes)
        self._writes = []
        return self._effective

    def root(self, shape: Shape, touch: Touch, head: Node, mine: Node) -> Node:
        """Return the head with the transaction's writes; the head itself where they change nothing."""
        if touch.whole is UNTOUCHED:
            return self._node(shape, touch, head, mine, Path())
        merged = self._whole(shape, touch, head, mine, Path())[0]
        return head if merged is head else self._reader.node(merged)  # type: ignore[arg-type]

    def unmoved(self, shape: Shape, touch: Touch, head: Node, mine: Node) -> Node:
        """Return what ``root`` would where the head is still the base: the transaction's own tree, if it wrote."""
        writes = list(self.writes(shape, touch, mine, Path()))
        if any(write.kind == "deep" and equal_values(self._reader, write.seen, write.mine) for write in writes):
            return self.root(shape, touch, head, mine)  # an order was written: that may come to nothing
        self._writes = writes
        return mine if writes else head

    def _node(self, shape: Shape, touch: Touch, head: Node, mine: Node, path: Path) -> Node:
        """Merge a node that is there in both trees and was not written as a whole."""
        own = head.own if touch.own is UNTOUCHED else self._own(shape, touch.own, mine.own, head.own, path)  # type: ignore[arg-type]
        slots: dict[int, Slot | None] = {}
        for number, seen in touch.lists.items():
            field = shape.by_number[number]
            slots[number] = self._list(field, seen, mine.slots.get(number), head.slots.get(number), path)  # type: ignore[arg-type]
        by_field: dict[int, list[tuple[ChildField, bytes | None, Touch]]] = {}
        for (field, key), below in touch.children.values():
            by_field.setdefault(field.number, []).append((field, key, below))
        for number, children in by_field.items():
            slots[number] = self._slot(children, head.slots.get(number), mine.slots.get(number), path)
        changed = {number: slot for number, slot in slots.items() if slot is not head.slots.get(number)}
        if not changed and own == head.own:
            return head
        node = head.with_own(own)
        for number, slot in changed.items():
            node = node.with_slot(number, slot)
        return node

    def _own(self, shape: Shape, seen: bytes, mine: bytes, theirs: bytes, path: Path) -> bytes:
        if mine in (seen, theirs):
            return theirs
        merged: bytes | None = mine
        if theirs != seen:
            merged = merge_fields(shape, seen, mine, theirs) if self._by_field else None
        if merged is not None:
            if merged != theirs:
                self._effective.setdefault(path, False)
            return merged
        self.conflicts.append(Conflict(path, *(parse(shape, own, path) for own in (seen, mine, theirs))))
        return theirs

    def _list(
        self, field: ChildField, seen: Container | None, mine: Container | None, theirs: Container | None, path: Path
    ) -> Container | None:
        if equal_slots(self._reader, mine, seen) or equal_slots(self._reader, mine, theirs):
            return theirs
        where = child_path(path, field, None)
        self._effective[where] = False
        if equal_slots(self._reader, theirs, seen):
            return None if mine is None else transplant_container(self._reader, mine, theirs)
        self.conflicts.append(Conflict(where, *self._messages(field, where, seen, mine, theirs)))
        return theirs

    def _slot(
        self, children: list[tuple[ChildField, bytes | None, Touch]], head: Slot | None, mine: Slot | None, path: Path
    ) -> Slot | None:
        """Merge the children of one field that were touched."""
        field = children[0][0]
        if field.kind is Kind.SINGULAR:
            touch = children[0][2]
            return self._child(field, touch, head, mine, child_path(path, field, None))[0]  # type: ignore[arg-type]
        theirs = head if type(head) is Container else None
        changes: list[Edit] = []
        added: list[tuple[int, bytes, Value]] = []
        is_new = False
        keys = sorted(key for _, key, _ in children if key is not None)
        mine_by_key, theirs_by_key = self._entries(mine, keys), self._entries(theirs, keys)
        for _, key, touch in children:
            assert key is not None
            here, there = mine_by_key.get(key), theirs_by_key.get(key)
            where = child_path(path, field, key)
            value, to_end = self._child(field, touch, there and there[0], here and here[0], where)
            if value is None:
                if there is not None:
                    changes.append((key, None))
            elif to_end and field.kind is Kind.KEYED:
                added.append((here[1] if here else 0, key, value))
                is_new = is_new or there is None or value is not there[0]
            elif there is None or value is not there[0]:
                changes.append((key, (value, there[1] if there else 0)))
        added.sort(key=_first)  # into the order in which the transaction added them
        if theirs and not changes and not is_new and self._stand_last(theirs, [key for _, key, _ in added]):
            return head
        following = theirs.next_ordinal if theirs else 0
        for _, key, value in added:
            changes.append((key, (value, following)))
            following += 1
        if not changes:
            return head
        root = edit(self._reader, theirs.root if theirs else None, sorted(changes, key=_first))
        return None if root is None else Container(root, root.count, following)

    def _stand_last(self, container: Container, keys: list[bytes]) -> bool:
        """Tell whether the last children are these already, in this order."""
        order = [key for key, _, _ in iter_in_order(self._reader, container)]
        return order[len(order) - len(keys) :] == keys

    def _child(
        self, field: ChildField, touch: Touch, head: Value | None, mine: Value | None, path: Path
    ) -> tuple[Value | None, bool]:
        """Return what then stands at ``path`` (``head`` itself if unchanged), and whether it goes to the end."""
        if touch.whole is not UNTOUCHED:
            return self._whole(field.shape, touch, head, mine, path)
        if mine is None or touch.empty:
            return head, False
        if head is None:
            self._lost(field.shape, touch, self._reader.node(mine), path)
            return None, False
        before = self._reader.node(head)
        node = self._node(field.shape, touch, before, self._reader.node(mine), path)
        return (head if node is before else value_of(node)), False

    def _whole(
        self, shape: Shape, touch: Touch, head: Value | None, mine: Value | None, path: Path
    ) -> tuple[Value | None, bool]:
        """Merge what was added, removed or replaced as a whole."""
        seen = _seen(touch)
        if equal_values(self._reader, mine, seen):
            return self._order(touch, head, mine, path)
        if equal_values(self._reader, mine, head):
            return head, False
        self._effective[path] = True
        if equal_values(self._reader, head, seen):
            value = None if mine is None else transplant(self._reader, mine, head)
            return value, head is None or touch.moved
        self.conflicts.append(Conflict(path, *(self._deep(shape, version, path) for version in (seen, mine, head))))
        return head, False

    def _order(self, touch: Touch, head: Value | None, mine: Value | None, path: Path) -> tuple[Value | None, bool]:
        """Merge what has the content that was seen: an order may have been written, its own or that of what is below.

        That never conflicts. An order below that is as it was seen was not written: the head's stays.
        """
        seen = _seen(touch)
        if mine is None or seen is None or head is None:
            return head, False
        value = head
        if equal_values(self._reader, head, seen) and not equal_order(self._reader, mine, seen):
            self._effective[path] = True
            if not equal_order(self._reader, mine, head):
                value = transplant(self._reader, mine, head)
        if touch.moved:
            self._effective[path] = True
        return value, touch.moved

    def _lost(self, shape: Shape, touch: Touch, mine: Node, path: Path) -> None:
        """Report every write into a node that the head does not have any more.

        What was removed there is gone, as it should, and an order of siblings has nothing to stand in.
        """
        for write in self.writes(shape, touch, mine, path):
            seen, made, where = write.seen, write.mine, _path(write.path)
            if write.kind == "deep" and (made is None or equal_values(self._reader, made, seen)):
                continue
            if write.kind == "list":
                versions = self._messages(write.field, where, seen, made)
            elif write.kind == "own":
                versions = [parse(write.shape, own, where) for own in (seen, made)]
            else:
                versions = [self._deep(write.shape, value, where) for value in (seen, made)]
            self.conflicts.append(Conflict(where, versions[0], versions[1], None))

    def wrote(self, shape: Shape, touch: Touch, head: Node, mine: Node) -> bool:
        """Tell whether anything was written. An order of what the head does not have any more is nothing."""
        for write in self.writes(shape, touch, mine, Path()):
            if write.kind != "deep" or not equal_values(self._reader, write.mine, write.seen):
                return True
            if find_value(self._reader, head, find_address(shape, _path(write.path)).steps) is not None:
                return True
        return False

    def writes(self, shape: Shape, touch: Touch, mine: Value | None, path: Path | ChildPath) -> Iterator[Write]:
        """Yield everything that was written at and below ``path`` and is not as it was seen."""
        if touch.whole is not UNTOUCHED:
            seen = _seen(touch)
            if (touch.moved and mine is not None) or not self._as_seen(mine, seen):
                yield Write("deep", path, shape, seen, mine)
            return
        if mine is None or touch.empty:
            return
        node = self._reader.node(mine)
        if touch.own is not UNTOUCHED and touch.own != node.own:
            yield Write("own", path, shape, touch.own, node.own)
        for number, before in touch.lists.items():
            slot = node.slots.get(number)
            if not equal_slots(self._reader, slot, before):
                field = shape.by_number[number]
                yield Write("list", ChildPath(path, field, None), shape, before, slot, field)
        entries: dict[int, dict[bytes, tuple[Value, int]]] = {}
        for (field, key), below in touch.children.values():
            slot = node.slots.get(field.number)
            value: Any = slot
            if key is not None:
                if field.number not in entries:
                    entries[field.number] = self._entries(slot, _keys(touch, field))
                value = entries[field.number].get(key, _NO_ENTRY)[0]
            if type(value) is bytes and not value[0] and below.is_own:  # nearly always: no node to build for it
                if below.own != value[1:]:
                    yield Write("own", ChildPath(path, field, key), field.shape, below.own, value[1:])
                continue
            yield from self.writes(field.shape, below, value, ChildPath(path, field, key))

    def _entries(self, slot: Slot | None, keys: Sequence[bytes]) -> dict[bytes, tuple[Value, int]]:
        return find_entries(self._reader, slot.root, keys) if type(slot) is Container else {}

    def _as_seen(self, mine: Value | None, seen: Value | None) -> bool:
        """Tell whether a subtree is what it was, sibling order included."""
        if mine is None or seen is None or mine == seen:
            return mine == seen
        return equal_values(self._reader, mine, seen) and equal_order(self._reader, mine, seen)

    def _messages(self, field: ChildField, path: Path, *versions: Container | None) -> list[Any]:
        return [self._list_of(field, path, version) for version in versions]

    def _list_of(self, field: ChildField, path: Path, version: Container | None) -> Any:
        try:
            return View(self._reader, field.shape, Node(b"")).messages(field, version, ALL_LEVELS, path)
        except DanglingReference:  # pruned since it was seen
            return None

    def _deep(self, shape: Shape, value: Value | None, path: Path) -> Any:
        if value is None:
            return None
        try:
            return parse(shape, join(self._reader, shape, self._reader.node(value), ALL_LEVELS), path)
        except DanglingReference:  # pruned since it was seen
            return None


def _seen(touch: Touch) -> Value | None:
    return None if touch.whole is ABSENT else touch.whole  # type: ignore[return-value]


def _keys(touch: Touch, field: ChildField) -> list[bytes]:
    """Return the keys of a container below which something was written."""
    return sorted(key for number, key in touch.children if number == field.number and key is not None)


def _path(path: Path | ChildPath) -> Path:
    return path.path() if type(path) is ChildPath else path  # type: ignore[return-value]


def _first(entry: tuple[Any, ...]) -> Any:
    return entry[0]
