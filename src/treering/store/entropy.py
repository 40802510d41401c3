"""The clock and the dice: the only places where chance and time come in, so that tests can fix both."""

from __future__ import annotations

import os
import time

_POOL_BYTES = 4096


class Entropy:
    """Random bytes and the current time. ``treering.testing`` has a deterministic one."""

    def __init__(self) -> None:
        self._pool = bytearray()

    def random(self, size: int) -> bytes:
        """Return ``size`` random bytes."""
        return os.urandom(size)

    def nonce(self, size: int) -> bytes:
        """Return ``size`` random bytes, cheaper: many are drawn from the operating system at once."""
        pool = self._pool
        if len(pool) < size:
            pool += self.random(_POOL_BYTES)
        nonce = bytes(pool[-size:])
        del pool[-size:]
        return nonce

    def now(self) -> int:
        """Return microseconds since 1970, UTC."""
        return time.time_ns() // 1000
