from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from treering.backend import Backend
from treering.backend.base import Entry
from treering.backend.mapping import MappingBackend
from treering.errors import Unavailable
from treering.testing import FaultyBackend, LimitedBackend
from treering.testing.conformance import PersistentConformance, WatchingConformance


class WatchedBackend(MappingBackend):
    """A memory backend that can wait for its root to move."""

    def __init__(self, mapping: dict[str, bytes], moved: threading.Condition) -> None:
        super().__init__(mapping)
        self._moved = moved
        self._is_open = True

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        with self._moved:
            self._moved.notify_all()
            return super().publish(objects, expected, root)

    def wait_for_root(self, known: bytes | None, timeout_seconds: float) -> None:
        with self._moved:
            self._moved.wait_for(lambda: not self._is_open or self.read_root() != known, timeout_seconds)
        if not self._is_open:
            raise Unavailable("the store was closed")

    def close(self) -> None:
        with self._moved:
            self._is_open = False
            self._moved.notify_all()
        super().close()


class TestWatched(WatchingConformance, PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        mapping: dict[str, bytes] = {}
        moved = threading.Condition()
        return lambda: WatchedBackend(mapping, moved)


class TestLimited(WatchingConformance, PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        mapping: dict[str, bytes] = {}
        return lambda: LimitedBackend(mapping, max_value_bytes=10_000, max_batch_count=16, max_batch_bytes=12_000)


class TestLimitedAndFaulty(PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        mapping: dict[str, bytes] = {}
        return lambda: FaultyBackend(LimitedBackend(mapping, max_value_bytes=1 << 20))
