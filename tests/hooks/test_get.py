"""GET hooks: for a get of exactly this node from the repository or a proxy, and never stored."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engine.place import Place
from tests.engine.trees import device
from tests.proto import engine_pb2 as pb

import treering
from treering import GET, Repository


@pytest.fixture
def net(repo: Repository) -> Repository:
    repo.replace("/", pb.Network(name="net", devices=[device("d1"), device("d2")]))
    repo.proxy("/devices/d1").on(GET, _mark)
    return repo


def _mark(message: pb.Device) -> None:
    message.vendor = "marked"


def test_a_get_of_the_node_goes_through_the_hook(net: Repository) -> None:
    assert net.get("/devices/d1").vendor == "marked"
    assert net.get("/devices/d1", deep=True).vendor == "marked"
    assert len(net.get("/devices/d1", depth=1).ports) == 3
    assert net.proxy("/").get("/devices/d1").vendor == "marked"
    assert net.proxy("/devices/d1").get().vendor == "marked"
    assert net.proxy("/devices/d1").get("/", deep=True).vendor == "marked"
    assert net.get("/devices/d2").vendor == "acme"


def test_no_other_read_does(net: Repository) -> None:
    commit = net.update("/", pb.Network(name="x"))
    snapshot = net.at("main")
    tx = net.transaction()
    proxy_tx = net.proxy("/devices/d1").transaction()
    vendors = [
        net.get(deep=True).devices[0].vendor,
        net.get(depth=1).devices[0].vendor,
        net.get("/devices")[0].vendor,
        net.proxy("/").get(deep=True).devices[0].vendor,
        dict(net.iterate("/devices"))["d1"].vendor,
        net.get("/devices/d1", at="main").vendor,
        net.get("/devices/d1", at=commit).vendor,
        snapshot.get("/devices/d1").vendor,
        snapshot.get("/devices/d1", deep=True).vendor,
        tx.get("/devices/d1").vendor,
        tx.get("/devices/d1", deep=True).vendor,
        proxy_tx.get().vendor,
        tx.get(deep=True).devices[0].vendor,
    ]
    assert set(vendors) == {"acme"}
    tx.update("/devices/d1", pb.Device(name="d1", vendor="mine"))
    (planned,) = tx.plan()
    assert (planned.old.vendor, planned.new.vendor) == ("acme", "mine")
    net.update("/devices/d1", pb.Device(name="d1", vendor="new"))
    (change,) = net.diff(commit)
    assert (change.old.vendor, change.new.vendor) == ("acme", "new")
    with pytest.raises(treering.MergeConflict) as caught:
        tx.commit()
    assert [one.theirs.vendor for one in caught.value.conflicts] == ["new"]


def test_a_container_read_as_a_whole_or_a_child_of_the_node_does_not(net: Repository) -> None:
    net.proxy("/").on(GET, lambda message: pb.Network(name="hidden"))
    assert net.get().name == "hidden"
    assert net.get("/devices/d2").vendor == "acme"
    assert net.get("/devices/d1/ports/0").label == "p0"
    assert [one.vendor for one in net.get("/devices")] == ["acme", "acme"]


def test_what_a_hook_changes_is_never_stored(net: Repository, store: Place) -> None:
    tree_id = net.head.tree_id
    for _ in range(3):
        assert net.get("/devices/d1").vendor == "marked"
    assert net.head.tree_id == tree_id
    net.proxy("/devices/d1").off(GET, _mark)
    assert net.get("/devices/d1").vendor == "acme"
    assert store.reopen().get("/devices/d1").vendor == "acme"


def test_a_write_of_what_was_read_is_the_callers_own(net: Repository) -> None:
    net.update("/devices/d1", net.get("/devices/d1"))
    assert net.at("main").get("/devices/d1").vendor == "marked"  # written by the caller, not by the hook


def test_a_hook_changes_in_place_or_returns_another(net: Repository) -> None:
    proxy = net.proxy("/devices/d2")
    assert proxy.get().vendor == "acme"
    proxy.on(GET, lambda message: pb.Device(name=message.name, vendor=message.vendor + "+"))
    proxy.on(GET, lambda message: message.MergeFrom(pb.Device(image=b"seen")))  # returns None
    proxy.on(GET, lambda message: pb.Device(name=message.name, vendor=message.vendor + "*", image=message.image))
    assert proxy.get() == pb.Device(name="d2", vendor="acme+*", image=b"seen")


def test_a_hook_may_read_and_write(net: Repository) -> None:
    def count(message: pb.Network) -> None:
        message.budget = int(net.get("/settings").mtu)
        net.update("/settings", pb.Settings(mtu=message.budget + 1))

    net.proxy("/").on(GET, count)
    assert [net.get().budget for _ in range(3)] == [0, 1, 2]


def test_what_a_hook_raises_reaches_the_reader(net: Repository) -> None:
    error = RuntimeError("no")

    def fail(message: object) -> None:
        raise error

    net.proxy("/devices/d2").on(GET, fail)
    reads = [lambda: net.get("/devices/d2"), lambda: net.proxy("/").get("/devices/d2"), net.proxy("/devices/d2").get]
    for read in reads:
        with pytest.raises(RuntimeError) as caught:
            read()
        assert caught.value is error
    assert net.get("/devices", deep=True)[1] == device("d2")
    assert net.exists("/devices/d2")


def test_nothing_is_called_for_what_is_not_there(net: Repository) -> None:
    proxy = net.proxy("/devices/d2")
    called: list[Any] = []
    proxy.on(GET, called.append)
    net.remove("/devices/d2")
    with pytest.raises(treering.PathNotFound):
        proxy.get()
    assert called == []


def test_an_absent_singular_child_is_read_as_its_default(net: Repository) -> None:
    net.proxy("/settings").on(GET, lambda _: pb.Settings(mtu=1500))
    assert net.get("/settings").mtu == 1500
    assert not net.exists("/settings")


def test_an_edit_sees_no_get_hook(net: Repository) -> None:
    net.update("/devices/d1", pb.Device(image=b"i"), mask=["image"])
    assert net.at("main").get("/devices/d1") == pb.Device(name="d1", vendor="acme", image=b"i")


@pytest.mark.parametrize("answer", [0, "", False, [], {"vendor": "x"}])
def test_a_hook_that_returns_no_message_is_refused(net: Repository, answer: object) -> None:
    net.proxy("/devices/d2").on(GET, lambda _: answer)
    with pytest.raises(treering.WrongType):
        net.get("/devices/d2")
