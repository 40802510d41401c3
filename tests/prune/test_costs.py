"""What prune costs a store, counted: it follows what changed, never the size of the trees or of the history."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import pytest
from benchmarks.fleet import Fleet, device, device_id, open_fleet, random_numbers
from tests.cost.test_costs import CountingBackend
from tests.proto import engine_pb2 as pb
from tests.prune import marking

import treering
from treering.backend.base import Entry
from treering.backend.mapping import MappingBackend
from treering.objects.pointer import Location
from treering.store.reach import reached_only_by
from treering.store.reader import Reader, StoredCommit
from treering.testing import MemoryBackend

SIZES = (1_000, 100_000)


class Counted:
    def __init__(self, size: int) -> None:
        self.size = size
        self.backend = CountingBackend(MemoryBackend())
        self.repo = open_fleet(self.backend, size)
        self.repo.prune()
        self.numbers = random_numbers(size)
        self.version = 0

    def change(self, count: int = 1) -> None:
        for number in islice(self.numbers, count):
            self.version += 1
            self.repo.update(("devices", device_id(number)), device(number, version=self.version))

    def prune(self, *, keep_last: int = 1) -> int:
        """Prune with nothing cached, and return how many objects were asked for."""
        self.repo._store.reader.forget()
        self.backend.reset_counts()
        self.report = self.repo.prune(keep_last=keep_last)
        return self.backend.keys_read - self.backend.calls["read_root"]


@pytest.fixture(scope="module", params=SIZES, ids="N={}".format)
def counted(request: pytest.FixtureRequest) -> Counted:
    return Counted(request.param)


def most(height: int, neighbours: int) -> int:
    """Return how many objects a dropped commit may cost: its pages, those beside them, and each dead one's size."""
    return height * (2 + neighbours) + 2 + neighbours


HEIGHT = {1_000: 3, 100_000: 5}  # pages above a child, the root page that stands in the commit not counted


def test_one_commit_without_anything_below(counted: Counted) -> None:
    counted.change()
    assert counted.prune() <= most(HEIGHT[counted.size], neighbours=1)
    assert counted.report.commits == 1
    assert counted.backend.calls["read_many"] <= 30
    assert counted.backend.written.total() == 0  # few dead locations stand in the root


def test_the_same_whatever_the_size() -> None:
    """A hundred times the children: two levels of pages more."""
    small, large = (Counted(size) for size in SIZES)
    read = []
    for each in (small, large):
        each.change(2)
        each.repo.tag("below", "main~1")
        each.change(2)
        read.append(each.prune())
        assert each.report.commits == 3
    assert read[1] - read[0] <= 2 * 2 * 4
    for each in (small, large):
        each.repo.verify()


def test_one_commit_above_an_old_tag(counted: Counted) -> None:
    """What has changed since the tag, elsewhere, is not looked at again."""
    counted.repo.tag("old")
    reads = []
    for _ in range(60):
        counted.change()
        reads.append(counted.prune())
        assert counted.report.commits == 1 or len(reads) == 1
    assert max(reads) <= most(HEIGHT[counted.size], neighbours=2)
    counted.repo.delete_tag("old")
    counted.prune()


def test_many_commits_cost_each_the_same(counted: Counted) -> None:
    per_commit = []
    for count in (10, 200):
        counted.change(count)
        counted.prune()
        assert counted.report.commits == count
        per_commit.append(counted.backend.keys_read / count)
    assert per_commit[1] <= 1.2 * per_commit[0]
    assert per_commit[1] <= most(HEIGHT[counted.size], neighbours=0)
    assert counted.backend.calls["publish"] <= 4  # the cut, its dead list, the list itself
    assert counted.backend.calls["delete_many"] <= 3


def test_nothing_to_prune_reads_next_to_nothing(counted: Counted) -> None:
    counted.change()
    counted.prune()
    assert counted.prune() <= 2
    assert counted.backend.keys_written == 0


def test_the_length_of_history_does_not_count() -> None:
    """The last of 2,000 commits is kept, and the oldest dropped, one at a time."""
    counted = Counted(100)
    counted.change(2_000)
    reads = []
    for keep_last in (1_999, 1_998, 1_000, 999, 3, 2):
        dropped = len(list(counted.repo.log())) - keep_last
        reads.append(counted.prune(keep_last=keep_last) / dropped)
    assert max(reads) <= 60  # O(log history) jumps to the oldest that stays
    marking.check_all_gone(counted.repo)


def test_a_snapshot_costs_its_own_places_only(counted: Counted) -> None:
    counted.change()
    snapshot = counted.repo.at("main")
    counted.change()
    counted.prune()
    reads = []
    for _ in range(40):
        counted.change()
        reads.append(counted.prune())
    assert max(reads) <= 2 * most(HEIGHT[counted.size], neighbours=2)
    assert snapshot.count("/devices") == counted.size
    del snapshot
    counted.prune()


def test_a_whole_tree_is_freed_in_few_requests() -> None:
    counted = Counted(1_000)
    counted.repo.replace("/", Fleet())
    counted.prune()
    assert counted.report.objects >= 1_000 / 10
    assert counted.backend.calls["read_many"] <= 12


class Overtaken(MappingBackend):
    """A store in which another writer is faster, as often as ``times`` says."""

    times = 0
    other: treering.Repository

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        if self.times:
            self.times -= 1
            self.other.update("/", pb.Network(name=f"faster {self.times}"))
        return super().publish(objects, expected, root)


def test_beside_a_busy_writer_history_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mapping: dict[str, bytes] = {}
    store = Overtaken(mapping)
    store.other = treering.open(mapping, pb.Network)
    looks: list[int] = []

    def count(reader: Reader, dropped: Sequence[StoredCommit], kept: Sequence[StoredCommit]) -> dict[Location, int]:
        looks.append(len(dropped))
        return reached_only_by(reader, dropped, kept)

    monkeypatch.setattr("treering.store.prune.reached_only_by", count)
    with treering.open(store, pb.Network) as repo:
        for number in range(20):
            repo.update("/", pb.Network(name=str(number)))
        store.times = 5
        assert repo.prune(keep_last=3).commits == 18
        assert looks == [18]
        assert [commit.seq for commit in repo.log()] == list(range(25, 17, -1))
        assert repo.verify().unreachable == 0
