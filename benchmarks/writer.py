"""One of several writing processes: open a store, say "ready", wait for a line, commit for a while, print the rate."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from benchmarks.contender import updates
from benchmarks.treering_store import Treering

N = 10_000


def main() -> None:
    folder, seconds, count, number = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    store = Treering.durable(folder)
    edits = updates(N, 4000)[number::count]  # processes meet at the head, never at a child
    message_salt = time.time_ns() & 0x7FFFFFFF
    store.repo.get(edits[0].path)
    print("ready", flush=True)
    sys.stdin.readline()
    begin = time.perf_counter()
    done = 0
    while (elapsed := time.perf_counter() - begin) < seconds:
        edit = edits[done % len(edits)]
        edit.message.uptime_seconds = (message_salt + done) & 0xFFFFFFFF
        store.update(edit)
        done += 1
    print(done / elapsed)
    store.close()


if __name__ == "__main__":
    main()
