"""Build a container from scratch and write it in the same pass: each page as soon as all that is below it is written.

That is the order in which a seal writes, so the stored bytes are the same. But no page waits for it: of a million
children, whose keys and contents are in memory all the same, there are a few pages a level at a time, and not 125,000
of them, which the garbage collector would look at again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

from treering.merkle.chunking import cuts
from treering.merkle.seal import Put, SealValue, seal_leaf
from treering.objects.columns import encode_leaves
from treering.objects.frame import PAGE
from treering.objects.page import Inner, Leaf, Page, Value
from treering.objects.pointer import Pointer

Children = Callable[[int, int], Sequence[Value]]  # those from one position to another

_BYTES = {bytes}
_LARGE: Final = 1 << 16  # children: more than a cache holds, so their leaves are not made to be kept there


def write_columns(
    keys: Sequence[bytes], children: Children, ordinals: Sequence[int], put: Put, seal_value: SealValue
) -> Page:
    """Build a container as ``build_columns`` does, and write all of it but its root page, which is returned.

    ``children`` is asked for each position once, in order, so that they are made when they are reached.
    """
    return _Writer(keys, children, ordinals, put, seal_value).root()


class _Writer:
    __slots__ = ("_children", "_is_large", "_keys", "_levels", "_ordinals", "_put", "_seal_value")

    def __init__(
        self, keys: Sequence[bytes], children: Children, ordinals: Sequence[int], put: Put, seal_value: SealValue
    ) -> None:
        self._keys = keys
        self._children = children
        self._is_large = len(keys) > _LARGE
        self._ordinals = ordinals
        self._put = put
        self._seal_value = seal_value
        # Where each page of a level ends, counted in pages of the level below, and in children.
        self._levels: list[tuple[list[int], list[int]]] = []

    def root(self) -> Page:
        keys = self._keys
        places: Sequence[int] = range(1, len(keys) + 1)
        while True:
            ends = cuts(keys, len(self._levels))
            if not ends or ends[-1] != len(keys):
                ends.append(len(keys))
            keys = [keys[end - 1] for end in ends]
            places = [places[end - 1] for end in ends]
            self._levels.append((ends, places))
            if len(ends) == 1:
                break
        level = len(self._levels) - 1
        if level:
            return self._inner(level, 0)
        end = len(self._keys)
        columns = tuple(self._keys), tuple(self._children(0, end)), tuple(self._ordinals)
        return self._leaf(columns, 0, end)

    def _write_leaves(self, start: int, places: Sequence[int]) -> list[Pointer]:
        """Write the leaves from ``start`` on that end at ``places``."""
        put, end = self._put, places[-1]
        keys, values, ordinals = self._keys[start:end], self._children(start, end), self._ordinals[start:end]
        ends = [place - start for place in places]
        columns = tuple(keys), tuple(values), tuple(ordinals)
        if set(map(type, values)) != _BYTES:
            return [self._write(self._leaf(columns, first, last)) for first, last in pairwise((0, *ends))]
        encoded = encode_leaves(keys, values, ordinals, ends)  # type: ignore[arg-type] # all children are bytes
        if self._is_large:
            return [put(PAGE, content, tail, None, b"") for content, tail, _, _ in encoded]
        keys, values, ordinals = columns
        pointers: list[Pointer] = []
        for (content, tail, *packed), (first, last) in zip(encoded, pairwise((0, *ends)), strict=True):
            parts = keys[first:last], values[first:last], ordinals[first:last]
            leaf = Leaf(*parts, packed_keys=packed[0], packed_ordinals=tail[:-1], packed_sizes=packed[1])
            pointers.append(put(PAGE, content, tail, leaf, b""))
        return pointers

    def _leaf(self, columns: tuple[tuple[Any, ...], ...], start: int, end: int) -> Leaf:
        """Return a leaf with all below it written."""
        keys, values, ordinals = columns
        return seal_leaf(Leaf(keys[start:end], values[start:end], ordinals[start:end]), self._put, self._seal_value)

    def _write(self, page: Page) -> Pointer:
        content, tail = page.encode()
        return self._put(PAGE, content, tail, page, b"")

    def _inner(self, level: int, index: int) -> Inner:
        """Return a page with all below it written."""
        (ends, _), (_, below) = self._levels[level], self._levels[level - 1]
        first, end = ends[index - 1] if index else 0, ends[index]
        start, places = below[first - 1] if first else 0, below[first:end]
        if level == 1:
            pointers = self._write_leaves(start, places)
        else:
            pointers = [self._write(self._inner(level - 1, at)) for at in range(first, end)]
        keys = tuple([self._keys[place - 1] for place in places])
        counts = tuple([place - before for before, place in pairwise((start, *places))])
        hashes, locations = zip(*pointers, strict=True)
        return Inner(level, keys, counts, b"".join(hashes), b"".join(locations))
