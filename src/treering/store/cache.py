"""A cache of decoded objects, bounded by bytes."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class ByteCache(Generic[K, V]):
    """Keeps what was used lately, in about ``limit_bytes`` of memory.

    Two generations: what is asked for moves to the young one; when that holds half the bytes, the old one is dropped.
    So a hit costs one dict look-up and no lock: each step is atomic under the interpreter's lock, and a lost race costs
    one entry, never a wrong one.
    """

    __slots__ = ("_bytes", "_half", "_old", "_young")

    def __init__(self, limit_bytes: int) -> None:
        self._half = limit_bytes // 2
        self.clear()

    def clear(self) -> None:
        """Drop everything."""
        self._young: dict[K, tuple[V, int]] = {}
        self._old: dict[K, tuple[V, int]] = {}
        self._bytes = 0

    def get(self, key: K) -> V | None:
        """Return what was put under ``key``, or None."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is None:
                return None
            self.put(key, *found)
        return found[0]

    def put(self, key: K, value: V, cost_bytes: int) -> None:
        """Keep ``value``; ``cost_bytes`` is what it takes in memory, roughly."""
        if self._bytes + cost_bytes > self._half:
            if cost_bytes > self._half:
                return
            self._old, self._young, self._bytes = self._young, {}, 0
        self._young[key] = (value, cost_bytes)
        self._bytes += cost_bytes
