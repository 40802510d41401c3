"""The line of commits that a branch names: its head, and how the next one is put on top of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping

from treering.errors import DanglingReference, NameNotFound, SchemaMismatch, Unavailable
from treering.history.group import Edit, Group, Request, Write
from treering.objects.commit import NO_EXTENSIONS, NONCE_BYTES, CommitRecord, make_record
from treering.objects.frame import COMMIT, SCHEMA
from treering.objects.node import Node
from treering.objects.pointer import NOWHERE, Pointer
from treering.objects.root import BRANCHES, Section
from treering.schema.schema import Schema
from treering.store.batch import Batch
from treering.store.publication import names_sign
from treering.store.reader import StoredCommit
from treering.store.state import State
from treering.store.store import Store

_LONGEST_PAUSE_SECONDS = 0.05  # between two attempts on a store in this process's memory


class Branch:
    """One branch of a store, for writers of one schema. Threads may share it."""

    def __init__(self, store: Store, schema: Schema, name: str, deadline_seconds: float) -> None:
        self.store = store
        self.name = name
        self._schema = schema
        self._deadline_seconds = deadline_seconds
        self.newest: tuple[State | None, StoredCommit | None] = (None, None)  # a state, and the head by it
        self._group = Group(self)
        self.commit_alone = self._group.serve_alone  # the way of nearly every commit: no call is too small to leave out
        self._named: Pointer | None = None  # the schema that the last commit names: mostly the next one's, too
        self._schemas: dict[bytes, bool] = {}  # hash of a stored schema: whether commits go on naming it

    def head(self, state: State | None = None) -> StoredCommit:
        """Return the newest commit. ``NameNotFound`` where the branch is not there."""
        now = state or self.store.state
        while True:
            at, known = self.newest
            if at is now and known is not None:
                return known
            pointer = now.branches.get(self.name)
            if pointer is None:
                message = "there is no such branch"
                raise NameNotFound(message, name=self.name)
            if known is None or known.pointer != pointer:
                try:
                    known = self.store.reader.commit(pointer)
                except DanglingReference:
                    if state is not None or self.store.state.data == now.data:
                        raise
                    now = self.store.state  # another process moved the head on, and pruned this one
                    continue
            self.newest = now, known
            return known

    def commit(
        self,
        edit: Edit,
        author: str,
        note: str,
        *,
        write: Write | None = None,
        validate: Callable[[StoredCommit, Node], None] | None = None,
        published: Callable[[], None] | None = None,
    ) -> StoredCommit:
        """Put one more commit on the branch: its tree is what ``edit`` makes of the head's.

        Where another writer was faster, ``edit`` runs again on the new head, until the deadline; then ``Unavailable``.
        ``write`` does the same as ``edit`` and writes what it makes as it goes, which is faster where nobody is to see
        the tree before. `commit_alone` is faster still, and comes first where nothing is to be validated.
        ``validate`` is called with the head and the new root at each attempt, and with no lock held; ``published`` once
        the commit is durable, in commit order and perhaps by another thread. Returns the head, and publishes nothing,
        where ``edit`` returns the tree it was given. What ``edit`` and ``validate`` raise goes through, with nothing
        published.
        """
        is_fresh = False
        request = Request(edit, author, note, published, write)
        if validate is None:
            self._group.serve(request)
            if request.commit is not None:
                return request.commit
        for _ in self.attempts():
            if validate is not None:
                request.judged = self._judge(edit, validate, is_fresh=is_fresh)
                is_fresh = True  # from now on: what was known before was no good
                if request.judged is None:
                    continue
            self._group.serve(request)
            if request.commit is not None:
                return request.commit
        raise AssertionError  # pragma: no cover - attempts never ends quietly

    def _judge(
        self, edit: Edit, validate: Callable[[StoredCommit, Node], None], *, is_fresh: bool
    ) -> tuple[StoredCommit, Node] | None:
        """Apply an edit to the head and show the result to ``validate``; None where to try again on a newer one.

        Without ``is_fresh``, the state may be one that this process only remembers: then an error, or that nothing is
        to be done, is no answer yet.
        """
        state, is_fresh = (self.store.fresh_state(), True) if is_fresh else self.store.known_state()
        try:
            head = self.head(state)
            root = edit(head.record.root)
            if root is head.record.root:
                return (head, root) if is_fresh else None
            validate(head, root)
        except DanglingReference:  # the head was pruned meanwhile, as a newer one took its place
            if is_fresh and self.store.fresh_state().data == state.data:
                raise
            return None
        except Exception:
            if is_fresh:
                raise
            return None
        return head, root

    def move_names(self, section: int, change: Callable[[State], Mapping[str, Pointer] | None]) -> State:
        """Replace the branches or the tags by what ``change`` makes of them; None: leave them. Retried."""
        self.store.check_open()  # in a child of a fork, the lock may be held by a thread that is not there
        for _ in self.attempts():
            with self.store.lock:
                state = self.store.state
                names = change(state)
                if names is None:
                    return state
                batch = self.store.begin(state)
                state = batch.base
                sign = names_sign(section, state, names)
                moved = self.store.publish(batch, state, {section: batch.put_names(names)}, shows=sign)
                if moved is not None:
                    return moved
        raise AssertionError  # pragma: no cover - attempts never ends quietly

    def create(self, author: str) -> None:
        """Make a new store, with commit 0, the default message; unless another process is faster."""
        for _ in self.attempts():
            state, batch = self.store.create()
            shape = self._schema.root
            root = Node(shape.own_bytes(shape.message_class()))
            schema = self._put_schema(batch)
            entropy = self.store.entropy
            now, nonce = entropy.now(), entropy.nonce(NONCE_BYTES)
            commit = _put_record(batch, CommitRecord(0, now, nonce, author, "", schema, (), 0, None, 0, 0, root))
            sections: dict[int, Section] = {BRANCHES: batch.put_names({self.name: commit.pointer})}
            if self.store.publish_first(batch, state, sections) is not None or self.store.find_state() is not None:
                return
        raise AssertionError  # pragma: no cover - attempts never ends quietly

    def attempts(self) -> Iterator[None]:
        """Yield for each attempt, with growing random pauses between, until the deadline; then ``Unavailable``."""
        deadline = time.monotonic() + self._deadline_seconds
        pause, courtesy = 0.0005, self.store.courtesy
        while True:
            yield
            if time.monotonic() > deadline:
                message = "other writers kept moving the root until the deadline; nothing was changed"
                raise Unavailable(message, store=self.store.backend.url, deadline_seconds=self._deadline_seconds)
            time.sleep(random.uniform(0, pause))  # noqa: S311 - to step out of each other's way, not a secret
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS if courtesy is None else courtesy.longest_pause())

    def put_commit(
        self, batch: Batch, state: State, head: StoredCommit, root: Node, author: str, note: str
    ) -> StoredCommit:
        """Add a commit on top of ``head`` to the batch. ``root``: its tree, of which everything below is written."""
        above = head.record
        schema = above.schema
        if schema is not self._named:
            schema = self._named = self._schema_for(batch, head)
        entropy = self.store.entropy
        now, before, nonce = entropy.now(), above.time, entropy.nonce(NONCE_BYTES)
        time = now if now > before else before  # noqa: FURB136 - a call of max takes ten times as long
        line = above.depth + 1, *state.lineage.jump_from(head)
        made = above.seq + 1, time, nonce, author, note, schema, (head.pointer,), *line, root, NO_EXTENSIONS
        return _put_record(batch, make_record(made))

    def _schema_for(self, batch: Batch, head: StoredCommit) -> Pointer:
        """Return the schema that the next commit names: the head's, or this writer's where it knows more."""
        stored = head.record.schema
        keep = self._schemas.get(stored.hash)
        if keep is None:
            data = self.store.reader.schema(stored)
            keep = data == self._schema.stored() or self._is_older(Schema.from_stored(data))
            self._schemas[stored.hash] = keep
        return stored if keep else self._put_schema(batch)

    def _is_older(self, stored: Schema) -> bool:
        """Tell whether this writer's schema knows less than the stored one."""
        if self._schema.covers(stored):
            return False
        if stored.covers(self._schema):
            return True
        raise SchemaMismatch(
            "this schema and the store's each know something that the other does not; write with one that knows both",
            schema=self._schema.root.name,
        )

    def _put_schema(self, batch: Batch) -> Pointer:
        data = self._schema.stored()
        pointer = batch.put(SCHEMA, data, b"", data)
        self._schemas[pointer.hash] = True
        return pointer


def _put_record(batch: Batch, record: CommitRecord) -> StoredCommit:
    node_content, node_tail = record.root.encode()
    content, tail = record.encode(node_content, node_tail)
    commit = StoredCommit(NOWHERE, record, node_content)
    commit.pointer = batch.put(COMMIT, content, tail, commit)  # kept by the reader from now on
    return commit
