"""What is known of the root without asking for it: for readers that may be a little behind, and for those who wait.

A thread waits until the store says that the root has moved, or asks again and again where it cannot say so. It runs
while somebody waits, and all the time for a store opened with ``consistency="session"``. It knows the backend only, so
it keeps no repository alive.

What it knows never goes back. A root that was read is taken over only if nothing else was since before the reading
began; so what stands here is always from a reading that began after all that stood here before.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from treering.backend.base import Backend, Entry, Limits, Watching
from treering.errors import Error, Unavailable

Consistency = Literal["linearizable", "session"]

FIRST_PAUSE_SECONDS = 0.01  # between two questions to a store that cannot say that its root has moved; then doubling
LAST_PAUSE_SECONDS = 0.25
LAST_TROUBLED_PAUSE_SECONDS = 1.0  # where the store does not answer
LONGEST_WAIT_SECONDS = 5.0  # for one call of wait_for_root: a lost notification costs no more than this
CLOSE_SECONDS = 1.0  # how long a close waits for the thread
LINGER_SECONDS = 1.0  # how long the thread stays for the next one who waits


@dataclass(frozen=True, slots=True)
class _Known:
    """A root record, and the moment at which it was certainly still the store's, in monotonic seconds."""

    data: bytes
    at: float


class Freshness:
    """The root of one store as this process knows it. Threads may share it.

    ``turn`` is a number to note before the root is read or moved, and to give back with what came of it.
    """

    def __init__(self, backend: Backend, *, is_session: bool, deadline_seconds: float) -> None:
        self.is_session = is_session
        self.turn = 0
        self._backend = backend
        self._native = backend if isinstance(backend, Watching) else None
        self._deadline_seconds = deadline_seconds
        lock = threading.RLock()  # reentrant: the finalizer of a repository may stop this one in the middle of anything
        self._moved = threading.Condition(lock)  # what those who wait are told
        self._ended = threading.Condition(lock)  # what the thread is told
        self._known: _Known | None = None
        self._trouble: Error | None = None  # why the last question was not answered
        self._heard_at = 0.0  # when it was last answered
        self.thread: threading.Thread | None = None
        self._stopped = False
        self._waiting = 0
        self._left_at = 0.0  # when somebody last waited
        self._asking = 0

    def root(self) -> bytes | None:
        """Return the root as a session knows it; what was not confirmed for ``deadline_seconds`` is asked for again."""
        known = self._known
        if known is None or self._asking or time.monotonic() - known.at > self._deadline_seconds:
            self._listen()
            return self.read()
        return known.data

    def read(self) -> bytes | None:
        """Read the root from the store, and tell those who wait. One backend call."""
        turn, began = self.turn, time.monotonic()
        try:
            data = self._backend.read_root()
        except Error as error:
            self._note_trouble(error, began)
            raise
        self._take(data, turn, began, shown=True)
        return data

    def saw(self, data: bytes, turn: int) -> None:
        """Take over the root that this process has just moved, ``turn`` noted before. Before anybody else hears of it.

        Free where nobody waits.
        """
        if self.thread is not None:
            self._take(data, turn, time.monotonic(), shown=True)

    def doubt(self) -> None:
        """Forget what is known: something shows that the root may have moved on. The next reader asks the store."""
        if self.thread is not None:
            with self._moved:
                self.turn += 1
                self._known = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Let every reader ask the store meanwhile: for work that goes by the root as it is."""
        with self._moved:
            self._asking += 1
        try:
            yield
        finally:
            with self._moved:
                self._asking -= 1

    def wait(
        self,
        data: bytes,
        seconds: float | None,
        *,
        began: float,
        is_owed: bool = False,
        ended: Callable[[], bool] = lambda: False,
    ) -> bytes | None:
        """Wait until the root is another than ``data``, and return it; None after ``seconds`` or when ``ended()``.

        ``data`` came from `read` or from here. A store that does not answer is asked again; ``Unavailable`` when it has
        not since ``began`` (monotonic) and for ``deadline_seconds``, or does not when the time is over. Its other
        errors are raised at once. Without any time it looks for trouble only, unless a newer root ``is_owed``: known
        already, it is returned. Costs no call of its own, however many wait.
        """
        until = None if seconds is None else time.monotonic() + seconds
        has_time = is_owed or seconds is None or seconds > 0
        with self._moved:
            self._waiting += 1
            try:
                while not (ended() or self._stopped):
                    self._listen()
                    if has_time and self._known is not None and self._known.data != data:
                        return self._known.data
                    now = time.monotonic()
                    patience = max(began, self._heard_at) + self._deadline_seconds - now
                    rest = LONGEST_WAIT_SECONDS if until is None else until - now
                    self._raise_trouble(is_over=patience <= 0 or rest <= 0)
                    if rest <= 0:
                        return None
                    self._moved.wait(min(rest, max(patience, FIRST_PAUSE_SECONDS)))
                return None
            finally:
                self._waiting -= 1
                self._left_at = time.monotonic()

    def wake(self) -> None:
        """Let those who wait look whether they should go on."""
        with self._moved:
            self._moved.notify_all()

    def stop(self) -> None:
        """Let the thread end, and those who wait: at once where the backend is closed after this, else within 5 s."""
        with self._moved:
            self._stopped = True
            self._known = None
            self._ended.notify_all()
            self._moved.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended, after `stop` and the backend's ``close``."""
        thread = self.thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    def _listen(self) -> None:
        """Start the thread, if there is none."""
        with self._moved:
            if self._stopped or (self.thread is not None and self.thread.is_alive()):
                return
            self._known = None  # from before, and nobody has kept it fresh
            self.turn += 1
            self._heard_at = self._left_at = time.monotonic()
            self.thread = threading.Thread(target=self._run, name="treering-freshness", daemon=True)
            self.thread.start()

    def _run(self) -> None:
        pause = 0.0
        while self._pause(pause):
            known = self._known
            is_native = known is not None and self._wait_natively(known.data)
            if is_native and self._known is not None and self._known.data != known.data:  # type: ignore[union-attr]
                pause = 0.0  # it was this process that moved the root
            elif self._ask():
                pause = FIRST_PAUSE_SECONDS if self._native is None else 0.0
            elif is_native and self._trouble is None:
                pause = 0.0
            else:
                most = LAST_PAUSE_SECONDS if self._trouble is None else LAST_TROUBLED_PAUSE_SECONDS
                pause = min(max(2 * pause, FIRST_PAUSE_SECONDS), most)

    def _pause(self, seconds: float) -> bool:
        """Wait before the next question; False where there should be none."""
        with self._moved:
            until = time.monotonic() + seconds
            while not self._stopped and (rest := until - time.monotonic()) > 0:
                self._ended.wait(rest)
            is_idle = not (self.is_session or self._waiting) and time.monotonic() - self._left_at > LINGER_SECONDS
            if self._stopped or is_idle:
                self.thread = None
                return False
            return True

    def _wait_natively(self, known: bytes) -> bool:
        """Wait until the store says something. False where it cannot, so that it must be asked in a while."""
        if self._native is None:
            return False
        try:
            self._native.wait_for_root(known, min(LONGEST_WAIT_SECONDS, self._deadline_seconds / 2))
        except Error:
            return False  # what is wrong, and whether it is with the root as well, reading the root will tell
        return True

    def _ask(self) -> bool:
        """Read the root; True where it is another than was known."""
        before, turn, began = self._known, self.turn, time.monotonic()
        try:
            data = self._backend.read_root()
        except Error as error:
            self._note_trouble(error, began)
            return False
        self._take(data, turn, began, shown=False)
        return data is not None and (before is None or data != before.data)

    def _take(self, data: bytes | None, turn: int, at: float, *, shown: bool) -> None:
        """Take over what was read. ``shown``: somebody is told of it, so nothing older may be told afterwards."""
        with self._moved:
            self._trouble = None
            self._heard_at = max(self._heard_at, at)
            known = self._known
            is_same = known is not None and known.data == data
            if turn == self.turn:
                self._known = None if data is None else _Known(data, at)
                self.turn += not is_same
            elif shown and not is_same:
                self.turn += 1
                self._known = None  # which of the two is newer cannot be told
            if not is_same:
                self._moved.notify_all()

    def _note_trouble(self, error: Error, began: float) -> None:
        """Remember why a question that began then was not answered, unless a later one was."""
        with self._moved:
            if self._heard_at > began:
                return
            self._trouble = error
            if not isinstance(error, Unavailable):
                self._known = None  # readers are to meet it themselves
            self._moved.notify_all()

    def _raise_trouble(self, *, is_over: bool) -> None:
        trouble = self._trouble
        if trouble is not None and (is_over or not isinstance(trouble, Unavailable)):
            raise type(trouble)(trouble.message, **trouble.facts) from trouble


class FreshBackend:
    """``inner``, with every move and every loss of its root made known to ``freshness``; the backend of a store.

    In a session its root is the one that is known. Everything else goes straight through.
    """

    def __init__(self, inner: Backend, freshness: Freshness) -> None:
        self.inner = inner
        self._freshness = freshness
        weakref.finalize(self, _stop_here, freshness, os.getpid()).atexit = False
        # a call more for each would be felt where the store is in this process
        self.read_root = freshness.root if freshness.is_session else inner.read_root
        self.read_many = self._read_many if freshness.is_session else inner.read_many
        self.write_many = inner.write_many
        self.delete_many = inner.delete_many
        self.list_keys = inner.list_keys

    @property
    def url(self) -> str:
        """The inner backend's."""
        return self.inner.url

    @property
    def limits(self) -> Limits:
        """The inner backend's."""
        return self.inner.limits

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        """Publish; before this returns, sessions know the new root, or that theirs may be an old one."""
        freshness = self._freshness
        turn = freshness.turn
        try:
            is_moved = self.inner.publish(objects, expected, root)
        except BaseException:
            freshness.doubt()
            raise
        if freshness.thread is not None:  # nearly always nobody waits: no call to find that out
            if is_moved:
                freshness.saw(root, turn)
            else:
                freshness.doubt()
        return is_moved

    def close(self) -> None:
        """Close the backend, end all waiting, and let the thread end."""
        self._freshness.stop()
        self.inner.close()
        self._freshness.join(CLOSE_SECONDS)

    def _read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        values = self.inner.read_many(keys)
        if None in values:
            self._freshness.doubt()  # it may be gone because the root has moved on
        return values


def _stop_here(freshness: Freshness, process: int) -> None:
    """Stop what kept a store fresh that nobody holds any more; in a child of a fork there is nothing to stop."""
    if os.getpid() == process:
        freshness.stop()
