"""In a process of its own: what it takes to open a store, to read from it and to write to it, in time and memory.

``python -m benchmarks.resident FOLDER N open|commits|deep`` prints JSON. What a program does once, whatever the store
holds, is not the store's: a small store is opened first, for the imports and the schema's stored form.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.contender import Edit, updates
from benchmarks.treering_store import Treering

COMMITS = 10_000


def main() -> None:
    folder, n, what = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    edits = updates(n, 1)
    with tempfile.TemporaryDirectory(dir=folder.parent) as small:
        warm = Treering.asynchronous(Path(small) / "warm")
        warm.add(edits[0])
        warm.get(edits[0])
        warm.close()
    facts = {"before": _resident_mb()}
    begin = time.perf_counter()
    store = Treering.asynchronous(folder)
    opened = time.perf_counter()
    facts["opened"] = _resident_mb()
    reading = time.perf_counter()
    store.get(edits[0])
    done = time.perf_counter()
    facts |= {"open_ms": (opened - begin) * 1000, "first_read_ms": (done - reading) * 1000, "read": _resident_mb()}
    if what == "commits":
        for edit in _updates_one_by_one(n):
            store.update(edit)
        facts["commits"] = _resident_mb()
    elif what == "deep":
        whole = store.read_all()
        facts["deep"] = _resident_mb()
        facts["message"] = whole.ByteSize() / 1e6
    print(json.dumps(facts))
    store.close()


def _updates_one_by_one(n: int) -> Iterator[Edit]:
    for seed in range(COMMITS):
        yield from updates(n, 1, seed)


def _resident_mb() -> float:
    """Return VmRSS: anonymous memory, and of mapped files what was touched."""
    line = next(line for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if "VmRSS" in line)
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
