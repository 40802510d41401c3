"""The root record as it was read, with its tables decoded."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from treering.errors import Corruption
from treering.objects.pointer import Pointer
from treering.objects.root import BRANCHES, DEAD_LISTS, GRAFTS, TAGS, RootRecord, Section, decode_names, decode_root
from treering.store.dead import DeadList, decode_dead_lists
from treering.store.lineage import Lineage, decode_grafts
from treering.store.reader import Reader

T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """What the root said at one moment. ``data``: its bytes, which the next compare-and-set compares with."""

    data: bytes
    record: RootRecord
    reader: Reader
    url: str

    @classmethod
    def read(cls, data: bytes, reader: Reader, url: str) -> State:
        """Decode a root record."""
        return cls(data, decode_root(data, url), reader, url)

    @cached_property
    def branches(self) -> Mapping[str, Pointer]:
        """The head of each branch."""
        return self._names(BRANCHES)

    @cached_property
    def tags(self) -> Mapping[str, Pointer]:
        """The commit of each tag."""
        return self._names(TAGS)

    @cached_property
    def lineage(self) -> Lineage:
        """The ancestry of its commits, as prune left it."""
        return Lineage(self.reader, self._table(GRAFTS, decode_grafts, {}))

    @cached_property
    def dead(self) -> tuple[DeadList, ...]:
        """What pruning took out of history and may not have deleted yet."""
        return self._table(DEAD_LISTS, decode_dead_lists, ())

    @property
    def heads(self) -> set[Pointer]:
        """The commits that branches and tags name."""
        return {*self.branches.values(), *self.tags.values()}

    def moved(
        self,
        sections: Mapping[int, Section],
        *,
        next_session: int | None = None,
        session_floor: int | None = None,
    ) -> State:
        """Return the state after a move of the root that replaces these sections."""
        record = replace(
            self.record,
            version=self.record.version + 1,
            next_session=next_session or self.record.next_session,
            session_floor=session_floor or self.record.session_floor,
            sections={
                tag: section for tag, section in {**self.record.sections, **sections}.items() if section != b"\x00"
            },
        )
        return State(record.encode(), record, self.reader, self.url)

    def _names(self, tag: int) -> dict[str, Pointer]:
        return self._table(tag, decode_names, {})

    def _table(self, tag: int, decode: Callable[[bytes], T], default: T) -> T:
        section = self.record.sections.get(tag)
        if section is None:
            return default
        data = self.reader.table(section) if type(section) is Pointer else section
        try:
            return decode(data)  # type: ignore[arg-type]
        except (struct.error, IndexError, ValueError) as error:
            message = "a table of the root record does not parse"
            raise Corruption(message, problem=str(error), store=self.url) from error
