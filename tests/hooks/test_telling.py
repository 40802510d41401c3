"""Which node's hooks are told of which edit, and with what."""

from __future__ import annotations

import pytest
from tests.engine.trees import device
from tests.hooks.ear import Ear, both
from tests.proto import engine_pb2 as pb

import treering
from treering import AlreadyExists


@pytest.fixture
def net(repo: treering.Repository) -> treering.Repository:
    repo.replace("/", pb.Network(name="net", devices=[device("d1"), device("d2")]))
    return repo


def test_an_add_is_told_to_the_node_around_the_container(net: treering.Repository) -> None:
    ear = Ear(net, "/", "/devices/d1", "/devices/d1/ports/0", "/devices/d2")
    net.add("/devices", device("d3"))
    assert ear.heard[0][2] == ear.heard[1][2] == device("d3")  # with its children
    assert ear.told() == both("add", "/")
    net.add("/devices/d1/ports", pb.Port(number=7))
    assert ear.told() == both("add", "/devices/d1")
    net.add("/devices/d1/ports/0/flows", pb.Flow(id=9))
    assert ear.told() == both("add", "/devices/d1/ports/0")
    net.add("/sites", pb.Site(address="here"), key="s")
    assert ear.messages() == [pb.Site(address="here")] * 2
    net.add("/rules", pb.Rule(text="one"))
    assert ear.messages() == [pb.Rule(text="one")] * 2


def test_an_update_is_told_to_the_node_itself(net: treering.Repository) -> None:
    ear = Ear(net, "/", "/devices/d1", "/devices/d2")
    net.update("/devices/d1", pb.Device(name="d1", vendor="v"))
    assert ear.heard[0][2] == ear.heard[1][2] == pb.Device(name="d1", vendor="v")
    assert ear.told() == both("update", "/devices/d1")
    net.update("/", pb.Network(name="other"))
    assert ear.told() == both("update", "/")


def test_a_masked_update_is_told_with_the_whole_result(net: treering.Repository) -> None:
    ear = Ear(net, "/devices/d1")
    net.update("/devices/d1", pb.Device(vendor="v"), mask=["vendor"])
    assert ear.messages() == [pb.Device(name="d1", vendor="v")] * 2


def test_a_remove_is_told_to_the_node_around_the_container(net: treering.Repository) -> None:
    ear = Ear(net, "/", "/devices/d1", "/devices/d2", "/devices/d1/ports/0")
    net.remove("/devices/d1/ports/0")
    assert ear.heard[0][2] == ear.heard[1][2] == device("d1").ports[0]
    assert ear.told() == both("remove", "/devices/d1")
    net.remove("/devices/d2")
    assert ear.messages() == [device("d2")] * 2


def test_singular_children_come_by_add_and_go_by_remove(net: treering.Repository) -> None:
    ear = Ear(net, "/", "/settings", "/devices/d1", "/devices/d1/settings")
    for create in (net.update, net.replace):
        create("/settings", pb.Settings(mtu=9))
        assert ear.heard[0][2] == pb.Settings(mtu=9)
        assert ear.told() == both("add", "/")
        net.update("/settings", pb.Settings(mtu=1))
        assert ear.told() == both("update", "/settings")
        net.update("/settings/fallback", pb.Settings(banner="b"))
        assert ear.told() == both("add", "/settings")
        net.clear("/settings")
        assert ear.heard[0][2] == pb.Settings(mtu=1, fallback=pb.Settings(banner="b"))
        assert ear.told() == both("remove", "/")
        net.clear("/settings")  # absent already
        assert ear.told() == []
    net.update("/devices/d1/settings", pb.Settings())
    assert ear.told() == both("add", "/devices/d1")


def test_a_replace_is_told_node_by_node(net: treering.Repository) -> None:
    ear = Ear(net, "/", "/devices/d1", "/devices/d2", "/devices/d1/ports/0", "/devices/d1/ports/1", "/settings")
    wanted = pb.Network(name="net", devices=[device("d1", ports=2), device("d3")], settings=pb.Settings(mtu=1))
    wanted.devices[0].vendor = "new"
    wanted.devices[0].ports[0].label = "uplink"
    del wanted.devices[0].ports[1].flows[0]
    net.replace("/", wanted)
    pre = [(kind.value, path, message) for kind, path, message in ear.heard if kind.value.startswith("pre")]
    assert pre == [  # as a diff has them: own fields first, then by field and key
        ("pre_update", "/devices/d1", pb.Device(name="d1", vendor="new")),
        ("pre_update", "/devices/d1/ports/0", pb.Port(number=0, label="uplink")),
        ("pre_remove", "/devices/d1/ports/1", pb.Flow(id=0, match="any")),
        ("pre_remove", "/devices/d1", device("d1").ports[2]),
        ("pre_remove", "/", device("d2")),
        ("pre_add", "/", device("d3")),
        ("pre_add", "/", pb.Settings(mtu=1)),
    ]
    post = [(kind.value, path, message) for kind, path, message in ear.heard if kind.value.startswith("post")]
    assert [(kind.replace("post", "pre"), path, message) for kind, path, message in post] == pre


def test_a_replace_that_changes_nothing_tells_nobody(net: treering.Repository) -> None:
    ear = Ear(net, "/", "/devices/d1")
    net.replace("/", net.get(deep=True))
    net.update("/devices/d1", net.get("/devices/d1"))
    assert ear.told() == []


def test_another_order_tells_nobody(net: treering.Repository) -> None:
    ear = Ear(net, "/", "/devices/d1")
    turned = net.get(deep=True)
    first = turned.devices.pop(0)
    turned.devices.append(first)
    assert net.replace("/", turned).seq == net.head.seq == 2
    assert ear.told() == []


def test_a_plain_list_put_by_replace_is_an_update_of_its_owner_told_once(net: treering.Repository) -> None:
    ear = Ear(net, "/")
    net.replace("/", pb.Network(name="net", devices=net.get("/devices", deep=True), rules=[pb.Rule(text="r")]))
    assert ear.heard[0][2] == pb.Network(name="net")
    assert ear.told() == both("update", "/")
    net.replace("/", pb.Network(name="other", devices=net.get("/devices", deep=True)))
    assert ear.heard[0][2] == pb.Network(name="other")
    assert ear.told() == both("update", "/")


def test_a_refused_edit_tells_nobody(net: treering.Repository) -> None:
    ear = Ear(net, "/", "/devices/d1")
    for refused in (
        lambda: net.add("/devices", device("d1")),
        lambda: net.remove("/devices/d9"),
        lambda: net.update("/devices/d1", pb.Device(name="d9")),
        lambda: net.remove("/settings"),
    ):
        with pytest.raises(treering.Error):
            refused()
    assert ear.told() == []


def test_an_add_that_finds_its_equal_fires_no_post(net: treering.Repository) -> None:
    ear = Ear(net, "/")
    tx = net.transaction()
    tx.add("/devices", device("d3"))
    assert ear.told() == [("pre_add", "/")]
    net.add("/devices", device("d3"))
    assert ear.told() == both("add", "/")
    head = net.head
    assert tx.commit() == head
    assert ear.told() == []
    with pytest.raises(AlreadyExists):
        net.add("/devices", device("d3"))
    assert ear.told() == []


def test_what_comes_of_a_transaction_is_told_and_nothing_else(net: treering.Repository) -> None:
    ear = Ear(net, "/", "/devices/d1", "/devices/d2")
    tx = net.transaction()
    tx.update("/devices/d1", pb.Device(name="d1", vendor="a"))  # undone below
    tx.update("/devices/d1", net.get("/devices/d1"))
    tx.add("/devices", device("d4"))  # removed again
    tx.remove("/devices/d4")
    tx.update("/devices/d2", pb.Device(name="d2", vendor="same"))  # so does another
    tx.add("/devices", device("d5"))
    tx.remove("/devices/d2/ports/1")  # so does another
    pre = ear.told()
    assert [kind for kind, _ in pre] == ["pre_update"] * 2 + [
        "pre_add",
        "pre_remove",
        "pre_update",
        "pre_add",
        "pre_remove",
    ]
    net.update("/devices/d2", pb.Device(name="d2", vendor="same"))
    net.remove("/devices/d2/ports/1")
    ear.heard.clear()
    tx.commit()
    assert ear.told() == [("post_add", "/")]


def test_every_edit_of_a_transaction_is_told_in_order_with_its_data(net: treering.Repository) -> None:
    ear = Ear(net, "/", "/devices/d1")
    with net.transaction() as tx:
        tx.update("/devices/d1", pb.Device(name="d1", vendor="a"))
        tx.add("/devices", device("d3"))
        tx.update("/devices/d1", pb.Device(name="d1", vendor="b"))
        tx.replace("/devices/d1", pb.Device(name="d1", vendor="c"))
        pre = ear.messages()
    assert ear.messages() == pre
    assert [one.vendor for one in pre if type(one) is pb.Device] == ["a", "acme", "b", "c"]


def test_what_the_caller_does_to_its_message_later_changes_nothing(net: treering.Repository) -> None:
    ear = Ear(net, "/", "/devices/d1")
    tx = net.transaction()
    for edit, path, message in (
        (tx.add, "/devices", device("d3")),
        (tx.update, "/devices/d1", pb.Device(name="d1", vendor="a")),
        (tx.replace, "/devices/d1", pb.Device(name="d1", vendor="b")),
        (tx.replace, "/settings", pb.Settings(mtu=1)),
    ):
        edit(path, message)  # type: ignore[operator]
        message.Clear()
    pre = ear.messages()
    tx.commit()
    assert ear.messages() == pre
    assert pre[0] == device("d3")
    assert net.get("/devices/d3", deep=True) == device("d3")


def test_a_message_of_another_pool_comes_as_the_repositorys_own(net: treering.Repository) -> None:
    ear = Ear(net, "/")
    stored = treering.Schema.from_stored(net.schema.stored())
    foreign = stored.root.children["devices"].shape.message_class(name="x", vendor="far")
    net.add("/devices", foreign)
    assert [type(message) for message in ear.messages()] == [pb.Device] * 2
