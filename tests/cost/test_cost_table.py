"""The cost of each operation, exactly, in one table: requests, objects, bytes, hashes and messages; no times.

Clock and dice are fixed, so the counts are the same at each run. Where the engine or the format changes, run this file:
a failure prints the table as it is now, to be put in place of ``EXPECTED`` when every changed number is as meant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
from benchmarks.contender import updates
from benchmarks.fleet import SCHEMA, Device, device, device_id, fleet
from tests.cost import test_costs
from tests.cost.test_costs import CountingBackend, Work

import treering
from treering.opening import open_with
from treering.testing import MemoryBackend
from treering.testing.entropy import FixedEntropy

SIZES = (100, 1_000, 10_000)
BYTES_SLACK = 0.02  # bytes may be fewer by this part before the table has to be tightened

work = test_costs.work  # the fixture


@dataclass(frozen=True)
class Cost:
    """What an operation costs. Reads and writes count objects (roots among ``keys``), requests of one kind a column."""

    reads: int  # read_many requests
    roots: int  # read_root requests
    pages_read: int
    publishes: int
    pages_written: int
    keys_written: int
    bytes_written: int
    hashes: int
    serialised: int
    parsed: int


# By N. "cold": with nothing cached, else after the calls above it.
# fmt: off
EXPECTED: dict[int, dict[str, Cost]] = {
    100: {
        # reads, roots, pages read, publishes, pages written, keys written, bytes written, hashes, serialised, parsed
        "get, cold":                             Cost(   1,    1,    1,    0,    0,    0,      0,    1,    0,    1),
        "get":                                   Cost(   0,    1,    0,    0,    0,    0,      0,    0,    0,    1),
        "update, cold":                          Cost(   1,    1,    1,    1,    1,    3,   2088,    3,    1,    0),
        "update":                                Cost(   2,    1,    0,    1,    1,    3,   2088,    4,    1,    0),
        "add":                                   Cost(   0,    1,    0,    1,    1,    3,   2222,    2,    1,    0),
        "remove":                                Cost(   0,    1,    0,    1,    1,    3,   2088,    2,    0,    0),
        "update of nothing":                     Cost(   0,    1,    0,    0,    0,    0,      0,    0,    1,    0),
        "update of the parent":                  Cost(   0,    1,    0,    1,    0,    2,    990,    1,    1,    0),
        "100 random updates in a transaction":   Cost(  11,    2,   11,    1,   12,   14,  16551,   24,  100,    0),
        "diff of these, cold":                   Cost(   2,    3,   24,    0,    0,    0,      0,   25,    0,  132),
        "100 adjacent updates in a transaction": Cost(   0,    2,    0,    1,    9,   11,  15248,   10,  100,    0),
        "diff of these":                         Cost(   2,    3,    9,    0,    0,    0,      0,   10,    0,   68),
        "a page of 50 keys, cold":               Cost(   7,    1,    7,    0,    0,    0,      0,    7,    0,    0),
        "deep read, cold":                       Cost(   1,    1,   12,    0,    0,    0,      0,   12,    0,    1),
        "open":                                  Cost(   2,    3,    0,    0,    0,    0,      0,    2,    0,    0),
        "look-up by name, cold":                 Cost(  13,    1,    0,    0,    0,    0,      0,   13,    0,    0),
        "look-up by time, cold":                 Cost(  13,    1,    0,    0,    0,    0,      0,   13,    0,    0),
        "prune of 100 commits, cold":            Cost( 108,    7,  119,    3,    0,    4,   4110,  226,    0,    0),
    },
    1_000: {
        # reads, roots, pages read, publishes, pages written, keys written, bytes written, hashes, serialised, parsed
        "get, cold":                             Cost(   2,    1,    2,    0,    0,    0,      0,    2,    0,    1),
        "get":                                   Cost(   0,    1,    0,    0,    0,    0,      0,    0,    0,    1),
        "update, cold":                          Cost(   2,    1,    2,    1,    2,    4,   3992,    5,    1,    0),
        "update":                                Cost(   2,    1,    0,    1,    2,    4,   3992,    5,    1,    0),
        "add":                                   Cost(   0,    1,    0,    1,    2,    4,   4128,    3,    1,    0),
        "remove":                                Cost(   0,    1,    0,    1,    2,    4,   3992,    3,    0,    0),
        "update of nothing":                     Cost(   0,    1,    0,    0,    0,    0,      0,    0,    1,    0),
        "update of the parent":                  Cost(   0,    1,    0,    1,    0,    2,    787,    1,    1,    0),
        "100 random updates in a transaction":   Cost(  73,    2,   73,    1,   75,   77, 105279,  149,  100,    0),
        "diff of these, cold":                   Cost(   3,    3,  150,    0,    0,    0,      0,  151,    0,  182),
        "100 adjacent updates in a transaction": Cost(   6,    2,    6,    1,   13,   15,  17952,   20,  100,    0),
        "diff of these":                         Cost(   3,    3,   13,    0,    0,    0,      0,   14,    0,  184),
        "a page of 50 keys, cold":               Cost(   8,    1,    8,    0,    0,    0,      0,    8,    0,    0),
        "deep read, cold":                       Cost(   2,    1,  124,    0,    0,    0,      0,  124,    0,    1),
        "open":                                  Cost(   2,    3,    0,    0,    0,    0,      0,    2,    0,    0),
        "look-up by name, cold":                 Cost(  12,    1,    0,    0,    0,    0,      0,   12,    0,    0),
        "look-up by time, cold":                 Cost(  12,    1,    0,    0,    0,    0,      0,   12,    0,    0),
        "prune of 100 commits, cold":            Cost( 111,    7,  294,    3,    0,    4,   6798,  402,    0,    0),
    },
    10_000: {
        # reads, roots, pages read, publishes, pages written, keys written, bytes written, hashes, serialised, parsed
        "get, cold":                             Cost(   3,    1,    3,    0,    0,    0,      0,    3,    0,    1),
        "get":                                   Cost(   0,    1,    0,    0,    0,    0,      0,    0,    0,    1),
        "update, cold":                          Cost(   3,    1,    3,    1,    3,    5,   5198,    7,    1,    0),
        "update":                                Cost(   2,    1,    0,    1,    3,    5,   5198,    6,    1,    0),
        "add":                                   Cost(   1,    1,    1,    1,    3,    5,   4229,    5,    1,    0),
        "remove":                                Cost(   0,    1,    0,    1,    3,    5,   4095,    4,    0,    0),
        "update of nothing":                     Cost(   0,    1,    0,    0,    0,    0,      0,    0,    1,    0),
        "update of the parent":                  Cost(   0,    1,    0,    1,    0,    2,    577,    1,    1,    0),
        "100 random updates in a transaction":   Cost( 152,    2,  152,    1,  154,  156, 200933,  307,  100,    0),
        "diff of these, cold":                   Cost(   4,    3,  308,    0,    0,    0,      0,  309,    0,  198),
        "100 adjacent updates in a transaction": Cost(  11,    2,   11,    1,   14,   16,  18945,   26,  100,    0),
        "diff of these":                         Cost(   4,    3,   14,    0,    0,    0,      0,   15,    0,  198),
        "a page of 50 keys, cold":               Cost(  11,    1,   11,    0,    0,    0,      0,   11,    0,    0),
        "deep read, cold":                       Cost(  12,    1, 1245,    0,    0,    0,      0, 1245,    0,    1),
        "open":                                  Cost(   2,    3,    0,    0,    0,    0,      0,    2,    0,    0),
        "look-up by name, cold":                 Cost(  12,    1,    0,    0,    0,    0,      0,   12,    0,    0),
        "look-up by time, cold":                 Cost(  12,    1,    0,    0,    0,    0,      0,   12,    0,    0),
        "prune of 100 commits, cold":            Cost( 113,    7,  532,    3,    0,    4,   9662,  640,    0,    0),
    },
}
# fmt: on


class Meter:
    """A store of a fleet, and the counters around it."""

    def __init__(self, size: int, work: Work) -> None:
        self.size = size
        self.work = work
        self.backend = CountingBackend(MemoryBackend())
        self.entropy = FixedEntropy()
        self.repo = self.open()
        self.repo.replace("/", fleet(size))
        self.found: dict[str, Cost] = {}

    def open(self) -> treering.Repository:
        return open_with(
            self.backend, SCHEMA, branch="main", author="", create=True, deadline_seconds=10, entropy=self.entropy
        )

    def count(self, name: str, call: Callable[[], Any], *, cold: bool = False) -> Any:
        """Note what a call costs."""
        if cold:
            self.repo._store.reader.forget()
        self.backend.reset_counts()
        self.work.__init__()  # type: ignore[misc]
        result = call()
        backend = self.backend
        self.found[name] = Cost(
            reads=backend.calls["read_many"],
            roots=backend.calls["read_root"],
            pages_read=backend.read["P"],
            publishes=backend.calls["publish"] + backend.calls["write_many"],
            pages_written=backend.written["P"],
            keys_written=backend.keys_written,
            bytes_written=backend.bytes_written,
            hashes=self.work.hashes,
            serialised=self.work.serialised,
            parsed=self.work.parsed,
        )
        return result


def measure(meter: Meter) -> dict[str, Cost]:
    repo, size, count = meter.repo, meter.size, meter.count
    middle = size // 2
    path, new = f"/devices/{device_id(middle)}", f"{device_id(middle)}.new"
    count("get, cold", lambda: repo.get(path), cold=True)
    count("get", lambda: repo.get(path))
    count("update, cold", lambda: repo.update(path, device(middle, 1)), cold=True)
    count("update", lambda: repo.update(path, device(middle, 2)))
    count("add", lambda: repo.add("/devices", Device(id=new, location="x" * 100)))
    count("remove", lambda: repo.remove(f"/devices/{new}"))
    count("update of nothing", lambda: repo.update(path, device(middle, 2)))
    count("update of the parent", lambda: repo.update("/", type(fleet(0))(owner="another")))
    before = repo.head
    count("100 random updates in a transaction", lambda: change(repo, size, [edit.key for edit in updates(size, 100)]))
    count("diff of these, cold", lambda: list(repo.diff(before)), cold=True)
    count("100 adjacent updates in a transaction", lambda: change(repo, size, map(device_id, range(100))))
    count("diff of these", lambda: list(repo.diff("main~1")))
    count("a page of 50 keys, cold", lambda: repo.keys("/devices", start=device_id(middle), limit=50), cold=True)
    count("deep read, cold", lambda: repo.get(deep=True), cold=True)
    count("open", lambda: meter.open().head, cold=True)
    marks = []
    for version in range(3, 103):
        at = (version * 7919) % size
        marks.append(repo.update(("devices", device_id(at)), device(at, version)))
    count("look-up by name, cold", lambda: repo.resolve(marks[50].name), cold=True)
    count("look-up by time, cold", lambda: repo.resolve(marks[50].time), cold=True)
    count("prune of 100 commits, cold", lambda: repo.prune(keep_last=6), cold=True)
    assert repo.verify().ok
    return meter.found


def change(repo: treering.Repository, size: int, keys: Any) -> None:
    with repo.transaction() as transaction:
        for key in keys:
            at = int(key.removeprefix("device-"))
            transaction.update(("devices", key), device(at, version=size))


@pytest.mark.parametrize("size", SIZES, ids="N={}".format)
def test_every_operation_costs_what_the_table_says(size: int, work: Work) -> None:
    found, expected = measure(Meter(size, work)), EXPECTED.get(size, {})
    wrong = [name for name in found | expected if not fits(found.get(name), expected.get(name))]
    assert not wrong, f"{', '.join(wrong)}: other costs than in EXPECTED. They are now:\n{as_table(size, found)}"


@pytest.mark.parametrize("name", ["get, cold", "get", "update, cold", "update", "open", "look-up by name, cold"])
def test_costs_grow_with_the_height_of_the_tree_only(name: str) -> None:
    small, large = EXPECTED[SIZES[0]][name], EXPECTED[SIZES[-1]][name]
    for field in fields(Cost):
        if field.name != "bytes_written":
            assert getattr(large, field.name) <= getattr(small, field.name) + 4, field.name
    assert large.bytes_written <= 3 * small.bytes_written


def fits(found: Cost | None, expected: Cost | None) -> bool:
    if found is None or expected is None:
        return False
    counts = replace(found, bytes_written=0) == replace(expected, bytes_written=0)
    return counts and (1 - BYTES_SLACK) * expected.bytes_written <= found.bytes_written <= expected.bytes_written


def as_table(size: int, found: dict[str, Cost]) -> str:
    """Return rows as they stand in ``EXPECTED``."""
    columns = [field.name.replace("_", " ") for field in fields(Cost)]
    width = max(map(len, found)) + 3
    rows = [f"        {'# ' + ', '.join(columns)}"]
    for name, cost in found.items():
        numbers = ", ".join(
            f"{getattr(cost, field.name):>{6 if field.name == 'bytes_written' else 4}}" for field in fields(Cost)
        )
        label = f'"{name}":'
        rows.append(f"        {label:{width}} Cost({numbers}),")
    return "\n".join([f"    {size:_}: {{", *rows, "    },"])
