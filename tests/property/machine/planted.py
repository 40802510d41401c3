"""A tree to begin with: with a node of every kind, and with what transactions are likely to meet at."""

from __future__ import annotations

from typing import Any

from tests.property.orchard import CLASSES

from treering.testing.model import Steps

# Few keys and few values, so that most transactions meet: some in conflict, some by doing the same.
NAMES = ("a", "b", "c")
TEXTS = ("", "x", "long " * 150)
PLANTED: tuple[Steps, ...] = (
    (),
    ("trees", "a", "branches", 1, "flags", True),
    ("trees", "b", "branches", 0),
    ("trees", "a", "clock", "inner"),
    ("sites", "a"),
    ("remark",),
)


def orchard(bulk: int) -> Any:
    """Return the tree; ``bulk``: how many small children more."""
    start = CLASSES["Orchard"](owner="x")
    start.clock.source = "x"
    for name in NAMES[:2]:
        tree = start.trees.add(name=name)
        tree.branches.add(no=1, label="long " * 150).flags.add(up=True)
        tree.branches.add(no=0)
        tree.clock.inner.source = "x"
        start.sites[name].branches.add(no=1)
    start.notes.add(text="x").notes.add(text="long " * 150)
    start.trees.extend(CLASSES["Tree"](name=f"bulk {count}", height=count) for count in range(bulk))
    return start
