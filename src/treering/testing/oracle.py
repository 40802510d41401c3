"""What a transaction must do, by brute force: whole trees compared thing by thing, as design 4's table says.

It shares nothing with the engine but the error class. It keeps the base, the tree as edited, and the paths written, and
compares all three versions of each, base, mine and the head's, by their whole content.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Literal

from google.protobuf.message import Message

from treering.errors import MergeConflict
from treering.testing.model import Model
from treering.testing.model_tree import Kind, ModelField, ModelNode, Steps

Way = tuple[tuple[str, Any], ...]  # (field, key) pairs; the key of a singular child or of a whole list is None
Written = Literal["own", "whole", "list"]
_MOVABLE: Kind = "keyed"


class ModelTransaction:
    """One open transaction. ``tree`` is what it sees; edits take what those of `Model` take after the tree.

    ``effective``: what came of it in the last ``merge``, and whether that is so for all below the path too.
    """

    def __init__(self, model: Model, base: ModelNode, *, by_field: bool = False) -> None:
        self.base = base
        self.tree = base
        self.effective: dict[Steps, bool] = {}
        self._model = model
        self._by_field = by_field
        self._written: dict[Way, Written] = {}
        self._moved: set[Way] = set()
        self._reads: list[tuple[Callable[[ModelNode], Hashable], Hashable]] = []

    def add(self, steps: Steps, message: Message, key: Any = None) -> None:
        """Add a child."""
        after = self._model.add(self.tree, steps, message, key)
        way, field = self._model._resolve(steps)
        assert field is not None
        if field.kind == "list":
            self._note((*_way(way), (field.name, None)), "list")
        else:
            name = field.key_from(key) if field.kind == "map" else field.key_of(message)
            child = (*_way(way), (field.name, name))
            self._note(child, "whole")
            if field.kind == _MOVABLE:
                self._moved.add(child)
        self.tree = after

    def update(self, steps: Steps, message: Message, mask: Sequence[str] | None = None) -> None:
        """Replace own fields."""
        after = self._model.update(self.tree, steps, message, mask)
        created = _find(self.tree, _way(self._model._resolve(steps)[0])) is None
        self._changed(steps, after, "whole" if created else "own")

    def replace(self, steps: Steps, message: Message) -> None:
        """Make a whole subtree equal to a message."""
        self._changed(steps, self._model.replace(self.tree, steps, message), "whole")

    def remove(self, steps: Steps) -> None:
        """Take a child out."""
        self._changed(steps, self._model.remove(self.tree, steps), "whole")

    def clear(self, steps: Steps) -> None:
        """Make a singular child absent."""
        self._changed(steps, self._model.clear(self.tree, steps), "whole")

    def read(self, probe: Callable[[ModelNode], Hashable]) -> None:
        """Have a commit conflict, under ``()``, where ``probe`` no longer finds in the head what it finds in the base.

        What ``serializable=True`` does; for reads that were not of the transaction's own writes alone.
        """
        self._reads.append((probe, probe(self.base)))

    def merge(self, head: ModelNode) -> ModelNode:
        """Return the tree that a commit makes of ``head``, that itself where it makes no commit.

        Raises `MergeConflict`; its ``paths`` are those of everything in conflict.
        """
        merge = _Merge(self._model, head, by_field=self._by_field)
        for way, written in self._written.items():
            seen, mine = (_find(tree, way) for tree in (self.base, self.tree))
            if written == "whole":
                merge.whole(way, seen, mine, moved=way in self._moved)
            elif written == "list":
                merge.list(way, seen, mine)
            else:
                assert isinstance(seen, ModelNode)
                assert isinstance(mine, ModelNode)
                merge.own(way, seen.own, mine.own)
        wrote = merge.wrote
        conflicts = set(merge.conflicts)
        if not conflicts and wrote and any(probe(head) != seen for probe, seen in self._reads):
            conflicts.add(())
        if conflicts:
            raise MergeConflict("the oracle sees a conflict", paths=frozenset(map(_steps, conflicts)))
        self.effective = {_steps(way): deep for way, deep in merge.effective.items()}
        merged = merge.result(self.tree)
        same = self._model.identity(merged, ordered=True) == self._model.identity(head, ordered=True)
        return head if same else merged

    def came(self, steps: Steps) -> bool:
        """Tell whether what was edited at a path came into the tree of the last ``merge``."""
        return any(steps == above or (deep and steps[: len(above)] == above) for above, deep in self.effective.items())

    def _changed(self, steps: Steps, after: ModelNode, written: Written) -> None:
        if self._model.identity(after, ordered=True) != self._model.identity(self.tree, ordered=True):
            self._note(_way(self._model._resolve(steps)[0]), written)
        self.tree = after

    def _note(self, way: Way, written: Written) -> None:
        """Remember what was written; of what was written as a whole, nothing finer."""
        if any(self._written.get(way[:length]) == "whole" for length in range(len(way) + 1)):
            return
        if written == "whole":
            for below in [other for other in self._written if other[: len(way)] == way]:
                del self._written[below]
        self._written.setdefault(way, written)


class _Merge:
    """The head, changed write by write."""

    def __init__(self, model: Model, head: ModelNode, *, by_field: bool) -> None:
        self.conflicts: list[Way] = []
        self.effective: dict[Way, bool] = {}  # with all below, or not
        self.wrote = False
        self._model = model
        self._by_field = by_field
        self._head = head
        self._tree = head
        self._to_end: list[Way] = []

    def own(self, way: Way, seen: Message, mine: Message) -> None:
        if _bytes(mine) == _bytes(seen):
            return
        self.wrote = True
        theirs = _find(self._head, way)
        if theirs is None:
            self.conflicts.append(way)
        elif _bytes(theirs.own) == _bytes(mine):
            return
        elif _bytes(theirs.own) == _bytes(seen):
            self.effective[way] = False
            self._put(way, ModelNode(mine, _find(self._tree, way).slots))
        else:
            merged = _merge_fields(seen, mine, theirs.own) if self._by_field else None
            if merged is None:
                self.conflicts.append(way)
            else:
                if _bytes(merged) != _bytes(theirs.own):
                    self.effective[way] = False
                self._put(way, ModelNode(merged, _find(self._tree, way).slots))

    def list(self, way: Way, seen: Any, mine: Any) -> None:
        if self._same(mine, seen):
            return
        self.wrote = True
        theirs = _find(self._head, way)
        if _find(self._head, way[:-1]) is None:
            self.conflicts.append(way)
        elif self._same(theirs, seen):
            self.effective[way] = False
            self._put(way, mine)
        elif not self._same(theirs, mine):
            self.conflicts.append(way)

    def whole(self, way: Way, seen: Any, mine: Any, *, moved: bool) -> None:
        theirs = _find(self._head, way)
        has_parent = not way or _find(self._head, way[:-1]) is not None
        if self._same(mine, seen):
            self._order(way, seen, mine, theirs, moved=moved)
            return
        self.wrote = True
        if self._same(mine, theirs):
            return
        if not has_parent or not self._same(theirs, seen):
            self.conflicts.append(way)
            return
        self.effective[way] = True
        self._put(way, mine)
        if mine is not None and (theirs is None or moved):
            self._to_end.append(way)

    def result(self, mine: ModelNode) -> ModelNode:
        """Return the merged tree: what is new in a container goes to its end, in the order that the writer gave it."""
        for container in {(*way[:-1], (way[-1][0], None)) for way in self._to_end if way}:
            children = _find(self._tree, container)
            if isinstance(children, Mapping):
                new = {way[-1][1] for way in self._to_end if (*way[:-1], (way[-1][0], None)) == container}
                order = [key for key in children if key not in new]
                order += [key for key in _find(mine, container) if key in new]
                self._put(container, {key: children[key] for key in order})
        return self._tree

    def _order(self, way: Way, seen: Any, mine: Any, theirs: Any, *, moved: bool) -> None:
        """Write the order of siblings where that is all that was written: it never conflicts."""
        if mine is None or theirs is None:
            return
        reordered = self._model.identity(mine, ordered=True) != self._model.identity(seen, ordered=True)
        self.wrote = self.wrote or moved or reordered
        if moved or (reordered and self._same(theirs, seen)):
            self.effective[way] = True
        if reordered and self._same(theirs, seen):
            self._put(way, mine)
        if moved:
            self._to_end.append(way)

    def _same(self, one: Any, other: Any) -> bool:
        if one is None or other is None:
            return one is other
        if isinstance(one, ModelNode):
            return self._model.identity(one, ordered=False) == self._model.identity(other, ordered=False)
        return len(one) == len(other) and all(map(self._same, one, other))

    def _put(self, way: Way, value: Any) -> None:
        self._tree = _put(self._tree, way, value)


def _find(tree: ModelNode, way: Way) -> Any:
    """Return what stands there: a node, or at the end of a way without a key a list or a dict; None: nothing."""
    found: Any = tree
    for name, key in way:
        found = found.slots.get(name)
        if found is not None and key is not None:
            found = found.get(key)
        if found is None:
            return None
    return found


def _put(node: ModelNode, way: Way, value: Any) -> Any:
    if not way:
        return value
    (name, key), rest = way[0], way[1:]
    slot: Any = node.slots.get(name)
    if key is None:
        below = _put(slot, rest, value)
    else:
        children = dict(slot or {})
        below = _put(children.get(key), rest, value)  # type: ignore[arg-type]
        if below is None:
            del children[key]
        else:
            children[key] = below
        below = children
    slots = {other: found for other, found in node.slots.items() if other != name}
    return ModelNode(node.own, {**slots, name: below} if below else slots)


def _way(way: Sequence[tuple[ModelField, Any]]) -> Way:
    return tuple((field.name, key) for field, key in way)


def _steps(way: Way) -> Steps:
    return tuple(step for pair in way for step in pair if step is not None)


def _merge_fields(seen: Message, mine: Message, theirs: Message) -> Message | None:
    merged = type(seen)()
    for unit in _units(seen):
        was, here, there = (_part(version, unit) for version in (seen, mine, theirs))
        if here not in (was, there) and there != was:
            return None
        merged.MergeFromString(there if here == was else here)
    return merged


def _units(message: Message) -> Iterator[tuple[str, ...]]:
    """Yield the names of the fields that are one thing: each by itself, those of a oneof together."""
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is None:
            yield (field.name,)
    for oneof in message.DESCRIPTOR.oneofs:
        yield tuple(field.name for field in oneof.fields)


def _part(message: Message, names: tuple[str, ...]) -> bytes:
    part = type(message)()
    part.CopyFrom(message)
    for field in message.DESCRIPTOR.fields:
        if field.name not in names:
            part.ClearField(field.name)
    return _bytes(part)


def _bytes(message: Message) -> bytes:
    return message.SerializePartialToString(deterministic=True)
