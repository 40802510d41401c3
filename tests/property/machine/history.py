"""Reads of the head and of the past, names, logs and diffs, and stores that are closed and opened again."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.property.machine.places import ODD_PATHS, kind_of_field
from tests.property.machine.stores import Stores, Version
from tests.property.orchard import MODEL

import treering
from treering.testing.model import ALL_LEVELS, ModelNode, Steps

TAGS = ("v1", "v2", "released/blue")


class Reads(Stores):
    @rule(data=st.data(), depth=st.sampled_from((0, 1, 2, ALL_LEVELS)))
    def get_a_node(self, data: st.DataObject, depth: int) -> None:
        path = self.node_path(data)
        self.same(lambda: MODEL.get(self.head, path, depth), lambda repo: repo.get(path, depth=depth))

    @rule(data=st.data(), depth=st.sampled_from((0, 1, ALL_LEVELS)))
    def read_a_container(self, data: st.DataObject, depth: int) -> None:
        whole = self.container_path(data)
        through = self.prefix(whole)
        path = whole[len(through) :]
        keys = MODEL.keys(self.head, whole)
        self.same(lambda: MODEL.get(self.head, whole, depth), lambda target: target.get(path, depth=depth), through)
        self.same(lambda: keys, lambda target: target.keys(path), through)
        self.same(lambda: len(keys), lambda target: target.count(path), through)
        self.same(lambda: keys, lambda target: [key for key, _ in target.iterate(path)], through)
        if keys:
            at = data.draw(st.integers(0, len(keys) - 1))
            self.same(lambda: keys[at : at + 3], lambda target: target.keys(path, start=keys[at], limit=3), through)
        if keys and kind_of_field(whole) != "list":
            nodes = [(key, MODEL.get(self.head, (*whole, key), 0)) for key in keys]
            self.same(lambda: nodes, lambda target: list(target.iterate(path)), through)

    @rule(path=st.sampled_from(ODD_PATHS))
    def read_what_is_not_there(self, path: Steps) -> None:
        self.same(lambda: MODEL.get(self.head, path), lambda repo: repo.get(path, deep=True))
        self.same(lambda: MODEL.exists(self.head, path), lambda repo: repo.exists(path))
        self.same(lambda: MODEL.keys(self.head, path), lambda repo: repo.keys(path))

    @rule(data=st.data())
    def existence(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(list(MODEL.paths(self.version(data).tree))))
        self.same(lambda: MODEL.exists(self.head, path), lambda repo: repo.exists(path))


class History(Stores):
    @rule(data=st.data(), hooks=st.integers(0, 2))
    def reopen(self, data: st.DataObject, hooks: int) -> None:
        """Hooks, proxies, snapshots and transactions end with the handle; only hooks can be had anew."""
        before = self.heads()
        self.close()
        self.open()
        assert self.heads() == before
        for _ in range(hooks):
            self.put_on_all_above(self.hooked_path(data))

    @rule(data=st.data())
    def read_the_past(self, data: st.DataObject) -> None:
        back = data.draw(st.integers(0, len(self.history) - 1))
        version = self.history[-1 - back]
        expected = MODEL.join(version.tree)
        way = data.draw(st.sampled_from(("id", "prefix", "name", "commit", "back", "at")))
        for name, repo in self.repos.items():
            commit = version.commits[name]
            asked: Any = {
                "id": commit.id,
                "prefix": commit.id[:24],
                "name": commit.name,
                "commit": commit,
                "back": f"main~{back}",
                "at": commit,
            }[way]
            assert repo.resolve(asked) == commit
            found = repo.at(asked).get(deep=True) if way == "at" else repo.get(deep=True, at=asked)
            assert found == expected

    @rule(hours=st.integers(1, 3))
    def time_passes(self, hours: int) -> None:
        self.clock.hours += hours

    @rule(data=st.data(), hours=st.integers(-1, 1))
    def name_by_time(self, data: st.DataObject, hours: int) -> None:
        version = self.version(data)
        limit = version.hours + hours
        known = [older for older in self.history if older.hours <= limit]
        for name, repo in self.repos.items():
            found, error = self.outcome(partial(repo.resolve, version.commits[name].time + timedelta(hours=hours)))
            assert error is (None if known else treering.NameNotFound)
            assert found == (known[-1].commits[name] if known else None)

    @rule()
    def log(self) -> None:
        for name, repo in self.repos.items():
            assert list(repo.log()) == [version.commits[name] for version in reversed(self.history)]

    @rule(data=st.data())
    def log_of_a_path(self, data: st.DataObject) -> None:
        """Across what was pruned, too: a commit is compared with the one that is below it now."""
        path = data.draw(st.sampled_from([*MODEL.paths(self.head), ("trees",), ("notes",), ("clock", "inner")]))
        seen = [_seen(version.tree, path) for version in self.history]
        touched = [
            index for index, now in enumerate(seen) if (now is not None if index == 0 else now != seen[index - 1])
        ]
        for name, repo in self.repos.items():
            assert list(repo.log(path=path)) == [self.history[index].commits[name] for index in reversed(touched)]

    @rule(data=st.data())
    def diff_and_apply(self, data: st.DataObject) -> None:
        """apply(a, diff(a, b)) has the content of b; each change says what stood there."""
        old, new = self.version(data), self.version(data)
        for name, repo in self.repos.items():
            tree = old.tree
            for change in repo.diff(old.commits[name], new.commits[name]):
                tree = _apply(tree, old.tree, change)
            assert MODEL.identity(tree, ordered=False) == MODEL.identity(new.tree, ordered=False)

    @rule(data=st.data(), name=st.sampled_from(TAGS), move=st.booleans())
    def tag(self, data: st.DataObject, name: str, move: bool) -> None:
        self.tag_version(name, self.version(data), move=move)

    def tag_version(self, name: str, version: Version, *, move: bool) -> None:
        is_taken = self.tags.get(name, version) is not version and not move
        for store, repo in self.repos.items():
            _, error = self.outcome(partial(repo.tag, name, version.commits[store], move=move))
            assert error is (treering.AlreadyExists if is_taken else None)
        if not is_taken:
            self.tags[name] = version

    @rule(name=st.sampled_from(TAGS), other=st.booleans())
    def delete_tag(self, name: str, other: bool) -> None:
        is_missing = self.tags.pop(name, None) is None
        for repo in (self.others if other else self.repos).values():
            _, error = self.outcome(partial(repo.delete_tag, name))
            assert error is (treering.NameNotFound if is_missing else None)

    @precondition(lambda self: self.tags)
    @rule(data=st.data())
    def read_a_tag(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.tags)))
        expected = MODEL.join(self.tags[name].tree)
        for repo in self.repos.values():
            assert repo.get(deep=True, at=name) == expected


def _seen(tree: ModelNode, path: Steps) -> Hashable:
    """Return what stands at a path, as ``log`` compares it; None where nothing does."""
    if not MODEL.exists(tree, path):
        return None
    found = MODEL.get(tree, path)
    if isinstance(found, list):
        children = [MODEL.identity(MODEL.split(child), ordered=False) for child in found]
        return tuple(children) if kind_of_field(path) == "list" else frozenset(children)
    return MODEL.identity(MODEL.split(found), ordered=False)


def _apply(tree: ModelNode, old: ModelNode, change: Any) -> ModelNode:
    path: Any = tuple(change.path)
    if isinstance(change.new, list):
        assert MODEL.get(old, path) == change.old
        parent = MODEL.get(tree, path[:-1])
        parent.ClearField(path[-1])
        getattr(parent, path[-1]).extend(change.new)
        return MODEL.replace(tree, path[:-1], parent)
    kind = kind_of_field(path)
    if change.kind == "add":
        assert change.old is None
        if kind == "singular":
            return MODEL.replace(tree, path, change.new)
        return MODEL.add(tree, path[:-1], change.new, path[-1] if kind == "map" else None)
    if change.kind == "remove":
        assert MODEL.identity(MODEL.split(change.old), ordered=True) == MODEL.identity(
            MODEL.split(MODEL.get(old, path)), ordered=True
        )
        return (MODEL.clear if kind == "singular" else MODEL.remove)(tree, path)
    assert change.old == MODEL.get(old, path, 0)
    return MODEL.update(tree, path, change.new)
