"""A memory backend with limits that it refuses to be taken beyond, as servers have them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from treering.backend.mapping import MappingBackend

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from treering.backend.base import Entry, Limits

MAX_ROOT_BYTES = 8400  # treering's root records stay below that, whatever the store holds


class LimitedBackend(MappingBackend):
    """A store in ``mapping`` (its own dict without one) that holds its *user* to limits, with assertions.

    No value, a root included, is above ``max_value_bytes``. A publish carries at most ``max_batch_count`` objects and
    root, and at most ``max_batch_bytes`` of keys, values and root together. As a server's backend must, ``write_many``
    and ``delete_many`` take any number of objects, and a delete takes the parts of a value along. ``requests`` counts
    what a server would be asked: one for each call, more where a call is beyond the limits.
    """

    def __init__(
        self,
        mapping: MutableMapping[str, bytes] | None = None,
        *,
        max_value_bytes: int | None = None,
        max_batch_count: int | None = None,
        max_batch_bytes: int | None = None,
        remote: bool = False,
    ) -> None:
        super().__init__({} if mapping is None else mapping, url="memory:limited")
        self._own_limits = replace(
            super().limits,
            remote=remote,
            max_value_bytes=max_value_bytes,
            max_batch_count=max_batch_count,
            max_batch_bytes=max_batch_bytes,
        )
        self.requests = 0

    @property
    def limits(self) -> Limits:
        return self._own_limits

    def read_root(self) -> bytes | None:
        self.requests += 1
        return super().read_root()

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        self._count(keys)
        return super().read_many(keys)

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        limits = self._own_limits
        self._check_values(objects)
        assert len(root) <= MAX_ROOT_BYTES, f"a root of {len(root)} bytes"
        assert limits.max_batch_count is None or len(objects) < limits.max_batch_count, f"{len(objects)} objects"
        size = sum(len(key) + len(value) for key, value in objects) + len(root)
        assert limits.max_batch_bytes is None or size <= limits.max_batch_bytes, f"a batch of {size} bytes"
        before = self.requests  # it looks at its own root, which costs no request
        try:
            return super().publish(objects, expected, root)
        finally:
            self.requests = before + 1

    def write_many(self, objects: Sequence[Entry]) -> None:
        self._check_values(objects)
        self._count(objects)
        super().write_many(objects)

    def delete_many(self, keys: Sequence[bytes]) -> None:
        self._count(keys)
        if self._own_limits.max_value_bytes is not None:
            heads = {key + b"/" for key in keys}
            lengths = {len(head) for head in heads}
            keys = [*keys, *(key for key in self.list_keys() if any(key[:length] in heads for length in lengths))]
        super().delete_many(keys)

    def _check_values(self, objects: Sequence[Entry]) -> None:
        largest = self._own_limits.max_value_bytes
        for key, value in objects:
            assert largest is None or len(value) <= largest, f"the value of {key.hex()} has {len(value)} bytes"

    def _count(self, items: Sequence[Entry] | Sequence[bytes]) -> None:
        self.requests += -(-len(items) // (self._own_limits.max_batch_count or len(items) or 1))
