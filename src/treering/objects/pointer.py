"""What names a stored object: its hash (what it is) and its location (where it was written)."""

from __future__ import annotations

from typing import Final, NamedTuple, NewType

Hash = NewType("Hash", bytes)  # 32 bytes: BLAKE2b-256 over a kind and the content
Location = NewType("Location", bytes)  # 16 bytes: session 4, salt 6, counter 6, big-endian; never used twice

HASH_BYTES: Final = 32
LOCATION_BYTES: Final = 16
COUNTER_BYTES: Final = 6  # of a location


class Pointer(NamedTuple):
    """A stored object. Identity is the hash alone; the location only says where to read it."""

    hash: Hash
    location: Location


def make_pointer(digest: Hash, location: Location) -> Pointer:
    """Return ``Pointer(digest, location)``, made in three quarters of the time."""
    return tuple.__new__(Pointer, (digest, location))


NOWHERE = Pointer(Hash(b""), Location(b""))  # of what is not stored yet


class Embedded(NamedTuple):
    """A child small enough to stand inside its parent, that has locations or an order of its own to carry."""

    content: bytes
    tail: bytes


def make_location(session: int, salt: bytes, counter: int) -> Location:
    """Build the location of the ``counter``-th object that a writer session puts."""
    return Location(session.to_bytes(4, "big") + salt + counter.to_bytes(COUNTER_BYTES, "big"))


def session_of(location: Location) -> int:
    """Return the number of the writer session that made this location."""
    return int.from_bytes(location[:4], "big")
