"""What tests of a watch share: commits to make, events to collect, threads to wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from tests.proto import engine_pb2 as pb

import treering
from treering.store.freshness import Freshness

PATIENCE_SECONDS = 30  # for what must come; no test ends early or late by it


def device(name: str, vendor: str = "") -> pb.Device:
    return pb.Device(name=name, vendor=vendor)


def rename(repo: treering.Repository, name: object) -> treering.Commit:
    return repo.update("/", pb.Network(name=str(name)))


def commits(events: Iterable[treering.CommitEvent]) -> list[treering.Commit]:
    return [event.commit for event in events]


def line(repo: treering.Repository, after: treering.Commit) -> list[treering.Commit]:
    """Return what history says came after a commit, oldest first."""
    found = list(repo.log())
    return found[: found.index(after)][::-1]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what must happen soon."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def freshness(repo: treering.Repository) -> Freshness:
    return repo._store.freshness


def is_waiting(repo: treering.Repository) -> bool:
    return freshness(repo)._waiting > 0


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "treering-freshness"]
