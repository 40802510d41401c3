"""Write out what is not yet written: from the leaves up, each page once."""

from __future__ import annotations

from collections.abc import Callable

from treering.objects.frame import PAGE
from treering.objects.node import EMBED_BYTES
from treering.objects.page import Inner, Leaf, Page, Value
from treering.objects.pointer import Pointer

Put = Callable[[bytes, bytes, bytes, object], Pointer]  # kind, content, tail, the value it decodes to
SealValue = Callable[[Value], Value]


def seal_root(page: Page, put: Put, seal_value: SealValue) -> Page | Pointer:
    """Write a container's pages; return the root page itself where it is small enough to be embedded."""
    sealed = _seal(page, put, seal_value)
    content, tail = sealed.encode()
    return sealed if len(content) <= EMBED_BYTES else put(PAGE, content, tail, sealed)


def _seal(page: Page, put: Put, seal_value: SealValue) -> Page:
    if type(page) is Inner:
        if not page.fresh:
            return page
        written = {}
        for index, child in page.fresh.items():
            sealed = _seal(child, put, seal_value)
            written[index] = put(PAGE, *sealed.encode(), sealed)
        return page.with_pointers(written)
    assert type(page) is Leaf
    if all(type(value) is bytes for value in page.values):
        return page
    return Leaf(page.keys, tuple(map(seal_value, page.values)), page.ordinals)
