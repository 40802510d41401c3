"""What one handle on a store must do."""

from __future__ import annotations

import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from treering.backend.base import Backend, Durability
from treering.errors import Error, Unavailable
from treering.testing.conformance.keys import awkward_keys, entries, key

THREADS = 8


class BackendConformance(ABC):
    """Every promise of ``treering.backend.base`` that one handle can be held to."""

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
    def filled(self, backend: Backend) -> Backend:
        """A handle on a store with a hundred objects and the root ``one``."""
        assert backend.publish(entries(100), None, b"one")
        return backend

    # what it says of itself

    def test_it_is_a_backend(self, backend: Backend) -> None:
        assert isinstance(backend, Backend)

    def test_url_has_a_scheme_and_no_credential(self, backend: Backend) -> None:
        scheme, colon, rest = backend.url.partition(":")
        assert scheme
        assert colon
        assert "@" not in rest.replace("***@", "")

    def test_limits_are_sane(self, backend: Backend) -> None:
        limits = backend.limits
        assert isinstance(limits.durability, Durability)
        assert isinstance(limits.atomic, bool)
        for limit in (limits.max_value_bytes, limits.max_batch_count, limits.max_batch_bytes):
            assert limit is None or limit > 0
        assert limits.max_value_bytes is None or limits.max_value_bytes >= 4096

    # the root

    def test_new_store_has_no_root_and_no_keys(self, backend: Backend) -> None:
        assert backend.read_root() is None
        assert list(backend.list_keys()) == []

    def test_create_root(self, backend: Backend) -> None:
        assert backend.publish([], None, b"one") is True
        assert backend.read_root() == b"one"

    def test_create_root_twice_is_refused(self, backend: Backend) -> None:
        assert backend.publish([], None, b"one")
        assert backend.publish([], None, b"two") is False
        assert backend.read_root() == b"one"

    def test_move_root(self, filled: Backend) -> None:
        assert filled.publish([], b"one", b"two") is True
        assert filled.read_root() == b"two"

    @pytest.mark.parametrize("expected", [b"zero", b"", b"on", b"one ", b"ONE", None])
    def test_stale_expectation_is_refused(self, filled: Backend, expected: bytes | None) -> None:
        assert filled.publish([], expected, b"two") is False
        assert filled.read_root() == b"one"

    def test_expectation_of_a_root_where_none_is_is_refused(self, backend: Backend) -> None:
        assert backend.publish([], b"one", b"two") is False
        assert backend.read_root() is None

    def test_moving_the_root_to_the_same_bytes_succeeds(self, filled: Backend) -> None:
        assert filled.publish([], b"one", b"one") is True
        assert filled.read_root() == b"one"

    def test_root_may_return_to_old_bytes(self, filled: Backend) -> None:
        assert filled.publish([], b"one", b"two")
        assert filled.publish([], b"two", b"one")
        assert filled.publish([], b"two", b"three") is False
        assert filled.read_root() == b"one"

    def test_root_of_any_bytes(self, backend: Backend) -> None:
        expected = None
        for root in (bytes(range(256)), b"\x00", b"\xff" * 300, b"not utf-8: \xc3\x28"):
            assert backend.publish([], expected, root)
            assert backend.read_root() == root
            expected = root

    def test_large_root(self, backend: Backend) -> None:
        root = random.Random(2).randbytes(2048)
        assert backend.publish([], None, root)
        assert backend.publish([], root, root[::-1])
        assert backend.read_root() == root[::-1]

    def test_root_is_not_among_the_objects(self, filled: Backend) -> None:
        assert sorted(filled.list_keys()) == [key for key, _ in entries(100)]

    # objects

    def test_published_objects_are_read_back(self, filled: Backend) -> None:
        assert filled.read_many([key for key, _ in entries(100)]) == [value for _, value in entries(100)]

    def test_refused_publish_keeps_what_was_there(self, filled: Backend) -> None:
        assert filled.publish(entries(10, session=2), b"stale", b"two") is False
        assert filled.read_root() == b"one"
        assert filled.read_many([key(5)]) == [b"value 5 of 1"]

    def test_write_many_leaves_the_root(self, filled: Backend) -> None:
        filled.write_many(entries(10, session=2))
        assert filled.read_root() == b"one"
        assert filled.read_many([key(3, 2)]) == [b"value 3 of 2"]

    def test_written_objects_may_be_published_later(self, filled: Backend) -> None:
        filled.write_many(entries(10, session=2))
        assert filled.publish([], b"one", b"two")
        assert filled.read_many([key(9, 2)]) == [b"value 9 of 2"]

    def test_write_before_any_root(self, backend: Backend) -> None:
        backend.write_many(entries(3))
        assert backend.read_root() is None
        assert backend.publish([], None, b"one")
        assert backend.read_many([key(2)]) == [b"value 2 of 1"]

    def test_empty_batches_do_nothing(self, filled: Backend) -> None:
        filled.write_many([])
        filled.delete_many([])
        assert filled.read_many([]) == []
        assert filled.read_root() == b"one"
        assert len(list(filled.list_keys())) == 100

    def test_read_keeps_order(self, filled: Backend) -> None:
        numbers = list(range(100))
        random.Random(3).shuffle(numbers)
        assert filled.read_many([key(n) for n in numbers]) == [b"value %d of 1" % n for n in numbers]

    def test_read_of_repeated_keys(self, filled: Backend) -> None:
        assert filled.read_many([key(1), key(2), key(1)]) == [b"value 1 of 1", b"value 2 of 1", b"value 1 of 1"]

    def test_read_of_missing_keys(self, filled: Backend) -> None:
        missing = key(1)[:-1]
        assert filled.read_many([key(200), key(1), missing, key(1) + b"\x00"]) == [None, b"value 1 of 1", None, None]

    def test_read_from_an_empty_store(self, backend: Backend) -> None:
        assert backend.read_many([key(1), key(2)]) == [None, None]

    def test_empty_value_is_not_a_missing_one(self, filled: Backend) -> None:
        filled.write_many([(key(0, 2), b"")])
        assert filled.read_many([key(0, 2), key(1, 2)]) == [b"", None]

    def test_keys_of_any_bytes(self, filled: Backend) -> None:
        keys = awkward_keys()
        filled.write_many([(each, each[::-1]) for each in keys])
        assert filled.read_many(keys) == [each[::-1] for each in keys]
        assert filled.read_root() == b"one"
        assert set(filled.list_keys()) == set(keys) | {each for each, _ in entries(100)}

    def test_deleting_keys_of_any_bytes_spares_the_root(self, filled: Backend) -> None:
        keys = awkward_keys()
        filled.write_many([(each, b"x") for each in keys])
        filled.delete_many(keys)
        assert filled.read_root() == b"one"
        assert sorted(filled.list_keys()) == [each for each, _ in entries(100)]

    def test_keys_out_of_order(self, filled: Backend) -> None:
        batch = entries(50, session=3)
        random.Random(4).shuffle(batch)
        assert filled.publish(batch, b"one", b"two")
        assert filled.publish(entries(50, session=2), b"two", b"three")
        assert filled.read_many([each for each, _ in batch]) == [value for _, value in batch]
        assert filled.read_many([key(7, 2)]) == [b"value 7 of 2"]

    def test_large_value(self, filled: Backend) -> None:
        value = random.Random(5).randbytes(min(1 << 20, filled.limits.max_value_bytes or 1 << 20))
        assert filled.publish([(key(0, 2), value)], b"one", b"two")
        assert filled.read_many([key(0, 2)]) == [value]

    @pytest.mark.parametrize("size", [1, 511, 2037, 2038, 2039, 4095, 4096, 4097, 8192])
    def test_values_around_a_page(self, filled: Backend, size: int) -> None:
        value = random.Random(size).randbytes(min(size, filled.limits.max_value_bytes or size))
        filled.write_many([(key(0, 2), value)])
        assert filled.read_many([key(0, 2)]) == [value]

    def test_ten_thousand_objects(self, filled: Backend) -> None:
        batch = entries(10_000, session=2)
        for start in range(0, len(batch), self._batch_size(filled)):
            filled.write_many(batch[start : start + self._batch_size(filled)])
        assert filled.publish([], b"one", b"two")
        assert filled.read_many([each for each, _ in batch]) == [value for _, value in batch]
        assert len(list(filled.list_keys())) == 10_100

    def test_values_are_bytes(self, filled: Backend) -> None:
        assert type(filled.read_root()) is bytes
        assert [type(value) for value in filled.read_many([key(1), key(2)])] == [bytes, bytes]

    def test_given_buffers_are_copied(self, filled: Backend) -> None:
        buffer = bytearray(b"as it was given")
        filled.write_many([(key(0, 2), memoryview(buffer))])  # type: ignore[list-item]
        assert filled.publish([(key(1, 2), buffer)], b"one", b"two")  # type: ignore[list-item]
        buffer[:] = b"changed in place"
        values = filled.read_many([key(0, 2), key(1, 2)])
        assert values == [b"as it was given"] * 2
        assert [type(value) for value in values] == [bytes, bytes]

    def test_given_lists_may_be_used_again(self, filled: Backend) -> None:
        batch = entries(3, session=2)
        filled.write_many(batch)
        batch.clear()
        assert filled.read_many([key(1, 2)]) == [b"value 1 of 2"]

    # deleting and listing

    def test_deleted_objects_are_gone(self, filled: Backend) -> None:
        filled.delete_many([key(1), key(3)])
        assert filled.read_many([key(n) for n in range(5)]) == [
            b"value 0 of 1",
            None,
            b"value 2 of 1",
            None,
            b"value 4 of 1",
        ]
        assert filled.read_root() == b"one"

    def test_delete_of_absent_and_repeated_keys(self, filled: Backend) -> None:
        filled.delete_many([key(500), key(1), key(1), key(501)])
        filled.delete_many([key(1)])
        assert len(list(filled.list_keys())) == 99

    def test_delete_everything(self, filled: Backend) -> None:
        filled.delete_many(list(filled.list_keys()))
        assert list(filled.list_keys()) == []
        assert filled.read_root() == b"one"
        assert filled.publish(entries(1, session=2), b"one", b"two")
        assert filled.read_many([key(0, 2)]) == [b"value 0 of 2"]

    def test_list_keys_yields_each_once(self, filled: Backend) -> None:
        batch = entries(2_500, session=2)
        for start in range(0, len(batch), self._batch_size(filled)):
            filled.write_many(batch[start : start + self._batch_size(filled)])
        listed = list(filled.list_keys())
        assert len(listed) == len(set(listed)) == 2_600
        assert all(type(each) is bytes for each in listed)

    def test_list_keys_while_others_are_written(self, filled: Backend) -> None:
        filled.write_many(entries(60, session=3))
        listing = filled.list_keys()
        seen = {next(listing)}
        filled.write_many(entries(60, session=2))
        assert filled.publish(entries(60, session=4), b"one", b"two")
        seen.update(listing)
        lasting = {each for session, count in ((1, 100), (3, 60)) for each, _ in entries(count, session)}
        assert lasting <= seen
        assert seen <= lasting | {each for session in (2, 4) for each, _ in entries(60, session)}

    def test_list_keys_while_all_are_deleted(self, filled: Backend) -> None:
        listing = filled.list_keys()
        first = next(listing)
        filled.delete_many([each for each, _ in entries(100)])
        assert {first, *listing} <= {each for each, _ in entries(100)}

    def test_unfinished_listing_holds_nothing_up(self, filled: Backend) -> None:
        listing = filled.list_keys()
        next(listing)
        assert filled.publish(entries(500, session=2), b"one", b"two")
        assert filled.read_root() == b"two"
        filled.close()

    # threads

    def test_one_of_several_creators_wins(self, backend: Backend) -> None:
        wins = self._race(lambda index: backend.publish(entries(3, session=index + 1), None, b"by %d" % index))
        assert sum(wins) == 1
        winner = wins.index(True)
        assert backend.read_root() == b"by %d" % winner
        assert backend.read_many([key(0, winner + 1)]) == [b"value 0 of %d" % (winner + 1)]

    def test_one_wins_each_round(self, backend: Backend) -> None:
        assert backend.publish([], None, b"round 0")

        def move(before: bytes, after: bytes, _: int) -> bool:
            return backend.publish([], before, after)

        for number in range(1, 21):
            before, after = b"round %d" % (number - 1), b"round %d" % number
            wins = self._race(partial(move, before, after))
            assert sum(wins) == 1

    def test_counter_is_exact(self, backend: Backend) -> None:
        assert backend.publish([], None, b"0")

        def count(index: int) -> bool:
            for number in range(25):
                while True:
                    root = backend.read_root()
                    assert root is not None
                    if backend.publish([(key(number, index + 1), b"x")], root, b"%d" % (int(root) + 1)):
                        break
            return True

        self._race(count)
        assert backend.read_root() == b"%d" % (THREADS * 25)
        assert len(list(backend.list_keys())) == THREADS * 25

    def test_root_never_names_an_object_that_is_not_there(self, backend: Backend) -> None:
        assert backend.publish([(key(0), b"0")], None, b"0")
        done = threading.Event()

        def read(_: int) -> bool:
            while not done.is_set():
                root = backend.read_root()
                assert root is not None
                assert backend.read_many([key(int(root))]) == [root]
            return True

        with ThreadPoolExecutor(3) as pool:
            readers = [pool.submit(read, index) for index in range(3)]
            try:
                for number in range(1, 101):
                    assert backend.publish([(key(number), b"%d" % number)], b"%d" % (number - 1), b"%d" % number)
            finally:
                done.set()
            assert all(reader.result() for reader in readers)

    def test_writers_of_objects_do_not_disturb_each_other(self, filled: Backend) -> None:
        def write(index: int) -> bool:
            for number in range(20):
                filled.write_many([(key(number, index + 2), b"%d" % number)])
                filled.delete_many([key(number, index + 2)] if number % 2 else [])
            return True

        self._race(write)
        assert len(list(filled.list_keys())) == 100 + THREADS * 10

    # the end

    def test_close_twice(self, filled: Backend) -> None:
        filled.close()
        filled.close()

    @pytest.mark.parametrize("call", ["read_root", "read_many", "publish", "write_many", "delete_many", "list_keys"])
    def test_use_after_close_is_an_error(self, filled: Backend, call: str) -> None:
        filled.close()
        actions: dict[str, Callable[[], object]] = {
            "read_root": filled.read_root,
            "read_many": lambda: filled.read_many([key(1)]),
            "publish": lambda: filled.publish(entries(1, session=2), b"one", b"two"),
            "write_many": lambda: filled.write_many(entries(1, session=2)),
            "delete_many": lambda: filled.delete_many([key(1)]),
            "list_keys": lambda: list(filled.list_keys()),
        }
        with pytest.raises(Unavailable) as caught:
            actions[call]()
        assert isinstance(caught.value, Error)

    def test_url_and_limits_outlive_close(self, filled: Backend) -> None:
        filled.close()
        assert filled.url
        assert filled.limits.durability in Durability

    @staticmethod
    def _batch_size(backend: Backend) -> int:
        return min(1000, backend.limits.max_batch_count or 1000)

    @staticmethod
    def _race(action: Callable[[int], bool]) -> list[bool]:
        """Call ``action(index)`` in all threads as near to the same moment as can be."""
        start = threading.Barrier(THREADS)

        def run(index: int) -> bool:
            start.wait(30)
            return action(index)

        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(run, range(THREADS)))
