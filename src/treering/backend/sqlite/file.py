"""The store's file: found or made, recognised before it is touched, connected to."""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from treering.backend.base import Durability
from treering.backend.directory import PRIVATE_MODE, has_no_room
from treering.errors import Error, FormatUnsupported, NotAStore, StoreFull, TooLarge, Unavailable

APPLICATION_ID = 0x54726E67  # "Trng", at offset 68 of the file
LAYOUT = 1  # in user_version
_FILE_MODE = 0o600
_LONGEST_PAUSE_SECONDS = 0.003
_FULL_CODES = frozenset({errno.ENOSPC, errno.EDQUOT})

# Blob keys under a hidden row number: written in the order of time, values stay whole in full leaves of their own, and
# the file is half of what WITHOUT ROWID makes of values this size, which a commit then costs a little more for.
_TABLES = (
    "CREATE TABLE object (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL)",
    "CREATE TABLE root (id INTEGER PRIMARY KEY CHECK (id = 1), record BLOB NOT NULL)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {LAYOUT}",
)
_WAITING_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a store is opened with."""

    durability: Durability = Durability.FSYNC
    readonly: bool = False
    lock: bool = True


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's result code without its extension; 0 for an error of Python's own module."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def patiently(action: Callable[[], Result], deadline_seconds: float) -> Result:
    """Return ``action()``, tried again while another connection holds the file.

    SQLite would wait by itself, but in steps of up to 100 ms and without letting a thread be interrupted.
    """
    last_moment = time.monotonic() + deadline_seconds
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if primary_code(error) not in _WAITING_CODES or time.monotonic() > last_moment:
                raise
        time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 - so that waiting processes take turns


def identify(path: str) -> tuple[int, int]:
    """Return what tells the file at ``path`` from any other: device and inode."""
    try:
        found = Path(path).stat()
    except OSError as error:
        raise Unavailable("the store's file is gone", store=path, reason=error.strerror) from error
    return found.st_dev, found.st_ino


def connect(path: str, settings: Settings) -> sqlite3.Connection:
    """Return a connection that may be used by any thread, by one at a time. It waits for nothing: see ``patiently``."""
    mode = "mode=rw"
    if settings.readonly:
        mode = "mode=ro" if settings.lock else "mode=ro&immutable=1"
    connection = sqlite3.connect(
        f"{Path(path).as_uri()}?{mode}", timeout=0, isolation_level=None, check_same_thread=False, uri=True
    )
    synchronous = "NORMAL" if settings.durability is Durability.ASYNC else "FULL"
    try:
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare_file(path: str, settings: Settings, *, deadline_seconds: float, create: bool, known: bool) -> None:
    """See to it that there is a store at ``path`` that can be opened with ``settings``; ``known``: this process has it.

    With ``create``, a missing file is made, for its owner only (0600), as are missing directories (0700), and an empty
    file is filled. Without it, and where there is anything else: ``NotAStore``, nothing touched.
    """
    may_create = create and not settings.readonly
    filled = _find_file(path, may_create=may_create)
    try:
        if filled and not known:
            _recognise(path)
        elif not filled and not may_create:
            raise NotAStore("the file is empty", store=path)
        connection = patiently(lambda: connect(path, settings), deadline_seconds)
        try:
            patiently(lambda: _open(path, connection, settings), deadline_seconds)
        finally:
            connection.close()
    except sqlite3.Error as error:
        _refuse_open(path, settings, error)


def _find_file(path: str, *, may_create: bool) -> bool:
    """Return True when the file holds something, False when it is empty; made if need and leave be."""
    file = Path(path)
    try:
        if may_create:
            file.parent.mkdir(PRIVATE_MODE, parents=True, exist_ok=True)
            with suppress(FileExistsError):  # and not opened then: closing it would drop this process's locks on it
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _FILE_MODE))
        found = file.stat()
    except FileNotFoundError as error:
        raise NotAStore("there is no store here", store=path) from error
    except (NotADirectoryError, FileExistsError) as error:
        raise NotAStore("there is a file where the store's directory should be", store=path) from error
    except OSError as error:
        if error.errno in _FULL_CODES:
            raise StoreFull("the disk has no room for a store", store=path, reason=error.strerror) from error
        raise Unavailable("the store's file cannot be made or seen", store=path, reason=error.strerror) from error
    if not stat.S_ISREG(found.st_mode):
        raise NotAStore("this is not a file", store=path)
    return found.st_size > 0


def _recognise(path: str) -> None:
    """Refuse the file of another program, through a connection that takes no lock and leaves no trace."""
    connection = sqlite3.connect(f"{Path(path).as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        _check_marks(path, *_read_marks(connection))
    except sqlite3.DatabaseError as error:
        if primary_code(error) != sqlite3.SQLITE_CORRUPT:
            raise
        # The size is not what the header says: somebody writes just now, or was killed at it. To close the file drops
        # this process's locks on it, and it has none.
        with Path(path).open("rb") as file:
            head = file.read(72)
        _check_marks(path, int.from_bytes(head[68:72], "big"), int.from_bytes(head[60:64], "big"))
    finally:
        connection.close()


def _read_marks(connection: sqlite3.Connection) -> tuple[object, object]:
    return _pragma(connection, "application_id"), _pragma(connection, "user_version")


def _check_marks(path: str, application_id: object, layout: object) -> None:
    if application_id != APPLICATION_ID:
        raise NotAStore("the SQLite database holds something else", store=path)
    if layout != LAYOUT:
        raise FormatUnsupported("the tables are of another release's layout", store=path, format=layout)


def _open(path: str, connection: sqlite3.Connection, settings: Settings) -> None:
    """Make the tables if there are none, and see that the file can be read, and written if need be."""
    if settings.readonly:
        _check_marks(path, *_read_marks(connection))
        connection.execute("SELECT count(*) FROM root").fetchall()
        log = Path(f"{path}-wal")
        if not settings.lock and log.exists() and log.stat().st_size:
            raise Unavailable("the newest commits stand in a log that lock=false cannot read", store=path)
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        if tables == [(0,)]:  # an empty file, and what an interrupted creation is rolled back to
            for statement in _TABLES:
                connection.execute(statement)
        _check_marks(path, *_read_marks(connection))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    mode = _pragma(connection, "journal_mode = WAL")
    if mode != "wal":
        raise Unavailable("the file system does not allow SQLite's write-ahead log", store=path, mode=mode)


def _pragma(connection: sqlite3.Connection, text: str) -> object:
    return connection.execute(f"PRAGMA {text}").fetchall()[0][0]


def _refuse_open(path: str, settings: Settings, error: sqlite3.Error) -> NoReturn:
    code = primary_code(error)
    facts = {"store": path, "reason": str(error)}
    if code == sqlite3.SQLITE_NOTADB:
        raise NotAStore("the file is not an SQLite database", **facts) from error
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        hint = "see lock=false" if settings.readonly else "see readonly=true"
        raise Unavailable(f"this process may not write the store or beside it: {hint}", **facts) from error
    raise translated(path, error, 0) from error


def translated(path: str, error: sqlite3.Error, size_bytes: int) -> Error:
    """Return the error of treering's that says what SQLite's ``error`` means where nothing was changed."""
    code = primary_code(error)
    facts = {"store": path, "reason": str(error)}
    if code in _WAITING_CODES:
        return Unavailable("another process held the store for too long", **facts)
    # SQLite reports any short write but one for ENOSPC as an I/O error
    if code == sqlite3.SQLITE_FULL or (
        getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_WRITE
        and has_no_room(str(Path(path).parent), size_bytes)
    ):
        return StoreFull("the disk has no room", **facts)
    if code == sqlite3.SQLITE_IOERR:
        return Unavailable("the disk failed; nothing was changed", **facts)
    if code == sqlite3.SQLITE_TOOBIG or isinstance(error, sqlite3.DataError):
        return TooLarge("the value is larger than SQLite takes", **facts)
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return Unavailable("this process may not write the store any more", **facts)
    return Unavailable("SQLite refuses", **facts)
