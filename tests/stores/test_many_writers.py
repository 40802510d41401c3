"""Four processes commit on one store at once, on every store there is."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.stores.many_writers import run_writers

from treering.backend.open import _SCHEMES

PROCESSES = 4
COMMITS = {"cassandra": 20}
DEFAULT_COMMITS = 50

# A new store of each kind: in a folder of the test's own, or beside others on the server that all tests share.
STORES: dict[str, Callable[[Path, Callable[[], Any]], str]] = {
    "lmdb": lambda folder, _: f"lmdb:{folder}/store",
    "sqlite": lambda folder, _: f"sqlite:{folder}/store.db",
    "redis": lambda _, server: f"redis://{server().address}?prefix={uuid.uuid4().hex}",
    "etcd": lambda _, server: f"etcd://{server().address}/{uuid.uuid4().hex}",
    "consul": lambda _, server: f"consul://{server().address}/{uuid.uuid4().hex}",
    "cassandra": lambda _, server: (
        f"cassandra://{server().address}/many_writers?create_keyspace=1&store={uuid.uuid4().hex}"
    ),
}


@pytest.mark.parametrize("kind", [kind for kind in STORES if kind in _SCHEMES])
def test_four_processes(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = STORES[kind](tmp_path, lambda: request.getfixturevalue("shared_server")(kind))
    run_writers(url, processes=PROCESSES, commits=COMMITS.get(kind, DEFAULT_COMMITS))


def test_every_store_is_tested() -> None:
    assert {kind for kind in _SCHEMES if kind != "memory"} <= STORES.keys() | {"rediss", "redis+unix"}
