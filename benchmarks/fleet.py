"""The content that is measured: N devices of 145 bytes in one container. The cost and scale tests use it too."""

from __future__ import annotations

import random
from collections.abc import Iterator, MutableMapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import treering

DEVICE_BYTES = 145

_FIELDS = ("id", "serial", "vendor", "model", "address", "location", "firmware")


def _classes() -> tuple[Any, Any]:
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="fleet.proto", package="fleet", syntax="proto3")
    device = file.message_type.add(name="Device")
    for number, name in enumerate(_FIELDS, 1):
        device.field.add(name=name, number=number, label=field.LABEL_OPTIONAL, type=field.TYPE_STRING)
    for number, name in enumerate(("state", "port_count", "uptime_seconds"), len(_FIELDS) + 1):
        device.field.add(name=name, number=number, label=field.LABEL_OPTIONAL, type=field.TYPE_FIXED32)
    fleet = file.message_type.add(name="Fleet")
    fleet.field.add(name="owner", number=1, label=field.LABEL_OPTIONAL, type=field.TYPE_STRING)
    fleet.field.add(
        name="devices",
        number=2,
        label=field.LABEL_REPEATED,
        type=field.TYPE_MESSAGE,
        type_name=".fleet.Device",
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    device_class, fleet_class = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"fleet.{name}")) for name in ("Device", "Fleet")
    )
    return device_class, fleet_class


Device, Fleet = _classes()
SCHEMA = treering.Schema(Fleet, children={"fleet.Fleet.devices": "id"})


def device_id(number: int) -> str:
    """Return the key of the ``number``-th device."""
    return f"device-{number:08d}"


def device(number: int, version: int = 0) -> Any:
    """Return the ``number``-th device as it is after ``version`` changes: always 145 bytes."""
    return Device(
        id=device_id(number),
        serial=f"SN{number * 7919 % 10**12:012d}",
        vendor="Accton Systems",
        model="AS7712-32X-O-AC-F",
        address=f"10.{number >> 16 & 255:03d}.{number >> 8 & 255:03d}.{number & 255:03d}",
        location=f"row {number % 97:02d}, rack {number % 89:02d}",
        firmware=f"{version:08d}-stable-20261122rc1",
        state=1,
        port_count=32,
        uptime_seconds=86_400 + number,
    )


def fleet(count: int) -> Any:
    """Return a deep message with ``count`` devices."""
    return Fleet(owner="benchmarks", devices=map(device, range(count)))


def open_fleet(store: str | MutableMapping[str, bytes] | treering.Backend, count: int = 0) -> treering.Repository:
    """Open a store of a fleet; fill it with ``count`` devices in one commit where a count is given."""
    repo = treering.open(store, SCHEMA)
    if count:
        repo.replace("/", fleet(count))
    return repo


def random_numbers(count: int, seed: int = 1) -> Iterator[int]:
    """Yield device numbers below ``count`` for ever, evenly spread, the same at each run."""
    choose = random.Random(seed)
    while True:
        yield choose.randrange(count)
