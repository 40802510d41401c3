"""Single edits and reads of one child, one commit per change: treering, its rivals, the raw put and the floor."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing

from benchmarks.bench import Bench, check, whole_fleet
from benchmarks.contender import CALLS, EDITS, Edit, additions, updates
from benchmarks.harness import Lane, Series, race
from benchmarks.rivals.replay import (
    FLOOR,
    FLOOR_SETTINGS,
    RAW,
    RAW_ASYNC,
    RAW_SETTINGS,
    Dict,
    Floor,
    RawLmdb,
    Replay,
)
from benchmarks.treering_store import Recorder, Treering, Written
from treering.backend import open_backend

BATCHES = {"memory": (400, 60, 5), "written": (300, 40, 4), "durable": (600, 80, 1)}  # rounds, when quick, a batch
DISK = "growth of the files per update"
RATIO = "update over raw put"
PAIRED = "update over raw put, median of pairs"


def measure(bench: Bench, group: str) -> None:
    """Measure every contender of a group at every N; all of them take turns."""
    rounds, quick_rounds, batch = BATCHES[group]
    number = (bench.scaled(rounds, quick_rounds) + 1) * batch
    edits = {n: _edits(n, number) for n in bench.sizes}
    stores = {n: list(bench.group(group, n)) for n in bench.sizes}
    replays = {n: _memory_floor(bench) if group == "memory" else _raw_and_floor(bench, group, n) for n in bench.sizes}
    recorded = {n: _recorded(n, edits[n]) for n in bench.sizes} if group == "memory" else {}
    for call in CALLS:
        lanes: dict[tuple[str, int], Lane] = {}
        for n in bench.sizes:
            items = edits[n][call]
            lanes |= {(store.name, n): Lane(getattr(store, call), items) for store in stores[n]}
            if call in EDITS:
                lanes |= {(replay.name, n): Lane(replay.put, items) for replay in replays[n]}
                if recorded:
                    replays[n][0].queue.extend(recorded[n][call])
        commits = {n: bench.treering(group, n).repo.head.seq for n in bench.sizes}
        sizes = {(store.name, n): store.size_bytes() for n in bench.sizes for store in stores[n]}
        taken = race(lanes, batch=batch)
        for (name, n), series in taken.items():
            bench.add(f"single, {group}", call, name, n, "µs", series)
        if call not in EDITS:
            continue
        for n in bench.sizes:
            check(bench.treering(group, n).repo.head.seq - commits[n], len(edits[n][call]), f"commits by {call}")
            if call == "update" and group != "memory":
                _add_ratios(bench, group, n, taken)
                for store in stores[n]:
                    grown = (store.size_bytes() - sizes[store.name, n]) / number
                    bench.add("disk", DISK, store.name, n, "bytes", max(0.0, grown))
    for n in bench.sizes:
        recorder = bench.treering(group, n).recorder
        if recorder is not None:
            recorder.queues = ()
        for replay in replays[n]:
            replay.close()


def _edits(n: int, number: int) -> dict[str, list[Edit]]:
    added = additions(n, number)
    removed = [edit._replace(message=None) for edit in added]
    return {"update": updates(n, number), "add": added, "remove": removed, "get": updates(n, number, seed=2)}


def _memory_floor(bench: Bench) -> list[Replay]:
    floor = Floor(FLOOR, FLOOR_SETTINGS, Dict())
    bench.note(floor)
    return [floor]


def _recorded(n: int, edits: Mapping[str, Sequence[Edit]]) -> dict[str, deque[Written]]:
    """Return what another store of ``n`` children writes at these edits: recording costs the measured one no time."""
    recorder = Recorder(open_backend("memory:")[0])
    written: dict[str, deque[Written]] = {call: deque() for call in EDITS}
    with closing(Treering("recorded", "", recorder)) as store:
        store.fill(whole_fleet(n))
        for call in EDITS:
            recorder.queues = (written[call],)
            for edit in edits[call]:
                getattr(store, call)(edit)
    return written


def _raw_and_floor(bench: Bench, group: str, n: int) -> list[Replay]:
    """Return what puts the commits of a group's treering store again, each into a copy of it, right after it."""
    treering = bench.treering(group, n)
    assert treering.folder is not None
    assert treering.recorder is not None
    sync = group == "durable"
    made = []
    for kind, name, settings in (
        (Replay, RAW if sync else RAW_ASYNC, RAW_SETTINGS + ("synced at every commit" if sync else "not synced")),
        (Floor, FLOOR, FLOOR_SETTINGS),
    ):
        folder = bench.place()
        shutil.copytree(treering.folder, folder)
        made.append(kind(name, settings, RawLmdb(folder, sync=sync)))
        bench.note(made[-1])
    treering.recorder.queues = tuple(replay.queue for replay in made)
    return made


def _add_ratios(bench: Bench, group: str, n: int, taken: Mapping[tuple[str, int], Series]) -> None:
    treering = bench.treering(group, n).name
    ours, theirs = taken[treering, n], taken[RAW if group == "durable" else RAW_ASYNC, n]
    bench.add("ratios", RATIO, treering, n, "x", ours.over(theirs))
    bench.add("ratios", PAIRED, treering, n, "x", ours.paired_over(theirs))
