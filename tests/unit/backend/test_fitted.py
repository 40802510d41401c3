from __future__ import annotations

import random
from typing import Any

import pytest

from treering.backend import parts
from treering.backend.base import Backend, Syncing, Watching
from treering.backend.fitted import FittedBackend, fit
from treering.backend.mapping import MappingBackend
from treering.errors import Corruption, TooLarge
from treering.testing import FaultyBackend, LimitedBackend
from treering.testing.conformance import entries, key, part

LIMIT = 10_000


def make(**limits: int) -> tuple[FaultyBackend, Backend]:
    faulty = FaultyBackend(LimitedBackend(**limits))
    return faulty, fit(faulty)


def large(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def test_a_backend_without_limits_stays_as_it_is():
    backend = MappingBackend({})
    assert fit(backend) is backend


def test_limits_are_gone_and_the_rest_stays():
    inner, fitted = make(max_value_bytes=LIMIT, remote=True)
    assert (fitted.limits.max_value_bytes, fitted.limits.remote, fitted.url) == (None, True, inner.url)
    assert fitted.limits.durability is inner.limits.durability


@pytest.mark.parametrize("watches", [True, False])
@pytest.mark.parametrize("syncs", [True, False])
def test_capabilities_are_passed_through(*, syncs: bool, watches: bool):
    told: list[Any] = []
    members: dict[str, Any] = {}
    if syncs:
        members["sync"] = lambda _: told.append("sync")
    if watches:
        members["wait_for_root"] = lambda _, known, timeout_seconds: told.append((known, timeout_seconds))
    inner = LimitedBackend(max_batch_count=16)
    contract = ("url", "limits", "read_root", "read_many", "publish", "write_many", "delete_many", "list_keys", "close")
    members |= {name: staticmethod(getattr(inner, name)) for name in contract[2:]}
    members |= {name: getattr(inner, name) for name in contract[:2]}
    fitted = fit(type("Some", (), members)())
    assert (isinstance(fitted, Syncing), isinstance(fitted, Watching)) == (syncs, watches)
    if isinstance(fitted, Syncing):
        fitted.sync()
    if isinstance(fitted, Watching):
        fitted.wait_for_root(b"one", 2.0)
    assert told == ["sync"] * syncs + [(b"one", 2.0)] * watches


@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT - 5, 2 * LIMIT - 4, 100_000])
def test_values_around_the_limit(size: int):
    inner, fitted = make(max_value_bytes=LIMIT)
    value = large(size)
    assert fitted.publish([(key(1), value), (key(2), b"x")], None, b"one")
    fitted.write_many([(key(3), value)])
    assert fitted.read_many([key(1), key(2), key(3), key(4)]) == [value, b"x", value, None]
    assert sorted(fitted.list_keys()) == [key(1), key(2), key(3)]
    stored = inner.read_many([key(1)])[0]
    assert stored is not None
    if size <= LIMIT:
        assert stored == value
    else:
        count = 1 + -(-(size - (LIMIT - 5)) // LIMIT)
        assert stored == b"+" + count.to_bytes(4, "little") + value[: LIMIT - 5]
        assert inner.read_many([part(key(1), 1), part(key(1), count)]) == [value[LIMIT - 5 : 2 * LIMIT - 5], None]
    fitted.delete_many([key(1), key(3)])
    assert list(inner.list_keys()) == [key(2)]


def test_parts_of_all_values_are_read_together():
    inner, fitted = make(max_value_bytes=LIMIT)
    batch = [(key(number), large(size, number)) for number, size in enumerate([50_000, 3, 20_000, 10_000, 90_000])]
    assert fitted.publish(batch, None, b"one")
    inner.reset_counts()
    assert fitted.read_many([each for each, _ in batch]) == [value for _, value in batch]
    assert inner.calls == {"read_many": 2}
    fitted.read_many([key(1), key(3)])
    assert inner.calls == {"read_many": 3}


def test_what_fits_is_one_call():
    inner, fitted = make(max_value_bytes=LIMIT, max_batch_count=16, max_batch_bytes=12_000)
    assert fitted.publish(entries(15), None, b"one")
    assert fitted.publish([(key(0, 2), large(LIMIT)), (key(1, 2), large(12_000 - LIMIT - 3 - 32))], b"one", b"two")
    assert inner.calls == {"publish": 2}


def test_what_does_not_fit_is_written_ahead_and_the_rest_goes_with_the_root():
    inner, fitted = make(max_batch_count=16)
    limited = inner.inner
    assert isinstance(limited, LimitedBackend)
    assert fitted.publish(entries(100), None, b"one")
    assert inner.calls == {"write_many": 1, "publish": 1}
    assert limited.requests == 7  # 85 objects ahead in six, 15 and the root in one
    assert fitted.publish(entries(16, session=2), b"one", b"two")
    assert limited.requests == 9


def test_bytes_count_with_keys_and_root():
    inner, fitted = make(max_batch_bytes=20_000)
    batch = [(key(number), large(4_000, number)) for number in range(5)]
    assert fitted.publish(batch, None, large(8_000))
    assert inner.calls == {"write_many": 1, "publish": 1}
    assert fitted.read_many([each for each, _ in batch]) == [value for _, value in batch]


def test_parts_go_ahead_of_their_head():
    inner, fitted = make(max_value_bytes=LIMIT, max_batch_count=16)
    inner.fail("publish")
    with pytest.raises(Exception, match="planned"):
        fitted.publish([(key(1), large(25_000))], None, b"one")
    assert sorted(inner.list_keys()) == [part(key(1), 1), part(key(1), 2)]
    assert fitted.read_many([key(1)]) == [None]
    assert list(fitted.list_keys()) == [key(1)]  # so that a sweep finds them
    fitted.delete_many([key(1)])
    assert list(inner.list_keys()) == []


def test_a_listing_names_each_value_once_whatever_the_order():
    inner, fitted = make(max_value_bytes=LIMIT)
    inner.write_many([(part(key(1), 1), b"x"), (key(1), b"+"), (key(2), b"+"), (part(key(2), 1), b"x")])
    inner.write_many([(part(key(3), 1), b"x"), (part(key(3), 2), b"x"), (key(4), b"x")])
    assert sorted(fitted.list_keys()) == [key(number) for number in (1, 2, 3, 4)]


def test_a_missing_part_is_a_missing_value():
    inner, fitted = make(max_value_bytes=LIMIT)
    fitted.write_many([(key(1), large(35_000)), (key(2), large(12_000))])
    inner.delete_many([part(key(1), 2)])
    assert fitted.read_many([key(1), key(2)]) == [None, large(12_000)]


@pytest.mark.parametrize("head", [b"+", b"+\x02\0\0\0", b"+\0\0\0\0x", b"+\x01\0\0\0x", b"+\xff\xff\xff\xffxyz"])
def test_a_head_that_cannot_be_is_corruption(head: bytes):
    inner, fitted = make(max_value_bytes=LIMIT)
    inner.write_many([(key(1), head)])
    with pytest.raises(Corruption) as caught:
        fitted.read_many([key(1)])
    assert caught.value.facts["location"] == key(1).hex()
    assert inner.calls["read_many"] == 1


def test_what_is_larger_than_any_object_is_refused():
    class Huge(bytes):
        def __len__(self) -> int:
            return parts.MAX_WHOLE_BYTES + 1

    with pytest.raises(TooLarge):
        parts.cut(key(1), Huge(), LIMIT)


def test_closing_closes_the_inner():
    inner, fitted = make(max_value_bytes=LIMIT)
    assert isinstance(fitted, FittedBackend)
    fitted.close()
    with pytest.raises(Exception, match="closed"):
        inner.read_root()
