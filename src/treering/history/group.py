"""Group commit: whoever comes while another thread publishes has its commit published with the next ones, at once.

One root move, and one wait for the disk, for all that wait; still one commit each, in the order in which they came. (In
database systems since D. DeWitt et al., "Implementation techniques for main memory database systems", 1984.)
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from typing import Protocol

from treering.errors import DanglingReference, Error, NameNotFound, OutcomeUnknown, Unavailable
from treering.merkle.seal import Writer
from treering.objects.node import Node
from treering.store.batch import Batch
from treering.store.reader import StoredCommit
from treering.store.state import State
from treering.store.store import Store
from treering.tree.seal import seal_node

Edit = Callable[[Node], Node]
Write = Callable[[Node, Writer], Node]

_PAUSE_SECONDS = 0.00005
_LONGEST_LINGER_SECONDS = 0.02  # after a turn that took long, a lone commit is not to wait for those of before
_ENOUGH_BYTES = 1 << 20  # a publication that is as large as this waits for no more commits


class Request:
    """A commit that somebody waits for, until ``commit`` or ``error`` is there.

    ``judged``: the head and the tree that were shown to validators; on another head they have to look again. ``sent``:
    the commit that was made of it, while its outcome is not known. A request that has neither commit nor error after
    its turn was overtaken, and may be made again.
    """

    __slots__ = (
        "author",
        "commit",
        "edit",
        "error",
        "judged",
        "leads",
        "note",
        "published",
        "sent",
        "served",
        "woken",
        "write",
    )

    def __init__(
        self, edit: Edit, author: str, note: str, published: Callable[[], None] | None, write: Write | None
    ) -> None:
        self.edit = edit
        self.write = write
        self.author = author
        self.note = note
        self.published = published
        self.judged: tuple[StoredCommit, Node] | None = None
        self.sent: StoredCommit | None = None
        self.commit: StoredCommit | None = None
        self.error: Exception | None = None
        # Set at each turn:
        self.served: bool
        self.leads: bool  # whether it is this one's thread that is to serve those who wait
        self.woken: threading.Lock | None  # held until it was served, or is to lead


class Line(Protocol):
    """The branch that commits are put on."""

    name: str
    store: Store
    newest: tuple[State | None, StoredCommit | None]  # a state, and the newest commit by it

    def head(self, state: State) -> StoredCommit:
        """Return the newest commit by this state."""
        ...

    def put_commit(
        self, batch: Batch, state: State, head: StoredCommit, root: Node, author: str, note: str
    ) -> StoredCommit:
        """Add a commit on top of ``head`` to the batch."""
        ...


class Group:
    """The requests that wait for one branch in this process. Threads share it.

    One thread at a time leads: it serves all that wait, wakes them, and makes the first of those that came meanwhile
    the next leader.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._store = line.store
        # Of what follows; held for a few steps only, in which nothing is made that the collector knows: it may run a
        # finalizer that commits, and that would wait here for ever.
        self._lock = threading.Lock()
        self._waiting: list[Request] = []
        self._leader = 0  # the thread's ident
        self._is_alone = False  # whether a thread commits that is no leader, in `serve_alone`
        self._size = 1  # how many were served together last
        self._seconds = 0.0  # and how long that took

    def serve_alone(
        self, edit: Edit, write: Write | None, author: str, note: str, published: Callable[[], None] | None = None
    ) -> StoredCommit | None:
        """Commit where no other thread commits: `serve` without what it takes to wait, a tenth of the time of a commit.

        None, with nothing changed, where somebody does, and where a first try does not say what the outcome is.
        """
        line, store = self._line, self._store
        store.check_open()  # in a child of a fork, the lock may be held by a thread that is not there
        # Looked at without a lock: who comes at the same moment waits for the store's, and then commits alone, too.
        if self._leader or self._is_alone or self._size > 1:  # those who came together last are waited for
            return None
        courtesy, began = store.courtesy, 0.0
        if courtesy is not None and not store.is_held():  # by this thread, of which a finalizer may commit
            courtesy.give_way()
        with store.lock:
            try:
                self._is_alone = True  # whoever comes from now on joins a group, whose leader waits for the lock
                if courtesy is not None:
                    began = time.monotonic()
                state, is_fresh = store.known_state()
                batch = store.find_batch(state)
                if batch is None:  # one takes a session first, and only for what is to be published
                    return None
                try:
                    known, newest = line.newest
                    head = newest if known is state and newest is not None else line.head(state)
                    base = head.record.root
                    root = write(base, batch) if write is not None else edit(base)
                    if root is base:
                        return head if is_fresh else None
                    if write is None:
                        root = seal_node(root, batch.put)
                    commit = line.put_commit(batch, state, head, root, author, note)
                except Unavailable:
                    raise
                except (DanglingReference, NameNotFound):
                    return None  # pruned, or made elsewhere, since the root was looked at: or not, as `serve` will find
                except Exception:
                    if is_fresh:
                        raise
                    return None
                moved = store.publish_commit(batch, state, line.name, commit)
                if moved is not None:
                    line.newest = moved, commit
                    if published is not None:
                        published()
                if courtesy is not None:  # last: an interrupt here finds everything done
                    courtesy.tried(began, has_moved=moved is not None, has_looked=is_fresh)
                return commit if moved is not None else None
            finally:
                self._is_alone = False

    def serve(self, request: Request) -> None:
        """Return when the request has had its turn. Raises its error."""
        self._store.check_open()  # in a child of a fork, whoever leads may be a thread that is not there
        request.served = request.leads = is_inside = False
        request.woken = None
        woken = threading.Lock()
        woken.acquire()
        me, holds = threading.get_ident(), self._store.is_held()
        try:
            with self._lock:
                # A finalizer that commits in the middle of this thread's own turn: whoever leads waits for that to end.
                is_inside = holds or self._leader == me
                if is_inside or not self._leader:
                    request.leads = True
                    if not is_inside:
                        self._leader = me
                else:
                    request.woken = woken
                self._waiting.append(request)
            if request.woken is not None:
                request.woken.acquire()  # until it was served, or is to lead
            if request.leads:
                if not is_inside:
                    self._leader = me
                    if self._size > 1:
                        self._linger()
                    if self._store.courtesy is not None:
                        self._store.courtesy.give_way()  # those who come meanwhile are served with this one
                self._take_turn(request)
        finally:
            if request.leads or not request.served:
                try:
                    self._leave(request, is_inside=is_inside)
                except BaseException:  # an interrupt: nobody is to wait for ever
                    self._leave(request, is_inside=is_inside)
                    raise
        if request.error is not None:
            raise request.error

    def _leave(self, request: Request, *, is_inside: bool) -> None:
        """Let go of what an interrupt left undone, and make the first of those who wait the leader."""
        with self._lock:
            if request in self._waiting:  # what was not begun is not to be done any more
                self._waiting.remove(request)
            if not request.leads or is_inside:
                return
            following = self._waiting[0] if self._waiting else None
            if following is None:
                self._leader = 0
                request.leads = False
                return
            woken = following.woken
            assert woken is not None
            # An interrupt comes after a call, so it finds all of this done, or nothing.
            self._leader = -1  # nobody else comes in between
            following.leads = True
            request.leads = False
            woken.release()

    def _linger(self) -> None:
        """Give those who were served together last the time to come again: half of what a turn takes, at most."""
        until = time.monotonic() + min(self._seconds / 2, _LONGEST_LINGER_SECONDS)
        while len(self._waiting) < self._size and time.monotonic() < until:
            time.sleep(_PAUSE_SECONDS)

    def _take_turn(self, own: Request) -> None:
        """Serve all that wait, and wake them. ``own``: the request of this thread."""
        requests: list[Request] = []
        try:
            with self._store.lock:
                following: list[Request] = []
                with self._lock:
                    requests, self._waiting = self._waiting, following
                began = time.monotonic() if len(requests) > 1 else 0.0
                rest, is_fresh = self._publish(requests, is_fresh=False)
                while rest:
                    rest, is_fresh = self._publish(rest, is_fresh=is_fresh)
                self._size = len(requests)
                if self._size > 1:
                    self._seconds = time.monotonic() - began
        except Exception as error:  # noqa: BLE001 - handed to all that have no outcome yet; some may have one
            for request in requests:
                if request.commit is None and request.error is None:
                    request.error = error if request is own else _copy(error)
        except BaseException as error:  # this thread is to end: what it had not sent, the others do themselves
            for request in requests:
                if request.sent is not None and request.commit is None and request.error is None:
                    problem = "another thread, which was publishing for this one, was interrupted"
                    request.error = OutcomeUnknown(problem, commit=request.sent.pointer.hash.hex())
                    request.error.__cause__ = error
            raise
        finally:
            try:
                _wake(requests)
            except BaseException:  # an interrupt: nobody is to wait for ever
                _wake(requests)
                raise

    def _publish(self, requests: list[Request], *, is_fresh: bool) -> tuple[list[Request], bool]:
        """Publish the commits that are asked for, one on top of the other.

        Returns those that are to come next, and whether they need a root that is read anew. Only a head that is
        published, and was read just now, says that a request fails or needs no commit: what does on one that this
        process only remembers (without ``is_fresh``), or that it has just made, is tried once more.
        """
        line, store = self._line, self._store
        courtesy = store.courtesy
        began = 0.0 if courtesy is None else time.monotonic()
        state, is_fresh = (store.fresh_state(), True) if is_fresh else store.known_state()
        try:
            first = head = line.head(state)
        except (DanglingReference, NameNotFound) as error:  # pruned, or made elsewhere, since the root was looked at
            if is_fresh and (isinstance(error, NameNotFound) or store.fresh_state().data == state.data):
                raise
            return requests, True
        batch = store.find_batch(state)  # None: one takes a session first, and only for what is to be published
        made: list[tuple[Request, StoredCommit]] = []
        again: list[Request] = []
        rest: list[Request] = []
        size = 0
        for index, request in enumerate(requests):
            writes = batch is not None and request.judged is None and request.write is not None
            before = 0 if batch is None else len(batch.entries)
            try:
                base = head.record.root
                if request.judged is None:
                    root = request.write(base, batch) if writes else request.edit(base)  # type: ignore[misc, arg-type]
                elif request.judged[0] is head:
                    root = request.judged[1]
                else:
                    continue
                if root is not base:
                    if batch is None:
                        batch = store.begin(state)
                        state = batch.base
                    if not writes:
                        root = seal_node(root, batch.put)
                    head = line.put_commit(batch, state, head, root, request.author, request.note)
                    made.append((request, head))
                elif is_fresh and head is first:
                    request.commit = head
                else:
                    again.append(request)
            except Unavailable:
                raise  # it is so for all of them: they need not find out one after the other
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for this commit
                if batch is not None:
                    del batch.entries[before:]
                if isinstance(error, DanglingReference) and head is not first:
                    rest = requests[index:]  # what is not published yet was dropped from the cache
                    break
                if not is_fresh or head is not first:
                    again.append(request)
                elif not isinstance(error, DanglingReference) or store.fresh_state().data == state.data:
                    request.error = error  # else the head was pruned, as a newer one took its place
            if batch is not None and index + 1 < len(requests):
                size += sum([len(data) for _, data in batch.entries[before:]])
                if size > _ENOUGH_BYTES:
                    rest = requests[index + 1 :]
                    break
        if batch is not None and made:
            has_moved = self._send(batch, state, made)
            if courtesy is not None:
                courtesy.tried(began, has_moved=has_moved, has_looked=is_fresh)
            if not has_moved:
                overtaken = [] if is_fresh else [request for request, _ in made]
                return overtaken + again + rest, True
        return again + rest, bool(again)

    def _send(self, batch: Batch, state: State, made: list[tuple[Request, StoredCommit]]) -> bool:
        """Publish a batch, and say what came of its commits; False where the root had moved."""
        for request, commit in made:
            request.sent = commit
        head = made[-1][1]
        error: Error | None = None
        moved: State | None = None
        try:
            moved = self._store.publish_commit(batch, state, self._line.name, head)
        except OutcomeUnknown as unknown:
            for request, commit in made:
                request.error = unknown if commit is head else _copy(unknown, commit)
            return True
        except Unavailable:
            raise
        except Error as refused:
            error = refused
        if moved is not None:
            self._line.newest = moved, head
            for request, commit in made:
                request.commit = commit
                if request.published is not None:
                    request.published()
            return True
        for request, _ in made:
            request.sent = None
        if error is None:
            return False
        if len(made) == 1:
            made[0][0].error = error
        else:
            for request, _ in made:  # one of them may be to blame: each by itself
                self._publish([request], is_fresh=True)
        return True


def _wake(requests: list[Request]) -> None:
    """Tell those who wait that they were served."""
    for request in requests:
        if not request.served:
            request.served = True
            if request.woken is not None and not request.leads:
                request.woken.release()


def _copy(error: Exception, commit: StoredCommit | None = None) -> Exception:
    """Return an error for another thread: one exception raised in two would mix up their tracebacks.

    ``commit``: what it is to name instead.
    """
    if isinstance(error, Error) and commit is not None:
        copied: Exception = type(error)(error.message, **{**error.facts, "commit": commit.pointer.hash.hex()})
    else:
        copied = copy.copy(error)
    copied.__cause__ = error
    return copied
