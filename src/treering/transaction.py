"""Private edits on one commit that become one commit, or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from google.protobuf.message import Message

from treering.difference import Diff
from treering.errors import DanglingReference, MergeConflict, NotFound, SnapshotPruned, TransactionClosed, WrongType
from treering.history.commit import Commit
from treering.hooks import Event
from treering.objects.node import Node
from treering.path import Path
from treering.schema.schema import Schema
from treering.store.reader import Reader, StoredCommit
from treering.store.store import Store
from treering.tree.address import find_address
from treering.tree.edit import Editor, Mask
from treering.tree.join import ALL_LEVELS
from treering.tree.merge import Conflict, Merger
from treering.tree.probe import IterationProbe, Probe, probe_count, probe_exists, probe_get, probe_keys
from treering.tree.record import Recorder
from treering.tree.view import Key, PathLike, View, key_bytes

MergeBy = Literal["node", "field"]


class Target(Protocol):
    """What a transaction is committed to: the branch of a repository, with its hooks and validators."""

    schema: Schema
    editor: Editor
    store: Store

    @property
    def reader(self) -> Reader:
        """Where objects come from."""
        ...

    def check_open(self) -> None:
        """Raise where the store was closed, or opened before a fork."""
        ...

    def unpin(self, holder: object) -> None:
        """Let prune delete what ``holder`` was reading."""
        ...

    def head(self) -> StoredCommit:
        """Return the newest commit."""
        ...

    def before(
        self, view: View, edit: Callable[[Node], Node], kind: str, path: PathLike, message: Message | None
    ) -> tuple[Node, list[Event]]:
        """Apply an edit, call its PRE hooks, and return the new root and what its POST hooks are to be told."""
        ...

    def commit(
        self, edit: Callable[[Node], Node], author: str | None, note: str, events: Callable[[], list[Event]]
    ) -> Commit:
        """Commit what ``edit`` makes of the head; ``events``: what came of it, asked for when it is durable."""
        ...


class Transaction:
    """Edits that nobody else sees until they are committed, all at once.

    Reads see the base commit and the transaction's own edits. ``commit`` merges them with what others committed
    meanwhile, by what the transaction saw of each thing that it wrote, or raises `MergeConflict` and changes nothing.
    As a context manager it commits at the end, and cancels where the block raises. After its end every call raises
    `TransactionClosed`. Threads may share it; calls take turns.
    """

    def __init__(
        self,
        target: Target,
        base: StoredCommit,
        *,
        prefix: Path,
        author: str | None,
        note: str,
        serializable: bool,
        merge: MergeBy,
    ) -> None:
        if merge not in ("node", "field"):
            raise WrongType("merge is 'node' or 'field'", given=merge)
        self._target: Target | None = target
        self._base = Commit(base, target.store)
        self._prefix = prefix
        self._author = author
        self._note = note
        self._by_field = merge == "field"
        self._view = View(target.reader, target.schema.root, base.record.root)
        self._editor = target.editor
        self._recorder = Recorder(target.reader, target.schema.root, base.record.root)
        self._events: list[Event] = []
        self._reads: list[tuple[Path, Probe, Any]] | None = [] if serializable else None
        self._lock = threading.RLock()

    @property
    def base(self) -> Commit:
        """The commit that this transaction started from."""
        return self._base

    # Reading: as the repository's methods of the same names

    def get(self, path: PathLike = "/", *, depth: int = 0, deep: bool = False) -> Any:
        """Return the message at a path, with ``depth`` levels of children or all; of a container, its messages."""
        with self._open():
            whole = self._prefix / Path.of(path)
            self._note_read(
                whole,
                lambda reader: probe_get(reader, find_address(self._view.shape, whole), ALL_LEVELS if deep else depth),
            )
            return self._view.get(whole, depth=depth, deep=deep)

    def keys(self, path: PathLike, *, start: object = None, limit: int | None = None) -> list[Key]:
        """Return the keys of a container in key order, from ``start`` on, at most ``limit``."""
        with self._open():
            whole = self._prefix / Path.of(path)
            self._note_read(
                whole, lambda reader: probe_keys(reader, find_address(self._view.shape, whole), start, limit)
            )
            return self._view.keys(whole, start=start, limit=limit)

    def count(self, path: PathLike) -> int:
        """Return how many children a container has."""
        with self._open():
            whole = self._prefix / Path.of(path)
            self._note_read(whole, lambda reader: probe_count(reader, find_address(self._view.shape, whole)))
            return self._view.count(whole)

    def exists(self, path: PathLike) -> bool:
        """Tell whether a node is there."""
        with self._open():
            whole = self._prefix / Path.of(path)
            self._note_read(whole, lambda reader: probe_exists(reader, find_address(self._view.shape, whole)))
            return self._view.exists(whole)

    def iterate(self, path: PathLike, *, start: object = None) -> Iterator[tuple[Key, Any]]:
        """Yield (key, message) in key order from ``start`` on, of the tree as it is at this call."""
        with self._open():
            whole = self._prefix / Path.of(path)
            self._note_read(whole, lambda reader: probe_exists(reader, find_address(self._view.shape, whole)))
            found = self._view.iterate(whole, start=start)
            return self._go_on(found if self._reads is None else self._watched(found, whole, start))

    # Editing: as the repository's methods of the same names

    def add(self, path: PathLike, message: Message, *, key: object = None) -> None:
        """Add a child, with its own children, at the end of the container at ``path``."""
        self._edit("add", path, message, lambda root, whole: self._editor.add(root, whole, message, key), key=key)

    def update(self, path: PathLike, message: Message, *, strict: bool = False, mask: Mask | None = None) -> None:
        """Replace a node's own fields, those in ``mask``."""
        names = tuple(mask) if mask is not None and isinstance(mask, Iterator) else mask
        self._edit(
            "update",
            path,
            message,
            lambda root, whole: self._editor.update(root, whole, message, strict=strict, mask=names),
        )

    def replace(self, path: PathLike, message: Message) -> None:
        """Make the whole subtree at ``path`` equal to ``message``."""
        self._edit("replace", path, message, lambda root, whole: self._editor.replace(root, whole, message))

    def remove(self, path: PathLike) -> None:
        """Remove a child of a container, with all below it."""
        self._edit("remove", path, None, self._editor.remove)

    def clear(self, path: PathLike) -> None:
        """Make an optional singular child absent."""
        self._edit("clear", path, None, self._editor.clear)

    # Ending

    def plan(self) -> Diff:
        """Return what a commit would change on the head as it is now; `MergeConflict` where it could not be merged.

        Changes nothing; the transaction goes on.
        """
        with self._open() as target:
            head = target.head()
            root, _ = self._merge(head.record.root)
            shape = self._view.shape
            view = View(target.reader, shape, head.record.root)
            return Diff(view, View(target.reader, shape, root), find_address(shape, self._prefix))

    def commit(self) -> Commit:
        """Publish the edits as one commit on the head as it is now, and end the transaction.

        Returns when the commit is durable; without a write that changes anything, returns the head. Raises
        `MergeConflict` (``.conflicts`` names path, base, mine, theirs), what a validator raises, and what a single edit
        raises for the store; the transaction has ended then too, and nothing was changed.
        """
        with self._open() as target:
            self._target = None
            merger: Merger | None = None

            def edit(root: Node) -> Node:
                nonlocal merger
                merged, merger = self._merge(root)
                return merged

            def events() -> list[Event]:
                effective = merger.effective if merger else {}
                return [event for event in self._events if _came(event.path, effective)]

        try:
            return target.commit(edit, self._author, self._note, events)
        except DanglingReference as error:
            self._raise_if_pruned(target, error)
            raise
        finally:
            target.unpin(self)

    def cancel(self) -> None:
        """End the transaction and forget its edits. `TransactionClosed` where it has ended."""
        with self._open() as target:
            self._target = None
            target.unpin(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._target is None:
            return
        if kind is None:
            self.commit()
        else:
            self._target.unpin(self)
            self._target = None

    def __repr__(self) -> str:
        return f"<Transaction on {self.base.name}{'' if self._target else ', ended'}>"

    def _open(self) -> _Turn:
        return _Turn(self)

    def _edit(
        self,
        kind: str,
        path: PathLike,
        message: Message | None,
        edit: Callable[[Node, str], Node],
        *,
        key: object = None,
    ) -> None:
        with self._open() as target:
            # As a text, for which the address is known when it was asked for once: three are, of each edit.
            whole = path if type(path) is str and not len(self._prefix) else str(self._prefix / Path.of(path))
            before = self._view
            root, events = target.before(before, lambda node: edit(node, whole), kind, whole, message)
            if self._target is None:
                raise TransactionClosed("a hook ended the transaction")
            if self._view is not before:  # a hook edited, too: on top of that, and with no hooks again
                before = self._view
                root = edit(before.root, whole)
            self._recorder.note(kind, whole, before.root, root, message, key)
            self._view = View(target.reader, before.shape, root)
            self._events += events

    def _merge(self, head: Node) -> tuple[Node, Merger]:
        """Return the head with this transaction's writes, and the merge that made it."""
        base, shape = self._base.stored.record.root, self._view.shape
        merger = Merger(self._view.reader, by_field=self._by_field)
        if head is base:
            return merger.unmoved(shape, self._recorder.touch, head, self._view.root), merger
        root = merger.root(shape, self._recorder.touch, head, self._view.root)
        conflicts = merger.conflicts
        if not conflicts and self._reads and merger.wrote(shape, self._recorder.touch, head, self._view.root):
            conflicts = [Conflict(path, None, None, None) for path, probe, seen in self._reads if probe(head) != seen]
        if conflicts:
            raise MergeConflict("the head changed under the transaction", conflicts=tuple(conflicts))
        return root, merger

    def _raise_if_pruned(self, target: Target, error: DanglingReference) -> None:
        """Raise `SnapshotPruned` where an object is missing because another process pruned the base."""
        state = target.store.state
        if not state.lineage.is_kept(self._base.stored, state.heads):
            raise SnapshotPruned("the transaction's base was pruned meanwhile", commit=self.base.id) from error

    def _go_on(self, found: Iterator[tuple[Key, Any]]) -> Iterator[tuple[Key, Any]]:
        while True:
            with self._open():
                entry = next(found, None)
            if entry is None:
                return
            yield entry

    def _note_read(self, path: Path, make: Callable[[Reader], Probe]) -> None:
        if self._reads is not None:
            try:
                probe = make(self._view.reader)
                self._reads.append((path, probe, probe(self._base.stored.record.root)))
            except (NotFound, ValueError):
                return  # the read itself is about to say so

    def _watched(self, found: Iterator[tuple[Key, Any]], path: Path, start: object) -> Iterator[tuple[Key, Any]]:
        """Pass on what is iterated, noting what the base has up to the place that was reached."""
        assert self._reads is not None
        address = find_address(self._view.shape, path)
        watch = IterationProbe(self._view.reader, address, start, self._base.stored.record.root)
        self._reads.append((path, watch.probe, watch.seen))
        for value, message in found:
            watch.reach(key_bytes(address.children(), value))
            yield value, message
        watch.reach(None)


def _came(path: Path, effective: dict[Path, bool]) -> bool:
    """Tell whether what an edit did at ``path`` came into the commit."""
    return path in effective or any(deep and path.starts_with(above) for above, deep in effective.items())


class _Turn:
    """Takes a transaction's turn, and refuses one that has ended."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def __enter__(self) -> Target:
        transaction = self._transaction
        transaction._lock.acquire()  # noqa: SLF001 - its own lock
        target = transaction._target  # noqa: SLF001
        try:
            if target is None:
                raise TransactionClosed("the transaction has ended")  # noqa: TRY301 - the lock is let go below
            target.check_open()
        except BaseException:
            transaction._lock.release()  # noqa: SLF001
            raise
        return target

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        transaction = self._transaction
        try:
            if isinstance(error, DanglingReference) and transaction._target is not None:  # noqa: SLF001
                transaction._raise_if_pruned(transaction._target, error)  # noqa: SLF001
        finally:
            transaction._lock.release()  # noqa: SLF001
