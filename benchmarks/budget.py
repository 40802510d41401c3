"""The budgets of the design, the goals of the speed issue, and the growth with N, worked out of one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import stores
from benchmarks.result import Run
from benchmarks.rivals.zodb import MEMORY as ZODB_MEMORY
from benchmarks.treering_store import ASYNC, DURABLE, MEMORY
from benchmarks.workloads.batch import BUILD
from benchmarks.workloads.footprint import BYTES, FIRST_READ, OPEN, RESIDENT
from benchmarks.workloads.history import PRUNE
from benchmarks.workloads.reading import DEEP, DIFF
from benchmarks.workloads.single import PAIRED, RATIO
from benchmarks.workloads.stores import DEEP_REQUESTS, REQUESTS
from benchmarks.workloads.stores import PAIRED as RAW_PAIRED
from benchmarks.workloads.stores import RATIO as RAW_RATIO
from benchmarks.workloads.stores import N as STORES_N
from benchmarks.workloads.writers import BY_THREADS

SMALL, MIDDLE, LARGE = 100, 10_000, 1_000_000
MAX_GROWTH = 5.0


@dataclass(frozen=True)
class Row:
    """A bound and what was measured. ``more_is_better``: the bound is the least, else the most."""

    what: str
    n: int
    unit: str
    budget: float
    measured: float | None
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """Measured over budget; above 1 where it is missed, also for what should be more."""
        if not self.measured:
            return None
        return self.budget / self.measured if self.more_is_better else self.measured / self.budget

    @property
    def verdict(self) -> str:
        """Say whether it was met."""
        return "not measured" if self.ratio is None else "met" if self.ratio <= 1 else "**not met**"


# workload, contender, unit, budget by N, whether more is better
_DESIGN: list[tuple[str, str, str, dict[int, float], bool]] = [
    ("update", MEMORY, "µs", {SMALL: 10, MIDDLE: 18, LARGE: 32}, False),
    ("add", MEMORY, "µs", {SMALL: 30, MIDDLE: 45, LARGE: 75}, False),
    ("remove", MEMORY, "µs", {SMALL: 30, MIDDLE: 45, LARGE: 75}, False),
    (BYTES.format("update"), MEMORY, "bytes", {SMALL: 2_700, MIDDLE: 4_400, LARGE: 6_500}, False),
    (RATIO, DURABLE, "x", {SMALL: 1.15, MIDDLE: 1.15, LARGE: 1.25}, False),
    (PAIRED, DURABLE, "x", {SMALL: 1.15, MIDDLE: 1.15, LARGE: 1.25}, False),
    ("get", MEMORY, "µs", {MIDDLE: 3}, False),
    (BUILD, MEMORY, "1,000 children/s", {LARGE: 400}, True),
    (OPEN, ASYNC, "ms", {LARGE: 1}, False),
    (FIRST_READ, ASYNC, "ms", {LARGE: 0.2}, False),
    (RESIDENT["read"], ASYNC, "MB", {LARGE: 60}, False),
    (DEEP, MEMORY, "µs/child", {100_000: 4, LARGE: 4}, False),
    (DEEP, DURABLE, "µs/child", {100_000: 4, LARGE: 4}, False),
    (DIFF.format(100), MEMORY, "ms", {LARGE: 5}, False),
    (PRUNE, MEMORY, "µs", {SMALL: 60, MIDDLE: 60, LARGE: 60}, False),
]


def design_rows(run: Run) -> Iterator[Row]:
    """Yield the local rows of the design's budgets."""
    for workload, contender, unit, budgets, more_is_better in _DESIGN:
        for n, budget in budgets.items():
            name = f"{workload} ({contender})"
            yield Row(name, n, unit, budget, run.value(workload, contender, n), more_is_better)
    yield _threads(run)
    yield from _stores(run)


def goal_rows(run: Run) -> Iterator[Row]:
    """Yield the speed issue's goals at N = 10,000."""
    yield Row(
        "update in memory over ZODB in memory",
        MIDDLE,
        "x",
        0.45,
        _over(run.value("update", MEMORY, MIDDLE), run.value("update", ZODB_MEMORY, MIDDLE)),
    )
    yield Row(
        "durable LMDB update over a raw put of the same bytes", MIDDLE, "x", 1.15, run.value(RATIO, DURABLE, MIDDLE)
    )
    yield _threads(run)


def growth_rows(run: Run) -> Iterator[Row]:
    """Yield what each operation on one child costs at 1,000,000, over what it costs at 100."""
    for contender in (MEMORY, ASYNC, DURABLE):
        for call in ("update", "add", "remove", "get"):
            yield _growth(run, call, contender)
    yield _growth(run, PRUNE, MEMORY)
    yield _growth(run, OPEN, ASYNC)
    yield _growth(run, FIRST_READ, ASYNC)
    yield _growth(run, DIFF.format(1), MEMORY)
    yield _growth(run, BYTES.format("update"), MEMORY)


def _growth(run: Run, workload: str, contender: str) -> Row:
    grown = _over(run.value(workload, contender, LARGE), run.value(workload, contender, SMALL))
    return Row(f"{workload} ({contender})", LARGE, "x", MAX_GROWTH, grown)


def _stores(run: Run) -> Iterator[Row]:
    for name in (stores.REDIS_ALWAYS, stores.REDIS_EVERYSEC, stores.ETCD):
        for workload in (RAW_RATIO, RAW_PAIRED):
            yield Row(f"{workload} ({name})", STORES_N, "x", 1.25, run.value(workload, name, STORES_N))
    for name in (stores.REDIS_ALWAYS, stores.REDIS_EVERYSEC, stores.ETCD, stores.CONSUL):
        for workload, most in ((REQUESTS, 1), (DEEP_REQUESTS, 99)):
            yield Row(f"{workload} ({name})", STORES_N, "", most, run.value(workload, name, STORES_N))


def _threads(run: Run) -> Row:
    many, one = (run.value(BY_THREADS.format(count), DURABLE, MIDDLE) for count in (64, 1))
    return Row("durable commits of 64 threads over those of one", MIDDLE, "x", 5, _over(many, one), more_is_better=True)


def _over(one: float | None, other: float | None) -> float | None:
    return one / other if one and other else None
