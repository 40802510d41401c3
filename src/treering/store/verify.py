"""Read and check every object that the root leads to, and count those that nothing leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TypeVar

from treering.backend.base import Backend
from treering.errors import Corruption, Error
from treering.merkle.chunking import key_number, thresholds
from treering.objects.node import EMBED_BYTES, Container, Node, Slot
from treering.objects.page import Inner, Leaf, Page, Value
from treering.objects.pointer import LOCATION_BYTES, Embedded, Pointer, session_of
from treering.store.lineage import Lineage
from treering.store.reader import Reader, StoredCommit
from treering.store.state import State

T = TypeVar("T")
_BATCH = 256
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What ``verify`` found.

    ``problems``: one line each, empty in a sound store. ``objects``: how many objects the root leads to, all of them
    read and checked. ``unreachable``: how many more the store holds (a crash may leave some; they do no harm).
    """

    problems: tuple[str, ...]
    objects: int
    unreachable: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(backend: Backend, state: State) -> VerifyReport:
    """Check everything from this state on. Reads each object once, past the caches; changes nothing."""
    return mark(backend, state).report(backend)


def report_damaged_root(backend: Backend, error: Corruption) -> VerifyReport:
    """Return the report on a store whose root record cannot be read: nothing can be reached from it."""
    return VerifyReport((str(error),), 0, sum(1 for _ in backend.list_keys()))


def mark(backend: Backend, state: State) -> Mark:
    """Check everything from this state on, and return what was reached.

    Where something is missing and the root has moved, it is all looked at again from the new root: another process may
    have pruned what was being read.
    """
    attempt = 1
    while True:
        checked = Mark(Reader(backend, 0), state)
        checked.root()
        now = backend.read_root() if checked.problems else None
        if now is None or now == state.data or attempt == _ATTEMPTS:
            return checked
        attempt += 1
        state = State.read(now, state.reader, state.url)


@dataclass
class _Task:
    """Pages of one level that stand side by side: what their parent says of them."""

    pointers: Sequence[Pointer]
    level: int | None  # None: a container's root, of any level
    keys: Sequence[bytes | None]  # last key each
    counts: Sequence[int]
    where: str
    is_end: bool  # whether the last of them ends the container


@dataclass
class Mark:
    """One pass over all that a root leads to: ``seen`` are the locations reached, ``problems`` what is wrong."""

    reader: Reader
    state: State
    seen: set[bytes] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def report(self, backend: Backend) -> VerifyReport:
        """Return what was found, with the objects that the store holds beyond that."""
        unreachable = sum(1 for key in backend.list_keys() if key[:LOCATION_BYTES] not in self.seen)
        return VerifyReport(tuple(self.problems), len(self.seen), unreachable)

    def root(self) -> None:
        """Check all that the root's branches and tags lead to, and the tables that it names."""
        for section in self.state.record.sections.values():
            if type(section) is Pointer:
                self._is_new(section)
        fresh = self.state.with_reader(self.reader)  # a state keeps the tables that it has read
        for entry in self._try(lambda: fresh.dead, "the dead lists") or ():
            if type(entry) is Pointer:  # read, but not reached: it is itself about to be deleted
                self._try(partial(self.reader.table, entry), "a dead list")
        lineage = self._try(lambda: fresh.lineage, "the grafts") or Lineage(self.reader, {})
        heads: list[tuple[str, Pointer]] = []
        for names, where in ((lambda: fresh.branches, "the branches"), (lambda: fresh.tags, "the tags")):
            heads += (self._try(names, where) or {}).items()
        pending = [(pointer, f"{name!r}") for name, pointer in heads]
        while pending:
            pointer, where = pending.pop()
            if self._is_new(pointer):
                commit = self._try(partial(self.reader.commit, pointer), f"commit of {where}")
                if commit is not None:
                    self._commit(commit)
                    name = f"{commit.record.seq}-{pointer.hash.hex()[:8]}"
                    pending += [(parent, f"a parent of {name}") for parent in lineage.parents(commit)]

    def _commit(self, commit: StoredCommit) -> None:
        name = f"{commit.record.seq}-{commit.pointer.hash.hex()[:8]}"
        schema = commit.record.schema
        if self._is_new(schema):
            self._try(partial(self.reader.schema, schema), f"schema of {name}")
        tasks = list(self._node(commit.record.root, name))
        while tasks:
            tasks += self._pages(tasks.pop())

    def _node(self, node: Node, where: str) -> Iterator[_Task]:
        for number, slot in node.slots.items():
            yield from self._slot(slot, f"{where} field {number}")

    def _slot(self, slot: Slot, where: str) -> Iterator[_Task]:
        if type(slot) is not Container:
            yield from self._values([slot], where)  # type: ignore[list-item]
        elif type(slot.root) is Pointer:
            yield _Task([slot.root], None, [None], [slot.count], where, is_end=True)
        else:
            task = _Task([], None, [None], [slot.count], where, is_end=True)
            yield from self._page(slot.root, task, 0)  # type: ignore[arg-type]

    def _values(self, values: Iterable[Value], where: str) -> Iterator[_Task]:
        stored = []
        for value in values:
            if type(value) is Pointer:
                if self._is_new(value):
                    stored.append(value)
            elif type(value) is Embedded or (type(value) is bytes and value[0]):
                if len(value.content if type(value) is Embedded else value) > EMBED_BYTES:
                    self._problem(where, "a child too large to be embedded")
                yield from self._node(self.reader.node(value), where)
        for node in self._load(stored, self.reader.nodes, where):
            if node is None:
                continue
            if len(node.encode()[0]) <= EMBED_BYTES:
                self._problem(where, "a child small enough to be embedded stands by itself")
            yield from self._node(node, where)

    def _pages(self, task: _Task) -> Iterator[_Task]:
        fresh = [index for index, pointer in enumerate(task.pointers) if self._is_new(pointer)]
        pages = self._load([task.pointers[index] for index in fresh], self.reader.pages, task.where)
        for index, page in zip(fresh, pages, strict=True):
            if page is not None:
                yield from self._page(page, task, index)

    def _page(self, page: Page, task: _Task, index: int) -> Iterator[_Task]:
        keys, where = page.keys, task.where
        if not keys or any(one >= other for one, other in pairwise(keys)):
            self._problem(where, "a page's keys are not in order")
        if task.keys[index] not in (None, keys[-1]) or page.count != task.counts[index]:
            self._problem(where, "a page is not what its parent says")
        if task.level not in (None, page.level):
            self._problem(where, "a page of another level")
        if _packed_anew(page).encode() != page.encode():
            self._problem(where, "a page is not packed as the format says")
        self._cuts(page, where, is_end=task.is_end and index == len(task.keys) - 1)
        if type(page) is Leaf:
            yield from self._values(page.values, where)
        elif type(page) is Inner:
            pointers = [page.pointer(child) for child in range(len(keys))]
            is_end = task.is_end and index == len(task.keys) - 1
            yield _Task(pointers, page.level - 1, keys, page.counts, where, is_end)

    def _cuts(self, page: Page, where: str, *, is_end: bool) -> None:
        table = thresholds(page.level)
        for distance, key in enumerate(page.keys, 1):
            is_last = distance == len(page.keys)
            cut = distance >= len(table) or key_number(key, page.level) < table[distance]
            if cut != is_last and not (is_last and is_end):
                self._problem(where, "a page is not cut where its keys say")
                return

    def _load(
        self, pointers: Sequence[Pointer], load: Callable[[Sequence[Pointer]], list[T]], where: str
    ) -> list[T | None]:
        found: list[T | None] = []
        for at in range(0, len(pointers), _BATCH):
            batch = pointers[at : at + _BATCH]
            try:
                found += load(batch)
            except Error:  # find out which it is, and go on with the others
                found += [self._try(partial(_first_of, load, pointer), where) for pointer in batch]
        return found

    def _is_new(self, pointer: Pointer) -> bool:
        if pointer.location in self.seen:
            return False
        self.seen.add(pointer.location)
        if session_of(pointer.location) >= self.state.record.next_session:
            self._problem(pointer.location.hex(), "written by a session that was never given out")
        return True

    def _try(self, load: Callable[[], T], where: str) -> T | None:
        try:
            return load()
        except Error as error:
            self._problem(where, str(error))
            return None

    def _problem(self, where: str, problem: str) -> None:
        self.problems.append(f"{where}: {problem}")


def _packed_anew(page: Page) -> Page:
    """Return a page of the same parts that knows no bytes of theirs: a number can be written in several widths."""
    if type(page) is Leaf:
        return Leaf(page.keys, page.values, page.ordinals)
    assert type(page) is Inner
    return Inner(page.level, page.keys, page.counts, page.hashes, page.locations)


def _first_of(load: Callable[[Sequence[Pointer]], list[T]], pointer: Pointer) -> T:
    return load([pointer])[0]
