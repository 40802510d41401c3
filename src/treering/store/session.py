"""A writer session: where new objects get their locations from."""

from __future__ import annotations

from itertools import count

from treering.objects.pointer import COUNTER_BYTES, make_location

SALT_BYTES = 6


class Session:
    """One writer's run of locations, never used by another: its number is taken from the root by compare-and-set.

    A location is ``prefix`` and the next of ``counter``, big-endian in six bytes. The counter takes one step in C, so
    threads may share it. The salt in the prefix keeps locations apart even where a number is given out twice, because a
    store was put back from a copy.
    """

    __slots__ = ("counter", "number", "prefix")

    def __init__(self, number: int, salt: bytes) -> None:
        self.number = number
        self.prefix = make_location(number, salt, 0)[:-COUNTER_BYTES]
        self.counter = count()
