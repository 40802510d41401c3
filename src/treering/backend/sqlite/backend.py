"""The SQLite backend: its URL, its handle, and what each call does inside one transaction."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from sqlite3 import Connection

from treering.backend.base import Durability, Entry, Limits
from treering.backend.sqlite.database import Database, is_open, refuse_inherited
from treering.backend.sqlite.file import Settings, prepare_file
from treering.backend.url import StoreURL
from treering.errors import Corruption, InvalidStoreURL, Refused, Unavailable

_BATCH_BYTES = 64 << 20  # keeps the log of one transaction at a size that any disk has room for
_PAGE_COUNT = 1000  # keys listed in one read transaction: none lives long
_SHORTEST_POLL_SECONDS = 0.001
_LONGEST_POLL_SECONDS = 0.02  # one look at the root takes some microseconds

_READ_ROOT = "SELECT record FROM root WHERE id = 1"
_WRITE_ROOT = "INSERT OR REPLACE INTO root (id, record) VALUES (1, ?)"
_READ = "SELECT value FROM object WHERE key = ?"
_WRITE = "INSERT OR REPLACE INTO object (key, value) VALUES (?, ?)"
_DELETE = "DELETE FROM object WHERE key = ?"
_LIST = "SELECT key FROM object WHERE key > ? ORDER BY key LIMIT ?"


def open_url(url: StoreURL, *, deadline_seconds: float, create: bool) -> SqliteBackend:
    """Open ``sqlite:PATH``, a file; ``sqlite:///absolute`` is tolerated. A store is made there when ``create``.

    Options:

    - ``durability=fsync`` (default) acknowledges a commit when it is on disk. ``async`` does not wait for the disk: a
      killed process loses nothing, a power cut may lose the last commits but damages nothing.
    - ``readonly=true`` writes nothing but SQLite's ``-shm`` and ``-wal`` files. Where not even these may be made,
      ``lock=false`` reads without them, which is safe only while no process writes: a backup, a read-only medium.
    """
    path = url.body
    if path.startswith("//"):
        if not path.startswith("///"):
            raise InvalidStoreURL("two slashes name a host: write sqlite:PATH or sqlite:///PATH", url=url.shown)
        path = path[2:]
    if not path or "\0" in path or path == ":memory:":
        raise InvalidStoreURL("sqlite: takes the path of a file; memory: is the store in memory", url=url.shown)
    settings = Settings(
        durability=Durability(url.take_choice("durability", ("fsync", "async")) or "fsync"),
        readonly=url.take_flag("readonly", default=False),
        lock=url.take_flag("lock", default=True),
    )
    url.finish()
    if not settings.lock and not settings.readonly:
        raise InvalidStoreURL("lock=false goes with readonly=true only", url=url.shown, option="lock")
    return SqliteBackend(path, settings, deadline_seconds=deadline_seconds, create=create)


class SqliteBackend:
    """The store in the file ``path``. A handle has one connection that writes and as many as read at the same moment.

    Atomic and, unless told otherwise, on disk when ``publish`` returns. A read is of one moment and waits for nobody;
    writers wait in line, over all processes.

    After a disk error in a commit the handle is *poisoned*: every call raises ``Unavailable`` until the store is opened
    again, because what the operating system still caches is not to be trusted. In a child process a handle raises
    ``ForkedProcess``; open the store again there.
    """

    def __init__(self, path: str, settings: Settings, *, deadline_seconds: float, create: bool) -> None:
        self._url = f"sqlite:{path}"
        self._settings = settings
        self._limits = Limits(durability=settings.durability, atomic=True, max_batch_bytes=_BATCH_BYTES)
        absolute = str(Path(path).absolute())  # the process may change its directory
        refuse_inherited(absolute)
        known = is_open(absolute)
        prepare_file(absolute, settings, deadline_seconds=deadline_seconds, create=create, known=known)
        self._database = Database(absolute, settings, deadline_seconds)
        self._close = weakref.finalize(self, self._database.close)

    @property
    def url(self) -> str:
        """``sqlite:`` and the path."""
        return self._url

    @property
    def limits(self) -> Limits:
        """A batch is at most 64 MiB; a value has no limit that matters."""
        return self._limits

    def read_root(self) -> bytes | None:
        """Return the root record of the newest commit of any process, or None."""
        return self._database.read(_get_root, None)

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values under ``keys``, all of one moment."""
        return self._database.read(_get_many, keys)

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        """Compare the root, write ``objects``, move the root and commit, in one transaction.

        Raises ``StoreFull`` or ``Unavailable`` when nothing was changed, ``OutcomeUnknown`` when the disk failed while
        the commit was written to the log.
        """
        self._check_writable()
        return self._database.write(_publish, (objects, expected, root), _size_bytes(objects) + len(root))

    def write_many(self, objects: Sequence[Entry]) -> None:
        """Write ``objects``: all of them, or none when it raises."""
        self._check_writable()
        if objects:
            self._database.write(_write_objects, objects, _size_bytes(objects))

    def delete_many(self, keys: Sequence[bytes]) -> None:
        """Delete ``keys``, in one transaction. SQLite uses the room again; the file does not shrink."""
        self._check_writable()
        if keys:
            self._database.write(_delete, keys, 0)

    def list_keys(self) -> Iterator[bytes]:
        """Yield keys in order, a thousand for each read: what is written meanwhile may come or not."""
        start = b""
        while page := self._database.read(_list_page, start):
            yield from page
            start = page[-1]

    def sync(self) -> None:
        """Return when everything acknowledged is on disk. With ``durability=fsync`` that is so already.

        ``Unavailable`` with ``durability=async`` and ``readonly=true``: whoever only reads cannot see to it.
        """
        if self._settings.readonly and self._settings.durability is Durability.ASYNC:
            raise Unavailable("a handle that only reads cannot put on disk what others wrote", store=self._url)
        self._database.sync()

    def wait_for_root(self, known: bytes | None, timeout_seconds: float) -> None:
        """Look at the root again and again, 20 ms apart at the most: SQLite tells nobody of a commit."""
        last_moment = time.monotonic() + timeout_seconds
        pause = _SHORTEST_POLL_SECONDS
        while self.read_root() == known and (left := last_moment - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_POLL_SECONDS)

    def close(self) -> None:
        """Let go; with ``durability=async`` all that was acknowledged is put on disk first."""
        self._close()

    def _check_writable(self) -> None:
        if self._settings.readonly:
            raise Refused("the store was opened with readonly=true", store=self._url)


def _get_root(connection: Connection, _argument: None) -> bytes | None:
    rows = connection.execute(_READ_ROOT).fetchall()
    return _checked(rows[0][0], "root") if rows else None


def _get_many(connection: Connection, keys: Sequence[bytes]) -> list[bytes | None]:
    if len(keys) == 1:  # a statement is a transaction already
        return [_get(connection, keys[0])]
    connection.execute("BEGIN")
    values = [_get(connection, key) for key in keys]
    connection.execute("COMMIT")
    return values


def _get(connection: Connection, key: bytes) -> bytes | None:
    rows = connection.execute(_READ, (key,)).fetchall()  # all: an unfinished statement would hold its transaction open
    return _checked(rows[0][0], key.hex()) if rows else None


def _checked(value: object, location: str) -> bytes:
    if type(value) is bytes:
        return value
    raise Corruption("a stored value is not bytes", location=location, problem=type(value).__qualname__)


def _list_page(connection: Connection, start: bytes) -> list[bytes]:
    return [key for (key,) in connection.execute(_LIST, (start, _PAGE_COUNT)).fetchall()]


def _publish(connection: Connection, request: tuple[Sequence[Entry], bytes | None, bytes]) -> bool:
    objects, expected, root = request
    if _get_root(connection, None) != expected:
        return False
    connection.executemany(_WRITE, objects)
    connection.execute(_WRITE_ROOT, (root,))
    return True


def _write_objects(connection: Connection, objects: Sequence[Entry]) -> bool:
    connection.executemany(_WRITE, objects)
    return True


def _delete(connection: Connection, keys: Sequence[bytes]) -> bool:
    return connection.executemany(_DELETE, [(key,) for key in keys]).rowcount > 0


def _size_bytes(objects: Sequence[Entry]) -> int:
    return sum(len(value) for _, value in objects)
