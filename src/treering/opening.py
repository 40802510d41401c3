"""From a store and a schema to a repository."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, get_args

from google.protobuf.message import Message

from treering.backend.base import Backend
from treering.backend.open import open_backend
from treering.errors import NameNotFound, NotAStore, WrongType
from treering.history.branch import Branch
from treering.history.name import check_name
from treering.repository import Repository
from treering.schema.schema import Schema
from treering.store.codec import find_codec
from treering.store.entropy import Entropy
from treering.store.freshness import Consistency
from treering.store.reader import DEFAULT_CACHE_BYTES
from treering.store.store import Store
from treering.tree.edit import Editor
from treering.workspace import Workspace, check_texts

StoreLike = str | MutableMapping[Any, Any] | Backend


def open(  # noqa: A001 - treering.open, as gzip.open and shelve.open
    store: StoreLike,
    schema: type[Message] | Schema | None = None,
    *,
    branch: str = "main",
    author: str = "",
    create: bool = True,
    deadline_seconds: float = 10,
    consistency: Consistency = "linearizable",
) -> Repository:
    """Open a store, making a new one where there is none.

    ``store``: a URL (``lmdb:./state``), any MutableMapping, or a Backend. ``schema``: the root message class, or a
    `Schema`, or None: what the store itself says. A new store gets commit 0, the default message; with ``create=False``
    it is refused with `NotAStore` instead. ``author`` is noted in every commit. ``deadline_seconds`` bounds every call.

    ``consistency="linearizable"``: every read asks the store for its newest commit, and sees whatever was acknowledged
    anywhere before it began. ``"session"``: reads come from what this handle knows, which a thread keeps fresh; they
    see its own commits at once, those of others a little later (at most ``deadline_seconds``), and never go back.

    Raises `SchemaMismatch` where the store holds another root type or a schema that cannot be read by this one,
    `NotAStore`, `FormatUnsupported`, `InvalidStoreURL`, `MissingDependency`, `Unavailable`. Reads a constant number of
    objects.
    """
    return open_with(
        store,
        schema,
        branch=branch,
        author=author,
        create=create,
        deadline_seconds=deadline_seconds,
        entropy=Entropy(),
        consistency=consistency,
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
    consistency: Consistency = "linearizable",
) -> Repository:
    """Open a store with a clock and dice of the caller's; for tests that need equal bytes at each run."""
    check_name(branch)
    check_texts(author)
    if consistency not in get_args(Consistency):
        raise WrongType("consistency is linearizable or session", given=consistency)
    given = None if schema is None else Schema.of(schema)
    backend, options = open_backend(store, deadline_seconds=deadline_seconds, create=create and given is not None)
    opened = Store(
        backend,
        codec=find_codec(options.compress) if options.compress else None,
        cache_bytes=DEFAULT_CACHE_BYTES if options.cache_bytes is None else options.cache_bytes,
        entropy=entropy,
        consistency=consistency,
        deadline_seconds=deadline_seconds,
    )
    try:
        if opened.find_state() is None:
            if given is None or not create:
                raise NotAStore("there is no treering store here", store=backend.url)  # noqa: TRY301 - closed below
            Branch(opened, given, branch, deadline_seconds).create(author)
        known, hidden = _schema_of(opened, branch, given)
        editor = Editor(opened.reader, known.root, hidden)
        return Repository(Workspace(opened, known, Branch(opened, known, branch, deadline_seconds), editor, author))
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
