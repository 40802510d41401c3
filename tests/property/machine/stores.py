"""The stores of the state machine, what the model remembers of them, and the ways to compare."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.property.machine.ears import Ears, Vetoed
from tests.property.machine.places import kind_at, kind_of_field
from tests.property.machine.planted import PLANTED, orchard
from tests.property.machine.telling import tell
from tests.property.orchard import CLASSES, MODEL, SCHEMA

import treering
from treering import HookKind
from treering.opening import StoreLike, open_with
from treering.store.entropy import Entropy
from treering.testing.model import ModelNode, Steps

T = TypeVar("T")
EDITS = [kind for kind in HookKind if kind is not HookKind.GET]
HOUR = 3_600_000_000  # microseconds


class Clock(Entropy):
    """A clock that stands still until the machine moves it on, so that ages are known."""

    def __init__(self) -> None:
        super().__init__()
        self.hours = 400_000

    def now(self) -> int:
        return self.hours * HOUR


@dataclass(eq=False)
class Version:
    """One commit: its tree as the model has it, what it is called in each store, and when it was made."""

    tree: ModelNode
    commits: dict[str, treering.Commit]
    hours: int


class Stores(RuleBasedStateMachine):
    """A dict and an LMDB store, each with two handles, and the history that the model remembers.

    ``targets`` may be overridden: any stores do.

    What a rule does to the stores goes through ``same`` or ``edit``: the model says what must happen, a result or the
    class of an error, and who hears of it; each store must do just that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.mapping: dict[str, bytes] = {}
        self.clock = Clock()
        self.repos: dict[str, treering.Repository] = {}
        self.others: dict[str, treering.Repository] = {}
        self.history: list[Version] = []  # oldest first
        self.gone: list[Version] = []  # pruned
        self.tags: dict[str, Version] = {}
        self.tree_ids: dict[Hashable, str] = {}
        self.proxies: dict[Steps, list[dict[str, treering.Proxy]]] = {}
        self.ears = Ears(())

    def targets(self) -> dict[str, StoreLike]:
        """Return what to open, by a name for each."""
        return {"dict": self.mapping, "lmdb": f"lmdb:{self.folder.name}/store?durability=async"}

    @initialize(bulk=st.sampled_from((0, 0, 40)), is_planted=st.booleans(), hooked=st.none() | st.sampled_from(PLANTED))
    def start(self, bulk: int, is_planted: bool, hooked: Steps | None) -> None:
        self.open()
        self.remember(MODEL.empty())
        if is_planted:
            self.edit("replace", (), orchard(bulk))
            if hooked is not None:
                self.put_on_all_above(hooked)

    @rule(bulk=st.sampled_from((0, 0, 40)))
    def plant(self, bulk: int) -> None:
        self.edit("replace", (), orchard(bulk))

    def open(self) -> None:
        self.repos, self.others = self.handles(), self.handles()
        self.ears = Ears(self.repos)

    def handles(self) -> dict[str, treering.Repository]:
        return {
            name: open_with(
                target, SCHEMA, branch="main", author="machine", create=True, deadline_seconds=10, entropy=self.clock
            )
            for name, target in self.targets().items()
        }

    def close(self) -> None:
        """Close the handles; what was got from them has ended."""
        for repo in [*self.repos.values(), *self.others.values()]:
            repo.close()
        self.proxies.clear()

    def finish(self) -> None:
        """Look at the stores once more, at the end."""

    def teardown(self) -> None:
        try:
            if self.repos:
                self.finish()
        finally:
            self.close()
            gc.collect()
            self.folder.cleanup()

    @property
    def head(self) -> ModelNode:
        return self.history[-1].tree

    def heads(self) -> dict[str, treering.Commit]:
        return {name: repo.head for name, repo in self.repos.items()}

    def outcome(self, call: Callable[[], T]) -> tuple[T | None, type[Exception] | None]:
        try:
            return call(), None
        except (treering.Error, Vetoed) as error:
            return None, type(error)

    def same(self, expected: Callable[[], Any], actual: Callable[[Any], Any], through: Steps = ()) -> None:
        """Each store returns what the model returns, or raises an error of the same class."""
        result, error = self.outcome(expected)
        for name in self.repos:
            assert self.outcome(partial(actual, self.target(name, through))) == (result, error), name

    def edit(self, call: str, path: Steps, *arguments: Any, other: bool = False, **options: Any) -> None:
        """Each store makes one commit, with the tree that the model makes of the head; or none, if it says so."""
        before = self.head
        after, error = self.outcome(lambda: getattr(MODEL, call)(before, path, *arguments, **options))
        changes = after is not None and not self.equal(after, before)
        heard: list[Any] = []
        if changes and not other:
            assert after is not None
            events = self.ears.worth_telling(tell(call, path, arguments, before, after))
            heard, is_vetoed = self.ears.asked(events)
            if is_vetoed:
                error, changes = Vetoed, False
            else:
                heard += self.ears.told(events)
        commits = self.heads()
        prefix = () if other else self.prefix(path)
        for name in self.repos:
            target = self.others[name] if other else self.target(name, prefix)
            commit, raised = self.outcome(partial(getattr(target, call), path[len(prefix) :], *arguments, **options))
            assert raised is error, f"{name}: {raised} where the model has {error}"
            assert raised is not None or commit == self.repos[name].head
            self.ears.check(name, heard)
        self.ears.veto_at = None
        self.move_on(commits, after if changes else None)

    def move_on(self, before: dict[str, treering.Commit], after: ModelNode | None) -> None:
        """Each store has one commit more than before, which the model knows from now on; none where that is None."""
        heads = self.heads()
        if after is None:
            assert heads == before, "a commit though nothing changed"
            return
        for name, commit in heads.items():
            assert commit.parents == (before[name].id,)
            assert commit.seq == before[name].seq + 1
        self.remember(after)

    def remember(self, tree: ModelNode) -> None:
        """Note a new head. Equal trees have equal tree_ids in both stores, and only they."""
        self.history.append(Version(tree, self.heads(), self.clock.hours))
        ids = {commit.tree_id for commit in self.history[-1].commits.values()}
        assert len(ids) == 1, "the stores name one tree differently"
        (tree_id,) = ids
        identity = MODEL.identity(tree, ordered=False)
        assert self.tree_ids.setdefault(identity, tree_id) == tree_id, "one content, two tree_ids"
        assert len(set(self.tree_ids.values())) == len(self.tree_ids), "two contents, one tree_id"

    def equal(self, one: ModelNode, other: ModelNode) -> bool:
        return MODEL.identity(one, ordered=True) == MODEL.identity(other, ordered=True)

    @invariant()
    def heads_read_as_the_model(self) -> None:
        expected = MODEL.join(self.head)
        for name, repo in self.repos.items():
            assert repo.get(deep=True) == expected, name

    @invariant()
    def tags_stand(self) -> None:
        for store, repo in self.repos.items():
            assert dict(repo.tags) == {name: version.commits[store] for name, version in self.tags.items()}

    # What a rule is about

    def prefix(self, path: Steps) -> Steps:
        """Return the path of the open proxy that is nearest to a path; of the root where there is none."""
        open_above = [prefix for prefix in self.proxies if path[: len(prefix)] == prefix]
        return max(open_above, key=len, default=())

    def target(self, store: str, prefix: Steps) -> Any:
        """Return what reads and edits a store: its repository, or where one is open, the proxy of a node."""
        return self.proxies[prefix][-1][store] if prefix in self.proxies else self.repos[store]

    def node_path(self, data: st.DataObject, kind: str | None = None) -> Steps:
        """Draw the path of a node that is there."""
        paths = [path for path in MODEL.paths(self.head) if kind is None or kind_at(path) == kind]
        return data.draw(st.sampled_from(paths))

    def container_path(self, data: st.DataObject) -> Steps:
        """Draw the path of a container: of a node that is there, whether it has children or not."""
        return data.draw(st.sampled_from(list(self.child_fields("keyed", "list", "map"))))

    def singular_path(self, data: st.DataObject) -> Steps:
        """Draw the path of a singular child, whether it is there or not."""
        return data.draw(st.sampled_from(list(self.child_fields("singular"))))

    def child_fields(self, *kinds: str) -> Iterator[Steps]:
        for path in MODEL.paths(self.head):
            for name, field in MODEL.fields(CLASSES[kind_at(path)].DESCRIPTOR).items():
                if field.kind in kinds:
                    yield (*path, name)

    def version(self, data: st.DataObject) -> Version:
        return data.draw(st.sampled_from(self.history))

    def keyed(self, path: Steps, message: Any) -> Any:
        """Give a message the key that its path says, so that it is not refused for that."""
        if kind_of_field(path) == "keyed":
            now = MODEL.get(self.head, path)
            for key in MODEL._resolve(path)[0][-1][0].keys:
                setattr(message, key.name, getattr(now, key.name))
        return message

    def hooked_path(self, data: st.DataObject) -> Steps:
        """Draw a node, or a singular child that may not be there."""
        return data.draw(st.sampled_from([*MODEL.paths(self.head), *self.child_fields("singular")]))

    def put_on(self, path: Steps, kinds: list[HookKind], number: int) -> None:
        for store in self.repos:
            with self.node(store, path) as proxy:
                for kind in kinds:
                    proxy.on(kind, self.ears.functions[store, number].hear, kind, path)
        for kind in kinds:
            self.ears.listening[kind, path].append(number)

    def put_on_all_above(self, path: Steps) -> None:
        """Put hooks for every edit on a node and on all those that it hangs in."""
        for length in range(len(path) + 1):
            if MODEL._resolve(path[:length])[1] is None:
                self.put_on(path[:length], EDITS, 0)

    def node(self, store: str, path: Steps) -> AbstractContextManager[treering.Proxy]:
        """Return a proxy of a node: the one that is open already, or one for now."""
        return nullcontext(self.target(store, path)) if path in self.proxies else self.repos[store].proxy(path)
