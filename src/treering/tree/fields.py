"""Merging two changed versions of one message field by field, on the wire."""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor

from treering.schema.shape import Shape
from treering.schema.wire import iter_fields

_Unit = tuple[str, int | str]  # a field by number, or a oneof by name


def merge_fields(shape: Shape, seen: bytes, mine: bytes, theirs: bytes) -> bytes | None:
    """Return what both changes to ``seen`` make together; None where both changed one field, and not to the same.

    A field is compared as a whole (a repeated one, a map and a sub-message too); the members of a oneof are one field.
    """
    descriptor = shape.descriptor
    before, ours, other = _split(descriptor, seen), _split(descriptor, mine), _split(descriptor, theirs)
    merged: dict[_Unit, bytes] = {}
    for unit in sorted(before.keys() | ours.keys() | other.keys(), key=str):
        was, here, there = before.get(unit), ours.get(unit), other.get(unit)
        if here not in (was, there) and there != was:
            return None
        chosen = there if here == was else here
        if chosen is not None:
            merged[unit] = chosen
    # Through the message, so that equal fields give equal bytes whichever side they came from.
    return shape.own_bytes(shape.parse(b"".join(merged.values())))


def _split(descriptor: Descriptor, data: bytes) -> dict[_Unit, bytes]:
    """Cut wire bytes into their top-level fields."""
    parts: dict[_Unit, list[bytes]] = {}
    for number, start, end in iter_fields(data):
        parts.setdefault(_unit(descriptor, number), []).append(data[start:end])
    return {unit: b"".join(pieces) for unit, pieces in parts.items()}


def _unit(descriptor: Descriptor, number: int) -> _Unit:
    field = descriptor.fields_by_number.get(number)
    oneof = field.containing_oneof if field is not None else None
    return ("field", number) if oneof is None else ("oneof", oneof.name)
