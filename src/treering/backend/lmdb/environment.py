"""One LMDB environment: its transactions, its map's growth, its failures."""

from __future__ import annotations

import errno
import functools
import mmap
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import lmdb

from treering.backend.base import Durability
from treering.backend.directory import has_no_room
from treering.backend.gate import Gate
from treering.errors import Corruption, Error, ForkedProcess, OutcomeUnknown, StoreFull, Unavailable

DATA_FILE, LOCK_FILE = "data.mdb", "lock.mdb"
ROOT_KEY = b"\xff" * 65  # longer than any object's key, so never one, and after all of them
FULL_CODES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READER_RETRY_SECONDS = 0.002
_FORK_PATIENCE_SECONDS = 1.0

_inherited: list[lmdb.Environment | None] = []  # in a child: handles that must not be let go of

Argument = TypeVar("Argument")
Result = TypeVar("Result")
Transaction = lmdb.Transaction


@dataclass(frozen=True, slots=True)
class Settings:
    """What an environment is opened with; handles in one process share it only when theirs are equal."""

    map_size: int | None = None  # None: as large as fits the rest
    max_map_size: int = min(1 << 40, sys.maxsize)
    max_readers: int = 510
    durability: Durability = Durability.FSYNC
    readonly: bool = False
    lock: bool = True


def identify(path: str) -> tuple[int, int]:
    """Return what tells the store at ``path`` from any other, whatever the path is called: device and inode."""
    stat = (Path(path) / DATA_FILE).stat()
    return stat.st_dev, stat.st_ino


class Environment:
    """One LMDB environment of this process and what guards it.

    ``begin`` and ``begin_write`` start transactions while all is well. Closing, poisoning and forking put in their
    place a function that raises, so that a call pays for none of these checks.
    """

    def __init__(self, path: str, handle: lmdb.Environment, settings: Settings, deadline_seconds: float) -> None:
        self.path = path
        self.settings = settings
        self.identity = identify(path)
        self.handles = 0
        self._handle: lmdb.Environment | None = handle
        self._deadline_seconds = deadline_seconds
        self._gate = Gate()  # read transactions are inside; the map is replaced while it is closed
        self._writer = threading.Lock()
        self._paused: ExitStack | None = None
        self.begin: Callable[[], Transaction[bytes]] = handle.begin
        self._begin_write: Callable[[], Transaction[bytes]] = functools.partial(handle.begin, write=True)

    def read(self, action: Callable[[Transaction[bytes], Argument], Result], argument: Argument) -> Result:
        """Return ``action(transaction, argument)`` under a read transaction."""
        gate = self._gate
        last_moment = 0.0
        while True:
            failure: lmdb.Error | None = None
            try:
                gate.inside.append(None)
                if not gate.closing:
                    txn = self.begin()
                    try:
                        return action(txn, argument)
                    finally:
                        txn.abort()
            except lmdb.Error as error:
                failure = error
            finally:
                gate.inside.pop()
            last_moment = last_moment or time.monotonic() + self._deadline_seconds
            if failure is None:
                gate.wait_open(self._deadline_seconds)
            elif isinstance(failure, lmdb.MapResizedError):
                with self._writing():
                    self._remap(0)
            elif isinstance(failure, lmdb.ReadersFullError) and time.monotonic() < last_moment:
                self._handle_or_refuse().reader_check()  # a killed process may have left its slots
                time.sleep(_READER_RETRY_SECONDS)
            else:
                self._translate(failure)

    def write(
        self, action: Callable[[Transaction[bytes], Argument], bool], argument: Argument, size_bytes: int
    ) -> bool:
        """Commit what ``action(transaction, argument)`` wrote, and return what it returns: whether it wrote anything.

        The action is done again after the map has grown. ``size_bytes`` is about what it writes.
        """
        # Not by _writing: a generator's context costs 1 µs.
        is_held = False
        try:
            is_held = self._writer.acquire(timeout=self._deadline_seconds)
            if not is_held:
                self._refuse_to_wait(self._deadline_seconds)
            while True:
                transaction_id = None
                try:
                    txn = self._begin_write()
                    try:
                        wrote = action(txn, argument)
                    except BaseException:
                        self._abort(txn)
                        raise
                    transaction_id = txn.id()
                    txn.commit()  # where nothing was written, this does nothing
                    return wrote  # noqa: TRY300 - the commit's errors are told from the others below
                except lmdb.MapFullError:
                    self._grow(size_bytes)
                except lmdb.MapResizedError:
                    self._remap(0)
                except lmdb.Error as error:
                    if transaction_id is not None:
                        self._judge_failed_commit(error, transaction_id, size_bytes)
                    self._translate(error)
        finally:
            if is_held:
                self._writer.release()

    def sync(self) -> None:
        """Flush what an asynchronous environment has written."""
        if self.settings.durability is Durability.ASYNC:
            self.read(self._flush, None)

    def close(self) -> None:
        """Wait for reads and writes to end, then close. Raises ``Unavailable`` when they do not end in time."""
        handle = self._handle
        if handle is None:  # left to the parent process
            return
        healthy = self.begin == handle.begin
        if healthy:
            self._stop(Unavailable, "the store was closed")
        with self._writing(), self._gate.closed(self._deadline_seconds):
            self._handle = None
            try:
                if healthy and self.settings.durability is Durability.ASYNC and not self.settings.readonly:
                    handle.sync(True)
            except lmdb.Error as error:
                raise Unavailable("the last writes may not be on disk", store=self.path, reason=str(error)) from error
            finally:
                handle.close()

    def pause(self) -> None:
        """Before a fork: let reads and writes end, so that the child inherits no transaction."""
        with ExitStack() as stack, suppress(Unavailable):
            stack.enter_context(self._writing(_FORK_PATIENCE_SECONDS))
            stack.enter_context(self._gate.closed(_FORK_PATIENCE_SECONDS))
            self._paused = stack.pop_all()

    def resume(self) -> None:
        """After a fork, in the parent: go on."""
        paused, self._paused = self._paused, None
        if paused is not None:
            paused.close()

    def leave_to_parent(self) -> None:
        """After a fork, in the child: let go of the environment, whose files and locks are the parent's.

        LMDB, let go of, frees the reader slots of the process that opened it. When the parent had paused it has none;
        otherwise the handle is kept until the child ends, and the store cannot be opened again there.
        """
        self._stop(ForkedProcess, "this store was opened before the fork; open it again in the child")
        if self._paused is None:
            _inherited.append(self._handle)
        self._handle = self._paused = None
        self._gate = Gate()
        self._writer = threading.Lock()

    @contextmanager
    def _writing(self, seconds: float | None = None) -> Iterator[None]:
        seconds = self._deadline_seconds if seconds is None else seconds
        is_held = False
        try:
            is_held = self._writer.acquire(timeout=seconds)
            if not is_held:
                self._refuse_to_wait(seconds)
            yield
        finally:
            if is_held:
                self._writer.release()

    def _refuse_to_wait(self, seconds: float) -> NoReturn:
        raise Unavailable("another write did not end in time", store=self.path, deadline_seconds=seconds)

    def _abort(self, txn: Transaction[bytes]) -> None:
        # py-lmdb 3.0 waits here until no thread is inside LMDB, which with several busy readers is never
        with self._gate.closed(self._deadline_seconds):
            txn.abort()

    def _grow(self, size_bytes: int) -> None:
        current = self._handle_or_refuse().info()["map_size"]
        limit = self.settings.max_map_size
        if current >= limit:
            raise StoreFull("the store has reached max_map_size", store=self.path, limit_bytes=limit)
        self._remap(min(limit, max(2 * current, current + 2 * size_bytes + (1 << 20))))

    def _remap(self, size: int) -> None:
        """Map ``size`` bytes (0: as many as the file says) while no transaction of this process is alive."""
        with self._gate.closed(self._deadline_seconds):
            try:
                self._handle_or_refuse().set_mapsize(-(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
            except lmdb.Error as error:
                self._poison()
                raise Unavailable("the map could not be replaced", store=self.path, reason=str(error)) from error

    def _judge_failed_commit(self, error: lmdb.Error, transaction_id: int, size_bytes: int) -> NoReturn:
        """LMDB writes data, syncs, then writes one meta page: if that has not moved, nothing was changed."""
        try:
            txn = self.begin()
            moved = txn.id() >= transaction_id
            txn.abort()
        except lmdb.Error:  # the meta page itself could not be written
            moved = True
        facts = {"store": self.path, "reason": str(error)}
        # LMDB reports a short write, the usual sign of a full disk, as EIO
        if not moved and (error.code in FULL_CODES or (error.code == errno.EIO and has_no_room(self.path, size_bytes))):
            raise StoreFull("the disk has no room", **facts) from error
        self._poison()
        if moved:
            raise OutcomeUnknown("the disk failed while the commit was decided", **facts) from error
        raise Unavailable("the disk failed; nothing was changed", **facts) from error

    def _translate(self, error: lmdb.Error) -> NoReturn:
        facts = {"store": self.path, "reason": str(error)}
        if isinstance(error, lmdb.ReadersFullError):
            raise Unavailable("every reader slot is taken: raise max_readers", **facts) from error
        if isinstance(error, lmdb.PanicError):
            self._poison()
            raise Unavailable("LMDB had a fatal error; close the store and open it again", **facts) from error
        if isinstance(error, lmdb.CorruptedError | lmdb.PageNotFoundError):
            self._poison()
            raise Corruption("LMDB finds its own pages damaged", location=self.path, problem=str(error)) from error
        if error.code in FULL_CODES:
            raise StoreFull("the disk has no room", **facts) from error
        raise Unavailable("LMDB refuses", **facts) from error

    def _poison(self) -> None:
        self._stop(Unavailable, "the store was shut after a disk error; close it and open it again")

    def _stop(self, kind: type[Error], message: str) -> None:
        def refuse() -> NoReturn:
            raise kind(message, store=self.path)

        self.begin = self._begin_write = refuse

    def _flush(self, _txn: Transaction[bytes], _argument: None) -> None:
        try:
            self._handle_or_refuse().sync(True)
        except lmdb.Error as error:
            self._poison()
            raise Unavailable("what was written may not be on disk", store=self.path, reason=str(error)) from error

    def _handle_or_refuse(self) -> lmdb.Environment:
        if self._handle is None:
            raise Unavailable("the store was closed", store=self.path)
        return self._handle
