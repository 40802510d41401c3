"""What all parts of the suite share: the store under test, handles on it, and races between threads."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from treering.backend.base import Backend, Entry
from treering.testing.conformance.keys import entries

THREADS = 8
WAIT_SECONDS = 60  # for what must come to an end: long, so that a busy machine fails nothing
MAX_ROOT_BYTES = 4 * (2048 + 3) + 128  # four sections that just stand in the record themselves, and its frame


class Suite(ABC):
    """A store that is made for each test, and handles on it that are closed after the test.

    ``secrets``: passwords and tokens that the handles were opened with, and that must never be shown.
    """

    secrets: Sequence[str] = ()

    @abstractmethod
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        """Return the factory that opens the store of this test."""

    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Iterator[Callable[[], Backend]]:
        """Open a handle; all are closed after the test."""
        factory = self.make(tmp_path)
        opened: list[Backend] = []

        def open_one() -> Backend:
            opened.append(factory())
            return opened[-1]

        yield open_one
        for backend in opened:
            backend.close()

    @pytest.fixture
    def backend(self, open_store: Callable[[], Backend]) -> Backend:
        """A handle on an empty store."""
        return open_store()

    @pytest.fixture
    def other(self, backend: Backend) -> Backend:
        """A second handle on the store of ``backend``; the same one where the store ends with its handle."""
        return backend

    @pytest.fixture
    def filled(self, backend: Backend) -> Backend:
        """A handle on a store with a hundred objects and the root ``one``."""
        assert put(backend, entries(100), None, b"one")
        return backend


def put(backend: Backend, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
    """Publish within the backend's limits: what does not fit beside the root is written ahead."""
    limits = backend.limits
    size = sum(len(key) + len(value) for key, value in objects) + len(root)
    if len(objects) < (limits.max_batch_count or 1 << 30) and size <= (limits.max_batch_bytes or 1 << 62):
        return backend.publish(objects, expected, root)
    backend.write_many(objects)
    return backend.publish([], expected, root)


def race(action: Callable[[int], bool]) -> list[bool]:
    """Call ``action(index)`` in all threads as near to the same moment as can be."""
    start = threading.Barrier(THREADS)

    def run(index: int) -> bool:
        start.wait(WAIT_SECONDS)
        return action(index)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))
