"""Mark and sweep by a program that knows only the stored format: what prune must agree with."""

from __future__ import annotations

from dataclasses import dataclass

from tests.format_bytes import Node, ObjectStore

import treering
from treering.backend.base import Backend


@dataclass
class Marked:
    """A whole store, walked from its root. Every object reached was there, and sound."""

    reached: set[bytes]  # locations
    dead: set[bytes]  # locations that the root names as dead
    stored: set[bytes]
    commits: int

    @property
    def extra(self) -> set[bytes]:
        """What is stored, and neither reached nor waiting to be deleted."""
        return self.stored - self.reached - self.dead


def mark(backend: Backend) -> Marked:
    """Walk a store from its root. Raises ``FormatError`` or ``LookupError`` where something is missing or damaged."""

    def get(location: bytes) -> bytes:
        (value,) = backend.read_many([location])
        if value is None:
            raise LookupError(f"{location.hex()} is missing")
        return value

    root = backend.read_root()
    assert root is not None
    store = ObjectStore(root, get)
    log = store.log(*store.branches.values(), *store.tags.values())
    assert {child.hash.hex() for child in store.grafts} <= {commit.id for commit in log}, "a graft for nothing"
    for commit in log:
        if commit.schema.location not in store.reached:
            store.load("S", commit.schema)
        _walk(store, commit.root)
    assert store.dead.isdisjoint(store.reached), "the root names as dead what it leads to"
    return Marked(set(store.reached), store.dead, set(backend.list_keys()), len(log))


def _walk(store: ObjectStore, node: Node) -> None:
    for slot in node.slots.values():
        for child in [store.child(slot)] if slot.form < 2 else [child.node for child in store.children(slot)]:
            _walk(store, child)


def check(repo: treering.Repository) -> Marked:
    """Nothing is missing, nothing is there that nobody needs, and ``verify`` says the same."""
    marked = mark(repo._store.backend)
    assert marked.extra == set()
    report = repo.verify()
    assert report.problems == ()
    assert (report.objects, report.unreachable) == (len(marked.reached), len(marked.stored - marked.reached))
    return marked


def check_all_gone(repo: treering.Repository) -> Marked:
    """As ``check``, and nothing waits to be deleted."""
    marked = check(repo)
    assert marked.stored == marked.reached
    return marked
