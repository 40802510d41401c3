"""Which locations a run of commits reaches and some others do not: what prune deletes by.

Trees are compared by location, never by hash. A location stands at one place of a tree and its descendants, and once
gone from a line of commits it never comes back to it. So each level of all trees of the run is looked at together: of
every page that is found to be gone, the locations in its tail less those in the tails of the pages of the other trees
that stand beside it. Keys are decoded only where the others differ more than the run does, to find those pages.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import filterfalse, islice, repeat
from typing import cast

from treering.objects.node import Container, Node, Slot
from treering.objects.page import Inner, Leaf, Page, Value
from treering.objects.pointer import Embedded, Location, Pointer
from treering.objects.skim import Skim
from treering.store.reader import Reader, StoredCommit

_BATCH = 1024  # objects asked for at once

# What stands at one place in the trees of the run, each with the number of a commit that has it there: 0, the newest.
_Versions = list[tuple[int, Slot]]
# What stands there in the other trees: the one above the run, the one below (None: history ends), any others.
_Beside = Sequence[Slot | None]


def reached_only_by(
    reader: Reader,
    run: Sequence[StoredCommit],
    above: StoredCommit,
    below: StoredCommit | None,
    others: Sequence[StoredCommit] = (),
) -> dict[Location, int]:
    """Return the locations that a run reaches and none of the other commits does, those of the commits included.

    ``run``: commits that follow one another, newest first, between ``above`` and ``below``. With each location comes
    the size of what is stored there, 0 where that was not read. Costs two pages or so for each location returned, and
    the height of the tree for each of ``others``, whatever the size of the trees.
    """
    search = _Search(reader)
    beside = [above, below, *others]
    kept = [commit for commit in beside if commit is not None]
    locations = {commit.pointer.location for commit in kept} | {commit.record.schema.location for commit in kept}
    for commit in run:
        for location in (commit.pointer.location, commit.record.schema.location):
            if location not in locations:
                search.found[location] = 0
    is_kept = {commit.pointer.location for commit in kept}.__contains__
    roots = [(age, commit.record.root) for age, commit in enumerate(run) if not is_kept(commit.pointer.location)]
    search.nodes(roots, [None if commit is None else commit.record.root for commit in beside])
    return search.found


class _Front:
    """One of the other containers, and at each level those of its pages that may hold what the run's pages hold.

    ``pages`` None: not known without keys.
    """

    __slots__ = ("below", "pages", "top")

    def __init__(self, top: Page | None) -> None:
        self.top = top
        self.pages: list[Skim] | None = None
        self.below: dict[Location, Skim] = {}  # where the pages a level below are, each with the page that says so


class _Search:
    """Walks the trees of a run with the others beside them, and notes in ``found`` what these lack."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.found: dict[Location, int] = {}

    def nodes(self, versions: Sequence[tuple[int, Node]], beside: Sequence[Node | None]) -> None:
        """Go on below nodes that stand at one place."""
        for number in sorted({number for _, node in versions for number in node.slots}):
            slots = [(age, node.slots[number]) for age, node in versions if number in node.slots]
            others = [node and node.slots.get(number) for node in beside]
            roots = [(age, slot.root) for age, slot in slots if type(slot) is Container]
            if roots:
                self._container(roots, [other.root if type(other) is Container else None for other in others])
            self._values([(slots, others)])

    def _values(self, places: Sequence[tuple[_Versions, _Beside]]) -> None:
        """Go on below the children at several places."""
        todo: list[tuple[dict[Value, int], list[Value | None]]] = []
        for versions, beside in places:
            others = [cast("Value", other) if _holds_locations(other) else None for other in beside]
            gone = {cast("Value", value): age for age, value in versions if _holds_locations(value)}
            for other in others:
                gone.pop(other, None)  # type: ignore[arg-type]
            if gone:
                todo.append((gone, others))
                self.found.update((value.location, 0) for value in gone if type(value) is Pointer)
        for at in range(0, len(todo), _BATCH):
            part = todo[at : at + _BATCH]
            nodes = iter(self._reader.nodes([value for gone, _ in part for value in gone]))
            opened = [([(age, next(nodes)) for age in gone.values()], others) for gone, others in part]
            parents = [(old, others) for old, others in opened if any(node.slots for _, node in old)]
            read = iter(self._reader.nodes([other for _, others in parents for other in others if other is not None]))
            for old, others in parents:
                self.nodes(old, [None if other is None else next(read) for other in others])

    def _container(self, roots: Sequence[tuple[int, Page | Pointer]], beside: Sequence[Page | Pointer | None]) -> None:
        stored = {other.location for other in beside if type(other) is Pointer}
        entering = self._open_roots(roots, stored)
        if not entering:
            return
        fronts = [_Front(None if other is None else self._open(other)) for other in beside]
        above, below = fronts[:2]
        # Where history ends, the oldest tree of the run stands below the others as far as the fronts are concerned.
        oldest = max(entering, key=lambda root: root.age) if below.top is None else None
        pages: list[Skim] = []  # of the run, and in none of the others
        for level in range(max(root.level for root in entering), 0, -1):
            pages += self._gone_roots([root for root in entering if root.level == level], level, fronts)
            for front in (above, below):
                if front.top is not None and front.top.level == level:
                    front.pages = [Skim.of(front.top, 0, None)]
            if oldest is not None and oldest.level == level:
                below.pages = [oldest]
            for front in fronts:
                front.below = self._look_below(front, level, pages)
            alive = stored.union(*[front.below for front in fronts if front.top is not None]).__contains__
            gone: dict[Location, Skim] = {}
            for page in pages:  # three quarters of the time that a loop over the places takes
                gone.update(zip(filterfalse(alive, page.places), repeat(page)))
            pages = self._read_gone(gone, level - 1)
            if level > 1:
                self._step_down(above, below, pages)
            elif not pages and all(root.level for root in entering):
                return
        pages += self._gone_roots([root for root in entering if not root.level], 0, fronts)
        self._leaves(pages, fronts)

    def _open_roots(self, roots: Sequence[tuple[int, Page | Pointer]], stored: set[Location]) -> list[Skim]:
        """Return the roots of one container in the trees of the run, but for those that others have."""
        found = {root: age for age, root in roots if type(root) is Pointer and root.location not in stored}
        entering = [Skim.of(cast("Page", root), age, None) for age, root in roots if type(root) is not Pointer]
        pointers = list(found)
        for at in range(0, len(pointers), _BATCH):
            part = pointers[at : at + _BATCH]
            entering += self._reader.skims(part, [found[root] for root in part])
        return entering

    def _gone_roots(self, roots: list[Skim], level: int, fronts: Sequence[_Front]) -> list[Skim]:
        """Return those of the roots of a level that do not stand in a higher tree among the others."""
        keys = None
        for front in fronts:
            if front.top is not None and front.top.level > level and any(root.location for root in roots):
                keys = keys or sorted({self._reader.skimmed(root).keys[-1] for root in roots})
                led_to = self._led_to(front.top, level + 1, keys)
                beside = {place for page in led_to for place in Skim.of(page, 0, None).places}
                roots = [root for root in roots if root.location not in beside]
        self.found.update((root.location, root.size) for root in roots if root.location is not None)
        return roots

    def _look_below(self, front: _Front, level: int, pages: Sequence[Skim]) -> dict[Location, Skim]:
        """Return where the pages are that stand below those of a level which may hold what ``pages`` hold."""
        beside = front.pages
        if beside is None:
            if front.top is None or front.top.level < level or not pages:
                return {}
            keys = sorted({key for page in pages for key in self._reader.skimmed(page).keys})
            beside = [Skim.of(page, 0, None) for page in self._led_to(front.top, level, keys)]
        below: dict[Location, Skim] = {}
        for page in beside:
            below.update(dict.fromkeys(page.places, page))
        return below

    def _step_down(self, above: _Front, below: _Front, pages: Sequence[Skim]) -> None:
        """Find the pages a level below that may hold what ``pages`` hold.

        What stands above the run and below it stands in all of it, so nothing beside that is gone. Of what is left the
        run has about as many pages, each of them gone. Where there are more, the others differ elsewhere, too, and keys
        have to tell.
        """
        for front, other in ((above, below), (below, above)):
            if front.pages is None:
                continue
            differing = [(place, page) for place, page in front.below.items() if place not in other.below]
            if len(differing) > len(pages):
                front.pages = None
            elif front.top is None:  # the run's own: nothing to be read for it
                wanted = {place for place, _ in differing}
                front.pages = [page for page in pages if page.location in wanted]
            else:
                front.pages = self._reader.skims(
                    [page.pointer(place) for place, page in differing], [0] * len(differing)
                )

    def _read_gone(self, gone: dict[Location, Skim], level: int) -> list[Skim]:
        """Read pages of a level that are gone, and note them; leaves that lead nowhere are left out."""
        pages: list[Skim] = []
        for at in range(0, len(gone), _BATCH):
            part = list(islice(gone.items(), at, at + _BATCH))
            read = self._reader.skims([page.pointer(place) for place, page in part], [page.age for _, page in part])
            self.found.update([(page.location, page.size) for page in read])  # type: ignore[misc]
            pages += read if level else [page for page in read if page.has_locations]
        return pages

    def _leaves(self, pages: Sequence[Skim], fronts: Sequence[_Front]) -> None:
        """Go on below the children in leaves that are gone."""
        held: dict[bytes, _Versions] = {}
        for page in pages:
            leaf = self._reader.skimmed(page) if page.has_locations else None
            for key, value in zip(leaf.keys, leaf.values, strict=True) if type(leaf) is Leaf else ():
                if _holds_locations(value):
                    held.setdefault(key, []).append((page.age, value))
        keys = sorted(held)
        for at in range(0, len(keys), _BATCH):
            part = keys[at : at + _BATCH]
            columns: list[list[Value | None]] = []
            for front in fronts:
                values: dict[bytes, Value] = {}
                for leaf in self._led_to(front.top, 0, part) if front.top is not None else ():
                    values.update(zip(leaf.keys, cast("Leaf", leaf).values, strict=True))
                columns.append([values.get(key) for key in part])
            self._values([(held[key], beside) for key, beside in zip(part, zip(*columns, strict=True), strict=True)])

    def _led_to(self, top: Page, level: int, keys: Sequence[bytes]) -> list[Inner | Leaf]:
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

    def _open(self, page: Page | Pointer) -> Page:
        return self._reader.page(page) if type(page) is Pointer else page  # type: ignore[return-value]


def _holds_locations(value: object) -> bool:
    return type(value) is Pointer or type(value) is Embedded
