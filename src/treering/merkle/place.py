"""Where a key stands in a container, or would stand: one descent, for a read and for the edit that follows it.

An edit of one key mostly leaves the cuts where they are. Then the pages on the way are copied with one child replaced,
and nothing else is looked at; only where a cut comes or goes is the general ``edit`` called. Whoever commits the one
edit gives a writer, which takes each page as soon as it is made.
"""

from __future__ import annotations

from bisect import bisect_left

from treering.merkle.chunking import LEAF_THRESHOLDS, key_number
from treering.merkle.container import PageSource, edit
from treering.merkle.seal import Put, Writer, seal_root
from treering.objects.native import NATIVE
from treering.objects.page import Inner, Leaf, Page, Value
from treering.objects.pointer import Pointer


class Place:
    """The pages on the way to ``key``, from the root to the leaf that has it, or the one that it belongs into."""

    __slots__ = ("_index", "_leaf", "_root", "_source", "_trail", "found", "key", "value")

    def __init__(self, source: PageSource, root: Page | Pointer, key: bytes) -> None:
        trail: list[tuple[Inner, int]] = []
        child = source.child
        page = source.page(root) if type(root) is Pointer else root
        if NATIVE is not None:
            page = NATIVE.descend(source, page, key, trail)  # type: ignore[arg-type] # no pointer is left
        while type(page) is Inner:
            keys = page.keys
            index = bisect_left(keys, key)
            if index == len(keys):  # behind every key there is: at the end of the last leaf
                index -= 1
            trail.append((page, index))
            page = child(page, index)
        assert type(page) is Leaf
        keys = page.keys
        index = bisect_left(keys, key)
        found = index < len(keys) and keys[index] == key
        self.key = key
        self.found = found
        self.value: Value | None = page.values[index] if found else None  # the child under the key
        self._source = source
        self._root = root
        self._trail = trail
        self._leaf = page
        self._index = index

    @property
    def ordinal(self) -> int:
        """The ordinal of the child that is there."""
        return self._leaf.ordinals[self._index]

    def put(self, value: Value, ordinal: int, writer: Writer | None = None) -> Page | Pointer:
        """Return the root of the container with this child under the key, whether or not there was one.

        ``writer``: takes all pages on the way; the child is written already.
        """
        leaf, index, key = self._leaf, self._index, self.key
        if self.found:
            return self._climb(leaf.with_value(index, value, ordinal), 0, writer)
        if index == len(leaf.keys) or self._cuts_move(index, 1):
            return self._edit((value, ordinal), writer)  # type: ignore[return-value] # there is a child now
        keys = (*leaf.keys[:index], key, *leaf.keys[index:])
        values = (*leaf.values[:index], value, *leaf.values[index:])
        ordinals = (*leaf.ordinals[:index], ordinal, *leaf.ordinals[index:])
        return self._climb(Leaf(keys, values, ordinals), 1, writer)

    def remove(self, writer: Writer | None = None) -> Page | Pointer | None:
        """Return the root of the container without the child that is there; None when nothing is left."""
        leaf, index = self._leaf, self._index
        if index == len(leaf.keys) - 1 or self._cuts_move(index + 1, -1):
            return self._edit(None, writer)
        keys = (*leaf.keys[:index], *leaf.keys[index + 1 :])
        values = (*leaf.values[:index], *leaf.values[index + 1 :])
        ordinals = (*leaf.ordinals[:index], *leaf.ordinals[index + 1 :])
        return self._climb(Leaf(keys, values, ordinals), -1, writer)

    def _climb(self, leaf: Leaf, added: int, writer: Writer | None) -> Page | Pointer:
        """Put another leaf in the place of the one found, one that ends at the same key; return the root above it."""
        if writer is not None:  # in one pass with the edit, so that no page is made twice
            return writer.put_path(leaf, self._trail, added, self._root)
        page: Page = leaf
        for parent, index in reversed(self._trail):
            page = parent.with_child(index, page, added)
        return page

    def _edit(self, change: tuple[Value, int] | None, writer: Writer | None) -> Page | Pointer | None:
        root = edit(self._source, self._trail[0][0] if self._trail else self._leaf, [(self.key, change)])
        return root if root is None or writer is None else seal_root(root, writer.put, _written, self._root)

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


def _written(value: Value, _: Put) -> Value:
    return value
