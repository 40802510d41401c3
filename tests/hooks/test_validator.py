"""Validators: asked about the merged result of every attempt, with no lock held."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.proto import engine_pb2 as pb

import treering
from treering import Diff, Repository, Snapshot


class Vetoed(Exception):
    """What a user's validator raises."""


@pytest.fixture
def net(repo: Repository) -> Repository:
    repo.replace("/", network())
    return repo


def _changes(diff: Diff) -> list[tuple[str, str]]:
    return [(change.kind, str(change.path)) for change in diff]


class Witness:
    """A validator that reads everything it is given."""

    def __init__(self, repo: Repository) -> None:
        self.seen: list[tuple[pb.Network, list[tuple[str, str]], int]] = []
        repo.validator(self)

    def __call__(self, snapshot: Snapshot, diff: Diff) -> None:
        self.seen.append((snapshot.get(deep=True), _changes(diff), snapshot.commit.seq))


EDITS: list[Callable[[Any], object]] = [
    lambda tree: tree.add("/devices", device("d9")),
    lambda tree: tree.add("/rules", pb.Rule(text="new")),
    lambda tree: tree.add("/racks", pb.Site(address="new"), key=9),
    lambda tree: tree.update("/devices/bulk77", pb.Device(name="bulk77", vendor="new")),
    lambda tree: tree.update("/devices/d1/ports/1/flows/1", pb.Flow(id=1, match="new")),
    lambda tree: tree.update("/devices/d1/settings", pb.Settings(mtu=1)),
    lambda tree: tree.replace("/", pb.Network(name="all", devices=[device("d1", ports=50, flows=5)])),
    lambda tree: tree.remove("/devices/large"),
    lambda tree: tree.clear("/settings"),
]


@pytest.mark.parametrize("number", range(len(EDITS)))
@pytest.mark.parametrize("way", ["single", "transaction", "proxy"])
def test_snapshot_and_diff_are_those_of_the_commit(net: Repository, number: int, way: str) -> None:
    witness = Witness(net)
    head = net.head
    if way == "transaction":
        with net.transaction() as tx:
            EDITS[number](tx)
    else:
        EDITS[number](net if way == "single" else net.proxy("/"))
    ((tree, changes, seq),) = witness.seen
    assert tree == net.get(deep=True)
    assert changes == _changes(net.diff(head))
    assert len(changes) >= 1
    assert seq == head.seq


def test_every_way_to_read_an_unpublished_tree(net: Repository) -> None:
    def look(snapshot: Snapshot, diff: Diff) -> None:
        assert snapshot.get("/devices/d9/ports/1").label == "p1"
        assert snapshot.get("/devices/d9", deep=True) == device("d9")
        assert snapshot.get("/", depth=1).devices[-1] == pb.Device(name="d9", vendor="acme")
        assert [one.name for one in snapshot.get("/devices")][-1] == "d9"
        assert snapshot.keys("/devices", start="d9", limit=1) == ["d9"]
        assert snapshot.count("/devices") == net.count("/devices") + 1
        assert snapshot.exists("/devices/d9")
        assert next(snapshot.iterate("/devices", start="d9"))[0] == "d9"
        assert snapshot.get("/racks")[0] == pb.Site()
        assert diff
        assert list(diff) == list(diff)
        (change,) = diff
        assert (change.kind, change.old, change.new) == ("add", None, device("d9"))
        assert [operation["op"] for operation in diff.json_patch()] == ["add"]
        seen.append(snapshot)

    seen: list[Snapshot] = []
    net.validator(look)
    net.add("/devices", device("d9"))
    assert len(seen) == 1
    assert seen[0].get(deep=True) == net.get(deep=True)  # the snapshot may be kept


def test_it_sees_the_merged_result(net: Repository) -> None:
    tx = net.transaction()
    tx.update("/devices/d1", pb.Device(name="d1", vendor="mine"))
    net.update("/devices/d2", pb.Device(name="d2", vendor="theirs"))
    witness = Witness(net)
    tx.commit()
    ((tree, changes, _),) = witness.seen
    assert {one.name: one.vendor for one in tree.devices if one.name in {"d1", "d2"}} == {"d1": "mine", "d2": "theirs"}
    assert changes == [("update", "/devices/d1")]


def test_a_rule_over_two_nodes_holds_though_each_side_keeps_it(net: Repository) -> None:
    """The invariant that write skew would break: checked on the merged tree, it holds without serializable."""

    @net.validator
    def one_stays_up(snapshot: Snapshot, diff: Diff) -> None:
        if not any(snapshot.get(("devices", "d1", "ports", port)).enabled for port in (0, 1)):
            raise Vetoed

    with pytest.raises(Vetoed):
        net.update("/", pb.Network())  # as long as both are down, nothing may be committed
    with net.transaction() as tx:
        for port in (0, 1):
            tx.update(("devices", "d1", "ports", port), pb.Port(number=port, enabled=True))
    one, two = net.transaction(), net.transaction()
    one.update("/devices/d1/ports/0", pb.Port(number=0))
    two.update("/devices/d1/ports/1", pb.Port(number=1))
    one.commit()
    with pytest.raises(Vetoed):
        two.commit()
    assert net.get("/devices/d1/ports/1").enabled


@pytest.mark.parametrize("number", range(len(EDITS)))
@pytest.mark.parametrize("error", [Vetoed("no"), treering.WrongType("mine"), KeyboardInterrupt(), StopIteration()])
def test_what_it_raises_reaches_the_caller(net: Repository, store: Place, number: int, error: BaseException) -> None:
    @net.validator
    def refuse(snapshot: Snapshot, diff: Diff) -> None:
        raise error

    for tree in (net, net.proxy("/")):
        with store.unchanged(), pytest.raises(type(error)) as caught:
            EDITS[number](tree)
        assert caught.value is error
        tx = tree.transaction()
        EDITS[number](tx)
        with store.unchanged(), pytest.raises(type(error)) as caught:
            tx.commit()
        assert caught.value is error
        assert error.__cause__ is None
        with pytest.raises(treering.TransactionClosed):
            tx.commit()


def test_a_refused_edit_is_no_obstacle_to_the_next(net: Repository) -> None:
    @net.validator
    def named(snapshot: Snapshot, diff: Diff) -> None:
        if not snapshot.get().name:
            raise Vetoed

    for _ in range(3):
        with pytest.raises(Vetoed):
            net.update("/", pb.Network())
        net.update("/", pb.Network(name="x"))
        net.update("/", pb.Network(name="y"))
    assert net.head.seq == 7


def test_all_are_asked_in_order_until_one_refuses(net: Repository) -> None:
    asked: list[int] = []

    def ask(number: int) -> None:
        @net.validator
        def validate(snapshot: Snapshot, diff: Diff) -> None:
            asked.append(number)
            if number == 2 and snapshot.get().name == "bad":
                raise Vetoed

    for number in (1, 2, 3):
        ask(number)
    net.update("/", pb.Network(name="good"))
    assert asked == [1, 2, 3]
    with pytest.raises(Vetoed):
        net.update("/", pb.Network(name="bad"))
    assert asked == [1, 2, 3, 1, 2]


def test_it_is_a_decorator_that_returns_the_function(net: Repository) -> None:
    def validate(snapshot: Snapshot, diff: Diff) -> None: ...

    assert net.validator(validate) is validate


def test_it_is_not_asked_about_nothing(net: Repository) -> None:
    witness = Witness(net)
    net.update("/devices/d1", net.get("/devices/d1"))
    net.clear("/devices/d1/settings")
    with net.transaction() as tx:
        tx.add("/devices", device("d9"))
        tx.remove("/devices/d9")
    with pytest.raises(treering.PathNotFound):
        net.remove("/devices/none")
    net.tag("t")
    tx = net.transaction()
    tx.remove("/devices/d1")
    tx.cancel()
    net.prune(dry_run=True)
    assert witness.seen == []


def test_a_conflict_comes_before_it(net: Repository) -> None:
    tx = net.transaction()
    tx.update("/devices/d1", pb.Device(name="d1", vendor="mine"))
    net.update("/devices/d1", pb.Device(name="d1", vendor="theirs"))
    witness = Witness(net)
    with pytest.raises(treering.MergeConflict):
        tx.commit()
    assert witness.seen == []


@pytest.mark.parametrize("way", ["single", "transaction"])
def test_it_is_asked_again_when_the_head_moved(net: Repository, store: Place, way: str) -> None:
    other = store.open()
    names: list[tuple[str, int]] = []

    @net.validator
    def validate(snapshot: Snapshot, diff: Diff) -> None:
        assert _changes(diff) == [("update", "/devices/d1")]
        names.append((snapshot.get().name, snapshot.commit.seq))
        if len(names) < 3:
            other.update("/", pb.Network(name=f"moved {len(names)}"))  # another writer is faster

    tree = net.transaction() if way == "transaction" else net
    tree.update("/devices/d1", pb.Device(name="d1", vendor="mine"))
    if way == "transaction":
        tree.commit()
    assert names == [("net", 1), ("moved 1", 2), ("moved 2", 3)]
    assert net.head.seq == 4
    assert (net.get().name, net.get("/devices/d1").vendor) == ("moved 2", "mine")


def test_a_move_that_makes_the_result_bad_is_refused(net: Repository, store: Place) -> None:
    other = store.open()
    asked: list[int] = []

    @net.validator
    def few(snapshot: Snapshot, diff: Diff) -> None:
        asked.append(snapshot.count("/racks"))
        if len(asked) == 1:
            other.add("/racks", pb.Site(), key=100)
        if asked[-1] > 3:
            raise Vetoed

    with pytest.raises(Vetoed):
        net.add("/racks", pb.Site(), key=200)
    assert asked == [3, 4]
    assert net.keys("/racks") == [-5, 0, 100]


@pytest.mark.parametrize("way", ["single", "transaction", "proxy"])
def test_no_lock_is_held_while_it_runs(net: Repository, way: str) -> None:
    """It waits for another thread that reads, writes, tags and commits through the same repository."""
    first = threading.current_thread()

    @net.validator
    def wait(snapshot: Snapshot, diff: Diff) -> None:
        if threading.current_thread() is first and net.get().name == "net":
            thread = threading.Thread(target=work)
            thread.start()
            thread.join(20)
            assert not thread.is_alive()

    def work() -> None:
        net.get(deep=True)
        net.update("/", pb.Network(name="thread"))
        net.tag("by-thread")
        with net.transaction() as tx:
            tx.add("/racks", pb.Site(), key=100)
        net.prune(keep_last=2)
        assert net.verify().ok

    if way == "transaction":
        with net.transaction() as tx:
            tx.update("/devices/d1", pb.Device(name="d1", vendor="mine"))
    else:
        (net if way == "single" else net.proxy("/")).update("/devices/d1", pb.Device(name="d1", vendor="mine"))
    assert (net.get().name, net.get("/devices/d1").vendor, net.exists("/racks/100")) == ("thread", "mine", True)
    assert list(net.tags) == ["by-thread"]


def test_hooks_and_validators_together(net: Repository) -> None:
    order: list[str] = []
    proxy = net.proxy("/devices/d1")
    proxy.on(treering.PRE_UPDATE, lambda _: order.append("pre"))
    proxy.on(treering.POST_UPDATE, lambda _: order.append("post"))
    proxy.on(treering.GET, lambda message: order.append("get"))
    net.validator(lambda snapshot, _: order.append("validate " + snapshot.get("/devices/d1").vendor))
    net.update("/devices/d1", pb.Device(name="d1", vendor="v"))
    assert order == ["pre", "validate v", "post"]


def test_a_validator_may_come_while_validators_run(net: Repository) -> None:
    witnesses: list[Witness] = []
    net.validator(lambda *_: witnesses.append(Witness(net)))
    net.update("/", pb.Network(name="x"))
    assert witnesses[0].seen == []
    net.update("/", pb.Network(name="y"))
    assert len(witnesses[0].seen) == 1


def test_validators_are_of_one_repository(net: Repository, store: Place) -> None:
    witness = Witness(net)
    store.open().update("/", pb.Network(name="x"))
    assert witness.seen == []


def test_run_goes_on_to_the_caller_when_refused(net: Repository) -> None:
    calls: list[int] = []

    @net.validator
    def refuse(snapshot: Snapshot, diff: Diff) -> None:
        raise Vetoed

    with pytest.raises(Vetoed):
        net.run(lambda tx: (calls.append(1), tx.update("/", pb.Network(name="x"))))
    assert calls == [1]
