"""The rule that prune rests on: a tree holds only locations of its own commit, or at the same place in a parent."""

from __future__ import annotations

from collections.abc import Iterator

import treering
from treering.objects.node import Container, Node
from treering.objects.page import Inner, Page
from treering.objects.pointer import Location, Pointer
from treering.store.reader import Reader

Place = tuple[object, ...]  # of a node: fields and keys; of a page: those of its container, and which keys it ends at


def check_places(repo: treering.Repository) -> None:
    """Hold every commit of the log against the rule, the oldest first."""
    reader = repo._store.reader
    ever: set[Location] = set()
    before: dict[Location, Place] = {}
    for commit in reversed(list(repo.log())):
        now: dict[Location, Place] = {}
        for place, location in _node(reader, commit.stored.record.root, ()):
            assert location not in now, f"{commit}: one location at {now[location]} and at {place}"
            now[location] = place
        for location, place in now.items():
            if before.get(location) != place:
                assert location not in ever, f"{commit}: {place} holds a location of an older commit"
        ever |= now.keys()
        before = now


def _node(reader: Reader, node: Node, place: Place) -> Iterator[tuple[Place, Location]]:
    for number, slot in node.slots.items():
        if isinstance(slot, Container):
            yield from _page(reader, slot.root, (*place, number))
        else:
            yield from _value(reader, slot, (*place, number))


def _value(reader: Reader, value: object, place: Place) -> Iterator[tuple[Place, Location]]:
    if isinstance(value, Pointer):
        yield place, value.location
    yield from _node(reader, reader.node(value), place)  # type: ignore[arg-type]


def _page(reader: Reader, page: Page | Pointer, place: Place) -> Iterator[tuple[Place, Location]]:
    if isinstance(page, Pointer):
        location = page.location
        page = reader.page(page)
        yield (*place, "page", page.level, page.keys[-1]), location
    if isinstance(page, Inner):
        for index in range(len(page.keys)):
            yield from _page(reader, page.child(index), place)
        return
    for key, value, _ in page.entries():
        yield from _value(reader, value, (*place, key))
