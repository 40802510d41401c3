"""Messages of another descriptor pool, proto2, editions, Any, unknown fields: whatever protobuf has comes back."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet
from tests.engine.patching import apply_patch, to_json
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.engine.versions import network_of, with_field
from tests.proto import engine_editions_pb2 as editions
from tests.proto import engine_legacy_pb2 as legacy
from tests.proto import engine_pb2 as pb

import treering
from treering import InvalidPath, MissingField, WrongType


def test_messages_of_another_pool_are_taken(repo: treering.Repository) -> None:
    other = network_of()
    assert other is not pb.Network
    given = other.FromString(network().SerializeToString())
    repo.replace("/", given)
    assert repo.get(deep=True) == network()
    assert type(repo.get()) is pb.Network
    foreign_device = type(given.devices[0])
    repo.add("/devices", foreign_device(name="new", vendor="v"))
    repo.update("/devices/d1", foreign_device(vendor="w"), mask=["vendor"])
    assert repo.get("/devices/new") == pb.Device(name="new", vendor="v")
    assert type(repo.get("/devices")[0]) is pb.Device
    assert repo.get("/devices/d1") == pb.Device(name="d1", vendor="w")


def test_messages_returned_are_of_the_callers_classes(store: Place) -> None:
    store.open().replace("/", network())
    other = network_of()
    repo = store.reopen(other)
    found = repo.get(deep=True)
    assert type(found) is other
    assert type(repo.get("/devices/d1")) is type(found.devices[0])
    before = repo.head
    repo.add("/devices", device("n"))
    (change,) = repo.diff(before)
    assert type(change.new) is type(found.devices[0])
    assert apply_patch(to_json(network()), repo.diff(before).json_patch()) == to_json(
        pb.Network.FromString(repo.get(deep=True).SerializeToString())
    )


def test_equal_input_of_another_pool_changes_nothing(repo: treering.Repository, store: Place) -> None:
    repo.replace("/", network())
    other = network_of()
    with store.unchanged():
        assert repo.replace("/", other.FromString(network().SerializeToString())) == repo.head


def test_another_type_of_the_same_name_is_refused(repo: treering.Repository, store: Place) -> None:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

    def alter(file: Any) -> None:
        for message in file.message_type:
            if message.name == "Stranger":
                message.name = "Gone"
            if message.name == "Device":
                del message.field[:]
                message.field.add(
                    name="ports",
                    number=4,
                    type=FieldDescriptorProto.TYPE_BYTES,
                    label=FieldDescriptorProto.LABEL_OPTIONAL,
                )

    strange = network_of(alter, name="Device")
    with store.refuses(WrongType):
        repo.add("/devices", strange(ports=b"\xff\xff"))


def test_unknown_fields_are_kept(repo: treering.Repository, store: Place) -> None:
    newer = network_of(with_field("Network", "motto", 90), with_field("Device", "owner", 90))
    tree = newer(name="n", motto="m", devices=[{"name": "d", "owner": "o"}])
    repo.replace("/", tree)
    assert len(UnknownFieldSet(repo.get("/"))) == 1
    own = repo.get("/")
    own.name = "changed"
    repo.update("/", own)
    repo.update("/devices/d", pb.Device(vendor="v"), mask=["vendor"])
    assert newer.FromString(repo.get(deep=True).SerializeToString()) == newer(
        name="changed", motto="m", devices=[{"name": "d", "owner": "o", "vendor": "v"}]
    )
    assert store.reopen(newer).get().motto == "m"


def test_any_comes_back(repo: treering.Repository) -> None:
    tree = pb.Network()
    tree.extra.Pack(device("inside"))
    repo.update("/", tree)
    inside = pb.Device()
    assert repo.get().extra.Unpack(inside)
    assert inside == device("inside")


def _plant() -> legacy.Plant:
    plant = legacy.Plant(name="p")
    for number in (3, 1, 2):
        machine = plant.machines.add(id=number, type="t")
        machine.motor.watts = number
        machine.gauge.value = number
        plant.line.add(number=number, product="x")
    plant.Extensions[legacy.owner] = "me"
    return plant


def test_proto2_comes_back(store: Place) -> None:
    repo = store.open(legacy.Plant)
    repo.replace("/", _plant())
    assert repo.get(deep=True) == _plant()
    assert repo.get("/machines/1") == legacy.Machine(id=1, type="t", gauge={"value": 1})
    assert repo.get("/machines/1").speed == 50
    assert not repo.get("/machines/1").HasField("speed")
    assert repo.get("/line/2") == legacy.Plant.Line(number=2, product="x")
    assert repo.get().Extensions[legacy.owner] == "me"
    repo.update("/line/2", legacy.Plant.Line(number=2, product="y"))
    repo.update("/machines/1/motor", legacy.Motor(watts=9))
    changed = _plant()
    changed.line[2].product = "y"
    changed.machines[1].motor.watts = 9
    assert store.reopen(legacy.Plant).get(deep=True) == changed
    assert store.reopen(None).get(deep=True).SerializeToString() == changed.SerializeToString()
    again = store.reopen(legacy.Plant)
    assert apply_patch(to_json(_plant()), again.diff("main~2").json_patch()) == to_json(changed)


def test_required_fields_are_required(store: Place) -> None:
    repo = store.open(legacy.Plant)
    repo.replace("/", _plant())
    whole = legacy.Machine(id=9, type="t", motor=legacy.Motor(watts=1))
    for lacking in ("type", "motor"):
        partial = legacy.Machine()
        partial.CopyFrom(whole)
        partial.ClearField(lacking)
        with store.refuses(MissingField) as caught:
            repo.add("/machines", partial)
        assert isinstance(caught.value, ValueError)
        assert lacking in str(caught.value)
        with store.refuses(MissingField):
            repo.replace("/", legacy.Plant(machines=[partial]))
    with store.refuses(MissingField):
        repo.add("/machines", legacy.Machine(id=9, type="t", motor=legacy.Motor()))
    with store.refuses(MissingField):
        repo.update("/machines/1", legacy.Machine(id=1))
    with store.refuses(MissingField):
        repo.update("/machines/1/motor", legacy.Motor())
    with store.refuses(MissingField):
        repo.clear("/machines/1/motor")
    with store.refuses(MissingField):
        repo.update("/spare", legacy.Machine(id=1, type="t"))  # would lack its motor
    repo.update("/machines/1", legacy.Machine(id=1, type="u"))  # has its motor already
    repo.replace("/spare", whole)
    assert repo.get("/spare/motor").watts == 1


def test_editions_come_back(store: Place) -> None:
    ship = editions.Ship(name="s", length=0, draughts=[1, 2], rank=editions.LINER)
    for number in (2, 1):
        ship.cabins.add(number=number, guest="g").beds.add(width=number)
    ship.bridge.captain = ""
    ship.suites["royal"].beds.add()
    repo = store.open(editions.Ship)
    repo.replace("/", ship)
    assert repo.get(deep=True) == ship
    assert repo.get("/bridge").HasField("captain")
    repo.update("/cabins/1", editions.Cabin(number=1, guest="h"))
    repo.add("/cabins/2/beds", editions.Bed(width=7))
    ship.cabins[1].guest = "h"
    ship.cabins[0].beds.add(width=7)
    assert store.reopen(editions.Ship).get(deep=True) == ship
    assert store.reopen(None).get(deep=True).SerializeToString(deterministic=True) == ship.SerializeToString(
        deterministic=True
    )


def test_an_unset_key_counts_as_its_default(store: Place) -> None:
    repo = store.open(legacy.Plant)
    repo.add("/line", legacy.Plant.Line(product="zero"))
    assert repo.keys("/line") == [0]
    assert repo.get("/line/0") == legacy.Plant.Line(product="zero")
    with store.refuses(treering.AlreadyExists):
        repo.add("/line", legacy.Plant.Line(number=0))
    ships = treering.open({}, editions.Ship)
    with pytest.raises(InvalidPath):
        ships.add("/suites", editions.Cabin(), key="")
