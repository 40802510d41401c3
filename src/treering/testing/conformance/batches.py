"""Requests as large as the limits allow, and calls far beyond them."""

from __future__ import annotations

import random

import pytest

from treering.backend.base import Backend, Entry
from treering.testing.conformance.keys import entries, key
from treering.testing.conformance.suite import Suite

ENOUGH_BYTES = 8 << 20  # a store that takes more in one request, or value, is not asked to show it
ENOUGH_COUNT = 2000


class BatchCases(Suite):
    """``publish`` takes all that the limits say, the other calls any number of keys."""

    @pytest.mark.parametrize("short_by", [0, 1])
    def test_values_as_large_as_can_be(self, filled: Backend, short_by: int) -> None:
        size = min(filled.limits.max_value_bytes or ENOUGH_BYTES, ENOUGH_BYTES) - short_by
        batch = [(key(number, 2), random.Random(number).randbytes(size)) for number in range(3)]
        filled.write_many(batch)
        assert filled.read_many([each for each, _ in batch]) == [value for _, value in batch]

    def test_publish_of_as_many_objects_as_can_be(self, filled: Backend) -> None:
        batch = entries(min(filled.limits.max_batch_count or ENOUGH_COUNT, ENOUGH_COUNT) - 1, session=2)
        assert filled.publish(batch, b"one", b"two") is True
        assert filled.read_many([each for each, _ in batch]) == [value for _, value in batch]

    @pytest.mark.parametrize("root_size", [3, 2500])
    def test_publish_of_as_many_bytes_as_can_be(self, backend: Backend, root_size: int) -> None:
        old, new = (random.Random(number).randbytes(root_size) for number in (1, 2))
        assert backend.publish([], None, old)
        batch = self._batch_of(backend, root_size)
        assert backend.publish(batch, old, new) is True
        assert backend.read_root() == new
        assert backend.read_many([each for each, _ in batch]) == [value for _, value in batch]

    def test_refused_publish_of_as_many_bytes_as_can_be(self, filled: Backend) -> None:
        assert filled.publish(self._batch_of(filled, 3), b"ten", b"two") is False
        assert filled.read_root() == b"one"

    def test_write_of_more_objects_than_fit(self, filled: Backend) -> None:
        batch = entries(3 * min(filled.limits.max_batch_count or ENOUGH_COUNT, ENOUGH_COUNT) + 1, session=2)
        filled.write_many(batch)
        assert filled.read_root() == b"one"
        assert filled.read_many([each for each, _ in batch]) == [value for _, value in batch]

    def test_write_and_read_of_more_bytes_than_fit(self, filled: Backend) -> None:
        batch = [*self._batch_of(filled, 3), *self._batch_of(filled, 3, session=3), (key(0, 4), b"the last")]
        random.Random(8).shuffle(batch)
        filled.write_many(batch)
        assert filled.read_many([each for each, _ in batch]) == [value for _, value in batch]

    def test_read_of_five_thousand_keys_at_once(self, filled: Backend) -> None:
        filled.write_many(entries(2_500, session=2))
        wanted = [key(number, 2) for number in range(5_000)]
        random.Random(9).shuffle(wanted)
        there = dict(entries(2_500, session=2))
        assert filled.read_many(wanted) == [there.get(each) for each in wanted]

    def test_delete_of_five_thousand_keys_at_once(self, filled: Backend) -> None:
        filled.write_many(entries(2_500, session=2))
        filled.delete_many([key(number, 2) for number in range(5_000)])
        assert sorted(filled.list_keys()) == [each for each, _ in entries(100)]

    def test_long_and_short_values_together(self, filled: Backend) -> None:
        largest = min(filled.limits.max_value_bytes or ENOUGH_BYTES, 1 << 20)
        source = random.Random(10)
        sizes = [0, largest, 1, 100, largest, 4096, *[200] * 300]
        batch = [(key(number, 2), source.randbytes(size)) for number, size in enumerate(sizes)]
        filled.write_many(batch)
        assert filled.read_many([each for each, _ in batch]) == [value for _, value in batch]

    @staticmethod
    def _batch_of(backend: Backend, root_size: int, *, session: int = 2) -> list[Entry]:
        """Return objects that, with their keys and a root, have exactly the bytes that one request may carry."""
        limits = backend.limits
        left = min(limits.max_batch_bytes or ENOUGH_BYTES, ENOUGH_BYTES) - root_size
        largest = min(limits.max_value_bytes or left, left)
        count = -(-left // (largest + len(key(0))))
        assert count < (limits.max_batch_count or left), "no request can be as large as the limits say"
        source = random.Random(session)
        share, more = divmod(left - count * len(key(0)), count)
        return [(key(n, session), source.randbytes(share + (n < more))) for n in range(count)]
