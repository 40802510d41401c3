"""Time small operations on a noisy machine: short batches, the contenders in turn, medians and deciles.

One batch of each contender makes a round, so that whatever slows the machine down for a while slows all of them. The
garbage collector is held for all alike: what was built before is frozen out of its sight, and only young objects are
collected, between rounds and never within one.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Lane(NamedTuple):
    """One contender of a race: the call to time, and the argument of each of its calls, made beforehand."""

    call: Callable[[Any], object]
    items: Sequence[Any]


@dataclass(frozen=True)
class Series:
    """What one contender took, in microseconds a call: one value for each batch, in the order of the rounds."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The tenth percentile."""
        return self._decile(0)

    @property
    def high(self) -> float:
        """The ninetieth percentile."""
        return self._decile(8)

    def over(self, other: Series) -> float:
        """Return the ratio of the medians."""
        return self.median / other.median

    def paired_over(self, other: Series) -> Series:
        """Return the ratios round by round, each of two batches that ran one after the other."""
        return Series([mine / theirs for mine, theirs in zip(self.values, other.values, strict=True)])

    def scaled(self, factor: float) -> Series:
        """Return the same in another unit."""
        return Series([value * factor for value in self.values])

    def _decile(self, index: int) -> float:
        if len(self.values) < 2:
            return self.values[0]
        return statistics.quantiles(self.values, n=10, method="inclusive")[index]


def race(lanes: Mapping[Key, Lane], *, batch: int = 1, warm: int = 1) -> dict[Key, Series]:
    """Run every lane through its items, ``batch`` at a time, in turn; the first ``warm`` rounds are not counted."""
    taken: dict[Key, list[float]] = {key: [] for key in lanes}
    clock = time.perf_counter_ns
    with collector_held():
        for start in range(0, min((len(lane.items) for lane in lanes.values()), default=0) - batch + 1, batch):
            for key, (call, items) in lanes.items():
                chunk = items[start : start + batch]
                begin = clock()
                for item in chunk:
                    call(item)
                elapsed = clock() - begin
                if start >= warm * batch:
                    taken[key].append(elapsed / batch / 1000)
            gc.collect(0)
    return {key: Series(values) for key, values in taken.items()}


def time_once(operation: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    with collector_held():
        begin = time.perf_counter_ns()
        operation()
        return (time.perf_counter_ns() - begin) / 1e9


@contextmanager
def collector_held() -> Iterator[None]:
    """Keep the garbage collector away from what is timed, and from what was built before."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
