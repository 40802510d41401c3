"""How a transaction ends, and what using it then does; plans; and bases that are pruned meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.engine.place import Place
from tests.engine.trees import device
from tests.proto import engine_pb2 as pb

import treering
from treering import MergeConflict, Repository, Transaction, TransactionClosed

CALLS: dict[str, Callable[[Transaction], Any]] = {
    "get": lambda tx: tx.get("/"),
    "keys": lambda tx: tx.keys("/devices"),
    "count": lambda tx: tx.count("/devices"),
    "exists": lambda tx: tx.exists("/devices/a"),
    "iterate": lambda tx: tx.iterate("/devices"),
    "add": lambda tx: tx.add("/devices", pb.Device(name="x")),
    "update": lambda tx: tx.update("/", pb.Network()),
    "replace": lambda tx: tx.replace("/", pb.Network()),
    "remove": lambda tx: tx.remove("/devices/a"),
    "clear": lambda tx: tx.clear("/settings"),
    "plan": lambda tx: tx.plan(),
    "commit": lambda tx: tx.commit(),
    "cancel": lambda tx: tx.cancel(),
}


def _refuse(tx: Transaction, kind: type[treering.Error]) -> None:
    for call in CALLS.values():
        with pytest.raises(kind) as caught:
            call(tx)
        assert type(caught.value) is kind


def _begin(repo: Repository) -> Transaction:
    tx = repo.transaction()
    tx.add("/devices", device("mine"))
    return tx


@pytest.mark.parametrize("ending", ["commit", "cancel", "block", "raise", "conflict"])
def test_after_its_end(repo: Repository, ending: str) -> None:
    tx = _begin(repo)
    found = tx.iterate("/devices")
    if ending in {"commit", "cancel"}:
        CALLS[ending](tx)
    elif ending == "block":
        with tx:
            pass
    elif ending == "raise":
        with pytest.raises(KeyError), tx:
            raise KeyError
    else:
        repo.add("/devices", pb.Device(name="mine"))
        with pytest.raises(MergeConflict):
            tx.commit()
    head = repo.head
    _refuse(tx, TransactionClosed)
    with pytest.raises(TransactionClosed):
        next(found)
    assert repo.head == head
    assert tx.base.seq == 0
    assert "ended" in repr(tx)


def test_a_block_may_end_its_transaction_itself(repo: Repository) -> None:
    with _begin(repo) as tx:
        tx.cancel()
    assert repo.head.seq == 0
    with _begin(repo) as tx:
        tx.commit()
    assert repo.head.seq == 1


def test_a_block_in_conflict_raises(repo: Repository) -> None:
    with pytest.raises(MergeConflict), _begin(repo):
        repo.add("/devices", pb.Device(name="mine"))
    assert repo.get("/devices/mine", deep=True) == pb.Device(name="mine")


def test_after_close(store: Place) -> None:
    repo = store.open()
    tx = _begin(repo)
    repo.close()
    _refuse(tx, treering.Unavailable)
    assert store.open().head.seq == 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_after_a_fork(repo: Repository) -> None:
    tx = _begin(repo)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _refuse(tx, treering.ForkedProcess)
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert tx.commit().seq == 1


def test_threads_share_one(repo: Repository) -> None:
    tx = repo.transaction()
    errors: list[BaseException] = []

    def add(thread: int) -> None:
        try:
            for number in range(20):
                tx.add("/devices", pb.Device(name=f"{thread}-{number}"))
        except BaseException as error:  # noqa: BLE001 - checked below
            errors.append(error)

    threads = [threading.Thread(target=add, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert tx.commit().seq == 1
    assert repo.count("/devices") == 80


def test_of_many_commits_one_is_made(repo: Repository) -> None:
    tx = _begin(repo)
    outcomes: list[object] = []

    def commit() -> None:
        try:
            outcomes.append(tx.commit())
        except TransactionClosed as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=commit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(TransactionClosed) == 3
    assert repo.head.seq == 1


def test_a_plan_is_what_a_commit_does_and_ends_nothing(repo: Repository) -> None:
    repo.replace("/", pb.Network(devices=[device("a"), device("b")]))
    tx = repo.transaction()
    assert list(tx.plan()) == []
    tx.update("/devices/a", pb.Device(name="a", vendor="mine"))
    tx.remove("/devices/b")
    repo.add("/devices", device("theirs"))
    head = repo.head
    plan = tx.plan()
    assert [(change.kind, str(change.path)) for change in plan] == [("update", "/devices/a"), ("remove", "/devices/b")]
    assert repo.head == head
    repo.update("/devices/a", pb.Device(name="a", vendor="theirs"))
    for _ in range(2):
        with pytest.raises(MergeConflict):
            tx.plan()
    tx.update("/devices/a", pb.Device(name="a", vendor="theirs"))
    planned = tx.plan().json_patch()
    head = repo.head
    assert planned == repo.diff(head, tx.commit()).json_patch() == [{"op": "remove", "path": "/devices/1"}]


def test_a_proxys_transaction_plans_its_own_part(repo: Repository) -> None:
    repo.add("/devices", device("a"))
    tx = repo.proxy("/devices/a").transaction()
    tx.remove("/ports/1")
    (change,) = tx.plan()
    assert str(change.path) == "/devices/a/ports/1"
    assert tx.keys("/ports") == [0, 2]
    tx.commit()


@pytest.mark.parametrize("other", [False, True], ids=["this handle", "another handle"])
def test_pruning_the_base_changes_nothing(store: Place, other: bool) -> None:
    """Nor where content that was seen came back at other locations."""
    repo = store.open()
    large = [pb.Device(name=f"d{number}", vendor="v" * 40) for number in range(300)]
    start = pb.Network(devices=[device("a"), device("b"), device("c"), *large])
    repo.replace("/", start)
    clean, broken = repo.transaction(), repo.transaction()
    for tx in (clean, broken):
        tx.update("/devices/a", pb.Device(name="a", vendor="mine"))
        tx.remove("/devices/c")
        tx.update("/devices/d7", pb.Device(name="d7", vendor="x"))
        tx.update("/devices/d7", large[7])
        tx.replace("/devices/d9", pb.Device(name="d9", vendor="new"))
        tx.add("/devices", device("new"))
    broken.remove("/devices/b")
    repo.replace("/", pb.Network())
    repo.replace("/", start)
    repo.update("/devices/b", pb.Device(name="b", vendor="theirs"))
    (store.open() if other else repo).prune()
    with pytest.raises(MergeConflict) as caught:
        broken.commit()
    (conflict,) = caught.value.conflicts
    assert str(conflict.path) == "/devices/b"
    assert conflict.theirs.vendor == "theirs"
    clean.commit()
    vendors = {one.name: one.vendor for one in repo.get("/devices")}
    assert (vendors["a"], vendors["b"], vendors["d7"], vendors["d9"]) == ("mine", "theirs", "v" * 40, "new")
    assert "c" not in vendors
    repo.prune()
    assert repo.verify().unreachable == 0


@pytest.mark.parametrize("commits", [False, True])
def test_a_base_that_is_really_gone(store: Place, commits: bool) -> None:
    """Pruned by another handle, and not cached: reading it says so, committing what was written goes on by hashes."""
    repo, other = store.open(), store.open()
    repo.replace("/", pb.Network(devices=[pb.Device(name=f"d{number}", vendor="v" * 40) for number in range(300)]))
    repo.add("/devices", pb.Device(name="large", image=b"x" * 2000, ports=[pb.Port(number=1)]))
    tx = repo.transaction()
    tx.update("/devices/large", pb.Device(name="large"))
    tx.update("/devices/large", pb.Device(name="large", image=b"x" * 2000))
    tx.remove("/devices/d7")
    tx.replace("/devices/large/ports/1", pb.Port(number=1, label="mine"))
    tx.add("/devices", pb.Device(name="new"))
    for number in range(0, 300, 9):
        other.update(f"/devices/d{number}", pb.Device(name=f"d{number}"))
    other.update("/devices/large", pb.Device(name="large", vendor="theirs"))
    other.prune()
    repo._store.reader.forget()
    if not commits:
        with pytest.raises(treering.SnapshotPruned):
            tx.get(deep=True)
        with pytest.raises(treering.SnapshotPruned):
            list(tx.iterate("/devices"))
    tx.commit()
    assert not repo.exists("/devices/d7")
    assert repo.get("/devices/large/ports/1").label == "mine"
    assert repo.get("/devices/large").vendor == "theirs"
    assert repo.get("/devices")[-1].name == "new"


def test_a_hook_that_edits_the_transaction_too(repo: Repository) -> None:
    tx = repo.transaction()

    def companion(message: pb.Device | pb.Site) -> None:
        if isinstance(message, pb.Device):
            tx.add("/sites", pb.Site(address=message.name), key="s")

    repo.proxy("/").on(treering.PRE_ADD, companion)
    tx.add("/devices", pb.Device(name="a"))
    tx.commit()
    assert repo.keys("/devices") == ["a"]
    assert repo.get("/sites/s").address == "a"
