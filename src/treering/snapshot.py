"""One commit, read: what ``repo.at`` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from treering.errors import DanglingReference, SnapshotPruned
from treering.history.commit import Commit
from treering.store.store import Store
from treering.tree.view import Key, PathLike, View

T = TypeVar("T")


class Snapshot(View):
    """The tree of one commit. It never changes, whatever is committed later. Threads may share it.

    ``get keys count exists iterate`` are those of the repository; ``commit`` is the commit. Where another process
    prunes the commit while it is being read, they raise `SnapshotPruned`.
    """

    __slots__ = ("__weakref__", "_store", "commit")

    def __init__(self, view: View, commit: Commit, store: Store) -> None:
        super().__init__(view.reader, view.shape, view.root)
        self.commit = commit
        self._store = store
        store.pin(self, commit.stored.pointer.hash)

    def get(self, path: PathLike = "/", *, depth: int = 0, deep: bool = False) -> Any:
        """Return the message at a path, with ``depth`` levels of children or all; of a container, its messages."""
        return self.checked(lambda: super(Snapshot, self).get(path, depth=depth, deep=deep))

    def keys(self, path: PathLike, *, start: object = None, limit: int | None = None) -> list[Key]:
        """Return the keys of a container in key order, from ``start`` on, at most ``limit``."""
        return self.checked(lambda: super(Snapshot, self).keys(path, start=start, limit=limit))

    def count(self, path: PathLike) -> int:
        """Return how many children a container has."""
        return self.checked(lambda: super(Snapshot, self).count(path))

    def exists(self, path: PathLike) -> bool:
        """Tell whether a node is there."""
        return self.checked(lambda: super(Snapshot, self).exists(path))

    def iterate(self, path: PathLike, *, start: object = None) -> Iterator[tuple[Key, Any]]:
        """Yield (key, message) in key order from ``start`` on, reading on as the caller does."""
        found = self.checked(lambda: super(Snapshot, self).iterate(path, start=start))
        return self._go_on(found)

    def _go_on(self, found: Iterator[tuple[Key, Any]]) -> Iterator[tuple[Key, Any]]:
        while (entry := self.checked(lambda: next(found, None))) is not None:
            yield entry

    def checked(self, read: Callable[[], T]) -> T:
        """Read. `SnapshotPruned` where what is missing was pruned."""
        try:
            return read()
        except DanglingReference as error:
            state = self._store.state
            if state.lineage.is_kept(self.commit.stored, state.heads):
                raise
            raise SnapshotPruned("the commit was pruned while it was being read", commit=self.commit.id) from error

    def __repr__(self) -> str:
        return f"<Snapshot of {self.commit.name}>"
