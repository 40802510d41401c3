"""The order of siblings: a matter of its own, that never makes a conflict."""

from __future__ import annotations

import itertools

import pytest
from tests.engine.trees import device
from tests.proto import engine_pb2 as pb

from treering import Repository


def _names(repo: Repository) -> list[str]:
    return [one.name for one in repo.get("/devices")]


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_concurrent_adds_stand_in_commit_order(repo: Repository, order: tuple[str, ...]) -> None:
    opened = {name: repo.transaction() for name in "abc"}
    for name, tx in opened.items():
        tx.add("/devices", pb.Device(name=f"{name}2"))
        tx.add("/devices", pb.Device(name=f"{name}1"))
    for name in order:
        opened[name].commit()
    assert _names(repo) == [f"{name}{number}" for name in order for number in "21"]


@pytest.mark.parametrize("moved", [False, True])
def test_removed_and_added_again_goes_to_the_end(repo: Repository, moved: bool) -> None:
    repo.replace("/", pb.Network(devices=[device("a"), device("b")]))
    tree = repo.head.tree_id
    tx = repo.transaction()
    tx.remove("/devices/a")
    tx.add("/devices", device("a"))
    if moved:
        repo.update("/", pb.Network(name="n"))
        tree = repo.head.tree_id
    before = repo.head
    commit = tx.commit()
    assert _names(repo) == ["b", "a"]
    assert commit.tree_id == tree
    assert commit.seq == before.seq + 1
    assert list(repo.diff(before)) == []


@pytest.mark.parametrize("moved", [False, True])
def test_the_last_one_removed_and_added_again_is_no_change(repo: Repository, moved: bool) -> None:
    repo.replace("/", pb.Network(devices=[device("a"), device("gone"), device("b")]))
    repo.remove("/devices/gone")
    tx = repo.transaction()
    tx.remove("/devices/b")
    tx.add("/devices", device("b"))
    tx.remove("/devices/a")
    tx.add("/devices", device("a"))
    tx.remove("/devices/b")
    tx.add("/devices", device("b"))
    if moved:
        repo.update("/", pb.Network(name="n"))
    head = repo.head
    assert tx.commit() == head


def test_the_same_in_a_map_is_no_change(repo: Repository) -> None:
    for name in "ab":
        repo.add("/sites", pb.Site(address=name), key=name)
    head = repo.head
    with repo.transaction() as tx:
        tx.remove("/sites/a")
        tx.add("/sites", pb.Site(address="a"), key="a")
    assert repo.head == head


@pytest.mark.parametrize("moved", [False, True])
def test_an_order_alone_is_a_commit(repo: Repository, moved: bool) -> None:
    repo.replace("/", pb.Network(devices=[device("a"), device("b"), device("c")]))
    tx = repo.transaction()
    tx.replace("/", pb.Network(devices=[device("c"), device("b"), device("a")]))
    if moved:
        repo.add("/devices", device("d"))
        repo.remove("/devices/d")
    before = repo.head
    commit = tx.commit()
    assert (commit.tree_id, commit.seq) == (before.tree_id, before.seq + 1)
    assert _names(repo) == ["c", "b", "a"]


def test_an_order_gives_way_to_content(repo: Repository) -> None:
    repo.replace("/", pb.Network(devices=[device("a"), device("b")]))
    tx = repo.transaction()
    tx.replace("/", pb.Network(devices=[device("b"), device("a")]))
    head = repo.add("/devices", device("c"))
    assert tx.commit() == head
    assert _names(repo) == ["a", "b", "c"]


@pytest.mark.parametrize("last", [True, False])
def test_an_order_below_that_was_not_changed_leaves_that_of_another_writer(repo: Repository, last: bool) -> None:
    devices = [device("a"), device("b")] if last else [device("b"), device("a")]
    repo.replace("/", pb.Network(devices=devices))
    tx = repo.transaction()
    tx.remove("/devices/b")
    tx.add("/devices", device("b"))  # to the end, and as it was
    turned = device("b")
    turned.ports.sort(key=lambda port: -port.number)
    head = repo.replace("/devices/b", turned)
    commit = tx.commit()
    assert repo.get("/devices", deep=True) == [device("a"), turned]
    assert (commit == head) == last
    assert commit.tree_id == head.tree_id


def test_an_equal_add_keeps_its_place(repo: Repository) -> None:
    tx = repo.transaction()
    tx.add("/devices", device("same"))
    tx.add("/devices", device("mine"))
    repo.add("/devices", device("same"))
    repo.add("/devices", device("theirs"))
    tx.commit()
    assert _names(repo) == ["same", "theirs", "mine"]


@pytest.mark.parametrize("moved", [False, True])
def test_what_ends_as_it_was_seen_is_no_commit(repo: Repository, moved: bool) -> None:
    repo.add("/devices", device("a"))
    tx = repo.transaction()
    tx.update("/devices/a", pb.Device(name="a", vendor="x"))
    tx.update("/devices/a", pb.Device(name="a", vendor="acme"))
    tx.add("/devices", device("b"))
    tx.remove("/devices/b")
    tx.update("/settings", pb.Settings(mtu=1))
    tx.clear("/settings")
    tx.replace("/devices/a/ports/0", pb.Port(number=0))
    tx.replace("/devices/a/ports/0", device("a").ports[0])
    if moved:
        repo.update("/devices/a", pb.Device(name="a", vendor="theirs"))
        repo.update("/settings", pb.Settings(mtu=2))
    head = repo.head
    assert list(tx.plan()) == []
    assert tx.commit() == head == repo.head
