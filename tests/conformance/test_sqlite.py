from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from treering.backend import Backend, open_backend
from treering.testing.conformance import PersistentConformance, WatchingConformance


class TestSqlite(WatchingConformance, PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        return lambda: open_backend(f"sqlite:{tmp_path}/store.db")[0]


class TestSqliteAsync(WatchingConformance, PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        return lambda: open_backend(f"sqlite:{tmp_path}/store.db?durability=async")[0]
