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

_EMPTY = b"\x00"  # a table without entries: it has no section


class State:
    """What the root said at one moment. ``data``: its bytes, which the next compare-and-set compares with.

    Immutable but for what it finds out when it is first asked: the record, its tables, where pointers stand. These are
    handed on to the states that have the same. ``ids``: the commits known so far, which are those of this history and
    never of one that a rolled back store left behind.
    """

    __slots__ = ("_places", "_record", "_tables", "data", "ids", "reader", "session_floor", "url")

    def __init__(
        self,
        data: bytes,
        record: RootRecord | None,
        reader: Reader,
        url: str,
        tables: dict[int, object] | None = None,
        ids: CommitIndex | None = None,
        places: dict[str, int] | None = None,
    ) -> None:
        self.data = data
        self.ids = ids or reader.ids
        self.reader = reader
        self.url = url
        self._record = record
        self._tables: dict[int, object] = {} if tables is None else tables
        self._places: dict[str, int] = {} if places is None else places  # where in the data branches' pointers stand
        self.session_floor = 0 if record is None else record.session_floor  # sessions below publish nothing any more

    @classmethod
    def read(cls, data: bytes, reader: Reader, url: str, ids: CommitIndex | None = None) -> State:
        """Decode a root record. ``ids``: those of an earlier state, where there was one."""
        return cls(data, decode_root(data, url), reader, url, ids=ids)

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
        return self._tables.get(BRANCHES) or self._table(BRANCHES, decode_names)  # type: ignore[return-value]

    @property
    def tags(self) -> Mapping[str, Pointer]:
        """The commit of each tag."""
        return self._table(TAGS, decode_names)

    @property
    def lineage(self) -> Lineage:
        """The ancestry of its commits, as prune left it."""
        return self._tables.get(GRAFTS) or self._table(GRAFTS, self._lineage)  # type: ignore[return-value]

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
        tables = {tag: table for tag, table in self._tables.copy().items() if tag not in sections}
        if branches is not None:
            tables[BRANCHES] = branches
        return State(record.encode(), record, self.reader, self.url, tables, self.ids)

    def with_head(self, name: str, head: Pointer) -> State | None:
        """Return the state after a move of the root that a commit makes; None where that takes `moved`.

        It does where the branch is new, and where branches have a table of their own.
        """
        at = self._places.get(name)
        if at is None:
            at = find_head(self.data, name)
            if at < 0:
                return None
            self._places[name] = at
        tables = self._tables.copy()
        tables[BRANCHES] = {**self.branches, name: head}
        # the places stay: nothing before or between the pointers changes its length
        moved = State(with_head(self.data, at, head), None, self.reader, self.url, tables, self.ids, self._places)
        moved.session_floor = self.session_floor
        return moved

    def with_reader(self, reader: Reader) -> State:
        """Return the same record with nothing decoded, to be read anew through another reader."""
        return State(self.data, self.record, reader, self.url)

    def _lineage(self, data: bytes) -> Lineage:
        return Lineage(self.reader, decode_grafts(data))

    def _table(self, tag: int, decode: Callable[[bytes], T]) -> T:
        known = self._tables.get(tag)
        if known is not None:
            return known  # type: ignore[return-value]
        section = self.record.sections.get(tag, _EMPTY)
        data = self.reader.table(section) if type(section) is Pointer else section
        try:
            table = decode(data)  # type: ignore[arg-type]
        except (struct.error, IndexError, ValueError) as error:
            message = "a table of the root record does not parse"
            raise Corruption(message, problem=str(error), store=self.url) from error
        self._tables[tag] = table
        return table
