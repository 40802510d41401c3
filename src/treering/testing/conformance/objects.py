"""Objects are written once and read back as they are."""

from __future__ import annotations

import random

import pytest

from treering.backend.base import Backend
from treering.testing.conformance.keys import awkward_keys, entries, key
from treering.testing.conformance.suite import Suite, put


class ObjectCases(Suite):
    """Writing and reading."""

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
        assert put(filled, batch, b"one", b"two")
        assert put(filled, entries(50, session=2), b"two", b"three")
        assert filled.read_many([each for each, _ in batch]) == [value for _, value in batch]
        assert filled.read_many([key(7, 2)]) == [b"value 7 of 2"]

    def test_large_value(self, filled: Backend) -> None:
        value = random.Random(5).randbytes(min(1 << 20, filled.limits.max_value_bytes or 1 << 20))
        assert put(filled, [(key(0, 2), value)], b"one", b"two")
        assert filled.read_many([key(0, 2)]) == [value]

    @pytest.mark.parametrize("size", [1, 511, 2037, 2038, 2039, 4095, 4096, 4097, 8192])
    def test_values_around_a_page(self, filled: Backend, size: int) -> None:
        value = random.Random(size).randbytes(min(size, filled.limits.max_value_bytes or size))
        filled.write_many([(key(0, 2), value)])
        assert filled.read_many([key(0, 2)]) == [value]

    def test_ten_thousand_objects(self, filled: Backend) -> None:
        batch = entries(10_000, session=2)
        filled.write_many(batch)
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
