"""Keys and objects for the conformance tests, and for others that need some."""

from __future__ import annotations

import random

from treering.backend.base import Entry


def key(number: int, session: int = 1) -> bytes:
    """A key as treering makes them: session, salt, counter; 16 bytes."""
    return session.to_bytes(4, "big") + b"salt" + number.to_bytes(8, "big")


def part(of: bytes, number: int) -> bytes:
    """The key of the ``number``-th part of a value that was too large for its store."""
    return of + b"/" + number.to_bytes(4, "big")


def entries(count: int, session: int = 1) -> list[Entry]:
    """``count`` objects under such keys, each value telling its own."""
    return [(key(number, session), b"value %d of %d" % (number, session)) for number in range(count)]


def awkward_keys() -> list[bytes]:
    """Keys of every length up to 64, of zeros, of ones, of both and at random, all different."""
    source = random.Random(1)
    found = {
        candidate
        for length in range(1, 65)
        for candidate in (
            b"\x00" * length,
            b"\xff" * length,
            source.randbytes(length),
            b"\xff" * (length - 1) + b"\x00",
        )
    }
    return sorted(found)
