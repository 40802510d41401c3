"""Write out what is not yet written: from the leaves up, each page once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from treering.objects.frame import PAGE
from treering.objects.node import EMBED_BYTES
from treering.objects.page import Inner, Leaf, Page, Value
from treering.objects.pointer import LOCATION_BYTES, Pointer

# kind, content, tail, the value it decodes to, the location of what it takes the place of (if known)
Put = Callable[[bytes, bytes, bytes, object, bytes], Pointer]
SealValue = Callable[[Value, Put], Value]


class Writer(Protocol):
    """Takes what an edit makes as it makes it."""

    def put(self, kind: bytes, content: bytes, tail: bytes, value: object = None, old: bytes = b"", /) -> Pointer:
        """Write an object, as `Put` says."""
        ...

    def put_path(
        self, leaf: Leaf, trail: Sequence[tuple[Inner, int]], added: int, replaced: Page | Pointer, /
    ) -> Page | Pointer:
        """Write a leaf and the pages above it, from the root down in ``trail``; return the root in place of another."""
        ...


def seal_root(page: Page, put: Put, seal_value: SealValue, replaced: Page | Pointer | None = None) -> Page | Pointer:
    """Write a container's pages; return the root page itself where it is small enough to be embedded.

    ``replaced``: the root that it takes the place of, where that is known.
    """
    return write_root(_seal(page, put, seal_value), put, replaced)


def write_root(page: Page, put: Put, replaced: Page | Pointer | None) -> Page | Pointer:
    """Write a container's root page, below which all is written; return the page itself where it can be embedded."""
    content, tail = page.encode()
    if len(content) <= EMBED_BYTES:
        return page
    return put(PAGE, content, tail, page, replaced.location if type(replaced) is Pointer else b"")


def _seal(page: Page, put: Put, seal_value: SealValue) -> Page:
    if type(page) is Inner:
        locations = page.locations
        if len(page.fresh) == 1:  # an edit of one key, nearly always: no list, and two splices
            ((index, child),) = page.fresh.items()
            sealed = _seal(child, put, seal_value)
            content, tail = sealed.encode()
            at = index * LOCATION_BYTES
            return page.with_pointer(index, put(PAGE, content, tail, sealed, locations[at : at + LOCATION_BYTES]))
        if not page.fresh:
            return page
        written = []
        for index, child in page.fresh.items():
            sealed = _seal(child, put, seal_value)
            content, tail = sealed.encode()
            old = locations[index * LOCATION_BYTES : (index + 1) * LOCATION_BYTES]
            written.append((index, put(PAGE, content, tail, sealed, old)))
        return page.with_pointers(written)
    assert type(page) is Leaf
    return seal_leaf(page, put, seal_value)


def seal_leaf(page: Leaf, put: Put, seal_value: SealValue) -> Leaf:
    """Write what is new below a leaf, and return the leaf that says where."""
    if page.packed_sizes:  # the sizes of embedded children only are kept
        return page
    for value in page.values:
        if type(value) is not bytes:
            values = tuple([seal_value(value, put) for value in page.values])
            return Leaf(page.keys, values, page.ordinals, page.packed_keys, page.packed_ordinals)
    return page
