"""A place for a store, in a dict and on LMDB, checked whole after every test, and its locations place by place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.place import Place
from tests.transactions.places import check_places

import treering


@pytest.fixture(params=["dict", "lmdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    place = Place({} if request.param == "dict" else f"lmdb:{tmp_path}/store")
    yield place
    place.finish()
    with treering.open(place.target) as repo:
        check_places(repo)


@pytest.fixture
def repo(store: Place) -> treering.Repository:
    return store.open()
