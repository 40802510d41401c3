"""Stores on servers: what a commit and a deep read take, beside the store's own client writing the same bytes."""

from __future__ import annotations

import time
from collections import deque
from contextlib import ExitStack, closing

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
RAW = "raw write"
RATIO = "update on a store over its raw client"
PAIRED = "update on a store over its raw client, median of pairs"
REQUESTS = "requests of an update"
BYTES = "bytes of an update"
SENT = "bytes sent for an update"
DEEP = "deep read"
DEEP_REQUESTS = "requests of a deep read"
OPEN = "open and first read"
OPEN_REQUESTS = "requests of open and first read"
ABSENT = "not measured: "
_PATH = f"/devices/{device_id(N // 2)}"
_WARM = 20  # a new handle takes a session at its first commit, and has read nothing


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
    recorder = Recorder(open_backend(place.url())[0])
    with ExitStack() as stack:
        store = stack.enter_context(closing(Treering(name, place.settings, recorder)))
        store.fill(whole_fleet(N))
        raw = stack.enter_context(place.raw())
        raw.fill(_objects_of(recorder), recorder.read_root() or b"")
        bench.note(store)
        bench.results.run.settings[f"{name}, raw client"] = raw.settings
        _race(bench, store, raw, bench.scaled(place.kind.rounds, place.kind.rounds // 8))
    _open(bench, place)
    if place.server is not None and place.kind.counter is not None:
        relay = Relay(place.server.port, place.kind.counter)
        with closing(relay):
            _count(bench, place, relay)


def _race(bench: Bench, store: Treering, raw: Raw, rounds: int) -> None:
    """Let the two write in turns: treering a commit, then the raw client the bytes of that commit."""
    assert store.recorder is not None
    replay = Replay("", "", raw)
    sizes: deque[Written] = deque()
    store.recorder.queues = (replay.queue, sizes)
    edits = updates(N, rounds + 1)
    before = store.repo.head.seq
    taken = race({COMMIT: Lane(store.update, edits), RAW: Lane(replay.put, edits)})
    store.recorder.queues = ()
    check(store.repo.head.seq - before, len(edits), "commits")
    check(len(replay.queue), 0, "commits that were not replayed")
    ours, theirs = taken[COMMIT], taken[RAW]
    _add(bench, store.name, COMMIT, "ms", ours.scaled(1e-3))
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
        before = relay.read()
        for edit in edits[_WARM:]:
            repo.update(edit.path, edit.message)
        counted = relay.read().since(before)
        _add(bench, name, REQUESTS, "", counted.requests / len(edits[_WARM:]))
        _add(bench, name, SENT, "bytes", counted.sent_bytes / len(edits[_WARM:]))


def _objects_of(backend: Recorder) -> list[Entry]:
    keys = list(backend.list_keys())
    return [(key, value) for key, value in zip(keys, backend.read_many(keys), strict=True) if value is not None]


def _size_bytes(written: Written) -> int:
    return written.size_bytes + sum(len(key) for key, _ in written.objects)


def _add(bench: Bench, name: str, workload: str, unit: str, series: Series | float) -> None:
    bench.add(SECTION, workload, name, N, unit, series)
