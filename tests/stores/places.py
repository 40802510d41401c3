"""A new store of each kind there is: in a folder of the test's own, or beside others on a server that all share."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from treering.backend.open import _SCHEMES

STORES: dict[str, Callable[[Path, Callable[[], Any]], str]] = {
    "lmdb": lambda folder, _: f"lmdb:{folder}/store",
    "sqlite": lambda folder, _: f"sqlite:{folder}/store.db",
    "redis": lambda _, server: f"redis://{server().address}?prefix={uuid.uuid4().hex}",
    "etcd": lambda _, server: f"etcd://{server().address}/{uuid.uuid4().hex}",
    "consul": lambda _, server: f"consul://{server().address}/{uuid.uuid4().hex}",
    "cassandra": lambda _, server: f"cassandra://{server().address}/stores?create_keyspace=1&store={uuid.uuid4().hex}",
}
KINDS = [kind for kind in STORES if kind in _SCHEMES]


def new_store(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """Return the URL of a store where nothing is yet."""
    return STORES[kind](folder, lambda: request.getfixturevalue("shared_server")(kind))
