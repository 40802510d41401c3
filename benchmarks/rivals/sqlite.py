"""SQLite rows: a key and the serialised message, no history."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contender import PAGE, Edit, folder_bytes, parse
from benchmarks.fleet import Fleet

NORMAL = "SQLite rows, WAL NORMAL"
FULL = "SQLite rows, WAL FULL"


class Sqlite:
    """One SQLite database."""

    def __init__(self, name: str, synchronous: str, meaning: str, folder: Path) -> None:
        self.name = name
        self.settings = (
            f"journal_mode=WAL, synchronous={synchronous} ({meaning}), 256 MB of cache, WITHOUT ROWID, one statement "
            "per change in autocommit; keeps no history"
        )
        folder.mkdir()
        self._folder = folder
        self._connection = sqlite3.connect(folder / "rows.sqlite", isolation_level=None)
        for setting in ("journal_mode=WAL", f"synchronous={synchronous}", "cache_size=-262144", "mmap_size=1073741824"):
            self._connection.execute(f"PRAGMA {setting}")
        self._connection.execute("CREATE TABLE device (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
        self._execute = self._connection.execute

    @classmethod
    def normal(cls, folder: Path) -> Sqlite:
        return cls(NORMAL, "NORMAL", "not synced at a commit", folder)

    @classmethod
    def full(cls, folder: Path) -> Sqlite:
        return cls(FULL, "FULL", "synced at every commit", folder)

    def fill(self, whole: Any) -> None:
        rows = ((message.id, message.SerializeToString()) for message in whole.devices)
        self._execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO device VALUES (?, ?)", rows)
        self._execute("COMMIT")

    def update(self, edit: Edit) -> None:
        self._execute("UPDATE device SET value = ? WHERE key = ?", (edit.message.SerializeToString(), edit.key))

    def add(self, edit: Edit) -> None:
        self._execute("INSERT INTO device VALUES (?, ?)", (edit.key, edit.message.SerializeToString()))

    def remove(self, edit: Edit) -> None:
        self._execute("DELETE FROM device WHERE key = ?", (edit.key,))

    def get(self, edit: Edit) -> Any:
        return parse(self._execute("SELECT value FROM device WHERE key = ?", (edit.key,)).fetchone()[0])

    def update_many(self, edits: Sequence[Edit]) -> None:
        rows = [(edit.message.SerializeToString(), edit.key) for edit in edits]
        self._execute("BEGIN IMMEDIATE")
        self._connection.executemany("UPDATE device SET value = ? WHERE key = ?", rows)
        self._execute("COMMIT")

    def page(self, key: str) -> list[str]:
        rows = self._execute("SELECT key FROM device WHERE key >= ? ORDER BY key LIMIT ?", (key, PAGE))
        return [found for (found,) in rows]

    def read_all(self) -> Any:
        rows = self._execute("SELECT value FROM device ORDER BY key")
        return Fleet(devices=[parse(value) for (value,) in rows])

    def size_bytes(self) -> int:
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return folder_bytes(self._folder)

    def close(self) -> None:
        self._connection.close()
