"""Four processes commit on one store at once, on every store there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.stores.many_writers import run_writers
from tests.stores.places import KINDS, STORES, new_store

from treering.backend.open import _SCHEMES

PROCESSES = 4
COMMITS = {"cassandra": 20}
DEFAULT_COMMITS = 50


@pytest.mark.parametrize("kind", KINDS)
def test_four_processes(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = new_store(kind, tmp_path, request)
    run_writers(url, processes=PROCESSES, commits=COMMITS.get(kind, DEFAULT_COMMITS))


def test_every_store_is_tested() -> None:
    assert _SCHEMES.keys() - {"memory", "rediss", "redis+unix"} <= STORES.keys()
