"""What differs between two containers, reading only what differs.

Level by level, pages that stand in both with the same hash are struck out unread: equal hash means equal entries, and a
key stands in one page only. What remains are the pages on the way to a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from treering.merkle.container import PageSource, open_pages
from treering.objects.page import Inner, Leaf, Page, Value
from treering.objects.pointer import Embedded, Pointer

_Ref = Page | Pointer
_Entries = dict[bytes, tuple[Value, int]]


def same_value(one: Value, other: Value) -> bool:
    """Tell whether two children are known to have equal content, without reading. Unwritten ones are not known to."""
    if one is other:
        return True
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
    old, new = _entries_that_differ(source, one, other, _content_identity)
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before is None or after is None or not same_value(before[0], after[0]):
            yield key, before and before[0], after and after[0]


def diff_entries(
    source: PageSource, one: _Ref | None, other: _Ref | None
) -> Iterator[tuple[bytes, tuple[Value, int] | None, tuple[Value, int] | None]]:
    """Yield (key, (child, ordinal) in one, in other) where content, order or location may differ, in key order.

    Strikes out pages by location, so it reads more than ``diff`` where equal content was written twice.
    """
    old, new = _entries_that_differ(source, one, other, _location_identity)
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before != after:
            yield key, before, after


def _content_identity(page: _Ref) -> object:
    return page.hash if type(page) is Pointer else id(page)


def _location_identity(page: _Ref) -> object:
    return page if type(page) is Pointer else id(page)


def _entries_that_differ(
    source: PageSource, one: _Ref | None, other: _Ref | None, identity: Callable[[_Ref], object]
) -> tuple[_Entries, _Entries]:
    left: list[_Ref] = [one] if one else []
    right: list[_Ref] = [other] if other else []
    while True:
        shared = {identity(page) for page in left} & {identity(page) for page in right}
        if shared:
            left = [page for page in left if identity(page) not in shared]
            right = [page for page in right if identity(page) not in shared]
        # Both sides in one request, then the tallest pages are opened until all are leaves.
        pages = open_pages(source, [*left, *right])
        level = max((page.level for page in pages), default=0)
        if level == 0:
            return _entries(pages[: len(left)]), _entries(pages[len(left) :])
        left, right = _open_level(pages[: len(left)], level), _open_level(pages[len(left) :], level)


def _entries(pages: list[Page]) -> _Entries:
    return {key: (value, ordinal) for page in pages if type(page) is Leaf for key, value, ordinal in page.entries()}


def _open_level(pages: list[Page], level: int) -> list[_Ref]:
    refs: list[_Ref] = []
    for page in pages:
        if type(page) is Inner and page.level == level:
            refs += [page.child(index) for index in range(len(page.keys))]
        else:
            refs.append(page)
    return refs
