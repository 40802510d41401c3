"""A stored page, looked at only for where the pages below it stand: what prune follows.

Locations stand side by side in the tail of an inner page and its hashes at the end of the content, so that neither keys
nor counts have to be decoded: a fifth of what ``decode_page`` takes.
"""

from __future__ import annotations

from typing import cast

from treering.objects.columns import PAGE_HEADER
from treering.objects.packing import cut_evenly
from treering.objects.page import MAX_LEVEL, Inner, Leaf, Page, decode_page
from treering.objects.pointer import HASH_BYTES, LOCATION_BYTES, Location, Pointer, make_pointer


class Skim:
    """A page as far as prune needs it.

    ``tail``: of an inner page, the locations of those below, one after the other. ``has_locations``: whether anything
    below may be stored by itself, or hold what is. ``location``: of the page itself, None where it is embedded.
    ``size``: in bytes, as it is stored; 0 where it is not. ``content`` and ``tail`` are what it was made from.
    """

    __slots__ = ("content", "decoded", "has_locations", "level", "location", "size", "tail")

    def __init__(self, content: bytes, tail: bytes, location: Location, size: int) -> None:
        """Look at an encoded page. Raises IndexError, struct.error or ValueError on bytes that are not one."""
        level, number = PAGE_HEADER.unpack_from(content)
        if level > MAX_LEVEL or not number:
            raise ValueError("page of an impossible level, or of nothing")
        if level:
            if len(tail) != number * LOCATION_BYTES:
                raise ValueError("inner page of the wrong size")
            self.has_locations = True
        else:
            self.has_locations = tail[1 + tail[0] * number :] != b"\x00"  # after the ordinals: nothing has a tail
        self.level: int = level
        self.location: Location | None = location
        self.size = size
        self.content = content
        self.tail = tail
        self.decoded: Page | None = None

    @classmethod
    def of(cls, page: Page, location: Location | None) -> Skim:
        """Look at a page that was decoded before, or that is embedded where its container is."""
        made = cls.__new__(cls)
        made.level = page.level
        made.location = location
        made.size = 0
        made.decoded = page
        if type(page) is Inner:
            made.has_locations = True
            made.content, made.tail = page.content, page.locations
        else:
            made.has_locations = not all(type(value) is bytes for value in cast("Leaf", page).values)
            made.content = made.tail = b""
        return made

    @property
    def page(self) -> Page:
        """The page itself, decoded when first asked for. Raises as ``decode_page`` does."""
        page = self.decoded
        if page is None:
            page = self.decoded = decode_page(self.content, self.tail)
        return page

    @property
    def places(self) -> tuple[Location, ...]:
        """The locations of the pages below; not of a leaf."""
        return cut_evenly(self.tail, 0, LOCATION_BYTES, len(self.tail) // LOCATION_BYTES)  # type: ignore[return-value]

    def pointer(self, index: int) -> Pointer:
        """Return the pointer of the page below at ``index``."""
        content, tail = self.content, self.tail
        at = index * LOCATION_BYTES
        end = len(content) - (len(tail) - at) * HASH_BYTES // LOCATION_BYTES  # hashes are what content ends with
        return make_pointer(content[end : end + HASH_BYTES], tail[at : at + LOCATION_BYTES])  # type: ignore[arg-type]
