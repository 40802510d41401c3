"""A mapping's wait for its root: what other adapters do is told, and close ends it."""

from __future__ import annotations

import threading
import time
from collections import UserDict
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from treering.backend.base import Watching
from treering.backend.mapping import MappingBackend
from treering.errors import Unavailable

PATIENCE_SECONDS = 30


def wait(backend: MappingBackend, known: bytes | None) -> bytes | None:
    while (root := backend.read_root()) == known:
        backend.wait_for_root(known, PATIENCE_SECONDS)
    return root


@pytest.mark.parametrize("make", [dict, UserDict])
def test_a_move_by_another_adapter(make: type[MutableMapping[str, bytes]]) -> None:
    mapping = make()
    one, other = MappingBackend(mapping), MappingBackend(mapping)
    assert isinstance(one, Watching)
    with ThreadPoolExecutor(1) as pool:
        for known, root in ((None, b"one"), (b"one", b"two")):
            waiting = pool.submit(wait, one, known)
            assert other.publish([], known, root)
            assert waiting.result(PATIENCE_SECONDS) == root


def test_another_prefix_is_another_store() -> None:
    mapping: dict[str, bytes] = {}
    one, other = MappingBackend(mapping, prefix="a/"), MappingBackend(mapping, prefix="b/")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(one.wait_for_root, None, 0.2)
        assert other.publish([], None, b"x")
        waiting.result(PATIENCE_SECONDS)
    assert one.read_root() is None


def test_what_another_process_may_change_is_looked_at() -> None:
    """A mapping of a user's own may be changed behind everybody's back."""
    mapping: UserDict[str, bytes] = UserDict()
    backend = MappingBackend(mapping)
    timer = threading.Timer(0.05, lambda: mapping.update({"treering/root": b"x"}))
    timer.start()
    assert wait(backend, None) == b"x"
    timer.join()


def test_close_ends_it() -> None:
    mapping: dict[str, bytes] = {}
    backend, other = MappingBackend(mapping), MappingBackend(mapping)

    def closed() -> bool:
        with suppress(Unavailable):
            wait(backend, None)
        return True

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(closed)
        time.sleep(0.05)  # so that it mostly waits; one that comes later is refused
        backend.close()
        assert waiting.result(PATIENCE_SECONDS)
    with pytest.raises(Unavailable):
        backend.wait_for_root(None, 0)
    other.wait_for_root(None, 0)
