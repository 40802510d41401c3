"""A cache of decoded objects, bounded by bytes."""

from __future__ import annotations

from treering.objects.pointer import Hash, Location

OVERHEAD_BYTES = 600  # what a decoded object takes beside its bytes, roughly

Cached = tuple[Hash, object, int]  # what it was checked against, what it decodes to, what it takes in memory


class ObjectCache:
    """Keeps what was used lately, in about ``limit_bytes`` of memory.

    Two generations: what is asked for moves to the young one; when that holds half the bytes, the old one is dropped.
    So a hit costs one dict look-up and no lock: each step is atomic under the interpreter's lock, and a lost race costs
    one entry, never a wrong one.
    """

    __slots__ = ("_bytes", "_half", "_old", "young")

    def __init__(self, limit_bytes: int) -> None:
        self._half = limit_bytes // 2
        self.clear()

    def clear(self) -> None:
        """Drop everything."""
        self.young: dict[Location, Cached] = {}  # Reader.child looks here itself: each step counts there
        self._old: dict[Location, Cached] = {}
        self._bytes = 0

    def get(self, location: Location, digest: Hash) -> object | None:
        """Return what was put under ``location`` with this hash, or None."""
        found = self.young.get(location)
        if found is None:
            found = self._old.get(location)
            if found is None:
                return None
            self.put(location, found)
        return found[1] if found[0] == digest else None

    def put(self, location: Location, cached: Cached) -> None:
        """Keep an object."""
        size = cached[2]
        if self._bytes + size > self._half:
            if size > self._half:
                return
            self._old, self.young, self._bytes = self.young, {}, 0
        self.young[location] = cached
        self._bytes += size

    def replace(self, old: bytes, location: Location, cached: Cached) -> None:
        """Forget what stands under ``old``, if anything, and keep another object: an edit does so with each page."""
        young = self.young
        gone = young.pop(old, None)  # type: ignore[call-overload]
        if gone is None:
            self._old.pop(old, None)  # type: ignore[call-overload]
            self.put(location, cached)
        else:  # a page is about as large as it was; where they grow, the next put is told
            self._bytes += cached[2] - gone[2]
            young[location] = cached
