"""One store: the root as it is now, sessions, and the only place that moves the root.

Publication is objects first, root last, by compare-and-set of the whole root record; in one request where the backend
can and the batch fits. Nothing else in treering writes to a backend.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress

from treering.backend.base import Backend, Entry
from treering.errors import Error, ForkedProcess, NotAStore, StoreRolledBack, Unavailable
from treering.objects.frame import TABLE, Codec, hash_content, seal
from treering.objects.pointer import Hash, Pointer
from treering.objects.root import DEAD_LISTS, INLINE_BYTES, STORE_ID_BYTES, RootRecord, Section, encode_names
from treering.store.dead import DeadList, encode_dead_lists
from treering.store.entropy import Entropy
from treering.store.freshness import Consistency, FreshBackend, Freshness
from treering.store.reader import DEFAULT_CACHE_BYTES, Reader, StoredCommit
from treering.store.session import SALT_BYTES, Session
from treering.store.state import State

_forks = 0


def _count_fork() -> None:
    global _forks  # noqa: PLW0603 - one number a process, set by the fork itself so that a check costs a comparison
    _forks += 1


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_count_fork)


class Batch:
    """The objects of one publication. Not shared between threads."""

    __slots__ = ("_codec", "_session", "_values", "entries")

    def __init__(self, session: Session, codec: Codec | None) -> None:
        self._session = session
        self._codec = codec
        self._values: list[tuple[Pointer, object, int]] = []
        self.entries: list[Entry] = []

    def put(self, kind: bytes, content: bytes, tail: bytes, value: object = None) -> Pointer:
        """Add an object; ``value`` is what it decodes to, for the cache once it is published."""
        digest = hash_content(kind, content)
        location = self._session.next_location()
        self.entries.append((location, seal(kind, content, tail, digest, location, self._codec)))
        pointer = Pointer(digest, location)
        if value is not None:
            self.keep(pointer, value, len(content) + len(tail))
        return pointer

    def keep(self, pointer: Pointer, value: object, size_bytes: int) -> None:
        """Note what an object decodes to, for the cache once it is published."""
        self._values.append((pointer, value, size_bytes))

    def put_names(self, names: Mapping[str, Pointer]) -> Section:
        """Encode branches or tags as a section of the root."""
        return self.put_section(encode_names(names))

    def put_section(self, data: bytes) -> Section:
        """Return a section of the root as it stands there: in an object of its own where it is large."""
        return data if len(data) <= INLINE_BYTES else self.put(TABLE, data, b"", data)

    def remember(self, reader: Reader) -> None:
        """Hand the objects to the cache."""
        for pointer, value, cost in self._values:
            reader.remember(pointer, value, cost)


class Store:
    """A backend that holds, or is about to hold, a treering store. Threads may share it."""

    def __init__(
        self,
        backend: Backend,
        *,
        codec: Codec | None = None,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        entropy: Entropy | None = None,
        consistency: Consistency = "linearizable",
        deadline_seconds: float = 10,
    ) -> None:
        is_session = consistency == "session"
        self.freshness = Freshness(backend, is_session=is_session, deadline_seconds=deadline_seconds)
        self.backend: Backend = FreshBackend(backend, self.freshness)
        self.reader = Reader(self.backend, cache_bytes)
        self.entropy = entropy or Entropy()
        self.lock = threading.RLock()  # held while this process publishes; readers never take it
        self._codec = codec
        self._state: State | None = None
        self._session: Session | None = None
        self._forks = _forks
        self._closed = False
        self.buried: set[DeadList] = set()  # named dead by the root, and deleted by this process
        # Dead lists that are not to be deleted while one of these dropped commits is pinned.
        self.holds: dict[DeadList, dict[Hash, StoredCommit]] = {}
        self._pins: weakref.WeakKeyDictionary[object, Hash] = weakref.WeakKeyDictionary()
        self._pins_lock = threading.RLock()  # a collected snapshot may let go in the middle of a pin

    @property
    def state(self) -> State:
        """The root as it is now. Raises ``NotAStore`` where there is none, ``StoreRolledBack`` where it went back."""
        state = self.find_state()
        if state is None:
            message = "there is no treering store here"
            raise NotAStore(message, store=self.backend.url)
        return state

    def check_open(self) -> None:
        """Raise ``ForkedProcess`` or ``Unavailable`` where this handle cannot be used any more."""
        if self._forks != _forks:
            raise ForkedProcess(
                "the store was opened before a fork; open it again in this process", store=self.backend.url
            )
        if self._closed:
            raise Unavailable("the store is closed", store=self.backend.url)

    def find_state(self) -> State | None:
        """Return the root as it is now, or None where nothing was ever published. One backend call.

        Of a store opened with ``consistency="session"``, as this process knows it, which mostly costs no call.
        """
        self.check_open()
        known, session = self._state, self._session  # before the read: the root may not be older than these
        data = self.backend.read_root()
        if known is not None and data == known.data:
            return known
        return self._accept(data, known, session)

    def asking(self) -> AbstractContextManager[None]:
        """Let every root be read from the store meanwhile, also in a session: for what goes by the root as it is."""
        self.check_open()
        return self.freshness.asking()

    def begin(self, state: State) -> Batch:
        """Start a publication on top of ``state``. Takes a session with the first one."""
        session = self._session
        if session is None or session.number < state.record.session_floor:
            session = self._take_session()
        return Batch(session, self._codec)

    def publish(
        self,
        batch: Batch,
        state: State,
        sections: Mapping[int, Section],
        *,
        dead: Sequence[DeadList] | None = None,
        session_floor: int | None = None,
    ) -> State | None:
        """Write the batch and move the root on from ``state``; None, with nothing published, where it had moved.

        Returns the new state when it is as durable as the backend's limits say. Raises what the backend raises. Tables
        of the old root that the new one replaces are named as dead by the new one, and then deleted. ``dead``: what the
        new root is to name as dead beside them; None: what the old one does.
        """
        replaced = [state.record.sections.get(tag) for tag in sections]
        orphans = [section.location for section in replaced if type(section) is Pointer]
        buried = self.buried & set(state.dead) if self.buried else set()
        table = state.record.sections.get(DEAD_LISTS)
        if orphans or dead is not None or (buried and type(table) is bytes):
            if type(table) is Pointer:
                orphans.append(table.location)
            named = [entry for entry in (state.dead if dead is None else dead) if entry not in buried]
            sections = {**sections, DEAD_LISTS: batch.put_section(encode_dead_lists([*named, *orphans]))}
        else:
            buried = set()  # they stay named: a large section is not written again for their sake
        moved = state.moved(sections, session_floor=session_floor)
        if not self._move(batch.entries, state.data, moved):
            return None
        batch.remember(self.reader)
        self.buried -= buried
        if orphans:
            with suppress(Error):  # it is published; what could not be deleted now is named, and the next prune's work
                self.backend.delete_many(orphans)
                self.buried.update(orphans)
        return moved

    def pin(self, holder: object, commit: Hash) -> None:
        """Keep what a commit reaches from being deleted by this process for as long as ``holder`` lives."""
        with self._pins_lock:
            self._pins[holder] = commit

    def unpin(self, holder: object) -> None:
        """Let go of what ``pin`` kept."""
        with self._pins_lock:
            self._pins.pop(holder, None)

    def pinned(self) -> set[Hash]:
        """Return the commits that something in this process still reads."""
        with self._pins_lock:
            return set(self._pins.values())

    def create(self) -> tuple[State, Batch]:
        """Begin a new store: return the state to publish the first commit on, and the batch for it.

        The first publication is one step for everything: the creator has session 1 by creating the root.
        """
        self._session = Session(1, self.entropy.random(SALT_BYTES))
        record = RootRecord(self.entropy.random(STORE_ID_BYTES), 0, 2, 0, {})
        return State(b"", record, self.reader, self.backend.url), Batch(self._session, self._codec)

    def publish_first(self, batch: Batch, state: State, sections: Mapping[int, Section]) -> State | None:
        """Publish the first commit of a new store; None where another process was first."""
        moved = state.moved(sections)
        if not self._move(batch.entries, None, moved):
            self._session = None
            return None
        batch.remember(self.reader)
        return moved

    def close(self) -> None:
        """Let go of the backend. Twice is fine; in a child of a fork nothing of the parent's is touched."""
        if not self._closed and self._forks == _forks:
            self._closed = True
            self.backend.close()
        self._closed = True

    def _accept(self, data: bytes | None, known: State | None, session: Session | None) -> State | None:
        state = None if data is None else State.read(data, self.reader, self.backend.url)
        if known is not None and (
            state is None
            or state.record.store_id != known.record.store_id
            or state.record.version < known.record.version
            or (session is not None and session.number >= state.record.next_session)
        ):
            self._state = self._session = None
            self.reader.forget()
            message = "the store went back to an older state; what was read from it before may be gone"
            raise StoreRolledBack(message, store=self.backend.url)
        self._state = state
        return state

    def _take_session(self) -> Session:
        while True:
            state = self.state
            number = state.record.next_session
            moved = state.moved({}, next_session=number + 1)
            if self._move([], state.data, moved):
                self._session = Session(number, self.entropy.random(SALT_BYTES))
                return self._session

    def _move(self, entries: list[Entry], expected: bytes | None, moved: State) -> bool:
        rest = self._write_ahead(entries)
        if not self.backend.publish(rest, expected, moved.data):
            return False
        self._state = moved
        return True

    def _write_ahead(self, entries: list[Entry]) -> list[Entry]:
        """Write all but what fits beside the root into one request."""
        limits = self.backend.limits
        if limits.max_batch_count is None and limits.max_batch_bytes is None:
            return entries
        count = (limits.max_batch_count or len(entries) + 1) - 1
        size = (limits.max_batch_bytes or 1 << 62) - 4 * INLINE_BYTES
        if len(entries) <= count and sum(len(value) for _, value in entries) <= size:
            return entries
        self.backend.write_many(entries)
        return []
