"""What the schema says about a path."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from tests.property.messages import NAMES
from tests.property.orchard import CLASSES, MODEL

from treering.testing.model import Steps

# Wrong whatever the tree holds, or wrong in most trees: the model knows.
ODD_PATHS: tuple[Steps, ...] = (
    ("nothing",),
    ("owner",),
    ("labels", "x"),
    ("trees", "a", "height"),
    ("trees", "not there"),
    ("trees", "a", "branches", "seven"),
    ("trees", "a", "branches", 2**63),
    ("trees", "a", "pairs", "a"),
    ("trees", "a", "pairs", ("a", -1)),
    ("trees", "a", "branches", 7, "flags", "maybe"),
    ("trees", "a", "branches", 7, "nests", 2**31),
    ("notes", 0),
    ("notes", 0, "notes"),
    ("clock", "inner"),
    ("clock", "inner", "inner", "inner"),
    ("remark", "notes"),
    ("sites", "a", "branches"),
)


def step(path: Steps) -> tuple[Any, Any]:
    """Return the descriptor of the messages at a path, of a container those in it, and the field they stand in."""
    kind, field = CLASSES["Orchard"].DESCRIPTOR, None
    rest = iter(path)
    for name in rest:
        field = MODEL.fields(kind)[name]
        kind = field.type
        if field.kind != "singular":
            next(rest, None)
    return kind, field


def kind_at(path: Steps) -> str:
    """Return the name of the type of the messages at a path."""
    return step(path)[0].name


def kind_of_field(path: Steps) -> str | None:
    """Return the kind of the child field that a path leads through last; None for the root."""
    field = step(path)[1]
    return None if field is None else field.kind


def parent_of(path: Steps) -> Steps:
    """Return the path of the node that a child hangs in."""
    return path[: -1 if kind_of_field(path) == "singular" else -2]


def map_keys(container: Steps) -> st.SearchStrategy[Any]:
    """Draw a key of a map."""
    field = step(container)[1]
    return st.sampled_from(NAMES if field.keys[0].type == field.keys[0].TYPE_STRING else (0, -5, 2**31 - 1))
