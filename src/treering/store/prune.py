"""Cut history: take commits out, and delete what only they held.

What a run of dropped commits held alone is found by comparing them, by location and up to a thousand at once, with the
next along the line and with the kept commit below: a location that has once gone from a line never comes back to it. So
the cost follows what changed, not the size of the trees. One move of the root takes the commits out, grafts their kept
neighbours together and names the dead locations; then they are deleted; then the root forgets them. A crash in between
leaves a list that the next prune works off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from treering.errors import DanglingReference
from treering.objects.frame import TABLE
from treering.objects.pointer import Hash, Location, Pointer
from treering.objects.root import DEAD_LISTS, GRAFTS
from treering.store.batch import Batch
from treering.store.dead import DeadList, decode_locations, encode_locations
from treering.store.lineage import Graft, encode_grafts
from treering.store.reach import reached_only_by
from treering.store.reader import StoredCommit
from treering.store.state import State
from treering.store.store import Store

_INLINE_COUNT = 32  # dead locations up to this many stand in the root itself
_BATCH = 1000  # commits looked at together, and objects read or deleted at once

# Each dead location, and the commits still being read in this process that reach it.
Dead = Mapping[Location, frozenset[Hash]]


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What a prune took out, or with ``dry_run`` would: commits, objects of any kind, and their stored bytes."""

    commits: int
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """Dropped commits, newest first, between the kept commit above them and the kept one below (None: history ends)."""

    above: StoredCommit
    dropped: Sequence[StoredCommit]
    below: StoredCommit | None


class Pruner:
    """Prunes one store. ``attempts`` yields as long as a lost race may be tried again."""

    def __init__(self, store: Store, attempts: Callable[[], Iterator[object]]) -> None:
        self._store = store
        self._attempts = attempts

    def prune(self, find_oldest: Callable[[State], Sequence[StoredCommit]], *, dry_run: bool) -> PruneReport:
        """Drop history below the commits that ``find_oldest`` returns (the oldest to keep on each line); tags stay."""
        store = self._store
        for _ in self._attempts():
            state, pinned = store.state, store.pinned()
            try:
                runs = [run for oldest in find_oldest(state) for run in _runs(state, oldest)]
                readers = self._readers(state, runs, pinned)
                sizes: dict[Location, int] = {}
                dead: dict[Location, frozenset[Hash]] = {}
                for run in runs:
                    dead.update(self._dead(run, readers, sizes))
                report = self._report(runs, dead, sizes)
            except DanglingReference:
                if store.state.data == state.data:
                    raise
                continue  # another process has just pruned what was being read
            if dry_run:
                return report
            if not runs or self._cut(state, runs, dead, readers, pinned):
                self.bury()
                return report
        raise AssertionError  # pragma: no cover - attempts never end quietly

    def bury(self) -> None:
        """Delete what the root names as dead, but for what something in this process still reads; then forget it."""
        for _ in self._attempts():
            while (is_done := self._bury()) is False:
                pass  # a list is gone, and itself to be deleted next: no reason to wait
            if is_done:
                return
        raise AssertionError  # pragma: no cover - attempts never end quietly

    def _bury(self) -> bool | None:
        """Take one step of ``bury``. True where there is nothing left to do, None where another process was faster."""
        store = self._store
        with store.lock:
            state = store.state
            held = self._held(state)
            pending = [entry for entry in state.dead if entry not in held]
            fresh = [entry for entry in pending if entry not in store.buried]
        if not fresh and not (pending and type(state.record.sections[DEAD_LISTS]) is bytes):
            return True
        try:
            self._delete(fresh)
        except DanglingReference:
            if store.state.data == state.data:
                raise
            return None  # another process has just done this
        with store.lock:
            state = store.state
            following = [_after_deleting(entry) if entry in pending else entry for entry in state.dead]
            dead = [entry for entry in following if entry is not None]
            return None if store.publish(store.begin(state), state, {}, dead=dead) is None else False

    def _readers(self, state: State, runs: Sequence[Run], pinned: AbstractSet[Hash]) -> dict[Hash, StoredCommit]:
        """Return the commits that something in this process reads and that are not in history any more, or soon."""
        with self._store.lock:
            self._held(state)
            readers = {digest: commit for commits in self._store.holds.values() for digest, commit in commits.items()}
        readers |= {commit.pointer.hash: commit for run in runs for commit in run.dropped}
        return {digest: commit for digest, commit in readers.items() if digest in pinned}

    def _dead(self, run: Run, readers: Mapping[Hash, StoredCommit], sizes: dict[Location, int]) -> Dead:
        """Return the locations that the run reaches and neither neighbour does; note how much is stored there."""
        reader = self._store.reader
        dead: dict[Location, frozenset[Hash]] = {}
        above = run.above
        for at in range(0, len(run.dropped), _BATCH):
            dropped = run.dropped[at : at + _BATCH]
            neighbours = [above] if run.below is None else [above, run.below]
            gone = reached_only_by(reader, dropped, neighbours)
            sizes.update(gone)
            dead.update(dict.fromkeys(gone, frozenset()))
            for digest, reading in readers.items():
                for location in gone.keys() - reached_only_by(reader, dropped, [*neighbours, reading]).keys():
                    dead[location] |= {digest}
            above = dropped[-1]
        return dead

    def _cut(
        self,
        state: State,
        runs: Sequence[Run],
        dead: Dead,
        readers: Mapping[Hash, StoredCommit],
        pinned: AbstractSet[Hash],
    ) -> bool:
        """Move the root past the runs; False where they must be looked at again, with nothing changed.

        What was found holds as the line grows. So where a commit was faster, only the move is tried again: a prune that
        takes a while would else never come to its end beside a busy writer.
        """
        store = self._store
        dropped = {commit.pointer.hash for run in runs for commit in run.dropped}
        for _ in self._attempts():
            with store.lock:
                now = store.state
                if not _still_dropped(state, now, dropped) or (store.pinned() - pinned) & dropped:
                    return False
                batch = store.begin(now)
                grafts = {child: graft for child, graft in now.lineage.grafts.items() if child not in dropped}
                grafts |= {run.above.pointer.hash: _graft(run) for run in runs}
                lists = _lists(batch, dead)
                named = [*now.dead, *(entry for entry, _ in lists)]
                sections = {GRAFTS: batch.put_section(encode_grafts(grafts.values()))}
                if store.publish(batch, now, sections, dead=named) is not None:
                    store.holds |= {entry: {digest: readers[digest] for digest in by} for entry, by in lists if by}
                    return True
        raise AssertionError  # pragma: no cover - attempts never end quietly

    def _held(self, state: State) -> set[DeadList]:
        """Return the dead lists that must wait for a reader in this process."""
        holds, pinned, named = self._store.holds, self._store.pinned(), set(state.dead)
        # A list that another process has worked off: what it was kept for can be read no longer, nor be kept.
        lost = {digest for entry in holds.keys() - named for digest in holds.pop(entry)}
        for commits in holds.values():
            for digest in lost & commits.keys():
                del commits[digest]
        return {entry for entry, commits in holds.items() if commits.keys() & pinned}

    def _report(self, runs: Sequence[Run], dead: Dead, sizes: Mapping[Location, int]) -> PruneReport:
        size = sum(sizes.values())
        unread = sorted(location for location, known in sizes.items() if not known)
        for at in range(0, len(unread), _BATCH):
            size += sum(len(value) for value in self._store.backend.read_many(unread[at : at + _BATCH]) if value)
        return PruneReport(sum(len(run.dropped) for run in runs), len(dead), size)

    def _delete(self, lists: Sequence[DeadList]) -> None:
        """Delete all that dead lists name. ``DanglingReference`` where one of them is gone itself."""
        locations: list[Location] = []
        for entry in lists:
            locations += decode_locations(self._store.reader.table(entry)) if type(entry) is Pointer else [entry]  # type: ignore[list-item]
        for at in range(0, len(locations), _BATCH):
            self._store.backend.delete_many(locations[at : at + _BATCH])


def _runs(state: State, oldest: StoredCommit) -> Iterator[Run]:
    """Yield the runs of commits to drop below ``oldest``, cut by the tags and heads on its line."""
    kept = {pointer.hash for pointer in state.heads}
    above = oldest
    dropped: list[StoredCommit] = []
    commit = state.lineage.parent(oldest)
    while commit is not None:
        if commit.pointer.hash in kept:
            if dropped:
                yield Run(above, tuple(dropped), commit)
            above, dropped = commit, []
        else:
            dropped.append(commit)
        commit = state.lineage.parent(commit)
    if dropped:
        yield Run(above, tuple(dropped), None)


def _still_dropped(state: State, now: State, dropped: AbstractSet[Hash]) -> bool:
    """Tell whether what was found in one state holds in a later one: lines grew at most, and no name was put."""
    return (
        state.record.sections.get(GRAFTS) == now.record.sections.get(GRAFTS)
        and state.branches.keys() == now.branches.keys()
        and dropped.isdisjoint(pointer.hash for pointer in now.heads)
    )


def _graft(run: Run) -> Graft:
    below = () if run.below is None else ((run.below.pointer, run.below.record.depth),)
    return Graft(run.above.pointer, run.above.record.depth, below)


def _lists(batch: Batch, dead: Dead) -> list[tuple[DeadList, frozenset[Hash]]]:
    """Return dead lists for these locations, one for each set of readers; the few that nobody reads stand alone."""
    groups: dict[frozenset[Hash], list[Location]] = {}
    if any(dead.values()):
        for location, by in dead.items():
            groups.setdefault(by, []).append(location)
    elif dead:
        groups[frozenset()] = list(dead)
    lists: list[tuple[DeadList, frozenset[Hash]]] = []
    for by, locations in groups.items():
        if by or len(locations) > _INLINE_COUNT:
            lists.append((batch.put(TABLE, encode_locations(locations), b""), by))
        else:
            lists += [(location, by) for location in sorted(locations)]
    return lists


def _after_deleting(entry: DeadList) -> DeadList | None:
    """Return what the root names when this was worked off: a table itself goes last, so that a crash finds it again."""
    return entry.location if type(entry) is Pointer else None
