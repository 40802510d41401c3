"""treering as a contender, and a backend that keeps what its commits wrote."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import treering
from benchmarks.contender import PAGE, Edit, folder_bytes
from benchmarks.fleet import open_fleet
from treering.backend import open_backend
from treering.backend.base import Entry
from treering.testing import FaultyBackend

DEVICES = treering.Path("devices")
MEMORY = "treering, memory"
ASYNC = "treering, LMDB async"
DURABLE = "treering, LMDB"


class Written(NamedTuple):
    """What one commit wrote."""

    objects: Sequence[Entry]
    root: bytes

    @property
    def size_bytes(self) -> int:
        """All values, the root record's too."""
        return sum(len(value) for _, value in self.objects) + len(self.root)


class Recorder(FaultyBackend):
    """Hands what each commit wrote to ``queues``, so that the same can be put another way."""

    def __init__(self, inner: treering.Backend) -> None:
        super().__init__(inner)
        self.queues: tuple[deque[Written], ...] = ()
        # nothing of a fault-planning backend is wanted in what is timed
        self.read_root = inner.read_root  # type: ignore[method-assign]
        self.read_many = inner.read_many  # type: ignore[method-assign]
        self._publish = inner.publish

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        for queue in self.queues:
            queue.append(Written(objects, root))
        return self._publish(objects, expected, root)


class Treering:
    """One treering store."""

    def __init__(self, name: str, settings: str, store: str | treering.Backend, folder: Path | None = None) -> None:
        self.name = name
        self.settings = settings
        self.recorder = store if isinstance(store, Recorder) else None
        self.repo = open_fleet(store)
        self.folder = folder

    @classmethod
    def in_memory(cls, _folder: Path) -> Treering:
        """On ``memory:``."""
        return cls(MEMORY, "`memory:`, a dict; every commit kept", "memory:")

    @classmethod
    def asynchronous(cls, folder: Path) -> Treering:
        """On LMDB, acknowledged before it is on disk."""
        backend = Recorder(open_backend(f"lmdb:{folder}?durability=async")[0])
        return cls(ASYNC, "`lmdb:…?durability=async`; every commit kept", backend, folder)

    @classmethod
    def durable(cls, folder: Path) -> Treering:
        """On LMDB, acknowledged when it is on disk."""
        backend = Recorder(open_backend(f"lmdb:{folder}")[0])
        return cls(DURABLE, "`lmdb:…`, synced at every commit; every commit kept", backend, folder)

    def fill(self, whole: Any) -> None:
        self.repo.replace("/", whole)

    def update(self, edit: Edit) -> object:
        return self.repo.update(edit.path, edit.message)

    def add(self, edit: Edit) -> object:
        return self.repo.add(DEVICES, edit.message)

    def remove(self, edit: Edit) -> object:
        return self.repo.remove(edit.path)

    def get(self, edit: Edit) -> Any:
        return self.repo.get(edit.path)

    def update_many(self, edits: Sequence[Edit]) -> object:
        with self.repo.transaction() as transaction:
            for edit in edits:
                transaction.update(edit.path, edit.message)
        return transaction

    def page(self, key: str) -> list[str]:
        return self.repo.keys(DEVICES, start=key, limit=PAGE)

    def iterate(self, key: str) -> list[tuple[str, Any]]:
        """Return as many children as ``page`` returns keys, with their messages."""
        return list(islice(self.repo.iterate(DEVICES, start=key), PAGE))

    def read_all(self) -> Any:
        return self.repo.get(deep=True)

    def size_bytes(self) -> int:
        return folder_bytes(self.folder) if self.folder else 0

    def close(self) -> None:
        self.repo.close()
