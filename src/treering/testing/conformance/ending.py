"""After ``close``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from treering.backend.base import Backend, Durability
from treering.errors import Error, Unavailable
from treering.testing.conformance.keys import entries, key
from treering.testing.conformance.suite import Suite


class EndingCases(Suite):
    """A closed handle is of no more use, and says so."""

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

    def test_a_listing_ends_with_its_handle(self, filled: Backend) -> None:
        filled.write_many(entries(2_500, session=2))
        listing = filled.list_keys()
        seen = {next(listing)}
        filled.close()
        with suppress(Unavailable):  # what was fetched already may still come
            seen.update(listing)
        assert seen <= {each for session, count in ((1, 100), (2, 2_500)) for each, _ in entries(count, session)}

    def test_url_and_limits_outlive_close(self, filled: Backend) -> None:
        filled.close()
        assert filled.url
        assert filled.limits.durability in Durability
