"""The root record: the one mutable value of a store (docs/format.md, "Root record")."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from zlib import crc32

from treering.errors import Corruption, FormatUnsupported, NotAStore
from treering.objects.frame import CHECKSUM_BYTES, checksum
from treering.objects.packing import decode_sized, decode_text, decode_varint, encode_sized, encode_text, encode_varint
from treering.objects.pointer import HASH_BYTES, LOCATION_BYTES, Hash, Location, Pointer

MAGIC = b"treering"
FORMAT_VERSION = 1
STORE_ID_BYTES = 16
INLINE_BYTES = 2048  # a section beyond this stands in an object of its own

# Sections of the root record. Grafts and dead lists are written by prune; readers keep those they do not know.
BRANCHES, TAGS, GRAFTS, DEAD_LISTS = 1, 2, 3, 4

_HEAD = struct.Struct("<8sH16sQQQ")  # magic, format, store id, version, next session, session floor

_VERSION_AT = struct.calcsize("<8sH16s")
_VERSION_END = _VERSION_AT + 8

Section = bytes | Pointer
# What takes an encoded record apart at its version and the pointer of one branch, and what joins it with another one.
HeadPlace = tuple[Callable[[bytes], tuple[Any, ...]], Callable[..., bytes]]


class RootRecord(NamedTuple):
    """What the root says. ``version`` rises at every move; ``sections`` stand inline or where the pointer leads."""

    store_id: bytes
    version: int
    next_session: int
    session_floor: int
    sections: Mapping[int, Section]

    def encode(self) -> bytes:
        """Return the bytes to store."""
        parts = [
            _HEAD.pack(MAGIC, FORMAT_VERSION, self.store_id, self.version, self.next_session, self.session_floor),
            encode_varint(len(self.sections)),
        ]
        sections = self.sections
        for tag in sorted(sections):
            section = sections[tag]
            if type(section) is Pointer:
                parts.append(encode_varint(tag << 1 | 1) + section.hash + section.location)
            else:
                parts.append(encode_varint(tag << 1) + encode_sized(section))  # type: ignore[arg-type]
        data = b"".join(parts)
        return data + checksum(data)


def decode_root(data: bytes, url: str) -> RootRecord:
    """Rebuild a root record. ``NotAStore``, ``FormatUnsupported`` or ``Corruption`` say what is wrong with it."""
    if data[: len(MAGIC)] != MAGIC:
        message = "what stands here is not a treering store"
        raise NotAStore(message, store=url)
    try:
        _, version_of_format, store_id, version, next_session, floor = _HEAD.unpack_from(data)
        if version_of_format != FORMAT_VERSION:
            message = "the store has a format that this release cannot read"
            raise FormatUnsupported(message, store=url, format=version_of_format, supported=FORMAT_VERSION)
        if checksum(data[:-CHECKSUM_BYTES]) != data[-CHECKSUM_BYTES:]:
            raise _damaged("checksum differs", url)
        count, position = decode_varint(data, _HEAD.size)
        sections: dict[int, Section] = {}
        for _ in range(count):
            tagged, position = decode_varint(data, position)
            if tagged & 1:
                digest = Hash(data[position : position + HASH_BYTES])
                position += HASH_BYTES
                sections[tagged >> 1] = Pointer(digest, Location(data[position : position + LOCATION_BYTES]))
                position += LOCATION_BYTES
            else:
                sections[tagged >> 1], position = decode_sized(data, position)
    except (struct.error, IndexError) as error:
        raise _damaged("does not parse", url) from error
    return RootRecord(store_id, version, next_session, floor, sections)


def find_head(data: bytes, name: str) -> HeadPlace | None:
    """Return where in an encoded root record the pointer of a branch stands; None where it does not stand there."""
    at = _find_pointer(data, name)
    if at < 0:
        return None
    before, after = at - _VERSION_END, len(data) - at - HASH_BYTES - LOCATION_BYTES - CHECKSUM_BYTES
    cut = struct.Struct(f"<{_VERSION_AT}sQ{before}s{HASH_BYTES + LOCATION_BYTES}x{after}s{CHECKSUM_BYTES}x")
    join = struct.Struct(f"<{_VERSION_AT}sQ{before}s{HASH_BYTES}s{LOCATION_BYTES}s{after}s")
    return cut.unpack, join.pack


def _find_pointer(data: bytes, name: str) -> int:
    """Return where the pointer of a branch begins, or -1.

    Goes by the record's own lengths: a name may look like another with its length before it, in any table.
    """
    count, position = decode_varint(data, _HEAD.size)
    for _ in range(count):
        tagged, position = decode_varint(data, position)
        if tagged & 1:
            position += HASH_BYTES + LOCATION_BYTES
            continue
        length, position = decode_varint(data, position)
        if tagged >> 1 == BRANCHES:
            return _find_name(data, position, name)
        position += length
    return -1


def _find_name(data: bytes, position: int, name: str) -> int:
    """Return where the pointer of a name stands, of names encoded at ``position``; -1 where it is none of them."""
    count, position = decode_varint(data, position)
    for _ in range(count):
        found, position = decode_text(data, position)
        if found == name:
            return position
        position += HASH_BYTES + LOCATION_BYTES
    return -1


def with_head(data: bytes, place: HeadPlace, head: Pointer) -> bytes:
    """Return an encoded root record after a move that changes the pointer at ``place`` and nothing else.

    Every commit makes one: this takes a tenth of the time of encoding it anew, however many names there are.
    """
    cut, join = place
    start, version, before, after = cut(data)
    moved = join(start, version + 1, before, head[0], head[1], after)
    return moved + crc32(moved).to_bytes(CHECKSUM_BYTES, "little")


def encode_names(names: Mapping[str, Pointer]) -> bytes:
    """Encode the branches or the tags: names and the commits that they name, sorted by name."""
    parts = [encode_varint(len(names))]
    for name in sorted(names):
        pointer = names[name]
        parts += encode_text(name), *pointer
    return b"".join(parts)


def decode_names(data: bytes) -> dict[str, Pointer]:
    """Rebuild what ``encode_names`` wrote."""
    count, position = decode_varint(data, 0)
    names = {}
    for _ in range(count):
        name, position = decode_text(data, position)
        digest = Hash(data[position : position + HASH_BYTES])
        position += HASH_BYTES
        names[name] = Pointer(digest, Location(data[position : position + LOCATION_BYTES]))
        position += LOCATION_BYTES
    return names


def _damaged(problem: str, url: str) -> Corruption:
    return Corruption("the root record is damaged", problem=problem, store=url)
