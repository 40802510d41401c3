"""What differs between two containers, reading only what differs.

Level by level, pages that stand in both with the same hash are struck out unread: equal hash means equal entries, and a
key stands in one page only. What remains are the pages on the way to a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import compress, filterfalse
from operator import ne

from treering.merkle.container import PageSource, open_pages
from treering.objects.page import Inner, Leaf, Page, Value
from treering.objects.pointer import Embedded, Pointer, make_pointer

_Ref = Page | Pointer


def same_value(one: Value, other: Value) -> bool:
    """Tell whether two children are known to have equal content, without reading. Unwritten ones are not known to."""
    if one is other:
        return True
    if type(one) is bytes and type(other) is bytes:  # most of them
        return one == other
    if type(one) is Pointer:
        return type(other) is Pointer and one.hash == other.hash
    content = _content(one)
    return content is not None and content == _content(other)


def _content(value: Value) -> bytes | None:
    if type(value) is Embedded:
        return value.content
    return value if type(value) is bytes else None


def diff(
    source: PageSource, one: _Ref | None, other: _Ref | None
) -> Iterator[tuple[bytes, Value | None, Value | None]]:
    """Yield (key, child in one, child in other) where they differ, in key order; None where there is no child."""
    left, right = _leaves_that_differ(source, one, other, by_location=False)
    old: dict[bytes, Value] = {}
    new: dict[bytes, Value] = {}
    for leaf in left:
        old.update(zip(leaf.keys, leaf.values, strict=True))
    for leaf in right:
        new.update(zip(leaf.keys, leaf.values, strict=True))
    for key in _keys_that_differ(old, new):
        before, after = old.get(key), new.get(key)
        if before is None or after is None or not same_value(before, after):
            yield key, before, after


def diff_entries(
    source: PageSource, one: _Ref | None, other: _Ref | None
) -> Iterator[tuple[bytes, tuple[Value, int] | None, tuple[Value, int] | None]]:
    """Yield (key, (child, ordinal) in one, in other) where content, order or location may differ, in key order.

    Strikes out pages by location, so it reads more than ``diff`` where equal content was written twice.
    """
    left, right = _leaves_that_differ(source, one, other, by_location=True)
    old, new = _entries(left), _entries(right)
    for key in _keys_that_differ(old, new):
        yield key, old.get(key), new.get(key)


def _entries(leaves: list[Leaf]) -> dict[bytes, tuple[Value, int]]:
    entries: dict[bytes, tuple[Value, int]] = {}
    for leaf in leaves:
        entries.update(zip(leaf.keys, zip(leaf.values, leaf.ordinals, strict=True), strict=True))
    return entries


def _keys_that_differ(old: Mapping[bytes, object], new: Mapping[bytes, object]) -> list[bytes]:
    """Return the keys under which two mappings have not the same, in order."""
    find = new.get
    keys = [key for key, value in old.items() if find(key) != value]  # equal is the same; what is not may be yet
    keys += new.keys() - old.keys()
    keys.sort()
    return keys


def _leaves_that_differ(
    source: PageSource, one: _Ref | None, other: _Ref | None, *, by_location: bool
) -> tuple[list[Leaf], list[Leaf]]:
    """Return the leaves of each container that the other does not have."""
    left, right = _known(one, by_location=by_location), _known(other, by_location=by_location)
    pairs: list[tuple[_Ref, _Ref]] = []  # pages of one level and of the same keys' places, that differ
    if one and other and left.keys() != right.keys():
        pairs, left, right = [(one, other)], {}, {}
    while True:
        # What is the same on both sides goes unread, and no pointer is made for it: half the time of a diff.
        olds = [_ref(known, left[known], by_location) for known in filterfalse(right.__contains__, left)]
        news = [_ref(known, right[known], by_location) for known in filterfalse(left.__contains__, right)]
        # Both sides in one request, then the tallest pages are opened until all are leaves.
        refs = [ref for pair in pairs for ref in pair]
        pages = open_pages(source, [*refs, *olds, *news])
        level = max((page.level for page in pages), default=0)
        lone, middle = len(refs), len(refs) + len(olds)
        if level == 0:
            return [*pages[0:lone:2], *pages[lone:middle]], [*pages[1:lone:2], *pages[middle:]]  # type: ignore[list-item]
        old, new = list(zip(olds, pages[lone:middle], strict=True)), list(zip(news, pages[middle:], strict=True))
        following: list[tuple[_Ref, _Ref]] = []
        for (before, after), one_page, other_page in zip(pairs, pages[0:lone:2], pages[1:lone:2], strict=True):
            if type(one_page) is Inner and type(other_page) is Inner and one_page.is_cut_as(other_page):
                following += _children_that_differ(one_page, other_page, by_location=by_location)
            else:
                old.append((before, one_page))
                new.append((after, other_page))
        pairs = following
        left, right = _open_level(old, level, by_location=by_location), _open_level(new, level, by_location=by_location)


def _children_that_differ(one: Inner, other: Inner, *, by_location: bool) -> Iterator[tuple[Pointer, Pointer]]:
    """Yield what stands at one index in both of two pages with the same keys, and differs: a third of a set's time."""
    places = one.columns()[1], other.columns()[1]
    for index in compress(range(len(places[0])), map(ne, *places)):
        before, after = one.pointer(index), other.pointer(index)
        if by_location or before[0] != after[0]:  # the hashes
            yield before, after


# A level of one side, where pages do not pair: what each is known by (its hash or its location; what is not written, by
# its id), with what is lacking of its pointer, or with the page itself.
_Side = dict[bytes | int, bytes | Page]


def _known(page: _Ref | None, *, by_location: bool) -> _Side:
    if page is None:
        return {}
    if type(page) is Pointer:
        digest, location = page
        return {location: digest} if by_location else {digest: location}
    return {id(page): page}  # type: ignore[dict-item]


def _ref(known: bytes | int, rest: bytes | Page, by_location: bool) -> _Ref:
    if type(rest) is not bytes:
        return rest  # type: ignore[return-value]
    return make_pointer(rest, known) if by_location else make_pointer(known, rest)  # type: ignore[arg-type]


def _open_level(pages: list[tuple[_Ref, Page]], level: int, *, by_location: bool) -> _Side:
    """Replace the pages of a level by those below them."""
    side: _Side = {}
    for ref, page in pages:
        if type(page) is not Inner or page.level != level:
            side.update(_known(ref, by_location=by_location))
        elif page.fresh:
            for index in range(len(page.keys)):
                side.update(_known(page.child(index), by_location=by_location))
        else:
            hashes, places = page.columns()
            side.update(zip(places, hashes, strict=True) if by_location else zip(hashes, places, strict=True))
    return side
