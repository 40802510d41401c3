"""One million children on LMDB: everything works, in seconds and in bounded memory. Times are for `make bench`."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from itertools import islice

import pytest
from benchmarks.fleet import Device, device, device_id, fleet, open_fleet, random_numbers

import treering

COUNT = 1_000_000
MAX_MEMORY_BYTES = 4 << 30
APART = 100


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"lmdb:{tmp_path_factory.mktemp('million')}/store"


@pytest.fixture(scope="module")
def repo(url: str) -> Iterator[treering.Repository]:
    """A store with a million children, built by one replace."""
    with open_fleet(url, COUNT) as repo:
        repo.tag("built")
        yield repo


def test_bulk_build(repo: treering.Repository) -> None:
    assert repo.at("built").count("/devices") == COUNT
    assert repo.resolve("built").seq == 1


def test_random_reads(repo: treering.Repository) -> None:
    for number in islice(random_numbers(COUNT), 1000):
        assert repo.get(("devices", device_id(number)), at="built") == device(number)
    assert not repo.exists(("devices", device_id(COUNT)))


def test_edits_of_one_child_and_back(repo: treering.Repository) -> None:
    before = repo.head.tree_id
    middle = ("devices", device_id(COUNT // 2))
    repo.update(middle, device(COUNT // 2, version=1))
    repo.add("/devices", Device(id=f"{device_id(7)}/extra"))
    assert repo.count("/devices") == COUNT + 1
    assert repo.get(middle).firmware == device(0, version=1).firmware
    repo.remove(("devices", f"{device_id(7)}/extra"))
    repo.update(middle, device(COUNT // 2))
    assert repo.head.tree_id == before


def test_paged_listing(repo: treering.Repository) -> None:
    assert repo.keys("/devices", limit=3) == [device_id(0), device_id(1), device_id(2)]
    assert repo.keys("/devices", start=device_id(COUNT - 2)) == [device_id(COUNT - 2), device_id(COUNT - 1)]
    start, seen = device_id(COUNT // 3), 0
    for _ in range(20):
        page = repo.keys("/devices", start=start, limit=500)
        assert page == [device_id(COUNT // 3 + seen + at) for at in range(500)]
        seen += 499
        start = page[-1]
    key, message = next(iter(repo.iterate("/devices", start=device_id(999))))
    assert (key, message) == (device_id(999), device(999))


def test_diff_of_commits_a_hundred_changes_apart(repo: treering.Repository) -> None:
    before = repo.head
    numbers = sorted(set(islice(random_numbers(COUNT, seed=3), APART)))
    for number in numbers:
        repo.update(("devices", device_id(number)), device(number, version=2))
    changes = list(repo.diff(before))
    assert [change.path for change in changes] == [treering.Path("devices", device_id(number)) for number in numbers]
    assert {change.kind for change in changes} == {"update"}
    assert (changes[0].old, changes[0].new) == (device(numbers[0]), device(numbers[0], version=2))
    assert [commit.id for commit in repo.log(path=str(changes[-1].path), limit=1)] == [repo.head.id]


def test_opening_finds_it_all(repo: treering.Repository, url: str) -> None:
    with open_fleet(url) as again:
        assert again.head == repo.head
        assert again.count("/devices") == COUNT
        assert again.get(("devices", device_id(12_345)), at="built") == device(12_345)


def test_a_deep_read_is_what_was_put_in_and_memory_stays_bounded(repo: treering.Repository) -> None:
    assert repo.get(deep=True, at="built") == fleet(COUNT)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    assert used < MAX_MEMORY_BYTES
