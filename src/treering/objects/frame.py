"""The frame around every stored object: kind, content, tail, checksum (docs/format.md, "Frame").

The hash covers the kind and the uncompressed content, so it names what the object means. The checksum covers the rest
too: header, tail and the object's own location, so that bytes which were put under another key, or whose order or
locations were damaged, are found out before anything is decoded. It is a CRC: it has to notice accidents, and costs two
thirds of a cryptographic one, and half its bytes (docs/decisions/0011-checksum.md).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from zlib import crc32

from treering.errors import Corruption, FormatUnsupported, TooLarge
from treering.objects.native import NATIVE
from treering.objects.pointer import Hash, Location

PAGE: Final = b"P"
NODE: Final = b"N"
COMMIT: Final = b"C"
SCHEMA = b"S"
TABLE = b"T"  # a part of the root record that is too large to stand in it
KINDS = (PAGE, NODE, COMMIT, SCHEMA, TABLE)

MAX_CONTENT_BYTES = 1 << 30
CHECKSUM_BYTES: Final = 4
COMPRESS_FROM_BYTES = 1024

_HEADER = struct.Struct("<cBI")  # kind, codec, content length
_HEADER_BYTES = _HEADER.size
_pack_header = _HEADER.pack
_RAW_LENGTH = struct.Struct("<I")  # of content and tail together, before compression
_PLAIN = 0
_HASHERS = {kind: blake2b(kind, digest_size=32) for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Codec:
    """A compression that a store may use for objects above a kilobyte. ``number`` stands in the frame."""

    name: str
    number: int
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes, int], bytes]  # data, exact length of the result


def hash_content(kind: bytes, content: bytes) -> Hash:
    """Return the hash that names this content."""
    state = _HASHERS[kind].copy()  # a third of the cost of making one
    state.update(content)
    return state.digest()  # type: ignore[return-value] # to say Hash would cost a call


def seal(
    kind: bytes, content: bytes, tail: bytes, digest: Hash, location: Location, codec: Codec | None = None
) -> bytes:
    """Build the bytes to store. ``digest`` is ``hash_content(kind, content)``, which the caller needs anyway."""
    length = len(content)
    size = length + len(tail)
    if size > MAX_CONTENT_BYTES:
        message = "the object is larger than the format allows"
        raise TooLarge(message, size_bytes=size, limit_bytes=MAX_CONTENT_BYTES)
    header = _pack_header(kind, _PLAIN, length)
    if codec is not None and size > COMPRESS_FROM_BYTES:
        body = codec.compress(content + tail)
        if len(body) + _RAW_LENGTH.size < size:
            header = _HEADER.pack(kind, codec.number, len(content)) + _RAW_LENGTH.pack(size)
            return b"".join((header, body, _checksum(location, header, digest, tail)))
    # _checksum without its call, and without a copy of the tail
    check = crc32(tail, crc32(location + header + digest)).to_bytes(4, "little")
    return b"".join((header, content, tail, check))


def unseal(
    data: bytes, kind: bytes, digest: Hash | None, location: Location, codecs: Callable[[int], Codec]
) -> tuple[bytes, bytes, Hash]:
    """Check stored bytes against the pointer that led here; return content, tail and hash.

    ``digest`` None: the caller learns the hash instead of checking it. ``codecs`` finds a codec by its number.
    Raises ``Corruption`` when kind, hash or checksum is not as it must be.
    """
    if NATIVE is not None:
        checked = NATIVE.unseal(hash_content, data, kind, digest, location)
        if checked is not None:
            return checked
    try:
        found, number, content_length = _HEADER.unpack_from(data)
    except struct.error as error:
        raise _corrupt("frame does not parse", location) from error
    if number == _PLAIN:
        start = _HEADER_BYTES
        end = start + content_length
        room = len(data) - _HEADER_BYTES - CHECKSUM_BYTES
        content, tail = data[start:end], data[end:-CHECKSUM_BYTES]  # at once, without a copy of both
    else:
        start, body = _inflate(data, number, location, codecs)
        room = len(body)
        content, tail = body[:content_length], body[content_length:]
    if found != kind:
        raise _corrupt("another kind of object", location, kind=found, expected=kind)
    if content_length > room:
        raise _corrupt("cut short", location)
    computed = hash_content(kind, content)
    if computed != digest and digest is not None:
        raise _corrupt("content is not what its hash names", location)
    check = crc32(tail, crc32(location + data[:start] + computed))  # as in seal
    if check.to_bytes(CHECKSUM_BYTES, "little") != data[-CHECKSUM_BYTES:]:
        raise _corrupt("checksum differs", location)
    return content, tail, computed


def _inflate(data: bytes, number: int, location: Location, codecs: Callable[[int], Codec]) -> tuple[int, bytes]:
    """Return where the compressed part begins, and what was compressed."""
    start = _HEADER_BYTES
    try:
        (raw_length,) = _RAW_LENGTH.unpack_from(data, start)
        if raw_length > MAX_CONTENT_BYTES:
            raise _corrupt("stated length too large", location)
        start += _RAW_LENGTH.size
        return start, codecs(number).decompress(data[start:-CHECKSUM_BYTES], raw_length)
    except (struct.error, ValueError, zlib.error) as error:
        if isinstance(error, FormatUnsupported):
            raise
        raise _corrupt("frame does not parse", location) from error


def checksum(data: bytes) -> bytes:
    """Return the CRC-32 of ``data``, as the root record carries it."""
    return crc32(data).to_bytes(CHECKSUM_BYTES, "little")


def _checksum(location: Location, header: bytes, digest: Hash, tail: bytes) -> bytes:
    return crc32(b"".join((location, header, digest, tail))).to_bytes(CHECKSUM_BYTES, "little")


def _corrupt(problem: str, location: Location, **facts: object) -> Corruption:
    return Corruption("a stored object is damaged", problem=problem, location=location.hex(), **facts)


if NATIVE is not None:
    NATIVE.know_hash(hash_content, _HASHERS)
