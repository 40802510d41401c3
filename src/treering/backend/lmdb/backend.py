"""The LMDB backend: its URL, its handle, and what each call does inside one transaction."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import NoReturn

from treering.backend.base import Durability, Entry, Limits
from treering.backend.lmdb.environment import ROOT_KEY, Environment, Settings, Transaction
from treering.backend.lmdb.registry import acquire, release
from treering.backend.url import StoreURL
from treering.errors import InvalidStoreURL, Refused, Unavailable

_BATCH_BYTES = 64 << 20  # keeps a transaction's dirty pages far below LMDB's limit of 131,071
_PAGE_COUNT = 1000  # keys listed under one read transaction: none lives long


def open_url(url: StoreURL, *, deadline_seconds: float, create: bool) -> LmdbBackend:
    """Open ``lmdb:PATH``, a directory; ``lmdb:///absolute`` is tolerated. A store is made there when ``create``.

    Options:

    - ``durability=fsync`` (default) acknowledges a commit when it is on disk. ``async`` writes without waiting for the
      disk: a killed process loses nothing, but a power cut before the next ``sync`` may damage the whole store.
    - ``map_size=SIZE`` (1G): address space to reserve at first. It costs no memory and no disk. It doubles as needed up
      to ``max_map_size=SIZE`` (1T), the bound on the store's file; beyond that a write is ``StoreFull``.
    - ``max_readers=N`` (510): reads at the same moment, over all processes. The first process to open decides.
    - ``readonly=true`` writes nothing but LMDB's lock file. Where not even that may be written, ``lock=false`` reads
      without it, which is safe only while no process writes: a backup, a snapshot, a read-only medium.
    """
    path = url.body
    if path.startswith("//"):
        if not path.startswith("///"):
            raise InvalidStoreURL("two slashes name a host: write lmdb:PATH or lmdb:///PATH", url=url.shown)
        path = path[2:]
    if not path or "\0" in path:
        raise InvalidStoreURL("lmdb: takes the path of a directory", url=url.shown)
    settings = Settings(
        map_size=url.take_size("map_size", least=1 << 16),
        durability=Durability(url.take_choice("durability", ("fsync", "async")) or "fsync"),
        readonly=url.take_flag("readonly", default=False),
        lock=url.take_flag("lock", default=True),
    )
    max_map_size = url.take_size("max_map_size", least=1 << 16)
    max_readers = url.take_count("max_readers", least=1)
    url.finish()
    settings = replace(
        settings,
        max_map_size=max_map_size or max(settings.max_map_size, settings.map_size or 0),
        max_readers=max_readers or settings.max_readers,
    )
    if settings.map_size and settings.map_size > settings.max_map_size:
        raise InvalidStoreURL("map_size is larger than max_map_size", url=url.shown, option="map_size")
    if not settings.lock and not settings.readonly:
        raise InvalidStoreURL("lock=false goes with readonly=true only", url=url.shown, option="lock")
    return LmdbBackend(path, settings, deadline_seconds=deadline_seconds, create=create)


class LmdbBackend:
    """The store in the directory ``path``. Handles of one process share one LMDB environment, counted.

    Atomic and, unless told otherwise, on disk when ``publish`` returns. Reads take a snapshot and no lock; writers wait
    in line, over all processes. A map that is full grows by itself, here and where another process made it grow.

    After a disk error in a commit the environment is *poisoned*: every call raises ``Unavailable`` until all handles
    are closed and the store is opened again, because what the operating system still caches is not to be trusted. In
    a child process a handle raises ``ForkedProcess`` and leaves the parent's alone; open the store again there.
    """

    def __init__(self, path: str, settings: Settings, *, deadline_seconds: float, create: bool) -> None:
        self._url = f"lmdb:{path}"
        self._settings = settings
        self._limits = Limits(durability=settings.durability, atomic=True, max_batch_bytes=_BATCH_BYTES)
        environment = acquire(path, settings, deadline_seconds=deadline_seconds, create=create)
        self._environment: Environment | _Closed = environment
        self._release = weakref.finalize(self, release, environment)

    @property
    def url(self) -> str:
        """``lmdb:`` and the path."""
        return self._url

    @property
    def limits(self) -> Limits:
        """A batch is at most 64 MiB; a value has no limit that matters."""
        return self._limits

    def read_root(self) -> bytes | None:
        """Return the root record of the newest commit of any process, or None."""
        return self._environment.read(_get, ROOT_KEY)

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values under ``keys``, all of one moment."""
        return self._environment.read(_get_many, keys)

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        """Compare the root, write ``objects``, move the root and commit, in one write transaction.

        Raises ``StoreFull`` or ``Unavailable`` when nothing was changed, ``OutcomeUnknown`` when the disk failed at the
        one write that decides.
        """
        self._check_writable()
        return self._environment.write(_publish, (objects, expected, root), _size_bytes(objects) + len(root))

    def write_many(self, objects: Sequence[Entry]) -> None:
        """Write ``objects``: all of them, or none when it raises."""
        self._check_writable()
        if objects:
            self._environment.write(_write_objects, objects, _size_bytes(objects))

    def delete_many(self, keys: Sequence[bytes]) -> None:
        """Delete ``keys``, in one transaction. LMDB uses the room again; the file does not shrink."""
        self._check_writable()
        if keys:
            self._environment.write(_delete, keys, 0)

    def list_keys(self) -> Iterator[bytes]:
        """Yield keys in order, a thousand for each read transaction: what is written meanwhile may come or not."""
        start = b""
        while page := self._environment.read(_list_page, start):
            yield from (key for key in page if key != ROOT_KEY)
            start = page[-1] + b"\0"

    def sync(self) -> None:
        """Return when everything acknowledged is on disk. With ``durability=fsync`` that is so already.

        ``Unavailable`` with ``durability=async`` and ``readonly=true``: whoever only reads cannot see to it.
        """
        if self._settings.readonly and self._settings.durability is Durability.ASYNC:
            raise Unavailable("a handle that only reads cannot put on disk what others wrote", store=self._url)
        self._environment.sync()

    def close(self) -> None:
        """Let go; the last handle of the process syncs, if that was put off, and closes the environment."""
        self._environment = _Closed()
        self._release()

    def _check_writable(self) -> None:
        if self._settings.readonly:
            raise Refused("the store was opened with readonly=true", store=self._url)


def _get(txn: Transaction[bytes], key: bytes) -> bytes | None:
    return txn.get(key)


def _get_many(txn: Transaction[bytes], keys: Sequence[bytes]) -> list[bytes | None]:
    return list(map(txn.get, keys))


def _list_page(txn: Transaction[bytes], start: bytes) -> list[bytes]:
    with txn.cursor() as cursor:
        found = cursor.set_range(start) if start else cursor.first()
        return list(islice(cursor.iternext(keys=True, values=False), _PAGE_COUNT)) if found else []


def _publish(txn: Transaction[bytes], request: tuple[Sequence[Entry], bytes | None, bytes]) -> bool:
    objects, expected, root = request
    if txn.get(ROOT_KEY) != expected:
        return False
    txn.delete(ROOT_KEY)
    _append(txn, objects)
    txn.put(ROOT_KEY, root, append=True)
    return True


def _write_objects(txn: Transaction[bytes], objects: Sequence[Entry]) -> bool:
    root = txn.pop(ROOT_KEY)
    _append(txn, objects)
    if root is not None:
        txn.put(ROOT_KEY, root, append=True)
    return True


def _append(txn: Transaction[bytes], objects: Sequence[Entry]) -> None:
    """Write ``objects`` while the root is out of the way, so that new keys can be appended to the last leaf."""
    cursor = txn.cursor()
    _, appended = cursor.putmulti(objects, append=True)
    if appended < len(objects):  # keys of an older session, or out of order: they belong further left
        cursor.putmulti(objects)


def _delete(txn: Transaction[bytes], keys: Sequence[bytes]) -> bool:
    deleted = [txn.delete(key) for key in keys]
    return True in deleted


def _size_bytes(objects: Sequence[Entry]) -> int:
    return sum(map(len, chain.from_iterable(objects)))


class _Closed:
    """In the place of the environment after ``close``."""

    def read(self, _action: object, _argument: object) -> NoReturn:
        raise Unavailable("the store was closed")

    def write(self, _action: object, _argument: object, _size_bytes: int) -> NoReturn:
        raise Unavailable("the store was closed")

    def sync(self) -> NoReturn:
        raise Unavailable("the store was closed")
