from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from treering.backend import Backend
from treering.testing import FaultyBackend, LimitedBackend
from treering.testing.conformance import PersistentConformance, WatchingConformance


class TestLimited(WatchingConformance, PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        mapping: dict[str, bytes] = {}
        return lambda: LimitedBackend(mapping, max_value_bytes=10_000, max_batch_count=16, max_batch_bytes=12_000)


class TestLimitedAndFaulty(PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        mapping: dict[str, bytes] = {}
        return lambda: FaultyBackend(LimitedBackend(mapping, max_value_bytes=1 << 20))
