"""The inner loops in C, where they were built: `NATIVE`; None where they were not, and then Python does everything.

Their source is in ``native/``. Each does to the byte what the Python does that calls it, or leaves what is rare to that
(docs/decisions/0015-loops-in-c.md).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from treering.objects.frame import Codec
    from treering.objects.page import Index, Inner, Leaf, Page, Value
    from treering.objects.pointer import Hash, Location, Pointer

    HashContent = Callable[[bytes, bytes], Hash]
    Seal = Callable[[bytes, bytes, bytes, Hash, Location, Codec | None], bytes]


class Native(Protocol):
    """The functions. They raise ``TypeError`` for what is not as treering makes it, and what they call raises."""

    def know_hash(self, hash_content: HashContent, hashers: dict[bytes, Any], /) -> None:
        """Take note of the function that hashes, and of what it copies: it is not called from now on, others are."""

    def know_pages(
        self, leaf: type[Leaf], inner: type[Inner], index: type[Index], nothing_fresh: Mapping[int, Page], /
    ) -> None:
        """Take note of the classes that pages are made of, before any other call."""

    def know_batch(self, batch: type, cache: type, pointer: type[Pointer], /) -> None:
        """Take note of the classes that a publication is made of, before any call but `decode_page`."""

    def descend(self, source: object, page: Page, key: bytes, trail: list[tuple[Inner, int]] | None, /) -> Page:
        """Follow a key down as far as the cache of ``source`` knows the way; return the page that this comes to.

        ``trail`` gets each inner page that was passed, with the index of the next.
        """
        ...

    def with_count(self, page: Inner, index: int, added: int, /) -> Inner | None:
        """Do what ``Inner.with_count`` does; None where the counts take another width, or something is fresh."""

    def with_value(self, leaf: Leaf, index: int, value: Value, ordinal: int, /) -> Leaf:
        """Do what ``Leaf.with_value`` does."""
        ...

    def cuts(self, keys: Sequence[bytes], salt: int, limits: tuple[int, ...], /) -> list[int]:
        """Do what ``cuts`` does."""
        ...

    def pack_keys(self, level: int, keys: tuple[bytes, ...], /) -> bytes | None:
        """Do what ``pack_keys`` does; None where keys are longer than 255 bytes, or share more than 127."""

    def encode_leaves(
        self, keys: Sequence[bytes], values: Sequence[bytes], ordinals: Sequence[int], ends: list[int], /
    ) -> list[tuple[bytes, bytes, bytes, bytes]] | None:
        """Do what ``encode_leaves`` does; None where `pack_keys` is."""

    def unseal(
        self, hash_content: HashContent, data: bytes, kind: bytes, digest: Hash | None, location: Location, /
    ) -> tuple[bytes, bytes, Hash] | None:
        """Do what ``unseal`` does; None where the object is compressed, or not what it should be."""

    def decode_page(self, content: bytes, tail: bytes, /) -> Page | None:
        """Do what ``decode_page`` does; None for damaged bytes, and for a leaf with children that are not plain."""

    def put(
        self,
        batch: object,
        hash_content: HashContent,
        seal: Seal,
        kind: bytes,
        content: bytes,
        tail: bytes,
        value: object,
        old: bytes,
        /,
    ) -> Pointer:
        """Do what ``Batch.put`` does."""
        ...

    def put_path(
        self,
        batch: object,
        hash_content: HashContent,
        seal: Seal,
        leaf: Leaf,
        trail: Sequence[tuple[Inner, int]],
        added: int,
        old: bytes,
        /,
    ) -> Page | Pointer:
        """Do what ``Batch.put_path`` does; ``old``: the location of the old root, or nothing."""
        ...


VERSION = 1  # of what the functions take and give; to be raised with native/native.h


def _find() -> Native | None:
    try:
        module = importlib.import_module("treering.objects._native")
    except ImportError:
        return None
    is_ours = getattr(module, "VERSION", 0) == VERSION  # not left behind by other sources
    return cast("Native", module) if is_ours else None


NATIVE = _find()
