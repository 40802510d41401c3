"""``commit.durable()``: on stores that acknowledge early, on those that do not, and where it cannot be had."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from tests.proto import engine_pb2 as pb

import treering
from treering.backend.base import Durability, Limits
from treering.backend.lmdb import LmdbBackend
from treering.backend.sqlite import SqliteBackend
from treering.errors import Unavailable
from treering.testing import LimitedBackend, MemoryBackend

KINDS = {"lmdb": LmdbBackend, "sqlite": SqliteBackend}


class EarlyBackend(LimitedBackend):
    """Acknowledges before anything is safe, in small batches; counts how often it was told to make it safe."""

    def __init__(self, durability: Durability = Durability.ASYNC) -> None:
        super().__init__(max_batch_count=16)
        self.durability = durability
        self.syncs = 0
        self.trouble: Exception | None = None

    @property
    def limits(self) -> Limits:
        return replace(super().limits, durability=self.durability)

    def sync(self) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.syncs += 1


@pytest.fixture
def backend() -> EarlyBackend:
    return EarlyBackend()


@pytest.fixture
def repo(backend: EarlyBackend) -> treering.Repository:
    return treering.open(backend, pb.Network)


@pytest.mark.parametrize("kind", KINDS)
def test_an_asynchronous_store_is_synced_when_asked(kind: str, tmp_path: Path) -> None:
    with treering.open(f"{kind}:{tmp_path}/store?durability=async", pb.Network) as repo:
        commits = [repo.update("/", pb.Network(name=str(number))) for number in range(3)]
        with mock.patch.object(KINDS[kind], "sync", autospec=True, side_effect=KINDS[kind].sync) as sync:
            assert sync.call_count == 0
            commits[-1].durable()
            assert sync.call_count == 1
            repo.resolve(commits[0].id).durable()
            assert sync.call_count == 2
        assert repo.head == commits[-1]
    with pytest.raises(Unavailable, match="closed"):
        commits[0].durable()
    with treering.open(f"{kind}:{tmp_path}/store?durability=async&readonly=true") as reader:
        assert reader.head == commits[-1]
        with pytest.raises(Unavailable, match="only reads"):
            reader.head.durable()
        assert reader.get().name == "2"


@pytest.mark.parametrize("url", ["memory:", "lmdb:{}/store", "sqlite:{}/store"])
def test_elsewhere_there_is_nothing_to_wait_for(url: str, tmp_path: Path) -> None:
    with treering.open(url.format(tmp_path), pb.Network) as repo:
        repo.update("/", pb.Network(name="x")).durable()
        repo.head.durable()


def test_what_is_durable_already_is_not_synced() -> None:
    backend = EarlyBackend(Durability.FSYNC)
    treering.open(backend, pb.Network).update("/", pb.Network(name="x")).durable()
    assert backend.syncs == 0


WAYS: dict[str, Callable[[treering.Repository], treering.Commit]] = {
    "edit": lambda repo: repo.update("/", pb.Network(name="y")),
    "head": lambda repo: repo.head,
    "resolve": lambda repo: repo.resolve("main~1"),
    "log": lambda repo: list(repo.log())[-1],
    "tag": lambda repo: repo.tag("t"),
    "tags": lambda repo: _tagged(repo)["t"],
    "snapshot": lambda repo: repo.at("main~1").commit,
    "transaction": lambda repo: _committed(repo.transaction()),
    "base": lambda repo: repo.transaction().base,
    "proxy": lambda repo: repo.proxy("/").update("/", pb.Network(name="y")),
    "watch": lambda repo: next(iter(repo.watch(since="main~1"))).commit,
    "seen": lambda repo: repo.watch().seen,
    "copy": lambda repo: copy.copy(repo.head),
}


def _tagged(repo: treering.Repository) -> Mapping[str, treering.Commit]:
    repo.tag("t")
    return repo.tags


def _committed(transaction: treering.Transaction) -> treering.Commit:
    transaction.update("/", pb.Network(name="y"))
    return transaction.commit()


@pytest.mark.parametrize("way", WAYS)
def test_wherever_a_commit_comes_from(way: str, repo: treering.Repository, backend: EarlyBackend) -> None:
    repo.update("/", pb.Network(name="x"))
    commit = WAYS[way](repo)
    assert backend.syncs == 0
    commit.durable()
    assert backend.syncs == 1


def test_the_error_of_a_disk_that_failed_is_raised(repo: treering.Repository, backend: EarlyBackend) -> None:
    commit = repo.update("/", pb.Network(name="x"))
    backend.trouble = Unavailable("what was written may not be on disk", store=backend.url)
    with pytest.raises(Unavailable, match="may not be on disk"):
        commit.durable()
    backend.trouble = None
    commit.durable()


def test_a_commit_keeps_no_store_open() -> None:
    backend = MemoryBackend()
    repo = treering.open(backend, pb.Network)
    commit = repo.update("/", pb.Network(name="x"))
    gone = weakref.ref(repo._store)
    del repo
    gc.collect()
    assert gone() is None
    with pytest.raises(Unavailable) as caught:
        commit.durable()
    assert caught.value.commit == commit.id  # type: ignore[attr-defined]
    again = treering.open(backend, pb.Network).head
    assert again == commit
    assert hash(again) == hash(commit)
