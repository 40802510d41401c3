"""Objects are deleted for good, and all that are there are listed."""

from __future__ import annotations

import pytest

from treering.backend.base import Backend
from treering.testing.conformance.keys import entries, key, part
from treering.testing.conformance.suite import Suite, put


class ListingCases(Suite):
    """Deleting and listing."""

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
        filled.write_many(entries(2_500, session=2))
        listed = list(filled.list_keys())
        assert len(listed) == len(set(listed)) == 2_600
        assert all(type(each) is bytes for each in listed)

    def test_list_keys_while_others_are_written(self, filled: Backend) -> None:
        filled.write_many(entries(60, session=3))
        listing = filled.list_keys()
        seen = {next(listing)}
        filled.write_many(entries(60, session=2))
        assert put(filled, entries(60, session=4), b"one", b"two")
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
        assert put(filled, entries(500, session=2), b"one", b"two")
        assert filled.read_root() == b"two"
        filled.close()

    def test_deleted_for_the_lister_too(self, filled: Backend) -> None:
        filled.delete_many([key(number) for number in range(0, 100, 2)])
        assert sorted(filled.list_keys()) == [key(number) for number in range(1, 100, 2)]

    def test_keys_are_deleted_by_their_whole_length(self, filled: Backend) -> None:
        near = [key(1)[:-1], key(1) + b"\x00", key(1) + b".", key(1) + b"0", key(1) + b"\xff"]
        filled.write_many([(each, b"near") for each in near])
        filled.delete_many([key(1)])
        assert filled.read_many([key(1), *near]) == [None, *[b"near"] * len(near)]

    @pytest.mark.parametrize("session", [1, 2], ids=["with a head", "without a head"])
    def test_parts_go_with_their_key_where_values_are_limited(self, filled: Backend, session: int) -> None:
        numbers = (1, 2, 255, 256, 65_535)
        parts = [part(key(n, session), number) for n in (1, 2, 47) for number in numbers]
        filled.write_many([(each, b"part") for each in parts])
        assert set(parts) <= set(filled.list_keys())
        filled.delete_many([key(1, session), key(2, session)])
        left = [b"part"] * 15 if filled.limits.max_value_bytes is None else [None] * 10 + [b"part"] * 5
        assert filled.read_many(parts) == left
        assert filled.read_many([key(0), key(3), key(47)]) == [b"value %d of 1" % n for n in (0, 3, 47)]
        assert filled.read_root() == b"one"

    def test_parts_of_many_keys_go(self, filled: Backend) -> None:
        parts = [part(key(n), number) for n in range(100) for number in range(1, 13)]
        filled.write_many([(each, b"part") for each in parts])
        filled.delete_many([key(n) for n in range(100)])
        assert sorted(filled.list_keys()) == ([] if filled.limits.max_value_bytes else parts)
