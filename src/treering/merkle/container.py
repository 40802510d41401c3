"""Read, edit and build containers. Every function is pure: pages go in, new unwritten pages come out.

An edit copies the pages on its way down and leaves the others alone. Where keys come or go, pages are cut anew from the
start of the first page touched until a cut falls on an old one: from there on nothing can differ. The same is then done
a level above with the pages that changed, so an edited container has exactly the pages of one built from scratch.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from treering.merkle.chunking import cuts
from treering.objects.native import NATIVE
from treering.objects.page import Entry, Inner, Leaf, Page, Value, inner_page
from treering.objects.pointer import Pointer

Change = tuple[bytes, tuple[Value, int] | None]  # key; the child and its ordinal, or None to remove it

_BATCH = 128  # pages asked for at once in a scan: a deep read of 10,000 children is some twenty requests


class PageSource(Protocol):
    """Where stored pages come from, verified."""

    def page(self, pointer: Pointer) -> Page:
        """Return one page."""
        ...

    def child(self, page: Inner, index: int) -> Page:
        """Return the page at ``index`` of another one."""
        ...

    def pages(self, pointers: Sequence[Pointer]) -> list[Page]:
        """Return several pages with as few requests as the store allows."""
        ...


def open_page(source: PageSource, page: Page | Pointer) -> Page:
    """Return the page itself, read where only its pointer is known."""
    return source.page(page) if type(page) is Pointer else page  # type: ignore[return-value]


def find(source: PageSource, root: Page | Pointer, key: bytes) -> Value | None:
    """Return the child under ``key``, or None. Reads one page a level."""
    page = open_page(source, root)
    if NATIVE is not None:
        page = NATIVE.descend(source, page, key, None)
    while type(page) is Inner:
        index = bisect_left(page.keys, key)
        if index == len(page.keys):
            return None
        page = source.child(page, index)
    keys = page.keys
    index = bisect_left(keys, key)
    return page.values[index] if index < len(keys) and keys[index] == key else None  # type: ignore[union-attr]


def find_entry(source: PageSource, root: Page | Pointer, key: bytes) -> tuple[Value, int] | None:
    """Return the child under ``key`` and its ordinal, or None. Reads one page a level."""
    page = open_page(source, root)
    while type(page) is Inner:
        index = bisect_left(page.keys, key)
        if index == len(page.keys):
            return None
        page = source.child(page, index)
    index = bisect_left(page.keys, key)
    if index == len(page.keys) or page.keys[index] != key:
        return None
    return page.values[index], page.ordinals[index]  # type: ignore[union-attr]


def find_entries(source: PageSource, root: Page | Pointer, keys: Sequence[bytes]) -> dict[bytes, tuple[Value, int]]:
    """Return the children under those of ``keys`` (in rising order) that are there, and their ordinals.

    Each page on the way is looked at once: of a thousand keys, a third of the time of finding one after the other.
    """
    found: dict[bytes, tuple[Value, int]] = {}
    _find_entries(source, open_page(source, root), keys, found)
    return found


def _find_entries(source: PageSource, page: Page, keys: Sequence[bytes], found: dict[bytes, tuple[Value, int]]) -> None:
    there = page.keys
    if type(page) is Leaf:
        for key in keys:
            index = bisect_left(there, key)
            if index < len(there) and there[index] == key:
                found[key] = page.values[index], page.ordinals[index]
        return
    assert type(page) is Inner
    at = 0
    while at < len(keys):
        index = bisect_left(there, keys[at])
        if index == len(there):
            return
        end = bisect_right(keys, there[index], at)
        _find_entries(source, source.child(page, index), keys[at:end], found)
        at = end


def iter_entries(source: PageSource, root: Page | Pointer, start: bytes = b"") -> Iterator[Entry]:
    """Yield the children in key order from ``start`` on, reading a page when it is reached."""
    page = open_page(source, root)
    index = bisect_left(page.keys, start)
    if type(page) is Leaf:
        for at in range(index, len(page.keys)):
            yield page.keys[at], page.values[at], page.ordinals[at]
        return
    for at in range(index, len(page.keys)):
        yield from iter_entries(source, page.child(at), start if at == index else b"")  # type: ignore[union-attr]


def iter_leaves(source: PageSource, pages: Sequence[Page | Pointer]) -> Iterator[Leaf]:
    """Yield every leaf below ``pages`` (all of one level) in key order, reading many pages at a time."""
    for at in range(0, len(pages), _BATCH):
        below: list[Page | Pointer] = []
        for page in open_pages(source, pages[at : at + _BATCH]):
            if type(page) is Leaf:
                yield page
            else:
                below += [page.child(index) for index in range(len(page.keys))]  # type: ignore[union-attr]
        if below:
            yield from iter_leaves(source, below)


def open_pages(source: PageSource, pages: Sequence[Page | Pointer]) -> list[Page]:
    """Return the pages themselves, reading those of which only the pointer is known in one go."""
    missing = [page for page in pages if type(page) is Pointer]
    if not missing:
        return list(pages)  # type: ignore[arg-type]
    loaded = iter(source.pages(missing))
    return [next(loaded) if type(page) is Pointer else page for page in pages]  # type: ignore[misc]


def build(entries: Iterable[Entry]) -> Page | None:
    """Build a container from entries in strictly rising key order; None from none."""
    columns = list(zip(*entries, strict=True))
    return build_columns(*columns) if columns else None


def build_columns(keys: tuple[bytes, ...], values: tuple[Value, ...], ordinals: tuple[int, ...]) -> Page:
    """Build a container from at least one child: keys in strictly rising order, with their children and ordinals."""
    root = _raise_to_root(0, _cut(0, cuts(keys, 0), keys, values, ordinals))
    assert root is not None
    return root


def edit(source: PageSource, root: Page | Pointer | None, changes: Sequence[Change]) -> Page | None:
    """Apply changes, in strictly rising key order, and return the new root; None when nothing is left.

    Removing a key that is not there changes nothing. The result has the shape that ``build`` gives the same content.
    """
    if root is None:
        return build((key, *change) for key, change in changes if change is not None)
    page = open_page(source, root)
    if not changes:
        return page
    replaced = _replace_values(source, page, changes)
    if replaced is not None:
        return replaced
    items: list[_Change] = [(key, None if change is None else (key, *change)) for key, change in changes]
    for level in range(page.level):
        items = sorted(_recut(source, page, level, items).items(), key=_first)
    top = _recut(source, page, page.level, items)
    return open_root(source, _raise_to_root(page.level, [item for _, item in sorted(top.items(), key=_first) if item]))


def open_root(source: PageSource, page: Page | None) -> Page | None:
    """Step down from inner pages with one child: the root is the lowest page that holds everything."""
    while type(page) is Inner and len(page.keys) == 1:
        page = open_page(source, page.child(0))
    return page


# One entry of a level: of a leaf (key, child, ordinal), of an inner page (last key, count, page).
_Item = tuple[bytes, object, object]
_Change = tuple[bytes, _Item | None]


def _first(entry: tuple[Any, ...]) -> bytes:
    return entry[0]  # type: ignore[no-any-return]


def _cut(
    level: int, places: Sequence[int], keys: tuple[bytes, ...], seconds: tuple[Any, ...], thirds: tuple[Any, ...]
) -> list[_Item]:
    """Cut the entries of one level, given as columns, into pages; what comes after the last place is one, too."""
    pages: list[_Item] = []
    start = 0
    for end in places:
        pages.append(_make_page(level, keys[start:end], seconds[start:end], thirds[start:end]))
        start = end
    if start < len(keys):
        pages.append(_make_page(level, keys[start:], seconds[start:], thirds[start:]))
    return pages


def _make_page(level: int, keys: tuple[bytes, ...], seconds: tuple[Any, ...], thirds: tuple[Any, ...]) -> _Item:
    page = inner_page(level, keys, seconds, thirds) if level else Leaf(keys, seconds, thirds)
    return keys[-1], sum(seconds) if level else len(keys), page


def _items_of(page: Page) -> list[_Item]:
    if type(page) is Leaf:
        return page.entries()  # type: ignore[return-value]
    return [(key, page.counts[index], page.child(index)) for index, key in enumerate(page.keys)]  # type: ignore[union-attr]


def _raise_to_root(level: int, pages: list[_Item]) -> Page | None:
    """Build the levels above ``pages`` until one page holds all."""
    while len(pages) > 1:
        level += 1
        keys, counts, below = zip(*pages, strict=True)
        pages = _cut(level, cuts(keys, level), keys, counts, below)
    return pages[0][2] if pages else None  # type: ignore[return-value]


def _replace_values(source: PageSource, page: Page, changes: Sequence[Change]) -> Page | None:
    """Replace the values of keys that are all there, in one descent; None where a key comes or goes."""
    if type(page) is Leaf:
        values, ordinals = list(page.values), list(page.ordinals)
        for key, change in changes:
            index = bisect_left(page.keys, key)
            if change is None or index == len(page.keys) or page.keys[index] != key:
                return None
            values[index], ordinals[index] = change
        return Leaf(page.keys, tuple(values), tuple(ordinals))
    assert type(page) is Inner
    at = 0
    while at < len(changes):
        index = bisect_left(page.keys, changes[at][0])
        if index == len(page.keys):
            return None
        end = at + 1
        while end < len(changes) and changes[end][0] <= page.keys[index]:
            end += 1
        child = _replace_values(source, open_page(source, page.child(index)), changes[at:end])
        if child is None:
            return None
        page = page.with_child(index, child, 0)
        at = end
    return page


def _recut(source: PageSource, root: Page, level: int, changes: Sequence[_Change]) -> dict[bytes, _Item | None]:
    """Apply changes to one level; return what changes a level above, by last key: None for a page that is gone."""
    above: dict[bytes, _Item | None] = {}
    at = 0
    while at < len(changes):
        page, is_last = _page_at(source, root, level, changes[at][0], bisect_left)
        items: list[_Item] = []  # from a cut on, to where an old cut is one again
        places: list[int] = []
        while True:
            last_key = page.keys[-1]
            above.setdefault(last_key, None)
            end = len(changes) if is_last else at
            while end < len(changes) and changes[end][0] <= last_key:
                end += 1
            changed, at = changes[at:end], end
            if not items and (refilled := _refill(page, changed)):
                above[last_key] = refilled
                break
            items += _merge(_items_of(page), changed)
            places = cuts([item[0] for item in items], level)
            if is_last or places[-1:] == [len(items)] or not items:
                break
            page, is_last = _page_at(source, root, level, last_key, bisect_right)
        for item in _cut(level, places, *zip(*items, strict=True)) if items else ():
            above[item[0]] = item
    return above


def _refill(page: Page, changes: Sequence[_Change]) -> _Item | None:
    """Return a page with other entries under keys that it has: its cuts stay. None where a key comes or goes.

    Above the level where one does, it is nearly always so, and spares each page there its pointers and its keys.
    """
    for key, item in changes:
        index = bisect_left(page.keys, key)
        if item is None or index == len(page.keys) or page.keys[index] != key:
            return None
        if type(page) is Leaf:
            page = page.with_value(index, item[1], item[2])  # type: ignore[arg-type] # an entry of a leaf
        else:
            assert type(page) is Inner
            page = page.with_child(index, item[2], item[1] - page.counts[index])  # type: ignore[operator, arg-type]
    return page.keys[-1], page.count, page


def _merge(items: list[_Item], changes: Sequence[_Change]) -> list[_Item]:
    merged: dict[bytes, _Item | None] = {item[0]: item for item in items}
    known = len(merged)
    merged.update(changes)
    result = [item for item in merged.values() if item is not None]
    if len(merged) != known:  # keys came, at the end of the dict
        result.sort(key=_first)
    return result


def _page_at(source: PageSource, root: Page, level: int, key: bytes, side: object) -> tuple[Page, bool]:
    """Return the page of a level in which ``key`` (bisect_left) or what follows it (bisect_right) belongs.

    Also return whether it is the last one of its level.
    """
    page, is_last = root, True
    while page.level > level:
        assert type(page) is Inner
        top = len(page.keys) - 1
        index = min(side(page.keys, key), top)  # type: ignore[operator]
        is_last = is_last and index == top
        page = open_page(source, page.child(index))
    return page, is_last
