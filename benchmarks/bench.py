"""What the workloads share: the sizes, a folder on the disk, and stores that are filled once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.contender import Contender, Kind
from benchmarks.fleet import fleet
from benchmarks.harness import Series, collector_held
from benchmarks.result import Results
from benchmarks.rivals.git import Dulwich, Pygit2
from benchmarks.rivals.sqlite import Sqlite
from benchmarks.rivals.zodb import Zodb
from benchmarks.treering_store import Treering

# Who is compared with whom: those that promise the same about a commit.
GROUPS: Mapping[str, Mapping[str, Kind]] = {
    "memory": {"treering": Kind(Treering.in_memory), "zodb": Kind(Zodb.in_memory)},
    "written": {
        "treering": Kind(Treering.asynchronous),
        "sqlite": Kind(Sqlite.normal),
        "pygit2": Kind(Pygit2, max_n=10_000),
        "dulwich": Kind(Dulwich, max_n=10_000),
    },
    "durable": {"treering": Kind(Treering.durable), "sqlite": Kind(Sqlite.full), "zodb": Kind(Zodb.in_file)},
}


class Bench:
    """One run: its sizes, its stores, what it found."""

    def __init__(self, folder: Path, sizes: tuple[int, ...], *, quick: bool) -> None:
        self.folder = folder
        self.sizes = sizes
        self.quick = quick
        self.results = Results()
        self._stores: dict[tuple[str, str, int], Contender] = {}
        self._places = 0

    def scaled(self, full: int, quick: int) -> int:
        """Return how often to do something."""
        return quick if self.quick else full

    def group(self, name: str, n: int) -> Iterator[Contender]:
        """Yield the contenders of a group that can bear ``n`` children, treering first."""
        for key, kind in GROUPS[name].items():
            if n <= kind.max_n:
                yield self.store(name, key, n)

    def store(self, group: str, key: str, n: int) -> Contender:
        """Return a store of ``n`` children; other workloads may have edited it before."""
        found = self._stores.get((group, key, n))
        if found is None:
            found = self._stores[group, key, n] = self.new_store(group, key)
            with collector_held():
                found.fill(whole_fleet(n))
        return found

    def new_store(self, group: str, key: str) -> Contender:
        """Return an empty store of its own."""
        made = GROUPS[group][key].make(self.place())
        self.note(made)
        return made

    def treering(self, group: str, n: int) -> Treering:
        """Return treering's store of a group."""
        found = self.store(group, "treering", n)
        assert isinstance(found, Treering)
        return found

    def place(self) -> Path:
        """Return the path of a folder that does not exist yet."""
        self._places += 1
        return self.folder / f"store-{self._places}"

    def note(self, contender: Any) -> None:
        """Keep what a contender was set to, for the report."""
        self.results.run.settings[contender.name] = contender.settings

    def add(self, section: str, workload: str, contender: str, n: int, unit: str, series: Series | float) -> None:
        """Keep a number."""
        self.results.add(section, workload, contender, n, unit, series)

    def close(self) -> None:
        """Let go of every store; their files too."""
        whole_fleet.cache_clear()
        for store in self._stores.values():
            store.close()
        self._stores.clear()
        for path in self.folder.iterdir():
            shutil.rmtree(path)


@lru_cache(maxsize=1)
def whole_fleet(n: int) -> Any:
    """Return a fleet of ``n``; the newest is kept, as several stores are filled with it."""
    return fleet(n)


def check(found: int, expected: int, what: str) -> None:
    """Refuse to report work that was not done: an edit that changes nothing is fast."""
    if found != expected:
        raise RuntimeError(f"{found} {what} where {expected} were to be measured")
