"""Waiting until the root moves, for a backend that can."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest

from treering.backend.base import Backend, Watching
from treering.errors import Unavailable
from treering.testing.conformance.keys import entries
from treering.testing.conformance.suite import WAIT_SECONDS, Suite

FOREVER_SECONDS = 3600  # no wait may last so long: what ends it is what the test is about


class WatchingConformance(Suite):
    """``wait_for_root`` is a hint: what is asked for is that it comes, and that waiting ends."""

    def test_it_can_wait(self, backend: Backend) -> None:
        assert isinstance(backend, Watching)

    @pytest.mark.parametrize("seconds", [0.0, 0.05, 0.5])
    def test_waiting_ends_at_its_time(self, filled: Watching, seconds: float) -> None:
        filled.wait_for_root(b"one", seconds)
        assert filled.read_root() == b"one"

    def test_waiting_for_the_first_root_ends_at_its_time(self, backend: Watching) -> None:
        backend.wait_for_root(None, 0.05)
        assert backend.read_root() is None

    @pytest.mark.parametrize("known", [b"zero", b"", b"on", None])
    def test_a_root_that_has_moved_is_not_waited_for(self, filled: Watching, known: bytes | None) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(filled.wait_for_root, known, FOREVER_SECONDS).result(WAIT_SECONDS)

    def test_a_move_by_the_same_handle_is_told(self, filled: Watching) -> None:
        self._tells(filled, filled, b"one", b"two")

    def test_a_move_by_another_handle_is_told(self, filled: Watching, other: Backend) -> None:
        self._tells(filled, other, b"one", b"two")

    def test_the_first_root_is_told(self, backend: Watching, other: Backend) -> None:
        self._tells(backend, other, None, b"one")

    def test_each_move_is_told(self, filled: Watching, other: Backend) -> None:
        for number in range(10):
            root = b"one" if number == 0 else b"move %d" % number
            self._tells(filled, other, root, b"move %d" % (number + 1))

    def test_a_root_back_at_old_bytes_is_told_or_waited_for(self, filled: Watching) -> None:
        assert filled.publish([], b"one", b"two")
        assert filled.publish([], b"two", b"one")
        filled.wait_for_root(b"one", 0.05)
        self._tells(filled, filled, b"one", b"three")

    def test_many_wait_at_once(self, filled: Watching, other: Backend) -> None:
        with ThreadPoolExecutor(8) as pool:
            waits = [pool.submit(_wait, filled, b"one") for _ in range(8)]
            assert other.publish([], b"one", b"two")
            assert [wait.result(WAIT_SECONDS) for wait in waits] == [b"two"] * 8

    def test_waiting_holds_nothing_up(self, filled: Watching) -> None:
        with ThreadPoolExecutor(1) as pool:
            wait = pool.submit(_wait, filled, b"one")
            filled.write_many(entries(50, session=2))
            assert filled.read_many([key for key, _ in entries(50, session=2)]).count(None) == 0
            filled.delete_many([key for key, _ in entries(50, session=2)])
            assert len(list(filled.list_keys())) == 100
            assert filled.publish([], b"one", b"two")
            assert wait.result(WAIT_SECONDS) == b"two"

    def test_close_ends_the_waiting(self, filled: Watching) -> None:
        with ThreadPoolExecutor(4) as pool:
            waits = [pool.submit(_wait_once, filled, b"one") for _ in range(4)]
            filled.wait_for_root(b"one", 0.1)  # most of them wait by now; one that comes later is refused
            filled.close()
            for wait in waits:
                wait.result(WAIT_SECONDS)

    def test_waiting_after_close_is_an_error(self, filled: Watching) -> None:
        filled.close()
        with pytest.raises(Unavailable):
            filled.wait_for_root(b"one", 0.05)

    @staticmethod
    def _tells(watcher: Watching, writer: Backend, before: bytes | None, after: bytes) -> None:
        with ThreadPoolExecutor(1) as pool:
            wait: Future[bytes | None] = pool.submit(_wait, watcher, before)
            assert writer.publish([], before, after)
            assert wait.result(WAIT_SECONDS) == after


def _wait(backend: Watching, known: bytes | None) -> bytes | None:
    """Wait as a user does: ask, and wait again where it was a false alarm. Early returns may not be all there is."""
    root = known
    while root == known:
        backend.wait_for_root(known, FOREVER_SECONDS)
        root = backend.read_root()
    return root


def _wait_once(backend: Watching, known: bytes) -> None:
    with suppress(Unavailable):  # that it was closed, which is what it is waiting for
        while True:
            backend.wait_for_root(known, FOREVER_SECONDS)
