"""Stores on servers: what a commit and a deep read take, beside the store's own client writing the same bytes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, closing
from itertools import pairwise

from tools.server.absent import Absent
from tools.server.process import NotStarted

import treering
from benchmarks.bench import Bench, check, whole_fleet
from benchmarks.contender import Edit, updates
from benchmarks.fleet import SCHEMA, device_id
from benchmarks.harness import Lane, Series, collector_held, race
from benchmarks.rivals.replay import Replay
from benchmarks.stores import KINDS, Place, Raw, running
from benchmarks.treering_store import Recorder, Treering, Written
from benchmarks.wire import Relay
from treering.backend import open_backend
from treering.backend.base import Entry

N = 10_000
SECTION = "stores"
COMMIT = "update"
PUBLISH = "of it publishing"
RAW = "raw write"
RATIO = "update on a store over its raw client"
PAIRED = "update on a store over its raw client, median of pairs"
REQUESTS = "requests of an update"
REQUESTS_MEAN = "requests of an update, mean"
BYTES = "bytes of an update"
SENT = "bytes sent for an update"
DEEP = "deep read"
DEEP_REQUESTS = "requests of a deep read"
OPEN = "open and first read"
OPEN_REQUESTS = "requests of open and first read"
ABSENT = "not measured: "
RAW_NAME = "{}, raw client"
_PATH = f"/devices/{device_id(N // 2)}"
_WARM = 20  # commits of a new handle, which takes a session at its first and has read nothing


class Timed(Recorder):
    """Also keeps how long each publish takes, of which the rest of an update is treering's own work."""

    def __init__(self, inner: treering.Backend) -> None:
        super().__init__(inner)
        self.microseconds: list[float] = []

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        begin = time.perf_counter_ns()
        moved = super().publish(objects, expected, root)
        self.microseconds.append((time.perf_counter_ns() - begin) / 1000)
        return moved


def measure(bench: Bench, _group: str) -> None:
    """Measure every store that can be had here, one after the other, each beside its raw client."""
    for kind in KINDS:
        begin = time.perf_counter()
        try:
            with running(kind, bench.place()) as place:
                _measure(bench, place)
        except (Absent, NotStarted) as reason:
            bench.results.run.settings[kind.name] = ABSENT + " ".join(str(reason).split())
        print(f"{kind.name} {time.perf_counter() - begin:.0f} s", end=", ", flush=True)


def _measure(bench: Bench, place: Place) -> None:
    name = place.kind.name
    recorder = Timed(open_backend(place.url())[0])
    with ExitStack() as stack:
        store = stack.enter_context(closing(Treering(name, place.settings, recorder)))
        store.fill(whole_fleet(N))
        raw = stack.enter_context(place.raw())
        raw.fill(_objects_of(recorder), recorder.read_root() or b"")
        bench.note(store)
        bench.results.run.settings[RAW_NAME.format(name)] = raw.settings
        _race(bench, store, recorder, raw, bench.scaled(place.kind.rounds, place.kind.rounds // 8))
    _open(bench, place)
    if place.server is not None and place.kind.counter is not None:
        relay = Relay(place.server.port, place.kind.counter)
        with closing(relay):
            _count(bench, place, relay)


def _race(bench: Bench, store: Treering, recorder: Timed, raw: Raw, rounds: int) -> None:
    """Let the two write in turns: treering a commit, then the raw client the bytes of that commit."""
    warm = rounds // 4 + 1  # a server in Java has its code compiled while it works
    replay = Replay("", "", raw)
    sizes: deque[Written] = deque()
    recorder.queues = (replay.queue, sizes)
    edits = updates(N, rounds + warm)
    before = store.repo.head.seq
    recorder.microseconds.clear()
    taken = race({COMMIT: Lane(store.update, edits), RAW: Lane(replay.put, edits)}, warm=warm)
    recorder.queues = ()
    check(store.repo.head.seq - before, len(edits), "commits")
    check(len(recorder.microseconds), len(edits), "requests to publish")
    check(len(replay.queue), 0, "commits that were not replayed")
    ours, theirs = taken[COMMIT], taken[RAW]
    _add(bench, store.name, COMMIT, "ms", ours.scaled(1e-3))
    _add(bench, store.name, PUBLISH, "ms", Series(recorder.microseconds[warm:]).scaled(1e-3))
    _add(bench, store.name, RAW, "ms", theirs.scaled(1e-3))
    _add(bench, store.name, RATIO, "x", ours.over(theirs))
    _add(bench, store.name, PAIRED, "x", ours.paired_over(theirs))
    _add(bench, store.name, BYTES, "bytes", Series([_size_bytes(written) for written in sizes]))


def _open(bench: Bench, place: Place) -> None:
    """Time handles that have read nothing yet: opening with a first read, and a read of everything."""
    opened, deep = [], []
    edits = iter(updates(N, 20, seed=3))
    with collector_held():
        for _ in range(bench.scaled(9, 3) + 1):
            begin = time.perf_counter_ns()
            with closing(treering.open(place.url(), SCHEMA)) as repo:
                repo.get(next(edits).path)
                opened.append((time.perf_counter_ns() - begin) / 1e6)
            with closing(treering.open(place.url(), SCHEMA)) as repo:
                begin = time.perf_counter_ns()
                whole = repo.get(deep=True)
                deep.append((time.perf_counter_ns() - begin) / 1e6)
            check(len(whole.devices), N, "children")
    _add(bench, place.kind.name, OPEN, "ms", Series(opened[1:]))
    _add(bench, place.kind.name, DEEP, "ms", Series(deep[1:]))


def _count(bench: Bench, place: Place, relay: Relay) -> None:
    """Count what goes over the wire; nothing is timed here."""
    name = place.kind.name
    with closing(treering.open(place.url(relay.port), SCHEMA)) as repo:
        repo.get(_PATH)
        _add(bench, name, OPEN_REQUESTS, "", relay.read().requests)
    with closing(treering.open(place.url(relay.port), SCHEMA)) as repo:
        before = relay.read()
        repo.get(deep=True)
        _add(bench, name, DEEP_REQUESTS, "", relay.read().since(before).requests)
        edits: list[Edit] = updates(N, bench.scaled(200, 50), seed=4)
        for edit in edits[:_WARM]:
            repo.update(edit.path, edit.message)
        counts = [relay.read()]
        for edit in edits[_WARM:]:
            repo.update(edit.path, edit.message)
            counts.append(relay.read())
        each = [after.since(before) for before, after in pairwise(counts)]
        _add(bench, name, REQUESTS, "", Series([counted.requests for counted in each]))
        _add(bench, name, SENT, "bytes", Series([counted.sent_bytes for counted in each]))
        _add(bench, name, REQUESTS_MEAN, "", counts[-1].since(counts[0]).requests / len(each))


def _objects_of(backend: Recorder) -> list[Entry]:
    keys = list(backend.list_keys())
    return [(key, value) for key, value in zip(keys, backend.read_many(keys), strict=True) if value is not None]


def _size_bytes(written: Written) -> int:
    return written.size_bytes + sum(len(key) for key, _ in written.objects)


def _add(bench: Bench, name: str, workload: str, unit: str, series: Series | float) -> None:
    bench.add(SECTION, workload, name, N, unit, series)
