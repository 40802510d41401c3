"""``serializable=True``: what was read counts as well, where all ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.engine.trees import device
from tests.proto import engine_pb2 as pb

from treering import MergeConflict, PathNotFound, Repository, Transaction


def _start(repo: Repository) -> None:
    repo.replace("/", pb.Network(name="n", devices=[device(name) for name in "abcd"], settings=pb.Settings(mtu=1)))


def _on_call(tx: Transaction, name: str) -> None:
    """Go off duty where somebody else is still on."""
    if sum(one.vendor == "acme" for _, one in tx.iterate("/devices")) > 1:
        tx.update(f"/devices/{name}", pb.Device(name=name, vendor="off"))


def test_write_skew(repo: Repository) -> None:
    for serializable in (False, True):
        repo.replace("/", pb.Network(devices=[device("a"), device("b")]))
        one, two = (repo.transaction(serializable=serializable) for _ in "ab")
        _on_call(one, "a")
        _on_call(two, "b")
        one.commit()
        if serializable:
            with pytest.raises(MergeConflict) as caught:
                two.commit()
            assert [str(conflict.path) for conflict in caught.value.conflicts] == ["/devices"]
        else:
            two.commit()
        assert sum(one.vendor == "acme" for one in repo.get("/devices")) == int(serializable)


def _absent(tx: Transaction) -> None:
    with pytest.raises(PathNotFound):
        tx.get("/devices/new")


def _two(tx: Transaction) -> None:
    found = tx.iterate("/devices")
    assert [next(found)[0], next(found)[0]] == ["a", "b"]


READS: dict[str, tuple[Callable[[Transaction], Any], set[str]]] = {
    # what is read, and the changes that it minds
    "node": (lambda tx: tx.get("/devices/a"), {"own"}),
    "deep": (lambda tx: tx.get("/devices/a", deep=True), {"own", "below"}),
    "two levels": (lambda tx: tx.get("/devices/a", depth=1), {"own", "port"}),
    "list": (lambda tx: tx.get("/devices"), {"own", "add", "remove", "last"}),
    "deep list": (lambda tx: tx.get("/devices", deep=True), {"own", "below", "port", "add", "remove", "last"}),
    "iterate": (lambda tx: list(tx.iterate("/devices")), {"own", "add", "remove", "last"}),
    "iterate two": (_two, {"own"}),
    "iterate from b": (lambda tx: list(tx.iterate("/devices", start="b")), {"add", "remove", "last"}),
    "keys": (lambda tx: tx.keys("/devices"), {"add", "remove"}),
    "two keys": (lambda tx: tx.keys("/devices", limit=2), set()),
    "keys from d": (lambda tx: tx.keys("/devices", start="d"), {"add"}),
    "count": (lambda tx: tx.count("/devices"), {"add", "remove"}),
    "exists": (lambda tx: tx.exists("/devices/c"), {"remove"}),
    "exists not": (lambda tx: tx.exists("/devices/new"), {"add"}),
    "absent": (_absent, {"add"}),
    "absent singular": (lambda tx: tx.get("/devices/a/settings"), {"create"}),
    "singular": (lambda tx: tx.get("/settings"), {"clear"}),
    "nothing": (lambda tx: None, set()),
    "not begun": (lambda tx: tx.iterate("/devices"), set()),
}
CHANGES: dict[str, Callable[[Repository], Any]] = {
    "own": lambda repo: repo.update("/devices/a", pb.Device(name="a", vendor="x")),
    "below": lambda repo: repo.update("/devices/a/ports/1/flows/1", pb.Flow(id=1, match="x")),
    "port": lambda repo: repo.update("/devices/a/ports/1", pb.Port(number=1, label="x")),
    "add": lambda repo: repo.add("/devices", pb.Device(name="new")),
    "remove": lambda repo: repo.remove("/devices/c"),
    "last": lambda repo: repo.update("/devices/d", pb.Device(name="d", vendor="x")),
    "create": lambda repo: repo.update("/devices/a/settings", pb.Settings(mtu=2)),
    "clear": lambda repo: repo.clear("/settings"),
    "order": lambda repo: repo.replace(
        "/", pb.Network(name="n", devices=[device(name) for name in "dcba"], settings=pb.Settings(mtu=1))
    ),
}


@pytest.mark.parametrize("read", READS)
def test_what_a_read_minds(repo: Repository, read: str) -> None:
    look, minds = READS[read]
    if "deep" in read:
        minds = minds | {"port", "create"}
    if read == "two levels":
        minds = minds | {"create"}
    for change, make in CHANGES.items():
        _start(repo)
        tx, idle = (repo.transaction(serializable=True) for _ in range(2))
        for one in (tx, idle):
            look(one)
        tx.add("/sites", pb.Site(), key="mine")
        make(repo)
        if change in minds:
            with pytest.raises(MergeConflict):
                tx.plan()
            with pytest.raises(MergeConflict):
                tx.commit()
        else:
            tx.commit()
            assert repo.exists("/sites/mine")
        head = repo.head
        assert idle.commit() == head, "a transaction that wrote nothing always commits"


def test_a_change_that_was_taken_back_is_none(repo: Repository) -> None:
    _start(repo)
    tx = repo.transaction(serializable=True)
    tx.get(deep=True)
    tx.update("/", pb.Network(name="mine"))
    repo.remove("/devices/a")
    _start(repo)
    tx.commit()
    assert repo.get("/").name == "mine"


def test_a_write_that_is_there_already_does_not_excuse_a_read(repo: Repository) -> None:
    _start(repo)
    tx = repo.transaction(serializable=True)
    tx.get("/devices/a")
    tx.update("/", pb.Network(name="both"))
    repo.update("/devices/a", pb.Device(name="a", vendor="x"))
    repo.update("/", pb.Network(name="both"))
    with pytest.raises(MergeConflict):
        tx.commit()


def test_an_order_of_what_was_removed_meanwhile_is_no_write(repo: Repository) -> None:
    for name in ("a", "b"):
        repo.add("/devices", pb.Device(name=name))
    transaction = repo.transaction(serializable=True)
    transaction.get("/devices/b")
    transaction.remove("/devices/a")
    transaction.add("/devices", pb.Device(name="a"))  # nothing but at the end of its siblings
    repo.remove("/devices/b")
    with pytest.raises(MergeConflict):
        transaction.plan()
    head = repo.remove("/devices/a")
    assert list(transaction.plan()) == []
    assert transaction.commit() == head
    assert repo.keys("/devices") == []
