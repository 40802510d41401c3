"""How a listing goes on when the servers do not get through with a part of the ring in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from treering.backend.cassandra import CassandraBackend
from treering.backend.cassandra.session import TookTooLong
from treering.errors import Unavailable

FIRST, LAST = -(1 << 63), (1 << 63) - 1


class Ring:
    """Rows by token; a request that goes through more than ``patience`` of them fails after that many."""

    def __init__(self, rows: list[tuple[int, bytes, bytes]], patience: int) -> None:
        self.rows = sorted(rows)
        self.patience = patience
        self.asked: list[tuple[int, int]] = []

    def check_open(self) -> None:
        pass

    def iterate(self, _text: str, arguments: Sequence[object]) -> Iterator[tuple[int, bytes, bytes]]:
        _, first, last = arguments
        assert isinstance(first, int)
        assert isinstance(last, int)
        self.asked.append((first, last))
        within = [row for row in self.rows if first < row[0] <= last]
        yield from within[: self.patience]
        if len(within) > self.patience:
            raise TookTooLong("too much")


def listed(ring: Ring) -> list[bytes]:
    return list(CassandraBackend(ring, "cassandra://h/k", "s").list_keys())  # type: ignore[arg-type]


def rows(count: int, parts: int = 1) -> list[tuple[int, bytes, bytes]]:
    step = (LAST - FIRST) // count
    return [
        (FIRST + 1 + number * step, b"%d" % number, b"/%d" % part) for number in range(count) for part in range(parts)
    ]


@pytest.mark.parametrize("patience", [3, 7, 50, 1000])
@pytest.mark.parametrize("parts", [1, 2])
def test_every_key_once_whatever_the_servers_stand(patience: int, parts: int) -> None:
    ring = Ring(rows(200, parts), patience)
    found = listed(ring)
    assert len(found) == len(set(found)) == 200 * parts


def test_both_ends_of_the_ring_are_listed() -> None:
    assert set(listed(Ring([(FIRST + 1, b"a", b""), (LAST, b"b", b"")], 1))) == {b"a", b"b"}


def test_one_request_where_the_servers_keep_up() -> None:
    ring = Ring(rows(200), 200)
    listed(ring)
    assert ring.asked == [(FIRST, LAST)]


def test_servers_that_never_answer_are_given_up() -> None:
    ring = Ring(rows(200), 0)
    with pytest.raises(Unavailable):
        listed(ring)
    assert len(ring.asked) <= 4
