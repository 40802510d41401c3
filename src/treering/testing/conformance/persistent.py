"""What several handles on one store must do, at once and one after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from treering.backend.base import Backend
from treering.testing.conformance.keys import entries, key
from treering.testing.conformance.single import THREADS, BackendConformance


class PersistentConformance(BackendConformance):
    """What is more to be asked of a store that outlives its handles and can be opened several times."""

    def test_reopening_finds_everything(self, open_store: Callable[[], Backend]) -> None:
        backend = open_store()
        assert backend.publish(entries(100), None, b"one")
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
            wins = self._race(partial(move, before, after))
            assert sum(wins) == 1
