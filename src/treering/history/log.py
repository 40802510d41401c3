"""History read backwards: what ``repo.log`` yields."""

from __future__ import annotations

from collections.abc import Iterator

from treering.errors import DanglingReference
from treering.objects.pointer import Hash
from treering.store.reader import StoredCommit
from treering.store.state import State
from treering.store.store import Store
from treering.tree.address import Address
from treering.tree.diff import touches


def iter_log(store: Store, state: State, start: StoredCommit, address: Address | None) -> Iterator[StoredCommit]:
    """Yield ``start`` and its ancestors, newest first; with an address, those that changed something there.

    Where another process prunes meanwhile, go on with what it left below, if it left any.
    """
    seen: set[Hash] = set()
    while True:
        lineage = state.lineage
        try:
            for commit in lineage.iter_ancestors([start]):
                if commit.pointer.hash in seen:
                    continue
                touched = address is None or _touches(store, commit, lineage.parent(commit), address)
                seen.add(commit.pointer.hash)
                if touched:
                    yield commit
        except DanglingReference:
            now = store.state
            if now.data == state.data:
                raise
            if not now.lineage.is_kept(start, now.heads):
                return
            state = now
        else:
            return


def _touches(store: Store, commit: StoredCommit, parent: StoredCommit | None, address: Address) -> bool:
    before = None if parent is None else parent.record.root
    return touches(store.reader, before, commit.record.root, address)
