"""A transaction of each store and one of the oracle, edited and read alike."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from tests.property.machine.places import kind_of_field, parent_of, step
from tests.property.machine.planted import NAMES, TEXTS
from tests.property.machine.telling import Told
from tests.property.messages import DEEP, OWN
from tests.property.orchard import MODEL

import treering
from treering.testing.model import ModelNode, Steps
from treering.testing.oracle import ModelTransaction

EDITS = ("add", "add", "update", "update", "replace", "remove", "remove", "clear", "again", "reorder", "undo")
Call = tuple[str, Steps, tuple[Any, ...], dict[str, Any]]


@dataclass(eq=False)
class Pair:
    """One open transaction. ``prefix``: of the proxy that it was begun through; ``told``: what its edits announced."""

    model: ModelTransaction
    real: dict[str, treering.Transaction]
    prefix: Steps
    serializable: bool
    told: list[Told] = field(default_factory=list)

    def relative(self, path: Steps) -> Steps:
        return path[len(self.prefix) :]

    def read(self, data: st.DataObject) -> None:
        """Read something, there or not, and compare; a serializable transaction has then read it."""
        path = draw_path(data, self.model.tree, self.prefix)
        if path is None:
            return
        names = [found for found in MODEL.fields(step(path)[0]).values() if found.kind != "singular"]
        if names and data.draw(st.booleans()):
            self.read_a_container(data, (*path, data.draw(st.sampled_from(names)).name))
            return
        if names and data.draw(st.booleans()):  # a child, which may be there or not
            found = data.draw(st.sampled_from(names))
            if found.kind != "list" and len(found.keys) == 1:
                keys = {"str": NAMES, "bool": (True, False)}.get(type(found.keys[0].default_value).__name__, (0, 1))
                path = (*path, found.name, data.draw(st.sampled_from(keys)))
        way = data.draw(st.sampled_from(("get", "deep", "exists", "exists")))
        if way == "exists":
            self.both("exists", path, lambda tree: MODEL.exists(tree, path))
        elif way == "get":
            self.both("get", path, lambda tree: _own(tree, path), depth=0)
        else:
            self.both("get", path, lambda tree: _deep(tree, path), deep=True)

    def read_a_container(self, data: st.DataObject, path: Steps) -> None:
        way = data.draw(st.sampled_from(("keys", "count", "iterate")))
        above = parent_of((*path, None))

        def probe(tree: ModelNode) -> Hashable:
            if not MODEL.exists(tree, above):
                return None
            return {"keys": _keys, "count": _count, "iterate": _listed}[way](tree, path)

        self.both(way, path, probe)

    def both(self, call: str, path: Steps, probe: Any, **options: Any) -> None:
        """Each store reads what the oracle sees; a later commit of both holds it against the head."""
        tree = self.model.tree
        expected: Any = _missing
        if call == "get":
            depth = 0 if "depth" in options else 1 << 30
            if MODEL.exists(tree, path) or kind_of_field(path) == "singular":
                expected = MODEL.get(tree, path, depth)
        elif call == "exists":
            expected = MODEL.exists(tree, path)
        else:
            expected = MODEL.keys(tree, path)
        for name, real in self.real.items():
            try:
                found = getattr(real, call)(self.relative(path), **options)
                if call == "iterate":
                    found = [key for key, _ in found]
                assert found == (len(expected) if call == "count" else expected), name
            except treering.PathNotFound:
                assert expected is _missing
        if self.serializable:
            self.model.read(probe)


def draw_path(data: st.DataObject, tree: ModelNode, prefix: Steps) -> Steps | None:
    """Draw the path of a node at or below another; None where there is none."""
    paths = [path for path in MODEL.paths(tree) if path[: len(prefix)] == prefix]
    return data.draw(st.sampled_from(sorted(paths, key=str))) if paths else None


def draw_edits(data: st.DataObject, tree: ModelNode, base: ModelNode, prefix: Steps = ()) -> list[Call]:
    """Draw an edit, or two that belong together; none where what was drawn has no place to happen."""
    path = draw_path(data, tree, prefix)
    if path is None:
        return []
    kind = data.draw(st.sampled_from(EDITS))
    descriptor, field = step(path)
    children = MODEL.fields(descriptor)
    containers = [found for found in children.values() if found.kind != "singular"]
    singular = [found for found in children.values() if found.kind == "singular"]
    if kind == "undo":
        is_known = MODEL.exists(base, path)
        return [_call("replace", path, MODEL.get(base, path))] if is_known else []
    if kind == "add":
        if not containers:
            return []
        found = data.draw(st.sampled_from(containers))
        keys = NAMES if found.keys and found.keys[0].type == found.keys[0].TYPE_STRING else (0, 1)
        key = data.draw(st.sampled_from(keys)) if found.kind == "map" else None
        return [_call("add", (*path, found.name), message_for(data, (*path, found.name)), key=key)]
    if kind == "clear":
        return [_call("clear", (*path, data.draw(st.sampled_from(singular)).name))] if singular else []
    if kind == "update" and singular and data.draw(st.booleans()):
        found = data.draw(st.sampled_from(singular))
        return [_call("update", (*path, found.name), data.draw(OWN[found.type.name]))]
    if kind == "update":
        message = message_for(data, path, MODEL.get(tree, path, 0))
        for name in children:
            message.ClearField(name)
        return [_call("update", path, message)]
    old = MODEL.get(tree, path)
    if kind == "replace":
        return [_call("replace", path, message_for(data, path, old))]
    if kind == "reorder":
        for found in containers:
            if found.kind == "keyed":
                items = list(getattr(old, found.name))
                old.ClearField(found.name)
                getattr(old, found.name).extend(reversed(items))
        return [_call("replace", path, old)]
    if path == prefix or field is None or field.kind == "singular":
        return []
    calls = [_call("remove", path)]
    if kind == "again":
        again = old if data.draw(st.booleans()) else message_for(data, path, old)
        calls.append(_call("add", path[:-1], again, key=path[-1] if field.kind == "map" else None))
    return calls


def message_for(data: st.DataObject, path: Steps, old: Any = None) -> Any:
    """Draw a message for a path, often close to what is there; keep its key."""
    kind, field = step(path)
    message = data.draw(DEEP[kind.name])
    if old is not None and data.draw(st.booleans()):
        message = type(old)()
        message.CopyFrom(old)
    for text in message.DESCRIPTOR.fields:
        if text.type == text.TYPE_STRING and not text.is_repeated:
            setattr(message, text.name, data.draw(st.sampled_from(NAMES if text.name in {"name", "left"} else TEXTS)))
    if field is not None and field.kind == "keyed" and old is not None:
        for key in field.keys:
            setattr(message, key.name, getattr(old, key.name))
    return message


def _call(name: str, path: Steps, *arguments: Any, **options: Any) -> Call:
    return name, path, arguments, options


def _missing() -> None:
    """Stand for what is not there."""


def _own(tree: ModelNode, path: Steps) -> Hashable:
    if not MODEL.exists(tree, path):
        return MODEL.exists(tree, parent_of(path))
    return MODEL.get(tree, path, 0).SerializeToString(deterministic=True)


def _deep(tree: ModelNode, path: Steps) -> Hashable:
    if not MODEL.exists(tree, path):
        return MODEL.exists(tree, parent_of(path))
    return MODEL.identity(MODEL.split(MODEL.get(tree, path)), ordered=False)


def _keys(tree: ModelNode, path: Steps) -> Hashable:
    return tuple(MODEL.keys(tree, path))


def _count(tree: ModelNode, path: Steps) -> Hashable:
    return len(MODEL.keys(tree, path))


def _listed(tree: ModelNode, path: Steps) -> Hashable:
    """Return keys and own fields. Never an order of siblings, but in a plain list."""
    found = MODEL.get(tree, path, 0)
    if isinstance(found, dict):
        return frozenset((key, message.SerializeToString(deterministic=True)) for key, message in found.items())
    texts = [message.SerializeToString(deterministic=True) for message in found]
    return tuple(texts) if kind_of_field(path) == "list" else frozenset(texts)
