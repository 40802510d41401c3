"""What a caller sees of a commit."""

from __future__ import annotations

import weakref
from datetime import UTC, datetime, timedelta

from treering.errors import Unavailable
from treering.store.reader import StoredCommit
from treering.store.store import Store

_new_object = object.__new__
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Commit:
    """One revision of a whole tree: immutable, named by its id for ever.

    ``id`` and ``tree_id``: 64 hex digits; equal trees have equal ``tree_id``, in every store. Two commits are equal
    when their ids are.
    """

    __slots__ = ("_store", "stored")

    def __init__(self, stored: StoredCommit, store: Store) -> None:
        self.stored = stored
        self._store = weakref.ref(store)  # a commit that is kept keeps no store open

    @property
    def id(self) -> str:
        """The name of this commit, given by its content."""
        return self.stored.pointer.hash.hex()

    @property
    def tree_id(self) -> str:
        """The name of its tree: keys and messages, not sibling order."""
        return self.stored.tree_hash.hex()

    @property
    def name(self) -> str:
        """A short name, ``412-9f3ac01b``: the sequence number and the first digits of the id."""
        return f"{self.seq}-{self.id[:8]}"

    @property
    def parents(self) -> tuple[str, ...]:
        """The ids of the commits it was made from: none for commit 0, two or more for a merge."""
        return tuple(parent.hash.hex() for parent in self.stored.record.parents)

    @property
    def seq(self) -> int:
        """One more than the highest of its parents."""
        return self.stored.record.seq

    @property
    def author(self) -> str:
        """Who made it, as given."""
        return self.stored.record.author

    @property
    def note(self) -> str:
        """Why, as given."""
        return self.stored.record.note

    @property
    def time(self) -> datetime:
        """When it was made: aware, in UTC, to the microsecond, never before its parents."""
        return _EPOCH + timedelta(microseconds=self.stored.record.time)

    def durable(self) -> None:
        """Return when this commit is on disk, with all that was acknowledged before it.

        For a store opened with ``durability=async``, which acknowledges commits sooner. Any other has promised what it
        can when it acknowledged the commit, and this returns at once. Of several commits, call it on the last: on LMDB,
        those that come later and are not on disk yet put all before them at risk.

        Raises `Unavailable` when the commit may not be on disk: the disk failed, or the repository it came from was
        closed, or opened with ``readonly=true``, or is gone. In a child of a fork, `ForkedProcess`.
        """
        store = self._store()
        if store is None:
            message = "the repository that this commit came from is gone; ask one that is open for the commit"
            raise Unavailable(message, commit=self.id)
        store.sync()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Commit):
            return self.stored.pointer.hash == other.stored.pointer.hash
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.stored.pointer.hash)

    def __repr__(self) -> str:
        return f"<Commit {self.name} {self.time.isoformat(timespec='seconds')} {self.author!r} {self.note!r}>"


def make_commit(stored: StoredCommit, store: weakref.ref[Store]) -> Commit:
    """Return ``Commit(stored, store())``, made in half of the time."""
    commit: Commit = _new_object(Commit)
    commit.stored = stored
    commit._store = store  # noqa: SLF001 - what __init__ does, without its call
    return commit


def microseconds(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
