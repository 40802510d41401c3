"""The root record as it was read, with its tables decoded."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from treering.errors import Corruption
from treering.objects.pointer import Pointer
from treering.objects.root import BRANCHES, TAGS, RootRecord, Section, decode_names, decode_root
from treering.store.reader import Reader


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

    def moved(self, sections: Mapping[int, Section], *, next_session: int | None = None) -> State:
        """Return the state after a move of the root that replaces these sections."""
        record = replace(
            self.record,
            version=self.record.version + 1,
            next_session=next_session or self.record.next_session,
            sections={**self.record.sections, **sections},
        )
        return State(record.encode(), record, self.reader, self.url)

    def _names(self, tag: int) -> dict[str, Pointer]:
        section = self.record.sections.get(tag, b"\x00")
        data = self.reader.table(section) if type(section) is Pointer else section
        try:
            return decode_names(data)  # type: ignore[arg-type]
        except (struct.error, IndexError, ValueError) as error:
            message = "a table of the root record does not parse"
            raise Corruption(message, problem=str(error), store=self.url) from error
