"""A commit that nobody stands in the way of takes no turn: it comes to the same, whatever comes in between."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from tests.engine.crowd import WAIT_SECONDS, Crowd, HeldBackend
from tests.proto import engine_pb2 as pb

import treering
from treering.history.branch import Branch
from treering.history.group import Group
from treering.objects.root import BRANCHES, TAGS
from treering.schema.schema import Schema
from treering.store.entropy import Entropy
from treering.store.state import State
from treering.testing.limited import LimitedBackend
from treering.tree.edit import Editor


class Between:
    """A mask that calls a function when it is read for the first time: in the middle of an edit, as a finalizer may."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._functions = [function]

    def __iter__(self) -> Iterator[str]:
        while self._functions:
            self._functions.pop()()
        return iter(["name"])


def run(*actions: Callable[[], object]) -> None:
    """Call each in a thread of its own; fail where one of them hangs, or raises."""
    errors: list[BaseException] = []

    def guarded(action: Callable[[], object]) -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=[action], daemon=True) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()
    for error in errors:
        raise error


def wait_until(holds: Callable[[], object]) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.0005)


def is_idle(group: Group) -> bool:
    return not group._leader and not group._is_alone and not group._waiting


@pytest.fixture(params=["local", "remote"])
def repo(request: pytest.FixtureRequest) -> Iterator[treering.Repository]:
    backend = LimitedBackend(remote=request.param == "remote")
    with treering.open(backend, pb.Network, deadline_seconds=60) as repo:
        repo.update("/", pb.Network(name="net"))  # takes a session
        yield repo
        assert repo.verify().problems == ()


def rename(repo: treering.Repository, name: str, between: Callable[[], object]) -> treering.Commit:
    return repo.update("/", pb.Network(name=name), mask=Between(between))  # type: ignore[arg-type]


def test_a_finalizer_that_commits_in_the_middle_of_an_edit(repo: treering.Repository) -> None:
    inner: list[treering.Commit] = []
    outer: list[treering.Commit] = []
    run(
        lambda: outer.append(rename(repo, "outer", lambda: inner.append(repo.add("/devices", pb.Device(name="inner")))))
    )
    assert outer[0].parents == (inner[0].id,)
    assert repo.get("/").name == "outer"
    assert repo.keys("/devices") == ["inner"]


@pytest.mark.parametrize("times", [1, 3])
def test_a_finalizer_that_commits_while_a_leader_waits_for_its_thread(repo: treering.Repository, times: int) -> None:
    group = repo._branch._group

    def add(*names: str) -> None:
        for name in names:
            repo.add("/devices", pb.Device(name=name))

    others = [threading.Thread(target=add, args=[f"other-{number}"], daemon=True) for number in range(3)]

    def between() -> None:
        for number, other in enumerate(others, 1):
            other.start()
            wait_until(lambda n=number: len(group._waiting) == n)  # type: ignore[misc]
        add(*[f"inner-{number}" for number in range(times)])

    run(lambda: rename(repo, "outer", between))
    for other in others:
        other.join(WAIT_SECONDS)
        assert not other.is_alive()
    assert len(repo.keys("/devices")) == 3 + times
    assert repo.get("/").name == "outer"
    assert repo.head.seq == 1 + 1 + 3 + times
    assert is_idle(group)


def test_a_finalizer_that_commits_while_names_are_moved_and_a_leader_waits(repo: treering.Repository) -> None:
    group, head = repo._branch._group, repo._store.state.branches["main"]
    other = threading.Thread(target=lambda: repo.add("/devices", pb.Device(name="other")), daemon=True)

    def change(_: State) -> Any:
        if other.ident is None:
            group._size = 2  # as after a group: whoever comes leads, and waits for the lock that is held here
            other.start()
            wait_until(lambda: group._leader)
            repo.add("/devices", pb.Device(name="inner"))
        return {"first": head}

    run(lambda: repo._branch.move_names(TAGS, change))
    other.join(WAIT_SECONDS)
    assert repo.keys("/devices") == ["inner", "other"]
    assert set(repo.tags) == {"first"}


def test_an_interrupt_after_any_call_leaves_the_branch_to_the_next() -> None:
    package = str(Path(treering.__file__).parent)
    left = number = 0

    def interrupt(frame: FrameType, event: str, _: object) -> None:
        nonlocal left
        if event in {"return", "c_return"} and frame.f_code.co_filename.startswith(package):
            left -= 1
            if left == 0:
                sys.setprofile(None)
                raise KeyboardInterrupt

    with treering.open({}, pb.Network) as repo:
        group = repo._branch._group
        repo.add("/devices", pb.Device(name="first"))
        while left == 0:
            number += 1
            left = number
            sys.setprofile(interrupt)
            with suppress(KeyboardInterrupt):
                repo.update("/devices/first", pb.Device(name="first", vendor=f"a{number}"))
            sys.setprofile(None)
            assert is_idle(group)
            run(partial(repo.update, "/devices/first", pb.Device(name="first", vendor=f"b{number}")))
            assert repo.get("/devices/first").vendor == f"b{number}"
        assert number > 100
        log = list(repo.log())
        assert all(commit.parents == (parent.id,) for commit, parent in itertools.pairwise(log))
        assert number < len(log) <= 2 * number + 2
        assert repo.verify().problems == ()


def test_a_waiting_leader_comes_before_the_next_of_who_commits_on_and_on() -> None:
    backend = HeldBackend(LimitedBackend())
    with treering.open(backend, pb.Network) as repo:
        repo.update("/", pb.Network(name="net"))
        crowd = Crowd(repo, backend)
        backend.hold()
        busy = threading.Thread(target=lambda: [crowd.add(name)() for name in ("one", "two", "three")])
        busy.start()
        backend.wait_for_held()
        other = threading.Thread(target=crowd.add("other"))
        other.start()
        crowd.wait_for(1)
        backend.release()
        for thread in (busy, other):
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()
        assert crowd.notes() == ["one", "other", "two", "three"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_forked_while_another_thread_commits_alone_is_refused() -> None:
    backend = HeldBackend(LimitedBackend())
    with treering.open(backend, pb.Network) as repo:
        repo.update("/", pb.Network(name="net"))
        backend.hold()
        thread = threading.Thread(target=lambda: repo.add("/devices", pb.Device(name="a")))
        thread.start()
        backend.wait_for_held()
        child = os.fork()
        if child == 0:
            try:
                repo.add("/devices", pb.Device(name="b"))
            except treering.ForkedProcess:
                os._exit(7)
            finally:
                os._exit(1)
        until = time.monotonic() + WAIT_SECONDS
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < until:
            time.sleep(0.01)
        if ended[0] == 0:
            os.kill(child, 9)
            os.waitpid(child, 0)
        backend.release()
        thread.join(WAIT_SECONDS)
        assert os.waitstatus_to_exitcode(ended[1]) == 7
        assert repo.keys("/devices") == ["a"]


def test_branches_of_one_store_that_take_turns() -> None:
    mapping: dict[str, bytes] = {}
    with treering.open(mapping, pb.Network) as repo:
        repo.update("/", pb.Network(name="net"))
        store, schema = repo._store, Schema(pb.Network)
        repo._branch.move_names(BRANCHES, lambda state: {**state.branches, "side": state.branches["main"]})
        editor = Editor(store.reader, schema.root, {})
        lines = [Branch(store, schema, name, 5) for name in ("main", "side", "main")]
        made: dict[str, Any] = {}
        for number in range(20):
            line = lines[number % 3]
            message = pb.Device(name=f"d{number}")
            commit = line.commit_alone(
                lambda root, writer=None, m=message: editor.add(root, "/devices", m, None, writer), None, "", ""
            )
            assert commit is not None
            assert commit.record.parents[0] == made.get(line.name, commit.record.parents[0])
            made[line.name] = commit.pointer
            assert {name: store.state.branches[name] for name in made} == made
            assert all(line.head().pointer == made[line.name] for line in lines if line.name in made)
        assert repo.count("/devices") == 13
    with treering.open(mapping, pb.Network) as again:
        assert again._store.state.branches == made
        assert again.verify().problems == ()


def test_an_author_or_a_note_goes_the_same_way(repo: treering.Repository) -> None:
    made = repo.add("/devices", pb.Device(name="a"), author="ä", note="why")
    assert (made.author, made.note, made.seq) == ("ä", "why", 2)
    assert repo.resolve(made.id).note == "why"
    with pytest.raises(treering.WrongType):
        repo.add("/devices", pb.Device(name="b"), note=None)  # type: ignore[arg-type]
    with pytest.raises(treering.WrongType):
        repo.add("/devices", pb.Device(name="b"), author="\ud800")


def test_it_is_the_way_of_a_single_edit(repo: treering.Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Group, "serve")
    repo.add("/devices", pb.Device(name="a"))
    repo.update("/devices/a", pb.Device(name="a", vendor="v"))
    repo.remove("/devices/a")
    assert repo.head.seq == 4


def test_nonces_are_of_any_size_and_never_the_same() -> None:
    entropy = Entropy()
    drawn = [entropy.nonce(size) for size in [8] * 2000 + [16, 8, 5000, 8]]
    assert [len(nonce) for nonce in drawn] == [8] * 2000 + [16, 8, 5000, 8]
    assert len(set(drawn)) == len(drawn)
