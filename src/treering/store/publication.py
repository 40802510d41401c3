"""What became of a move of the root whose answer was lost: found out, not guessed (design: outcomes).

The root is read again. Where it is what was sent, or leads to the commit, the move was made. Where it is still what it
was, the request may yet arrive: so the root's version is raised, and nothing else. After that *fence* the lost request
compares with a root that is there no more, and never will be again: it has certainly failed. A fence whose own answer
is lost is no other case; the root is read once more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from treering.errors import Corruption, DanglingReference, OutcomeUnknown, StoreFull, Unavailable
from treering.objects.pointer import Pointer
from treering.objects.root import BRANCHES
from treering.store.dead import DeadList
from treering.store.reader import StoredCommit
from treering.store.state import State

if TYPE_CHECKING:
    from treering.store.store import Store

# Whether a move shows in a later state than the one it was to lead to: True, it was made, or somebody else has done
# just the same; False, it was not; None, what came after it has covered it up.
Sign = Callable[[State], bool | None]

_LOCAL_SECONDS = 0.2  # what a store in this machine cannot say at once it will not say later
_LONGEST_PAUSE_SECONDS = 0.2


def commit_sign(branch: str, commit: StoredCommit) -> Sign:
    """Return a sign that looks for a commit in history: on its branch, and then on the others."""

    def shows(now: State) -> bool | None:
        head = now.branches.get(branch)
        heads = [*now.branches.values(), *(tag for tag in now.tags.values() if tag == commit.pointer)]
        if (head and now.lineage.is_kept(commit, [head])) or now.lineage.is_kept(commit, heads):
            return True
        if head is None:
            return None
        depth, top = commit.record.depth, now.reader.commit(head)
        if top.record.depth < depth:
            return False  # the branch never came so far
        at = now.lineage.at_depth(top, depth)
        return None if at is None or at.record.depth < depth else False  # pruned, or another in its place

    return shows


def names_sign(section: int, before: State, after: Mapping[str, Pointer]) -> Sign:
    """Return a sign that looks for changed names: they stand as they were to stand, whoever put them there."""
    old = _names(before, section)
    changed = {name: after.get(name) for name in old.keys() | after.keys() if old.get(name) != after.get(name)}

    def shows(now: State) -> bool | None:
        names = _names(now, section)
        if all(names.get(name) == pointer for name, pointer in changed.items()):
            return True
        # The one move since then was somebody else's; of several, one may have been this and a later one undone it.
        return False if now.record.version == before.record.version + 1 else None

    return shows


def dead_sign(dead: Sequence[DeadList]) -> Sign:
    """Return a sign that looks for dead lists. Where they are gone it says no: the work may be done again.

    So it does without any: of a move that may be made any number of times.
    """
    return lambda now: bool(dead) and set(dead) <= set(now.dead)


def settle(
    store: Store,
    before: State | None,
    after: State,
    shows: Sign,
    *,
    commit: Pointer | None,
    cause: OutcomeUnknown,
) -> bool:
    """Find out whether a move from ``before`` (None: from no store) to ``after`` was made, and make that certain.

    Leaves the store's state as it was read last. Raises ``OutcomeUnknown`` where that cannot be learned before the
    deadline, or where history says nothing any more.
    """
    problem: Exception = cause
    seconds = store.deadline_seconds if store.is_remote else min(_LOCAL_SECONDS, store.deadline_seconds)
    deadline = time.monotonic() + seconds
    pause = 0.001
    while True:
        try:
            now = store.find_state()
            if now is not None and now.data == after.data:
                return True
            if now is None:
                return False  # a late arrival makes a store, which is all that was wanted
            if before is None or now.data != before.data:
                shown = shows(now)
                if shown is None:
                    break
                return shown
            if store.fence(before):
                return False
        except (Unavailable, StoreFull, OutcomeUnknown, DanglingReference) as error:
            problem = error
        except Corruption as error:
            problem = error
            break
        if time.monotonic() > deadline or store.is_closed:
            break
        time.sleep(random.uniform(0, pause))  # noqa: S311 - to step out of each other's way, not a secret
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
    raise OutcomeUnknown(
        "the answer was lost, and it could not be learned whether the change was made",
        store=store.backend.url,
        commit=None if commit is None else commit.hash.hex(),
    ) from problem


def _names(state: State, section: int) -> Mapping[str, Pointer]:
    return state.branches if section == BRANCHES else state.tags
