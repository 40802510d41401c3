"""Read a recorded history of switch configurations: text files, folder by folder, to the whole fleet after each change.

The folder holds ``history.json``, a list of changes, oldest first, and for change N the folder ``NN`` with one file
``DEVICE.pb.txt`` for every device that it changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format

from switch_fleet.switch_fleet_pb2 import Device, Fleet


@dataclass(frozen=True, slots=True)
class Change:
    """One change as it was recorded. ``changed`` and ``removed`` name devices."""

    seq: int
    date: str
    subject: str
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def load_changes(folder: Path) -> list[Change]:
    """Return the changes recorded in ``folder``, oldest first."""
    records = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    return [
        Change(record["seq"], record["date"], record["subject"], tuple(record["changed"]), tuple(record["removed"]))
        for record in records
    ]


def load_device(folder: Path, seq: int, name: str) -> Device:
    """Return one device as it was after change number ``seq``."""
    text = (folder / f"{seq:02}" / f"{name}.pb.txt").read_text(encoding="utf-8")
    device: Device = text_format.Parse(text, Device(file=name))
    return device


def iter_fleets(folder: Path) -> Iterator[tuple[Change, Fleet]]:
    """Yield each change with the fleet after it, devices in the order in which they joined."""
    devices: dict[str, Device] = {}
    for change in load_changes(folder):
        for name in change.removed:
            del devices[name]
        for name in change.changed:
            devices[name] = load_device(folder, change.seq, name)
        yield change, Fleet(devices=devices.values())
