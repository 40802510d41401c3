"""A subtree as if it were the whole."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.proto import engine_pb2 as pb

import treering
from treering import InvalidPath, PathNotFound, ProxyTaken, Repository, Unavailable


@pytest.fixture
def net(repo: Repository) -> Repository:
    repo.replace("/", network())
    return repo


@pytest.mark.parametrize("path", ["/devices/d1", "/devices/a%2Fb", ("devices", "[x=y]")])
def test_every_method_is_relative(net: Repository, path: Any) -> None:
    proxy = net.proxy(path)
    whole = treering.Path.of(path)
    name = net.get(path).name
    assert proxy.path == whole
    assert proxy.get() == net.get(path)
    assert proxy.get("/", deep=True) == device(name)
    assert proxy.get("/", depth=1) == net.get(path, depth=1)
    assert proxy.get("/ports/1") == proxy.get("ports/1") == proxy.get(("ports", 1)) == pb.Port(number=1, label="p1")
    assert proxy.keys("/ports") == [0, 1, 2]
    assert proxy.keys("/ports", start=1, limit=1) == [1]
    assert proxy.count("/ports") == 3
    assert proxy.exists("/")
    assert proxy.exists("/ports/1/flows/0")
    assert not proxy.exists("/ports/7")
    assert [key for key, _ in proxy.iterate("/ports", start=1)] == [1, 2]
    first = proxy.add("/ports", pb.Port(number=9), author="ann", note="nine")
    assert (first.author, first.note) == ("ann", "nine")
    proxy.update("/", pb.Device(vendor="v"), mask=["vendor"], author="bob")
    proxy.update("/ports/9", pb.Port(number=9, label="nine"))
    proxy.replace("/ports/1", pb.Port(number=1, label="one"), note="replaced")
    proxy.remove("/ports/0")
    proxy.update("/settings", pb.Settings(mtu=1))
    assert proxy.exists("/settings")
    proxy.clear("/settings", author="eve")
    wanted = device(name)
    wanted.vendor = "v"
    del wanted.ports[0]
    wanted.ports[0].CopyFrom(pb.Port(number=1, label="one"))
    wanted.ports.add(number=9, label="nine")
    assert net.get(path, deep=True) == wanted
    assert [commit.author for commit in net.log(limit=7)] == ["eve", "", "", "", "", "bob", "ann"]


@pytest.mark.parametrize(
    ("path", "container", "child", "key"),
    [
        ("/devices/d1/ports/1", "flows", pb.Flow(id=77), 77),
        ("/devices/d1/ports/0", "flows", pb.Flow(id=0x7FFFFFFFFFFFFFFF), 0x7FFFFFFFFFFFFFFF),
        ("/sites/south/ports/4", "flows", pb.Flow(id=0), 0),
        ("/racks/-5", "ports", pb.Port(number=0), 0),
        ("/keys", "raws", pb.ByBytes(key=b"\x00\xff/"), b"\x00\xff/"),
        ("/keys", "pairs", pb.ByPair(name=",", zone="/"), (",", "/")),
        ("/keys", "colors", pb.ByColor(key=pb.GREEN), pb.GREEN),
        ("/folders/f/folders/g/shortcut", "folders", pb.Folder(name="h"), "h"),
    ],
)
def test_children_of_every_kind_of_node(net: Repository, path: str, container: str, child: Any, key: Any) -> None:
    proxy = net.proxy(path)
    proxy.add(container, child)
    assert key in proxy.keys(container)
    below = net.proxy(treering.Path(treering.Path.of(path), container, key))
    assert below.get() == child
    below.update("/", child)
    below.remove("/")
    assert not below.exists("/")
    assert not net.exists(below.path)


def test_maps_and_plain_lists(net: Repository) -> None:
    root = net.proxy("/")
    root.add("/sites", pb.Site(address="a"), key="new/one")
    assert root.get("/sites/new%2Fone").address == "a"
    root.add("/rules", pb.Rule(text="last"))
    assert [rule.text for rule in root.get("/rules")] == ["first", "", "first", "last"]
    assert isinstance(root.get("/sites"), dict)


def test_the_root_proxy_is_the_whole(net: Repository) -> None:
    root = net.proxy("/")
    assert str(root.path) == "/"
    assert root.get(deep=True) == net.get(deep=True)
    root.update("/", pb.Network(name="x"))
    assert net.get().name == "x"
    root.replace("/", pb.Network())
    assert net.get(deep=True) == pb.Network()
    with pytest.raises(InvalidPath):
        root.remove("/")


def test_its_own_node_may_be_replaced_and_removed(net: Repository) -> None:
    proxy = net.proxy("/devices/d1")
    proxy.replace("/", pb.Device(name="d1", vendor="new"))
    assert net.get("/devices/d1", deep=True) == pb.Device(name="d1", vendor="new")
    proxy.remove("/")
    assert not net.exists("/devices/d1")


def test_a_node_removed_while_the_proxy_is_open(net: Repository) -> None:
    proxy = net.proxy("/devices/d1")
    net.remove("/devices/d1")
    assert not proxy.exists("/")
    for call in (
        proxy.get,
        lambda: proxy.get("/ports/1"),
        lambda: proxy.keys("/ports"),
        lambda: proxy.count("/ports"),
        lambda: proxy.iterate("/ports"),
        lambda: proxy.add("/ports", pb.Port(number=1)),
        lambda: proxy.update("/", pb.Device(name="d1")),
        lambda: proxy.replace("/", pb.Device(name="d1")),
        lambda: proxy.remove("/"),
        lambda: proxy.remove("/ports/1"),
        lambda: proxy.clear("/settings"),
        lambda: proxy.transaction().get(),
    ):
        with pytest.raises(PathNotFound):
            call()
    net.add("/devices", pb.Device(name="d1", vendor="back"))
    assert proxy.get().vendor == "back"


@pytest.mark.parametrize(
    "path", ["/devices/none", "/devices/d1/ports/99", "/sites/none", "/devices/none/settings", "/nope"]
)
def test_there_is_no_proxy_of_what_is_absent(net: Repository, path: str) -> None:
    with pytest.raises(PathNotFound):
        net.proxy(path)
    with pytest.raises(PathNotFound):
        net.proxy(path, exclusive=True)


def test_a_container_has_no_proxy(net: Repository) -> None:
    for path in ("/devices", "/rules", "/sites", "/devices/d1/ports"):
        with pytest.raises(InvalidPath):
            net.proxy(path)


def test_an_absent_singular_child_has_one(net: Repository) -> None:
    proxy = net.proxy("/devices/d1/settings")
    assert not proxy.exists("/")
    assert proxy.get() == pb.Settings()
    proxy.update("/", pb.Settings(mtu=1))
    proxy.clear("/")
    assert not net.exists("/devices/d1/settings")


def test_errors_name_the_whole_path(net: Repository) -> None:
    with pytest.raises(PathNotFound) as caught:
        net.proxy("/devices/d1").get("/ports/99")
    assert caught.value.path == "/devices/d1/ports/99"


def test_paths_do_not_climb(net: Repository) -> None:
    proxy = net.proxy("/devices/d1")
    for path in ("..", "/..", "../d2", "/../../devices/d2", "/devices/d2"):
        with pytest.raises(PathNotFound):
            proxy.get(path)


def test_its_transactions_are_relative(net: Repository) -> None:
    proxy = net.proxy("/devices/d1")
    tx = proxy.transaction(author="ann", note="both", serializable=True)
    assert tx.get() == net.get("/devices/d1")
    assert tx.get("/ports/0").label == "p0"
    assert tx.keys("/ports") == [0, 1, 2]
    assert tx.count("/ports") == 3
    assert [key for key, _ in tx.iterate("/ports")] == [0, 1, 2]
    tx.add("/ports", pb.Port(number=5))
    tx.update("/", pb.Device(name="d1", vendor="v"))
    tx.replace("/ports/0", pb.Port(number=0))
    tx.remove("/ports/1")
    tx.update("/settings", pb.Settings(mtu=1))
    tx.clear("/settings")
    assert tx.exists("/ports/5")
    assert not proxy.exists("/ports/5")
    assert {str(change.path) for change in tx.plan()} == {
        "/devices/d1",
        "/devices/d1/ports/0",
        "/devices/d1/ports/0/flows/0",
        "/devices/d1/ports/0/flows/1",
        "/devices/d1/ports/1",
        "/devices/d1/ports/5",
    }
    commit = tx.commit()
    assert (commit.author, commit.note) == ("ann", "both")
    assert proxy.keys("/ports") == [0, 2, 5]
    with pytest.raises(treering.TransactionClosed):
        tx.get()


def test_transactions_of_two_proxies_conflict_only_where_they_meet(net: Repository) -> None:
    outer, inner = net.proxy("/devices/d1"), net.proxy("/devices/d1/ports/1")
    one, two, three = outer.transaction(), inner.transaction(), net.transaction()
    one.update("/", pb.Device(name="d1", vendor="one"))
    two.update("/", pb.Port(number=1, label="two"))
    three.update("/devices/d1/ports/1", pb.Port(number=1, label="three"))
    one.commit()
    two.commit()
    with pytest.raises(treering.MergeConflict) as caught:
        three.commit()
    assert [str(conflict.path) for conflict in caught.value.conflicts] == ["/devices/d1/ports/1"]
    assert (outer.get().vendor, inner.get().label) == ("one", "two")


def test_a_proxys_transaction_merges_by_field_if_asked(net: Repository) -> None:
    proxy = net.proxy("/devices/d1")
    with proxy.transaction(merge="field") as tx:
        tx.update("/", pb.Device(name="d1", vendor="acme", image=b"mine"))
        proxy.update("/", pb.Device(name="d1", vendor="theirs"))
    assert proxy.get() == pb.Device(name="d1", vendor="theirs", image=b"mine")


def test_a_closed_proxy_is_closed(net: Repository) -> None:
    with net.proxy("/devices/d1") as proxy:
        assert proxy.get().name == "d1"
        tx = proxy.transaction()
    proxy.close()
    for call in (
        proxy.get,
        lambda: proxy.exists("/"),
        lambda: proxy.update("/", pb.Device(name="d1")),
        proxy.transaction,
        lambda: proxy.on(treering.GET, print),
        lambda: proxy.off(treering.GET, print),
    ):
        with pytest.raises(Unavailable):
            call()
    assert "closed" in repr(proxy)
    tx.update("/", pb.Device(name="d1", vendor="begun before"))
    tx.commit()
    assert net.get("/devices/d1").vendor == "begun before"


def test_a_proxy_of_a_closed_repository(net: Repository) -> None:
    proxy = net.proxy("/devices/d1")
    net.close()
    with pytest.raises(Unavailable):
        proxy.get()
    with pytest.raises(Unavailable):
        proxy.update("/", pb.Device(name="d1"))
    with pytest.raises(Unavailable):
        proxy.transaction()
    proxy.close()


@pytest.mark.parametrize(
    "paths", [("/devices/d1", ("devices", "d1")), ("/keys/colors/BLUE", "/keys/colors/7"), ("/", "")]
)
def test_an_exclusive_proxy_is_the_only_one_of_its_node(net: Repository, paths: tuple[Any, Any]) -> None:
    one, two = paths
    first = net.proxy(one, exclusive=True)
    for path in paths:
        for exclusive in (False, True):
            with pytest.raises(ProxyTaken) as caught:
                net.proxy(path, exclusive=exclusive)
            assert caught.value.path == str(first.path)
    first.close()
    first.close()
    with net.proxy(two) as second, net.proxy(one) as third:
        assert second.get() == third.get()
        with pytest.raises(ProxyTaken):
            net.proxy(one, exclusive=True)
        second.close()
        second.close()
        with pytest.raises(ProxyTaken):
            net.proxy(one, exclusive=True)
    with net.proxy(two, exclusive=True):
        pass
    net.proxy(one)


def test_exclusive_is_of_the_node_not_of_what_is_above_or_below(net: Repository) -> None:
    with (
        net.proxy("/devices/d1", exclusive=True),
        net.proxy("/", exclusive=True),
        net.proxy("/devices/d1/ports/1", exclusive=True),
        net.proxy("/devices/d2", exclusive=True),
    ):
        pass


def test_exclusive_keeps_nobody_from_reading_and_writing(net: Repository) -> None:
    with net.proxy("/devices/d1", exclusive=True) as proxy:
        net.update("/devices/d1", pb.Device(name="d1", vendor="other"))
        assert net.get("/devices/d1") == proxy.get()


def test_exclusive_is_of_one_repository(net: Repository, store: Place) -> None:
    with net.proxy("/devices/d1", exclusive=True), store.open().proxy("/devices/d1", exclusive=True):
        pass


def test_a_refused_proxy_leaves_no_trace(net: Repository) -> None:
    for _ in range(3):
        with pytest.raises(PathNotFound):
            net.proxy("/devices/new", exclusive=True)
    net.add("/devices", pb.Device(name="new"))
    with net.proxy("/devices/new"):
        for _ in range(3):
            with pytest.raises(ProxyTaken):
                net.proxy("/devices/new", exclusive=True)
    net.proxy("/devices/new", exclusive=True).close()


def test_one_of_many_threads_gets_the_exclusive_proxy(net: Repository) -> None:
    taken: list[treering.Proxy] = []
    refused: list[ProxyTaken] = []
    gate = threading.Barrier(8)

    def take() -> None:
        gate.wait()
        try:
            taken.append(net.proxy("/devices/d1", exclusive=True))
        except ProxyTaken as error:
            refused.append(error)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 7)


def test_threads_share_a_proxy(net: Repository) -> None:
    proxy = net.proxy("/devices/d1")
    threads = [
        threading.Thread(target=lambda n=number: [proxy.add("/ports", pb.Port(number=100 * n + i)) for i in range(10)])
        for number in range(1, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert proxy.count("/ports") == 43
