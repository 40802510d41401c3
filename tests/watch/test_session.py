"""Reads of a session: from what is known, soon what others did, at once what it did itself, and never back."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb
from tests.watch.following import PATIENCE_SECONDS, commits, device, freshness, rename, threads, until
from tests.watch.test_waiting import Outage, WatchingOutage

import treering
from treering.backend.mapping import MappingBackend
from treering.testing import FaultyBackend

CLOSE = "treering.store.freshness.CLOSE_SECONDS"  # a thread may not be run for longer than that


@pytest.fixture
def session(store: Place) -> treering.Repository:
    return store.open(consistency="session")


@pytest.fixture(params=[Outage, WatchingOutage], ids=["polled", "native"])
def server(request: pytest.FixtureRequest) -> Outage:
    made: Outage = request.param(MappingBackend({}))
    return made


@pytest.fixture
def other(server: Outage) -> Iterator[treering.Repository]:
    with treering.open(server.inner, pb.Network) as repo:
        yield repo


# What it sees


def test_its_own_commits_at_once(session: treering.Repository) -> None:
    for number in range(50):
        made = rename(session, number)
        assert session.head == made
        assert session.get().name == str(number)


def test_the_commits_of_others_soon(store: Place, session: treering.Repository) -> None:
    other = store.open()
    for number in range(5):
        made = rename(other, number)
        until(lambda made=made: session.head == made)  # type: ignore[misc]


def test_never_back(store: Place, session: treering.Repository) -> None:
    """Several threads read while this handle and others write: what each of them sees only grows."""
    done = threading.Event()
    wrong: list[tuple[int, int]] = []

    def read() -> None:
        last = 0
        while not done.is_set():
            seq = session.head.seq
            if seq < last:
                wrong.append((last, seq))
            last = seq

    def write(repo: treering.Repository, name: str) -> None:
        for number in range(60):
            made = repo.update("/settings", pb.Settings(banner=f"{name}{number}"))
            if repo is session and session.head.seq < made.seq:
                wrong.append((made.seq, session.head.seq))

    readers = [threading.Thread(target=read) for _ in range(3)]
    writers = [
        threading.Thread(target=write, args=(repo, name)) for name, repo in (("a", session), ("b", store.open()))
    ]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert wrong == []
    until(lambda: session.head.seq == 120)


class Held(FaultyBackend):
    """A store whose answer to one thread's question for the root is held up."""

    def __init__(self) -> None:
        super().__init__(MappingBackend({}))
        self.whose = ""
        self.is_held, self.go_on, self.is_done = threading.Event(), threading.Event(), threading.Event()

    def read_root(self) -> bytes | None:
        root = super().read_root()
        if threading.current_thread().name == self.whose and not self.is_held.is_set():
            self.is_held.set()
            self.go_on.wait(PATIENCE_SECONDS)
            self.is_done.set()
        return root


def test_an_old_answer_that_comes_late_is_not_taken() -> None:
    server = Held()
    with treering.open(server, pb.Network, consistency="session") as session:
        _ = session.head
        server.whose = "treering-freshness"
        assert server.is_held.wait(PATIENCE_SECONDS)
        made = rename(session, "newer")
        server.go_on.set()
        assert server.is_done.wait(PATIENCE_SECONDS)
        for _ in range(100):
            assert session.head == made
            time.sleep(0.0005)


def test_of_two_answers_none_goes_back() -> None:
    """A reader that was told of an older root stands beside one that was told of a newer one: the next asks again."""
    server = Held()
    with (
        treering.open(server, pb.Network, consistency="session") as session,
        treering.open(server.inner, pb.Network) as other,
    ):
        _ = session.head
        server.whose = "reader"
        freshness(session).doubt()
        reader = threading.Thread(target=freshness(session).read, name="reader")
        reader.start()
        assert server.is_held.wait(PATIENCE_SECONDS)
        made = rename(other, "newer")
        freshness(session).doubt()
        assert session.head == made
        server.go_on.set()
        reader.join()
        assert session.head == made


def test_transactions_and_edits_are_on_what_is_there(store: Place, session: treering.Repository) -> None:
    """A session that is behind finds out when it publishes."""
    other = store.open()
    _ = session.head
    for number in range(20):
        other.add("/devices", device(f"theirs{number}"))
        session.add("/devices", device(f"mine{number}"))
        session.run(lambda tx: tx.update("/", pb.Network(budget=tx.get().budget + 1)))
        other.run(lambda tx: tx.update("/", pb.Network(budget=tx.get().budget + 1)))
    assert other.get().budget == 40
    assert other.count("/devices") == 40
    until(lambda: session.head == other.head)


def test_what_others_pruned(store: Place, session: treering.Repository) -> None:
    """A head that is gone is no error: the next one is read."""
    session.replace("/", pb.Network(devices=[device(f"d{number}", "v" * 300) for number in range(200)]))
    other = store.open()
    for number in range(10):
        snapshot = session.at(session.head)
        other.update("/devices/d100", device("d100", f"{number}" * 300))
        other.prune()
        session._store.reader.forget()
        assert session.get("/devices/d100").vendor
        with pytest.raises((treering.SnapshotPruned, treering.NameNotFound)):
            until(lambda snapshot=snapshot: session.at(snapshot.commit) is None)  # type: ignore[misc]
    assert session.verify().ok
    assert session.prune().commits == 0


def test_prune_and_verify_go_by_the_root_as_it_is(server: Outage, other: treering.Repository) -> None:
    with treering.open(server, pb.Network, consistency="session") as session:
        assert session.head.seq == 0
        for number in range(20):
            rename(other, number)
            assert session.verify(sweep=number % 2 == 0).ok
            assert session.prune().commits == 1
            assert len(list(other.log())) == 1


def test_a_watch_of_a_session_sees_all(store: Place, session: treering.Repository) -> None:
    other = store.open()
    watch = session.watch(timeout_seconds=0)
    for number in range(5):
        made = [rename(other, f"a{number}"), rename(session, f"b{number}")]
        assert commits(watch) == made


def test_a_new_store(tmp_path: Any) -> None:
    for target in ({}, f"lmdb:{tmp_path}/new"):
        with treering.open(target, pb.Network, consistency="session") as repo:
            assert repo.head.seq == 0
            assert rename(repo, "x") == repo.head


@pytest.mark.parametrize("wrong", ["eventual", None, 5])
def test_there_are_two_kinds(wrong: Any) -> None:
    mapping: dict[str, bytes] = {}
    with pytest.raises(treering.WrongType):
        treering.open(mapping, pb.Network, consistency=wrong)
    assert mapping == {}


# What it costs


def test_reads_ask_nothing(server: Outage, other: treering.Repository) -> None:
    """Only the thread asks: a question in ten milliseconds at most, however many the reads are."""
    with treering.open(server, pb.Network, consistency="session", deadline_seconds=PATIENCE_SECONDS) as session:
        rename(session, "x")
        asking: set[str] = set()
        read_root = server.read_root

        def noted() -> bytes | None:
            asking.add(threading.current_thread().name)
            return read_root()

        server.read_root = noted  # type: ignore[method-assign]
        freshness(session)._backend = server
        server.reset_counts()
        for _ in range(1000):
            assert session.get().name == "x"
            assert session.exists("/settings") is False
        assert server.calls["read_many"] == 0
        assert asking <= {"treering-freshness"}


def test_linearizable_is_the_default() -> None:
    backend = FaultyBackend(MappingBackend({}))
    with treering.open(backend, pb.Network) as repo:
        repo.get()
        backend.reset_counts()
        for _ in range(10):
            repo.get()
        assert backend.calls["read_root"] == 10
        assert threads() == []


# Trouble


def test_an_outage(server: Outage, other: treering.Repository) -> None:
    """Reads go on for the deadline, then they fail, and go on again when the store is back."""
    with treering.open(server, pb.Network, consistency="session", deadline_seconds=0.5) as session:
        began = time.monotonic()
        rename(session, "before")
        server.is_down = True

        def is_down() -> bool:
            try:
                session.get()
            except treering.Unavailable:
                return True
            return False

        try:
            assert session.get().name == "before"
        except treering.Unavailable:
            assert time.monotonic() - began > 0.5  # this thread was not run for as long
        until(is_down)
        server.is_down = False
        made = rename(other, "after")
        until(lambda: not is_down() and session.head == made)


def test_a_lost_publish(server: Outage, other: treering.Repository) -> None:
    with treering.open(server, pb.Network, consistency="session") as session:
        for moment in ("before", "after"):
            server.fail("publish", moment=moment, on_call=2 if moment == "before" else 1)  # type: ignore[arg-type]
            for number in range(3):
                try:
                    rename(session, f"{moment}{number}")
                except (treering.Unavailable, treering.OutcomeUnknown):
                    assert session.head == other.head


def test_a_store_that_went_back(store: Place) -> None:
    store.is_damaged = True
    session = store.open(consistency="session")
    rename(session, 1)
    old = store.content()[b""]
    rename(session, 2)
    store.rewrite(lambda _: old, b"")

    def is_told() -> bool:
        try:
            session.get()
        except treering.StoreRolledBack:
            return True
        return False

    until(is_told)
    assert session.get().name == "1"
    assert rename(session, 3) == session.head


def test_it_ends_with_the_repository(
    store: Place, session: treering.Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CLOSE, PATIENCE_SECONDS)
    _ = session.head
    assert len(threads()) == 1
    session.close()
    assert freshness(session).thread is None  # it asks no more
    until(lambda: not threads())
    with pytest.raises(treering.Unavailable):
        session.get()


@pytest.mark.parametrize("make", [dict, str], ids=["dict", "lmdb"])
def test_it_ends_when_nobody_holds_the_repository(make: Callable[[], Any], tmp_path: Any) -> None:
    target = make() if make is dict else f"lmdb:{tmp_path}/store"
    repo = treering.open(target, pb.Network, consistency="session", deadline_seconds=1)
    rename(repo, "x")
    assert len(threads()) == 1
    del repo
    gc.collect()
    until(lambda: not threads())


def test_many_sessions(store: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CLOSE, PATIENCE_SECONDS)
    writer = store.open()
    sessions = [store.open(consistency="session") for _ in range(20)]
    for session in sessions:
        _ = session.head
    made = rename(writer, "x")
    until(lambda: all(session.head == made for session in sessions))
    for session in sessions:
        session.close()
        assert freshness(session).thread is None
    until(lambda: not threads())
