"""Group commit: whoever comes while another thread publishes has its commit published with the next ones, at once.

One root move, and one wait for the disk, for all that wait; still one commit each, in the order in which they came. (In
database systems since D. DeWitt et al., "Implementation techniques for main memory database systems", 1984.)
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from treering.errors import DanglingReference, Error, OutcomeUnknown, Unavailable
from treering.objects.node import Node
from treering.objects.root import BRANCHES
from treering.store.batch import Batch
from treering.store.publication import commit_sign
from treering.store.reader import StoredCommit
from treering.store.state import State
from treering.store.store import Store

Edit = Callable[[Node], Node]

_ENOUGH_BYTES = 1 << 20  # a publication that is as large as this waits for no more commits


class Request:
    """A commit that somebody waits for, until ``commit`` or ``error`` is there.

    ``judged``: the head and the tree that were shown to validators; on another head they have to look again. A request
    that has neither commit nor error after its turn was overtaken, and may be made again.
    """

    __slots__ = ("author", "commit", "edit", "error", "judged", "note", "published", "served")

    def __init__(self, edit: Edit, author: str, note: str, published: Callable[[], None] | None) -> None:
        self.edit = edit
        self.author = author
        self.note = note
        self.published = published
        self.judged: tuple[StoredCommit, Node] | None = None
        self.commit: StoredCommit | None = None
        self.error: Exception | None = None
        self.served = False


class Line(Protocol):
    """The branch that commits are put on."""

    name: str
    store: Store

    def head(self, state: State) -> StoredCommit:
        """Return the newest commit by this state."""
        ...

    def put_commit(
        self, batch: Batch, state: State, head: StoredCommit, root: Node, author: str, note: str
    ) -> StoredCommit:
        """Add a commit on top of ``head`` to the batch."""
        ...

    def moved_to(self, head: StoredCommit) -> None:
        """Note what the newest commit is now."""
        ...


class Group:
    """The requests that wait for one branch in this process. Threads share it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._store = line.store
        self._waiting: deque[Request] = deque()

    def serve(self, request: Request) -> None:
        """Return when the request has had its turn. Raises its error.

        The first thread to get the lock does the work of all that wait; the others find theirs done.
        """
        request.served = False
        self._waiting.append(request)
        try:
            with self._store.lock:
                if not request.served:
                    self._serve_waiting()
        except BaseException:
            with suppress(ValueError):  # an interrupt while it waited: nobody is to do it any more
                self._waiting.remove(request)
            raise
        if request.error is not None:
            raise request.error

    def _serve_waiting(self) -> None:
        requests: list[Request] = []
        try:
            while self._waiting:
                requests.append(self._waiting.popleft())
            rest: list[Request] = requests
            is_fresh = False
            while rest:
                rest, is_fresh = self._publish(rest, is_fresh=is_fresh)
        except BaseException as error:
            for request in requests:
                if request.commit is None and request.error is None:
                    request.error = _copy(error)
            raise
        finally:
            for request in requests:
                request.served = True

    def _publish(self, requests: list[Request], *, is_fresh: bool) -> tuple[list[Request], bool]:
        """Publish the commits that are asked for, one on top of the other.

        Returns those that are to come next, and whether they need a root that is read anew. Without ``is_fresh`` the
        state may be one that this process only remembers: what fails on it, or needs no commit, is tried on a new one.
        """
        line, store = self._line, self._store
        state, is_fresh = (store.fresh_state(), True) if is_fresh else store.known_state()
        try:
            first = head = line.head(state)
        except DanglingReference:  # pruned, since the root was looked at
            if is_fresh and store.fresh_state().data == state.data:
                raise
            return requests, True
        batch: Batch | None = None
        made: list[tuple[Request, StoredCommit]] = []
        again: list[Request] = []
        rest: list[Request] = []
        for index, request in enumerate(requests):
            try:
                if request.judged is None:
                    root = request.edit(head.record.root)
                elif request.judged[0] is head:
                    root = request.judged[1]
                else:
                    continue
                if root is not head.record.root:
                    if batch is None:
                        batch = store.begin(state)
                        state = batch.base
                    head = line.put_commit(batch, state, head, root, request.author, request.note)
                elif not is_fresh:
                    again.append(request)
                    continue
                made.append((request, head))
            except DanglingReference as error:
                if head is not first:  # what is not published yet was dropped from the cache
                    rest = requests[index:]
                    break
                if not is_fresh:
                    again.append(request)
                elif store.fresh_state().data == state.data:
                    request.error = error  # else the head was pruned, as a newer one took its place
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for this commit
                if is_fresh:
                    request.error = error
                else:
                    again.append(request)
            if batch is not None and batch.size_bytes > _ENOUGH_BYTES:
                rest = requests[index + 1 :]
                break
        if batch is not None and head is not first:
            try:
                if not self._move(batch, state, head):
                    return ([request for request, _ in made] if not is_fresh else []) + again + rest, True
            except Error as error:
                if len(made) > 1 and not isinstance(error, OutcomeUnknown | Unavailable):
                    for request, _ in made:  # one of them may be to blame: each by itself
                        self._publish([request], is_fresh=True)
                    return again + rest, True
                for request, _ in made:
                    request.error = _copy(error) if len(made) > 1 else error
                return ([] if isinstance(error, Unavailable) else again + rest), True
        for request, commit in made:
            request.commit = commit
            if request.published is not None and commit is not first:
                request.published()
        return again + rest, bool(again)

    def _move(self, batch: Batch, state: State, head: StoredCommit) -> bool:
        """Publish a batch that ends with ``head``; False where the root had moved."""
        line = self._line
        branches = {**state.branches, line.name: head.pointer}
        sections = {BRANCHES: batch.put_names(branches)}
        sign = commit_sign(line.name, head)
        moved = self._store.publish(batch, state, sections, branches=branches, shows=sign, commit=head.pointer)
        if moved is None:
            return False
        line.moved_to(head)
        return True


def _copy(error: BaseException) -> Exception:
    """Return an error for another thread: one exception raised in two would mix up their tracebacks."""
    if not isinstance(error, Exception):
        problem = "another thread, which was publishing for this one, was interrupted"
        unknown = OutcomeUnknown(problem)
        unknown.__cause__ = error
        return unknown
    copied = copy.copy(error)
    copied.__cause__ = error
    return copied
