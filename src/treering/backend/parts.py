"""Values that are too large for their store, cut into parts and put together again (docs/format.md, "Chunks").

Cutting happens below identity: whoever reads gets the value as it was given, and what names it does not change with the
limits of the store it stands in.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from treering.errors import Corruption, TooLarge

if TYPE_CHECKING:
    from treering.backend.base import Entry

MARK = b"+"  # what no object's value starts with
MAX_WHOLE_BYTES = (1 << 30) + 18  # the largest object, with its frame

_HEAD = struct.Struct("<cI")  # the mark, and how many values there are, this one included
_NUMBER = struct.Struct(">I")
_SUFFIX_BYTES = 1 + _NUMBER.size


def cut(key: bytes, value: bytes, limit_bytes: int) -> list[Entry]:
    """Return what to store in the place of ``value``, which is above ``limit_bytes``: its head first, then the parts.

    Raises ``TooLarge`` above what a reader would put together.
    """
    if len(value) > MAX_WHOLE_BYTES:
        raise TooLarge("the value is larger than any object", size_bytes=len(value), limit_bytes=MAX_WHOLE_BYTES)
    first = limit_bytes - _HEAD.size
    pieces = [value[at : at + limit_bytes] for at in range(first, len(value), limit_bytes)]
    parts = [(part_key(key, number), piece) for number, piece in enumerate(pieces, 1)]
    return [(key, _HEAD.pack(MARK, 1 + len(parts)) + value[:first]), *parts]


def is_cut(value: bytes) -> bool:
    """Tell whether this is the head of a value that was cut."""
    return value[:1] == MARK


def part_keys(key: bytes, head: bytes) -> list[bytes]:
    """Return the keys of the parts that follow a head. ``Corruption`` for one that cannot be a head.

    The number is believed only as far as the size of the first part makes it possible: none but the last is shorter.
    """
    count = _HEAD.unpack_from(head)[1] if len(head) > _HEAD.size else 0
    if count < 2 or (count - 2) * (len(head) - _HEAD.size) > MAX_WHOLE_BYTES:
        raise Corruption("a stored object is damaged", problem="number of parts", location=key.hex(), parts=count)
    return [part_key(key, number) for number in range(1, count)]


def join(head: bytes, parts: list[bytes]) -> bytes:
    """Return the value as it was given."""
    return b"".join((head[_HEAD.size :], *parts))


def part_key(key: bytes, number: int) -> bytes:
    """Return the key of the ``number``-th part, from 1 on."""
    return key + b"/" + _NUMBER.pack(number)


def owner(key: bytes, key_bytes: int) -> bytes | None:
    """Return the key of the value that ``key`` names a part of, where keys have ``key_bytes``; None for no part."""
    is_part = len(key) == key_bytes + _SUFFIX_BYTES and key[key_bytes : key_bytes + 1] == b"/"
    return key[:key_bytes] if is_part else None
