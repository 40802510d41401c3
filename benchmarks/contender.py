"""What every store that is measured can do: the same edits and reads of the same messages, one commit per edit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from benchmarks.fleet import Device, device, device_id, random_numbers

EDITS = ("update", "add", "remove")  # in this order: what add puts in, remove takes out
CALLS = (*EDITS, "get")

_versions = count(1)  # every update gives a child bytes that it never had: one that changes nothing would be fast


class Edit(NamedTuple):
    """A change of one child; ``path`` is ``key`` as treering's users write it."""

    key: str
    path: str
    message: Any


class Contender(Protocol):
    """One store, holding a fleet. Each edit is one commit, as durable as ``settings`` says, before it returns."""

    name: str
    settings: str

    def fill(self, whole: Any) -> None:
        """Put in a fleet, in one commit."""

    def update(self, edit: Edit) -> object:
        """Replace a child that is there."""

    def add(self, edit: Edit) -> object:
        """Put in a child that is not there."""

    def remove(self, edit: Edit) -> object:
        """Take out a child that is there."""

    def get(self, edit: Edit) -> Any:
        """Return a child's message, the caller's own."""

    def update_many(self, edits: Sequence[Edit]) -> object:
        """Update many children in one commit."""

    def page(self, key: str) -> list[str]:
        """Return up to ``PAGE`` keys in order, from ``key`` on."""

    def read_all(self) -> Any:
        """Return the whole fleet as one message."""

    def size_bytes(self) -> int:
        """Return what it takes on the disk, or 0 in memory."""

    def close(self) -> None:
        """Let go of it."""


PAGE = 500


@dataclass(frozen=True)
class Kind:
    """How to make a contender: in a folder of its own, which does not exist yet. ``max_n``: where it gets hopeless."""

    make: Callable[[Path], Contender]
    max_n: int = 1_000_000


def updates(n: int, number: int, seed: int = 1) -> list[Edit]:
    """Return updates of random children out of ``n``."""
    return [_update(at) for at in islice(random_numbers(n, seed), number)]


def adjacent_updates(n: int, number: int, seed: int = 1) -> list[Edit]:
    """Return updates of ``number`` children whose keys follow one another, from a random one on."""
    first = next(random_numbers(n - number + 1, seed))
    return [_update(at) for at in range(first, first + number)]


def additions(n: int, number: int, seed: int = 1) -> list[Edit]:
    """Return new children, each beside a random one out of ``n``: about as large, with keys never used before."""
    made = []
    for at in islice(random_numbers(n, seed), number):
        key = f"{device_id(at)}.{next(_versions)}"
        message = device(at)
        message.id = key
        made.append(Edit(key, f"/devices/{key}", message))
    return made


def parse(data: bytes) -> Any:
    """Return the message that a rival keeps as bytes."""
    message = Device()
    message.ParseFromString(data)
    return message


def folder_bytes(folder: Path) -> int:
    """Return what the files of a folder take on the disk, in whole blocks."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def _update(at: int) -> Edit:
    key = device_id(at)
    return Edit(key, f"/devices/{key}", device(at, next(_versions)))
