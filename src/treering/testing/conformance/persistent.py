"""What several handles on one store must do, at once and one after the other."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from treering.backend.base import Backend
from treering.errors import OutcomeUnknown, Unavailable
from treering.testing.conformance.keys import entries, key
from treering.testing.conformance.single import BackendConformance
from treering.testing.conformance.suite import THREADS, WAIT_SECONDS, put, race


class PersistentConformance(BackendConformance):
    """What is more to be asked of a store that outlives its handles and can be opened several times."""

    @pytest.fixture
    def other(self, backend: Backend, open_store: Callable[[], Backend]) -> Backend:
        """A second handle on the store of ``backend``."""
        del backend  # asked for, so that it is the first
        return open_store()

    def test_reopening_finds_everything(self, open_store: Callable[[], Backend]) -> None:
        backend = open_store()
        assert put(backend, entries(100), None, b"one")
        backend.write_many(entries(10, session=2))
        backend.delete_many([key(7)])
        assert backend.publish([], b"one", b"two")
        backend.close()
        again = open_store()
        assert again.read_root() == b"two"
        assert again.read_many([key(6), key(7), key(8), key(9, 2)]) == [
            b"value 6 of 1",
            None,
            b"value 8 of 1",
            b"value 9 of 2",
        ]
        assert len(list(again.list_keys())) == 109

    def test_opening_creates_no_root(self, open_store: Callable[[], Backend]) -> None:
        open_store().close()
        assert open_store().read_root() is None

    def test_reopened_store_goes_on(self, open_store: Callable[[], Backend]) -> None:
        expected = None
        for number in range(5):
            backend = open_store()
            root = b"%d" % number
            assert backend.read_root() == expected
            assert backend.publish([(key(number), root)], expected, root)
            backend.close()
            expected = root
        assert open_store().read_many([key(n) for n in range(5)]) == [b"%d" % n for n in range(5)]

    def test_a_second_handle_sees_the_first_ones_commit(self, open_store: Callable[[], Backend]) -> None:
        first, second = open_store(), open_store()
        assert first.publish(entries(5), None, b"one")
        assert second.read_root() == b"one"
        assert second.read_many([key(4)]) == [b"value 4 of 1"]

    def test_handles_exclude_each_other(self, open_store: Callable[[], Backend]) -> None:
        first, second = open_store(), open_store()
        assert first.publish([], None, b"one")
        assert second.publish([], None, b"other") is False
        assert second.publish([], b"one", b"two") is True
        assert first.publish([], b"one", b"three") is False
        assert first.read_root() == b"two"

    def test_a_handle_survives_the_others_close(self, open_store: Callable[[], Backend]) -> None:
        first, second = open_store(), open_store()
        assert first.publish(entries(5), None, b"one")
        first.close()
        first.close()
        assert second.read_root() == b"one"
        assert second.publish(entries(1, session=2), b"one", b"two")
        assert second.read_many([key(0, 2)]) == [b"value 0 of 2"]

    def test_handles_in_threads_race(self, open_store: Callable[[], Backend]) -> None:
        handles = [open_store() for _ in range(THREADS)]
        assert handles[0].publish([], None, b"0")

        def move(before: bytes, after: bytes, index: int) -> bool:
            return handles[index].publish([], before, after)

        for number in range(10):
            before, after = b"%d" % number, b"%d" % (number + 1)
            wins = race(partial(move, before, after))
            assert sum(wins) == 1

    def test_handles_race_to_create(self, open_store: Callable[[], Backend]) -> None:
        handles = [open_store() for _ in range(THREADS)]
        wins = race(lambda index: handles[index].publish(entries(3, session=index + 1), None, b"by %d" % index))
        assert sum(wins) == 1
        assert open_store().read_root() == b"by %d" % wins.index(True)

    def test_counter_of_several_handles_is_exact(self, open_store: Callable[[], Backend]) -> None:
        handles = [open_store() for _ in range(THREADS)]
        assert handles[0].publish([], None, b"0")

        def count(index: int) -> bool:
            backend = handles[index]
            for number in range(10):
                while True:
                    root = backend.read_root()
                    assert root is not None
                    if backend.publish([(key(number, index + 1), b"x")], root, b"%d" % (int(root) + 1)):
                        break
            return True

        race(count)
        assert handles[0].read_root() == b"%d" % (THREADS * 10)
        assert len(list(handles[1].list_keys())) == THREADS * 10

    def test_deleted_for_every_handle(self, open_store: Callable[[], Backend]) -> None:
        first, second = open_store(), open_store()
        assert put(first, entries(10), None, b"one")
        assert second.read_many([key(3)]) == [b"value 3 of 1"]
        first.delete_many([key(3)])
        assert second.read_many([key(3), key(4)]) == [None, b"value 4 of 1"]
        assert sorted(second.list_keys()) == [each for each, _ in entries(10) if each != key(3)]

    def test_written_ahead_by_one_and_seen_by_another(self, open_store: Callable[[], Backend]) -> None:
        first, second = open_store(), open_store()
        assert first.publish([], None, b"one")
        first.write_many(entries(200))
        assert second.read_many([each for each, _ in entries(200)]) == [value for _, value in entries(200)]
        assert second.read_root() == b"one"

    def test_no_handle_sees_a_root_before_its_objects(self, open_store: Callable[[], Backend]) -> None:
        writer, reader = open_store(), open_store()
        assert writer.publish([(key(0), b"0")], None, b"0")
        done = threading.Event()

        def read() -> bool:
            while not done.is_set():
                root = reader.read_root()
                assert root is not None
                assert reader.read_many([key(int(root))]) == [root]
            return True

        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(read)
            try:
                for number in range(1, 51):
                    assert writer.publish([(key(number), b"%d" % number)], b"%d" % (number - 1), b"%d" % number)
            finally:
                done.set()
            assert reading.result()

    def test_close_under_load(self, open_store: Callable[[], Backend]) -> None:
        backend, numbers = open_store(), itertools.count(1)
        assert backend.publish([], None, b"0")
        acknowledged = [0]
        lock = threading.Lock()

        def write() -> None:
            while True:
                with lock:
                    number = next(numbers)
                    if backend.publish([(key(number), b"%d" % number)], b"%d" % (number - 1), b"%d" % number):
                        acknowledged.append(number)

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            while len(acknowledged) < 5 and not writing.done():
                backend.read_root()
            backend.close()
            with pytest.raises((Unavailable, OutcomeUnknown)):
                writing.result(WAIT_SECONDS)
        root = open_store().read_root()
        assert root is not None
        assert int(root) - acknowledged[-1] in {0, 1}
