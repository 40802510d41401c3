"""The clock and the dice: the only places where chance and time come in, so that tests can fix both."""

from __future__ import annotations

import os
import time

_POOL_BYTES = 4096


class Entropy:
    """Random bytes and the current time. ``treering.testing`` has a deterministic one."""

    _pool = b""
    _drawn = 0

    def random(self, size: int) -> bytes:
        """Return ``size`` random bytes."""
        return os.urandom(size)

    def nonce(self, size: int) -> bytes:
        """Return ``size`` random bytes, cheaper: many are drawn at once. For one thread at a time."""
        at = self._drawn
        if at + size > len(self._pool):
            self._pool, at = self.random(max(_POOL_BYTES, size)), 0
        self._drawn = at + size
        return self._pool[at : at + size]

    def now(self) -> int:
        """Return microseconds since 1970, UTC."""
        return time.time_ns() // 1000
