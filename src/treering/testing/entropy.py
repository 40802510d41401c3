"""A clock and dice without chance: the same calls give the same bytes at every run."""

from __future__ import annotations

import hashlib
import itertools

from treering.store.entropy import Entropy


class FixedEntropy(Entropy):
    """Deterministic random bytes and a clock that ticks at each look, to be given to ``open_with``.

    The same edits by one thread then write the same store, byte for byte. Give each of several handles on one store a
    ``seed`` of its own, as real dice would. ``start_microseconds``: what the clock says first, since 1970, UTC;
    ``step_microseconds``: how far it moves from one look to the next.
    """

    def __init__(
        self, seed: int = 0, *, start_microseconds: int = 1_600_000_000_000_000, step_microseconds: int = 1
    ) -> None:
        self._seed = seed
        self._draws = itertools.count()
        self._times = itertools.count(start_microseconds, step_microseconds)

    def random(self, size: int) -> bytes:
        """Return the next ``size`` bytes of the sequence that the seed names."""
        return hashlib.shake_256(f"treering {self._seed} {next(self._draws)}".encode()).digest(size)

    def nonce(self, size: int) -> bytes:
        """Return the next ``size`` bytes of the sequence."""
        return self.random(size)

    def now(self) -> int:
        """Return microseconds since 1970, one step later than the time before."""
        return next(self._times)
