"""The clock and the dice: the only places where chance and time come in, so that tests can fix both."""

from __future__ import annotations

import os
from time import time_ns

_POOL_BYTES = 4096


class Entropy:
    """Random bytes and the current time. ``treering.testing`` has a deterministic one."""

    _nonces: list[bytes] | None = None  # drawn, and not given out yet

    def random(self, size: int) -> bytes:
        """Return ``size`` random bytes."""
        return os.urandom(size)

    def nonce(self, size: int) -> bytes:
        """Return ``size`` random bytes, cheaper: many are drawn at once. For one thread at a time."""
        nonces = self._nonces
        if not nonces or len(nonces[-1]) != size:
            drawn = self.random(max(_POOL_BYTES // size, 1) * size)
            nonces = self._nonces = [drawn[at : at + size] for at in range(0, len(drawn), size)]
        return nonces.pop()

    def now(self) -> int:
        """Return microseconds since 1970, UTC."""
        return time_ns() // 1000
