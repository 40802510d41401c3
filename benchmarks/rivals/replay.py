"""The bytes that treering's commits wrote, put by hand: the raw put, and the floor of any such store in Python."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import lmdb

from benchmarks.contender import Edit
from benchmarks.treering_store import Written

ROOT_KEY = b"\xff" * 65  # treering's own, so that a copied store has no second one
RAW = "raw LMDB put of the same bytes"
RAW_ASYNC = "raw LMDB put of the same bytes, async"
FLOOR = "floor: serialise, hash, put"
RAW_SETTINGS = (
    "one write transaction per commit, of exactly the keys and values that treering's commit wrote just before, into a "
    "copy of its store in the same folder; same map size, classic format (`lib_version=0`); the root record is deleted "
    "and appended again after the objects, which was measured to be the fastest of five ways; "
)
FLOOR_SETTINGS = (
    "serialises the message, hashes (BLAKE2b-256) and puts the bytes that treering's commit wrote, into a "
    "dict for the memory backend, else into LMDB as the raw put does"
)


class Target(Protocol):
    """Where the bytes of a commit are put."""

    def put(self, written: Written) -> None:
        """Put them."""

    def close(self) -> None:
        """Let go of it."""


class RawLmdb:
    """An LMDB environment: a copy of a treering store, or a new one."""

    def __init__(self, folder: Path, *, sync: bool) -> None:
        folder.mkdir(exist_ok=True)
        self._environment = lmdb.open(str(folder), map_size=1 << 30, sync=sync, lib_version=0, max_spare_txns=0)
        size = self._environment.info()["last_pgno"] * 4096
        if size > 1 << 29:
            self._environment.set_mapsize(4 * size)

    def put(self, written: Written) -> None:
        with self._environment.begin(write=True) as transaction:
            transaction.delete(ROOT_KEY)
            transaction.cursor().putmulti(written.objects, append=True)
            transaction.put(ROOT_KEY, written.root, append=True)

    def put_next(self, written: Written, next_number: Callable[[], int]) -> None:
        """Put the same values again under the next keys, numbered inside the transaction so that they grow."""
        with self._environment.begin(write=True) as transaction:
            transaction.delete(ROOT_KEY)
            entries = [(next_number().to_bytes(16, "big"), value) for _, value in written.objects]
            transaction.cursor().putmulti(entries, append=True)
            transaction.put(ROOT_KEY, written.root, append=True)

    def close(self) -> None:
        self._environment.close()


class Dict:
    """A dict, with keys as treering's memory backend writes them."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def put(self, written: Written) -> None:
        values = self._values
        for key, value in written.objects:
            values[f"treering/o/{key.hex()}"] = value
        values["treering/root"] = written.root

    def close(self) -> None:
        self._values.clear()


class Replay:
    """Puts the next commit of ``queue``, and does nothing else."""

    def __init__(self, name: str, settings: str, target: Target) -> None:
        self.name = name
        self.settings = settings
        self.queue: deque[Written] = deque()
        self._target = target

    def put(self, _edit: Edit) -> None:
        self._target.put(self.queue.popleft())

    def close(self) -> None:
        self._target.close()


class Floor(Replay):
    """Also does the work that no such store is spared: serialise the message, hash what is put."""

    def put(self, edit: Edit) -> None:
        written = self.queue.popleft()
        if edit.message is not None:
            edit.message.SerializeToString(deterministic=True)
        for _, value in written.objects:
            blake2b(value, digest_size=32).digest()
        self._target.put(written)
