"""One store: the root as it is now, sessions, and the only place that moves the root.

Publication is objects first, root last, by compare-and-set of the whole root record; in one request where the backend
can and the batch fits. Nothing else in treering writes to a backend. A move whose answer was lost is followed up until
its outcome is certain (``publication``).
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress

from treering.backend.base import Backend, Durability, Entry, Syncing
from treering.backend.fitted import fit
from treering.errors import Error, ForkedProcess, NotAStore, OutcomeUnknown, StoreRolledBack, Unavailable
from treering.objects.frame import Codec
from treering.objects.pointer import Hash, Pointer
from treering.objects.root import BRANCHES, DEAD_LISTS, STORE_ID_BYTES, RootRecord, Section
from treering.store.batch import Batch
from treering.store.courtesy import Courtesy
from treering.store.dead import DeadList, encode_dead_lists
from treering.store.entropy import Entropy
from treering.store.freshness import Consistency, FreshBackend, Freshness
from treering.store.publication import Sign, commit_sign, dead_sign, settle
from treering.store.reader import DEFAULT_CACHE_BYTES, Reader, StoredCommit
from treering.store.session import SALT_BYTES, Session
from treering.store.state import State

_PAUSE_SECONDS = 0.01  # before a session is asked for again

_forks = 0


def _count_fork() -> None:
    global _forks  # noqa: PLW0603 - one number a process, set by the fork itself so that a check costs a comparison
    _forks += 1


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_count_fork)


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
        fitted = fit(backend)
        is_early = fitted.limits.durability is Durability.ASYNC
        self._syncing = fitted if is_early and isinstance(fitted, Syncing) else None
        self.backend: Backend = FreshBackend(fitted, self.freshness)
        self._may_be_behind = is_session or backend.limits.remote
        self.is_remote = backend.limits.remote
        # In a store of this process's memory nobody is farther from it than the others.
        is_shared = self.is_remote or fitted.limits.durability is not Durability.NONE
        self.courtesy = Courtesy() if is_shared else None
        self.reader = Reader(self.backend, cache_bytes)
        self.deadline_seconds = deadline_seconds
        self.entropy = entropy or Entropy()
        self.lock = threading.RLock()  # held while this process publishes; readers never take it
        self._codec = codec
        self._state: State | None = None
        self._overtaken: State | None = None  # what somebody else has moved the root on from: not to be tried again
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

    def is_held(self) -> bool:
        """Tell whether it is this thread that holds the lock."""
        return bool(self.lock._is_owned())  # type: ignore[attr-defined] # noqa: SLF001 - as threading.Condition asks it

    def find_state(self) -> State | None:
        """Return the root as it is now, or None where nothing was ever published. One backend call.

        Of a store opened with ``consistency="session"``, as this process knows it, which mostly costs no call.
        """
        if self._closed or self._forks != _forks:
            self.check_open()
        known, session = self._state, self._session  # before the read: the root may not be older than these
        data = self.backend.read_root()
        if known is not None and data == known.data:
            return known
        return self._accept(data, known, session)

    def known_state(self) -> tuple[State, bool]:
        """Return a state to try on, and whether it was read just now.

        Where each look costs a round trip, that is the newest state this process knows: whether the root has moved
        since is found out by moving it. Nothing else may be concluded from it.
        """
        known = self._state
        if known is None or not self._may_be_behind:
            is_usable = known is not None and not self._closed and self._forks == _forks
            if is_usable and self.backend.read_root() == known.data:  # type: ignore[union-attr]
                return known, True  # type: ignore[return-value] # it is known
            return self.state, True
        if known is self._overtaken:
            return self.fresh_state(), True
        self.check_open()
        return known, False

    def fresh_state(self) -> State:
        """Return the root as it is now, asked for also in a session."""
        if not self.freshness.is_session:
            return self.state
        with self.asking():
            return self.state

    @property
    def is_closed(self) -> bool:
        """Whether this handle was closed."""
        return self._closed

    def asking(self) -> AbstractContextManager[None]:
        """Let every root be read from the store meanwhile, also in a session: for what goes by the root as it is."""
        self.check_open()
        return self.freshness.asking()

    def find_batch(self, state: State) -> Batch | None:
        """Start a publication on top of ``state``, or return None where that takes a session first: see ``begin``."""
        session = self._session
        if session is None or session.number < state.session_floor:
            return None
        return Batch(session, self._codec, self.reader, state)

    def begin(self, state: State) -> Batch:
        """Start a publication on top of ``state``. Takes a session with the first one."""
        batch = self.find_batch(state)
        if batch is None:
            session, state = self._take_session(state)
            batch = Batch(session, self._codec, self.reader, state)
        return batch

    def publish(
        self,
        batch: Batch,
        state: State,
        sections: Mapping[int, Section],
        *,
        dead: Sequence[DeadList] | None = None,
        session_floor: int = 0,
        branches: Mapping[str, Pointer] | None = None,
        shows: Sign | None = None,
        commit: Pointer | None = None,
    ) -> State | None:
        """Write the batch and move the root on from ``state``; None, with nothing published, where it had moved.

        Returns the new state when it is as durable as the backend's limits say. Raises what the backend raises. Tables
        of the old root that the new one replaces are named as dead by the new one, and then deleted. ``dead``: what the
        new root is to name as dead beside them; None: what the old one does. ``branches``: what their section says.
        ``shows``: by what to know the move in a later root, should its answer be lost; without, one that cannot be
        found is taken as not made, and may be made again. ``commit``: what ``OutcomeUnknown`` is to name.
        """
        old = state.record.sections
        orphans = [old[tag].location for tag in sections if type(old.get(tag)) is Pointer]  # type: ignore[union-attr]
        buried = self.buried & set(state.dead) if self.buried else set()
        table = old.get(DEAD_LISTS)
        if orphans or dead is not None or (buried and type(table) is bytes):
            if type(table) is Pointer:
                orphans.append(table.location)
            named = [entry for entry in (state.dead if dead is None else dead) if entry not in buried]
            sections = {**sections, DEAD_LISTS: batch.put_section(encode_dead_lists([*named, *orphans]))}
        else:
            buried = set()  # they stay named: a large section is not written again for their sake
        moved = state.moved(sections, session_floor=session_floor, branches=branches)
        if shows is None:
            shows = dead_sign([] if dead is None else [entry for entry in dead if entry not in state.dead])
        if not self._move(batch.entries, state, moved, shows, commit):
            return None
        if buried:
            self.buried -= buried
        if orphans:
            with suppress(Error):  # it is published; what could not be deleted now is named, and the next prune's work
                self.backend.delete_many(orphans)
                self.buried.update(orphans)
        return moved

    def publish_commit(self, batch: Batch, state: State, branch: str, commit: StoredCommit) -> State | None:
        """Write the batch and make ``commit`` the head of a branch, as `publish` does."""
        pointer = commit.pointer
        moved = None if self.buried else state.with_head(branch, pointer)
        if moved is None:
            branches = {**state.branches, branch: pointer}
            sections = {BRANCHES: batch.put_names(branches)}
            sign = commit_sign(branch, commit)
            return self.publish(batch, state, sections, branches=branches, shows=sign, commit=pointer)
        try:  # nearly every commit: the root as it is, with another head. What _move does, with a sign only when needed
            if self.backend.publish(batch.entries, state.data, moved.data):
                self._state = moved
                return moved
        except OutcomeUnknown as error:
            sign = commit_sign(branch, commit)
            return moved if settle(self, state, moved, sign, commit=pointer, cause=error) else None
        self._overtaken = state
        return None

    def sync(self) -> None:
        """Return when all that was acknowledged is on disk; at once where the backend promised all it can already."""
        self.check_open()
        if self._syncing is not None:
            self._syncing.sync()

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
        state = State(b"", record, self.reader, self.backend.url)
        return state, Batch(self._session, self._codec, self.reader, state)

    def publish_first(self, batch: Batch, state: State, sections: Mapping[int, Section]) -> State | None:
        """Publish the first commit of a new store; None where another process was first."""
        moved = state.moved(sections)
        if not self._move(batch.entries, None, moved, lambda _: False, None):
            self._session = None
            return None
        return moved

    def close(self) -> None:
        """Let go of the backend. Twice is fine; in a child of a fork nothing of the parent's is touched."""
        if not self._closed and self._forks == _forks:
            self._closed = True
            self.backend.close()
        self._closed = True

    def _accept(self, data: bytes | None, known: State | None, session: Session | None) -> State | None:
        ids = None if known is None else known.ids
        state = None if data is None else State.read(data, self.reader, self.backend.url, ids)
        if known is not None and (
            state is None
            or state.record.store_id != known.record.store_id
            or state.record.version < known.record.version
            or (session is not None and session.number >= state.record.next_session)
        ):
            self.reader.forget()  # first: whoever finds no state any more is to begin with nothing of the old one
            self._state = self._session = None
            message = "the store went back to an older state; what was read from it before may be gone"
            raise StoreRolledBack(message, store=self.backend.url)
        current = self._state
        if current is None or state is None or current.record.version <= state.record.version:
            self._state = state  # unless another thread has read a newer one meanwhile
        return state

    def _take_session(self, state: State) -> tuple[Session, State]:
        """Return a session of this handle's own, and the state to go on from: ``state`` where it was not the last."""
        deadline, base = time.monotonic() + self.deadline_seconds, state
        while True:
            number = base.record.next_session
            moved = base.moved({}, next_session=number + 1)
            try:
                if self.backend.publish([], base.data, moved.data):
                    self._state = moved
                    self._session = Session(number, self.entropy.random(SALT_BYTES))
                    go_on = base is state and self.is_remote  # elsewhere another look is as good as free
                    return self._session, moved if go_on else state
            except OutcomeUnknown:  # the number may be another writer's, who sent the same bytes: leave it alone
                time.sleep(_PAUSE_SECONDS)
            if time.monotonic() > deadline:
                message = "no writer's session could be had until the deadline; nothing was changed"
                raise Unavailable(message, store=self.backend.url, deadline_seconds=self.deadline_seconds)
            base = self.state

    def fence(self, state: State) -> bool:
        """Raise the root's version from ``state`` on, and change nothing else; False where it had moved."""
        fenced = state.moved({})
        if not self.backend.publish([], state.data, fenced.data):
            return False
        self._state = fenced
        return True

    def _move(
        self, entries: list[Entry], before: State | None, after: State, shows: Sign, commit: Pointer | None
    ) -> bool:
        try:
            if not self.backend.publish(entries, None if before is None else before.data, after.data):
                self._overtaken = before
                return False
        except OutcomeUnknown as error:
            return settle(self, before, after, shows, commit=commit, cause=error)
        self._state = after
        return True
