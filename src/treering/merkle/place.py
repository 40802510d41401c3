"""Where a key stands in a container, or would stand: one descent, for a read and for the edit that follows it.

An edit of one key mostly leaves the cuts where they are. Then the pages on the way are copied with one child replaced,
and nothing else is looked at; only where a cut comes or goes is the general ``edit`` called.
"""

from __future__ import annotations

from bisect import bisect_left

from treering.merkle.chunking import LEAF_THRESHOLDS, key_number
from treering.merkle.container import PageSource, edit, open_page
from treering.objects.page import Inner, Leaf, Page, Value
from treering.objects.pointer import Pointer


class Place:
    """The pages on the way to ``key``, from the root to the leaf that has it, or the one that it belongs into."""

    __slots__ = ("_index", "_leaf", "_source", "_trail", "found", "key")

    def __init__(self, source: PageSource, root: Page | Pointer, key: bytes) -> None:
        self._source = source
        self.key = key
        self._trail: list[tuple[Inner, int]] = []
        page = open_page(source, root)
        while type(page) is Inner:
            keys = page.keys
            index = bisect_left(keys, key)
            if index == len(keys):  # behind every key there is: at the end of the last leaf
                index -= 1
            self._trail.append((page, index))
            page = source.child(page, index)
        assert type(page) is Leaf
        index = bisect_left(page.keys, key)
        self._leaf = page
        self._index = index
        self.found = index < len(page.keys) and page.keys[index] == key

    @property
    def value(self) -> Value | None:
        """The child under the key, or None."""
        return self._leaf.values[self._index] if self.found else None

    @property
    def ordinal(self) -> int:
        """The ordinal of the child that is there."""
        return self._leaf.ordinals[self._index]

    def put(self, value: Value, ordinal: int) -> Page:
        """Return the root of the container with this child under the key, whether or not there was one."""
        leaf, index, key = self._leaf, self._index, self.key
        if self.found:
            return self._climb(leaf.with_value(index, value, ordinal), 0)
        if index == len(leaf.keys) or self._cuts_move(index, 1):
            root = edit(self._source, self._root, [(key, (value, ordinal))])
            assert root is not None
            return root
        keys = (*leaf.keys[:index], key, *leaf.keys[index:])
        values = (*leaf.values[:index], value, *leaf.values[index:])
        ordinals = (*leaf.ordinals[:index], ordinal, *leaf.ordinals[index:])
        return self._climb(Leaf(keys, values, ordinals), 1)

    def remove(self) -> Page | None:
        """Return the root of the container without the child that is there; None when nothing is left."""
        leaf, index = self._leaf, self._index
        if index == len(leaf.keys) - 1 or self._cuts_move(index + 1, -1):
            return edit(self._source, self._root, [(self.key, None)])
        keys = (*leaf.keys[:index], *leaf.keys[index + 1 :])
        values = (*leaf.values[:index], *leaf.values[index + 1 :])
        ordinals = (*leaf.ordinals[:index], *leaf.ordinals[index + 1 :])
        return self._climb(Leaf(keys, values, ordinals), -1)

    @property
    def _root(self) -> Page:
        return self._trail[0][0] if self._trail else self._leaf

    def _climb(self, page: Page, added: int) -> Page:
        """Put a page in the place of the leaf, one that ends at the same key, and return the root above it."""
        for parent, index in reversed(self._trail):
            page = parent.with_child(index, page, added)
        return page

    def _cuts_move(self, index: int, by: int) -> bool:
        """Tell whether the leaf would be cut elsewhere with its keys from ``index`` on further back by ``by``.

        For a key that comes, the new one is looked at as well: it stands before them.
        """
        keys = self._leaf.keys
        distance = index + by
        if by > 0 and key_number(self.key, 0) < LEAF_THRESHOLDS[distance]:
            return True
        last = len(keys) - 1
        for at in range(index, last):
            distance += 1
            if key_number(keys[at], 0) < LEAF_THRESHOLDS[distance]:
                return True
        # the last page of all ends where it ends, the others where their last key says
        return key_number(keys[last], 0) >= LEAF_THRESHOLDS[distance + 1] and not self._is_last

    @property
    def _is_last(self) -> bool:
        return all(index == len(page.keys) - 1 for page, index in self._trail)
