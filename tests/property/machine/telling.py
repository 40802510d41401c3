"""What the hooks of a tree are to be told of an edit, from the two trees alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.property.machine.places import parent_of
from tests.property.orchard import MODEL

from treering.testing.model import ModelNode, Steps


class Told(NamedTuple):
    """One node that is added, updated or removed, and the node whose hooks are to hear of it."""

    kind: str
    told: Steps
    path: Steps
    message: Any


def tell(call: str, path: Steps, arguments: tuple[Any, ...], before: ModelNode, after: ModelNode) -> list[Told]:
    """Return, in order, what an edit that turned one tree into another tells. ``path``: what it was called with."""
    old, new = _at(before, path), _at(after, path)
    if call == "add":
        (found,) = _fresh(before, after, path)
        return [Told("add", path[:-1], found, arguments[0])]
    if call == "replace":
        return list(_values(path, old, new, after))
    if call == "update" and old is not None:
        return [Told("update", path, path, MODEL.join(new, 0))]
    if new is None:
        return [Told("remove", parent_of(path), path, MODEL.join(old))]
    return [Told("add", parent_of(path), path, MODEL.join(new))]


def _at(tree: ModelNode, path: Steps) -> Any:
    way, container = MODEL._resolve(path)
    return None if container is not None else MODEL._find(tree, way)


def _fresh(before: ModelNode, after: ModelNode, path: Steps) -> Iterator[Steps]:
    """Yield the path of the child that is new in a container: of an element of a plain list, the list's own."""
    slots = [MODEL._container(tree, *MODEL._resolve(path)) for tree in (before, after)]
    if isinstance(slots[1], dict):
        yield from ((*path, key) for key in slots[1] if key not in slots[0])
    else:
        yield path


def _values(path: Steps, old: ModelNode | None, new: ModelNode | None, after: ModelNode) -> Iterator[Told]:
    if old is not None and new is not None:
        yield from _nodes(path, old, new, after)
    elif new is not None:
        yield Told("add", parent_of(path), path, MODEL.join(new))
    elif old is not None:
        yield Told("remove", parent_of(path), path, MODEL.join(old))


def _nodes(path: Steps, old: ModelNode, new: ModelNode, after: ModelNode) -> Iterator[Told]:
    """Own fields first, then child by child, in the order of fields and keys; a list that differs is an update."""
    is_told = old.own.SerializeToString(deterministic=True) != new.own.SerializeToString(deterministic=True)
    if is_told:
        yield Told("update", path, path, MODEL.join(new, 0))
    fields = MODEL.fields(new.own.DESCRIPTOR)
    for name in sorted(fields, key=lambda name: new.own.DESCRIPTOR.fields_by_name[name].number):
        kind, one, other = fields[name].kind, old.slots.get(name), new.slots.get(name)
        if kind == "singular":
            yield from _values((*path, name), one, other, after)  # type: ignore[arg-type]
        elif kind == "list":
            if not is_told and _contents(one) != _contents(other):
                is_told = True
                yield Told("update", path, (*path, name), MODEL.join(new, 0))
        else:
            was, now = dict(one or {}), dict(other or {})  # type: ignore[arg-type]
            for key in sorted({**was, **now}):
                yield from _values((*path, name, key), was.get(key), now.get(key), after)


def _contents(children: Any) -> list[Any]:
    return [MODEL.identity(child, ordered=False) for child in children or ()]
