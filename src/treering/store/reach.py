"""Which locations a run of commits reaches and some others do not: what prune deletes by.

Trees are compared by location, never by hash. A location stands at one place of a tree and its descendants, so a page
is looked for where its last key leads. All trees of the run are walked together, level by level and by the pages that
are gone alone: each is compared with the page that stands beside it in each of the other trees, location by location.
Where these two have the same keys, which their bytes tell, no key has to be decoded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from treering.objects.node import Container, Node, Slot
from treering.objects.page import Inner, Leaf, Page, Value
from treering.objects.pointer import LOCATION_BYTES, Embedded, Location, Pointer
from treering.objects.skim import Skim
from treering.store.reader import Reader, StoredCommit

_BATCH = 1024  # objects asked for at once
_LOCATION_SHIFT = 7  # a location has 1 << 7 bits


def reached_only_by(reader: Reader, run: Sequence[StoredCommit], others: Sequence[StoredCommit]) -> dict[Location, int]:
    """Return the locations that a run of commits reaches and none of ``others`` does, those of the commits included.

    With each comes the size of what is stored there, 0 where that was not read. Reads what it returns and, once for the
    whole run, the pages beside: the height of the tree for each, whatever its size.
    """
    search = _Search(reader)
    kept = {commit.pointer.location for commit in others}
    roots = [commit.record.root for commit in run if commit.pointer.location not in kept]
    kept |= {commit.record.schema.location for commit in others}
    for commit in run:
        for location in (commit.pointer.location, commit.record.schema.location):
            if location not in kept:
                search.found[location] = 0
    search.nodes(roots, [commit.record.root for commit in others])
    return search.found


class _Beside:
    """A page of another tree, ready to be compared with the versions of it in the run.

    ``last``: the locations in the version looked at before, as one number; to begin with, those in the page itself.
    """

    __slots__ = ("cut", "last", "locations", "page")

    def __init__(self, page: Inner) -> None:
        self.page = page
        self.cut = page.content[: page.index.counts_at]  # its level and its keys, as they are encoded
        self.locations = page.locations
        self.last = int.from_bytes(page.locations, "little")


class _Gone:
    """An inner page of the run that none of the others has, and what is known to stand beside it in each of them."""

    __slots__ = ("beside", "skim")

    def __init__(self, skim: Skim, beside: list[_Beside | None]) -> None:
        self.skim = skim
        self.beside = beside


# Where pages are that the others lack, each with a page that leads there, and at which index.
_Missing = dict[Location, tuple[_Gone, int]]


class _Search:
    """Walks the trees of a run with the others beside them, and notes in ``found`` what these lack."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.found: dict[Location, int] = {}

    def nodes(self, versions: Sequence[Node], others: Sequence[Node]) -> None:
        """Go on below nodes that stand at one place."""
        for number in sorted({number for node in versions for number in node.slots}):
            slots = [node.slots[number] for node in versions if number in node.slots]
            beside = [node.slots[number] for node in others if number in node.slots]
            roots = [slot.root for slot in slots if type(slot) is Container]
            if roots:
                self._container(roots, [slot.root for slot in beside if type(slot) is Container])
            self._values([(slots, beside)])

    def _values(self, places: Iterable[tuple[Sequence[Slot], Sequence[Slot]]]) -> None:
        """Go on below the children at several places: those in the run, and those in the others."""
        todo: list[tuple[list[Value], list[Value]]] = []
        for versions, others in places:
            beside = _holding_locations(others)
            gone = [value for value in _holding_locations(versions) if value not in beside]
            if gone:
                todo.append((gone, beside))
                self.found.update((value.location, 0) for value in gone if type(value) is Pointer)
        for at in range(0, len(todo), _BATCH):
            part = todo[at : at + _BATCH]
            nodes = iter(self._reader.nodes([value for gone, _ in part for value in gone]))
            opened = [([next(nodes) for _ in gone], beside) for gone, beside in part]
            parents = [(versions, beside) for versions, beside in opened if any(node.slots for node in versions)]
            nodes = iter(self._reader.nodes([value for _, beside in parents for value in beside]))
            for versions, beside in parents:
                self.nodes(versions, [next(nodes) for _ in beside])

    def _container(self, roots: Sequence[Page | Pointer], others: Sequence[Page | Pointer]) -> None:
        stored = {other.location for other in others if type(other) is Pointer}
        entering = self._open_roots(roots, stored)
        if not entering:
            return
        tops = [self._reader.page(other) if type(other) is Pointer else cast("Page", other) for other in others]
        pages: list[_Gone] = []
        leaves: list[Skim] = []
        for level in range(max(root.level for root in entering), -1, -1):
            here = self._gone_roots([root for root in entering if root.level == level], level, tops)
            if level == 0:
                self._leaves([*leaves, *here], tops)
                return
            known = [_Beside(top) if type(top) is Inner and top.level == level else None for top in tops]
            pages += [_Gone(root, known) for root in here]
            missing = self._missing(pages, level, tops)
            for location in stored:
                missing.pop(location, None)
            if level == 1:
                leaves = [skim for skim in self._read(missing) if skim.has_locations]
            else:
                pages = self._step_down(missing)

    def _open_roots(self, roots: Sequence[Page | Pointer], stored: set[Location]) -> list[Skim]:
        """Return the roots of one container in the trees of the run, but for those that others have."""
        pointers = list(
            dict.fromkeys([root for root in roots if type(root) is Pointer and root.location not in stored])
        )
        entering = [Skim.of(cast("Page", root), None) for root in roots if type(root) is not Pointer]
        for at in range(0, len(pointers), _BATCH):
            entering += self._reader.skims(pointers[at : at + _BATCH])
        return entering

    def _gone_roots(self, roots: list[Skim], level: int, tops: Sequence[Page]) -> list[Skim]:
        """Return those of the roots of a level that do not stand in a higher tree among the others."""
        for top in tops:
            if top.level > level and any(root.location for root in roots):
                keys = sorted({self._reader.skimmed(root).keys[-1] for root in roots})
                beside = {place for page in self._led_to(top, level + 1, keys) for place in Skim.of(page, None).places}
                roots = [root for root in roots if root.location not in beside]
        self.found.update((root.location, root.size) for root in roots if root.location is not None)
        return roots

    def _missing(self, pages: Sequence[_Gone], level: int, tops: Sequence[Page]) -> _Missing:
        """Return where the pages are that stand below those of a level and that the others lack."""
        alive: set[Location] = set()
        for index, top in enumerate(tops):
            if top.level >= level:
                alive.update(self._place_by_keys(pages, index, level, top))
        missing: _Missing = {}
        for page in pages:
            if page.beside and (other := page.beside[0]) is not None:
                self._look_at_next(page, other, alive, missing)
            else:
                for at, place in enumerate(page.skim.places):
                    if place not in missing and place not in alive and not _is_at(place, at, page.beside):
                        missing[place] = page, at
        return missing

    def _look_at_next(self, page: _Gone, other: _Beside, alive: set[Location], missing: _Missing) -> None:
        """Find what a page lacks that the version of it which was looked at before has, or for the first, ``other``.

        That is one location in nearly every case, as the run's commits mostly follow one another here, too: to look at
        all of them would take twice the time of a prune, and to make bytes of each half of it.
        """
        tail = page.skim.tail
        number = int.from_bytes(tail, "little")
        differing = number ^ other.last
        other.last = number
        while differing:
            index = (differing & -differing).bit_length() - 1 >> _LOCATION_SHIFT
            start = index * LOCATION_BYTES
            place: Location = tail[start : start + LOCATION_BYTES]  # type: ignore[assignment]
            is_there = place == other.locations[start : start + LOCATION_BYTES] or place in missing or place in alive
            if not is_there and (len(page.beside) == 1 or not _is_at(place, index, page.beside)):
                missing[place] = page, index
            seen = index + 1 << _LOCATION_SHIFT
            differing = differing >> seen << seen

    def _place_by_keys(self, pages: Sequence[_Gone], index: int, level: int, top: Page) -> set[Location]:
        """See to it that the pages of a level are beside pages with the same keys in one of the others.

        Returns, where there are none, all locations in the pages of the other that their keys lead to.
        """
        lost = []
        for page in pages:
            beside = page.beside[index]
            if beside is None or not page.skim.content.startswith(beside.cut):
                lost.append(page)
        if not lost:
            return set()
        keys = sorted({key for page in lost for key in self._reader.skimmed(page.skim).keys})
        led_to = {beside.cut: beside for beside in map(_Beside, cast("list[Inner]", self._led_to(top, level, keys)))}
        is_found = True
        for page in lost:
            found = led_to.get(_Beside(cast("Inner", self._reader.skimmed(page.skim))).cut)
            page.beside = [*page.beside[:index], found, *page.beside[index + 1 :]]
            is_found = is_found and found is not None
        return set() if is_found else {place for beside in led_to.values() for place in beside.page.places()}

    def _read(self, missing: _Missing) -> Iterator[Skim]:
        """Read pages that are gone, and note them."""
        pointers = [page.skim.pointer(index) for page, index in missing.values()]
        for at in range(0, len(pointers), _BATCH):
            read = self._reader.skims(pointers[at : at + _BATCH])
            self.found.update([(skim.location, skim.size) for skim in read])  # type: ignore[misc]
            yield from read

    def _step_down(self, missing: _Missing) -> list[_Gone]:
        """Read pages that are gone, and those at their places in the others."""
        wanted: dict[bytes, Pointer] = {}
        places: list[list[bytes]] = []
        for page, index in missing.values():
            at = index * LOCATION_BYTES
            end = at + LOCATION_BYTES
            row = [b"" if other is None else other.locations[at:end] for other in page.beside]
            places.append(row)
            for place, other in zip(row, page.beside, strict=True):
                if other is not None and place not in wanted:
                    wanted[place] = other.page.pointer(index)
        pointers = list(wanted.values())
        beside: dict[bytes, _Beside] = {}
        for at in range(0, len(pointers), _BATCH):
            part = pointers[at : at + _BATCH]
            read = zip(part, self._reader.pages(part), strict=True)
            beside.update([(pointer[1], _Beside(page)) for pointer, page in read if type(page) is Inner])
        find = beside.get
        return [_Gone(skim, list(map(find, row))) for skim, row in zip(self._read(missing), places, strict=True)]

    def _leaves(self, leaves: Sequence[Skim], tops: Sequence[Page]) -> None:
        """Go on below the children in leaves that are gone."""
        held: dict[bytes, list[Value]] = {}
        for skim in leaves:
            leaf = self._reader.skimmed(skim) if skim.has_locations else None
            for key, value in zip(leaf.keys, leaf.values, strict=True) if type(leaf) is Leaf else ():
                if _holds_locations(value):
                    held.setdefault(key, []).append(value)
        keys = sorted(held)
        for at in range(0, len(keys), _BATCH):
            part = keys[at : at + _BATCH]
            beside: dict[bytes, list[Value]] = {key: [] for key in part}
            for top in tops:
                for page in self._led_to(top, 0, part):
                    leaf = cast("Leaf", page)
                    for key in beside.keys() & set(leaf.keys):
                        beside[key].append(leaf.values[bisect_left(leaf.keys, key)])
            self._values([(held[key], beside[key]) for key in part])

    def _led_to(self, top: Page, level: int, keys: Sequence[bytes]) -> list[Page]:
        """Return the pages of a level that the rising ``keys`` lead to."""
        pages = [top] if top.level >= level else []
        while pages and pages[0].level > level:
            pointers: list[Pointer] = []
            at = 0
            for page in pages:
                assert type(page) is Inner
                end = bisect_right(keys, page.keys[-1], at)
                pointers += map(page.pointer, sorted({bisect_left(page.keys, key) for key in keys[at:end]}))
                at = end
            pages = self._reader.pages(pointers)
        return pages


def _is_at(place: Location, index: int, beside: Sequence[_Beside | None]) -> bool:
    """Tell whether one of several pages has a location at an index."""
    at = index * LOCATION_BYTES
    return any(other is not None and other.locations[at : at + LOCATION_BYTES] == place for other in beside)


def _holds_locations(value: object) -> bool:
    return type(value) is Pointer or type(value) is Embedded


def _holding_locations(values: Sequence[Slot]) -> list[Value]:
    """Return those that do, each once."""
    return list(dict.fromkeys([cast("Value", value) for value in values if _holds_locations(value)]))
