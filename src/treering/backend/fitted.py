"""A backend without its limits: values and batches of any size go in, and are made to fit.

A commit that fits is one request. Of one that does not, what is too much is written ahead, and the root is moved last,
together with as many objects as still fit. A value that is too large is cut into parts, and read as if it were not.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from treering.backend import parts
from treering.backend.base import Backend, Limits, Syncing, Watching

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from treering.backend.base import Entry

KEY_BYTES = 16  # of a location; keys of another length are passed through, and their values are not listed as parts


def fit(backend: Backend) -> Backend:
    """Return a backend that takes values and batches of any size; ``backend`` itself where it does so already."""
    limits = backend.limits
    if limits.max_value_bytes is limits.max_batch_count is limits.max_batch_bytes is None:
        return backend
    kind = _KINDS[isinstance(backend, Syncing), isinstance(backend, Watching)]
    return kind(backend)


class FittedBackend:
    """``inner`` without its limits.

    A commit of ``n`` requests' worth takes ``n`` requests where the backend's batches are full, and a read of values
    that are cut one call more, for the parts of all of them. Reads and the moves of the root that fit go straight
    through.
    """

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        limits = inner.limits
        self._limits = replace(limits, max_value_bytes=None, max_batch_count=None, max_batch_bytes=None)
        self._max_value_bytes = limits.max_value_bytes
        self._max_objects = (limits.max_batch_count or 1 << 62) - 1  # the root is one of the batch
        self._max_bytes = limits.max_batch_bytes or 1 << 62
        # a call more for each would be felt where the store is in this process
        self.read_root = inner.read_root
        self.delete_many = inner.delete_many
        self.close = inner.close
        self.read_many = inner.read_many if limits.max_value_bytes is None else self._read_many
        self.list_keys = inner.list_keys if limits.max_value_bytes is None else self._list_keys

    @property
    def url(self) -> str:
        """The inner backend's."""
        return self.inner.url

    @property
    def limits(self) -> Limits:
        """The inner backend's, without sizes. A commit that does not fit one request is still atomic: its root is."""
        return self._limits

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        """Write ``objects`` and move the root, in one request where they fit."""
        entries, ahead = self._cut(objects)
        size = sum(map(len, chain.from_iterable(entries))) + len(root)  # keys and values: in C, as each commit asks
        if len(entries) > self._max_objects or size > self._max_bytes:
            entries, more = self._split(entries, self._max_bytes - len(root))
            ahead += more
        if ahead:
            self.inner.write_many(ahead)
        return self.inner.publish(entries, expected, root)

    def write_many(self, objects: Sequence[Entry]) -> None:
        """Write ``objects``, the parts of those that are cut first."""
        entries, ahead = self._cut(objects)
        self.inner.write_many([*ahead, *entries])

    def _cut(self, objects: Sequence[Entry]) -> tuple[Sequence[Entry], list[Entry]]:
        """Return the entries to write, and the parts to be written before them."""
        limit = self._max_value_bytes
        if limit is None or all(len(value) <= limit for _, value in objects):
            return objects, []
        entries: list[Entry] = []
        ahead: list[Entry] = []
        for key, value in objects:
            if len(value) > limit:
                head, *following = parts.cut(key, value, limit)
                entries.append(head)
                ahead += following
            else:
                entries.append((key, value))
        return entries, ahead

    def _split(self, entries: Sequence[Entry], room_bytes: int) -> tuple[list[Entry], list[Entry]]:
        """Return what goes with the root (the last ones that fit beside it), and what goes ahead."""
        along: list[Entry] = []
        ahead: list[Entry] = []
        for entry in reversed(entries):
            size = len(entry[0]) + len(entry[1])
            if size <= room_bytes and len(along) < self._max_objects:
                room_bytes -= size
                along.append(entry)
            else:
                ahead.append(entry)
        return along[::-1], ahead[::-1]

    def _read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values, put together. One that lacks a part is not there: it is half written, or half deleted."""
        values = self.inner.read_many(keys)
        heads = {at: value for at, value in enumerate(values) if value is not None and parts.is_cut(value)}
        if heads:
            wanted = {at: parts.part_keys(keys[at], head) for at, head in heads.items()}
            found = iter(self.inner.read_many([key for each in wanted.values() for key in each]))
            for at, head in heads.items():
                following = [next(found) for _ in wanted[at]]
                whole = [part for part in following if part is not None]
                values[at] = parts.join(head, whole) if len(whole) == len(following) else None
        return values

    def _list_keys(self) -> Iterator[bytes]:
        """Yield the key of each value once; also where there are parts of it only."""
        headless = set()
        for key in self.inner.list_keys():
            owner = parts.owner(key, KEY_BYTES)
            if owner is None:
                yield key
            else:
                headless.add(owner)
        if headless:
            headless.difference_update(self.inner.list_keys())
            yield from headless


class _Syncs(FittedBackend):
    def sync(self) -> None:
        """Return when all that was acknowledged is on disk."""
        assert isinstance(self.inner, Syncing)
        self.inner.sync()


class _Watches(FittedBackend):
    def wait_for_root(self, known: bytes | None, timeout_seconds: float) -> None:
        """Wait until the root may have moved."""
        assert isinstance(self.inner, Watching)
        self.inner.wait_for_root(known, timeout_seconds)


class _SyncsAndWatches(_Syncs, _Watches):
    pass


_KINDS = {  # by whether it syncs, and whether it watches
    (False, False): FittedBackend,
    (True, False): _Syncs,
    (False, True): _Watches,
    (True, True): _SyncsAndWatches,
}
