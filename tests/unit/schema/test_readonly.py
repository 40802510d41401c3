from __future__ import annotations

import math

import pytest
from tests.proto.treering_test import network_pb2
from tests.proto.treering_test.network_pb2 import Device, Status

from treering.schema.schema import Schema

SHAPE = Schema(network_pb2.Network).shapes["treering_test.Device"]


def change(old: Device, new: Device, fields: list[str] | None = None) -> str | None:
    assert SHAPE.read_only_change(new, old, fields) == SHAPE.read_only_change(old, new, fields)
    return SHAPE.read_only_change(old, new, fields)


@pytest.mark.parametrize(
    ("new", "changed"),
    [
        (Device(), None),
        (Device(address="x", role=network_pb2.ROLE_LEAF, password="p"), None),
        (Device(serial="s"), "serial"),
        (Device(readings=[1.0]), "readings"),
        (Device(rack=0), "rack"),  # set is not the same as not set
        (Device(status=Status()), None),
        (Device(status=Status(text="x")), None),
        (Device(status=Status(uptime=1)), "status.uptime"),
        (Device(status=Status(load=math.nan)), "status.load"),
        (Device(status=Status(inner=Status(inner=Status(uptime=1)))), "status.inner.inner.uptime"),
        (Device(history=[Status(text="x"), Status()]), None),
        (Device(history=[Status(text="x"), Status(load=1)]), "history.load"),
        (Device(by_slot={"a": Status(text="x")}), None),
        (Device(by_slot={"a": Status(uptime=1)}), "by_slot.uptime"),
        (Device(ports=[network_pb2.Port(no=1)]), None),
        (Device(serial="s", readings=[1.0]), "serial"),
    ],
)
def test_what_counts_as_a_change(new: Device, changed: str | None) -> None:
    assert change(Device(), new) == changed
    assert change(new, new) is None
    copy = Device()
    copy.CopyFrom(new)
    assert change(new, copy) is None


def test_a_message_inside_counts_whole() -> None:
    old, new = Device(), Device()
    old.status.since.seconds = 5
    assert change(old, new) == "status.since"
    new.status.since.seconds = 5
    assert change(old, new) is None
    new.status.since.nanos = 1
    assert change(old, new) == "status.since"


def test_a_nan_is_itself() -> None:
    old = Device(readings=[math.nan, 1.0], status=Status(load=math.nan))
    new = Device(address="other", readings=[math.nan, 1.0], status=Status(load=math.nan, text="x"))
    assert change(old, new) is None
    new.readings[1] = 2.0
    assert change(old, new) == "readings"


def test_elements_by_position_and_entries_by_key() -> None:
    old = Device(history=[Status(uptime=1), Status(text="a")], by_slot={"a": Status(uptime=1), "b": Status(text="x")})
    new = Device(history=[Status(uptime=1, text="b")], by_slot={"a": Status(uptime=1, text="x")})
    assert change(old, new) is None
    new.history.insert(0, Status())
    assert change(old, new) == "history.uptime"
    del new.history[0]
    del new.by_slot["a"]
    assert change(old, new) == "by_slot.uptime"
    assert list(new.by_slot) == []  # looking adds nothing


def test_only_some_fields() -> None:
    old, new = Device(serial="a"), Device(serial="b", status=Status(uptime=1))
    assert change(old, new, ["address"]) is None
    assert change(old, new, ["status"]) == "status.uptime"
    assert change(old, new, ["status", "serial"]) == "serial"


def test_any_depth() -> None:
    old, new = Device(), Device()
    for message in (old, new):
        status = message.status
        for _ in range(5_000):
            status = status.inner
        status.uptime = 1 if message is new else 0
        status.text = "x"
    changed = change(old, new)
    assert changed is not None
    assert changed.endswith(".inner.uptime")


def test_a_type_without_marks() -> None:
    shape = Schema(network_pb2.Network).shapes["treering_test.Port"]
    assert shape.read_only_change(network_pb2.Port(no=1), network_pb2.Port(no=2)) is None


def test_marked_by_the_sidecar() -> None:
    schema = Schema(network_pb2.Network, read_only=["treering_test.Port.up", "treering_test.Device.status"])
    port = schema.shapes["treering_test.Port"]
    assert port.read_only == {"up"}
    assert port.read_only_change(network_pb2.Port(up=True), network_pb2.Port()) == "up"
    device = schema.shapes["treering_test.Device"]
    assert device.read_only_change(Device(), Device(status=Status())) == "status"
