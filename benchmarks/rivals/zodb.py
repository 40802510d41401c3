"""ZODB, the object database: in memory and in a file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import transaction
import ZODB
from BTrees.OOBTree import OOBTree
from persistent import Persistent
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage

from benchmarks.contender import PAGE, Edit, folder_bytes, parse
from benchmarks.fleet import Fleet

MEMORY = "ZODB, memory"
FILE = "ZODB, FileStorage"
_HOW = (
    "OOBTree of one persistent object per child that holds the serialised message (measured faster than bytes in the "
    "tree, and than an attribute per field); explicit transactions; the object cache holds everything; old revisions "
    "are kept"
)


class Record(Persistent):  # type: ignore[misc] # a class without types
    """A child: its bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data


class Zodb:
    """One ZODB database."""

    def __init__(self, name: str, settings: str, storage: Any, folder: Path | None = None) -> None:
        self.name = name
        self.settings = settings
        self._folder = folder
        self._database = ZODB.DB(storage, cache_size=10_000_000)
        self._manager = transaction.TransactionManager(explicit=True)
        self._manager.begin()
        self._root = self._database.open(self._manager).root
        self._root.devices = self._devices = OOBTree()
        self._manager.commit()
        self._manager.begin()  # reads happen in a transaction that stays open

    @classmethod
    def in_memory(cls, _folder: Path) -> Zodb:
        return cls(MEMORY, f"MappingStorage; {_HOW}", MappingStorage())

    @classmethod
    def in_file(cls, folder: Path) -> Zodb:
        folder.mkdir()
        return cls(FILE, f"FileStorage, which syncs at every commit; {_HOW}", FileStorage(str(folder / "fs")), folder)

    def fill(self, whole: Any) -> None:
        for message in whole.devices:
            self._devices[message.id] = Record(message.SerializeToString())
        self._commit()

    def update(self, edit: Edit) -> None:
        self._devices[edit.key].data = edit.message.SerializeToString()
        self._commit()

    def add(self, edit: Edit) -> None:
        self._devices[edit.key] = Record(edit.message.SerializeToString())
        self._commit()

    def remove(self, edit: Edit) -> None:
        del self._devices[edit.key]
        self._commit()

    def get(self, edit: Edit) -> Any:
        return parse(self._devices[edit.key].data)

    def update_many(self, edits: Sequence[Edit]) -> None:
        for edit in edits:
            self._devices[edit.key].data = edit.message.SerializeToString()
        self._commit()

    def page(self, key: str) -> list[str]:
        return list(islice(self._devices.keys(key), PAGE))

    def read_all(self) -> Any:
        return Fleet(devices=[parse(record.data) for record in self._devices.values()])

    def size_bytes(self) -> int:
        return folder_bytes(self._folder) if self._folder else 0

    def close(self) -> None:
        self._database.close()

    def _commit(self) -> None:
        self._manager.commit()
        self._manager.begin()
