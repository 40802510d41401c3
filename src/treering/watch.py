"""The commits of a branch as they come: what ``repo.watch`` returns."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from treering.difference import Diff
from treering.errors import Compacted, DanglingReference, Error, NameNotFound, NotAStore, Unavailable, WrongType
from treering.history.commit import Commit
from treering.history.name import Name, may_be_commit, resolve
from treering.objects.pointer import Pointer
from treering.snapshot import Snapshot
from treering.store.reader import StoredCommit
from treering.store.state import State
from treering.tree.address import find_address
from treering.tree.diff import touches
from treering.tree.view import PathLike
from treering.workspace import Workspace

_CHUNK = 256  # commits that are looked up together on the way from the last seen one to the head


@dataclass(frozen=True, slots=True)
class CommitEvent:
    """One commit of the branch, and what it changed at and below the watched path, against the commit before it."""

    commit: Commit
    changes: Diff


class Watch:
    """An iterator of `CommitEvent`: the commits of a branch in order, each once, with none left out.

    Made by ``repo.watch``; also a context manager. It goes from each commit to the next by the history itself, so a
    lost notification, a lost connection or a restart (of the store, or of the watcher with ``since=``) loses nothing.
    Every commit that was acknowledged before a step began is delivered before the iteration ends.

    It ends when nothing came for ``timeout_seconds``, counted in each step, and when ``close`` is called; a ``for``
    after a timeout goes on where the last one stopped. A step raises, with the position kept, so that the next one
    goes on:

    - `Unavailable` where the store was not heard of for the repository's ``deadline_seconds``, or when the time is
      over; before that it is asked again and again. Also where the repository was closed.
    - `Compacted` where commits that were not seen yet have been pruned. ``oldest`` is the commit to go on after.
    - `NameNotFound` where the branch is not there, or does not contain the last seen commit; `StoreRolledBack`.

    Holds a few hundred references at most, however far it is behind. Threads may share it: each event goes to one.
    """

    def __init__(self, work: Workspace, path: PathLike, since: Name | None, timeout_seconds: float | None) -> None:
        if timeout_seconds is not None and not timeout_seconds >= 0:
            raise WrongType("timeout_seconds is a number from 0 on, or None", given=timeout_seconds)
        self._work = work
        self._store = work.store
        self._timeout_seconds = timeout_seconds
        self._address = find_address(work.schema.root, path)
        self._is_whole = not self._address.path.segments
        self._pending: list[Pointer] = []  # commits on the way to the head, the next one last
        self._closed = False
        self._lock = threading.Lock()  # one step at a time
        self._state = self._read()
        self._seen = self._start(since)

    @property
    def seen(self) -> Commit:
        """The last commit that was looked at, delivered or not: keep it, or its id, to go on with ``since``."""
        return Commit(self._seen, self._store)

    def close(self) -> None:
        """End the iteration, from any thread, also one that waits. Twice is fine."""
        self._closed = True
        with suppress(Error):  # a store that was closed, or left behind by a fork, has nobody waiting
            self._store.check_open()
            self._store.freshness.wake()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> CommitEvent:
        began = time.monotonic()
        self._store.check_open()
        with self._lock:
            is_asked, is_owed = False, False
            while not self._closed:
                event = self._step()
                if event is not None:
                    return event
                data: bytes | None = None
                if is_asked:
                    data = self._wait(began, is_owed=is_owed)
                    is_owed = False
                    if data is None:
                        break
                else:
                    is_asked = True
                    try:
                        data = self._store.freshness.read()
                    except Unavailable:  # it is asked again while this waits, up to the deadline
                        is_owed = True
                if data is not None:
                    self._turn_to(data)
        raise StopIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Watch of {str(self._address.path)!r} on {self._work.branch.name!r} after {self.seen.name}>"

    def _wait(self, began: float, *, is_owed: bool) -> bytes | None:
        """Wait for another root; None when the time is over or this was closed.

        ``is_owed``: the step's own question was not answered, so what another has learned since counts for it.
        """
        timeout = self._timeout_seconds
        rest = None if timeout is None else max(0.0, began + timeout - time.monotonic())
        data = self._store.freshness.wait(
            self._state.data, rest, began=began, is_owed=is_owed, ended=lambda: self._closed
        )
        if data is None and not self._closed:
            self._store.check_open()
        return data

    def _read(self) -> State:
        self._store.check_open()
        data = self._store.freshness.read()
        if data is None:
            raise NotAStore("there is no treering store here", store=self._store.backend.url)
        return State.read(data, self._store.reader, self._store.backend.url)

    def _turn_to(self, data: bytes) -> None:
        """Go by this root from now on."""
        if data == self._state.data:
            return
        state = State.read(data, self._store.reader, self._store.backend.url)
        known, read = self._state.record, state.record
        if (read.store_id, read.version < known.version) != (known.store_id, False):
            self._store.find_state()  # raises `StoreRolledBack`, unless somebody has been told already
        self._state = state
        self._pending.clear()

    def _step(self) -> CommitEvent | None:
        """Return the next event on the way to the head that is known; None when there is none."""
        while True:
            try:
                return self._find()
            except DanglingReference:
                before = self._state.data
                self._turn_to(self._read().data)
                if self._state.data == before:
                    raise

    def _find(self) -> CommitEvent | None:
        reader = self._store.reader
        while self._pending or self._head().pointer != self._seen.pointer:
            if not self._pending:
                self._look_up()
            before, commit = self._seen, reader.commit(self._pending[-1])
            event = None
            if self._is_whole or touches(reader, before.record.root, commit.record.root, self._address):
                changes = Diff(self._at(before), self._at(commit), self._address)
                event = CommitEvent(Commit(commit, self._store), changes)
            self._pending.pop()
            self._seen = commit
            if event is not None:
                return event
        return None

    def _look_up(self) -> None:
        """Find the next commits after the last seen one. The line can only be walked from the head back."""
        lineage, seen = self._state.lineage, self._seen
        commit: StoredCommit | None = self._head()
        assert commit is not None
        if commit.record.depth > seen.record.depth + _CHUNK:
            commit = lineage.at_depth(commit, seen.record.depth + _CHUNK)
        found: list[Pointer] = []
        while commit is not None and commit.record.depth > seen.record.depth:
            found.append(commit.pointer)
            commit = None if commit.pointer.hash in lineage.grafts else lineage.parent(commit)
        if not found or commit is None or commit.pointer.hash != seen.pointer.hash:
            raise self._lost(seen)
        self._pending = found

    def _start(self, since: Name | None) -> StoredCommit:
        """Return the commit to begin after. `Compacted` where it, or what came after it, was pruned."""
        while True:
            state = self._state
            try:
                return self._head() if since is None else self._on_line(self._resolve(state, since))
            except DanglingReference:
                self._state = self._read()
                if self._state.data == state.data:
                    raise

    def _resolve(self, state: State, since: Name) -> StoredCommit:
        try:
            return resolve(self._store.reader, state, self._work.branch.name, since)
        except NameNotFound as error:
            if not state.lineage.grafts or (isinstance(since, str) and not may_be_commit(since)):
                raise
            raise self._compacted() from error

    def _on_line(self, commit: StoredCommit) -> StoredCommit:
        """Return a commit from which the line goes on to the head without a gap."""
        lineage, head = self._state.lineage, self._head()
        at = lineage.at_depth(head, commit.record.depth)
        if at is None or at.pointer.hash != commit.pointer.hash:
            raise self._lost(commit)
        if lineage.grafts and lineage.unbroken(head).record.depth > commit.record.depth:
            raise self._compacted()
        return commit

    def _lost(self, seen: StoredCommit) -> Error:
        """Return what it means that the line does not lead from a commit to the head."""
        state = self._state
        at = state.lineage.at_depth(self._head(), seen.record.depth)
        on_line = at is not None and at.pointer.hash == seen.pointer.hash
        if not on_line and state.lineage.is_kept(seen, state.heads):
            message = "the commit is not on the branch's own line"
            return NameNotFound(message, name=Commit(seen, self._store).id, branch=self._work.branch.name)
        return self._compacted()

    def _compacted(self) -> Compacted:
        message = "commits that were not seen yet have been pruned"
        return Compacted(message, oldest=Commit(self._state.lineage.unbroken(self._head()), self._store))

    def _head(self) -> StoredCommit:
        name = self._work.branch.name
        pointer = self._state.branches.get(name)
        if pointer is None:
            raise NameNotFound("there is no such branch", name=name)
        return self._store.reader.commit(pointer)

    def _at(self, commit: StoredCommit) -> Snapshot:
        return Snapshot(self._work.view(commit.record.root), Commit(commit, self._store), self._store)
