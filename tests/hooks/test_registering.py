"""Putting hooks on and off, and which node a path means."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from tests.engine.trees import network
from tests.hooks.ear import EDITS, Ear, both
from tests.proto import engine_pb2 as pb

import treering
from treering import GET, POST_UPDATE, PRE_UPDATE, HookKind, Repository
from treering.path import NamedKey

# The same node, written in several ways; a message to update it with.
NODES: list[tuple[str, list[Any], Any]] = [
    ("the root", ["/", "", treering.Path(), ()], pb.Network(name="x")),
    (
        "a string key",
        ["/devices/d1", "devices/d1", ("devices", "d1"), "/devices/%64%31"],
        pb.Device(name="d1", image=b"x"),
    ),
    ("a slash", ["/devices/a%2Fb", "/devices/a%2fb", ("devices", "a/b")], pb.Device(name="a/b", image=b"x")),
    ("a space and a percent sign", ["/devices/ü %25", "/devices/%C3%BC%20%25"], pb.Device(name="ü %", image=b"x")),
    ("brackets", ["/devices/%5Bx=y%5D", ("devices", "[x=y]")], pb.Device(name="[x=y]", image=b"x")),
    ("an integer", ["/devices/d1/ports/2", ("devices", "d1", "ports", 2)], pb.Port(number=2)),
    ("zero", ["/devices/d1/ports/0", ("devices", "d1", "ports", 0)], pb.Port(number=0)),
    ("nested", ["/devices/d1/ports/0/flows/1", ("devices", "d1", "ports", 0, "flows", 1)], pb.Flow(id=1, match="x")),
    ("an int32", ["/keys/int32s/-1", ("keys", "int32s", -1)], pb.ByInt32(key=-1, text="x")),
    (
        "an int64",
        ["/keys/int64s/-9223372036854775808", ("keys", "int64s", -(1 << 63))],
        pb.ByInt64(key=-(1 << 63), text="x"),
    ),
    (
        "a uint64",
        ["/keys/uint64s/18446744073709551615", ("keys", "uint64s", (1 << 64) - 1)],
        pb.ByUint64(key=(1 << 64) - 1, text="x"),
    ),
    ("a sint64", ["/keys/sint64s/-300", ("keys", "sint64s", -300)], pb.BySint64(key=-300, text="x")),
    ("a fixed32", ["/keys/fixed32s/0", ("keys", "fixed32s", 0)], pb.ByFixed32(key=0, text="x")),
    ("a bool", ["/keys/bools/false", ("keys", "bools", False)], pb.ByBool(key=False, text="x")),
    (
        "an enum",
        ["/keys/colors/BLUE", "/keys/colors/7", ("keys", "colors", pb.BLUE)],
        pb.ByColor(key=pb.BLUE, text="x"),
    ),
    ("an unknown enum", ["/keys/colors/99", ("keys", "colors", 99)], pb.ByColor(key=99, text="x")),
    ("an enum's zero", ["/keys/colors/RED", "/keys/colors/0"], pb.ByColor(key=pb.RED, text="x")),
    ("bytes", ["/keys/raws/%FF", "/keys/raws/%ff", ("keys", "raws", b"\xff")], pb.ByBytes(key=b"\xff", text="x")),
    ("a null byte", ["/keys/raws/%00", ("keys", "raws", b"\x00")], pb.ByBytes(key=b"\x00", text="x")),
    (
        "bytes that are text",
        ["/keys/raws/a%2Fb", ("keys", "raws", b"a/b"), ("keys", "raws", "a/b")],
        pb.ByBytes(key=b"a/b", text="x"),
    ),
    (
        "a pair",
        [
            "/keys/pairs/a%2Cb,c",
            ("keys", "pairs", ("a,b", "c")),
            treering.Path("keys", "pairs", NamedKey((("name", "a,b"), ("zone", "c")))),
            treering.Path.gnmi("/keys/pairs[zone=c][name=a,b]"),
        ],
        pb.ByPair(name="a,b", zone="c", text="x"),
    ),
    (
        "a triple",
        ["/keys/triples/-7,GREEN,x", "/keys/triples/-7,1,x", ("keys", "triples", (-7, 1, "x"))],
        pb.ByTriple(number=-7, color=pb.GREEN, name="x", text="x"),
    ),
    ("a map's text", ["/sites/north%2F1", ("sites", "north/1")], pb.Site(address="x")),
    ("a map's integer", ["/racks/-5", ("racks", -5)], pb.Site(address="x")),
    ("a map's bool", ["/keys/bool_map/true", ("keys", "bool_map", True)], pb.Site(address="x")),
    ("a map's long", ["/keys/sint64_map/-300", ("keys", "sint64_map", -300)], pb.Site(address="x")),
    ("below a map", ["/sites/south/ports/4/flows/9223372036854775808"], pb.Flow(id=1 << 63, match="x")),
    ("a singular child", ["/settings", "settings", ("settings",)], pb.Settings(banner="x")),
    ("a nested singular child", ["/settings/fallback", ("settings", "fallback")], pb.Settings(banner="x")),
    (
        "a singular child below a key",
        ["/devices/large/settings", ("devices", "large", "settings")],
        pb.Settings(banner="x"),
    ),
    ("a well-known type", ["/changed"], {"seconds": 5}),
    ("recursive", ["/folders/f/folders/g", ("folders", "f", "folders", "g")], pb.Folder(name="g", text="x")),
    ("recursive and singular", ["/folders/f/folders/g/shortcut"], pb.Folder(text="x")),
]
IDS = [node[0] for node in NODES]


@pytest.fixture
def net(repo: Repository) -> Repository:
    repo.replace("/", network())
    return repo


@pytest.mark.parametrize(("paths", "message"), [node[1:] for node in NODES], ids=IDS)
def test_paths_written_differently_name_the_same_node(net: Repository, paths: list[Any], message: Any) -> None:
    if isinstance(message, dict):
        message = type(net.get(paths[0]))(**message)
    for position, registered in enumerate(paths):
        for used in paths:
            heard: list[Any] = []
            proxy = net.proxy(registered)
            proxy.on(GET, heard.append)
            for kind in (PRE_UPDATE, POST_UPDATE):
                proxy.on(kind, heard.append)
            read = net.get(used)
            assert heard == [read]
            net.update(used, message)
            assert heard[1:] == [message, message]
            net.update(used, read)
            assert heard[3:] == [read, read]
            with net.transaction() as tx:
                tx.update(used, message)
            assert heard[5:] == [message, message]
            net.proxy(used).update("/", read)
            assert heard[7:] == [read, read]
            for kind in (GET, PRE_UPDATE, POST_UPDATE):
                assert net.proxy(paths[position - 1]).off(kind, heard.append)
            net.get(used)
            assert len(heard) == 9


@pytest.mark.parametrize(
    ("owner", "container", "key", "child"),
    [
        ("/devices/d1", "ports", None, pb.Port(number=99)),
        ("/devices/d1/ports/0", "flows", None, pb.Flow(id=99)),
        ("/keys", "int32s", None, pb.ByInt32(key=-99)),
        ("/keys", "colors", None, pb.ByColor(key=pb.NEGATIVE + 50)),
        ("/keys", "raws", None, pb.ByBytes(key=b"\xfe\x00")),
        ("/keys", "pairs", None, pb.ByPair(name="/", zone=",")),
        ("/keys", "triples", None, pb.ByTriple(number=0, color=pb.BLUE, name="%")),
        ("/keys", "sint64_map", 7, pb.Site(address="7")),
        ("/", "racks", -7, pb.Site(address="7")),
        ("/sites/north%2F1", "ports", None, pb.Port(number=0)),
        ("/folders/f/folders/g/shortcut", "folders", None, pb.Folder(name="new")),
        ("/sites/south/ports/4", "flows", None, pb.Flow(id=0)),
    ],
)
def test_adds_and_removes_are_told_through_every_kind_of_container(
    net: Repository, owner: str, container: str, key: object, child: Any
) -> None:
    ear = Ear(net, *{owner, "/", "/devices/d2"})
    proxy = net.proxy(owner)
    before = set(proxy.keys(container))
    proxy.add(container, child, key=key)
    assert ear.heard[0][2] == child
    assert ear.told() == both("add", owner)
    (added,) = set(proxy.keys(container)) - before
    with proxy.transaction() as tx:
        tx.remove((container, added))
    assert ear.heard[0][2] == ear.heard[1][2] == child
    assert ear.told() == both("remove", owner)


def test_extra_arguments_are_passed_on(net: Repository) -> None:
    calls: list[tuple[Any, ...]] = []

    def note(message: Any, *args: object, **kwargs: object) -> None:
        calls.append((type(message), args, kwargs))

    proxy = net.proxy("/settings")
    for kind in HookKind:
        proxy.on(kind, note, kind, 1, one="two", kind="free", path="too", message_="m")
    net.get("/settings")
    net.update("/settings", pb.Settings(mtu=1))
    assert calls == [
        (pb.Settings, (kind, 1), {"one": "two", "kind": "free", "path": "too", "message_": "m"})
        for kind in (GET, PRE_UPDATE, POST_UPDATE)
    ]


def test_the_same_function_twice_is_called_twice_and_goes_at_once(net: Repository) -> None:
    calls: list[int] = []

    def note(message: object, number: int) -> None:
        calls.append(number)

    proxy = net.proxy("/settings")
    for number in (1, 2, 1):
        proxy.on(PRE_UPDATE, note, number)
    net.update("/settings", pb.Settings(mtu=1))
    assert calls == [1, 2, 1]
    assert proxy.off(PRE_UPDATE, note)
    assert not proxy.off(PRE_UPDATE, note)
    net.update("/settings", pb.Settings(mtu=2))
    assert calls == [1, 2, 1]


def test_off_takes_one_kind_of_one_node(net: Repository) -> None:
    ear = Ear(net, "/settings", "/devices/d1")
    assert net.proxy("/settings").off(PRE_UPDATE, ear.hear)
    assert not net.proxy("/").off(PRE_UPDATE, ear.hear)
    assert not net.proxy("/settings").off(GET, ear.hear)
    net.update("/settings", pb.Settings(mtu=1))
    assert ear.told() == [("post_update", "/settings")]
    net.update("/devices/d1", pb.Device(name="d1"))
    assert ear.told() == both("update", "/devices/d1")


def test_methods_and_callables_are_functions_too(net: Repository) -> None:
    class Counter:
        calls = 0

        def __call__(self, message: object) -> None:
            self.calls += 1

        def method(self, message: object) -> None:
            self.calls += 10

    counter = Counter()
    proxy = net.proxy("/settings")
    proxy.on(PRE_UPDATE, counter)
    proxy.on(PRE_UPDATE, counter.method)
    net.update("/settings", pb.Settings(mtu=1))
    assert counter.calls == 11
    assert proxy.off(PRE_UPDATE, counter.method)  # another object each time, equal to the one put on
    assert proxy.off(PRE_UPDATE, counter)


@pytest.mark.parametrize("kind", ["GET", "pre_add", None, 1, HookKind])
def test_what_is_no_kind_is_refused(net: Repository, kind: Any) -> None:
    proxy = net.proxy("/settings")
    with pytest.raises(treering.WrongType):
        proxy.on(kind, print)
    with pytest.raises(treering.WrongType):
        proxy.off(kind, print)


def test_what_is_no_function_is_refused(net: Repository) -> None:
    with pytest.raises(treering.WrongType):
        net.proxy("/settings").on(GET, None)  # type: ignore[arg-type]
    with pytest.raises(treering.WrongType):
        net.validator(None)  # type: ignore[type-var]
    net.update("/settings", pb.Settings())


def test_hooks_outlive_their_proxy(net: Repository) -> None:
    ear = Ear(net, "/settings")  # closes its proxies
    gc.collect()
    net.update("/settings", pb.Settings(mtu=1))
    assert ear.told() == both("update", "/settings")


def test_hooks_of_a_node_outlive_the_node(net: Repository) -> None:
    ear = Ear(net, "/devices/d1")
    d1 = net.get("/devices/d1", deep=True)
    net.remove("/devices/d1")
    net.add("/devices", d1)
    assert ear.told() == []
    net.update("/devices/d1", pb.Device(name="d1", vendor="back"))
    assert ear.told() == both("update", "/devices/d1")


def test_one_repository_knows_nothing_of_anothers_hooks(net: Repository, store: Any) -> None:
    ear = Ear(net, "/settings")
    store.open().update("/settings", pb.Settings(mtu=1))
    assert ear.told() == []
    assert net.hooks is not store.open().hooks


def test_many_hooks_cost_no_more_for_the_others(net: Repository) -> None:
    """Ten thousand hooks elsewhere are not looked at; only the node's own are."""
    names = [name for name in net.keys("/devices") if name.startswith("bulk")]
    heard: list[Any] = []
    for name in names:
        proxy = net.proxy(("devices", name))
        for kind in (GET, *EDITS):
            proxy.on(kind, heard.append)
    net.update("/settings", pb.Settings(mtu=1))
    net.get("/settings")
    assert heard == []
    net.remove("/devices/bulk7")  # told to the root
    assert heard == []
    net.get("/devices/bulk8")
    assert len(heard) == 1
