"""Time small operations on a noisy machine: short batches, the rivals in turn, medians and quartiles.

One batch of each operation makes a round, so that whatever slows the machine down for a while slows all of them. The
garbage collector runs between rounds, never within one; what was built before is frozen out of its sight.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Microseconds for one operation: the median over the batches, and the quartiles."""

    median: float
    low: float
    high: float


def time_each(operations: Mapping[str, Callable[[], object]], *, rounds: int, batch: int) -> dict[str, Timing]:
    """Run each operation ``rounds * batch`` times, in turn, after one batch that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in operations}
    with _collector_held():
        for number in range(rounds + 1):
            for name, operation in operations.items():
                start = time.perf_counter_ns()
                for _ in range(batch):
                    operation()
                each = (time.perf_counter_ns() - start) / batch / 1000
                if number:
                    taken[name].append(each)
            gc.collect(0)
    return {name: summary(values) for name, values in taken.items()}


def time_once(operation: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    with _collector_held():
        start = time.perf_counter_ns()
        operation()
        return (time.perf_counter_ns() - start) / 1e9


def summary(values: list[float]) -> Timing:
    """Return median and quartiles."""
    if len(values) < 2:
        return Timing(values[0], values[0], values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Timing(middle, low, high)


@contextmanager
def _collector_held() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
