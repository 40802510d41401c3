"""Places to watch: a dict, which says by itself that its root has moved, and LMDB, which is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.place import Place
from tests.watch.following import threads, until

import treering


@pytest.fixture(autouse=True)
def _nobody_listens() -> None:
    """What a test before this one has left may take a while to end."""
    until(lambda: not threads())


@pytest.fixture(params=["dict", "lmdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    place = Place({} if request.param == "dict" else f"lmdb:{tmp_path}/store?durability=async")
    yield place
    place.finish()


@pytest.fixture
def repo(store: Place) -> treering.Repository:
    return store.open()
