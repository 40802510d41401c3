"""Several writers of one store at once: threads of one process, and processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

from benchmarks.bench import Bench, check, whole_fleet
from benchmarks.contender import Edit, updates
from benchmarks.harness import Series, collector_held
from benchmarks.rivals.replay import RawLmdb
from benchmarks.treering_store import DURABLE, Treering, Written

THREADS = (1, 8, 64)
PROCESSES = (1, 4)
N = 10_000
BY_THREADS = "durable commits by {} threads"
BY_PROCESSES = "durable commits by {} processes"
RAW = "raw LMDB puts of as many bytes"
RAW_SETTINGS = (
    "one write transaction per commit, of values as long as those of treering's update, under monotonic keys; synced "
    "at every commit; the threads wait for LMDB's writer lock"
)


def threads(bench: Bench, group: str) -> None:
    """Measure durable commits a second by 1, 8 and 64 threads, each of which updates other children."""
    seconds, rounds = 0.4 if bench.quick else 2.0, bench.scaled(5, 2)
    treering = bench.treering(group, N)
    raw = _Raw(bench, treering)
    taken: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for count in THREADS:
            edits = updates(N, 4000)
            parts = [edits[at::count] for at in range(count)]
            before = treering.repo.head.seq
            done, rate = _run(treering.update, parts, seconds)
            check(treering.repo.head.seq - before, done, "commits by threads")
            taken.setdefault((DURABLE, count), []).append(rate)
            taken.setdefault((RAW, count), []).append(_run(raw.update, parts, seconds)[1])
    raw.close()
    for (name, count), rates in taken.items():
        bench.add("writers", BY_THREADS.format(count), name, N, "commits/s", Series(rates))


def processes(bench: Bench, _group: str) -> None:
    """Measure durable commits a second by one and by four processes, one thread each."""
    seconds, rounds = 0.4 if bench.quick else 2.0, bench.scaled(4, 2)
    folder = bench.place()
    store = Treering.durable(folder)
    store.fill(whole_fleet(N))
    store.close()
    taken: dict[int, list[float]] = {count: [] for count in PROCESSES}
    for _ in range(rounds):
        for count, rates in taken.items():
            rates.append(_run_processes(folder, count, seconds))
    for count, rates in taken.items():
        bench.add("writers", BY_PROCESSES.format(count), DURABLE, N, "commits/s", Series(rates))


def _run(update: Callable[[Edit], object], parts: Sequence[Sequence[Edit]], seconds: float) -> tuple[int, float]:
    """Let a thread work through each part again and again; return how many edits were made, and how many a second."""
    done: list[int] = []
    start = threading.Barrier(len(parts) + 1)
    ends = [0.0]

    def work(part: Sequence[Edit]) -> None:
        count = 0
        start.wait()
        for edit in cycle(part):
            if count and time.perf_counter() > ends[0]:
                break
            update(_again(edit))
            count += 1
        done.append(count)

    workers = [threading.Thread(target=work, args=(part,)) for part in parts]
    with collector_held():
        for worker in workers:
            worker.start()
        begin = time.perf_counter()
        ends[0] = begin + seconds
        start.wait()
        for worker in workers:
            worker.join()
        elapsed = time.perf_counter() - begin
    return sum(done), sum(done) / elapsed


def _again(edit: Edit) -> Edit:
    """Give a child bytes that it does not have, each time round."""
    edit.message.uptime_seconds = (edit.message.uptime_seconds + 1) % (1 << 32)
    return edit


class _Raw:
    """Puts as many bytes in as many values as an update of treering's wrote, under keys that grow."""

    def __init__(self, bench: Bench, treering: Treering) -> None:
        self.name = RAW
        self.settings = RAW_SETTINGS
        assert treering.recorder is not None
        sample = deque[Written]()
        treering.recorder.queues = (sample,)
        treering.update(updates(N, 1)[0])
        treering.recorder.queues = ()
        self._sample = sample[0]
        self._target = RawLmdb(bench.place(), sync=True)
        self._target.put(Written([], self._sample.root))
        self._next = iter(range(1, 1 << 60)).__next__
        bench.note(self)

    def update(self, _edit: Edit) -> None:
        self._target.put_next(self._sample, self._next)

    def close(self) -> None:
        self._target.close()


def _run_processes(folder: Path, count: int, seconds: float) -> float:
    """Start writers, let them go at once, and return the commits a second of all together."""
    command = [sys.executable, "-m", "benchmarks.writer", str(folder), str(seconds), str(count)]
    started = [
        subprocess.Popen([*command, str(at)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for at in range(count)
    ]
    rates = 0.0
    for process in started:
        assert process.stdout is not None
        check(process.stdout.readline() == "ready\n", True, "writers ready")
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        said, _ = process.communicate()
        check(process.returncode, 0, "exit status")
        rates += float(said)
    return rates
