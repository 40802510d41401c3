"""One machine drives a plain model, a dict and an LMDB store through the same steps and compares all three.

What a rule does to a store goes through ``edit`` or ``same``: the model says what must happen, a result or the class of
an error, and each store must do just that. Rules for what comes later (transactions, prune, hooks) are mixins beside
``Edits``, ``Reads`` and ``History``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.property.messages import DEEP, NAMES, OWN, names
from tests.property.orchard import CHILDREN, CLASSES, MODEL, SCHEMA

import treering
from treering.testing.model import ALL_LEVELS, ModelNode, Steps

T = TypeVar("T")
TAGS = ("v1", "v2", "released/blue")
# Wrong whatever the tree holds, or wrong in most trees: the model knows.
ODD_PATHS: tuple[Steps, ...] = (
    ("nothing",),
    ("owner",),
    ("labels", "x"),
    ("trees", "a", "height"),
    ("trees", "not there"),
    ("trees", "a", "branches", "seven"),
    ("trees", "a", "branches", 2**63),
    ("trees", "a", "pairs", "a"),
    ("trees", "a", "pairs", ("a", -1)),
    ("trees", "a", "branches", 7, "flags", "maybe"),
    ("trees", "a", "branches", 7, "nests", 2**31),
    ("notes", 0),
    ("notes", 0, "notes"),
    ("clock", "inner"),
    ("clock", "inner", "inner", "inner"),
    ("remark", "notes"),
    ("sites", "a", "branches"),
)


class Stores(RuleBasedStateMachine):
    """The three stores, the history that the model remembers, and the two ways to compare."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.mapping: dict[str, bytes] = {}
        self.repos: dict[str, treering.Repository] = {}
        self.history: list[ModelNode] = [MODEL.empty()]
        self.commits: list[dict[str, treering.Commit]] = []
        self.tags: dict[str, int] = {}
        self.tree_ids: dict[Hashable, str] = {}

    @initialize()
    def start(self) -> None:
        self.open()
        self.commits.append(self.heads())
        self.remember_tree_id()

    def open(self) -> None:
        self.repos = {
            "dict": treering.open(self.mapping, SCHEMA, author="machine"),
            "lmdb": treering.open(f"lmdb:{self.folder.name}/store?durability=async", SCHEMA, author="machine"),
        }

    def close(self) -> None:
        for repo in self.repos.values():
            repo.close()

    def teardown(self) -> None:
        for repo in self.repos.values():
            report = repo.verify()
            assert report.ok, report.problems
        self.close()
        self.folder.cleanup()

    @property
    def head(self) -> ModelNode:
        return self.history[-1]

    def heads(self) -> dict[str, treering.Commit]:
        return {name: repo.head for name, repo in self.repos.items()}

    def same(self, expected: Callable[[], Any], actual: Callable[[treering.Repository], Any]) -> None:
        """Each store returns what the model returns, or raises an error of the same class."""
        result, error = _outcome(expected)
        for name, repo in self.repos.items():
            assert _outcome(partial(actual, repo)) == (result, error), name

    def edit(
        self, expected: Callable[[ModelNode], ModelNode], actual: Callable[[treering.Repository], treering.Commit]
    ) -> None:
        """Each store makes one commit, with the tree that the model makes of the head; or none, if it says so."""
        after, error = _outcome(lambda: expected(self.head))
        before = self.heads()
        for name, repo in self.repos.items():
            commit, raised = _outcome(partial(actual, repo))
            assert raised is error, f"{name}: {raised} where the model has {error}"
            if error is None:
                assert commit == repo.head
            else:
                assert repo.head == before[name]
        if after is None or MODEL.identity(after, ordered=True) == MODEL.identity(self.head, ordered=True):
            assert self.heads() == before, "an edit that changes nothing made a commit"
            return
        heads = self.heads()
        for name, commit in heads.items():
            assert commit.parents == (before[name].id,)
            assert commit.seq == before[name].seq + 1
        self.history.append(after)
        self.commits.append(heads)
        self.remember_tree_id()

    def remember_tree_id(self) -> None:
        """Equal trees have equal tree_ids in both stores, and only they."""
        ids = {commit.tree_id for commit in self.commits[-1].values()}
        assert len(ids) == 1, "the stores name one tree differently"
        (tree_id,) = ids
        identity = MODEL.identity(self.head, ordered=False)
        assert self.tree_ids.setdefault(identity, tree_id) == tree_id, "one content, two tree_ids"
        assert len(set(self.tree_ids.values())) == len(self.tree_ids), "two contents, one tree_id"

    @invariant()
    def heads_read_as_the_model(self) -> None:
        expected = MODEL.join(self.head)
        for name, repo in self.repos.items():
            assert repo.get(deep=True) == expected, name

    def node_path(self, data: st.DataObject, kind: str | None = None) -> Steps:
        """Draw the path of a node that is there."""
        paths = [path for path in MODEL.paths(self.head) if kind is None or _kind(path) == kind]
        return data.draw(st.sampled_from(paths))

    def container_path(self, data: st.DataObject) -> Steps:
        """Draw the path of a container: of a node that is there, whether it has children or not."""
        paths = [
            (*path, name)
            for path in MODEL.paths(self.head)
            for name, field in MODEL.fields(CLASSES[_kind(path)].DESCRIPTOR).items()
            if field.kind != "singular"
        ]
        return data.draw(st.sampled_from(paths))

    def version(self, data: st.DataObject) -> int:
        return data.draw(st.integers(0, len(self.history) - 1))


class Edits(Stores):
    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        path = self.container_path(data)
        message = data.draw(DEEP[_kind(path)])
        key = data.draw(_map_keys(path)) if _is_map(path) else None
        self.edit(
            lambda tree: MODEL.add(tree, path, message, key), lambda repo: repo.add(path, message, key=key, note="add")
        )

    @rule(data=st.data())
    def add_many_small(self, data: st.DataObject) -> None:
        """Pages are cut, and cut anew, only where there are many children."""
        first = data.draw(st.integers(0, 1000))
        step = data.draw(st.sampled_from((1, 7, -13)))
        tree: Any = MODEL.join(self.head)
        known = {child.name for child in tree.trees}
        new = [f"tree {first + step * index}" for index in range(data.draw(st.integers(20, 60)))]
        tree.trees.extend(CLASSES["Tree"](name=name, height=first) for name in new if name not in known)
        self.edit(lambda head: MODEL.replace(head, (), tree), lambda repo: repo.replace((), tree))

    @rule(data=st.data())
    def update(self, data: st.DataObject) -> None:
        path = self.node_path(data)
        message = self.keyed(path, data.draw(OWN[_kind(path)]))
        strict = data.draw(st.booleans())
        self.edit(
            lambda tree: MODEL.update(tree, path, message, strict=strict),
            lambda repo: repo.update(path, message, strict=strict),
        )

    @rule(data=st.data())
    def update_masked(self, data: st.DataObject) -> None:
        path = self.node_path(data)
        message = data.draw(DEEP[_kind(path)])
        fields = [field.name for field in message.DESCRIPTOR.fields if field.full_name not in CHILDREN]
        mask = data.draw(st.lists(st.sampled_from(fields), unique=True, max_size=3))
        self.edit(
            lambda tree: MODEL.update(tree, path, message, mask), lambda repo: repo.update(path, message, mask=mask)
        )

    @rule(data=st.data())
    def replace(self, data: st.DataObject) -> None:
        path = self.node_path(data)
        message = self.keyed(path, data.draw(DEEP[_kind(path)]))
        self.edit(lambda tree: MODEL.replace(tree, path, message), lambda repo: repo.replace(path, message))

    @rule(data=st.data())
    def reorder(self, data: st.DataObject) -> None:
        """Sibling order alone: a commit with the same tree_id."""
        tree: Any = MODEL.join(self.head)
        order = data.draw(st.permutations(range(len(tree.trees))))
        moved = [type(tree.trees[0]).FromString(tree.trees[index].SerializeToString()) for index in order]
        del tree.trees[:]
        tree.trees.extend(moved)
        self.edit(lambda head: MODEL.replace(head, (), tree), lambda repo: repo.replace("/", tree))

    @rule(data=st.data(), again=st.booleans())
    def remove(self, data: st.DataObject, again: bool) -> None:
        path = self.node_path(data)
        message = None if not path or _is_map(path[:-1]) else self.head_message(path)
        self.edit(lambda tree: MODEL.remove(tree, path), lambda repo: repo.remove(path))
        if again and message is not None and isinstance(path[-2] if len(path) > 1 else None, str):
            container = path[:-1]
            self.edit(lambda tree: MODEL.add(tree, container, message), lambda repo: repo.add(container, message))

    @rule(data=st.data())
    def clear(self, data: st.DataObject) -> None:
        paths = [
            (*path, name)
            for path in MODEL.paths(self.head)
            for name, field in MODEL.fields(CLASSES[_kind(path)].DESCRIPTOR).items()
            if field.kind == "singular"
        ]
        path = data.draw(st.sampled_from(paths))
        self.edit(lambda tree: MODEL.clear(tree, path), lambda repo: repo.clear(path))

    @rule(data=st.data(), name=st.sampled_from(("clock", "remark")))
    def create_singular(self, data: st.DataObject, name: str) -> None:
        own = data.draw(OWN[_kind((name,))])
        self.edit(lambda tree: MODEL.update(tree, (name,), own), lambda repo: repo.update((name,), own))

    @rule(
        data=st.data(),
        path=st.sampled_from(ODD_PATHS),
        kind=st.sampled_from(sorted(DEEP)),
        call=st.sampled_from(("add", "update", "replace", "remove", "clear")),
    )
    def go_wrong(self, data: st.DataObject, path: Steps, kind: str, call: str) -> None:
        arguments = [] if call in {"remove", "clear"} else [data.draw(OWN[kind])]
        self.edit(
            lambda tree: getattr(MODEL, call)(tree, path, *arguments),
            lambda repo: getattr(repo, call)(path, *arguments),
        )

    @rule(data=st.data(), call=st.sampled_from(("add", "update", "replace")))
    def give_another_type(self, data: st.DataObject, call: str) -> None:
        path = self.container_path(data) if call == "add" else self.node_path(data)
        stranger = CLASSES["Stranger"](owner="x")
        self.edit(
            lambda tree: getattr(MODEL, call)(tree, path, stranger), lambda repo: getattr(repo, call)(path, stranger)
        )

    @rule(data=st.data())
    def change_a_key(self, data: st.DataObject) -> None:
        path = self.node_path(data)
        message = data.draw(OWN[_kind(path)])
        self.edit(lambda tree: MODEL.update(tree, path, message), lambda repo: repo.update(path, message))

    @rule(data=st.data())
    def update_with_children(self, data: st.DataObject) -> None:
        path = self.node_path(data)
        message = self.keyed(path, data.draw(DEEP[_kind(path)]))
        self.edit(lambda tree: MODEL.update(tree, path, message), lambda repo: repo.update(path, message))

    @rule(data=st.data(), name=names)
    def replace_with_one_key_twice(self, data: st.DataObject, name: str) -> None:
        orchard: Any = MODEL.join(self.head)
        orchard.trees.add(name=name)
        orchard.trees.add(name=data.draw(st.sampled_from((name, ""))))
        self.edit(lambda tree: MODEL.replace(tree, (), orchard), lambda repo: repo.replace((), orchard))

    def keyed(self, path: Steps, message: Any) -> Any:
        """Give a message the key that its path says, so that it is not refused for that."""
        _, field = _step(path)
        if field is not None and field.kind == "keyed":
            now = self.head_message(path)
            for key in field.keys:
                setattr(message, key.name, getattr(now, key.name))
        return message

    def head_message(self, path: Steps) -> Any:
        return MODEL.get(self.head, path)


class Reads(Stores):
    @rule(data=st.data(), depth=st.sampled_from((0, 1, 2, ALL_LEVELS)))
    def get_a_node(self, data: st.DataObject, depth: int) -> None:
        path = self.node_path(data)
        self.same(lambda: MODEL.get(self.head, path, depth), lambda repo: repo.get(path, depth=depth))

    @rule(data=st.data(), depth=st.sampled_from((0, 1, ALL_LEVELS)))
    def read_a_container(self, data: st.DataObject, depth: int) -> None:
        path = self.container_path(data)
        self.same(lambda: MODEL.get(self.head, path, depth), lambda repo: repo.get(path, depth=depth))
        self.same(lambda: MODEL.keys(self.head, path), lambda repo: repo.keys(path))
        self.same(lambda: len(MODEL.keys(self.head, path)), lambda repo: repo.count(path))
        self.same(lambda: MODEL.keys(self.head, path), lambda repo: [key for key, _ in repo.iterate(path)])
        keys = MODEL.keys(self.head, path)
        if keys:
            at = data.draw(st.integers(0, len(keys) - 1))
            self.same(lambda: keys[at : at + 3], lambda repo: repo.keys(path, start=keys[at], limit=3))
        if keys and not _is_list(path):
            nodes = [(key, MODEL.get(self.head, (*path, key), 0)) for key in keys]
            self.same(lambda: nodes, lambda repo: list(repo.iterate(path)))

    @rule(path=st.sampled_from(ODD_PATHS))
    def read_what_is_not_there(self, path: Steps) -> None:
        self.same(lambda: MODEL.get(self.head, path), lambda repo: repo.get(path, deep=True))
        self.same(lambda: MODEL.exists(self.head, path), lambda repo: repo.exists(path))
        self.same(lambda: MODEL.keys(self.head, path), lambda repo: repo.keys(path))

    @rule(data=st.data())
    def existence(self, data: st.DataObject) -> None:
        version = self.version(data)
        path = data.draw(st.sampled_from(list(MODEL.paths(self.history[version]))))
        self.same(lambda: MODEL.exists(self.head, path), lambda repo: repo.exists(path))


class History(Stores):
    @rule()
    def reopen(self) -> None:
        before = self.heads()
        self.close()
        self.open()
        assert self.heads() == before

    @rule(data=st.data())
    def read_the_past(self, data: st.DataObject) -> None:
        version = self.version(data)
        expected = MODEL.join(self.history[version])
        way = data.draw(st.sampled_from(("id", "prefix", "name", "commit", "back", "at")))
        for name, repo in self.repos.items():
            commit = self.commits[version][name]
            asked: Any = {
                "id": commit.id,
                "prefix": commit.id[:24],
                "name": commit.name,
                "commit": commit,
                "back": f"main~{len(self.history) - 1 - version}",
                "at": commit,
            }[way]
            assert repo.resolve(asked) == commit
            found = repo.at(asked).get(deep=True) if way == "at" else repo.get(deep=True, at=asked)
            assert found == expected

    @rule()
    def log(self) -> None:
        for name, repo in self.repos.items():
            assert list(repo.log()) == [commits[name] for commits in reversed(self.commits)]

    @rule(data=st.data())
    def log_of_a_path(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from([*MODEL.paths(self.head), ("trees",), ("notes",), ("clock", "inner")]))
        seen = [_seen(tree, path) for tree in self.history]
        touched = [
            index for index, now in enumerate(seen) if (now is not None if index == 0 else now != seen[index - 1])
        ]
        for name, repo in self.repos.items():
            assert list(repo.log(path=path)) == [self.commits[index][name] for index in reversed(touched)]

    @rule(data=st.data())
    def diff_and_apply(self, data: st.DataObject) -> None:
        """apply(a, diff(a, b)) has the content of b; each change says what stood there."""
        old, new = self.version(data), self.version(data)
        for name, repo in self.repos.items():
            changes = list(repo.diff(self.commits[old][name], self.commits[new][name]))
            tree = self.history[old]
            for change in changes:
                tree = _apply(tree, self.history[old], change)
            assert MODEL.identity(tree, ordered=False) == MODEL.identity(self.history[new], ordered=False)

    @rule(data=st.data(), name=st.sampled_from(TAGS), move=st.booleans())
    def tag(self, data: st.DataObject, name: str, move: bool) -> None:
        version = self.version(data)
        taken = self.tags.get(name, version) != version and not move
        for store, repo in self.repos.items():
            commit = self.commits[version][store]
            _, error = _outcome(partial(repo.tag, name, commit, move=move))
            assert error is (treering.AlreadyExists if taken else None)
        if not taken:
            self.tags[name] = version

    @rule(name=st.sampled_from(TAGS))
    def delete_tag(self, name: str) -> None:
        missing = self.tags.pop(name, None) is None
        for repo in self.repos.values():
            _, error = _outcome(partial(repo.delete_tag, name))
            assert error is (treering.NameNotFound if missing else None)

    @invariant()
    def tags_stand(self) -> None:
        for store, repo in self.repos.items():
            assert dict(repo.tags) == {name: self.commits[version][store] for name, version in self.tags.items()}

    @precondition(lambda self: self.tags)
    @rule(data=st.data())
    def read_a_tag(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.tags)))
        expected = MODEL.join(self.history[self.tags[name]])
        for repo in self.repos.values():
            assert repo.get(deep=True, at=name) == expected


class Machine(Edits, Reads, History):
    """All rules together."""


def _outcome(call: Callable[[], T]) -> tuple[T | None, type[treering.Error] | None]:
    try:
        return call(), None
    except treering.Error as error:
        return None, type(error)


def _step(path: Steps) -> tuple[str, Any]:
    """Return the type of the messages at a path, of a container those in it, and the field they stand in."""
    kind, field = "Orchard", None
    rest = iter(path)
    for name in rest:
        field = MODEL.fields(CLASSES[kind].DESCRIPTOR)[name]
        kind = field.type.name
        if field.kind != "singular":
            next(rest, None)
    return kind, field


def _kind(path: Steps) -> str:
    return _step(path)[0]


def _is_map(container: Steps) -> bool:
    field = _step(container)[1]
    return field is not None and field.kind == "map"


def _is_list(container: Steps) -> bool:
    field = _step(container)[1]
    return field is not None and field.kind == "list"


def _map_keys(container: Steps) -> st.SearchStrategy[Any]:
    field = _step(container)[1]
    return st.sampled_from(NAMES if field.keys[0].type == field.keys[0].TYPE_STRING else (0, -5, 2**31 - 1))


def _seen(tree: ModelNode, path: Steps) -> Hashable:
    """Return what stands at a path, as ``log`` compares it; None where nothing does."""
    if not MODEL.exists(tree, path):
        return None
    found = MODEL.get(tree, path)
    if isinstance(found, list):
        children = [MODEL.identity(MODEL.split(child), ordered=False) for child in found]
        return tuple(children) if _is_list(path) else frozenset(children)
    return MODEL.identity(MODEL.split(found), ordered=False)


def _apply(tree: ModelNode, old: ModelNode, change: Any) -> ModelNode:
    path: Any = tuple(change.path)
    if isinstance(change.new, list):
        assert MODEL.get(old, path) == change.old
        parent = MODEL.get(tree, path[:-1])
        parent.ClearField(path[-1])
        getattr(parent, path[-1]).extend(change.new)
        return MODEL.replace(tree, path[:-1], parent)
    if change.kind == "add":
        _, field = _step(path)
        assert change.old is None
        if field.kind == "singular":
            return MODEL.replace(tree, path, change.new)
        return MODEL.add(tree, path[:-1], change.new, path[-1] if field.kind == "map" else None)
    if change.kind == "remove":
        assert MODEL.identity(MODEL.split(change.old), ordered=True) == MODEL.identity(
            MODEL.split(MODEL.get(old, path)), ordered=True
        )
        return (MODEL.clear if _step(path)[1].kind == "singular" else MODEL.remove)(tree, path)
    assert change.old == MODEL.get(old, path, 0)
    return MODEL.update(tree, path, change.new)


TestMachine = pytest.mark.soak(Machine.TestCase)
