"""What the tests here share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def what_was_there_before_is_not_looked_through() -> Iterator[None]:
    """Keep what other tests have left behind out of the collector's sight.

    The state machines let it collect hundreds of times, and among the objects of thousands of tests each takes half a
    second: minutes, of what else takes seconds.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
