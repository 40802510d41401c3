"""``verify(sweep=True)``: what crashed writers left goes, and nothing else, whoever is at work meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb
from tests.prune import marking
from tests.prune.changing import Changer, large_network

import treering
from treering.backend.base import Entry, Limits
from treering.backend.open import open_backend
from treering.testing import FaultyBackend, SimulatedCrash


class InterruptedBackend(FaultyBackend):
    """Lets somebody else go first, once, at a call. ``ahead``: objects go in a request before the root's."""

    def __init__(self, store: Place, *, ahead: bool = False) -> None:
        super().__init__(open_backend(store.target)[0])
        self.interrupt: dict[str, Callable[[], Any]] = {}
        self._ahead = ahead

    @property
    def limits(self) -> Limits:
        return replace(self.inner.limits, max_batch_count=1) if self._ahead else self.inner.limits

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        self.interrupt.pop("publish", lambda: None)()
        return super().publish(objects, expected, root)

    def write_many(self, objects: Sequence[Entry]) -> None:
        super().write_many(objects)
        self.interrupt.pop("written", lambda: None)()

    def list_keys(self):
        self.interrupt.pop("list_keys", lambda: None)()
        return super().list_keys()


def sweep(store: Place) -> treering.VerifyReport:
    with treering.open(store.target, pb.Network) as other:
        return other.verify(sweep=True)


def leave_orphans(store: Place) -> int:
    """Crash between the objects and the root of a large commit; return how many objects that left."""
    before = len(store.content())
    backend = FaultyBackend(open_backend(store.target)[0])
    repo = treering.open(backend, pb.Network)
    repo.update("/", pb.Network(name="before the crash"))
    backend.crash("publish", moment="during")
    with pytest.raises(SimulatedCrash):
        repo.replace("/", large_network())
    backend.close()
    return len(store.content()) - before - 1


def test_orphans_go_and_nothing_else(store: Place) -> None:
    repo = store.open()
    repo.replace("/", large_network(20))
    repo.tag("kept")
    repo.update("/devices/d007", pb.Device(name="d007"))
    before = marking.mark(repo._store.backend).reached
    assert leave_orphans(store) > 10
    assert repo.verify().unreachable > 10
    report = repo.verify(sweep=True)
    assert report.ok
    assert report.unreachable == 0
    after = marking.check_all_gone(repo)
    assert before < after.reached
    assert repo.get(deep=True, at="kept") == large_network(20)
    assert repo.verify(sweep=True).objects == report.objects


def test_a_clean_store_loses_nothing(store: Place) -> None:
    repo = store.open()
    changer = Changer(6)
    for _ in range(30):
        changer.change(repo)
    repo.tag("t", "main~5")
    repo.prune(keep_last=3)
    before = store.content()
    assert repo.verify(sweep=True).ok
    assert {**store.content(), b"": None} == {**before, b"": None}


@pytest.mark.parametrize(("moment", "ahead"), [("publish", False), ("publish", True), ("written", True)])
def test_a_writer_at_work_starts_over(store: Place, moment: str, ahead: bool) -> None:
    """Swept between its objects and its root, it writes all again under a new session; then it is swept again."""
    backend = InterruptedBackend(store, ahead=ahead)
    with treering.open(backend, pb.Network) as repo:
        repo.update("/", pb.Network(name="old"))
        for number in range(3):
            message = large_network(20)
            message.name = str(number)
            backend.interrupt[moment] = lambda: sweep(store)
            backend.reset_counts()
            repo.replace("/", message)
            assert moment not in backend.interrupt
            assert backend.calls["publish"] >= 2
            assert repo.get(deep=True) == message
            repo._store.reader.forget()
            assert repo.get(deep=True) == message
            assert repo.verify().ok
        repo.verify(sweep=True)
        marking.check_all_gone(repo)


@pytest.mark.parametrize("deed", ["commit", "prune", "tag", "transaction", "sweep"])
def test_others_at_work_while_the_sweep_lists(store: Place, deed: str) -> None:
    backend = InterruptedBackend(store)
    with treering.open(backend, pb.Network) as repo, treering.open(store.target, pb.Network) as other:
        repo.replace("/", large_network(20))
        other.update("/", pb.Network(name="has a session"))
        leave_orphans(store)
        transaction = other.transaction()
        transaction.add("/devices", pb.Device(name="new", image=b"n" * 900))
        deeds: dict[str, Callable[[], Any]] = {
            "commit": lambda: other.add("/devices", pb.Device(name="new", image=b"n" * 900)),
            "prune": lambda: (other.update("/", pb.Network(name="x")), other.prune()),
            "tag": lambda: other.tag("t"),
            "transaction": transaction.commit,
            "sweep": lambda: other.verify(sweep=True),
        }
        backend.interrupt["list_keys"] = deeds[deed]
        report = repo.verify(sweep=True)
        assert report.ok
        assert not backend.interrupt
        marking.check(other)
        assert repo.count("/devices") == 20 + (deed in {"commit", "transaction"})
        transaction = deeds = None  # type: ignore[assignment]
        other.prune()
        repo.verify(sweep=True)
        marking.check_all_gone(repo)


def test_the_sweeper_itself_goes_on_writing(store: Place) -> None:
    repo = store.open()
    for number in range(5):
        repo.update("/", pb.Network(name=str(number)))
        assert repo.verify(sweep=True).ok
    assert [commit.seq for commit in repo.log()] == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("damage", ["page", "commit", "schema", "root"])
def test_a_damaged_store_is_left_as_it_is(store: Place, damage: str) -> None:
    repo = store.open()
    repo.replace("/", large_network())
    leave_orphans(store)
    marked = marking.mark(repo._store.backend).reached
    kinds = {"page": b"P", "commit": b"C", "schema": b"S"}
    if damage == "root":
        store.rewrite(lambda data: data[:-1] + bytes([data[-1] ^ 1]), b"")
    else:
        key = next(key for key, value in store.content().items() if key in marked and value[:1] == kinds[damage])
        store.rewrite(lambda _: None, key)
    repo = treering.open(store.target, pb.Network) if damage == "page" else repo
    before = store.content()
    report = repo.verify(sweep=True)
    assert not report.ok
    assert store.content().keys() == before.keys()
    repo.close()


@pytest.mark.parametrize("call", range(1, 5))
@pytest.mark.parametrize("moment", ["before", "during", "after"])
@pytest.mark.parametrize("method", ["publish", "delete_many"])
def test_a_prune_that_crashes_is_finished_by_the_next(store: Place, method: Any, moment: Any, call: int) -> None:
    """At every call to the store; with names, grafts and dead lists small and large."""
    backend = FaultyBackend(open_backend(store.target)[0])
    repo = treering.open(backend, pb.Network)
    repo.replace("/", large_network())
    for number in range(80):
        repo.update("/", pb.Network(name=str(number)))
        if number % 2:
            repo.tag(f"tag-{number}")
    repo.prune(keep_last=20)
    repo.replace("/", large_network())
    head = repo.get(deep=True)
    repo.delete_tag(*[f"tag-{number}" for number in range(1, 60, 2)])
    backend.crash(method, on_call=call, moment=moment)
    try:
        repo.prune()
    except SimulatedCrash:
        pass
    else:
        assert call > 1
    backend.close()
    with treering.open(store.target, pb.Network) as repo:
        marked = marking.mark(repo._store.backend)
        assert repo.verify().ok
        assert method == "publish" or marked.extra == set()
        assert repo.get(deep=True) == head
        repo.prune()
        after = marking.mark(repo._store.backend)
        assert after.dead == set()
        if (method, moment) != ("publish", "during"):
            assert after.extra == set()  # what was written ahead of a root that never came is for the sweep
        assert repo.verify(sweep=True).ok
        marking.check_all_gone(repo)
        assert len(list(repo.log())) == 1 + len(repo.tags)


@pytest.mark.parametrize("call", range(1, 4))
@pytest.mark.parametrize("method", ["publish", "delete_many"])
def test_a_store_out_of_reach_in_the_middle(store: Place, method: Any, call: int) -> None:
    """The same handle goes on when the store is back."""
    backend = FaultyBackend(open_backend(store.target)[0])
    with treering.open(backend, pb.Network) as repo:
        repo.replace("/", large_network())
        repo.replace("/", pb.Network(name="small"))
        for number in range(60):
            repo.tag(f"tag-{number}")
        backend.fail(method, on_call=call)
        try:
            repo.delete_tag("tag-0")
            repo.prune()
            repo.verify(sweep=True)
        except treering.Unavailable:
            pass
        repo.prune()
        assert repo.get().name == "small"
        repo.verify(sweep=True)
        marking.check_all_gone(repo)
