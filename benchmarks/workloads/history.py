"""History: prune, and finding a commit among 100,000."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from benchmarks.bench import Bench, check
from benchmarks.contender import updates
from benchmarks.fleet import fleet
from benchmarks.harness import Lane, Series, race, time_once
from benchmarks.treering_store import Treering
from treering import Commit

PRUNE = "prune, per dropped commit"
DROPPED = 1000
COMMITS = 100_000
LOOKUPS: dict[str, Callable[[Commit], Any]] = {
    "by id": lambda commit: commit.id,
    "by a prefix of the id": lambda commit: commit.id[:12],
    "by name": lambda commit: commit.name,
    "by time": lambda commit: commit.time,
}


def prune(bench: Bench, group: str) -> None:
    """Measure prune over 1,000 dropped commits, each of which changed another child; the sizes take turns."""
    stores = {n: bench.treering(group, n) for n in bench.sizes}
    taken: dict[int, list[float]] = {n: [] for n in bench.sizes}
    for store in stores.values():
        store.repo.prune()
    for _ in range(bench.scaled(7, 2)):
        for n, store in stores.items():
            for edit in updates(n, DROPPED):
                store.update(edit)
            seconds = time_once(store.repo.prune)
            check(len(list(store.repo.log())), 1, "commits left")
            taken[n].append(seconds / DROPPED * 1e6)
    for n, values in taken.items():
        bench.add("history", PRUNE, stores[n].name, n, "µs", Series(values))


def lookup(bench: Bench, _group: str) -> None:
    """Measure how long a commit takes to be found; ``N`` is the number of commits here."""
    count = bench.scaled(COMMITS, COMMITS // 10)
    store = Treering.in_memory(bench.folder)
    store.fill(fleet(100))
    commits = [store.repo.update(edit.path, edit.message) for edit in updates(100, count)]
    choose = random.Random(1)
    chosen = choose.sample(commits, bench.scaled(60, 30))
    lanes = {name: Lane(store.repo.resolve, [named(commit) for commit in chosen]) for name, named in LOOKUPS.items()}
    for name, lane in lanes.items():
        check(store.repo.resolve(lane.items[0]).seq, chosen[0].seq, f"is the commit found {name}")
    lanes["by steps back"] = Lane(store.repo.resolve, [f"main~{commits[-1].seq - commit.seq}" for commit in chosen])
    for name, series in race(lanes).items():
        bench.add("lookup", f"look-up {name}", store.name, count, "µs", series)
    store.close()
