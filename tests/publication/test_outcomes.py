"""Answers that are lost at every move of the root: exactly one commit, or certainly none."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from benchmarks.fleet import SCHEMA, Fleet, device, device_id, fleet

import treering
from treering.backend import open_backend
from treering.backend.base import Backend, Entry, Limits
from treering.testing import FaultyBackend, LimitedBackend

Repo = treering.Repository

# What may happen to one request, as `FaultyBackend.fail` takes it; and when another writer moves the root meanwhile.
FAULTS: dict[str, dict[str, Any]] = {
    "applied": {"moment": "after"},
    "lost": {"moment": "lost"},
    "refused": {"moment": "before"},
    "late, after the next look": {"moment": "late", "until": "read_root"},
    "late, after the next move": {"moment": "late", "until": "publish"},
}
MEANWHILE = ("nothing", "before the next look", "before the next move")
CASES = list(itertools.product(FAULTS, MEANWHILE))


class TroubledBackend(FaultyBackend):
    """Lets another writer in, once, before the next look at the root or the next move of it after a fault."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.pending: list[tuple[str, str]] = []  # the faults of the next publishes, with what happens meanwhile
        self.intrude: Callable[[], object] = lambda: None
        self._due = ""

    @property
    def limits(self) -> Limits:
        limits = self.inner.limits
        return Limits(durability=limits.durability, atomic=limits.atomic, remote=True)

    def read_root(self) -> bytes | None:
        self._let_in("before the next look")
        return super().read_root()

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        self._let_in("before the next move")
        if self.pending:
            fault, self._due = self.pending.pop(0)
            if fault:
                self.fail("publish", **FAULTS[fault])
        return super().publish(objects, expected, root)

    def _let_in(self, moment: str) -> None:
        if self._due == moment:
            self._due = ""
            self.intrude()


@dataclass
class World:
    """Two writers on one store; the first in trouble, the second not."""

    troubled: TroubledBackend
    mine: Repo
    theirs: Repo
    told: list[str] = field(default_factory=list)
    intrusions: int = 0

    def intrude(self) -> None:
        self.intrusions += 1
        self.theirs.add("/devices", device(1000 + self.intrusions), note=f"theirs {self.intrusions}")

    def notes(self) -> list[str]:
        return [commit.note for commit in self.theirs.log()]

    def check(self, acknowledged: Sequence[str], failed: Sequence[str] = ()) -> None:
        """What was acknowledged is there once, what failed never, and all of the other writer's."""
        notes = self.notes()
        for number in range(1, self.intrusions + 1):
            assert notes.count(f"theirs {number}") == 1
        for note in acknowledged:
            assert notes.count(note) == 1, notes
        for note in failed:
            assert notes.count(note) == 0, notes
        assert self.theirs.verify().ok


@contextmanager
def world(open_store: Callable[[], Backend], *, hooked: bool = False) -> Iterator[World]:
    with treering.open(open_store(), SCHEMA, author="theirs") as theirs:
        theirs.replace("/", fleet(5))
        troubled = TroubledBackend(open_store())
        with treering.open(troubled, SCHEMA, author="mine", deadline_seconds=5) as mine:
            mine.update("/", Fleet(owner="warm"))
            made = World(troubled, mine, theirs)
            troubled.intrude = made.intrude
            if hooked:
                proxy = mine.proxy("/")
                proxy.on(treering.POST_ADD, lambda message: made.told.append(message.id))
            yield made


@pytest.fixture(params=["memory", "lmdb"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Backend]:
    if request.param == "lmdb":
        return lambda: open_backend(f"lmdb:{tmp_path}/store")[0]
    mapping: dict[str, bytes] = {}
    return lambda: LimitedBackend(mapping)


def attempt(action: Callable[[], object], note: str, *, acknowledged: list[str], failed: list[str]) -> None:
    try:
        action()
    except treering.OutcomeUnknown:
        raise
    except (treering.Unavailable, treering.MergeConflict):
        failed.append(note)
    else:
        acknowledged.append(note)


@pytest.mark.parametrize("first", CASES, ids=str)
def test_two_faults_in_one_commit(first: tuple[str, str], open_store: Callable[[], Backend]) -> None:
    with world(open_store, hooked=True) as made:
        acknowledged: list[str] = []
        failed: list[str] = []
        for number, second in enumerate([("", "nothing"), *CASES]):
            note, added = f"mine {number}", device(number + 100)
            made.troubled.pending = [first, second]

            def add(note: str = note, added: Any = added) -> None:
                made.mine.add("/devices", added, note=note)

            attempt(add, note, acknowledged=acknowledged, failed=failed)
            made.troubled.pending = []
        made.check(acknowledged, failed)
        told = [device_id(int(note.removeprefix("mine ")) + 100) for note in acknowledged]
        assert made.told == told  # POST hooks: once each, in order
        if first[0] != "refused":
            assert acknowledged  # a second fault may be a refusal, and then there is none


@pytest.mark.parametrize("second", [("", "nothing"), *CASES], ids=str)
@pytest.mark.parametrize("first", CASES, ids=str)
def test_counters_are_exact(first: tuple[str, str], second: tuple[str, str]) -> None:
    mapping: dict[str, bytes] = {}
    with world(lambda: LimitedBackend(mapping)) as made:
        made.mine.update("/", Fleet(owner="0"))

        def count(transaction: treering.Transaction) -> None:
            transaction.update("/", Fleet(owner=str(int(transaction.get("/").owner) + 1)))

        done = 0
        for _ in range(3):
            made.troubled.pending = [first, second]
            try:
                made.mine.run(count)
                done += 1
            except treering.Unavailable:
                pass
            made.troubled.pending = []
        assert made.mine.get("/").owner == str(done)
        made.check([])


@pytest.mark.parametrize("first", CASES, ids=str)
def test_tags(first: tuple[str, str], open_store: Callable[[], Backend]) -> None:
    with world(open_store) as made:
        for number, second in enumerate([("", "nothing"), *CASES]):
            made.troubled.pending = [first, second]
            name = f"tag-{number}"
            try:
                head = made.mine.tag(name, made.theirs.head)
            except treering.Unavailable:
                assert name not in made.theirs.tags
            except treering.OutcomeUnknown:
                assert made.intrusions  # others went on, and what they found is not to be seen any more
            else:
                assert made.theirs.tags[name] == head
            made.troubled.pending = []
        made.check([])


@pytest.mark.parametrize("first", CASES, ids=str)
def test_creation(first: tuple[str, str]) -> None:
    for second in [("", "nothing"), *CASES]:
        mapping: dict[str, bytes] = {}
        troubled = TroubledBackend(LimitedBackend(mapping))
        troubled.pending = [first, second]
        others: list[Repo] = []
        troubled.intrude = lambda mapping=mapping, others=others: others.append(
            treering.open(LimitedBackend(mapping), SCHEMA, author="theirs")
        )
        try:
            mine = treering.open(troubled, SCHEMA, author="mine", deadline_seconds=5)
        except treering.Unavailable:
            continue
        troubled.pending = []
        mine.update("/", Fleet(owner="mine"))
        for repo in (mine, *others, treering.open(LimitedBackend(mapping), SCHEMA)):
            assert [commit.seq for commit in repo.log()] == [1, 0]
            assert repo.get("/").owner == "mine"
            assert repo.verify().ok


@pytest.mark.parametrize("first", CASES, ids=str)
def test_the_first_write_of_a_session(first: tuple[str, str]) -> None:
    for second in [("", "nothing"), *CASES]:
        mapping: dict[str, bytes] = {}
        with world(lambda mapping=mapping: LimitedBackend(mapping)) as made:
            troubled = TroubledBackend(LimitedBackend(mapping))
            troubled.intrude = made.intrude
            fresh = treering.open(troubled, SCHEMA, deadline_seconds=5)
            troubled.pending = [first, second]
            acknowledged: list[str] = []
            failed: list[str] = []
            attempt(
                lambda fresh=fresh: fresh.add("/devices", device(77), note="mine"),
                "mine",
                acknowledged=acknowledged,
                failed=failed,
            )
            made.check(acknowledged, failed)


@pytest.mark.parametrize("first", CASES, ids=str)
def test_prune_and_sweep(first: tuple[str, str]) -> None:
    for second in [("", "nothing"), *CASES]:
        mapping: dict[str, bytes] = {}
        with world(lambda mapping=mapping: LimitedBackend(mapping)) as made:
            for number in range(4):
                made.mine.update(f"/devices/{device_id(1)}", device(1, number + 1))
            old = made.mine.at("main~2")
            content = old.get("/", deep=True)
            for action in (made.mine.prune, lambda made=made: made.mine.verify(sweep=True)):
                made.troubled.pending = [first, second]
                with suppress(treering.Unavailable):
                    action()
                made.troubled.pending = []
            assert old.get("/", deep=True) == content  # held for this process's snapshot
            assert all(made.theirs.exists(f"/devices/{device_id(1001 + n)}") for n in range(made.intrusions))
            assert made.theirs.verify().ok
            del old
            made.mine.prune()
            made.mine.prune()  # of a commit that came in the middle of the first, should there be one
            made.mine.verify(sweep=True)
            assert made.mine.verify().unreachable == 0
            assert len(list(made.mine.log())) == 1


def test_unknown_names_the_commit_and_can_be_asked(open_store: Callable[[], Backend]) -> None:
    with world(open_store) as made:
        made.troubled.fail("publish", moment="after")
        made.mine._store.deadline_seconds = 0.05
        for number in range(1, 200):
            made.troubled.fail("read_root", on_call=number)
        with pytest.raises(treering.OutcomeUnknown) as caught:
            made.mine.add("/devices", device(77), note="mine")
        assert caught.value.retry is treering.Retry.ASK
        assert caught.value.commit == made.theirs.head.id
        made.check(["mine"])


def test_unknown_where_history_was_pruned(open_store: Callable[[], Backend]) -> None:
    with world(open_store) as made:
        made.troubled.pending = [("applied", "before the next look")]

        def prune() -> None:
            made.theirs.add("/devices", device(1001))
            made.theirs.prune()

        made.troubled.intrude = prune
        with pytest.raises(treering.OutcomeUnknown) as caught:
            made.mine.add("/devices", device(77), note="mine")
        assert len(caught.value.commit) == 64
        assert made.theirs.exists(f"/devices/{device_id(77)}")


def test_a_commit_below_a_graft_is_found(open_store: Callable[[], Backend]) -> None:
    with world(open_store) as made:
        made.troubled.pending = [("applied", "before the next look")]

        def go_on() -> None:
            made.theirs.tag("kept", made.theirs.head)
            for number in range(4):
                made.theirs.update(f"/devices/{device_id(1)}", device(1, number + 1))
            made.theirs.prune(keep_last=2)

        made.troubled.intrude = go_on
        made.mine.add("/devices", device(77), note="mine")
        made.check(["mine"])


def test_a_fence_whose_answer_is_lost_is_settled_as_well(open_store: Callable[[], Backend]) -> None:
    with world(open_store) as made:
        made.troubled.pending = [("lost", "nothing"), ("applied", "nothing"), ("lost", "nothing"), ("lost", "nothing")]
        made.mine.add("/devices", device(77), note="mine")
        made.check(["mine"])
        assert made.troubled.pending == []


def test_a_late_request_finds_the_fence(open_store: Callable[[], Backend]) -> None:
    with world(open_store) as made:
        made.troubled.fail("publish", moment="late", until="publish")
        made.mine.add("/devices", device(77), note="mine")
        assert made.troubled.arrivals == [False]
        made.check(["mine"])


def test_a_local_store_that_is_broken_is_not_waited_for() -> None:
    faulty = FaultyBackend(LimitedBackend())
    repo = treering.open(faulty, SCHEMA, deadline_seconds=3600)
    repo.update("/", Fleet(owner="one"))
    faulty.fail("publish", moment="after")
    for number in range(2, 500):
        faulty.fail("read_root", on_call=number)
    with pytest.raises(treering.OutcomeUnknown):
        repo.update("/", Fleet(owner="two"))
