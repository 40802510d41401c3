from __future__ import annotations

import pytest

from treering.errors import OutcomeUnknown, StoreFull, Unavailable
from treering.testing import FaultyBackend, MemoryBackend, SimulatedCrash


@pytest.fixture
def faulty() -> FaultyBackend:
    backend = FaultyBackend(MemoryBackend())
    assert backend.publish([(b"a", b"12345")], None, b"one")
    backend.reset_counts()
    return backend


def test_counts(faulty: FaultyBackend) -> None:
    assert faulty.read_root() == b"one"
    assert faulty.read_many([b"a", b"b"]) == [b"12345", None]
    assert faulty.publish([(b"c", b"1234")], b"one", b"three")
    faulty.write_many([(b"d", b"1"), (b"e", b"2")])
    assert dict(faulty.calls) == {"read_root": 1, "read_many": 1, "publish": 1, "write_many": 1}
    assert (faulty.keys_read, faulty.bytes_read) == (3, 8)
    assert (faulty.keys_written, faulty.bytes_written) == (4, 11)


def test_fail_before_does_nothing(faulty: FaultyBackend) -> None:
    faulty.fail("publish")
    with pytest.raises(Unavailable):
        faulty.publish([(b"c", b"x")], b"one", b"two")
    assert (faulty.read_root(), faulty.read_many([b"c"])) == (b"one", [None])
    assert faulty.publish([(b"c", b"x")], b"one", b"two")


def test_fail_during_publish_leaves_objects(faulty: FaultyBackend) -> None:
    faulty.fail("publish", moment="during", error=StoreFull("planned"))
    with pytest.raises(StoreFull):
        faulty.publish([(b"c", b"x")], b"one", b"two")
    assert (faulty.read_root(), faulty.read_many([b"c"])) == (b"one", [b"x"])


def test_fail_after_publish_loses_the_reply(faulty: FaultyBackend) -> None:
    faulty.fail("publish", moment="after")
    with pytest.raises(OutcomeUnknown):
        faulty.publish([], b"one", b"two")
    assert faulty.read_root() == b"two"


def test_nth_call_and_several_faults(faulty: FaultyBackend) -> None:
    faulty.fail("read_root", on_call=2)
    faulty.fail("read_root", on_call=3, error=StoreFull("planned"))
    assert faulty.read_root() == b"one"
    with pytest.raises(Unavailable):
        faulty.read_root()
    with pytest.raises(StoreFull):
        faulty.read_root()
    assert faulty.read_root() == b"one"


@pytest.mark.parametrize(("moment", "left"), [("before", 4), ("during", 2), ("after", 0)])
def test_crash_in_a_delete(faulty: FaultyBackend, moment: str, left: int) -> None:
    keys = [b"k%d" % number for number in range(4)]
    faulty.write_many([(key, b"x") for key in keys])
    faulty.crash("delete_many", moment=moment)  # type: ignore[arg-type]
    with pytest.raises(SimulatedCrash):
        faulty.delete_many(keys)
    with pytest.raises(SimulatedCrash):
        faulty.read_root()
    assert len([value for value in faulty.inner.read_many(keys) if value]) == left


def test_strict_memory_backend() -> None:
    backend = MemoryBackend()
    assert backend.publish([(b"a", b"1")], None, b"one")
    assert backend.publish([(b"b", b"1")], None, b"two") is False
    with pytest.raises(AssertionError, match="used before"):
        backend.publish([(b"b", b"2")], b"one", b"two")
    backend.delete_many([b"a"])
    with pytest.raises(AssertionError, match="used before"):
        backend.write_many([(b"a", b"2")])
    for key in (b"", b"x" * 65):
        with pytest.raises(AssertionError, match="bytes"):
            backend.read_many([key])
    with pytest.raises(AssertionError, match="not bytes"):
        backend.write_many([(bytearray(b"c"), b"1")])  # type: ignore[list-item]


def test_lost_publish_is_not_applied(faulty: FaultyBackend) -> None:
    faulty.fail("publish", moment="lost")
    with pytest.raises(OutcomeUnknown):
        faulty.publish([(b"c", b"x")], b"one", b"two")
    assert (faulty.read_root(), faulty.read_many([b"c"])) == (b"one", [None])


@pytest.mark.parametrize("until", ["read_root", "publish"])
def test_late_publish_arrives_after_the_next_call(faulty: FaultyBackend, until: str) -> None:
    faulty.fail("publish", moment="late", until=until)  # type: ignore[arg-type]
    with pytest.raises(OutcomeUnknown):
        faulty.publish([(b"c", b"x")], b"one", b"two")
    assert faulty.read_root() == b"one"
    assert faulty.arrivals == ([True] if until == "read_root" else [])
    assert faulty.publish([], b"one", b"three") is (until == "publish")
    assert faulty.read_root() == (b"two" if until == "read_root" else b"three")
    assert faulty.arrivals == [until == "read_root"]
