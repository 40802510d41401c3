"""Stores in a dict and on LMDB, walked from the root by another program after every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.place import Place
from tests.proto.engine_pb2 import Network
from tests.prune import marking

import treering


@pytest.fixture(params=["dict", "lmdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    place = Place({} if request.param == "dict" else f"lmdb:{tmp_path}/store?durability=async")
    yield place
    place.close()
    if not place.is_damaged and place.content()[b""] is not None:
        with treering.open(place.target, Network) as repo:
            marking.check(repo)
            repo.prune()
            marking.check_all_gone(repo)


@pytest.fixture
def repo(store: Place) -> treering.Repository:
    return store.open()
