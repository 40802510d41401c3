"""One key put or removed where a descent led to it: always the container that is built, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.property.test_container import KEY_SETS, Content, Pages, built, contents, identity, read, values

from treering.merkle.container import build, edit
from treering.merkle.place import Place
from treering.objects.page import Inner, Leaf, Page
from treering.objects.pointer import Embedded, Hash, Location, Pointer

ordinals = st.sampled_from((0, 1, 255, 256, 70_000, 1 << 33))
pointers = st.builds(
    Pointer, st.binary(min_size=32, max_size=32).map(Hash), st.binary(min_size=16, max_size=16).map(Location)
)
children = st.one_of(values, values, st.builds(Embedded, values, st.binary(min_size=1, max_size=5)), pointers)


def every_page(pages: Pages, root: Page | Pointer) -> list[Page]:
    """Return the pages of a container, from the top down and in key order."""
    page = pages.page(root) if type(root) is Pointer else root
    if type(page) is not Inner:
        return [page]  # type: ignore[list-item]
    return [page, *(one for at in range(len(page.keys)) for one in every_page(pages, page.child(at)))]


def rebuilt(page: Page) -> Page:
    """Return a page with the same parts and nothing encoded beforehand."""
    if type(page) is Leaf:
        return Leaf(page.keys, page.values, page.ordinals)
    assert type(page) is Inner
    return Inner(page.level, page.keys, page.counts, page.hashes, page.locations, page.fresh)


class Checked(Pages):
    """Pages that are looked at when they are written: what a page reuses never changes a byte."""

    def put(self, kind: bytes, content: bytes, tail: bytes, value: object, old: bytes) -> Pointer:
        assert isinstance(value, Leaf | Inner)
        assert rebuilt(value).encode() == (content, tail)
        assert not old or old == bytes(16) or any(pointer.location == old for pointer in self.stored)
        return super().put(kind, content, tail, value, old)


class Warm(Checked):
    """Pages that are read as those objects that were written, as out of a cache: what they have encoded is reused."""

    def __init__(self) -> None:
        super().__init__()
        self._cache: dict[Pointer, Page] = {}

    def put(self, kind: bytes, content: bytes, tail: bytes, value: object, old: bytes) -> Pointer:
        pointer = super().put(kind, content, tail, value, old)
        self._cache[pointer] = value  # type: ignore[assignment]
        return pointer

    def page(self, pointer: Pointer) -> Page:
        return self._cache[pointer]


def check(pages: Pages, root: Page | Pointer | None, content: Content) -> None:
    """The container is the one that is built: the same pages, encoded in the same bytes, but for where they stand."""
    again = built(pages, content)
    assert identity(root) == identity(again)
    assert type(root) is type(again)
    if root is None or again is None:
        assert not content
        return
    ours, theirs = every_page(pages, root), every_page(pages, again)
    assert len(ours) == len(theirs)
    for page, other in zip(ours, theirs, strict=True):
        assert page.encode() == rebuilt(page).encode()
        assert page.encode()[0] == other.encode()[0]
        if type(page) is Leaf:
            assert page.encode()[1] == other.encode()[1]
    assert ours[0].count == len(content)


def put_or_remove(
    pages: Pages, root: Page | Pointer | None, key: bytes, change: tuple[Any, int] | None
) -> Page | Pointer | None:
    """Do what an editor does with one key."""
    if root is None:
        return None if change is None else build([(key, *change)])
    place = Place(pages, root, key)
    if change is not None:
        return place.put(*change)
    return place.remove() if place.found else root


@given(contents(), st.data(), st.booleans(), st.sampled_from((Checked, Warm)))
def test_a_key_put_or_removed_is_built(
    start: tuple[list[bytes], Content], data: st.DataObject, seal_each: bool, source: type[Pages]
) -> None:
    keys, content = start
    pages = source()
    root = built(pages, content)
    for _ in range(data.draw(st.integers(1, 20))):
        key = data.draw(st.sampled_from(keys))
        known = content.get(key)
        kept = st.just(known[1]) if known else ordinals
        change = data.draw(st.none() | st.tuples(children, ordinals | kept))
        before = root
        shape = None if before is None else [page.keys for page in every_page(pages, before)]
        root = put_or_remove(pages, root, key, change)
        if change is None:
            content = {other: child for other, child in content.items() if other != key}
        else:
            content = {**content, key: change}
        if before is not None:
            assert [page.keys for page in every_page(pages, before)] == shape  # what went in is as it was
        if seal_each or data.draw(st.booleans()):
            root = root if type(root) is Pointer else pages.seal(root)  # type: ignore[arg-type]
            check(pages, root, content)
    root = root if type(root) is Pointer else pages.seal(root)  # type: ignore[arg-type]
    check(pages, root, content)
    assert read(pages, root) == content


@given(contents(), st.data())
def test_a_place_finds_what_is_there(start: tuple[list[bytes], Content], data: st.DataObject) -> None:
    keys, content = start
    pages = Pages()
    root = built(pages, content)
    if root is None:
        return
    key = data.draw(st.sampled_from(keys) | st.binary(max_size=9))
    place = Place(pages, root, key)
    assert place.found == (key in content)
    assert place.value == content.get(key, (None, 0))[0]
    if place.found:
        assert place.ordinal == content[key][1]


@pytest.mark.parametrize("name", sorted(KEY_SETS))
@pytest.mark.parametrize("backwards", [False, True], ids=["first to last", "last to first"])
def test_a_container_is_filled_and_emptied_key_by_key(name: str, backwards: bool) -> None:
    keys = KEY_SETS[name][:130][:: -1 if backwards else 1]
    pages = Warm()
    root: Page | Pointer | None = None
    content: Content = {}
    for at, key in enumerate(keys):
        content[key] = (b"\x00" + key[-2:], at)
        root = pages.seal(put_or_remove(pages, root, key, content[key]))  # type: ignore[arg-type]
        check(pages, root, content)
    for key in keys:
        del content[key]
        root = put_or_remove(pages, root, key, None)
        root = root if type(root) is Pointer else pages.seal(root)  # type: ignore[arg-type]
        check(pages, root, content)
    assert root is None


@pytest.mark.parametrize("name", sorted(KEY_SETS))
def test_every_key_of_a_container_can_go_and_come_back(name: str) -> None:
    """The last key of each page, the only one of a page, the last of all: each alone."""
    keys = KEY_SETS[name][:150]
    content: Content = {key: (b"\x00" + key[-2:], at) for at, key in enumerate(keys)}
    pages = Warm()
    whole = built(pages, content)
    assert whole is not None
    for key in keys:
        rest = {other: child for other, child in content.items() if other != key}
        without = Place(pages, whole, key).remove()
        assert without is not None
        check(pages, pages.seal(without), rest)
        check(pages, pages.seal(Place(pages, without, key).put(*content[key])), content)


@given(contents(), st.data())
def test_it_is_the_general_edit(start: tuple[list[bytes], Content], data: st.DataObject) -> None:
    """One key by its place, several at once by an edit, in turns and before anything is written."""
    keys, content = start
    pages = Checked()
    one: Page | Pointer | None = built(pages, content)
    other = one
    for _ in range(data.draw(st.integers(1, 8))):
        key = data.draw(st.sampled_from(keys))
        change = data.draw(st.none() | st.tuples(values, ordinals))
        one = put_or_remove(pages, one, key, change)
        other = edit(pages, other, [(key, change)])
        assert (one is None) == (other is None)
    sealed = [root if root is None or type(root) is Pointer else pages.seal(root) for root in (one, other)]  # type: ignore[arg-type]
    assert identity(sealed[0]) == identity(sealed[1])
