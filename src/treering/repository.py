"""The handle that a user holds: a branch of a store, read and edited as a tree of messages."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar

from google.protobuf.message import Message

from treering.difference import Diff
from treering.errors import Corruption, DanglingReference, MergeConflict, WrongType
from treering.history.commit import Commit
from treering.history.log import iter_log
from treering.history.name import Name, Names, check_name
from treering.history.policy import find_oldest
from treering.hooks import Hooks
from treering.path import Path
from treering.proxy import Proxy
from treering.schema.schema import Schema
from treering.snapshot import Snapshot
from treering.store.prune import Pruner, PruneReport
from treering.store.state import State
from treering.store.sweep import sweep_unreachable
from treering.store.verify import VerifyReport, report_damaged_root, verify
from treering.transaction import MergeBy, Transaction
from treering.tree.address import find_address
from treering.tree.edit import Mask
from treering.tree.view import PathLike, View, check_limit
from treering.watch import Watch
from treering.workspace import Validator, Workspace, canonical

T = TypeVar("T")
V = TypeVar("V", bound=Validator)


class Repository:
    """One branch of a store. Threads may share it; a forked child must open its own.

    Reads see the newest commit, of any process. Every edit is one commit, durable when the call returns; one that
    changes nothing makes no commit and returns the head. Where another writer was faster, an edit is applied again to
    what is there now. Bad input raises a `Refused` or a `NotFound` and changes nothing; a store out of reach raises
    `Unavailable`, a full one `StoreFull`, and nothing is changed then either.

    A path is a text (``/devices/as7712/ports/7``), a `Path` or a tuple of steps.
    """

    def __init__(self, work: Workspace) -> None:
        self._work = work
        self._store = work.store
        self._schema = work.schema
        self._branch = work.branch
        self._editor = work.editor
        self._names = Names(work.branch)
        self._seen: tuple[State | None, View | None] = (None, None)

    # Reading

    def get(self, path: PathLike = "/", *, depth: int = 0, deep: bool = False, at: Name | None = None) -> Any:
        """Return the message at a path, the caller's own copy; of a container, a list of messages (of a map, a dict).

        ``depth``: how many levels of children below come with it; ``deep``: all. ``at``: a commit's name instead of the
        head. Keyed children come in insertion order. An absent singular child reads as its default message.

        Raises `PathNotFound`, `InvalidPath`, `NameNotFound`, `TooLarge` (beyond protobuf's 2 GiB).
        """
        if at is not None:
            return self.at(at).get(path, depth=depth, deep=deep)
        view = self._view()
        try:
            message = view.get(path, depth=depth, deep=deep)
        except DanglingReference:
            message = self._again(view).get(path, depth=depth, deep=deep)
        if not self._work.hooks.hear_reads:
            return message
        address = find_address(self._schema.root, path)
        return message if address.container else self.hooks.read(canonical(address), message)

    def keys(self, path: PathLike, *, start: object = None, limit: int | None = None) -> list[Any]:
        """Return the keys of a container in key order, from ``start`` on (inclusive), at most ``limit``.

        Keys are protobuf's Python values, enums as numbers, composites as tuples. Raises `NotAContainer`,
        `PathNotFound`. Reads the pages that hold them.
        """
        return self._read(lambda view: view.keys(path, start=start, limit=limit))

    def count(self, path: PathLike) -> int:
        """Return how many children a container has, without reading them. `NotAContainer`, `PathNotFound`."""
        return self._read(lambda view: view.count(path))

    def exists(self, path: PathLike) -> bool:
        """Tell whether a node is there; of a container, whether its parent is. `PathNotFound` for an unknown field."""
        return self._read(lambda view: view.exists(path))

    def iterate(self, path: PathLike, *, start: object = None) -> Iterator[tuple[Any, Any]]:
        """Yield (key, message) of one tree in key order from ``start`` on, reading on only as the caller does."""
        return self.at(self.head).iterate(path, start=start)

    def at(self, name: Name) -> Snapshot:
        """Return the tree of a commit, to read. `NameNotFound`, `AmbiguousName`.

        While the snapshot is in use, a prune by this process leaves what it reads in place; where another process
        prunes it away, reads raise `SnapshotPruned`.
        """
        commit = self.resolve(name)
        return Snapshot(self._work.view(commit.stored.record.root), commit, self._store)

    # Editing

    def add(
        self, path: PathLike, message: Message, *, key: object = None, author: str | None = None, note: str = ""
    ) -> Commit:
        """Add a child, with its own children, at the end of the container at ``path``.

        ``key``: for a map, and only there. Raises `AlreadyExists`, `NotAContainer`, `PathNotFound`, `WrongType`,
        `InvalidPath` (an empty key), `TooLarge`, `TooDeep`, `MissingField`.
        """
        return self._work.edit(
            "add",
            path,
            message,
            lambda root, writer=None: self._editor.add(root, path, message, key, writer),
            author,
            note,
        )

    def update(
        self,
        path: PathLike,
        message: Message,
        *,
        strict: bool = False,
        mask: Mask | None = None,
        author: str | None = None,
        note: str = "",
    ) -> Commit:
        """Replace a node's own fields, leaving its children alone; what is unset in ``message`` is cleared.

        ``mask``: a FieldMask or names of own fields; only those are replaced and compared. ``strict``: refuse to change
        a READ_ONLY field (`ReadOnlyField`). Creates an absent singular child. Raises `PathNotFound`, `WrongType`,
        `KeyChanged`, `ChildInUpdate`, `InvalidPath`, `TooLarge`, `TooDeep`, `MissingField`.
        """
        names = mask if mask is None or not isinstance(mask, Iterator) else tuple(mask)  # it is read at each attempt
        return self._work.edit(
            "update",
            path,
            message,
            lambda root, writer=None: self._editor.update(root, path, message, writer, strict=strict, mask=names),
            author,
            note,
        )

    def replace(self, path: PathLike, message: Message, *, author: str | None = None, note: str = "") -> Commit:
        """Make the whole subtree at ``path`` equal to ``message``, writing only what differs.

        Creates an absent singular child. Raises what `update` and `add` raise.
        """
        return self._work.edit(
            "replace",
            path,
            message,
            lambda root, writer=None: self._editor.replace(root, path, message, writer),
            author,
            note,
        )

    def remove(self, path: PathLike, *, author: str | None = None, note: str = "") -> Commit:
        """Remove a child of a container, with all below it. `PathNotFound`; `InvalidPath` for a singular child."""
        return self._work.edit(
            "remove", path, None, lambda root, writer=None: self._editor.remove(root, path, writer), author, note
        )

    def clear(self, path: PathLike, *, author: str | None = None, note: str = "") -> Commit:
        """Make an optional singular child absent. `InvalidPath` for a child of a container."""
        return self._work.edit(
            "clear", path, None, lambda root, writer=None: self._editor.clear(root, path, writer), author, note
        )

    def transaction(
        self, *, author: str | None = None, note: str = "", serializable: bool = False, merge: MergeBy = "node"
    ) -> Transaction:
        """Begin a transaction on the head: edits that nobody sees until they are committed together.

        ``serializable``: a commit conflicts, too, where something read has changed. ``merge="field"``: both sides may
        change different fields of one message. A context manager: commits at the end, cancels on an exception.
        """
        return self.begin(Path(), author=author, note=note, serializable=serializable, merge=merge)

    def run(self, function: Callable[[Transaction], T], *, attempts: int = 10) -> T:
        """Call ``function(tx)`` with a serializable transaction, commit it, and return the function's value.

        So what the function read still holds at its commit; else two that count up from 5 to 6 would both be content
        with 6. On a `MergeConflict` both happen again on the new head, after a growing random pause, at most
        ``attempts`` times; then the conflict is raised. As the function may be called several times, let it do nothing
        but use ``tx``.
        """
        for attempt in range(1, attempts + 1):
            try:
                with self.transaction(serializable=True) as transaction:
                    return function(transaction)
            except MergeConflict:
                if attempt == attempts:
                    raise
                time.sleep(random.uniform(0, min(0.001 * 2**attempt, 0.1)))  # noqa: S311 - to step aside, no secret
        raise WrongType("attempts is at least 1", given=attempts)

    def begin(self, prefix: Path, *, author: str | None, note: str, serializable: bool, merge: MergeBy) -> Transaction:
        """Begin a transaction whose paths start at ``prefix``; what `transaction` of this and of a proxy call."""
        base = self._branch.head()
        transaction = Transaction(
            self._work, base, prefix=prefix, author=author, note=note, serializable=serializable, merge=merge
        )
        self._store.pin(transaction, base.pointer.hash)
        return transaction

    # Watching over the tree, in this process

    def proxy(self, path: PathLike, *, exclusive: bool = False) -> Proxy:
        """Return a node as if it were the whole tree, for reading, editing and hooks.

        ``exclusive``: no other proxy of that node can be opened in this repository until ``close``. Raises
        `ProxyTaken`, `PathNotFound` where there is no such node, `InvalidPath` for a container.
        """
        address = find_address(self._schema.root, path).node()
        self._read(lambda view: view.get(path))
        where = canonical(address)
        self._work.take_proxy(where, exclusive=exclusive)
        return Proxy(self, where, lambda: self._work.free_proxy(where))

    def validator(self, function: V) -> V:
        """Have ``function(snapshot, diff)`` look at every tree before it is published; it refuses one by raising.

        The snapshot is the tree as it would be (its ``commit`` is the head it would follow), the diff leads from the
        head to it. Called on the result of every attempt to merge, with no lock held. Also a decorator.
        """
        if not callable(function):
            raise WrongType("a validator is a function", given=function)
        self._work.validators.append(function)
        return function

    @property
    def hooks(self) -> Hooks:
        """The hooks of this repository's nodes; ``hooks.failures`` counts POST hooks that raised."""
        return self._work.hooks

    # History

    @property
    def head(self) -> Commit:
        """The newest commit of the branch."""
        return Commit(self._branch.head(), self._store)

    def resolve(self, name: Name) -> Commit:
        """Return the commit that a name stands for.

        A name is a branch, a tag, an id or a unique prefix of it of 8 digits or more, ``412-9f3ac01b``, one of these
        with ``~3`` (three commits back), a Commit, or an aware datetime: the newest commit not after it. Reads
        O(log history) commits; the first bare id that is asked for, all of them once, many at a time. Raises
        `NameNotFound`, `AmbiguousName`, `WrongType`.
        """
        return Commit(self._names.resolve(name), self._store)

    def log(
        self, name: Name | None = None, *, path: PathLike | None = None, limit: int | None = None
    ) -> Iterator[Commit]:
        """Yield commits, newest first, from ``name`` (the head) back, at most ``limit``.

        With ``path``, those that changed something at or below it, by comparison with their first parent. Reads on only
        as the caller does. Raises `NameNotFound`, `AmbiguousName`, `PathNotFound` (a field that is no child).
        """
        start = self._branch.head() if name is None else self.resolve(name).stored
        address = None if path is None else find_address(self._schema.root, path)
        check_limit(limit)
        commits = islice(iter_log(self._store, self._store.state, start, address), limit)
        return (Commit(commit, self._store) for commit in commits)

    def diff(self, a: Name, b: Name | None = None, *, path: PathLike = "/") -> Diff:
        """Return what leads from the tree of ``a`` to that of ``b`` (the head), at and below ``path``."""
        address = find_address(self._schema.root, path)
        return Diff(self.at(a), self.at(self.head if b is None else b), address)

    def watch(self, path: PathLike = "/", *, since: Name | None = None, timeout_seconds: float | None = None) -> Watch:
        """Return an iterator over the commits of the branch from now on: each once, whole, in order, none left out.

        ``path``: only those that changed something at or below it, which need not be there yet. ``since``: begin after
        this commit instead of the head, as the last `CommitEvent` of an earlier watch names it. ``timeout_seconds``:
        how long to wait for the next event before the iteration ends; None: for ever.

        Raises `NameNotFound` and `AmbiguousName`, `Compacted` where commits after ``since`` were pruned, `PathNotFound`
        (a field that is no child), `InvalidPath`, `WrongType`. See `Watch`.
        """
        return Watch(self._work, path, since, timeout_seconds)

    def tag(self, name: str, at: Name | None = None, *, move: bool = False) -> Commit:
        """Name a commit (the head) for good. The same name for the same commit again is fine.

        Raises `AlreadyExists` where the name stands for another commit (unless ``move``) or for a branch, and
        `InvalidName`.
        """
        check_name(name)
        commit = self.head if at is None else self.resolve(at)
        self._names.tag(name, commit.stored, move=move)
        return commit

    def delete_tag(self, *names: str) -> None:
        """Take names off their commits, all or none. `NameNotFound`."""
        self._names.delete_tags(names)

    @property
    def tags(self) -> Mapping[str, Commit]:
        """The tags and their commits, by name, as they are now."""
        tags = self._names.tags()
        return MappingProxyType({name: Commit(commit, self._store) for name, commit in tags.items()})

    # The store

    def prune(self, *, keep_last: int = 1, keep_within: timedelta | None = None, dry_run: bool = False) -> PruneReport:
        """Take old commits out of history, and delete what only they held.

        Kept are the newest ``keep_last`` commits of the branch, those younger than ``keep_within``, whatever a tag
        names, and what is committed while this works. ``dry_run`` only reports. Costs what changed between the commits,
        whatever the size of the trees. Objects that a snapshot or a transaction open in this process may read are
        deleted by the next prune after its end.

        Raises `WrongType`; a crash at any point loses nothing, and the next prune finishes the work.
        """
        if keep_last < 1:
            raise WrongType("keep_last is at least 1: the head stays", given=keep_last)
        pruner = Pruner(self._store, self._branch.attempts)
        with self._store.asking():
            return pruner.prune(lambda state: find_oldest(self._branch, state, keep_last, keep_within), dry_run=dry_run)

    def verify(self, *, sweep: bool = False) -> VerifyReport:
        """Read and check every object that the store's branches and tags lead to. Reports; never raises for damage.

        ``sweep`` also deletes the objects that nothing leads to, such as a crashed writer's. Writers at work are made
        to start over, so nothing of theirs is taken; where there are problems, nothing is deleted.
        """
        with self._store.asking():
            if sweep:
                return sweep_unreachable(self._store, self._branch.attempts)
            try:
                state = self._store.state
            except Corruption as error:
                return report_damaged_root(self._store.backend, error)
            return verify(self._store.backend, state)

    @property
    def schema(self) -> Schema:
        """The schema that this handle reads and writes by."""
        return self._schema

    def close(self) -> None:
        """Let go of the store. Every commit is durable already. Twice is fine."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Repository {self._store.backend.url} branch {self._branch.name!r} of {self._schema.root.name}>"

    def _view(self) -> View:
        """Return the newest tree."""
        state = self._store.find_state()
        seen = self._seen
        if state is not None and seen[0] is state:
            return seen[1]  # type: ignore[return-value] # there is one for a state
        try:
            head = self._branch.head(state)
        except DanglingReference:  # another process moved the head on, and pruned this one
            return self._work.view(self._branch.head().record.root)
        view = self._work.view(head.record.root)
        self._seen = (state, view)
        return view

    def _read(self, read: Callable[[View], T]) -> T:
        """Read from the head; once more on the new one where another process pruned it meanwhile."""
        view = self._view()
        try:
            return read(view)
        except DanglingReference:
            return read(self._again(view))

    def _again(self, view: View) -> View:
        """Return the newest tree; raises the error at hand where that is ``view`` still."""
        newer = self._view()
        if newer is view:
            raise  # noqa: PLE0704 - called where a DanglingReference is being handled
        return newer
