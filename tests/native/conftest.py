"""The same with the inner loops in C and without them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from treering.merkle import chunking, container, place
from treering.objects import columns, frame, page
from treering.objects.native import NATIVE
from treering.store import batch

USERS = (columns, frame, page, chunking, container, place, batch)  # of the module in C


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if NATIVE is None and item.path.parent.name == "native":
            item.add_marker(pytest.mark.skip(reason="the inner loops in C were not built here"))


@contextlib.contextmanager
def in_python() -> Iterator[None]:
    """Let Python do everything meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for module in USERS:
            patch.setattr(module, "NATIVE", None)
        yield


def outcome(function: Callable[[], Any]) -> Any:
    """Return what a function returns, or the type of what it raises."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001 - compared
        return type(error)
