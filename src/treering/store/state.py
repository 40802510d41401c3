"""The root record as it was read, with its tables decoded."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import TypeVar

from treering.errors import Corruption
from treering.objects.pointer import Pointer
from treering.objects.root import (
    BRANCHES,
    DEAD_LISTS,
    GRAFTS,
    TAGS,
    HeadPlace,
    RootRecord,
    Section,
    decode_names,
    decode_root,
    find_head,
    with_head,
)
from treering.store.dead import DeadList, decode_dead_lists
from treering.store.ids import CommitIndex
from treering.store.lineage import Lineage, decode_grafts
from treering.store.reader import Reader

T = TypeVar("T")

_new_object = object.__new__

_EMPTY = b"\x00"  # a table without entries: it has no section


class _Rest:
    """What a state says beside its branches: one for all states that commits lead to, from one to the next.

    ``tables``: those decoded so far. ``places``: where in the data the pointers of branches stand; a commit changes the
    length of nothing.
    """

    __slots__ = ("ids", "places", "reader", "session_floor", "tables", "url")

    def __init__(
        self, reader: Reader, url: str, ids: CommitIndex, session_floor: int, tables: dict[int, object]
    ) -> None:
        self.reader = reader
        self.url = url
        self.ids = ids
        self.session_floor = session_floor
        self.tables = tables
        self.places: dict[str, HeadPlace] = {}


class State:
    """What the root said at one moment. ``data``: its bytes, which the next compare-and-set compares with.

    Immutable but for what it finds out when it is first asked: the record, its tables, where pointers stand. These are
    handed on to the states that have the same.
    """

    __slots__ = ("_branches", "_record", "_rest", "data")

    def __init__(
        self,
        data: bytes,
        record: RootRecord,
        reader: Reader,
        url: str,
        tables: dict[int, object] | None = None,
        ids: CommitIndex | None = None,
        branches: Mapping[str, Pointer] | None = None,
    ) -> None:
        self.data = data
        self._record: RootRecord | None = record
        self._branches = branches
        self._rest = _Rest(reader, url, ids or reader.ids, record.session_floor, {} if tables is None else tables)

    @classmethod
    def read(cls, data: bytes, reader: Reader, url: str, ids: CommitIndex | None = None) -> State:
        """Decode a root record. ``ids``: those of an earlier state, where there was one."""
        return cls(data, decode_root(data, url), reader, url, ids=ids)

    @property
    def ids(self) -> CommitIndex:
        """The commits known so far: those of this history, and never of one that a rolled back store left behind."""
        return self._rest.ids

    @property
    def reader(self) -> Reader:
        """Where what it points to is read from."""
        return self._rest.reader

    @property
    def url(self) -> str:
        """The store's."""
        return self._rest.url

    @property
    def session_floor(self) -> int:
        """Sessions below this number publish nothing any more."""
        return self._rest.session_floor

    @property
    def record(self) -> RootRecord:
        """All that the root says, tables not decoded."""
        record = self._record
        if record is None:
            record = self._record = decode_root(self.data, self.url)
        return record

    @property
    def branches(self) -> Mapping[str, Pointer]:
        """The head of each branch."""
        known = self._branches
        if known is None:
            known = self._branches = self._decode(BRANCHES, decode_names)
        return known

    @property
    def tags(self) -> Mapping[str, Pointer]:
        """The commit of each tag."""
        return self._table(TAGS, decode_names)

    @property
    def lineage(self) -> Lineage:
        """The ancestry of its commits, as prune left it."""
        return self._rest.tables.get(GRAFTS) or self._table(GRAFTS, self._lineage)  # type: ignore[return-value]

    @property
    def dead(self) -> tuple[DeadList, ...]:
        """What pruning took out of history and may not have deleted yet."""
        return self._table(DEAD_LISTS, decode_dead_lists)

    @property
    def heads(self) -> set[Pointer]:
        """The commits that branches and tags name."""
        return {*self.branches.values(), *self.tags.values()}

    def moved(
        self,
        sections: Mapping[int, Section],
        *,
        next_session: int = 0,
        session_floor: int = 0,
        branches: Mapping[str, Pointer] | None = None,
    ) -> State:
        """Return the state after a move of the root that replaces these sections.

        ``branches``: what their new section says, where the caller has it at hand.
        """
        store_id, version, old_next, old_floor, old_sections = self.record
        merged = {**old_sections, **sections}
        if _EMPTY in sections.values():
            merged = {tag: section for tag, section in merged.items() if section != _EMPTY}
        record = RootRecord(store_id, version + 1, next_session or old_next, session_floor or old_floor, merged)
        # of a copy, made in one step: a reader may be decoding a table of this state just now
        tables = {tag: table for tag, table in self._rest.tables.copy().items() if tag not in sections}
        if branches is None and BRANCHES not in sections:
            branches = self._branches
        return State(record.encode(), record, self.reader, self.url, tables, self.ids, branches)

    def with_head(self, name: str, head: Pointer) -> State | None:
        """Return the state after a move of the root that a commit makes; None where that takes `moved`.

        It does where the branch is new, and where branches have a table of their own.
        """
        rest = self._rest
        place = rest.places.get(name)
        if place is None:
            place = find_head(self.data, name)
            if place is None:
                return None
            rest.places[name] = place
        moved: State = _new_object(State)  # __init__ is of no use here, and its call takes longer than all of this
        moved.data = with_head(self.data, place, head)
        moved._record = moved._branches = None
        moved._rest = rest
        return moved

    def with_reader(self, reader: Reader) -> State:
        """Return the same record with nothing decoded, to be read anew through another reader."""
        return State(self.data, self.record, reader, self.url)

    def _lineage(self, data: bytes) -> Lineage:
        return Lineage(self.reader, decode_grafts(data))

    def _table(self, tag: int, decode: Callable[[bytes], T]) -> T:
        known = self._rest.tables.get(tag)
        if known is None:
            known = self._rest.tables[tag] = self._decode(tag, decode)
        return known  # type: ignore[return-value]

    def _decode(self, tag: int, decode: Callable[[bytes], T]) -> T:
        section = self.record.sections.get(tag, _EMPTY)
        data = self.reader.table(section) if type(section) is Pointer else section
        try:
            return decode(data)  # type: ignore[arg-type]
        except (struct.error, IndexError, ValueError) as error:
            message = "a table of the root record does not parse"
            raise Corruption(message, problem=str(error), store=self.url) from error
