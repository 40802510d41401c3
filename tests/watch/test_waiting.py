"""Waiting for a commit: what ends it, what it costs, and a store that is not there for a while."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb
from tests.watch.following import PATIENCE_SECONDS, commits, freshness, is_waiting, rename, threads, until

import treering
from treering.backend import Backend
from treering.backend.mapping import MappingBackend
from treering.store.freshness import LAST_PAUSE_SECONDS, LONGEST_WAIT_SECONDS
from treering.testing import FaultyBackend

LINGER = "treering.store.freshness.LINGER_SECONDS"


@pytest.fixture
def pool() -> Any:
    with ThreadPoolExecutor(4) as made:
        yield made


def start(pool: ThreadPoolExecutor, repo: treering.Repository, watch: treering.Watch) -> Future[list[treering.Commit]]:
    """Take one event in another thread, and return when it waits for it."""

    def take() -> list[treering.Commit]:
        for event in watch:
            return [event.commit]
        return []

    future = pool.submit(take)
    until(lambda: future.done() or is_waiting(repo))
    return future


class Outage(FaultyBackend):
    """A store that can be out of reach, as often as it is asked."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.is_down = False

    def read_root(self) -> bytes | None:
        self._check()
        return super().read_root()

    def read_many(self, keys: Any) -> list[bytes | None]:
        self._check()
        self.calls["objects"] += len(keys)  # keys_read counts roots as well, which another thread reads meanwhile
        return super().read_many(keys)

    def publish(self, objects: Any, expected: bytes | None, root: bytes) -> bool:
        self._check()
        return super().publish(objects, expected, root)

    def _check(self) -> None:
        if self.is_down:
            self.calls["refused"] += 1
            raise treering.Unavailable("pulled the plug")


class WatchingOutage(Outage):
    """One that says when its root has moved."""

    def wait_for_root(self, known: bytes | None, timeout_seconds: float) -> None:
        self._check()
        self.calls["wait_for_root"] += 1
        assert isinstance(self.inner, MappingBackend)
        self.inner.wait_for_root(known, timeout_seconds)


@pytest.fixture(params=[Outage, WatchingOutage], ids=["polled", "native"])
def server(request: pytest.FixtureRequest) -> Outage:
    made: Outage = request.param(MappingBackend({}))
    return made


# What ends it


def test_a_commit_of_this_handle(repo: treering.Repository, pool: ThreadPoolExecutor) -> None:
    waiting = start(pool, repo, repo.watch())
    made = rename(repo, "now")
    assert waiting.result(PATIENCE_SECONDS) == [made]


def test_a_commit_of_another_handle(store: Place, repo: treering.Repository, pool: ThreadPoolExecutor) -> None:
    waiting = start(pool, repo, repo.watch())
    made = rename(store.open(), "now")
    assert waiting.result(PATIENCE_SECONDS) == [made]


def test_close(repo: treering.Repository, pool: ThreadPoolExecutor) -> None:
    watch = repo.watch()
    waiting = start(pool, repo, watch)
    watch.close()
    watch.close()
    assert waiting.result(PATIENCE_SECONDS) == []
    rename(repo, "later")
    assert commits(watch) == []


def test_close_with_events_left(repo: treering.Repository) -> None:
    with repo.watch() as watch:
        for number in range(3):
            rename(repo, number)
        next(watch)
    assert commits(watch) == []


def test_close_of_one_of_several(repo: treering.Repository, pool: ThreadPoolExecutor) -> None:
    one, other = repo.watch(), repo.watch()
    ends = start(pool, repo, one)
    goes_on = start(pool, repo, other)
    until(lambda: freshness(repo)._waiting == 2)
    one.close()
    assert ends.result(PATIENCE_SECONDS) == []
    assert not goes_on.done()
    made = rename(repo, "x")
    assert goes_on.result(PATIENCE_SECONDS) == [made]


def test_close_of_the_repository(repo: treering.Repository, pool: ThreadPoolExecutor) -> None:
    waiting = start(pool, repo, repo.watch())
    repo.close()
    with pytest.raises(treering.Unavailable):
        waiting.result(PATIENCE_SECONDS)


def test_a_closed_repository_is_not_watched(repo: treering.Repository) -> None:
    watch = repo.watch()
    repo.close()
    with pytest.raises(treering.Unavailable):
        next(watch)
    with pytest.raises(treering.Unavailable):
        repo.watch()
    watch.close()


def test_the_time_is_over(repo: treering.Repository) -> None:
    began = time.monotonic()
    watch = repo.watch(timeout_seconds=0.1)
    assert commits(watch) == []
    assert time.monotonic() - began >= 0.1
    made = rename(repo, "later")
    assert commits(watch) == [made]  # it goes on where it stopped


def test_what_is_filtered_out_does_not_prolong_it(repo: treering.Repository) -> None:
    watch = repo.watch("/devices", timeout_seconds=0.3)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            rename(repo, number := number + 1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert commits(watch) == []
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_time_that_is_none(repo: treering.Repository, seconds: float) -> None:
    with pytest.raises(treering.WrongType):
        repo.watch(timeout_seconds=seconds)


# What it costs


def test_nothing_is_left_running(repo: treering.Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LINGER, PATIENCE_SECONDS)
    assert commits(repo.watch(timeout_seconds=0.05)) == []
    assert len(threads()) == 1
    monkeypatch.setattr(LINGER, 0.1)
    until(lambda: not threads())
    made = []
    with repo.watch(timeout_seconds=PATIENCE_SECONDS) as watch:
        made.append(rename(repo, "x"))
        assert next(watch).commit == made[0]


def test_a_watch_nobody_iterates_costs_nothing(repo: treering.Repository) -> None:
    watches = [repo.watch() for _ in range(10)]
    assert threads() == []
    del watches


def test_many_watches_share_one_thread(repo: treering.Repository) -> None:
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(next, repo.watch()) for _ in range(20)]
        until(lambda: freshness(repo)._waiting == 20)
        assert len(threads()) == 1
        made = rename(repo, "x")
        assert {future.result(PATIENCE_SECONDS).commit for future in waiting} == {made}


def test_an_idle_watch_hardly_asks(server: Outage) -> None:
    with treering.open(server, pb.Network) as repo:
        watch = repo.watch(timeout_seconds=1)
        server.reset_counts()
        began = time.monotonic()
        assert commits(watch) == []
        asked, late = server.calls["read_root"], time.monotonic() - began - 1
        # at once, then after 10, 20, 40, 80, 160 and 250 ms; or once, and then the store would say so
        most, pause = (10, LAST_PAUSE_SECONDS) if type(server) is Outage else (4, LONGEST_WAIT_SECONDS)
        assert asked <= most + late / pause  # the other thread asks on where this one is late
        assert server.calls["read_many"] == 0


def test_a_commit_costs_a_watcher_a_read_or_two(server: Outage) -> None:
    with treering.open(server, pb.Network) as repo, treering.open(server.inner, pb.Network) as other:
        watch = repo.watch(timeout_seconds=0)
        for number in range(5):
            rename(other, number)
            server.reset_counts()
            assert len(commits(watch)) == 1
            assert server.calls["read_many"] == 1  # the commit
            assert server.calls["objects"] == 1


# A store that is not there for a while


def test_it_goes_on_after_an_outage(server: Outage, pool: ThreadPoolExecutor) -> None:
    with (
        treering.open(server, pb.Network, deadline_seconds=PATIENCE_SECONDS) as repo,
        treering.open(server.inner, pb.Network) as other,
    ):
        watch = repo.watch()
        waiting = start(pool, repo, watch)
        server.is_down = True
        made = [rename(other, number) for number in range(3)]
        until(lambda: waiting.done() or server.calls["refused"] >= 3)
        server.is_down = False
        assert waiting.result(PATIENCE_SECONDS) == made[:1]
        assert [next(watch).commit for _ in range(2)] == made[1:]


def test_an_outage_beyond_the_deadline(server: Outage) -> None:
    with (
        treering.open(server, pb.Network, deadline_seconds=0.2) as repo,
        treering.open(server.inner, pb.Network) as other,
    ):
        watch = repo.watch()
        server.is_down = True
        made = rename(other, "x")
        steps = 0

        def is_told_and_tried_on() -> bool:
            nonlocal steps
            steps += 1
            with pytest.raises(treering.Unavailable):
                next(watch)
            return steps >= 2 and server.calls["refused"] >= steps + 2  # it kept trying beyond what each step asks

        until(is_told_and_tried_on)
        server.is_down = False
        assert next(watch).commit == made


class Flood(FaultyBackend):
    """A store in which there is always something newer than what its reader has seen."""

    left = 20

    def read_many(self, keys: Any) -> list[bytes | None]:
        if self.left and self.repo is not None:
            self.left -= 1
            rename(self.other, self.left)
            now, fresh = self.inner.read_root(), freshness(self.repo)
            until(lambda: fresh.thread is None or ((known := fresh._known) is not None and known.data == now))
        return super().read_many(keys)

    repo: Any = None
    other: Any = None


def test_a_flood_of_what_is_filtered_out_does_not_prolong_it() -> None:
    flood = Flood(MappingBackend({}))
    with treering.open(flood, pb.Network) as repo, treering.open(flood.inner, pb.Network) as other:
        watch = repo.watch("/devices", timeout_seconds=0.05)
        flood.repo, flood.other = repo, other
        rename(other, "first")
        assert commits(watch) == []
        assert flood.left > 0


def test_an_outage_at_the_end_of_the_time(server: Outage) -> None:
    """An iteration that ends quietly says that there was nothing: that is not known here."""
    with treering.open(server, pb.Network) as repo:
        watch = repo.watch(timeout_seconds=0.05)
        server.is_down = True
        with pytest.raises(treering.Unavailable):
            next(watch)
        server.is_down = False
        assert commits(watch) == []


def test_a_question_that_fails_after_a_later_one_was_answered(server: Outage) -> None:
    with treering.open(server, pb.Network) as repo:
        fresh = freshness(repo)

        def fails_late() -> bytes | None:
            monkey.undo()
            fresh.read()  # another thread's question is answered
            raise treering.Unavailable("the answer was lost")

        with pytest.MonkeyPatch.context() as monkey:
            monkey.setattr(server, "read_root", fails_late)
            monkey.setattr(repo._store.backend, "read_root", fails_late)
            assert fresh._ask() is False
        assert fresh._trouble is None
        assert commits(repo.watch(timeout_seconds=0)) == []


def test_a_step_whose_question_fails_too_late_goes_by_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LINGER, PATIENCE_SECONDS)
    server = Outage(MappingBackend({}))
    with treering.open(server, pb.Network) as repo, treering.open(server.inner, pb.Network) as other:
        watch = repo.watch(timeout_seconds=0.05)
        assert commits(watch) == []  # and somebody listens from now on
        made = rename(other, "before the step")
        fresh = freshness(repo)

        def fails_late() -> bytes | None:
            until(lambda: fresh._known is not None and fresh._known.data != watch._state.data)
            time.sleep(0.1)  # the time is over
            raise treering.Unavailable("the answer was lost")

        with pytest.MonkeyPatch.context() as monkey:
            monkey.setattr(fresh, "read", fails_late)
            assert next(watch).commit == made


def test_a_read_that_fails_once(server: Outage) -> None:
    with treering.open(server, pb.Network) as repo, treering.open(server.inner, pb.Network) as other:
        watch = repo.watch(timeout_seconds=PATIENCE_SECONDS)
        made = [rename(other, number) for number in range(2)]
        server.fail("read_root")
        assert next(watch).commit == made[0]
        third = rename(other, "third")
        assert next(watch).commit == made[1]
        server.fail("read_many")
        with pytest.raises(treering.Unavailable):
            next(watch)
        assert next(watch).commit == third


def test_a_damaged_root_is_told_at_once(pool: ThreadPoolExecutor) -> None:
    mapping: dict[str, Any] = {}
    with treering.open(mapping, pb.Network) as repo:
        watch = repo.watch()
        waiting = start(pool, repo, watch)
        sound = mapping["treering/root"]
        mapping["treering/root"] = "no bytes"
        with pytest.raises(treering.NotAStore):
            waiting.result(PATIENCE_SECONDS)
        mapping["treering/root"] = sound
        made = rename(repo, "x")
        assert next(watch).commit == made


def test_a_store_that_went_back(store: Place) -> None:
    """Told once, then the watch is where its last seen commit is not."""
    store.is_damaged = True
    repo = store.open()
    rename(repo, 1)
    old = store.content()[b""]
    assert old is not None
    watch = repo.watch(timeout_seconds=0)
    rename(repo, 2)
    assert len(commits(watch)) == 1
    store.rewrite(lambda _: old, b"")
    with pytest.raises(treering.StoreRolledBack):
        next(watch)
    with pytest.raises(treering.Compacted):
        next(watch)


def test_a_branch_that_is_not_there(repo: treering.Repository) -> None:
    watch = repo.watch()
    watch._work.branch.name = "gone"
    with pytest.raises(treering.NameNotFound):
        next(watch)
    with pytest.raises(treering.NameNotFound):
        repo.watch()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_of_a_fork_has_no_part_in_it(repo: treering.Repository, pool: ThreadPoolExecutor) -> None:
    watch = repo.watch()
    waiting = start(pool, repo, watch)
    child = os.fork()
    if not child:
        status = 1
        try:
            try:
                next(watch)
            except treering.ForkedProcess:
                watch.close()
                repo.close()
                status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    made = rename(repo, "x")
    assert waiting.result(PATIENCE_SECONDS) == [made]


def test_a_watch_does_not_outlive_what_nobody_holds(tmp_path: Any) -> None:
    repo = treering.open(f"lmdb:{tmp_path}/store", pb.Network)
    watch = repo.watch(timeout_seconds=0.05)
    assert commits(watch) == []
    gone = weakref.ref(repo._store)
    del repo, watch
    gc.collect()
    assert gone() is None
    until(lambda: not threads())


class Silent(WatchingOutage):
    """A store whose notifications are lost."""

    def wait_for_root(self, known: bytes | None, timeout_seconds: float) -> None:
        self.calls["wait_for_root"] += 1
        threading.Event().wait(timeout_seconds)


def test_a_lost_notification_only_delays(pool: ThreadPoolExecutor) -> None:
    server = Silent(MappingBackend({}))
    with (
        treering.open(server, pb.Network, deadline_seconds=0.4) as repo,
        treering.open(server.inner, pb.Network) as other,
    ):
        waiting = start(pool, repo, repo.watch())
        made = rename(other, "x")
        assert waiting.result(PATIENCE_SECONDS) == [made]


class Forgetful(Outage):
    """A store that can be watched in name only: it refuses to wait."""

    error: type[treering.Error] = treering.Unavailable

    def wait_for_root(self, known: bytes | None, timeout_seconds: float) -> None:
        raise self.error("no watching here")


@pytest.mark.parametrize("error", [treering.Unavailable, treering.Refused, treering.NotAStore])
def test_a_store_that_refuses_to_wait_is_asked(pool: ThreadPoolExecutor, error: type[treering.Error]) -> None:
    server = Forgetful(MappingBackend({}))
    server.error = error
    with treering.open(server, pb.Network) as repo, treering.open(server.inner, pb.Network) as other:
        waiting = start(pool, repo, repo.watch())
        made = rename(other, "x")
        assert waiting.result(PATIENCE_SECONDS) == [made]
