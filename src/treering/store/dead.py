"""Dead lists: locations that a move of the root took out of reach, named by the root until they are deleted."""

from __future__ import annotations

from collections.abc import Iterable

from treering.objects.packing import decode_varint, encode_varint
from treering.objects.pointer import HASH_BYTES, LOCATION_BYTES, Hash, Location, Pointer

# One location, or an object (of the kind table) that lists many.
DeadList = Location | Pointer


def encode_dead_lists(lists: Iterable[DeadList]) -> bytes:
    """Encode the dead lists section of the root record."""
    chosen = list(lists)
    return encode_varint(len(chosen)) + b"".join(map(_encode, chosen))


def decode_dead_lists(data: bytes) -> tuple[DeadList, ...]:
    """Rebuild what ``encode_dead_lists`` wrote."""
    count, position = decode_varint(data, 0)
    lists: list[DeadList] = []
    for _ in range(count):
        is_list = data[position]
        position += 1
        digest = Hash(data[position : position + HASH_BYTES * is_list])
        position += len(digest)
        location = Location(data[position : position + LOCATION_BYTES])
        position += LOCATION_BYTES
        if len(location) != LOCATION_BYTES:
            raise IndexError("dead list beyond the end")
        lists.append(Pointer(digest, location) if is_list else location)
    return tuple(lists)


def _encode(dead: DeadList) -> bytes:
    return b"\x01" + dead.hash + dead.location if type(dead) is Pointer else b"\x00" + dead  # type: ignore[operator]


def encode_locations(locations: Iterable[Location]) -> bytes:
    """Encode the content of a table that lists dead locations: one after the other, sorted."""
    return b"".join(sorted(locations))


def decode_locations(data: bytes) -> list[Location]:
    """Rebuild what ``encode_locations`` wrote."""
    return [data[at : at + LOCATION_BYTES] for at in range(0, len(data), LOCATION_BYTES)]  # type: ignore[misc] # saves a call
