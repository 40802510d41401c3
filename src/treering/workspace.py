"""What a repository, its proxies and its transactions share: one branch, its hooks and its validators.

The one way from an edit to a published commit: edit, PRE hooks, merge, validators, publication, POST hooks.
"""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Protocol

from google.protobuf.message import Message

from treering.difference import Diff
from treering.errors import DanglingReference, ProxyTaken, WrongType
from treering.history.branch import Branch
from treering.history.commit import Commit, make_commit
from treering.history.group import Write
from treering.hooks import Event, Hooks, chain_depth
from treering.merkle.seal import Writer
from treering.objects.node import Node
from treering.path import Path
from treering.schema.schema import Schema
from treering.snapshot import Snapshot
from treering.store.reader import Reader, StoredCommit
from treering.store.store import Store
from treering.tree.address import Address, find_address
from treering.tree.diff import Change, Differ
from treering.tree.edit import Editor
from treering.tree.join import ALL_LEVELS, join
from treering.tree.view import PathLike, View, child_path, parse
from treering.tree.walk import find_node

Validator = Callable[[Snapshot, Diff], Any]
Edit = Callable[[Node], Node]


class SingleEdit(Protocol):
    """An edit of its own. With a writer it writes what it makes as it goes; the tree it returns can be encoded then."""

    def __call__(self, root: Node, writer: Writer | None = None, /) -> Node:
        """Return the new root."""
        ...


class Workspace:
    """A branch with the functions that watch over it. Threads may share it."""

    def __init__(self, store: Store, schema: Schema, branch: Branch, editor: Editor, author: str) -> None:
        self.store = store
        self.schema = schema
        self.branch = branch
        self.editor = editor
        self.hooks = Hooks()
        self.validators: list[Validator] = []
        self._store_reference = weakref.ref(store)
        self._author = author
        self._checked: str | None = None  # an author that is known to be a text
        self._proxies: Counter[Path] = Counter()  # how many of a node are open
        self._exclusive: set[Path] = set()
        self._lock = threading.Lock()

    @property
    def reader(self) -> Reader:
        """Where objects come from."""
        return self.store.reader

    def check_open(self) -> None:
        """Raise where the store was closed, or opened before a fork."""
        self.store.check_open()

    def unpin(self, holder: object) -> None:
        """Let prune delete what ``holder`` was reading."""
        self.store.unpin(holder)

    def head(self) -> StoredCommit:
        """Return the newest commit."""
        return self.branch.head()

    def view(self, root: Node) -> View:
        """Return a tree to read."""
        return View(self.reader, self.schema.root, root)

    def edit(
        self, kind: str, path: PathLike, message: Message | None, edit: SingleEdit, author: str | None, note: str
    ) -> Commit:
        """Commit a single edit; it runs again where the head has moved, its PRE hooks do not."""
        hooks = self.hooks
        if author is None and note == "" and not (hooks.hear_edits or self.validators or chain_depth()):
            commit = self.branch.commit_alone(edit, edit, self._author, note)  # nearly every edit: at once
            if commit is not None:
                return make_commit(commit, self._store_reference)
        if not hooks.hear_edits:
            return self.commit(edit, author, note, write=edit)
        head = self.head()
        try:
            _, events = self._foresee(self.view(head.record.root), edit, kind, Path.of(path), message)
        except DanglingReference:  # another process may have pruned the head
            if self.head() is head:
                raise
            _, events = self._foresee(self.view(self.head().record.root), edit, kind, Path.of(path), message)
        self.hooks.before(events)
        return self.commit(edit, author, note, lambda: events, write=edit)

    def before(
        self, view: View, edit: Edit, kind: str, path: PathLike, message: Message | None
    ) -> tuple[Node, list[Event]]:
        """Apply an edit, call its PRE hooks, and return the new root and what its POST hooks are to be told."""
        root, events = self._foresee(view, edit, kind, path, message)
        self.hooks.before(events)
        return root, events

    def commit(
        self,
        edit: Edit,
        author: str | None,
        note: str,
        events: Callable[[], list[Event]] = list,
        write: Write | None = None,
    ) -> Commit:
        """Commit what ``edit`` makes of the head; ``events``: what came of it, asked for when it is durable.

        ``write``: does the same, and writes as it goes.
        """
        if author is None:
            author = self._author
        if note != "" or author is not self._checked:
            check_texts(author, note)
            self._checked = author
        hooks = self.hooks
        depth = hooks.check_chain()
        published = partial(hooks.queue, events, depth) if hooks.hear_edits else None
        commit: StoredCommit | None = None
        validate = self._validate if self.validators else None
        if validate is None:
            commit = self.branch.commit_alone(edit, write, author, note, published)
        if commit is None:
            commit = self.branch.commit(edit, author, note, write=write, validate=validate, published=published)
        hooks.drain()
        return make_commit(commit, self._store_reference)

    def take_proxy(self, path: Path, *, exclusive: bool) -> None:
        """Count one more proxy of a node. `ProxyTaken` where one of them is, or would be, exclusive."""
        with self._lock:
            if path in self._exclusive or (exclusive and path in self._proxies):
                raise ProxyTaken("another proxy of this node is open", path=str(path))
            self._proxies[path] += 1
            if exclusive:
                self._exclusive.add(path)

    def free_proxy(self, path: Path) -> None:
        """Count one proxy less."""
        with self._lock:
            self._exclusive.discard(path)
            self._proxies[path] -= 1
            if not self._proxies[path]:
                del self._proxies[path]

    def _validate(self, head: StoredCommit, root: Node) -> None:
        before, after = self.view(head.record.root), self.view(root)
        snapshot = Snapshot(after, Commit(head, self.store), self.store)
        diff = Diff(before, after, find_address(self.schema.root, "/"))
        for validator in tuple(self.validators):
            validator(snapshot, diff)

    def _foresee(
        self, view: View, edit: Edit, kind: str, path: PathLike, message: Message | None
    ) -> tuple[Node, list[Event]]:
        """Return the root that an edit makes of a tree, and what hooks are to be told of it."""
        root = edit(view.root)
        if root is view.root or not self.hooks.hear_edits:
            return root, []
        return root, list(self._events(view, self.view(root), kind, path, message))

    def _events(self, before: View, after: View, kind: str, path: PathLike, message: Message | None) -> Iterator[Event]:
        """Yield what an edit does to nodes that have hooks for it, as these are to be told."""
        address = find_address(self.schema.root, path)
        where = canonical(address)
        old, new = (find_node(self.reader, view.root, address.steps) for view in (before, after))
        if kind == "add":
            assert message is not None
            if self.hooks.hears("add", where.parent):
                given = address.shape.message_class()
                given.CopyFrom(address.shape.coerce(message))  # the caller may change its message before the commit
                yield Event("add", where.parent, self._added(old, new, address, where), given)
        elif kind == "replace":
            yield from self._replaced(after, Differ(self.reader).values(address.shape, old, new, where))
        else:
            done = "remove" if kind in {"remove", "clear"} else "update" if old is not None else "add"
            told = where if done == "update" else parent_node(self.schema, where)
            if self.hooks.hears(done, told):
                shown = old if new is None else new
                assert shown is not None
                content = join(self.reader, address.shape, shown, 0 if kind == "update" else ALL_LEVELS)
                yield Event(done, told, where, parse(address.shape, content, where))

    def _replaced(self, after: View, changes: Iterable[Change]) -> Iterator[Event]:
        """Yield what a replace does to nodes. Plain lists have no nodes: another list is an update of its owner."""
        updated: set[Path] = set()  # once, whatever of its own fields and its lists differs; own fields come first
        for change in changes:
            if change.kind != "update":
                told = parent_node(self.schema, change.path)
                message = change.old if change.new is None else change.new
            else:
                is_list = isinstance(change.new, list)
                told = change.path.parent if is_list else change.path
                if told in updated:
                    continue
                updated.add(told)
                message = after.get(told) if is_list else change.new
            if self.hooks.hears(change.kind, told):
                yield Event(change.kind, told, change.path, message)  # type: ignore[arg-type] # no list is left

    def _added(self, old: Node | None, new: Node | None, address: Address, where: Path) -> Path:
        """Return the path of the child that an add put there; of an element of a plain list, that of the list."""
        field = address.children()
        if field.codec is None:
            return where
        before, after = (parent.slots.get(field.number) if parent else None for parent in (old, new))
        (change,) = Differ(self.reader).slots(field, before, after, where.parent)
        return change.path


def check_texts(*texts: object) -> None:
    """Raise `WrongType` for an author or a note that is no text, or one that cannot be stored."""
    for text in texts:
        if not isinstance(text, str):
            raise WrongType("author and note are texts", given=type(text).__name__)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise WrongType("author and note are valid Unicode", given=ascii(text)) from None


def canonical(address: Address) -> Path:
    """Return the one path that an address has, however its keys were written."""
    path = Path()
    for field, key in address.steps:
        path = child_path(path, field, key)
    return path if address.container is None else path.child(address.container.name)


def parent_node(schema: Schema, path: Path) -> Path:
    """Return the path of the node that a child hangs in."""
    _, key = find_address(schema.root, path).steps[-1]
    return path.parent if key is None else path.parent.parent
