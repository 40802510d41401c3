"""The workloads: each function measures one store of one size and yields its results."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from statistics import mean
from typing import Any

import lmdb

import treering
from benchmarks.fleet import Device, device, device_id, fleet, open_fleet, random_numbers
from benchmarks.report import Result
from benchmarks.timing import Timing, time_each, time_once
from treering.backend import open_backend
from treering.backend.base import Entry
from treering.testing import FaultyBackend

APART = 100
DIFF_VERSION = 99_999_999  # one that no other workload gives a device
RAW_ROOT = b"\xff root"


class Recorder(FaultyBackend):
    """Keeps what the newest commit wrote, so that the same bytes can be put another way."""

    last: Sequence[Entry] = ()
    last_root = b""

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        self.last, self.last_root = list(objects), root
        return super().publish(objects, expected, root)


class Edits:
    """Edits of random children, prepared ahead, so that only the call is timed."""

    def __init__(self, repo: treering.Repository, size: int, number: int) -> None:
        self._repo = repo
        numbers, version = random_numbers(size), count(1)
        chosen = [next(numbers) for _ in range(number)]
        paths = [f"/devices/{device_id(at)}" for at in chosen]
        self._updates = iter([(path, device(at, next(version))) for path, at in zip(paths, chosen, strict=True)])
        self._reads = iter(paths)
        added = [Device(id=f"{device_id(at)}/{next(version)}", location="x" * 100) for at in chosen]
        self._adds = iter(added)
        self._removes = iter([treering.Path("devices", message.id) for message in added])

    def update(self) -> None:
        self._repo.update(*next(self._updates))

    def add(self) -> None:
        self._repo.add("/devices", next(self._adds))

    def remove(self) -> None:
        self._repo.remove(next(self._removes))

    def get(self) -> None:
        self._repo.get(next(self._reads))

    def calls(self) -> dict[str, Callable[[], None]]:
        """Return the calls by name; add before remove, which takes out what was added."""
        return {"update": self.update, "add": self.add, "remove": self.remove, "get": self.get}


def in_memory(n: int, rounds: int, batch: int) -> Iterator[Result]:
    """Measure bulk build, single calls, bytes, deep read and diff on a dict."""
    whole = fleet(n)
    repo = open_fleet("memory:")
    seconds = time_once(partial(repo.replace, "/", whole))
    del whole
    yield Result("bulk build, memory", n, "1,000 children/s", *[n / seconds / 1000] * 3)
    times, before = (rounds + 1) * batch, repo.head.seq
    for name, timing in time_each(Edits(repo, n, times).calls(), rounds=rounds, batch=batch).items():
        yield Result.of(f"{name}, memory", n, "µs", timing)
    _check(repo.head.seq - before, 3 * times, "commits by update, add and remove")
    seconds = time_once(lambda: repo.get(deep=True))
    yield Result("deep read, memory", n, "µs/child", *[seconds / n * 1e6] * 3)
    yield from _diff(repo, n, rounds)
    repo.close()


def _diff(repo: treering.Repository, n: int, rounds: int) -> Iterator[Result]:
    before, apart = repo.head, min(APART, n)
    for number in range(0, apart * (n // apart), n // apart):
        repo.update(("devices", device_id(number)), device(number, version=DIFF_VERSION))
    _check(len(list(repo.diff(before))), apart, "changes in the diff")
    timing = time_each({"diff": lambda: list(repo.diff(before))}, rounds=rounds, batch=1)["diff"]
    yield Result.of(f"diff of commits {APART} updates apart, memory", n, "ms", timing, 1e-3)


def _check(found: int, expected: int, what: str) -> None:
    """Refuse to report work that was not done: an edit that changes nothing is fast."""
    if found != expected:
        raise RuntimeError(f"{found} {what} where {expected} were to be measured")


def on_lmdb(n: int, rounds: int, batch: int, folder: Path) -> Iterator[Result]:
    """Measure durable commits beside a raw put of the same bytes, open and first read on LMDB."""
    path, copy = folder / "store", folder / "raw"
    with open_fleet(f"lmdb:{path}", n):
        pass
    shutil.copytree(path, copy)
    yield from _in_new_process(path, n)
    recorder = Recorder(open_backend(f"lmdb:{path}")[0])
    repo = open_fleet(recorder)
    raw = lmdb.open(str(copy), map_size=4 << 30, lib_version=0)
    written: list[int] = []

    def put_raw() -> None:
        with raw.begin(write=True) as transaction:
            for key, value in recorder.last:
                transaction.put(key, value)
            transaction.put(RAW_ROOT, recorder.last_root)
        written.append(sum(len(value) for _, value in recorder.last) + len(recorder.last_root))

    edits = Edits(repo, n, rounds * batch + 1)
    edits.update()  # takes the session, which is a commit of its own
    before = repo.head.seq
    ratios, updates, puts = _in_turn(edits.update, put_raw, rounds * batch)
    _check(repo.head.seq - before, rounds * batch, "commits by update")
    yield Result.of("update, LMDB", n, "µs", updates)
    yield Result.of("raw put of the same bytes, LMDB", n, "µs", puts)
    yield Result("update on LMDB over raw put", n, "x", *ratios)
    yield Result("bytes written per update", n, "bytes", *[mean(written)] * 3)
    times, before = (rounds + 1) * batch, repo.head.seq
    others = {name: call for name, call in Edits(repo, n, times).calls().items() if name != "update"}
    for name, timing in time_each(others, rounds=rounds, batch=batch).items():
        yield Result.of(f"{name}, LMDB", n, "µs", timing)
    _check(repo.head.seq - before, 2 * times, "commits by add and remove")
    raw.close()
    repo.close()


def _in_turn(
    one: Callable[[], object], other: Callable[[], object], times: int
) -> tuple[tuple[float, float, float], Timing, Timing]:
    """Run two calls in turn; return the ratio of their medians (with that of the quartiles), and both timings."""
    timings = time_each({"one": one, "other": other}, rounds=times - 1, batch=1)
    ours, theirs = timings["one"], timings["other"]
    ratios = ours.median / theirs.median, ours.low / theirs.low, ours.high / theirs.high
    return (ratios[0], min(ratios[1:]), max(ratios[1:])), ours, theirs


def _in_new_process(path: Path, n: int) -> Iterator[Result]:
    command = [sys.executable, "-m", "benchmarks.first_read", str(path), str(n // 2)]
    runs: list[dict[str, Any]] = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(5)
    ]
    for name, key, unit in (
        ("open, LMDB", "open_ms", "ms"),
        ("first read, LMDB", "first_read_ms", "ms"),
        ("resident then", "resident_mb", "MB"),
        ("resident before open", "resident_before_mb", "MB"),
    ):
        low, _, middle, _, high = sorted(run[key] for run in runs)
        yield Result(name, n, unit, middle, low, high)
