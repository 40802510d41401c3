"""Pages looked at for locations only: the same as decoded ones, and no bytes raise anything else than decoding does."""

from __future__ import annotations

import struct
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from tests.property.test_objects import pages

from treering.objects.page import Inner, Leaf, Page, decode_page
from treering.objects.pointer import Embedded, Location, Pointer
from treering.objects.skim import Skim

MALFORMED = (IndexError, struct.error, ValueError)


@given(pages)
def test_a_skimmed_page_says_what_the_page_does(page: Page) -> None:
    content, tail = page.encode()
    for skim in (Skim(content, tail, Location(bytes(16)), 7), Skim.of(page, None)):
        assert skim.level == page.level
        assert skim.page.encode() == (content, tail)
        if type(page) is Inner:
            assert list(skim.places) == page.places()
            assert [skim.pointer(index) for index in range(len(page.keys))] == [
                page.pointer(index) for index in range(len(page.keys))
            ]
            assert skim.has_locations
        elif type(page) is Leaf:
            held = [value for value in page.values if type(value) is Pointer or type(value) is Embedded]
            assert skim.has_locations == bool(held)


@given(pages, st.data())
def test_a_damaged_page_raises_what_decoding_raises(page: Page, data: st.DataObject) -> None:
    parts = [bytearray(part) for part in page.encode()]
    for _ in range(data.draw(st.integers(1, 4))):
        part = parts[data.draw(st.integers(0, 1))]
        at = data.draw(st.integers(0, max(0, len(part) - 1)))
        part[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    content, tail = map(bytes, parts)
    try:
        skim = Skim(content, tail, Location(bytes(16)), 7)
    except MALFORMED:
        with suppress(*MALFORMED):
            decode_page(content, tail)
        return
    with suppress(*MALFORMED):
        assert type(skim.page) in (Leaf, Inner)
