"""Random transactions side by side, committed in any order: the engine does what the brute-force oracle says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.property.messages import DEEP, OWN
from tests.property.orchard import CLASSES, MODEL, SCHEMA
from tests.transactions.places import check_places

import treering
from treering.testing.model import ModelNode, Steps
from treering.testing.oracle import ModelTransaction

# Few keys and few values, so that most transactions meet: some in conflict, some by doing the same.
TEXTS = ("", "x", "long " * 150)
NAMES = ("a", "b", "c")
STEPS = ("begin", "edit", "edit", "edit", "read", "commit", "commit", "cancel", "prune")
EDITS = ("add", "add", "update", "update", "replace", "remove", "remove", "clear", "again", "reorder", "undo")


def _field_at(path: Steps) -> tuple[Any, Any]:
    """Return the descriptor of the messages at a path, and the child field that they stand in."""
    kind, field = CLASSES["Orchard"].DESCRIPTOR, None
    rest = iter(path)
    for name in rest:
        field = MODEL.fields(kind)[name]
        kind = field.type
        if field.kind != "singular":
            next(rest, None)
    return kind, field


def _message(data: st.DataObject, path: Steps, old: Any = None) -> Any:
    """Draw a message for a path, often close to what is there; keep its key."""
    kind, field = _field_at(path)
    message = data.draw(DEEP[kind.name])
    if old is not None and data.draw(st.booleans()):
        message = type(old)()
        message.CopyFrom(old)
    for text in message.DESCRIPTOR.fields:
        if text.type == text.TYPE_STRING and not text.is_repeated:
            setattr(message, text.name, data.draw(st.sampled_from(NAMES if text.name in {"name", "left"} else TEXTS)))
    if field is not None and field.kind == "keyed" and len(path) % 2 == 0 and old is not None:
        for key in field.keys:
            setattr(message, key.name, getattr(old, key.name))
    return message


class Pair:
    """A transaction of the engine and one of the oracle, edited alike."""

    def __init__(self, repo: treering.Repository, head: ModelNode, merge: Any, serializable: bool) -> None:
        self.real = repo.transaction(merge=merge, serializable=serializable)
        self.model = ModelTransaction(MODEL, head, by_field=merge == "field")
        self.serializable = serializable

    def call(self, name: str, path: Steps, *arguments: Any, **options: Any) -> None:
        errors: list[Any] = []
        for one in (self.model, self.real):
            try:
                getattr(one, name)(path, *arguments, **options)
                errors.append(None)
            except treering.Error as error:
                errors.append(type(error))
        assert errors[0] is errors[1], (name, path, errors)
        if not self.serializable:  # else the whole tree would have been read
            assert self.real.get(deep=True) == MODEL.join(self.model.tree)

    def edit(self, data: st.DataObject) -> None:
        tree = self.model.tree
        nodes = sorted(MODEL.paths(tree), key=str)
        kind = data.draw(st.sampled_from(EDITS))
        path = data.draw(st.sampled_from(nodes))
        descriptor, field = _field_at(path)
        children = MODEL.fields(descriptor)
        if kind == "undo":
            if path in set(MODEL.paths(self.model.base)):
                self.call("replace", path, MODEL.get(self.model.base, path))
        elif kind == "add":
            containers = [found for found in children.values() if found.kind != "singular"]
            if containers:
                found = data.draw(st.sampled_from(containers))
                keys = NAMES if found.keys and found.keys[0].type == found.keys[0].TYPE_STRING else (0, 1)
                key = data.draw(st.sampled_from(keys)) if found.kind == "map" else None
                self.call("add", (*path, found.name), _message(data, (*path, found.name)), key=key)
        elif kind == "clear" or (kind == "update" and data.draw(st.booleans())):
            singular = [found for found in children.values() if found.kind == "singular"]
            if singular:
                found = data.draw(st.sampled_from(singular))
                there = (*path, found.name)
                if kind == "clear":
                    self.call("clear", there)
                else:
                    self.call("update", there, data.draw(OWN[found.type.name]))
        elif kind == "update":
            old = MODEL.get(tree, path, 0)
            message = _message(data, path, old)
            for name in children:
                message.ClearField(name)
            self.call("update", path, message)
        elif kind == "replace":
            self.call("replace", path, _message(data, path, MODEL.get(tree, path)))
        elif kind == "reorder":
            message = MODEL.get(tree, path)
            for found in children.values():
                if found.kind == "keyed":
                    items = list(getattr(message, found.name))
                    message.ClearField(found.name)
                    getattr(message, found.name).extend(reversed(items))
            self.call("replace", path, message)
        elif path and field is not None and field.kind != "singular":
            old = MODEL.get(tree, path)
            self.call("remove", path)
            if kind == "again":
                again = old if data.draw(st.booleans()) else _message(data, path, old)
                self.call("add", path[:-1], again, key=path[-1] if field.kind == "map" else None)

    def read(self, data: st.DataObject) -> None:
        if not self.serializable:
            return
        path = data.draw(st.sampled_from(sorted(MODEL.paths(self.model.tree), key=str)))
        descriptor, _ = _field_at(path)
        containers = [found.name for found in MODEL.fields(descriptor).values() if found.kind != "singular"]
        way = data.draw(st.sampled_from(("get", "deep", "keys", "count", "exists", "iterate")))
        if way in {"keys", "count", "iterate"}:
            if not containers:
                return
            path = (*path, data.draw(st.sampled_from(containers)))
        if way == "get":
            self.real.get(path)
            self.model.read(lambda tree: _own(tree, path))
        elif way == "deep":
            self.real.get(path, deep=True)
            self.model.read(lambda tree: _deep(tree, path))
        elif way == "exists":
            self.real.exists(path)
            self.model.read(lambda tree: _there(tree, path))
        elif way == "keys":
            self.real.keys(path)
            self.model.read(lambda tree: tuple(MODEL.keys(tree, path)) if _there(tree, path) else None)
        elif way == "count":
            self.real.count(path)
            self.model.read(lambda tree: len(MODEL.keys(tree, path)) if _there(tree, path) else None)
        else:
            list(self.real.iterate(path))
            self.model.read(lambda tree: _listed(tree, path))


def _there(tree: ModelNode, path: Steps) -> bool:
    return MODEL.exists(tree, path)


def _parent(tree: ModelNode, path: Steps) -> bool:
    _, field = _field_at(path)
    return _there(tree, path[: -1 if field is None or field.kind == "singular" else -2])


def _own(tree: ModelNode, path: Steps) -> Any:
    if not _there(tree, path):
        return _parent(tree, path)
    return MODEL.get(tree, path, 0).SerializeToString(deterministic=True)


def _deep(tree: ModelNode, path: Steps) -> Any:
    if not _there(tree, path):
        return _parent(tree, path)
    return MODEL.identity(MODEL.split(MODEL.get(tree, path)), ordered=False)


def _listed(tree: ModelNode, path: Steps) -> Any:
    if not _there(tree, path):
        return None
    found = MODEL.get(tree, path, 0)
    if isinstance(found, dict):
        return frozenset((key, message.SerializeToString(deterministic=True)) for key, message in found.items())
    texts = [message.SerializeToString(deterministic=True) for message in found]
    return tuple(texts) if _field_at(path)[1].kind == "list" else frozenset(texts)


def _commit(repo: treering.Repository, pair: Pair, head: ModelNode) -> ModelNode:
    """Commit both; what the engine planned, did, or refused is what the oracle says."""
    before = repo.head
    try:
        merged, conflicts = pair.model.merge(head), None
    except treering.MergeConflict as error:
        merged, conflicts = head, error.paths
    planned = _changes(pair.real.plan) if conflicts is None else None
    if conflicts is not None:
        for attempt in (pair.real.plan, pair.real.commit):
            with pytest.raises(treering.MergeConflict) as caught:
                attempt()
            paths = {conflict.path for conflict in caught.value.conflicts}
            assert (conflicts == {()} and pair.serializable) or paths == {treering.Path(*steps) for steps in conflicts}
        assert repo.head == before
        return head
    commit = pair.real.commit()
    assert commit == repo.head
    assert (commit == before) == (merged is head)
    assert repo.get(deep=True) == MODEL.join(merged)
    assert planned == _changes(lambda: repo.diff(before, commit))
    return merged


def _changes(diff: Any) -> list[Any]:
    return list(diff())


def _play(data: st.DataObject) -> None:
    store: dict[str, bytes] = {}
    repo = treering.open(store, SCHEMA)
    head = MODEL.empty()
    start = CLASSES["Orchard"](owner="x")
    start.clock.source = "x"
    for name in NAMES[:2]:
        tree = start.trees.add(name=name)
        tree.branches.add(no=1, label="long " * 150).flags.add(up=True)
        tree.branches.add(no=0)
        tree.clock.inner.source = "x"
        start.sites[name].branches.add(no=1)
    start.notes.add(text="x").notes.add(text="long " * 150)
    for count in range(data.draw(st.sampled_from((0, 0, 0, 40)))):
        start.trees.add(name=f"bulk {count}", height=count)
    head = MODEL.replace(head, (), start)
    repo.replace("/", start)
    is_serializable = data.draw(st.sampled_from((False, False, True)))
    opened: list[Pair] = []
    for _ in range(data.draw(st.integers(3, 25))):
        step = data.draw(st.sampled_from(STEPS))
        if step == "begin" or not opened:
            merge = data.draw(st.sampled_from(("node", "node", "field")))
            opened.append(Pair(repo, head, merge, is_serializable))
            opened[-1].edit(data)
            continue
        pair = data.draw(st.sampled_from(opened))
        if step == "edit":
            pair.edit(data)
        elif step == "read":
            pair.read(data)
        elif step == "commit":
            head = _commit(repo, pair, head)
            opened.remove(pair)
        elif step == "cancel":
            pair.real.cancel()
            opened.remove(pair)
        elif step == "prune" and data.draw(st.booleans()):
            check_places(repo)
            repo.prune()
    for pair in data.draw(st.permutations(opened)):
        head = _commit(repo, pair, head)
    check_places(repo)
    report = repo.verify()
    assert report.ok, report.problems
    repo.prune()
    assert repo.verify().unreachable == 0
    assert repo.get(deep=True) == MODEL.join(head)


@pytest.mark.soak
@settings(suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_transactions_do_what_the_oracle_says(data: st.DataObject) -> None:
    _play(data)
