"""What a store takes: time and memory to open it, and what commits write and keep."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, check, whole_fleet
from benchmarks.contender import EDITS, additions, updates
from benchmarks.harness import Series
from benchmarks.treering_store import ASYNC, MEMORY, Treering
from treering.backend import open_backend
from treering.testing import FaultyBackend

OPEN, FIRST_READ = "open", "first read"
RESIDENT = {
    "before": "resident, before open",
    "opened": "resident, after open",
    "read": "resident, after open and first read",
    "commits": "resident, after 10,000 commits",
    "deep": "resident, holding a deep read",
    "message": "of that, the message as serialised",
}
BYTES, KEYS = "bytes written per {}", "keys written per {}"
BYTES_KEPT, KEYS_KEPT = "bytes kept per {}", "keys kept per {}"
BYTES_PRUNED = "bytes kept per update after a prune"
COUNT = 300


def opening(bench: Bench, group: str) -> None:
    """Measure open, first read and resident memory on LMDB, in processes of their own; the sizes take turns."""
    folders = {n: _copied(bench, group, n) for n in bench.sizes}
    for what, rounds in (("open", bench.scaled(9, 3)), ("deep", 1), ("commits", 1)):
        runs: dict[int, list[dict[str, float]]] = {n: [] for n in folders}
        for _ in range(rounds):
            for n, folder in folders.items():
                command = [sys.executable, "-m", "benchmarks.resident", str(folder), str(n), what]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                runs[n].append(json.loads(said))
        for n, found in runs.items():
            if what == "open":
                bench.add("open", OPEN, ASYNC, n, "ms", Series([run["open_ms"] for run in found]))
                bench.add("open", FIRST_READ, ASYNC, n, "ms", Series([run["first_read_ms"] for run in found]))
            known = ("before", "opened", "read") if what == "open" else (what, "message")
            for key in known:
                if key in found[0]:
                    bench.add("memory", RESIDENT[key], ASYNC, n, "MB", Series([run[key] for run in found]))


def written(bench: Bench, _group: str) -> None:
    """Count what edits write and what stays, bytes and keys, roots included; nothing is timed."""
    for n in bench.sizes:
        backend = FaultyBackend(open_backend("memory:")[0])
        store = Treering(MEMORY, "", backend)
        store.fill(whole_fleet(n))
        store.update(updates(n, 1)[0])
        store.repo.prune()
        start = _kept(backend)
        added = additions(n, COUNT)
        edits = {"update": updates(n, COUNT), "add": added, "remove": added}
        for call in EDITS:
            before, first = _kept(backend), store.repo.head.seq
            backend.reset_counts()
            for edit in edits[call]:
                getattr(store, call)(edit)
            check(store.repo.head.seq - first, COUNT, f"commits by {call}")
            kept = _kept(backend)
            for workload, unit, value in (
                (BYTES, "bytes", backend.bytes_written),
                (KEYS, "keys", backend.keys_written),
                (BYTES_KEPT, "bytes", kept[1] - before[1]),
                (KEYS_KEPT, "keys", kept[0] - before[0]),
            ):
                bench.add("written", workload.format(call), MEMORY, n, unit, value / COUNT)
        store.repo.prune()
        bench.add("written", BYTES_PRUNED, MEMORY, n, "bytes", (_kept(backend)[1] - start[1]) / (3 * COUNT))
        store.close()


def _kept(backend: FaultyBackend) -> tuple[int, int]:
    """Return how many objects a store holds, and their bytes with the root's."""
    keys = list(backend.inner.list_keys())
    values: list[Any] = backend.inner.read_many(keys)
    return len(keys), sum(map(len, values)) + len(backend.inner.read_root() or b"")


def _copied(bench: Bench, group: str, n: int) -> Path:
    """Return a copy of a store with some history, as this process may not hold the one that others are to open."""
    filled = bench.treering(group, n).folder
    assert filled is not None
    return Path(shutil.copytree(filled, bench.place()))
