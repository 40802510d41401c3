"""One open SQLite file: its connections, its transactions, its failures."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection
from typing import NoReturn, TypeVar

from treering.backend.base import Durability
from treering.backend.gate import Gate
from treering.backend.sqlite.file import (
    LAYOUT,
    Settings,
    connect,
    identify,
    patiently,
    primary_code,
    translated,
)
from treering.errors import Corruption, Error, ForkedProcess, OutcomeUnknown, StoreFull, Unavailable

_FORK_PATIENCE_SECONDS = 1.0
_CORRUPT_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Database:
    """The connections of one handle: one that writes, and as many that read as threads ever read at the same moment.

    A fork closes them all, since SQLite must not carry a connection into a child, not even to close it there; the
    parent opens them again as it needs them. Closing, poisoning and forking put in the place of ``_connect`` a function
    that raises and leave no idle connection, so that a call pays for none of these checks.
    """

    def __init__(self, path: str, settings: Settings, deadline_seconds: float) -> None:
        self.path = path
        self.settings = settings
        self._deadline_seconds = deadline_seconds
        self.identity = identify(path)
        self._gate = Gate()  # reads are inside
        self._writing_lock = threading.Lock()
        self._idle: list[Connection] = []
        self._writer: Connection | None = None
        self._paused: ExitStack | None = None
        self._healthy = True
        self._connect: Callable[[], Connection] = self._connect_again
        _databases.add(self)

    def read(self, action: Callable[[Connection, Argument], Result], argument: Argument) -> Result:
        """Return ``action(connection, argument)``."""
        gate, last_moment, damaged = self._gate, 0.0, False
        while True:
            gate.inside.append(None)
            try:
                if not gate.closing:
                    return self._read_inside(action, argument)
            except sqlite3.OperationalError as error:
                last_moment = last_moment or time.monotonic() + self._deadline_seconds
                if not _may_pass(error) or time.monotonic() > last_moment:
                    self._raise(error, 0)
                time.sleep(0.001)  # another process recovers the log
            except sqlite3.DatabaseError as error:
                # SQLite calls a page damaged that the disk only failed to read: look again, with nothing cached
                if damaged or primary_code(error) != sqlite3.SQLITE_CORRUPT:
                    self._raise(error, 0)
                damaged = True
                self._close_idle()
            except sqlite3.Error as error:
                self._raise(error, 0)
            finally:
                gate.inside.pop()
            if gate.closing:
                gate.wait_open(self._deadline_seconds)

    def write(self, action: Callable[[Connection, Argument], bool], argument: Argument, size_bytes: int) -> bool:
        """Commit what ``action(connection, argument)`` wrote, and return what it returns: whether it wrote anything.

        ``size_bytes`` is about what it writes.
        """
        with self._writing() as connection:
            try:
                patiently(lambda: connection.execute("BEGIN IMMEDIATE"), self._deadline_seconds)
                wrote = action(connection, argument)
            except sqlite3.Error as error:
                self._raise(error, size_bytes)
            try:
                connection.execute("COMMIT" if wrote else "ROLLBACK")
            except sqlite3.Error as error:
                self._judge_failed_commit(error, size_bytes)
            return wrote

    def sync(self) -> None:
        """Put on disk what was acknowledged without: a full commit syncs the whole log."""
        if not self._healthy:
            self._connect()  # raises
        if self.settings.durability is Durability.ASYNC and not self.settings.readonly:
            with self._writing() as connection:
                self._sync(connection)

    def close(self) -> None:
        """Wait for reads and writes to end, then close. Raises ``Unavailable`` when they do not end in time."""
        if not self._healthy:
            self._close_idle()  # the connection that writes is closed by whoever uses it
            return
        try:
            self.sync()
        finally:
            self._stop(Unavailable, "the store was closed")
            self._acquire(self._deadline_seconds)
            try:
                with self._gate.closed(self._deadline_seconds):
                    self._close_all()
            finally:
                self._writing_lock.release()

    def pause(self) -> None:
        """Before a fork: let reads and writes end and close every connection, so that the child inherits none."""
        with ExitStack() as stack, suppress(Unavailable):
            self._acquire(_FORK_PATIENCE_SECONDS)
            stack.callback(self._writing_lock.release)
            stack.enter_context(self._gate.closed(_FORK_PATIENCE_SECONDS))
            self._close_all()
            self._paused = stack.pop_all()

    def resume(self) -> None:
        """After a fork, in the parent: go on."""
        paused, self._paused = self._paused, None
        if paused is not None:
            paused.close()

    def leave_to_parent(self) -> None:
        """After a fork, in the child: refuse every call, and never let go of a connection that was inherited."""
        self._stop(ForkedProcess, "this store was opened before the fork; open it again in the child")
        if self._paused is None:
            _inherited.extend([*self._idle, self._writer])
            _in_use_at_fork.add(self.identity)
        self._idle, self._writer, self._paused = [], None, None
        self._gate = Gate()
        self._writing_lock = threading.Lock()

    def _read_inside(self, action: Callable[[Connection, Argument], Result], argument: Argument) -> Result:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            result = action(connection, argument)
        except BaseException:
            connection.close()  # it may be in the middle of a statement
            raise
        self._idle.append(connection)
        if not self._healthy:
            self._close_idle()
        return result

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Give the connection that writes to this thread alone, and take it back without a transaction."""
        self._acquire(self._deadline_seconds)
        try:
            if self._writer is None:
                try:
                    # a process that closes its last connection holds the file for a moment
                    self._writer = patiently(self._connect, self._deadline_seconds)
                except sqlite3.Error as error:
                    self._raise(error, 0)
            yield self._writer
        finally:
            if self._writer is not None and (self._writer.in_transaction or not self._healthy):
                self._writer.close()  # rolls back
                self._writer = None
            self._writing_lock.release()

    def _acquire(self, seconds: float) -> None:
        if not self._writing_lock.acquire(timeout=seconds):
            raise Unavailable("another write did not end in time", store=self.path, deadline_seconds=seconds)

    def _connect_again(self) -> Connection:
        connection = connect(self.path, self.settings)
        if identify(self.path) != self.identity:
            connection.close()
            raise Unavailable("another file was put in the place of the store's", store=self.path)
        return connection

    def _sync(self, connection: Connection) -> None:
        try:
            connection.execute("PRAGMA synchronous = FULL")
            patiently(lambda: connection.execute("BEGIN IMMEDIATE"), self._deadline_seconds)
            try:
                # what it is already: a page to commit that changes nothing
                connection.execute(f"PRAGMA user_version = {LAYOUT}")
                connection.execute("COMMIT")
            except sqlite3.Error:
                self._poison()
                raise
            connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as error:
            reason = str(error)
            raise Unavailable("what was written may not be on disk", store=self.path, reason=reason) from error

    def _judge_failed_commit(self, error: sqlite3.Error, size_bytes: int) -> NoReturn:
        """Tell a commit that was not written whole from one that was written and perhaps not synced.

        The last page of the log makes the commit. Where there was no room it was cut short, so it does not count. After
        any other failure it may stand there, and counts if the machine or every process that uses the store stops
        before the next commit is written over it.
        """
        judged = translated(self.path, error, size_bytes)
        if isinstance(judged, StoreFull):
            raise judged from error
        self._poison()
        raise OutcomeUnknown("the disk failed in a commit", store=self.path, reason=str(error)) from error

    def _raise(self, error: sqlite3.Error, size_bytes: int) -> NoReturn:
        if primary_code(error) in _CORRUPT_CODES:
            self._poison()
            problem = str(error)
            raise Corruption("pages are damaged or cannot be read", location=self.path, problem=problem) from error
        raise translated(self.path, error, size_bytes) from error

    def _poison(self) -> None:
        self._stop(Unavailable, "the store was shut after a disk error; close it and open it again")
        self._close_idle()

    def _stop(self, kind: type[Error], message: str) -> None:
        def refuse() -> NoReturn:
            raise kind(message, store=self.path)

        self._healthy = False
        self._connect = refuse

    def _close_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _close_all(self) -> None:
        self._close_idle()
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


def _may_pass(error: sqlite3.Error) -> bool:
    return primary_code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL}


_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_inherited: list[Connection | None] = []  # in a child: connections that must not be closed
_in_use_at_fork: set[tuple[int, int]] = set()


def refuse_inherited(path: str) -> None:
    """Raise ``Unavailable`` in a child that was forked while another thread had a connection to ``path`` in use."""
    if _in_use_at_fork and Path(path).exists() and identify(path) in _in_use_at_fork:
        raise Unavailable("another thread used the store at the fork; this child cannot open it", store=path)


def is_open(path: str) -> bool:
    """Say whether this process has the file at ``path`` open, by whatever name."""
    return Path(path).exists() and any(database.identity == identify(path) for database in list(_databases))


def _pause() -> None:
    for database in list(_databases):
        database.pause()


def _resume() -> None:
    for database in list(_databases):
        database.resume()


def _leave_to_parent() -> None:
    for database in list(_databases):
        database.leave_to_parent()
    _databases.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_pause, after_in_parent=_resume, after_in_child=_leave_to_parent)
