"""Hypothesis strategies for the messages of the property tests. Few different keys, so that edits meet each other."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from tests.property.orchard import CLASSES

# Everything that a path, a key's encoding or a page must not stumble over.
NAMES = (
    "a",
    "b",
    "c d",
    "a/b",
    "100%",
    "x,y",
    "[z]",
    "..",
    "ä",
    "\u65e5\u672c",
    "\x00",
    "\x01",
    "a\x00b",
    "\U0001f333",
)
INTEGERS = (0, 1, -1, 7, -300, 2**31, -(2**63), 2**63 - 1)
TEXTS = st.sampled_from(("", "x", "some text", "é" * 40, "long " * 150))  # the last one does not fit into a page

names = st.sampled_from(NAMES)
integers = st.sampled_from(INTEGERS)
small_integers = st.sampled_from((0, 1, -1, 5, 2**31 - 1, -(2**31)))
unsigned = st.sampled_from((0, 1, 9, 2**64 - 1))


def keys_of(children: list[Any], *fields: str) -> list[Any]:
    """Leave out children whose key came before: as a list they may be given to add and replace."""
    return list({tuple(getattr(child, field) for field in fields): child for child in children}.values())


def clocks(depth: int = 1) -> st.SearchStrategy[Any]:
    inner = st.none() | clocks(depth - 1) if depth else st.none()
    return st.builds(CLASSES["Clock"], source=TEXTS, ticks=st.lists(small_integers, max_size=3), inner=inner)


def notes(depth: int = 2) -> st.SearchStrategy[Any]:
    inner = st.lists(notes(depth - 1), max_size=2) if depth else st.just([])
    return st.builds(CLASSES["Note"], text=TEXTS, notes=inner)


def several(strategy: st.SearchStrategy[Any], *fields: str, most: int = 4) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=most).map(lambda children: keys_of(children, *fields))


flags = st.builds(CLASSES["Flag"], up=st.booleans(), text=TEXTS)
own_sites = st.builds(CLASSES["Site"], place=TEXTS, level=st.none() | small_integers)
own_branches = st.builds(CLASSES["Branch"], no=integers, label=TEXTS)
branches = st.builds(
    CLASSES["Branch"],
    no=integers,
    label=TEXTS,
    nests=st.dictionaries(small_integers, own_sites, max_size=3),
    flags=several(flags, "up"),
)
sites = st.builds(
    CLASSES["Site"], place=TEXTS, level=st.none() | small_integers, branches=several(own_branches, "no", most=3)
)
pairs = st.builds(CLASSES["Pair"], left=names, right=unsigned, value=TEXTS)
own_trees = st.builds(
    CLASSES["Tree"],
    name=names,
    height=small_integers,
    bark=st.binary(max_size=4),
    old=st.none() | st.booleans(),
    serial=st.sampled_from(("", "s1")),
)
trees = st.builds(
    CLASSES["Tree"],
    name=names,
    height=small_integers,
    old=st.none() | st.booleans(),
    branches=several(branches, "no"),
    clock=st.none() | clocks(),
    pairs=several(pairs, "left", "right"),
)
own_orchards = st.builds(CLASSES["Orchard"], owner=TEXTS, labels=st.lists(TEXTS, max_size=3))
orchards = st.builds(
    CLASSES["Orchard"],
    owner=TEXTS,
    trees=several(trees, "name", most=8),
    sites=st.dictionaries(names, sites, max_size=3),
    notes=st.lists(notes(), max_size=3),
    clock=st.none() | clocks(),
    remark=st.none() | notes(),
)
DEEP: dict[str, st.SearchStrategy[Any]] = {
    "Orchard": orchards,
    "Tree": trees,
    "Branch": branches,
    "Site": sites,
    "Note": notes(),
    "Clock": clocks(),
    "Pair": pairs,
    "Flag": flags,
}
OWN: dict[str, st.SearchStrategy[Any]] = {
    **DEEP,
    "Orchard": own_orchards,
    "Tree": own_trees,
    "Branch": own_branches,
    "Site": own_sites,
    "Note": notes(0),
    "Clock": clocks(0),
}
