"""The handle that a user holds: a branch of a store, read and edited as a tree of messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from itertools import islice
from types import MappingProxyType, TracebackType
from typing import Any, Self

from google.protobuf.message import Message

from treering.backend.base import Backend
from treering.backend.open import open_backend
from treering.difference import Diff
from treering.errors import AlreadyExists, Corruption, NameNotFound, NotAStore, WrongType
from treering.history.branch import Branch
from treering.history.commit import Commit
from treering.history.name import Name, check_name, resolve
from treering.history.walk import iter_ancestors
from treering.objects.pointer import Pointer
from treering.objects.root import TAGS
from treering.schema.schema import Schema
from treering.snapshot import Snapshot
from treering.store.codec import find_codec
from treering.store.entropy import Entropy
from treering.store.reader import DEFAULT_CACHE_BYTES, StoredCommit
from treering.store.state import State
from treering.store.store import Store
from treering.store.verify import VerifyReport, verify
from treering.tree.address import find_address
from treering.tree.diff import same_slot
from treering.tree.edit import Editor, Mask
from treering.tree.view import PathLike, View, check_limit
from treering.tree.walk import find_node

StoreLike = str | MutableMapping[Any, Any] | Backend


def open(  # noqa: A001 - treering.open, as gzip.open and shelve.open
    store: StoreLike,
    schema: type[Message] | Schema | None = None,
    *,
    branch: str = "main",
    author: str = "",
    create: bool = True,
    deadline_seconds: float = 10,
) -> Repository:
    """Open a store, making a new one where there is none.

    ``store``: a URL (``lmdb:./state``), any MutableMapping, or a Backend. ``schema``: the root message class, or a
    `Schema`, or None: what the store itself says. A new store gets commit 0, the default message; with ``create=False``
    it is refused with `NotAStore` instead. ``author`` is noted in every commit. ``deadline_seconds`` bounds every call.

    Raises `SchemaMismatch` where the store holds another root type or a schema that cannot be read by this one,
    `NotAStore`, `FormatUnsupported`, `InvalidStoreURL`, `MissingDependency`, `Unavailable`. Reads a constant number of
    objects.
    """
    return open_with(
        store, schema, branch=branch, author=author, create=create, deadline_seconds=deadline_seconds, entropy=Entropy()
    )


def open_with(
    store: StoreLike,
    schema: type[Message] | Schema | None,
    *,
    branch: str,
    author: str,
    create: bool,
    deadline_seconds: float,
    entropy: Entropy,
) -> Repository:
    """Open a store with a clock and dice of the caller's; for tests that need equal bytes at each run."""
    check_name(branch)
    _check_texts(author)
    given = None if schema is None else Schema.of(schema)
    backend, options = open_backend(store, deadline_seconds=deadline_seconds, create=create and given is not None)
    opened = Store(
        backend,
        codec=find_codec(options.compress) if options.compress else None,
        cache_bytes=DEFAULT_CACHE_BYTES if options.cache_bytes is None else options.cache_bytes,
        entropy=entropy,
    )
    try:
        while opened.find_state() is None:
            if given is None or not create:
                raise NotAStore("there is no treering store here", store=backend.url)  # noqa: TRY301 - closed below
            if Branch(opened, given, branch, deadline_seconds).create(author):
                break
        known, hidden = _schema_of(opened, branch, given)
        return Repository(opened, known, Branch(opened, known, branch, deadline_seconds), author, hidden)
    except BaseException:
        opened.close()
        raise


def _schema_of(store: Store, branch: str, given: Schema | None) -> tuple[Schema, Mapping[str, frozenset[int]]]:
    """Return the schema to read and write by (the given one, if it fits), and the children of the store it misses."""
    pointer = store.state.branches.get(branch)
    if pointer is None:
        raise NameNotFound("there is no such branch", name=branch)
    data = store.reader.schema(store.reader.commit(pointer).record.schema)
    if given is not None and given.stored() == data:
        return given, {}
    stored = Schema.from_stored(data)
    if given is None:
        return stored, {}
    given.check_against(stored)
    return given, given.hidden_children(stored)


def _check_texts(*texts: object) -> None:
    for text in texts:
        if not isinstance(text, str):
            raise WrongType("author and note are texts", given=type(text).__name__)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise WrongType("author and note are valid Unicode", given=ascii(text)) from None


class Repository:
    """One branch of a store. Threads may share it; a forked child must open its own.

    Reads see the newest commit, of any process. Every edit is one commit, durable when the call returns; one that
    changes nothing makes no commit and returns the head. Where another writer was faster, an edit is applied again to
    what is there now. Bad input raises a `Refused` or a `NotFound` and changes nothing; a store out of reach raises
    `Unavailable`, a full one `StoreFull`, and nothing is changed then either.

    A path is a text (``/devices/as7712/ports/7``), a `Path` or a tuple of steps.
    """

    def __init__(
        self, store: Store, schema: Schema, branch: Branch, author: str, hidden: Mapping[str, frozenset[int]]
    ) -> None:
        self._store = store
        self._schema = schema
        self._branch = branch
        self._author = author
        self._editor = Editor(store.reader, schema.root, hidden)
        self._seen: tuple[StoredCommit, View] | None = None

    # Reading

    def get(self, path: PathLike = "/", *, depth: int = 0, deep: bool = False, at: Name | None = None) -> Any:
        """Return the message at a path, the caller's own copy; of a container, a list of messages (of a map, a dict).

        ``depth``: how many levels of children below come with it; ``deep``: all. ``at``: a commit's name instead of the
        head. Keyed children come in insertion order. An absent singular child reads as its default message.

        Raises `PathNotFound`, `InvalidPath`, `NameNotFound`, `TooLarge` (beyond protobuf's 2 GiB).
        """
        return self._view(at).get(path, depth=depth, deep=deep)

    def keys(self, path: PathLike, *, start: object = None, limit: int | None = None) -> list[Any]:
        """Return the keys of a container in key order, from ``start`` on (inclusive), at most ``limit``.

        Keys are protobuf's Python values, enums as numbers, composites as tuples. Raises `NotAContainer`,
        `PathNotFound`. Reads the pages that hold them.
        """
        return self._view().keys(path, start=start, limit=limit)

    def count(self, path: PathLike) -> int:
        """Return how many children a container has, without reading them. `NotAContainer`, `PathNotFound`."""
        return self._view().count(path)

    def exists(self, path: PathLike) -> bool:
        """Tell whether a node is there; of a container, whether its parent is. `PathNotFound` for an unknown field."""
        return self._view().exists(path)

    def iterate(self, path: PathLike, *, start: object = None) -> Iterator[tuple[Any, Any]]:
        """Yield (key, message) of one tree in key order from ``start`` on, reading on only as the caller does."""
        return self._view().iterate(path, start=start)

    def at(self, name: Name) -> Snapshot:
        """Return the tree of a commit, to read. `NameNotFound`, `AmbiguousName`."""
        commit = self.resolve(name)
        return Snapshot(self._view(commit), commit)

    # Editing

    def add(
        self, path: PathLike, message: Message, *, key: object = None, author: str | None = None, note: str = ""
    ) -> Commit:
        """Add a child, with its own children, at the end of the container at ``path``.

        ``key``: for a map, and only there. Raises `AlreadyExists`, `NotAContainer`, `PathNotFound`, `WrongType`,
        `InvalidPath` (an empty key), `TooLarge`, `TooDeep`, `MissingField`.
        """
        return self._commit(lambda root: self._editor.add(root, path, message, key), author, note)

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
        return self._commit(
            lambda root: self._editor.update(root, path, message, strict=strict, mask=mask), author, note
        )

    def replace(self, path: PathLike, message: Message, *, author: str | None = None, note: str = "") -> Commit:
        """Make the whole subtree at ``path`` equal to ``message``, writing only what differs.

        Creates an absent singular child. Raises what `update` and `add` raise.
        """
        return self._commit(lambda root: self._editor.replace(root, path, message), author, note)

    def remove(self, path: PathLike, *, author: str | None = None, note: str = "") -> Commit:
        """Remove a child of a container, with all below it. `PathNotFound`; `InvalidPath` for a singular child."""
        return self._commit(lambda root: self._editor.remove(root, path), author, note)

    def clear(self, path: PathLike, *, author: str | None = None, note: str = "") -> Commit:
        """Make an optional singular child absent. `InvalidPath` for a child of a container."""
        return self._commit(lambda root: self._editor.clear(root, path), author, note)

    # History

    @property
    def head(self) -> Commit:
        """The newest commit of the branch."""
        return Commit(self._branch.head())

    def resolve(self, name: Name) -> Commit:
        """Return the commit that a name stands for.

        A name is a branch, a tag, an id or a unique prefix of it of 8 digits or more, ``412-9f3ac01b``, one of these
        with ``~3`` (three commits back), a Commit, or an aware datetime: the newest commit not after it. Raises
        `NameNotFound`, `AmbiguousName`, `WrongType`.
        """
        return Commit(resolve(self._store.reader, self._store.state, self._branch.name, name))

    def log(
        self, name: Name | None = None, *, path: PathLike | None = None, limit: int | None = None
    ) -> Iterator[Commit]:
        """Yield commits, newest first, from ``name`` (the head) back, at most ``limit``.

        With ``path``, those that changed something at or below it, by comparison with their first parent. Reads on only
        as the caller does. Raises `NameNotFound`, `AmbiguousName`, `PathNotFound` (a field that is no child).
        """
        start = self._branch.head() if name is None else self.resolve(name).stored
        address = None if path is None else find_address(self._schema.root, path)
        commits = iter_ancestors(self._store.reader, [start])
        chosen = commits if address is None else (commit for commit in commits if self._touches(commit, address))
        check_limit(limit)
        return map(Commit, islice(chosen, limit))

    def diff(self, a: Name, b: Name | None = None, *, path: PathLike = "/") -> Diff:
        """Return what leads from the tree of ``a`` to that of ``b`` (the head), at and below ``path``."""
        address = find_address(self._schema.root, path)
        return Diff(self._view(a), self._view(b), address)

    def tag(self, name: str, at: Name | None = None, *, move: bool = False) -> Commit:
        """Name a commit (the head) for good. The same name for the same commit again is fine.

        Raises `AlreadyExists` where the name stands for another commit (unless ``move``) or for a branch, and
        `InvalidName`.
        """
        check_name(name)
        commit = self.head if at is None else self.resolve(at)
        pointer = commit.stored.pointer

        def change(state: State) -> Mapping[str, Pointer] | None:
            known = state.tags.get(name)
            if known == pointer:
                return None
            if name in state.branches or (known is not None and not move):
                raise AlreadyExists("this name is taken", name=name)
            return {**state.tags, name: pointer}

        self._branch.move_names(TAGS, change)
        return commit

    def delete_tag(self, *names: str) -> None:
        """Take names off their commits, all or none. `NameNotFound`."""

        def change(state: State) -> Mapping[str, Pointer] | None:
            for name in names:
                if name not in state.tags:
                    raise NameNotFound("there is no such tag", name=name)
            return {name: pointer for name, pointer in state.tags.items() if name not in names} if names else None

        self._branch.move_names(TAGS, change)

    @property
    def tags(self) -> Mapping[str, Commit]:
        """The tags and their commits, by name, as they are now."""
        state = self._store.state
        reader = self._store.reader
        return MappingProxyType({name: Commit(reader.commit(state.tags[name])) for name in sorted(state.tags)})

    # The store

    def verify(self) -> VerifyReport:
        """Read and check every object that the store's branches and tags lead to. Reports; never raises for damage."""
        try:
            state = self._store.state
        except Corruption as error:  # of the root record itself: nothing can be reached
            return VerifyReport((str(error),), 0, sum(1 for _ in self._store.backend.list_keys()))
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

    def _commit(self, edit: Any, author: str | None, note: str) -> Commit:
        author = self._author if author is None else author
        _check_texts(author, note)
        return Commit(self._branch.commit(edit, author, note))

    def _view(self, at: Name | None = None) -> View:
        commit = self._branch.head() if at is None else self.resolve(at).stored
        seen = self._seen
        if seen is not None and seen[0] is commit:
            return seen[1]
        view = View(self._store.reader, self._schema.root, commit.record.root)
        self._seen = (commit, view)
        return view

    def _touches(self, commit: StoredCommit, address: Any) -> bool:
        reader = self._store.reader
        parents = commit.record.parents
        before = find_node(reader, reader.commit(parents[0]).record.root, address.steps) if parents else None
        after = find_node(reader, commit.record.root, address.steps)
        if before is None or after is None:
            return before is not after
        if address.container is not None:
            number = address.container.number
            return not same_slot(before.slots.get(number), after.slots.get(number))
        return before.own != after.own or any(
            not same_slot(before.slots.get(number), after.slots.get(number))
            for number in before.slots.keys() | after.slots.keys()
        )
