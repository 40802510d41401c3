"""Many changes in one commit, and a whole fleet at once."""

from __future__ import annotations

from functools import partial

from benchmarks.bench import GROUPS, Bench, check, whole_fleet
from benchmarks.contender import adjacent_updates, updates
from benchmarks.harness import Lane, Series, race, time_once

HUNDRED = "transaction of 100 updates"
RANDOM = "1,000 random updates in one commit"
ADJACENT = "1,000 adjacent updates in one commit"
BUILD = "bulk build"


def measure(bench: Bench, group: str) -> None:
    """Measure transactions of 100 and 1,000 updates, per child."""
    rounds = bench.scaled(12, 3) + 1
    for workload, choose, count in (
        (HUNDRED, updates, 100),
        (RANDOM, updates, 1000),
        (ADJACENT, adjacent_updates, 1000),
    ):
        items = {n: [choose(n, count, seed) for seed in range(rounds)] for n in bench.sizes if n >= count}
        before = {n: bench.treering(group, n).repo.head.seq for n in items}
        lanes = {(store.name, n): Lane(store.update_many, items[n]) for n in items for store in bench.group(group, n)}
        for (name, n), series in race(lanes).items():
            bench.add(f"batch, {group}", workload, name, n, "µs/child", series.scaled(1 / count))
        for n, seq in before.items():
            check(bench.treering(group, n).repo.head.seq - seq, rounds, f"commits by {workload}")


def build(bench: Bench, group: str) -> None:
    """Measure how long it takes to put a whole fleet into an empty store; contenders take turns."""
    for n in bench.sizes:
        whole = whole_fleet(n)
        taken: dict[str, list[float]] = {}
        for _ in range(2 if n > 100_000 else bench.scaled(5, 2)):
            for key in GROUPS[group]:
                store = bench.new_store(group, key)
                taken.setdefault(store.name, []).append(time_once(partial(store.fill, whole)))
                store.close()
        for name, seconds in taken.items():
            rates = Series([n / each / 1000 for each in seconds])
            bench.add(f"build, {group}", BUILD, name, n, "1,000 children/s", rates)
