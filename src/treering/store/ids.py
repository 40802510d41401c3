"""Which commits there are, by id: what a bare id, or the beginning of one, is looked up in.

A store keeps no table of ids: each commit would have to change it, and few programs ask. So a process makes one when it
is first asked, by reading all of history, and from then on reads only what is new.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from treering.objects.pointer import HASH_BYTES, LOCATION_BYTES, Hash, Location, Pointer

if TYPE_CHECKING:
    from treering.store.lineage import Lineage

_ENTRY_BYTES = HASH_BYTES + LOCATION_BYTES
_DIGITS = 2 * HASH_BYTES


class CommitIndex:
    """The commits that were in history at one time or another, 48 bytes each. Threads may share it.

    With a commit come all its ancestors, as prune had left them when it was read. Prune only takes commits out, so what
    is missing here is in no later history either; what is found here may have been pruned since.

    Sorted blocks, each at least twice as long as the next: so there are few to look through, and a new commit costs the
    copying of O(log history) others. Blocks do not change; who looks up needs no lock.
    """

    def __init__(self) -> None:
        self._blocks: tuple[bytes, ...] = ()
        self._heads: frozenset[Pointer] = frozenset()  # whose ancestors are all in the blocks
        self._learning = threading.Lock()  # held while history is read, so that one thread does it for all

    def learn(self, lineage: Lineage, heads: Iterable[Pointer]) -> None:
        """Take in these commits and their ancestors. Reads those that are not known yet; nothing where all are."""
        heads = frozenset(heads)
        if heads <= self._heads:
            return
        with self._learning:
            new: set[bytes] = set()

            def is_new(pointer: Pointer) -> bool:
                entry = pointer.hash + pointer.location
                if entry in new or self._holds(entry):
                    return False
                new.add(entry)
                return True

            lineage.visit(heads - self._heads, is_new)
            if new:
                self._blocks = _merged(self._blocks, new)
            self._heads = heads  # last: an interrupt leaves something to be looked at again, and nothing left out

    def find(self, prefix: str) -> Iterator[Pointer]:
        """Yield the commits whose id starts with these hex digits."""
        low, high = bytes.fromhex(prefix.ljust(_DIGITS, "0")), bytes.fromhex(prefix.ljust(_DIGITS, "f"))
        for block in self._blocks:
            for at in range(_position(block, low), len(block), _ENTRY_BYTES):
                digest = block[at : at + HASH_BYTES]
                if digest > high:
                    break
                yield Pointer(Hash(digest), Location(block[at + HASH_BYTES : at + _ENTRY_BYTES]))

    def _holds(self, entry: bytes) -> bool:
        return any(block.startswith(entry, _position(block, entry)) for block in self._blocks)


def _position(block: bytes, entry: bytes) -> int:
    """Return where an entry stands in a block, or would."""
    count = len(block) // _ENTRY_BYTES
    return _ENTRY_BYTES * bisect_left(range(count), entry, key=lambda index: _entry(block, index))


def _merged(blocks: tuple[bytes, ...], new: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the blocks with one more, into which those are taken that are less than twice as long."""
    entries = list(new)
    kept = len(blocks)
    while kept and len(blocks[kept - 1]) < 2 * len(entries) * _ENTRY_BYTES:
        kept -= 1
        block = blocks[kept]
        entries += [_entry(block, index) for index in range(len(block) // _ENTRY_BYTES)]
    entries.sort()
    return (*blocks[:kept], b"".join(entries))


def _entry(block: bytes, index: int) -> bytes:
    return block[index * _ENTRY_BYTES : (index + 1) * _ENTRY_BYTES]
