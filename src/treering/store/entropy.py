"""The clock and the dice: the only places where chance and time come in, so that tests can fix both."""

from __future__ import annotations

import os
import time


class Entropy:
    """Random bytes and the current time. ``treering.testing`` has a deterministic one."""

    def random(self, size: int) -> bytes:
        """Return ``size`` random bytes."""
        return os.urandom(size)

    def now(self) -> int:
        """Return microseconds since 1970, UTC."""
        return time.time_ns() // 1000
