"""A writer session: where new objects get their locations from."""

from __future__ import annotations

from itertools import count

from treering.objects.pointer import COUNTER_BYTES, Location, make_location

SALT_BYTES = 6


class Session:
    """One writer's run of locations, never used by another: its number is taken from the root by compare-and-set.

    The salt keeps locations apart even where a number is given out twice, because a store was put back from a copy.
    """

    __slots__ = ("_counter", "_start", "number")

    def __init__(self, number: int, salt: bytes) -> None:
        self.number = number
        self._start = make_location(number, salt, 0)[:-COUNTER_BYTES]
        self._counter = count()

    def next_location(self) -> Location:
        """Return a location never returned before. Threads may call it at once."""
        return self._start + next(self._counter).to_bytes(COUNTER_BYTES, "big")  # type: ignore[return-value]
