"""A gate that many threads pass at once and one may close, to do what nobody may be inside for."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from treering.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL_SECONDS = 0.0001  # those inside stay for microseconds


class Gate:
    """Passing costs two list operations and no lock, which keeps threads from queueing for the sake of a rare closing.

    Whoever passes appends to ``inside``, looks at ``closing`` *after* that, leaves again if it is set and waits with
    ``wait_open``, and pops from ``inside`` at the end. Appending, popping and looking are atomic, so either the one who
    closes sees the one inside, or the one who enters sees ``closing``. Passing twice in one thread while a third
    party closes would dead-lock; nobody does.
    """

    __slots__ = ("_closer", "closing", "inside")

    def __init__(self) -> None:
        self.inside: list[None] = []
        self.closing = False
        self._closer = threading.Lock()

    def wait_open(self, seconds: float) -> None:
        """Wait until nobody is closing. Raises ``Unavailable`` after ``seconds``."""
        if not self._closer.acquire(timeout=seconds):
            raise Unavailable("another thread holds the store closed for too long", deadline_seconds=seconds)
        self._closer.release()

    @contextmanager
    def closed(self, seconds: float) -> Iterator[None]:
        """Let nobody in and wait until everybody is out. Raises ``Unavailable`` after ``seconds``."""
        if not self._closer.acquire(timeout=seconds):
            raise Unavailable("another thread holds the store closed for too long", deadline_seconds=seconds)
        try:
            self.closing = True
            last_moment = time.monotonic() + seconds
            while self.inside:
                if time.monotonic() > last_moment:
                    raise Unavailable("a read did not end in time", deadline_seconds=seconds)
                time.sleep(_POLL_SECONDS)
            yield
        finally:
            self.closing = False
            self._closer.release()
