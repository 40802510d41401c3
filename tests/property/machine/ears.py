"""Hooks that note what they are told, those of each store apart, and what they must have noted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tests.property.machine.telling import Told

from treering import HookKind
from treering.testing.model import Steps

Note = tuple[HookKind, Steps, int, Any]  # the node whose hook it is, which of its hooks, and the message
PRE = {"add": HookKind.PRE_ADD, "update": HookKind.PRE_UPDATE, "remove": HookKind.PRE_REMOVE}
POST = {"add": HookKind.POST_ADD, "update": HookKind.POST_UPDATE, "remove": HookKind.POST_REMOVE}


class Vetoed(Exception):
    """What a PRE hook raises: nothing of treering's."""


class Ear:
    """One function that is put on nodes of one store."""

    def __init__(self, ears: Ears, store: str, number: int) -> None:
        self._ears = ears
        self._store = store
        self._number = number

    def hear(self, message: Any, kind: HookKind, path: Steps) -> None:
        self._ears.hear(self._store, (kind, path, self._number, message))


class Ears:
    """All hooks. ``veto_at``: which call of a PRE hook, counted from 0 in the edit at hand, raises `Vetoed`."""

    def __init__(self, stores: Iterable[str]) -> None:
        self.veto_at: int | None = None
        self.listening: dict[tuple[HookKind, Steps], list[int]] = defaultdict(list)
        self.functions = {(store, number): Ear(self, store, number) for store in stores for number in (0, 1)}
        self.reads: dict[str, list[Note]] = defaultdict(list)
        self._heard: dict[str, list[Note]] = defaultdict(list)

    def hear(self, store: str, note: Note) -> None:
        kind = note[0]
        if kind is HookKind.GET:
            self.reads[store].append(note)
            return
        heard = self._heard[store]
        heard.append(note)
        if kind in PRE.values() and self.veto_at == len(heard) - 1:
            raise Vetoed

    def worth_telling(self, events: Iterable[Told]) -> list[Told]:
        """Leave out what no hook is there for when the edit is made."""
        return [
            event
            for event in events
            if self.listening.get((PRE[event.kind], event.told)) or self.listening.get((POST[event.kind], event.told))
        ]

    def asked(self, events: Iterable[Told]) -> tuple[list[Note], bool]:
        """Return what the PRE hooks hear, and whether one of them refuses the edit."""
        notes = self._notes(PRE, events)
        if self.veto_at is not None and self.veto_at < len(notes):
            return notes[: self.veto_at + 1], True
        return notes, False

    def told(self, events: Iterable[Told]) -> list[Note]:
        """Return what the POST hooks hear."""
        return self._notes(POST, events)

    def check(self, store: str, expected: list[Note]) -> None:
        """Hold what the hooks of a store heard since the last call against what they should have."""
        heard = self._heard.pop(store, [])
        assert heard == expected, f"{store}: hooks heard {heard} and not {expected}"

    def _notes(self, kinds: dict[str, HookKind], events: Iterable[Told]) -> list[Note]:
        return [
            (kinds[event.kind], event.told, number, event.message)
            for event in events
            for number in self.listening.get((kinds[event.kind], event.told), ())
        ]
