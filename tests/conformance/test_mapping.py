from __future__ import annotations

import dbm.dumb
import shelve
from collections import UserDict
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path

import pytest

from treering.backend import Backend
from treering.backend.mapping import MappingBackend
from treering.testing import FaultyBackend, MemoryBackend
from treering.testing.conformance import BackendConformance, PersistentConformance, WatchingConformance


class TestDict(WatchingConformance, PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        mapping: dict[str, bytes] = {}
        return lambda: MappingBackend(mapping)


class TestUserMapping(WatchingConformance, PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        mapping: MutableMapping[str, bytes] = UserDict({"someone": b"else"})
        return lambda: MappingBackend(mapping, prefix="apps/one/")


class TestShelf(WatchingConformance, PersistentConformance):
    @pytest.fixture(autouse=True)
    def _close_shelf(self) -> Iterator[None]:
        yield
        self.shelf.close()

    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        # not `shelve.open`: from Python 3.13 on that prefers SQLite, which only the thread that opened it may use
        files = dbm.dumb.open(str(tmp_path / "shelf"), "c")  # noqa: SIM115 - closed by the fixture, with the shelf
        self.shelf: shelve.Shelf[bytes] = shelve.Shelf(files)
        return lambda: MappingBackend(self.shelf)


class TestMemory(WatchingConformance, BackendConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        return lambda: MappingBackend({}, url="memory:")


class TestFaulty(PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        mapping: dict[str, bytes] = {}
        return lambda: FaultyBackend(MappingBackend(mapping))


class TestStrictMemory(WatchingConformance, BackendConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        return MemoryBackend

    def test_given_buffers_are_copied(self, filled: Backend) -> None:
        with pytest.raises(AssertionError, match="not bytes"):
            super().test_given_buffers_are_copied(filled)
