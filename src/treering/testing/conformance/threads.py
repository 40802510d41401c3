"""Many threads on one handle."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from treering.backend.base import Backend
from treering.testing.conformance.keys import entries, key
from treering.testing.conformance.suite import THREADS, Suite, race


class ThreadCases(Suite):
    """Every method may be called by several threads at once."""

    def test_one_of_several_creators_wins(self, backend: Backend) -> None:
        wins = race(lambda index: backend.publish(entries(3, session=index + 1), None, b"by %d" % index))
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
            wins = race(partial(move, before, after))
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

        race(count)
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

        race(write)
        assert len(list(filled.list_keys())) == 100 + THREADS * 10

    def test_the_winner_of_a_round_brings_all_its_objects(self, backend: Backend) -> None:
        assert backend.publish([], None, b"round 0")
        root = b"round 0"
        for number in range(10):
            before, wins = root, race(partial(_publish_ten, backend, number, root))
            assert sum(wins) == 1
            winner = wins.index(True)
            root = b"round %d by %d" % (number, winner)
            assert before != backend.read_root() == root
            found = backend.read_many([key(10 * number + n, winner + 1) for n in range(10)])
            assert found == [b"%d of %d" % (10 * number + n, winner) for n in range(10)]

    def test_calls_of_all_kinds_at_once(self, filled: Backend) -> None:
        def work(index: int) -> bool:
            own = entries(40, session=index + 2)
            for number in range(5):
                filled.write_many(own[8 * number : 8 * number + 8])
                assert filled.read_many([key(5)]) == [b"value 5 of 1"]
                assert filled.read_root() == b"one"
                assert filled.publish([], b"none", b"two") is False
                assert filled.read_many([each for each, _ in own[: 8 * number]]) == [v for _, v in own[: 8 * number]]
                assert {each for each, _ in entries(100)} <= set(filled.list_keys())
            filled.delete_many([each for each, _ in own])
            return True

        assert race(work) == [True] * THREADS
        assert sorted(filled.list_keys()) == [each for each, _ in entries(100)]


def _publish_ten(backend: Backend, number: int, expected: bytes, index: int) -> bool:
    batch = [(key(10 * number + n, index + 1), b"%d of %d" % (10 * number + n, index)) for n in range(10)]
    return backend.publish(batch, expected, b"round %d by %d" % (number, index))
