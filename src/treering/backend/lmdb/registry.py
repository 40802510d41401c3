"""The environments of this process: each opened once, shared by its handles, left to the parent after a fork."""

from __future__ import annotations

import errno
import os
import struct
import threading
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import lmdb

from treering.backend.base import Durability
from treering.backend.directory import PRIVATE_MODE, prepare_directory
from treering.backend.lmdb.environment import (
    DATA_FILE,
    FULL_CODES,
    LOCK_FILE,
    ROOT_KEY,
    Environment,
    Settings,
    identify,
)
from treering.errors import FormatUnsupported, InvalidStoreURL, NotAStore, StoreFull, Unavailable

_MAGIC = struct.pack("=I", 0xBEEFC0DE)
_CLASSIC_FORMAT = 1  # of LMDB 0.9; LMDB 1.0 writes 3
_FORBIDDEN_CODES = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

_environments: dict[tuple[int, int], Environment] = {}
_registry = threading.RLock()  # reentrant: a finalizer may release a handle while this thread acquires one


def acquire(path: str, settings: Settings, *, deadline_seconds: float, create: bool) -> Environment:
    """Return this process's environment of ``path``, opened if need be, with one handle more counted."""
    path = str(Path(path).absolute())  # the process may change its directory
    may_create = create and not settings.readonly
    with _registry:
        exists = prepare_directory(path, data_file=DATA_FILE, lock_file=LOCK_FILE, create=may_create)
        environment = _environments.get(identify(path)) if exists else None
        if environment is None:
            environment = Environment(path, _open(path, settings), settings, deadline_seconds)
            _environments[environment.identity] = environment
        elif replace(environment.settings, map_size=None) != replace(settings, map_size=None):
            raise InvalidStoreURL("the store is open in this process with other options", url=f"lmdb:{path}")
        else:
            environment.read(_nothing, None)  # a poisoned one says so here
        environment.handles += 1
        return environment


def _nothing(_txn: object, _argument: None) -> None:
    """Begin a transaction and end it."""


def release(environment: Environment) -> None:
    """Count one handle less; the last one closes the environment."""
    with _registry:
        environment.handles -= 1
        if not environment.handles:
            if _environments.get(environment.identity) is environment:
                del _environments[environment.identity]
            environment.close()


def _pause() -> None:
    for environment in list(_environments.values()):
        environment.pause()


def _resume() -> None:
    for environment in list(_environments.values()):
        environment.resume()


def _leave_to_parent() -> None:
    global _registry  # noqa: PLW0603 - another thread may have held it at the fork
    _registry = threading.RLock()
    for environment in _environments.values():
        environment.leave_to_parent()
    _environments.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_pause, after_in_parent=_resume, after_in_child=_leave_to_parent)


def _open(path: str, settings: Settings) -> lmdb.Environment:
    _check_format(path)
    try:
        handle = lmdb.open(
            path,
            map_size=settings.map_size or min(1 << 30, settings.max_map_size),
            readonly=settings.readonly,
            sync=settings.durability is not Durability.ASYNC,
            mode=PRIVATE_MODE,
            create=False,
            max_readers=settings.max_readers,
            max_spare_txns=0,  # a spare one would keep a reader slot, which a forked child could only harm
            lock=settings.lock,
            lib_version=0,
        )
    except lmdb.Error as error:
        _refuse_open(path, settings, error)
    try:
        if settings.lock:
            handle.reader_check()  # slots of killed processes keep old pages alive
        filled = handle.stat()["entries"] > 0  # first: another process may be writing the root just now
        with handle.begin() as txn:
            foreign = filled and txn.get(ROOT_KEY) is None
    except lmdb.Error as error:
        handle.close()
        _refuse_open(path, settings, error)
    if foreign:
        handle.close()
        raise NotAStore("the LMDB environment holds something else", store=path)
    return handle


def _check_format(path: str) -> None:
    """Refuse a data file of another program before LMDB puts its lock file beside it."""
    try:
        with (Path(path) / DATA_FILE).open("rb") as file:
            head = file.read(64)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unavailable("the store's file cannot be read", store=path, reason=error.strerror) from error
    if not head:
        return  # LMDB was interrupted when it made the file
    found = head.find(_MAGIC)
    if found < 0 or found + 8 > len(head):
        raise NotAStore("data.mdb is not an LMDB file", store=path)
    (format_number,) = struct.unpack_from("=I", head, found + 4)
    if format_number != _CLASSIC_FORMAT:
        raise FormatUnsupported("the file is of another LMDB format", store=path, format=format_number)


def _refuse_open(path: str, settings: Settings, error: lmdb.Error) -> NoReturn:
    facts = {"store": path, "reason": str(error)}
    if error.code in FULL_CODES:
        raise StoreFull("the disk has no room for a store", **facts) from error
    if isinstance(error, lmdb.InvalidError | lmdb.VersionMismatchError | lmdb.CorruptedError):
        raise NotAStore("data.mdb is not an LMDB file that can be read", **facts) from error
    if error.code in _FORBIDDEN_CODES and settings.readonly:
        raise Unavailable("LMDB's lock file may not be written: see lock=false", **facts) from error
    if error.code in _FORBIDDEN_CODES:
        raise Unavailable("this process may not write the store: see readonly=true", **facts) from error
    raise Unavailable("LMDB cannot open the store", **facts) from error
