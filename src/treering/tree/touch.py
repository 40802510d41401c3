"""What a transaction wrote, and what stood there when it first did.

A trie along the paths of the tree. Each thing written keeps what was seen (a node's own fields, a whole subtree, an
absence, a plain list), so that a commit needs nothing of the base but this: the base may be pruned meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from treering.objects.node import Container, Node
from treering.objects.page import Value
from treering.tree.address import Step


class Nothing:
    """Marks what was not there, or not touched."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


UNTOUCHED: Final = Nothing("UNTOUCHED")
ABSENT: Final = Nothing("ABSENT")


class Touch:
    """What was written at and below one node.

    ``own``: the own fields seen. ``whole``: the subtree seen, or ABSENT: it was added, removed or replaced as a whole;
    then nothing finer counts. ``moved``: it was put at the end of its siblings. ``lists``: plain lists seen, by field.
    """

    __slots__ = ("children", "lists", "moved", "own", "whole")

    def __init__(self) -> None:
        self.own: bytes | Nothing = UNTOUCHED
        self.whole: Value | Nothing = UNTOUCHED
        self.moved = False
        self.lists: dict[int, Container | None] = {}
        self.children: dict[tuple[int, bytes | None], tuple[Step, Touch]] = {}

    @property
    def empty(self) -> bool:
        """Whether nothing was written here or below."""
        return self.own is UNTOUCHED and self.whole is UNTOUCHED and not self.lists and not self.children

    @property
    def is_own(self) -> bool:
        """Whether nothing but the own fields was written here or below."""
        return self.own is not UNTOUCHED and not self.lists and not self.children

    def find(self, steps: Sequence[Step]) -> Touch | None:
        """Return the touch of a node, making it; None where a node above was written as a whole."""
        touch = self
        for step in steps:
            if touch.whole is not UNTOUCHED:
                return None
            place = step[0].number, step[1]
            below = touch.children.get(place)
            if below is None:
                below = touch.children[place] = (step, Touch())
            touch = below[1]
        return touch

    def write_list(self, steps: Sequence[Step], number: int, seen: Node | None) -> None:
        """Note that a plain list of a node was written."""
        touch = self.find(steps)
        if touch is not None and touch.whole is UNTOUCHED and number not in touch.lists:
            touch.lists[number] = seen.slots.get(number) if seen else None  # type: ignore[assignment]

    def write_whole(self, seen: Value | None, *, moved: bool = False) -> None:
        """Note that this node was added, removed or replaced with all below; ``seen``: what the base has, if any."""
        self.whole = ABSENT if seen is None else seen
        self.moved = moved
        self.own = UNTOUCHED
        self.lists, self.children = {}, {}
