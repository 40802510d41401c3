from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from treering.backend import Backend, open_backend
from treering.testing.conformance import PersistentConformance


class TestLmdb(PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        return lambda: open_backend(f"lmdb:{tmp_path}/store")[0]


class TestLmdbAsync(PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        return lambda: open_backend(f"lmdb:{tmp_path}/store?durability=async")[0]


class TestLmdbGrowing(PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        return lambda: open_backend(f"lmdb:{tmp_path}/store?map_size=64K")[0]
