r"""Scalar values as bytes that sort like the values, none of which is a prefix of another.

Integers: one byte that is 0x80 plus the number of magnitude bytes (minus, for negative numbers), then the magnitude in
the fewest big-endian bytes (its complement for negative numbers). So a key does not depend on its field's width or
signedness. The idea is that of FoundationDB's tuple layer.

Strings and bytes: the bytes, UTF-8 for strings, then 0x00. A 0x00 within is written 0x01 0x01, and 0x01 is written
0x01 0x02: 0x00 only ever ends a value. (An escape of 0x00 as 0x00 0xFF, as in that tuple layer, is not prefix-free:
"a" would be a prefix of "a\0", and a component that starts with 0xFF could not be told from an escape.)

A composite is its components one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from treering.errors import InvalidPath, TooLarge

MAX_KEY_BYTES: Final = 4096  # of one encoded key, all its components together
_ZERO: Final = 0x80
_SMALL_COUNT: Final = 1024


def encode_int(value: int) -> bytes:
    """Encode an integer of at most 127 bytes; a bool counts as 0 or 1."""
    if 0 <= value < _SMALL_COUNT:
        return _SMALL[value]
    return _encode_large(value)


def decode_int(data: bytes) -> int:
    """Undo `encode_int`; ``data`` is the whole encoding."""
    length = data[0] - _ZERO
    if length >= 0:
        return int.from_bytes(data[1:], "big")
    return int.from_bytes(data[1:], "big") - (1 << (-8 * length)) + 1


def int_end(data: bytes, start: int) -> int:
    """Return where the integer that starts at ``start`` ends."""
    return start + 1 + abs(data[start] - _ZERO)


def encode_text(value: str) -> bytes:
    """Encode a string; sorts by code point. Raises InvalidPath for an empty one, TooLarge beyond MAX_KEY_BYTES."""
    raw = value.encode()
    if 0 in raw or 1 in raw or not 0 < len(raw) < MAX_KEY_BYTES:
        return encode_raw(raw)
    return raw + b"\0"


def encode_plain_texts(values: Sequence[str]) -> list[bytes] | None:
    """Do as `encode_text` for many strings; None where one of them takes more than a byte at its end."""
    whole = "\0".join(values).encode()  # to encode all at once and split that takes half of the time
    raws = whole.split(b"\0")
    if len(raws) != len(values) or 1 in whole or b"" in raws or max(map(len, raws)) >= MAX_KEY_BYTES:
        return None
    return [raw + b"\0" for raw in raws]


def decode_text(data: bytes) -> str:
    """Undo `encode_text`; ``data`` is the whole encoding."""
    return decode_raw(data).decode()


def encode_raw(value: bytes) -> bytes:
    """Encode bytes. Raises InvalidPath for empty ones, TooLarge beyond MAX_KEY_BYTES."""
    if 0 in value or 1 in value:
        value = value.replace(b"\1", b"\1\2").replace(b"\0", b"\1\1")
    if not 0 < len(value) < MAX_KEY_BYTES:
        raise _bad_size(value)
    return value + b"\0"


def decode_raw(data: bytes) -> bytes:
    """Undo `encode_raw`; ``data`` is the whole encoding."""
    if 1 in data:
        return data[:-1].replace(b"\1\1", b"\0").replace(b"\1\2", b"\1")
    return data[:-1]


def raw_end(data: bytes, start: int) -> int:
    """Return where the string or bytes that start at ``start`` end."""
    return data.index(0, start) + 1


def check_size(key: bytes) -> bytes:
    """Return a composite's encoding. Raises TooLarge beyond MAX_KEY_BYTES."""
    if len(key) > MAX_KEY_BYTES:
        raise _too_large(len(key))
    return key


def _bad_size(value: bytes) -> InvalidPath | TooLarge:
    if not value:
        return InvalidPath("an empty string cannot be a key", path="")
    return _too_large(len(value) + 1)


def _too_large(size: int) -> TooLarge:
    return TooLarge("a key is too large", size_bytes=size, limit_bytes=MAX_KEY_BYTES)


def _encode_large(value: int) -> bytes:
    length = (value.bit_length() + 7) >> 3
    if value >= 0:
        return bytes((_ZERO + length,)) + value.to_bytes(length, "big")
    return bytes((_ZERO - length,)) + (value + (1 << (8 * length)) - 1).to_bytes(length, "big")


_SMALL: Final = [_encode_large(value) for value in range(_SMALL_COUNT)]
