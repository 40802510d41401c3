"""How often a store is asked where each question is a round trip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from benchmarks.fleet import SCHEMA, Fleet, device, device_id, fleet

import treering
from treering.testing import FaultyBackend, LimitedBackend

PATH = f"/devices/{device_id(7)}"


@pytest.fixture
def mapping() -> dict[str, bytes]:
    return {}


@pytest.fixture
def backend(mapping: dict[str, bytes]) -> FaultyBackend:
    return FaultyBackend(LimitedBackend(mapping, remote=True, max_batch_count=64, max_batch_bytes=500_000))


@pytest.fixture
def repo(backend: FaultyBackend) -> treering.Repository:
    repo = treering.open(backend, SCHEMA, author="mine")
    repo.replace("/", fleet(500))
    backend.reset_counts()
    return repo


@pytest.fixture
def other(mapping: dict[str, bytes], repo: treering.Repository) -> treering.Repository:
    other = treering.open(LimitedBackend(mapping), SCHEMA, author="other")
    other.update("/", Fleet(owner="other"))
    return other


def test_the_first_write_takes_a_session_and_the_next_ones_one_call(mapping: dict[str, bytes]) -> None:
    treering.open(LimitedBackend(mapping), SCHEMA).replace("/", fleet(500))
    backend = FaultyBackend(LimitedBackend(mapping, remote=True))
    repo = treering.open(backend, SCHEMA)
    repo.get(PATH)
    assert list(repo.log())[-1].seq == 0  # a new commit's jump may lead to one that was not read yet
    backend.reset_counts()
    repo.update(PATH, device(7, 1))
    assert backend.calls["publish"] == 2
    assert backend.calls["read_root"] == 0
    backend.reset_counts()
    for version in range(2, 12):
        repo.update(PATH, device(7, version))
    assert backend.calls == {"publish": 10}


def test_opening_to_read_takes_no_session(mapping: dict[str, bytes]) -> None:
    treering.open(LimitedBackend(mapping), SCHEMA).replace("/", fleet(500))
    backend = FaultyBackend(LimitedBackend(mapping, remote=True))
    treering.open(backend, SCHEMA).get(PATH)
    assert backend.calls["publish"] == 0
    assert backend.calls["read_root"] <= 3


EDITS: dict[str, Callable[[treering.Repository, int], Any]] = {
    "update": lambda repo, number: repo.update(PATH, device(7, number)),
    "add": lambda repo, number: repo.add("/devices", device(1000 + number)),
    "remove": lambda repo, number: repo.remove(f"/devices/{device_id(number)}"),
    "replace": lambda repo, number: repo.replace(PATH, device(7, number)),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_is_one_call(
    repo: treering.Repository, backend: FaultyBackend, edit: Callable[[treering.Repository, int], Any]
) -> None:
    repo.get("/", deep=True)
    backend.reset_counts()
    for number in range(100, 110):
        edit(repo, number)
    assert backend.calls == {"publish": 10}


def test_a_transaction_looks_once_and_commits_in_one_call(repo: treering.Repository, backend: FaultyBackend) -> None:
    with repo.transaction() as transaction:
        for number in range(20):
            transaction.update(f"/devices/{device_id(number)}", device(number, 1))
        reads = backend.calls["read_many"]
        assert backend.calls["read_root"] == 1
        backend.reset_counts()
    assert backend.calls == {"publish": 1}
    assert reads <= 20


def test_a_read_looks_once(repo: treering.Repository, backend: FaultyBackend) -> None:
    repo.get(PATH)
    backend.reset_counts()
    repo.get(PATH)
    assert backend.calls == {"read_root": 1}


def test_one_that_lost_the_race_looks_again(
    repo: treering.Repository, other: treering.Repository, backend: FaultyBackend
) -> None:
    commit = repo.update(PATH, device(7, 1))
    assert backend.calls["publish"] == 2
    assert backend.calls["read_root"] == 1
    assert [found.author for found in repo.log(limit=2)] == ["mine", "other"]
    assert commit == other.head
    assert repo.get("/").owner == "other"


def test_no_stale_error_is_told(repo: treering.Repository, other: treering.Repository, backend: FaultyBackend) -> None:
    other.remove(PATH)
    repo.add("/devices", device(7, 9))  # to what this process knows, it is still there
    other.remove(PATH)
    with pytest.raises(treering.PathNotFound):
        repo.update(PATH, device(7, 2))
    other.add("/devices", device(2000))
    repo.remove(f"/devices/{device_id(2000)}")
    assert not other.exists(f"/devices/{device_id(2000)}")


def test_an_error_is_told_after_one_look(repo: treering.Repository, backend: FaultyBackend) -> None:
    with pytest.raises(treering.PathNotFound):
        repo.update(f"/devices/{device_id(9999)}", device(9999))
    assert backend.calls["read_root"] == 1
    assert backend.calls["publish"] == 0


def test_no_change_is_found_out_on_what_is_there_now(
    repo: treering.Repository, other: treering.Repository, backend: FaultyBackend
) -> None:
    before = repo.update(PATH, device(7, 1))
    other.update(PATH, device(7, 2))
    after = repo.update(PATH, device(7, 1))  # what this process knows is that it is so already
    assert after != before
    assert other.get(PATH) == device(7, 1)
    backend.reset_counts()
    assert repo.update(PATH, device(7, 1)) == after
    assert backend.calls == {"read_root": 1}


def test_no_stale_conflict_is_told(repo: treering.Repository, other: treering.Repository) -> None:
    transaction = repo.transaction()  # reads the head as it is now
    transaction.update(PATH, device(7, 1))
    other.update(PATH, device(7, 5))
    repo.get("/")  # this process learns of it
    other.update(PATH, device(7))
    transaction.commit()
    assert other.get(PATH) == device(7, 1)


def test_a_conflict_is_told_after_one_look(
    repo: treering.Repository, other: treering.Repository, backend: FaultyBackend
) -> None:
    transaction = repo.transaction()
    transaction.update(PATH, device(7, 1))
    other.update(PATH, device(7, 2))
    backend.reset_counts()
    with pytest.raises(treering.MergeConflict):
        transaction.commit()
    assert backend.calls["publish"] == 1
    assert backend.calls["read_root"] == 1


def test_pre_hooks_fire_once_and_validators_on_each_attempt(
    repo: treering.Repository, other: treering.Repository, backend: FaultyBackend
) -> None:
    told: list[str] = []
    seen: list[str] = []
    proxy = repo.proxy(PATH)
    proxy.on(treering.PRE_UPDATE, lambda message: told.append("pre"))
    proxy.on(treering.POST_UPDATE, lambda message: told.append("post"))
    repo.validator(lambda snapshot, diff: seen.append(snapshot.get("/").owner))
    other.update("/", Fleet(owner="newer"))
    repo.update(PATH, device(7, 1))
    assert told == ["pre", "post"]
    assert seen[-1] == "newer"


def test_a_validators_refusal_is_of_what_is_there_now(repo: treering.Repository, other: treering.Repository) -> None:
    def refuse_others(snapshot: treering.Snapshot, diff: treering.Diff) -> None:
        if snapshot.get("/").owner == "refused":
            raise ValueError("refused")

    repo.validator(refuse_others)
    other.update("/", Fleet(owner="refused"))
    with pytest.raises(ValueError, match="refused"):
        repo.update(PATH, device(7, 1))
    other.update("/", Fleet(owner="fine"))
    repo.update(PATH, device(7, 1))
    assert other.get(PATH) == device(7, 1)


def test_a_raised_session_floor_is_seen(repo: treering.Repository, other: treering.Repository) -> None:
    repo.update(PATH, device(7, 1))
    assert other.verify(sweep=True).ok
    repo.update(PATH, device(7, 2))
    report = other.verify()
    assert (report.ok, other.get(PATH)) == (True, device(7, 2))


def test_a_rolled_back_store_is_noticed(
    repo: treering.Repository, mapping: dict[str, bytes], backend: FaultyBackend
) -> None:
    older = dict(mapping)
    repo.update(PATH, device(7, 1))
    repo.update(PATH, device(7, 2))
    mapping.clear()
    mapping.update(older)
    with pytest.raises(treering.StoreRolledBack):
        repo.update(PATH, device(7, 3))
    repo.update(PATH, device(7, 3))
    assert treering.open(LimitedBackend(mapping), SCHEMA).get(PATH) == device(7, 3)


def test_a_closed_repository_says_so(repo: treering.Repository) -> None:
    repo.close()
    with pytest.raises(treering.Unavailable):
        repo.update(PATH, device(7, 1))


def test_run_counts_exactly(repo: treering.Repository, mapping: dict[str, bytes], backend: FaultyBackend) -> None:
    others = [treering.open(LimitedBackend(mapping, remote=True), SCHEMA) for _ in range(2)]
    repo.update("/", Fleet(owner="0"))

    def count(transaction: treering.Transaction) -> None:
        transaction.update("/", Fleet(owner=str(int(transaction.get("/").owner) + 1)))

    for _ in range(5):
        for each in (repo, *others):
            each.run(count)
    assert repo.get("/").owner == "15"


def test_what_was_overtaken_is_not_tried_again(
    repo: treering.Repository, other: treering.Repository, backend: FaultyBackend
) -> None:
    """Whoever loses the race, and loses it again, asks before each further attempt."""
    other.update("/", Fleet(owner="first"))
    publish = backend.publish
    overtakers = iter(range(3))

    def overtaken(objects: Any, expected: bytes | None, root: bytes) -> bool:
        if (number := next(overtakers, None)) is not None:
            other.update("/", Fleet(owner=f"overtaker {number}"))
        return publish(objects, expected, root)

    repo._store.backend.inner.inner.publish = overtaken  # type: ignore[attr-defined, union-attr]
    repo.update(PATH, device(7, 1))
    assert (backend.calls["publish"], backend.calls["read_root"]) == (4, 3)


def test_a_known_head_that_was_pruned_is_looked_for_again(
    repo: treering.Repository, mapping: dict[str, bytes], backend: FaultyBackend
) -> None:
    other = treering.open(LimitedBackend(mapping), SCHEMA)
    other.update("/", Fleet(owner="one"))
    assert dict(repo.tags) == {}  # this process knows a root whose head it never read
    other.update("/", Fleet(owner="two"))
    other.prune()
    repo.update(PATH, device(7, 1))
    assert other.get(PATH) == device(7, 1)
    assert other.get("/").owner == "two"
