"""Open a store in a process of its own, read one child, and print how long it took and how much memory it takes."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.fleet import SCHEMA, device_id, open_fleet


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    store, number = sys.argv[1], int(sys.argv[2])
    # What a program does once, whatever the store holds, is not the store's: imports and the schema's stored form.
    with tempfile.TemporaryDirectory() as folder, open_fleet(f"lmdb:{folder}/warm") as warm:
        warm.get("/")
    assert SCHEMA.stored()
    before = _resident_mb()
    start = time.perf_counter()
    repo = open_fleet(f"lmdb:{store}")
    opened = time.perf_counter()
    repo.get(("devices", device_id(number)))
    done = time.perf_counter()
    print(
        json.dumps(
            {
                "open_ms": (opened - start) * 1000,
                "first_read_ms": (done - opened) * 1000,
                "resident_mb": _resident_mb(),
                "resident_before_mb": before,
            }
        )
    )


if __name__ == "__main__":
    main()
