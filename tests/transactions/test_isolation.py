"""What a transaction sees, what others see of it, and what is left of one that did not commit."""

from __future__ import annotations

import gc
import itertools

import pytest
from tests.engine.place import Place
from tests.engine.trees import device
from tests.proto import engine_pb2 as pb

import treering
from treering import MergeConflict, Repository


def test_reads_see_own_edits_and_the_base(repo: Repository) -> None:
    repo.add("/devices", device("a"))
    base = repo.head
    with repo.transaction() as tx:
        repo.add("/devices", device("theirs"))
        repo.update("/devices/a", pb.Device(name="a", vendor="theirs"))
        tx.add("/devices", pb.Device(name="b"))
        tx.update("/devices/a/ports/1", pb.Port(number=1, label="mine"))
        tx.remove("/devices/a/ports/2")
        assert tx.base == base
        assert tx.keys("/devices") == ["a", "b"]
        assert tx.keys("/devices", start="b", limit=1) == ["b"]
        assert (tx.count("/devices"), tx.exists("/devices/theirs"), tx.exists("/devices/b")) == (2, False, True)
        assert tx.get("/devices/a").vendor == "acme"
        assert [(key, port.label) for key, port in tx.iterate("/devices/a/ports")] == [(0, "p0"), (1, "mine")]
        assert [port.number for port in tx.get("/devices/a", deep=True).ports] == [0, 1]
        assert len(tx.get("/devices", depth=1)[0].ports) == 2
        with pytest.raises(treering.AlreadyExists):
            tx.add("/devices", pb.Device(name="b"))
        with pytest.raises(treering.PathNotFound):
            tx.get("/devices/theirs")
    assert repo.keys("/devices") == ["a", "b", "theirs"]
    assert repo.get("/devices/a").vendor == "theirs"
    assert repo.get("/devices/a/ports/1").label == "mine"


def test_others_see_nothing_and_then_all_as_one_commit(store: Place) -> None:
    repo, other = store.open(), store.open()
    before = repo.head
    tx = repo.transaction(author="ada", note="two at once")
    for name in ("a", "b"):
        tx.add("/devices", device(name))
        for reader in (repo, other):
            assert reader.head == before
            assert reader.keys("/devices") == []
    commit = tx.commit()
    for reader in (repo, other):
        assert reader.head == commit
        assert reader.keys("/devices") == ["a", "b"]
    assert (commit.author, commit.note, commit.parents) == ("ada", "two at once", (before.id,))
    assert [str(change.path) for change in repo.diff(before)] == ["/devices/a", "/devices/b"]


def test_a_refused_edit_leaves_the_transaction_as_it_was(repo: Repository) -> None:
    tx = repo.transaction()
    tx.add("/devices", device("a"))
    for call, kind in (
        (lambda: tx.add("/devices", device("a")), treering.AlreadyExists),
        (lambda: tx.update("/devices/a", pb.Device(name="b")), treering.KeyChanged),
        (lambda: tx.remove("/devices/b"), treering.PathNotFound),
        (lambda: tx.clear("/devices/a"), treering.InvalidPath),
        (lambda: tx.update("/", pb.Port()), treering.WrongType),
        (lambda: tx.keys("/devices", limit=-1), treering.WrongType),
    ):
        with pytest.raises(kind):
            call()
    assert tx.commit().seq == 1
    assert repo.get("/devices/a", deep=True) == device("a")


@pytest.mark.parametrize("ending", ["cancel", "exception", "garbage"])
def test_what_does_not_commit_leaves_no_trace(store: Place, ending: str) -> None:
    repo = store.open()
    repo.add("/devices", device("a"))
    with store.unchanged():
        tx = repo.transaction()
        tx.remove("/devices/a")
        tx.add("/devices", device("b"))
        if ending == "cancel":
            tx.cancel()
        elif ending == "exception":
            with pytest.raises(RuntimeError, match="mine"), tx:
                raise RuntimeError("mine")
        del tx
        gc.collect()
        assert repo._store.pinned() == set()
    assert repo.keys("/devices") == ["a"]


def test_a_conflict_names_what_and_changes_nothing(store: Place) -> None:
    repo = store.open()
    repo.replace("/", pb.Network(devices=[device("a"), device("b"), device("c")]))
    tx = repo.transaction()
    tx.update("/devices/a", pb.Device(name="a", vendor="mine"))
    tx.remove("/devices/b")
    tx.add("/devices", device("new"))
    tx.update("/devices/c", pb.Device(name="c", vendor="fine"))
    repo.update("/devices/a", pb.Device(name="a", vendor="theirs"))
    repo.update("/devices/b/ports/0/flows/1", pb.Flow(id=1, match="theirs"))
    repo.add("/devices", pb.Device(name="new"))
    with store.refuses(MergeConflict) as caught:
        tx.commit()
    found = {str(conflict.path): conflict for conflict in caught.value.conflicts}
    assert sorted(found) == ["/devices/a", "/devices/b", "/devices/new"]
    update, remove, add = (found[path] for path in sorted(found))
    assert [one.vendor for one in (update.base, update.mine, update.theirs)] == ["acme", "mine", "theirs"]
    assert len(update.base.ports) == 0
    assert (remove.base, remove.mine) == (device("b"), None)
    assert remove.theirs.ports[0].flows[1].match == "theirs"
    assert (add.base, add.mine, add.theirs) == (None, device("new"), pb.Device(name="new"))
    assert caught.value.retry is treering.Retry.RERUN
    with pytest.raises(treering.TransactionClosed):
        tx.commit()


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::7])
def test_five_at_once(repo: Repository, order: tuple[int, ...]) -> None:
    """At the root and through proxies of leaves, added, removed and updated, committed in any order."""
    repo.replace("/", pb.Network(name="net", devices=[device("a"), device("b"), device("c")]))
    leaf, flow = repo.proxy("/devices/a"), repo.proxy("/devices/c/ports/2/flows/1")
    opened = [repo.transaction(), repo.transaction(), repo.transaction(), leaf.transaction(), flow.transaction()]
    opened[0].add("/devices", device("new"))
    opened[3].update("/ports/1", pb.Port(number=1, label="leaf"))
    opened[1].remove("/devices/b")
    opened[4].update("/", pb.Flow(id=1, match="deep"))
    opened[2].update("/", pb.Network(name="renamed"))
    opened[3].add("/ports", pb.Port(number=9))
    first = repo.head.seq
    commits = [opened[index].commit() for index in order]
    assert [commit.seq for commit in commits] == list(range(first + 1, first + 6))
    tree = repo.get(deep=True)
    assert tree.name == "renamed"
    assert [one.name for one in tree.devices] == ["a", "c", "new"]
    assert [port.label for port in tree.devices[0].ports] == ["p0", "leaf", "p2", ""]
    assert tree.devices[1].ports[2].flows[1].match == "deep"
