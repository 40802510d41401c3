from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from tests.proto.treering_test import edition_pb2, legacy_pb2, network_pb2

from treering.errors import WrongType
from treering.schema.schema import Schema
from treering.schema.shape import ChildField, Kind, Shape

NETWORK = Schema(network_pb2.Network)
PLANT = Schema(legacy_pb2.Plant)
FLEET = Schema(edition_pb2.Fleet)


def network() -> network_pb2.Network:
    message = network_pb2.Network(name="n", labels={"b": "2", "a": "1"})
    for no in range(3):
        device = message.devices.add(id=f"d{no}", readings=[1.5, float("nan")])
        device.ports.add(no=no)
        device.by_slot["s"].text = "t"
    message.settings.mtu = 9000
    for city in ("z", "a", "m"):
        message.sites[city].city = city
    message.events.add(text="up")
    message.links.add(**{"from": "a"}, port=7, to="b")
    message.floors[-1].city = "cellar"
    message.floors[2].city = "roof"
    message.tree.groups.add(name="g").groups.add(name="h")
    message.extra.Pack(network_pb2.Site(city="x"))
    return message


def plant() -> legacy_pb2.Plant:
    message = legacy_pb2.Plant(name="p", owner="o")
    message.machine.add(serial="m1", part=legacy_pb2.Part(label="x"))
    message.machine.add(serial="m2", grade=legacy_pb2.LOW)
    message.core.label = "core"
    message.plain.add(label="plain")
    message.Extensions[legacy_pb2.floor_number] = -3
    message.Extensions[legacy_pb2.attached].add(label="a").Extensions[legacy_pb2.inner].label = "i"
    message.Extensions[legacy_pb2.crowned].label = "c"
    return message


def fleet() -> edition_pb2.Fleet:
    message = edition_pb2.Fleet(name="f")
    message.ships.add(id=-1, code="a", mode=edition_pb2.MODE_FAST)
    message.ships.add(id=1 << 40, code="b", name="")
    message.flagship.code = "c"
    message.by_port["x"].code = "d"
    message.wrecks.add(code="e")
    message.ghost.code = "f"
    message.plain.code = "g"
    return message


WHOLES = [(NETWORK, network), (PLANT, plant), (FLEET, fleet)]


def join(shape: Shape, message: Any) -> bytes:
    """Take a message apart and put its wire bytes together again."""
    parts = [shape.own_bytes(message)]
    for field in shape.set_children(message):
        for key, child in field.items(message):
            content = join(field.shape, child)
            parts.append(field.frame(content) if field.kind is not Kind.MAP else field.frame_entry(key or 0, content))
    return b"".join(parts)


@pytest.mark.parametrize(("schema", "make"), WHOLES)
def test_a_message_comes_apart_and_together(schema: Schema, make: Any) -> None:
    message = make()
    before = message.SerializePartialToString(deterministic=True)
    whole = schema.root.parse(join(schema.root, message))
    assert whole.SerializePartialToString(deterministic=True) == before
    assert message.SerializePartialToString(deterministic=True) == before


@pytest.mark.parametrize(("schema", "make"), WHOLES)
def test_own_bytes_are_those_without_the_children(schema: Schema, make: Any) -> None:
    message = make()
    alone = make()
    for name in schema.root.children:
        alone.ClearField(name)
    expected = alone.SerializePartialToString(deterministic=True)
    assert schema.root.own_bytes(message) == expected
    assert schema.root.own_bytes(alone) == expected


@pytest.mark.parametrize(("schema", "make"), WHOLES)
def test_own_bytes_keep_unknown_fields(schema: Schema, make: Any) -> None:
    unknown = b"\xf8\x07\x05\xfa\x07\x01x"  # fields 127: a number, and bytes
    message = make()
    message.MergeFromString(unknown)
    alone = schema.root.parse(schema.root.own_bytes(make()) + unknown)
    assert schema.root.own_bytes(message) == alone.SerializePartialToString(deterministic=True)
    assert unknown in schema.root.own_bytes(message)


def test_own_bytes_keep_presence() -> None:
    message = network_pb2.Device(id="d", rack=0)
    message.status.SetInParent()
    message.ports.add(no=1)
    own = NETWORK.shapes["treering_test.Device"].parse(NETWORK.shapes["treering_test.Device"].own_bytes(message))
    assert own.HasField("rack")
    assert own.HasField("status")
    machine = legacy_pb2.Plant(name="")
    machine.core.label = "x"
    machine.Extensions[legacy_pb2.crowned].SetInParent()
    machine.Extensions[legacy_pb2.floor_number] = 0
    kept = PLANT.root.parse(PLANT.root.own_bytes(machine))
    assert kept.HasField("name")
    assert not kept.HasField("core")
    assert kept == legacy_pb2.Plant.FromString(b"\x0a\x00\xa0\x06\x00\xb2\x06\x00")


def test_fields_of_a_shape() -> None:
    shape = NETWORK.root
    assert shape.name == "treering_test.Network"
    assert shape.message_class is network_pb2.Network
    assert list(shape.children) == [
        "devices",
        "settings",
        "sites",
        "events",
        "links",
        "fallback",
        "floors",
        "keys",
        "tree",
    ]
    assert shape.own_fields == ("name", "labels", "extra")
    assert shape.by_number[2] is shape.children["devices"]
    assert shape.required == ()
    assert not shape.has_required
    device = NETWORK.shapes["treering_test.Device"]
    assert device.read_only == {"serial", "readings", "rack"}
    assert device.sensitive == {"password"}
    group = NETWORK.shapes["treering_test.Group"]
    assert group.children["groups"].shape is group
    assert group.children["shadow"].shape is group
    assert PLANT.root.required == ("core", "owner")
    assert PLANT.root.children["core"].required
    assert not PLANT.root.children["spare"].required


@pytest.mark.parametrize(
    ("name", "kind", "keys", "levels"),
    [
        ("devices", Kind.KEYED, ("id",), 1),
        ("settings", Kind.SINGULAR, (), 1),
        ("fallback", Kind.SINGULAR, (), 1),
        ("sites", Kind.MAP, (), 2),
        ("events", Kind.LIST, (), 1),
        ("links", Kind.KEYED, ("from", "port"), 1),
    ],
)
def test_child_fields(name: str, kind: Kind, keys: tuple[str, ...], levels: int) -> None:
    field = NETWORK.root.children[name]
    assert (field.kind, field.key_names, field.levels) == (kind, keys, levels)
    assert (field.codec is not None) == (kind in {Kind.KEYED, Kind.MAP})
    assert not field.delimited
    assert not field.is_set(network_pb2.Network())
    assert list(field.values(network_pb2.Network())) == []
    if name != "fallback":
        assert field.is_set(network())
        assert len(field.values(network())) == len(field.items(network())) > 0


def test_looking_at_children_sets_none() -> None:
    message = network_pb2.Network()
    for field in NETWORK.root.children.values():
        field.is_set(message)
        field.values(message)
        field.items(message)
    assert message.ByteSize() == 0
    assert NETWORK.root.set_children(message) == []


def test_children_come_in_their_order_and_maps_by_key() -> None:
    message = network()
    children = NETWORK.root.children
    assert [key for key, _ in children["devices"].items(message)] == ["d0", "d1", "d2"]
    assert [key for key, _ in children["sites"].items(message)] == ["a", "m", "z"]
    assert [site.city for site in children["sites"].values(message)] == ["a", "m", "z"]  # type: ignore[attr-defined]
    assert [key for key, _ in children["floors"].items(message)] == [-1, 2]
    assert [key for key, _ in children["links"].items(message)] == [("a", 7)]
    assert [key for key, _ in children["events"].items(message)] == [None]
    (settings,) = children["settings"].values(message)
    assert settings.mtu == 9000  # type: ignore[attr-defined]


SIGNED = [(-(1 << bits), -1, 0, 1, (1 << bits) - 1) for bits in (31, 63)]
UNSIGNED = [(0, 1, (1 << bits) - 1) for bits in (32, 64)]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("int32_map", SIGNED[0]),
        ("int64_map", SIGNED[1]),
        ("uint32_map", UNSIGNED[0]),
        ("uint64_map", UNSIGNED[1]),
        ("sint64_map", SIGNED[1]),
        ("fixed32_map", UNSIGNED[0]),
        ("fixed64_map", UNSIGNED[1]),
        ("sfixed32_map", SIGNED[0]),
        ("sfixed64_map", SIGNED[1]),
        ("bool_map", (False, True)),
    ],
)
def test_entries_of_maps_on_the_wire(name: str, keys: tuple[int, ...]) -> None:
    field = NETWORK.shapes["treering_test.Keys"].children[name]
    assert field.codec is not None
    assert [key.name for key in field.key_fields] == ["key"]
    for key in keys:
        message = network_pb2.Keys()
        getattr(message, name)[key].city = "c"
        entry = field.frame_entry(key, network_pb2.Site(city="c").SerializeToString())
        assert entry == message.SerializeToString()
        assert field.map_key_wire(key) in entry
        assert field.codec.decode(field.codec.encode(key)) == key


def test_long_children_on_the_wire() -> None:
    for size in (0, 100, 127, 128, 16_383, 16_384, 3_000_000):
        site = network_pb2.Site(city="x" * size).SerializeToString()
        settings = NETWORK.root.children["events"]
        assert network_pb2.Network.FromString(settings.frame(site)).events[0].text == "x" * size
        entry = NETWORK.root.children["sites"].frame_entry("é" * 100, site)
        assert network_pb2.Network.FromString(entry).sites["é" * 100].city == "x" * size


def test_delimited_children() -> None:
    ships: ChildField = FLEET.root.children["ships"]
    assert (ships.delimited, ships.wire_tag, ships.wire_end) == (True, b"\x13", b"\x14")
    ghost = FLEET.root.children["ghost"]
    assert (ghost.delimited, ghost.wire_tag, ghost.wire_end) == (False, b"\x32", b"")
    assert not FLEET.root.children["by_port"].delimited
    assert PLANT.root.children["machine"].delimited


def test_coerce() -> None:
    shape = NETWORK.root
    message = network()
    assert shape.coerce(message) is message
    other = Schema.from_stored(NETWORK.stored())
    foreign = other.root.coerce(message)
    assert type(foreign) is other.root.message_class is not network_pb2.Network
    back = shape.coerce(foreign)
    assert type(back) is network_pb2.Network
    assert back.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)


@pytest.mark.parametrize("given", [None, "x", b"", 7, network_pb2.Site(), AnyMessage(), network_pb2.Network])
def test_coerce_refuses(given: object) -> None:
    with pytest.raises(WrongType) as error:
        NETWORK.root.coerce(given)
    assert error.value.facts["expected"] == "treering_test.Network"


def test_coerce_keeps_what_is_missing_and_unknown() -> None:
    incomplete = legacy_pb2.Plant(name="x")
    incomplete.MergeFromString(b"\xf8\x07\x05")
    foreign = Schema.from_stored(PLANT.stored()).root.coerce(incomplete)
    assert foreign.SerializePartialToString() == incomplete.SerializePartialToString()


def test_required_fields() -> None:
    shape = PLANT.root
    assert shape.missing_required(plant(), ["core"]) == []
    assert shape.missing_required(plant(), []) == ["core"]
    assert sorted(shape.missing_required(legacy_pb2.Plant())) == ["core", "owner"]
    message = legacy_pb2.Plant(owner="o")
    message.plain.add()
    message.machine.add()  # a child: looked at when its own turn comes
    message.Extensions[legacy_pb2.crowned].SetInParent()
    assert sorted(shape.missing_required(message, {"core", "machine"})) == [
        "crowned.label",
        "plain[0].label",
    ]
    assert PLANT.shapes["treering_test.Plant.Machine"].missing_required(legacy_pb2.Plant.Machine()) == ["serial"]
    assert FLEET.shapes["treering_test.Ship"].missing_required(edition_pb2.Ship()) == ["code"]
    assert FLEET.root.missing_required(fleet()) == []
    assert not NETWORK.root.missing_required(network_pb2.Network())
    assert FLEET.root.has_required  # in a plain message
    assert FLEET.root.required == ()
