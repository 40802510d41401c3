"""What commits are called: branches, tags, ids and their prefixes, ``412-9f3ac01b``, ``main~3``, dates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from treering.errors import AlreadyExists, AmbiguousName, DanglingReference, InvalidName, NameNotFound, WrongType
from treering.history.branch import Branch
from treering.history.commit import Commit, microseconds
from treering.objects.pointer import Hash, Pointer
from treering.objects.root import TAGS
from treering.store.reader import Reader, StoredCommit
from treering.store.state import State

MAX_NAME_LENGTH = 200

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]*").fullmatch
_ID = re.compile(r"[0-9a-f]{8,64}").fullmatch
_SHORT = re.compile(r"([0-9]{1,20})-([0-9a-f]{8,64})").fullmatch
_BACK = re.compile(r"(.+)~([0-9]{1,20})", re.DOTALL).fullmatch

Name = str | Commit | datetime


def check_name(name: object) -> None:
    """Raise ``InvalidName`` for what cannot be the name of a branch or a tag: it must not look like any other name."""
    if not isinstance(name, str) or not _NAME(name) or len(name) > MAX_NAME_LENGTH or _ID(name) or _SHORT(name):
        message = (
            "a branch or tag is named by letters, digits and . _ / + - (first a letter, a digit or _), at most "
            "200 of them, and must not look like a commit's id"
        )
        raise InvalidName(message, name=name)


def may_be_commit(name: str) -> bool:
    """Tell whether a name is that of a commit by itself, or relative to another: no branch or tag has such a name."""
    return any(form(name) for form in (_ID, _SHORT, _BACK))


def resolve(reader: Reader, state: State, branch: str, name: object) -> StoredCommit:
    """Return the commit that a name stands for. ``branch``: the one that a date is looked up on.

    Raises ``NameNotFound``, ``AmbiguousName``, ``WrongType``. A branch, a tag or a Commit costs one look-up; ``~n``, a
    date and ``412-9f3ac01b`` O(log history). So does a bare id, but for the first one that a process asks for, which
    reads all of history, many commits at a time; ``412-9f3ac01b`` is such a one where it is not on the branch's own
    line. Later look-ups read the commits that are new since. One that came in by a merge, or was pruned and is not
    deleted yet, costs the history above it.
    """
    if isinstance(name, Commit):
        if name.stored.pointer in state.heads:
            return name.stored
        if state.lineage.grafts and not state.lineage.is_kept(name.stored, state.heads):
            raise _unknown(name.id)  # pruned, even where its objects are not deleted yet
        try:
            return reader.commit(name.stored.pointer)
        except DanglingReference as error:
            raise _unknown(name.id) from error
    if isinstance(name, datetime):
        return _at_time(reader, state, branch, name)
    if not isinstance(name, str):
        message = "a name is a text, a Commit or an aware datetime"
        raise WrongType(message, given=type(name).__name__)
    pointer = find_pointer(state, name)
    if pointer is not None:
        return reader.commit(pointer)
    back = _BACK(name)
    if back is not None:
        return _ancestor(state, resolve(reader, state, branch, back[1]), int(back[2]), name)
    short = _SHORT(name)
    if short is not None:
        return _by_sequence(reader, state, branch, int(short[1]), short[2], name)
    if _ID(name):
        return _by_id(reader, state, name)
    raise _unknown(name)


def find_pointer(state: State, name: str) -> Pointer | None:
    """Return the commit that a branch or a tag names, or None."""
    return state.branches.get(name) or state.tags.get(name)


class Names:
    """What a branch and its store call their commits. Threads may share it."""

    def __init__(self, branch: Branch) -> None:
        self._branch = branch
        self._store = branch.store

    def resolve(self, name: Name) -> StoredCommit:
        """Return the commit that a name stands for, as ``resolve`` does, whatever another process prunes meanwhile."""
        state = self._store.state
        while True:
            try:
                return self._resolve(state, name)
            except DanglingReference:
                now = self._store.state
                if now.data == state.data:
                    raise
                state = now  # another process has just pruned what was looked at

    def tags(self) -> dict[str, StoredCommit]:
        """Return the tags and their commits as they are now, sorted by name, in one request."""
        state = self._store.state
        names = sorted(state.tags)
        return dict(zip(names, self._store.reader.commits([state.tags[name] for name in names]), strict=True))

    def tag(self, name: str, commit: StoredCommit, *, move: bool) -> None:
        """Name a commit. ``AlreadyExists`` where the name stands for another one (unless ``move``) or for a branch.

        ``NameNotFound`` where the commit was pruned.
        """

        def change(state: State) -> Mapping[str, Pointer] | None:
            self._resolve(state, Commit(commit, self._store))  # still in history, by the root that the new one replaces
            known = state.tags.get(name)
            if known == commit.pointer:
                return None
            if name in state.branches or (known is not None and not move):
                raise AlreadyExists("this name is taken", name=name)
            return {**state.tags, name: commit.pointer}

        self._branch.move_names(TAGS, change)

    def delete_tags(self, names: Sequence[str]) -> None:
        """Take names off their commits, all or none. ``NameNotFound``."""

        def change(state: State) -> Mapping[str, Pointer] | None:
            for name in names:
                if name not in state.tags:
                    raise NameNotFound("there is no such tag", name=name)
            return {name: pointer for name, pointer in state.tags.items() if name not in names} if names else None

        self._branch.move_names(TAGS, change)

    def _resolve(self, state: State, name: Name) -> StoredCommit:
        return resolve(self._store.reader, state, self._branch.name, name)


def _at_time(reader: Reader, state: State, branch: str, moment: datetime) -> StoredCommit:
    if moment.utcoffset() is None:
        message = "a date without a time zone names no moment; give an aware datetime"
        raise WrongType(message, given=moment.isoformat())
    limit = microseconds(moment)
    head = reader.commit(state.branches[branch])
    commit = state.lineage.find_first(head, lambda candidate: candidate.record.time <= limit)
    if commit is None:
        raise _unknown(moment.isoformat())
    return commit


def _ancestor(state: State, start: StoredCommit, steps: int, name: str) -> StoredCommit:
    commit = state.lineage.back(start, steps)
    if commit is None:
        raise _unknown(name)
    return commit


def _by_sequence(reader: Reader, state: State, branch: str, seq: int, prefix: str, name: str) -> StoredCommit:
    head = reader.commit(state.branches[branch])
    commit = state.lineage.find_first(head, lambda candidate: candidate.record.seq <= seq)
    if commit is not None and commit.record.seq == seq and _matches(commit, prefix):
        return commit
    for candidate in _starting_with(reader, state, prefix):
        if candidate.record.seq == seq:
            return candidate
    raise _unknown(name)


def _by_id(reader: Reader, state: State, prefix: str) -> StoredCommit:
    found = _starting_with(reader, state, prefix)
    if len(found) > 1:
        message = "more than one commit's id starts like this"
        raise AmbiguousName(message, name=prefix, candidates=[commit.pointer.hash.hex() for commit in found])
    if not found:
        raise _unknown(prefix)
    return found[0]


def _starting_with(reader: Reader, state: State, prefix: str) -> list[StoredCommit]:
    """Return the commits whose id starts like this, the highest sequence number first."""
    heads = [*state.branches.values(), *state.tags.values()]
    state.ids.learn(state.lineage, heads)
    found: dict[Hash, StoredCommit] = {}
    for pointer in state.ids.find(prefix):
        try:
            commit = reader.commit(pointer)
        except DanglingReference:
            continue  # pruned, and deleted
        if state.lineage.is_kept(commit, heads):
            found[pointer.hash] = commit
    return sorted(found.values(), key=lambda commit: -commit.record.seq)


def _matches(commit: StoredCommit, prefix: str) -> bool:
    return commit.pointer.hash.hex().startswith(prefix)


def _unknown(name: str) -> NameNotFound:
    message = "no branch, tag or commit has this name"
    return NameNotFound(message, name=name)
