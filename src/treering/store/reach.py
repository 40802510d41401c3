"""Which locations one tree reaches and some others do not: what prune deletes by.

Trees are compared by location, never by hash. A location stands at one place of a tree and its descendants, so each
page is looked for where its keys lead. Only what the others do not hold is read, and the ways there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from treering.objects.node import Container, Node, Slot
from treering.objects.page import Inner, Leaf, Page, Value
from treering.objects.pointer import Embedded, Location, Pointer
from treering.store.reader import Reader, StoredCommit


def reached_only_by(reader: Reader, commit: StoredCommit, others: Sequence[StoredCommit]) -> set[Location]:
    """Return the locations that a commit reaches and none of ``others`` does, its own and its schema's included.

    Costs the height of the trees for each location returned and each of the others, whatever their size.
    """
    if any(other.pointer.location == commit.pointer.location for other in others):
        return set()
    search = _Search(reader)
    search.found.add(commit.pointer.location)
    if all(other.record.schema.location != commit.record.schema.location for other in others):
        search.found.add(commit.record.schema.location)
    search.node(commit.record.root, [other.record.root for other in others])
    return search.found


class _Search:
    """Walks one tree with the others beside it, at the same place in each, and notes in ``found`` what they lack."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.found: set[Location] = set()

    def node(self, node: Node, others: Sequence[Node]) -> None:
        for number, slot in node.slots.items():
            beside = [other.slots[number] for other in others if number in other.slots]
            if type(slot) is Container:
                self._container(slot.root, [other.root for other in beside if type(other) is Container])
            else:
                self._value(slot, beside)  # type: ignore[arg-type]

    def _value(self, value: Value, others: Sequence[Slot]) -> None:
        if not _holds_locations(value) or value in others:
            return
        if type(value) is Pointer:
            self.found.add(value.location)
        node = self._reader.node(value)
        if node.slots:
            self.node(node, [self._reader.node(other) for other in others if _holds_locations(other)])  # type: ignore[arg-type]

    def _container(self, root: Page | Pointer, others: Sequence[Page | Pointer]) -> None:
        if root in others:
            return
        page = self._open(root)
        tops = [self._open(other) for other in others]
        stored = {other.location for other in others if type(other) is Pointer}
        if type(root) is Pointer:
            if root.location in self._pages_beside(page.level, page.keys[-1:], tops, stored):
                return
            self.found.add(root.location)
        pages = [page]
        while pages and type(pages[0]) is Inner:  # level by level, each in one request
            pages = self._reader.pages(self._children(pages, tops, stored))
        for leaf in pages:
            self._leaf(leaf, tops)

    def _children(self, pages: Sequence[Page], tops: Sequence[Page], roots: set[Location]) -> list[Pointer]:
        """Return the children of pages of one level that stand in none of the other containers."""
        missing: list[Pointer] = []
        for page in pages:
            assert type(page) is Inner
            beside = self._pages_beside(page.level - 1, page.keys, tops, roots)
            missing += [page.pointer(at) for at, place in enumerate(page.places()) if place not in beside]
        self.found.update(child.location for child in missing)
        return missing

    def _pages_beside(
        self, level: int, keys: Sequence[bytes], tops: Sequence[Page], roots: set[Location]
    ) -> set[Location]:
        """Return where the pages of a level are in which the others have, or would have, these keys; and their roots.

        By location alone, without a pointer for each: that would be a third of the time of a prune.
        """
        beside = set(roots)
        for top in tops:
            for page, wanted in self._descend(top, level + 1, keys):
                assert type(page) is Inner
                places = page.places()
                if wanted == page.keys:
                    beside.update(places)
                else:
                    beside.update([places[index] for index in {bisect_left(page.keys, key) for key in wanted}])
        return beside

    def _leaf(self, leaf: Page, tops: Sequence[Page]) -> None:
        assert type(leaf) is Leaf
        if all(type(value) is bytes for value in leaf.values):
            return
        values = {key: value for key, value, _ in leaf.entries() if _holds_locations(value)}
        beside: dict[bytes, list[Value]] = {key: [] for key in values}
        for top in tops if values else ():
            for page, wanted in self._descend(top, 0, list(values)):
                assert type(page) is Leaf
                for key in wanted:
                    index = bisect_left(page.keys, key)
                    if page.keys[index] == key:
                        beside[key].append(page.values[index])
        for key, value in values.items():
            self._value(value, beside[key])

    def _descend(self, page: Page, level: int, keys: Sequence[bytes]) -> Iterator[tuple[Page, Sequence[bytes]]]:
        """Yield the pages of a level that lead to some of the rising ``keys``, with these keys."""
        if page.level < level:
            return
        within = keys[: bisect_right(keys, page.keys[-1])]
        if page.level == level:
            if within:
                yield page, within
            return
        assert type(page) is Inner
        at = 0
        while at < len(within):
            index = bisect_left(page.keys, within[at])
            end = bisect_right(within, page.keys[index], at)
            yield from self._descend(self._reader.page(page.pointer(index)), level, within[at:end])
            at = end

    def _open(self, page: Page | Pointer) -> Page:
        return self._reader.page(page) if type(page) is Pointer else page  # type: ignore[return-value]


def _holds_locations(value: object) -> bool:
    return type(value) is Pointer or type(value) is Embedded
