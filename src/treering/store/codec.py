"""The compressions an object may be stored with."""

from __future__ import annotations

import zlib

from treering.errors import FormatUnsupported, MissingDependency
from treering.objects.frame import Codec

_ZLIB, _ZSTD = 1, 2


def find_codec(name: str) -> Codec | None:
    """Return the codec for the store option ``compress`` (zlib or zstd), None for any other name."""
    if name == "zlib":
        return load_codec(_ZLIB)
    return load_codec(_ZSTD) if name == "zstd" else None


def load_codec(number: int) -> Codec:
    """Return the codec that a frame names. ``FormatUnsupported`` for one of another release."""
    if number == _ZLIB:
        return Codec("zlib", _ZLIB, zlib.compress, _inflate)
    if number == _ZSTD:
        return _load_zstd()
    message = "the object is compressed in a way that this release cannot read"
    raise FormatUnsupported(message, codec=number)


def _inflate(data: bytes, length: int) -> bytes:
    if length == 0:  # to zlib no limit at all; and nothing that is compressed is empty
        raise ValueError("compressed data of no length")
    inflater = zlib.decompressobj()
    body = inflater.decompress(data, length)  # never more than the frame states
    if len(body) != length or not _ends(inflater):
        message = "compressed data of another length"
        raise ValueError(message)
    return body


def _ends(inflater: zlib._Decompress) -> bool:
    return inflater.eof or (not inflater.decompress(inflater.unconsumed_tail, 1) and inflater.eof)


def _load_zstd() -> Codec:
    try:
        from backports import zstd
    except ImportError as error:
        message = "this store needs zstd: install treering[zstd]"
        raise MissingDependency(message, extra="zstd") from error

    def decompress(data: bytes, length: int) -> bytes:
        try:
            body: bytes = zstd.ZstdDecompressor().decompress(data, length)
        except zstd.ZstdError as error:
            raise ValueError(str(error)) from error
        if len(body) != length:
            message = "compressed data of another length"
            raise ValueError(message)
        return body

    return Codec("zstd", _ZSTD, zstd.compress, decompress)
