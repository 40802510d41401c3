"""What a backend says of itself, and how its root moves."""

from __future__ import annotations

import random

import pytest

from treering.backend.base import Backend, Durability, Watching
from treering.errors import Unavailable
from treering.testing.conformance.keys import entries
from treering.testing.conformance.suite import MAX_ROOT_BYTES, Suite
from treering.testing.conformance.watching import WatchingConformance


class RootCases(Suite):
    """One value that moves by compare-and-set."""

    # what it says of itself

    def test_it_is_a_backend(self, backend: Backend) -> None:
        assert isinstance(backend, Backend)

    def test_url_has_a_scheme_and_no_credential(self, backend: Backend) -> None:
        scheme, colon, rest = backend.url.partition(":")
        assert scheme
        assert colon
        assert "@" not in rest.replace("***@", "")

    def test_no_secret_is_shown(self, backend: Backend) -> None:
        shown = [backend.url, repr(backend), str(backend), repr(backend.limits)]
        backend.close()
        with pytest.raises(Unavailable) as caught:
            backend.read_root()
        shown += [str(caught.value), repr(caught.value), repr(caught.value.facts)]
        assert [text for text in shown for secret in self.secrets if secret in text] == []

    def test_url_stays(self, backend: Backend) -> None:
        url = backend.url
        assert type(url) is str
        assert backend.publish(entries(3), None, b"one")
        assert backend.url == url

    def test_limits_stay(self, backend: Backend) -> None:
        limits = backend.limits
        assert backend.publish(entries(3), None, b"one")
        assert backend.limits == limits

    def test_limits_are_sane(self, backend: Backend) -> None:
        limits = backend.limits
        assert isinstance(limits.durability, Durability)
        assert isinstance(limits.atomic, bool)
        assert isinstance(limits.remote, bool)
        for limit in (limits.max_value_bytes, limits.max_batch_bytes):
            assert limit is None or limit >= 10_000
        assert limits.max_batch_count is None or limits.max_batch_count >= 16

    def test_waiting_is_declared(self, backend: Backend) -> None:
        assert isinstance(backend, Watching) is isinstance(self, WatchingConformance)

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

    @pytest.mark.parametrize("size", [2048, 4096, MAX_ROOT_BYTES])
    def test_large_root(self, backend: Backend, size: int) -> None:
        root = random.Random(2).randbytes(size)
        assert backend.publish([], None, root)
        assert backend.publish([], root, root[::-1])
        assert backend.read_root() == root[::-1]

    def test_root_shrinks_and_grows(self, backend: Backend) -> None:
        source, expected = random.Random(6), None
        for size in (1, 3000, 7, MAX_ROOT_BYTES, 1):
            root = source.randbytes(size)
            assert backend.publish([], expected, root)
            assert backend.read_root() == root
            expected = root

    def test_roots_that_differ_in_one_bit_are_told_apart(self, backend: Backend) -> None:
        root = random.Random(7).randbytes(MAX_ROOT_BYTES)
        assert backend.publish([], None, root)
        for at in (0, 1000, MAX_ROOT_BYTES - 1):
            other = root[:at] + bytes((root[at] ^ 1,)) + root[at + 1 :]
            assert backend.publish([], other, b"two") is False
        assert backend.publish([], root, b"two") is True

    def test_root_is_not_among_the_objects(self, filled: Backend) -> None:
        assert sorted(filled.list_keys()) == [key for key, _ in entries(100)]
