"""The same content has the same name in every store, however large its values are."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.proto import engine_pb2 as pb
from tests.stores.places import KINDS, new_store

import treering
from treering.opening import open_with
from treering.testing import LimitedBackend
from treering.testing.entropy import FixedEntropy

IMAGE_BYTES = 3 << 20  # above what etcd and Consul take in one value, and in one request
MANY = 400  # children, above what they take in one request


def fill(store: str | treering.Backend) -> treering.Repository:
    """Open a new store and give it a history of small and large things, the same at every call."""
    repo = open_with(
        store, pb.Network, branch="main", author="", create=True, deadline_seconds=60, entropy=FixedEntropy(1)
    )
    repo.replace("/", pb.Network(devices=[pb.Device(name=f"d{n}", image=bytes(range(100)) * 10) for n in range(MANY)]))
    repo.update("/devices/d7", pb.Device(name="d7", image=random.Random(1).randbytes(IMAGE_BYTES)), note="large")
    repo.tag("large")
    repo.remove("/devices/d8")
    repo.update("/devices/d7", pb.Device(name="d7", image=random.Random(2).randbytes(IMAGE_BYTES)))
    return repo


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_the_same(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = new_store(kind, tmp_path, request)
    model = fill(LimitedBackend())
    with fill(url) as repo:
        assert [(commit.tree_id, commit.note) for commit in repo.log()] == [
            (commit.tree_id, commit.note) for commit in model.log()
        ]
        assert repo.get("/", deep=True) == model.get("/", deep=True)
        assert repo.verify().ok
    with treering.open(url, pb.Network, deadline_seconds=60) as again:
        assert again.get("/devices/d7", at="large") == model.get("/devices/d7", at="large")
        assert again.prune().commits == model.prune().commits == 3
        assert again.verify(sweep=True).ok
        report = again.verify()
        assert (report.ok, report.unreachable) == (True, 0)
        assert again.get("/devices/d7", at="large") == model.get("/devices/d7", at="large")
