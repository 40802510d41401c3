"""Any ``MutableMapping`` as a store: a dict, a shelf, or a user's own.

The mapping stays the user's: only ``str`` keys under the prefix are read, written or deleted, and every value is
``bytes``. The root is at ``prefix + "root"``, an object at ``prefix + "o/" + key.hex()``.
"""

from __future__ import annotations

import errno
import os
import threading
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

from treering.backend.base import Durability, Limits
from treering.errors import Corruption, Error, InvalidStoreURL, NotAStore, OutcomeUnknown, StoreFull, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping, Sequence

    from treering.backend.base import Entry
    from treering.backend.url import StoreURL

_LOOK_SECONDS = 0.25
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def open_url(url: StoreURL, *, deadline_seconds: float, create: bool) -> MappingBackend:
    """Open ``memory:``, a fresh dict at every open; it takes no options of its own.

    Nothing is waited for, so ``deadline_seconds`` has no say, and there is never a store before, so ``create=False`` is
    ``NotAStore``.
    """
    del deadline_seconds
    if url.body:
        raise InvalidStoreURL("memory: takes no name; it is a fresh store at every open", url=url.shown)
    url.finish()
    if not create:
        raise NotAStore("memory: is empty when it is opened", store="memory:")
    return MappingBackend({}, url="memory:")


class _Shared:
    """One mapping and the lock that all its adapters in this process share; it keeps the mapping, so its id, alive."""

    __slots__ = ("__weakref__", "lock", "mapping", "moved", "waiting")

    def __init__(self, mapping: MutableMapping[Any, Any]) -> None:
        self.mapping = mapping
        self.renew()

    def renew(self) -> None:
        """Make a new lock, and a condition under it that says when a root has moved or an adapter was closed."""
        # reentrant: a finalizer may close a repository in the middle of a publish of the same thread
        self.lock = threading.RLock()
        self.moved = threading.Condition(self.lock)
        self.waiting = 0  # how many wait for that


_shared_by_id: weakref.WeakValueDictionary[int, _Shared] = weakref.WeakValueDictionary()
_registry_lock = threading.Lock()


def _share(mapping: MutableMapping[Any, Any]) -> _Shared:
    with _registry_lock:
        shared = _shared_by_id.get(id(mapping))
        if shared is None:
            shared = _shared_by_id[id(mapping)] = _Shared(mapping)
        return shared


def _renew_locks() -> None:
    # a lock that another thread held at the fork would never be released in the child
    global _registry_lock  # noqa: PLW0603 - the one lock of this module
    _registry_lock = threading.Lock()
    for shared in list(_shared_by_id.values()):
        shared.renew()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_renew_locks)


class MappingBackend:
    """A backend over ``mapping``, under ``prefix``. Adapters over one mapping, in any thread, exclude each other.

    ``publish`` writes the objects, then the root, under a lock: readers of this process never see a root whose objects
    are not there. When the mapping raises midway, what was written is deleted again and the root is left as it was. A
    mapping with a ``sync`` method (a shelf) is synced after every write and at close; nothing is promised about a power
    cut, nor about a second process that writes the same shelf. Reads of a plain dict take no lock.

    The mapping's own exceptions become ``StoreFull`` (an ``OSError`` for want of room) or ``Unavailable``, with the
    original as ``__cause__``. A value that is not bytes is ``NotAStore`` at the root, ``Corruption`` elsewhere.
    """

    def __init__(self, mapping: MutableMapping[Any, Any], *, prefix: str = "treering/", url: str = "") -> None:
        self._url = url or f"mapping:{type(mapping).__qualname__}"
        self._shared = _share(mapping)
        self._root_key = prefix + "root"
        self._object_prefix = prefix + "o/"
        self._closed = False
        self._sync: Callable[[], object] | None = getattr(mapping, "sync", None)
        self._is_plain = type(mapping) is dict
        self._limits = Limits(durability=Durability.NONE, atomic=self._is_plain)
        self._get: Callable[[str], object] = mapping.get if self._is_plain else self._guarded_get

    @property
    def url(self) -> str:
        """``memory:``, or ``mapping:`` and the type of the mapping."""
        return self._url

    @property
    def limits(self) -> Limits:
        """No sizes that matter, no durability; atomic for a plain dict only."""
        return self._limits

    def read_root(self) -> bytes | None:
        """Return the root record, or None. One dict look-up for a plain dict."""
        value = self._get(self._root_key)
        if value is None or type(value) is bytes:
            return value
        raise NotAStore("the value under the root's key is not bytes", store=self._url, key=self._root_key)

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values under ``keys``, in their order; None for a key that is not there."""
        get, prefix = self._get, self._object_prefix
        values: list[bytes | None] = []
        for key in keys:
            value = get(prefix + key.hex())
            if value is not None and type(value) is not bytes:
                raise Corruption("a stored value is not bytes", location=key.hex(), problem=type(value).__qualname__)
            values.append(value)
        return values

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        """Write ``objects``, then move the root from ``expected`` to ``root``, under the mapping's lock.

        False, with nothing written, when the root is another. ``OutcomeUnknown`` when writing the root raised and it
        cannot be read back, or when syncing the mapping afterwards failed.
        """
        shared = self._shared
        if self._is_plain:
            entries, prefix, root_key = {}, self._object_prefix, self._root_key
            for key, value in objects:  # before the root is looked at: the collector may run a finalizer that commits
                entries[prefix + key.hex()] = value if type(value) is bytes else bytes(value)
            entries[root_key] = bytes(root)
            with shared.lock:
                if self._get(root_key) != expected:
                    self.read_root()  # raises for what is no root
                    return False
                shared.mapping.update(entries)  # of a dict into a dict: one step in C, in which nothing else runs
                if shared.waiting:
                    shared.moved.notify_all()
            return True
        new_root = bytes(root)
        with shared.lock:  # not by _locked: a generator's context costs 0.9 of some 5 µs
            if self._closed:
                self._refuse_closed()
            mapping = shared.mapping
            if self.read_root() != expected:
                return False
            written: list[str] = []
            try:
                self._write(mapping, objects, written)
                if self.read_root() != expected:  # a finalizer of this thread has committed meanwhile
                    self._undo(mapping, written)
                    return False
                mapping[self._root_key] = new_root
            except BaseException as error:
                if not self._settle(mapping, written, expected, new_root, error):
                    raise
            try:
                if self._sync is not None:
                    self._sync()
            except Exception as error:
                raise OutcomeUnknown("the mapping took the commit but could not be synced", store=self._url) from error
            finally:
                if shared.waiting:
                    shared.moved.notify_all()
        return True

    def wait_for_root(self, known: bytes | None, timeout_seconds: float) -> None:
        """Wait until another adapter of this process, or this one, has moved the root.

        What else may change a mapping that is not a plain dict is not told here, so of one of those the caller is sent
        to look four times a second.
        """
        if not self._is_plain:
            timeout_seconds = min(timeout_seconds, _LOOK_SECONDS)
        shared = self._shared
        with self._locked():
            shared.waiting += 1
            try:
                shared.moved.wait_for(lambda: self._closed or self.read_root() != known, timeout_seconds)
            finally:
                shared.waiting -= 1

    def write_many(self, objects: Sequence[Entry]) -> None:
        """Write ``objects``; when the mapping raises midway, those already written are deleted again."""
        with self._locked() as mapping:
            written: list[str] = []
            try:
                self._write(mapping, objects, written)
                self._sync_mapping()
            except BaseException as error:  # noqa: BLE001 - undone, then translated or raised again
                self._undo(mapping, written)
                self._translate(error)

    def delete_many(self, keys: Sequence[bytes]) -> None:
        """Delete ``keys``; one that is not there is not an error."""
        with self._locked() as mapping:
            try:
                for key in keys:
                    mapping.pop(self._object_prefix + key.hex(), None)
                self._sync_mapping()
            except Exception as error:  # noqa: BLE001 - translated, never swallowed
                self._translate(error)

    def list_keys(self) -> Iterator[bytes]:
        """Yield every object's key, from one snapshot of the mapping's keys taken when the first is asked for."""
        with self._locked() as mapping:
            try:
                names = list(mapping)
            except Exception as error:  # noqa: BLE001 - translated, never swallowed
                self._translate(error)
        prefix = self._object_prefix
        for name in names:
            if isinstance(name, str) and name.startswith(prefix):
                with suppress(ValueError):  # not written by treering
                    yield bytes.fromhex(name[len(prefix) :])

    def close(self) -> None:
        """Sync the mapping if it can be synced and let go of it; it stays open and the user's. Twice is fine."""
        with self._shared.lock:
            if self._closed:
                return
            self._closed = True
            self._get = self._refuse_closed
            try:
                self._sync_mapping()
            except Exception as error:  # noqa: BLE001 - translated, never swallowed
                self._translate(error)
            finally:
                self._sync = None
                self._shared.moved.notify_all()
                self._shared = _Shared({})

    @contextmanager
    def _locked(self) -> Iterator[MutableMapping[Any, Any]]:
        with self._shared.lock:
            if self._closed:
                self._refuse_closed()
            yield self._shared.mapping

    def _guarded_get(self, key: str) -> object:
        with self._shared.lock:
            try:
                value: object = self._shared.mapping.get(key)  # get: indexing would make a defaultdict grow
            except Exception as error:  # noqa: BLE001 - translated, never swallowed
                self._translate(error)
            return value

    def _write(self, mapping: MutableMapping[Any, Any], objects: Sequence[Entry], written: list[str]) -> None:
        prefix = self._object_prefix
        for key, value in objects:
            name = prefix + key.hex()
            written.append(name)  # first: a mapping that raises may have stored it
            mapping[name] = bytes(value)

    def _settle(
        self,
        mapping: MutableMapping[Any, Any],
        written: list[str],
        expected: bytes | None,
        root: bytes,
        error: BaseException,
    ) -> bool:
        """After ``error`` in a publish: True when the root moved all the same; else undo and raise what it means."""
        try:
            now = mapping.get(self._root_key)
        except Exception as second:
            raise OutcomeUnknown("the root could not be read back after a failed write", store=self._url) from second
        if now == root:
            return isinstance(error, Exception)  # an interrupt goes on to its handler
        if now == expected:
            self._undo(mapping, written)
            self._translate(error)
        raise OutcomeUnknown("the root is neither the old nor the new one", store=self._url) from error

    def _undo(self, mapping: MutableMapping[Any, Any], written: list[str]) -> None:
        for name in written:
            # objects that stay behind are unreachable, and harmless
            with suppress(Exception):
                mapping.pop(name, None)

    def _sync_mapping(self) -> None:
        if self._sync is not None:
            self._sync()

    def _translate(self, error: BaseException) -> NoReturn:
        if isinstance(error, Error) or not isinstance(error, Exception):
            raise error
        if isinstance(error, OSError) and error.errno in _FULL:
            raise StoreFull("the mapping has no room", store=self._url) from error
        raise Unavailable("the mapping raised an exception", store=self._url) from error

    def _refuse_closed(self, _key: str = "") -> NoReturn:
        raise Unavailable("the store was closed", store=self._url)
