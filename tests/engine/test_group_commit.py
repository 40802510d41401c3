"""Commits that are published together: each is there once or certainly not, and none suffers from another."""

from __future__ import annotations

import itertools
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from tests.engine.crowd import WAIT_SECONDS, Crowd, HeldBackend
from tests.proto import engine_pb2 as pb

import treering
from treering.backend.open import open_backend
from treering.history.branch import Branch
from treering.objects import frame
from treering.objects.root import BRANCHES
from treering.schema.schema import Schema
from treering.store.reader import StoredCommit
from treering.store.store import Store
from treering.testing.limited import LimitedBackend
from treering.tree.edit import Editor

NAMES = [f"d{number}" for number in range(9)]


@pytest.fixture(params=["dict", "lmdb", "remote"])
def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crowd]:
    if request.param == "lmdb":
        inner = open_backend(f"lmdb:{tmp_path}/store")[0]
    else:
        inner = LimitedBackend(remote=request.param == "remote")
    backend = HeldBackend(inner)
    with treering.open(backend, pb.Network, deadline_seconds=60) as repo:
        repo.update("/", pb.Network(name="net"))
        yield Crowd(repo, backend)
        assert repo.verify().unreachable == 0
        crowd = Crowd(repo, backend)
        crowd.check()


def test_many_commits_are_one_move_of_the_root(crowd: Crowd) -> None:
    commits = crowd.run(*crowd.adds(*NAMES))
    assert crowd.backend.moves == 2  # the first, and all that had waited for it
    assert [commit.note for commit in commits] == NAMES
    assert [commit.seq for commit in commits] == list(range(3, 3 + len(NAMES)))
    assert crowd.notes() == ["first", *NAMES]


def test_hooks_are_told_in_the_order_of_the_commits(crowd: Crowd) -> None:
    told: list[str] = []
    crowd.repo.proxy("/").on(treering.POST_ADD, lambda device: told.append(device.name))
    commits = crowd.run(*crowd.adds(*NAMES))
    assert told == ["first", *[commit.note for commit in commits]]


def test_hooks_that_commit_follow_in_line(crowd: Crowd) -> None:
    repo = crowd.repo
    told: list[int] = []

    def follow(device: pb.Device) -> None:
        repo.add("/racks", pb.Site(address=device.name), key=len(told))
        told.append(repo.head.seq)

    repo.proxy("/").on(treering.POST_ADD, lambda message: follow(message) if isinstance(message, pb.Device) else None)
    crowd.run(*crowd.adds(*NAMES))
    assert [site.address for site in repo.get("/racks").values()] == ["first", *NAMES]
    assert told == sorted(told)
    assert repo.hooks.failures == 0


def test_an_error_reaches_its_own_thread_only(crowd: Crowd) -> None:
    repo = crowd.repo
    outcomes = crowd.run(
        crowd.add("a"),
        crowd.add("a"),
        lambda: repo.update("/devices/nowhere", pb.Device(name="nowhere")),
        lambda: repo.add("/devices", pb.Port(number=1)),
        crowd.add("b"),
        lambda: repo.remove("/devices/first", note=""),
    )
    assert [type(outcome) for outcome in outcomes] == [
        treering.Commit,
        treering.AlreadyExists,
        treering.PathNotFound,
        treering.WrongType,
        treering.Commit,
        treering.Commit,
    ]
    assert repo.keys("/devices") == ["a", "b"]


def test_what_needs_no_commit_gets_none(crowd: Crowd) -> None:
    repo = crowd.repo
    told: list[str] = []
    repo.proxy("/").on(treering.POST_UPDATE, lambda network: told.append(network.name))
    outcomes = crowd.run(*[lambda: repo.update("/", pb.Network(name="same")) for _ in range(4)])
    assert len({outcome.id for outcome in outcomes}) == 1
    assert told == ["same"]  # once for one commit, however many asked for it
    assert repo.head.seq == 3


def test_one_that_is_too_large_leaves_the_others_alone(crowd: Crowd) -> None:
    crowd.backend.largest = 40_000
    outcomes = crowd.run(*crowd.adds(*NAMES[:3]), crowd.add("huge", bytes(50_000)), *crowd.adds(*NAMES[3:]))
    assert isinstance(outcomes.pop(3), treering.StoreFull)
    assert [commit.note for commit in outcomes] == NAMES
    assert crowd.notes() == ["first", *NAMES]


def test_no_answer_comes_from_a_commit_that_was_not_made(crowd: Crowd) -> None:
    """The first "a" is refused by the store, so the second is no second one."""
    crowd.backend.largest = 40_000
    huge, small, other = crowd.run(crowd.add("a", bytes(50_000)), crowd.add("a"), crowd.add("b"))
    assert isinstance(huge, treering.StoreFull)
    assert isinstance(small, treering.Commit)
    assert isinstance(other, treering.Commit)
    assert crowd.repo.get("/devices/a").image == b""


def test_large_ones_are_published_in_turns(crowd: Crowd) -> None:
    outcomes = crowd.run(*[crowd.add(name, bytes(700_000)) for name in NAMES])
    assert all(isinstance(outcome, treering.Commit) for outcome in outcomes)
    assert 2 < crowd.backend.moves < 2 + len(NAMES)


def test_a_store_that_is_away_is_away_for_all(crowd: Crowd) -> None:
    outcomes = crowd.run(*crowd.adds(*NAMES), meanwhile=crowd.backend.fail_next)
    assert [type(outcome) for outcome in outcomes] == [treering.Unavailable] * len(NAMES)
    assert len({id(outcome) for outcome in outcomes}) == len(NAMES)  # none raised in two threads
    assert crowd.notes() == ["first"]


def test_a_store_that_is_away_is_asked_once(crowd: Crowd) -> None:
    """Also where there is more than goes into one publication: it may take the whole deadline each time."""
    before = 0

    def fail() -> None:
        nonlocal before
        before = crowd.backend.calls["publish"]
        crowd.backend.fail_next()

    outcomes = crowd.run(*[crowd.add(name, bytes(700_000)) for name in NAMES], meanwhile=fail)
    assert [type(outcome) for outcome in outcomes] == [treering.Unavailable] * len(NAMES)
    assert crowd.backend.calls["publish"] == before + 2  # that of the first, and one more
    assert crowd.notes() == ["first"]


def test_a_store_that_cannot_be_read_is_asked_once(crowd: Crowd) -> None:
    crowd.repo.add("/devices", pb.Device(name="target"))
    updates = [lambda: crowd.repo.add("/devices", pb.Device(name="target")) for _ in NAMES]
    before = 0

    def fail() -> None:
        nonlocal before
        crowd.repo._store.reader.forget()
        before = crowd.backend.calls["read_many"] + crowd.backend.calls["read_root"]
        for number in range(1, 20):
            crowd.backend.fail("read_root", on_call=number)

    outcomes = crowd.run(*updates, meanwhile=fail)
    assert [type(outcome) for outcome in outcomes] == [treering.Unavailable] * len(NAMES)
    assert crowd.backend.calls["read_many"] + crowd.backend.calls["read_root"] <= before + 2
    crowd.backend._faults.clear()


def test_a_commit_that_was_made_is_told_whatever_comes_after_it() -> None:
    """One that fails has to be tried on a root read anew, which fails; the others were published before that."""
    backend = HeldBackend(LimitedBackend(remote=True))
    crowd = Crowd(treering.open(backend, pb.Network), backend)
    for number in range(8):  # whichever of the threads leads
        names = [f"{number}-{name}" for name in NAMES]
        *added, again = crowd.run(
            *crowd.adds(*names),
            lambda: crowd.repo.add("/devices", pb.Device(name="first")),
            meanwhile=lambda: backend.fail("read_root"),
        )
        assert [getattr(outcome, "note", outcome) for outcome in added] == names
        assert isinstance(again, treering.Unavailable)
        crowd.repo.remove("/devices/first")


@pytest.mark.parametrize("moment", ["after", "lost", "late"])
def test_a_lost_answer_is_followed_up_for_all(crowd: Crowd, moment: Any) -> None:
    outcomes = crowd.run(*crowd.adds(*NAMES), meanwhile=lambda: crowd.backend.fail_next(moment=moment))
    assert [getattr(outcome, "note", outcome) for outcome in outcomes] == NAMES
    assert sorted(crowd.notes()) == sorted(["first", *NAMES])


def test_each_is_told_of_its_own_commit_where_the_outcome_is_unknown(crowd: Crowd) -> None:
    crowd.repo._store.deadline_seconds = 0.05

    def fail() -> None:
        crowd.backend.fail_next(moment="after")
        for number in range(1 if crowd.backend.limits.remote else 2, 2000):
            crowd.backend.fail("read_root", on_call=number)

    outcomes = crowd.run(*crowd.adds(*NAMES), meanwhile=fail)
    crowd.backend._faults.clear()
    assert [type(outcome) for outcome in outcomes] == [treering.OutcomeUnknown] * len(NAMES)
    assert [crowd.repo.resolve(outcome.commit).note for outcome in outcomes] == NAMES


def test_validators_look_again_on_another_head(crowd: Crowd) -> None:
    looked: dict[int, list[str]] = {}

    def look(snapshot: treering.Snapshot, diff: treering.Diff) -> None:
        looked.setdefault(threading.get_ident(), []).append(snapshot.commit.id)
        assert len(list(diff)) == 1

    crowd.repo.validator(look)
    commits = crowd.run(*crowd.adds(*NAMES))
    assert {commit.note for commit in commits} == set(NAMES)
    assert sorted(heads[-1] for heads in looked.values()) == sorted(
        commit.parents[0] for commit in [*commits, crowd.repo.resolve("main~9")]
    )
    assert any(len(heads) > 1 for heads in looked.values())


def test_a_validator_refuses_one_only(crowd: Crowd) -> None:
    def refuse(snapshot: treering.Snapshot, _: treering.Diff) -> None:
        if snapshot.exists("/devices/d4"):
            raise RuntimeError

    crowd.repo.validator(refuse)
    outcomes = crowd.run(*crowd.adds(*NAMES))
    assert type(outcomes.pop(4)) is RuntimeError
    assert all(isinstance(outcome, treering.Commit) for outcome in outcomes)
    assert sorted(crowd.repo.keys("/devices")) == sorted(["first", *NAMES[:4], *NAMES[5:]])


def test_transactions_are_merged_with_those_before_them(crowd: Crowd) -> None:
    repo = crowd.repo
    repo.add("/devices", pb.Device(name="one"))
    transactions = [repo.transaction() for _ in NAMES]
    for number, transaction in enumerate(transactions):
        transaction.update("/devices/one", pb.Device(name="one", vendor=str(number // 3)))
    outcomes = crowd.run(*[transaction.commit for transaction in transactions])
    made = [outcome for outcome in outcomes if isinstance(outcome, treering.Commit)]
    assert len(made) == 3  # of three that say the same, one is a commit, and the others agree
    assert len({commit.id for commit in made}) == 1
    assert {type(outcome) for outcome in outcomes} == {treering.Commit, treering.MergeConflict}
    assert repo.head.seq == 4


class _Interrupting:
    """A mask during whose first reading somebody presses Control-C."""

    def __init__(self) -> None:
        self._is_first = True

    def __iter__(self) -> Iterator[str]:
        if self._is_first:
            self._is_first = False
            raise KeyboardInterrupt
        return iter(["name"])


def test_an_interrupted_leader_leaves_the_others_to_themselves(crowd: Crowd) -> None:
    """It ends in the middle of another one's edit: nothing was sent, so whoever is left does it again."""
    mask = _Interrupting()
    outcomes = crowd.run(
        *crowd.adds(*NAMES[:4]),
        lambda: crowd.repo.update("/", pb.Network(name="x"), mask=mask, note=""),  # type: ignore[arg-type]
        *crowd.adds(*NAMES[4:]),
    )
    made = [outcome.note for outcome in outcomes if isinstance(outcome, treering.Commit) and outcome.note]
    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, treering.Commit)] == [KeyboardInterrupt]
    assert sorted(crowd.notes()) == sorted(["first", *made])


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_leader_interrupted_while_it_publishes(crowd: Crowd, moment: Any) -> None:
    outcomes = crowd.run(
        *crowd.adds(*NAMES),
        meanwhile=lambda: crowd.backend.fail_next(moment=moment, error=KeyboardInterrupt()),
    )
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds.count(KeyboardInterrupt) == 1
    assert kinds.count(treering.OutcomeUnknown) == len(NAMES) - 1
    assert crowd.notes() == ["first", *(NAMES if moment == "after" else [])]
    for name, outcome in zip(NAMES, outcomes, strict=True):
        if isinstance(outcome, treering.OutcomeUnknown):
            if moment == "after":
                assert crowd.repo.resolve(outcome.commit).note == name
            else:
                with pytest.raises(treering.NameNotFound):
                    crowd.repo.resolve(outcome.commit)
    crowd.repo.add("/devices", pb.Device(name="afterwards"))


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal on this system")
def test_what_a_thread_no_longer_waits_for_is_not_done(crowd: Crowd) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    main = threading.get_ident()
    backend, outcomes = crowd.backend, []
    backend.hold()
    leader = threading.Thread(target=lambda: outcomes.append(crowd.add("first")()))
    leader.start()

    def stop_waiting() -> None:
        crowd.wait_for(1)
        signal.pthread_kill(main, signal.SIGUSR1)

    try:
        backend.wait_for_held()
        stopper = threading.Thread(target=stop_waiting)
        stopper.start()
        with pytest.raises(KeyboardInterrupt):
            crowd.add("never")()
        stopper.join()
        assert crowd.waiting() == 0
    finally:
        backend.release()
        leader.join()
        signal.signal(signal.SIGUSR1, before)
    assert [commit.note for commit in outcomes] == crowd.notes() == ["first"]
    crowd.add("next")()
    assert crowd.notes() == ["first", "next"]


@pytest.mark.parametrize("at", range(60))
def test_whoever_is_interrupted_hands_on(at: int) -> None:
    """After any call that the leading thread makes in a group commit, the others go on."""
    backend = HeldBackend(LimitedBackend())
    crowd = Crowd(treering.open(backend, pb.Network), backend)
    calls = itertools.count()
    group = type(crowd.repo._branch._group).serve.__code__.co_filename

    def interrupt(code: FrameType, event: str, _: object) -> None:
        if code.f_code.co_filename == group and event in {"c_return", "return"} and next(calls) == at:
            sys.setprofile(None)
            raise KeyboardInterrupt

    def lead() -> None:
        sys.setprofile(interrupt)
        try:
            with suppress(KeyboardInterrupt):
                crowd.add("leader")()
        finally:
            sys.setprofile(None)

    backend.hold()
    leader = threading.Thread(target=lead)
    leader.start()
    while not backend.is_held and leader.is_alive():
        time.sleep(0.0005)
    made: list[treering.Commit] = []

    def add(name: str) -> None:
        with suppress(treering.OutcomeUnknown):
            made.append(crowd.add(name)())

    threads = [threading.Thread(target=add, args=[name]) for name in NAMES[:3]]
    if leader.is_alive():
        for number, thread in enumerate(threads, 1):
            thread.start()
            crowd.wait_for(number)
    backend.release()
    for thread in [leader, *threads]:
        if thread.ident is None:
            thread.start()
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()
    assert len(made) == 3
    crowd.check()


def test_a_store_closed_meanwhile_is_closed_for_all(tmp_path: Path) -> None:
    backend = HeldBackend(open_backend(f"lmdb:{tmp_path}/store")[0])
    crowd = Crowd(treering.open(backend, pb.Network), backend)
    outcomes: list[Any] = []
    backend.hold()

    def add(name: str) -> None:
        try:
            outcomes.append(crowd.add(name)().note)
        except treering.Unavailable:
            outcomes.append(None)

    threads = [threading.Thread(target=add, args=[name]) for name in NAMES]
    threads[0].start()
    backend.wait_for_held()
    for thread in threads[1:]:
        thread.start()
    crowd.wait_for(len(NAMES) - 1)
    crowd.repo.close()
    backend.release()
    for thread in threads:
        thread.join(WAIT_SECONDS)
    assert outcomes == [None] * len(NAMES)
    with treering.open(f"lmdb:{tmp_path}/store", pb.Network) as again:
        assert again.keys("/devices") == []


@pytest.mark.parametrize("cache_bytes", [0, 3000, 20_000])
def test_a_cache_too_small_for_the_commits_of_one_move(tmp_path: Path, cache_bytes: int) -> None:
    backend = HeldBackend(LimitedBackend())
    with treering.open(backend, pb.Network) as repo:
        repo.replace("/", pb.Network(devices=[pb.Device(name=f"k{number:03}") for number in range(300)]))
        repo._store.reader.cache.__init__(cache_bytes)  # type: ignore[misc]
        crowd = Crowd(repo, backend)
        names = [f"k{number:03}x" for number in range(0, 300, 40)]
        commits = crowd.run(*crowd.adds(*names))
        assert [commit.note for commit in commits] == names
        assert crowd.notes() == ["first", *names]
        crowd.check()


def test_pruning_and_tagging_meanwhile(crowd: Crowd) -> None:
    repo = crowd.repo
    done = threading.Event()
    errors: list[BaseException] = []

    def guarded(action: Any) -> threading.Thread:
        def run() -> None:
            try:
                action()
            except BaseException as error:  # noqa: BLE001 - raised below
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def write(thread: int) -> None:
        for number in range(15):
            repo.add("/devices", pb.Device(name=f"{thread}-{number}"))
            repo.update(f"/devices/{thread}-{number}", pb.Device(name=f"{thread}-{number}", vendor="new"))
            if number % 3 == 0:
                repo.remove(f"/devices/{thread}-{number}")

    def tag() -> None:
        number = 0
        while not done.is_set():
            with suppress(treering.NameNotFound):  # the head of a moment ago may be pruned already
                repo.tag(f"t{number % 5}", move=True)
            number += 1

    def prune() -> None:
        while not done.is_set():
            repo.prune(keep_last=2)

    others = [guarded(tag), guarded(prune)]
    writers = [guarded(lambda thread=thread: write(thread)) for thread in range(6)]
    for thread in writers:
        thread.join()
    done.set()
    for thread in others:
        thread.join()
    for error in errors:
        raise error
    assert repo.count("/devices") == 6 * 10
    assert {device.vendor for device in repo.get("/devices")} == {"new"}
    repo.delete_tag(*repo.tags)
    repo.prune()
    assert repo.head.seq == 1 + 6 * (15 + 15 + 5)


def _adding(store: Store, branch: Branch, name: str) -> StoredCommit:
    editor = Editor(store.reader, Schema(pb.Network).root, {})
    return branch.commit(lambda root: editor.add(root, "/devices", pb.Device(name=name)), "", name)


def test_branches_of_one_store_do_not_mix() -> None:
    mapping: dict[str, bytes] = {}
    with treering.open(mapping, pb.Network) as repo:
        store, schema = repo._store, Schema(pb.Network)
        main = Branch(store, schema, "main", 60)
        main.move_names(BRANCHES, lambda state: {**state.branches, "side": state.branches["main"]})
        lines = [main, Branch(store, schema, "main", 60), Branch(store, schema, "side", 60)]

        def write(thread: int) -> None:
            for number in range(20):
                _adding(store, lines[thread % 3], f"{thread}-{number}")

        threads = [threading.Thread(target=write, args=[thread]) for thread in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (main.head().record.seq, lines[2].head().record.seq) == (80, 40)
        assert repo.count("/devices") == 80
        assert repo.verify().ok


def test_a_branch_that_another_process_has_made_again_is_found() -> None:
    mapping: dict[str, bytes] = {}
    schema = Schema(pb.Network)

    def opened() -> tuple[Store, Branch, Branch]:
        store = treering.open(LimitedBackend(mapping, remote=True), pb.Network)._store
        return store, Branch(store, schema, "main", 5), Branch(store, schema, "side", 5)

    (store, main, side), (_, other, _) = opened(), opened()
    main.move_names(BRANCHES, lambda state: {**state.branches, "side": state.branches["main"]})
    _adding(store, side, "one")
    main.move_names(BRANCHES, lambda state: {"main": state.branches["main"]})
    with pytest.raises(treering.NameNotFound):
        _adding(store, side, "two")
    other.move_names(BRANCHES, lambda state: {**state.branches, "side": state.branches["main"]})
    assert _adding(store, side, "three").record.seq == 1


def test_a_commit_that_fails_half_way_leaves_nothing_behind(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "MAX_CONTENT_BYTES", 100_000)
    tree = pb.Network(devices=[pb.Device(name=f"n{number}", image=bytes(3000)) for number in range(20)])

    def fill() -> treering.Commit:
        return crowd.repo.replace("/", tree, note="x" * 100_000)  # its pages are fine, the commit itself is not

    a, failed, b = crowd.run(crowd.add("a"), fill, crowd.add("b"))
    assert isinstance(failed, treering.TooLarge)
    assert [a.note, b.note] == ["a", "b"]
    assert crowd.repo.verify().unreachable == 0
