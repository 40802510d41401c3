"""The container by itself: an edited one is the one that is built, and a diff is exact, whatever the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treering.merkle.chunking import LEAF_THRESHOLDS, key_number
from treering.merkle.container import Change, build, edit, find, iter_entries, iter_leaves
from treering.merkle.diff import diff
from treering.merkle.seal import seal_root
from treering.objects.frame import PAGE, hash_content
from treering.objects.page import Inner, Leaf, Page, decode_page
from treering.objects.pointer import Location, Pointer

Content = dict[bytes, tuple[Any, int]]  # key: child, ordinal


class Pages:
    """A page store in a dict that writes bytes and reads them back, and counts what is read."""

    def __init__(self) -> None:
        self.stored: dict[Pointer, tuple[bytes, bytes]] = {}
        self.reads = 0
        self._counter = count()

    def put(self, kind: bytes, content: bytes, tail: bytes, value: object, old: bytes) -> Pointer:
        pointer = Pointer(hash_content(kind, content), Location(next(self._counter).to_bytes(16, "big")))
        self.stored[pointer] = content, tail
        return pointer

    def page(self, pointer: Pointer) -> Page:
        self.reads += 1
        return decode_page(*self.stored[pointer])

    def child(self, page: Inner, index: int) -> Page:
        return page.fresh.get(index) or self.page(page.pointer(index))

    def pages(self, pointers: Sequence[Pointer]) -> list[Page]:
        return [self.page(pointer) for pointer in pointers]

    def seal(self, page: Page | None) -> Page | Pointer | None:
        return None if page is None else seal_root(page, self.put, lambda value, put: value)


def identity(root: Page | Pointer | None) -> object:
    """Return what names a container: its hash, or its content where it is embedded."""
    if root is None or type(root) is Pointer:
        return root and root.hash
    return hash_content(PAGE, root.encode()[0])  # type: ignore[union-attr]


def built(pages: Pages, content: Mapping[bytes, tuple[Any, int]]) -> Page | Pointer | None:
    return pages.seal(build((key, *content[key]) for key in sorted(content)))


def read(pages: Pages, root: Page | Pointer | None) -> Content:
    return {} if root is None else {key: (value, ordinal) for key, value, ordinal in iter_entries(pages, root)}


def _chosen_keys(low: int, high: int, level: int, number: int) -> list[bytes]:
    """Find keys that somebody who knows the cut rule would choose: all with their number in one range."""
    found = (key for key in map(b"%08x".__mod__, count()) if low <= key_number(key, level) < high)
    return [key for key, _ in zip(found, range(number), strict=False)]


KEY_SETS: dict[str, list[bytes]] = {
    "counting": [b"%06d" % number for number in range(700)],
    "sparse": [number.to_bytes(8, "big") for number in range(0, 700 * 7919, 7919)],
    "long": [b"%0200d" % number for number in range(300)],
    "cut everywhere": _chosen_keys(0, LEAF_THRESHOLDS[2], 0, 60),
    "cut nowhere": _chosen_keys(0xF9400000, 1 << 32, 0, 700),
    "cut nowhere above": _chosen_keys(0xB6000000, 1 << 32, 1, 700),
}
values = st.binary(min_size=1, max_size=12).map(b"\x00".__add__)


@st.composite
def contents(draw: st.DrawFn) -> tuple[list[bytes], Content]:
    keys = KEY_SETS[draw(st.sampled_from(sorted(KEY_SETS)))]
    value = draw(values)
    start = draw(st.integers(0, len(keys)))
    some = keys[start : start + draw(st.integers(0, len(keys)))]
    gaps = set(draw(st.lists(st.sampled_from(keys), max_size=20)))
    return keys, {key: (value + key[-2:], at) for at, key in enumerate(some) if key not in gaps}


def changes_of(data: st.DataObject, keys: list[bytes]) -> list[Change]:
    """Draw changes: scattered ones, or a run of neighbours, put in, replaced or removed."""
    one = st.none() | st.tuples(values, st.integers(0, 70_000))
    changes: dict[bytes, Any] = data.draw(st.dictionaries(st.sampled_from(keys), one, max_size=12))
    if data.draw(st.booleans()):
        start = data.draw(st.integers(0, len(keys) - 1))
        run = keys[start : start + data.draw(st.sampled_from((1, 5, 40, 200)))]
        changes.update(dict.fromkeys(run, data.draw(one)))
    return sorted(changes.items())


def applied(content: Content, changes: Sequence[Change]) -> Content:
    result: dict[bytes, Any] = {**content, **dict(changes)}
    return {key: value for key, value in result.items() if value is not None}


@given(contents(), st.data())
def test_edited_is_built(start: tuple[list[bytes], Content], data: st.DataObject) -> None:
    keys, content = start
    pages = Pages()
    root = built(pages, content)
    for _ in range(data.draw(st.integers(1, 5))):
        changes = changes_of(data, keys)
        content = applied(content, changes)
        root = pages.seal(edit(pages, root, changes))
        again = built(pages, content)
        assert read(pages, root) == content
        assert identity(root) == identity(again)
        if root is not None and again is not None:
            assert type(root) is type(again)
            tails = [[leaf.ordinals for leaf in iter_leaves(pages, [tree])] for tree in (root, again)]
            assert tails[0] == tails[1]


@given(contents(), st.data())
def test_edits_before_writing_are_one_edit(start: tuple[list[bytes], Content], data: st.DataObject) -> None:
    """A transaction edits pages that are not written yet."""
    keys, content = start
    pages = Pages()
    root: Page | Pointer | None = built(pages, content)
    for _ in range(3):
        changes = changes_of(data, keys)
        content = applied(content, changes)
        root = edit(pages, root, changes)
    sealed = pages.seal(root) if not isinstance(root, Pointer) else root
    assert identity(sealed) == identity(built(pages, content))


@given(contents(), st.data())
def test_diff_is_exact_and_applies(start: tuple[list[bytes], Content], data: st.DataObject) -> None:
    keys, old = start
    new = applied(old, changes_of(data, keys))
    pages = Pages()
    one, other = built(pages, old), built(pages, new)
    found = list(diff(pages, one, other))
    expected = [
        (key, old.get(key, (None,))[0], new.get(key, (None,))[0])
        for key in sorted(old.keys() | new.keys())
        if old.get(key, (None,))[0] != new.get(key, (None,))[0]
    ]
    assert found == expected
    patched = {key: value for key, (value, _) in old.items()}
    for key, _, after in found:
        patched.pop(key, None)
        if after is not None:
            patched[key] = after
    assert patched == {key: value for key, (value, _) in new.items()}


@given(contents(), st.data())
def test_look_ups_and_paging(start: tuple[list[bytes], Content], data: st.DataObject) -> None:
    keys, content = start
    pages = Pages()
    root = built(pages, content)
    if root is None:
        return
    key = data.draw(st.sampled_from(keys))
    assert find(pages, root, key) == content.get(key, (None, 0))[0]
    assert [entry[0] for entry in iter_entries(pages, root, key)] == sorted(k for k in content if k >= key)
    assert (root.count if not isinstance(root, Pointer) else pages.page(root).count) == len(content)


@given(contents(), st.data())
def test_a_changed_value_moves_no_boundary(start: tuple[list[bytes], Content], data: st.DataObject) -> None:
    _, content = start
    if not content:
        return
    pages = Pages()
    root = built(pages, content)
    key = data.draw(st.sampled_from(sorted(content)))
    written = len(pages.stored)
    after = pages.seal(edit(pages, root, [(key, (b"\x00another value", content[key][1]))]))
    assert root is not None
    assert after is not None
    assert len(pages.stored) - written <= _height(pages, root)
    assert _leaf_keys(pages, root) == _leaf_keys(pages, after)


@pytest.mark.parametrize("name", sorted(KEY_SETS))
def test_pages_are_bounded_for_any_keys(name: str) -> None:
    pages = Pages()
    keys = KEY_SETS[name]
    root = built(pages, {key: (b"\x00" + key, at) for at, key in enumerate(keys)})
    sizes = [len(decode_page(*stored).keys) for stored in pages.stored.values()]
    assert max(sizes) <= 48
    assert root is not None
    assert _height(pages, root) <= 1 + len(keys).bit_length()


def _height(pages: Pages, root: Page | Pointer) -> int:
    page = pages.page(root) if type(root) is Pointer else root
    return page.level + 1  # type: ignore[union-attr]


def _leaf_keys(pages: Pages, root: Page | Pointer) -> list[tuple[bytes, ...]]:
    return [leaf.keys for leaf in iter_leaves(pages, [root]) if type(leaf) is Leaf]
