"""Which commits of a branch a prune keeps."""

from __future__ import annotations

from datetime import timedelta

from treering.history.branch import Branch
from treering.store.reader import StoredCommit
from treering.store.state import State


def find_oldest(branch: Branch, state: State, keep_last: int, keep_within: timedelta | None) -> list[StoredCommit]:
    """Return the oldest commit of the branch that is kept whatever the tags; none where all of them are."""
    head = branch.head(state)
    oldest = [state.lineage.back(head, keep_last - 1)]
    if keep_within is not None:
        limit = branch.store.entropy.now() - keep_within // timedelta(microseconds=1)
        oldest.append(_oldest_since(state, head, limit))
    known = [commit for commit in oldest if commit is not None]
    return [min(known, key=lambda commit: commit.record.depth)] if len(known) == len(oldest) else []


def _oldest_since(state: State, head: StoredCommit, limit: int) -> StoredCommit | None:
    """Return the last commit, going back, that is not older than ``limit``; None where history ends before."""
    lineage = state.lineage
    if head.record.time < limit:
        return head

    def is_last(commit: StoredCommit) -> bool:
        parent = lineage.parent(commit)
        return parent is None or parent.record.time < limit

    return lineage.find_first(head, is_last)
