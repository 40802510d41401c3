"""Sphinx settings. Every warning is an error (`make docs`)."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "treering"
author = "the treering authors"
release = version = version_of("treering")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"treering {release}"

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}


def setup(app: object) -> None:
    """Document what ``treering`` re-exports from a module with a page of its own there only."""
    own_pages = {"treering.errors", "treering.backend.base"}

    def skip(app: object, what: str, name: str, member: object, skip: bool, options: dict[str, object]) -> bool | None:
        return True if what == "package" and getattr(member, "__module__", None) in own_pages else None

    app.connect("autodoc-skip-member", skip)  # type: ignore[attr-defined]
