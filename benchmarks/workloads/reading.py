"""Reading much: listings, deep reads, differences."""

from __future__ import annotations

from benchmarks.bench import Bench, check
from benchmarks.contender import PAGE, Contender, updates
from benchmarks.fleet import device_id, random_numbers
from benchmarks.harness import Lane, race
from benchmarks.treering_store import Treering
from treering import Commit

SCAN = f"{PAGE} keys of a listing, by pages"
ITERATE = f"{PAGE} children by iterate"
DEEP = "deep read"
DIFF = "diff of commits {} updates apart"
APART = (1, 100)
DEEP_N = 100_000


def scan(bench: Bench, group: str) -> None:
    """Measure a page of a listing from a random key on, and as many children with their messages."""
    lanes: dict[tuple[str, str, int], Lane] = {}
    for n in bench.sizes:
        if n < PAGE:
            continue
        numbers = random_numbers(n - PAGE)
        keys = [device_id(next(numbers)) for _ in range(bench.scaled(60, 10) + 1)]
        lanes |= {(SCAN, store.name, n): Lane(store.page, keys) for store in bench.group(group, n)}
        treering = bench.treering(group, n)
        lanes[ITERATE, treering.name, n] = Lane(treering.iterate, keys)
        check(len(treering.page(keys[0])), PAGE, "keys")
    for (workload, name, n), series in race(lanes).items():
        bench.add(f"reading, {group}", workload, name, n, "µs/child", series.scaled(1 / PAGE))


def deep(bench: Bench, group: str) -> None:
    """Measure a read of everything as one message."""
    for n in sorted({*bench.sizes, bench.scaled(DEEP_N, bench.sizes[-1])}):
        rounds = 3 if n > DEEP_N else bench.scaled(7, 3)
        stores = list(bench.group(group, n))
        check(len(stores[0].read_all().devices), n, "children")
        lanes = {store.name: Lane(_read_all, [store] * rounds) for store in stores}
        for name, series in race(lanes, warm=0).items():
            bench.add(f"reading, {group}", DEEP, name, n, "µs/child", series.scaled(1 / n))


def diff(bench: Bench, group: str) -> None:
    """Measure all changes between two commits, each of a different child."""
    lanes: dict[tuple[int, int], Lane] = {}
    for n in bench.sizes:
        store = bench.treering(group, n)
        for apart in APART:
            before = store.repo.head
            wanted = {edit.key: edit for edit in updates(n, 20 * apart, seed=apart)}
            for edit in list(wanted.values())[:apart]:
                store.update(edit)
            after = store.repo.head
            found = len(list(store.repo.diff(before, after)))
            check(found, min(apart, len(wanted)), "changes in the diff")
            lanes[apart, n] = Lane(_diff, [(store, before, after)] * bench.scaled(40, 8))
    name = bench.treering(group, bench.sizes[0]).name
    for (apart, n), series in race(lanes).items():
        bench.add("diff", DIFF.format(apart), name, n, "ms", series.scaled(1e-3))


def _read_all(store: Contender) -> None:
    store.read_all()


def _diff(what: tuple[Treering, Commit, Commit]) -> None:
    store, before, after = what
    for _ in store.repo.diff(before, after):
        pass
