"""From a commit to its ancestors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush

from treering.errors import DanglingReference
from treering.objects.pointer import Hash, Pointer
from treering.store.reader import Reader, StoredCommit


def iter_ancestors(reader: Reader, heads: Iterable[StoredCommit]) -> Iterator[StoredCommit]:
    """Yield the heads and all commits they come from, each once, the highest sequence number first."""
    queue: list[tuple[int, bytes, StoredCommit]] = []
    seen: set[Hash] = set()

    def push(commit: StoredCommit) -> None:
        if commit.pointer.hash not in seen:
            seen.add(commit.pointer.hash)
            heappush(queue, (-commit.record.seq, commit.pointer.hash, commit))

    for head in heads:
        push(head)
    while queue:
        _, _, commit = heappop(queue)
        yield commit
        for parent in commit.record.parents:
            if parent.hash not in seen:
                push(reader.commit(parent))


def find_first(reader: Reader, commit: StoredCommit, found: Callable[[StoredCommit], bool]) -> StoredCommit | None:
    """Return the nearest commit along first parents for which ``found`` holds, or None.

    ``found`` must stay true from some ancestor on to the oldest. Reads O(log history) commits, by the jump pointers.
    """
    while not found(commit):
        record = commit.record
        if not record.parents:
            return None
        if record.jump is not None and record.jump != record.parents[0]:
            jump = reader.commit(record.jump)
            if not found(jump):
                commit = jump
                continue
        commit = reader.commit(record.parents[0])
    return commit


def jump_from(reader: Reader, parent: StoredCommit) -> tuple[Pointer, int, int]:
    """Return the jump pointer for a child of ``parent``, the depth it leads to, and the depth one jump further.

    Skew-binary: two jumps of equal length become one of twice the length. Reads at most two commits, mostly cached.
    """
    record = parent.record
    if record.jump is not None and record.depth - record.jump_depth == record.jump_depth - record.jump_jump_depth:
        try:
            target = reader.commit(record.jump).record.jump
            if target is not None:
                return target, record.jump_jump_depth, reader.commit(target).record.jump_depth
        except DanglingReference:
            pass  # pruned: jumps start again from here, correct and for a while shorter
    return parent.pointer, record.depth, record.jump_depth
