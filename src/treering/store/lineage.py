"""The commits as prune left them: a parent that was taken out is replaced by its nearest kept ancestor, by a graft."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from treering.errors import DanglingReference
from treering.objects.commit import CommitRecord
from treering.objects.packing import decode_varint, encode_varint
from treering.objects.pointer import HASH_BYTES, LOCATION_BYTES, Hash, Location, Pointer
from treering.store.reader import Reader, StoredCommit

_WAVE = 256  # commits that are read with one request where many are wanted


@dataclass(frozen=True, slots=True)
class Graft:
    """Where history goes on below ``child``: at ``parents``, or (none) nowhere. Depths as the commits have them."""

    child: Pointer
    depth: int
    parents: tuple[tuple[Pointer, int], ...]


def encode_grafts(grafts: Iterable[Graft]) -> bytes:
    """Encode the grafts section of the root record."""
    chosen = sorted(grafts, key=lambda graft: (graft.depth, graft.child.hash))
    parts = [encode_varint(len(chosen))]
    for graft in chosen:
        parts += graft.child.hash, graft.child.location, encode_varint(graft.depth), encode_varint(len(graft.parents))
        for parent, depth in graft.parents:
            parts += parent.hash, parent.location, encode_varint(depth)
    return b"".join(parts)


def decode_grafts(data: bytes) -> Mapping[Hash, Graft]:
    """Rebuild what ``encode_grafts`` wrote, by child."""
    count, position = decode_varint(data, 0)
    grafts = {}

    def pointer(at: int) -> tuple[Pointer, int]:
        end = at + HASH_BYTES + LOCATION_BYTES
        if end > len(data):
            raise IndexError("graft beyond the end")
        return Pointer(Hash(data[at : at + HASH_BYTES]), Location(data[at + HASH_BYTES : end])), end

    for _ in range(count):
        child, position = pointer(position)
        depth, position = decode_varint(data, position)
        number, position = decode_varint(data, position)
        parents = []
        for _ in range(number):
            parent, position = pointer(position)
            parent_depth, position = decode_varint(data, position)
            parents.append((parent, parent_depth))
        grafts[child.hash] = Graft(child, depth, tuple(parents))
    return grafts


class Lineage:
    """Ancestry as one root record states it. Immutable."""

    def __init__(self, reader: Reader, grafts: Mapping[Hash, Graft]) -> None:
        self.grafts = grafts
        self._reader = reader
        # Depths between a graft's two ends were dropped: a jump that leads there is not taken. (They may belong to
        # another line; then a jump is passed over that could have been taken, which costs time only.)
        self._gaps = [
            (max((depth for _, depth in graft.parents), default=-1), graft.depth) for graft in self.grafts.values()
        ]

    def parents(self, commit: StoredCommit) -> tuple[Pointer, ...]:
        """Return where history goes on below a commit."""
        graft = self.grafts.get(commit.pointer.hash)
        return commit.record.parents if graft is None else tuple(parent for parent, _ in graft.parents)

    def parent(self, commit: StoredCommit) -> StoredCommit | None:
        """Return the first of them."""
        parents = self.parents(commit)
        return self._reader.commit(parents[0]) if parents else None

    def iter_ancestors(self, heads: Iterable[StoredCommit]) -> Iterator[StoredCommit]:
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
            for parent in self.parents(commit):
                if parent.hash not in seen:
                    push(self._reader.commit(parent))

    def visit(self, heads: Iterable[Pointer], is_new: Callable[[Pointer], bool]) -> None:
        """Ask ``is_new`` of the heads and all commits they come from, and go on below those for which it is true.

        In no order. Jumps lead ahead, so that many are read at a time: O(log history) requests, and one for each 256.
        """
        pending = list(heads)
        while pending:
            wave: list[Pointer] = []
            while pending and len(wave) < _WAVE:
                pointer = pending.pop()
                if is_new(pointer):
                    wave.append(pointer)
            for commit in self._reader.commits(wave):
                pending += self.parents(commit)
                if (jump := self._jump_pointer(commit)) is not None:
                    pending.append(jump)

    def find_first(self, commit: StoredCommit, found: Callable[[StoredCommit], bool]) -> StoredCommit | None:
        """Return the nearest commit along first parents for which ``found`` holds, or None.

        ``found`` must stay true from some ancestor on to the oldest. Reads O(log history) commits, by jumps.
        """
        while not found(commit):
            jump = self._jump(commit)
            if jump is not None and not found(jump):
                commit = jump
                continue
            parent = self.parent(commit)
            if parent is None:
                return None
            commit = parent
        return commit

    def back(self, commit: StoredCommit, steps: int) -> StoredCommit | None:
        """Return the commit ``steps`` first parents back, counting kept ones only; None where history ends before."""
        while True:
            depth = commit.record.depth
            bottom = max((graft.depth for graft in self._on_line(commit)), default=0)
            if steps <= depth - bottom:
                return self.at_depth(commit, depth - steps)
            end = self.at_depth(commit, bottom)
            parent = end and self.parent(end)
            if parent is None:
                return None
            steps -= depth - bottom + 1
            commit = parent

    def unbroken(self, commit: StoredCommit) -> StoredCommit:
        """Return the oldest commit that first parents lead to from ``commit`` with none pruned in between."""
        bottom = max((graft.depth for graft in self._on_line(commit)), default=0)
        return self.at_depth(commit, bottom) or commit

    def at_depth(self, commit: StoredCommit, depth: int) -> StoredCommit | None:
        """Return the nearest commit along first parents that is at most ``depth`` deep."""
        return self.find_first(commit, lambda candidate: candidate.record.depth <= depth)

    def is_kept(self, commit: StoredCommit, heads: Iterable[Pointer]) -> bool:
        """Tell whether a commit is still in history: one of the heads, or an ancestor of one."""
        heads = list(heads)
        if any(head.hash == commit.pointer.hash for head in heads):
            return True
        starts: list[StoredCommit] = []
        for head in heads:  # mostly it is on the line of the first
            start = self._reader.commit(head)
            starts.append(start)
            at = self.at_depth(start, commit.record.depth)
            if at is not None and at.pointer.hash == commit.pointer.hash:
                return True
        for ancestor in self.iter_ancestors(starts):  # it may have come in by a merge
            if ancestor.record.seq < commit.record.seq:
                return False
            if ancestor.pointer.hash == commit.pointer.hash:
                return True
        return False

    def jump_from(self, parent: StoredCommit) -> tuple[Pointer, int, int]:
        """Return the jump pointer for a child of ``parent``, the depth it leads to, and the depth one jump further.

        Skew-binary: two jumps of equal length become one of twice the length. Reads at most two commits, mostly cached.
        """
        record, jump = parent.record, parent.record.jump
        is_doubled = record.depth - record.jump_depth == record.jump_depth - record.jump_jump_depth
        if is_doubled and jump is not None and not (self._gaps and self._leads_to_gap(record)):
            try:
                target = self._reader.commit(jump).record.jump
                if target is not None:
                    return target, record.jump_jump_depth, self._reader.commit(target).record.jump_depth
            except DanglingReference:  # pruned: jumps start again from here, for a while shorter
                pass
        return parent.pointer, record.depth, record.jump_depth

    def _jump(self, commit: StoredCommit) -> StoredCommit | None:
        jump = self._jump_pointer(commit)
        if jump is None:
            return None
        try:
            return self._reader.commit(jump)
        except DanglingReference:
            return None

    def _jump_pointer(self, commit: StoredCommit) -> Pointer | None:
        record = commit.record
        if record.jump is None or record.jump in record.parents[:1] or self._leads_to_gap(record):
            return None
        return record.jump

    def _leads_to_gap(self, record: CommitRecord) -> bool:
        return any(low < record.jump_depth < high <= record.depth for low, high in self._gaps)

    def _on_line(self, commit: StoredCommit) -> Iterator[Graft]:
        """Yield the grafts whose child is this commit or one of its first-parent ancestors."""
        for graft in sorted(self.grafts.values(), key=lambda graft: -graft.depth):
            if graft.depth <= commit.record.depth:
                at = self.at_depth(commit, graft.depth)
                if at is not None and at.pointer.hash == graft.child.hash:
                    yield graft
                    return
