"""How fast the machine is: steps that every store in Python takes, beside what they took where the budgets were set."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2b
from statistics import geometric_mean

from benchmarks.bench import Bench
from benchmarks.fleet import Device, device
from benchmarks.harness import Lane, race
from benchmarks.result import Run

CONTENDER = "this machine"
SYNC = "append 80 bytes and sync"
# µs; the figures that stand beside the budgets: measured in the same way, a CPython 3.11.7 on two cores.
BUDGETED = {
    "a call of a function": 0.05,
    "serialise a device": 0.46,
    "parse a device": 0.32,
    "BLAKE2b of 700 bytes": 0.77,
    "BLAKE2b of 1,300 bytes": 1.28,
    SYNC: 230.0,
}
_BATCH, _ROUNDS = 500, 40


def slowness(run: Run) -> float | None:
    """Return how many times as long the steps take that need the processor alone; None where they were not measured."""
    found = {name: run.value(name, CONTENDER, 0) for name in BUDGETED if name != SYNC}
    ratios = [value / BUDGETED[name] for name, value in found.items() if value]
    return geometric_mean(ratios) if ratios else None


def measure(bench: Bench, _group: str) -> None:
    """Measure each step by itself, in loops that do nothing else."""
    message, state = device(1, 1), blake2b(b"P", digest_size=32)
    data = message.SerializeToString()

    def call(_: object) -> None:
        pass

    def digest(content: bytes) -> Callable[[object], bytes]:
        def hashed(_: object) -> bytes:
            copied = state.copy()
            copied.update(content)
            return copied.digest()

        return hashed

    steps: dict[str, Callable[[object], object]] = {
        "a call of a function": call,
        "serialise a device": lambda _: message.SerializePartialToString(deterministic=True),
        "parse a device": lambda _: Device.FromString(data),
        "BLAKE2b of 700 bytes": digest(bytes(700)),
        "BLAKE2b of 1,300 bytes": digest(bytes(1300)),
    }
    for name, step in steps.items():
        lane = {name: Lane(step, range(_BATCH * _ROUNDS))}
        bench.add("machine", name, CONTENDER, 0, "µs", race(lane, batch=_BATCH)[name])
    path = bench.place()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def append(_: object) -> None:
        os.write(descriptor, bytes(80))
        os.fdatasync(descriptor)

    bench.add("machine", SYNC, CONTENDER, 0, "µs", race({SYNC: Lane(append, range(200))})[SYNC])
    os.close(descriptor)
    path.unlink()
