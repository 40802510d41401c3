"""Design 4's table, row by row: every write against every other, both ways round, for every kind of child.

The pairs of one kind follow each other in one store, so content that was there before comes back at other locations.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from tests.proto import engine_pb2 as pb

import treering
from treering import MergeConflict, Repository, Transaction

Write = Callable[[Transaction], None]
LONG = "long " * 150  # does not fit into a page


class Kind(NamedTuple):
    """A child of one kind: where it stands, what it stands in, the key to add it under, and messages for it."""

    parent: str
    path: str
    key: Any
    make: Callable[[str], Any]


def _device(text: str) -> pb.Device:
    return pb.Device(name="k", vendor=text)


def _site(text: str) -> pb.Site:
    return pb.Site(address=text)


KINDS = {
    "keyed": Kind("/devices", "/devices/k", None, _device),
    "nested": Kind("/devices/d/ports", "/devices/d/ports/7", None, lambda text: pb.Port(number=7, label=text)),
    "string map": Kind("/sites", "/sites/k", "k", _site),
    "integer map": Kind("/racks", "/racks/-5", -5, _site),
    "singular": Kind("/", "/settings", None, lambda text: pb.Settings(banner=text)),
    "nested singular": Kind("/devices/d", "/devices/d/settings", None, lambda text: pb.Settings(banner=text)),
    "recursive": Kind("/folders/f/folders", "/folders/f/folders/k", None, lambda text: pb.Folder(name="k", text=text)),
}


def _fill(repo: Repository, kind: Kind, message: Any) -> None:
    """Start over: what the child stands in, with others beside it, and the child where one is given."""
    repo.replace("/", pb.Network(name="net", devices=[pb.Device(name="d"), pb.Device(name="e")]))
    repo.add("/folders", pb.Folder(name="f"))
    for number in (1, 9):
        repo.add("/devices/d/ports", pb.Port(number=number, label=LONG))
    repo.add("/sites", _site("other"), key="other")
    if message is not None:
        with repo.transaction() as tx:
            _put(kind, kind.make(""))(tx)
            tx.replace(kind.path, message)


def _put(kind: Kind, message: Any) -> Write:
    if "settings" in kind.path:
        return lambda tx: tx.replace(kind.path, message)
    return lambda tx: tx.add(kind.parent, message, key=kind.key)


def _drop(kind: Kind) -> Write:
    return lambda tx: tx.clear(kind.path) if "settings" in kind.path else tx.remove(kind.path)


def _deepened(message: Any, text: str) -> Any:
    """Return a copy of a message with something below it."""
    deep = type(message)()
    deep.CopyFrom(message)
    if isinstance(deep, (pb.Device, pb.Site)):
        deep.ports.add(number=3, label=text)
    elif isinstance(deep, pb.Port):
        deep.flows.add(id=3, match=text)
    elif isinstance(deep, pb.Settings):
        deep.fallback.banner = text
    else:
        deep.folders.add(name="below", text=text)
    return deep


def _below(kind: Kind, text: str) -> Write:
    """Return an update of something below a child made by ``_deepened``."""
    message = _deepened(kind.make(""), text)
    if isinstance(message, (pb.Device, pb.Site)):
        return lambda tx: tx.update(f"{kind.path}/ports/3", pb.Port(number=3, label=text))
    if isinstance(message, pb.Port):
        return lambda tx: tx.update(f"{kind.path}/flows/3", pb.Flow(id=3, match=text))
    if isinstance(message, pb.Settings):
        return lambda tx: tx.update(f"{kind.path}/fallback", pb.Settings(banner=text))
    return lambda tx: tx.update(f"{kind.path}/folders/below", pb.Folder(name="below", text=text))


def _writes(kind: Kind) -> dict[str, Write]:
    def again(message: Any) -> Write:
        def write(tx: Transaction) -> None:
            _drop(kind)(tx)
            _put(kind, message)(tx)

        return write

    seen = _deepened(kind.make("seen"), "deep")
    return {
        "update to a": lambda tx: tx.update(kind.path, kind.make("a")),
        "update to b": lambda tx: tx.update(kind.path, kind.make("b")),
        "update below to a": _below(kind, "a"),
        "update below to b": _below(kind, LONG),
        "remove": _drop(kind),
        "replace by a": lambda tx: tx.replace(kind.path, _deepened(kind.make("a"), LONG)),
        "replace by b": lambda tx: tx.replace(kind.path, kind.make("b")),
        "remove and add a": again(_deepened(kind.make("a"), LONG)),
        "remove and add the same": again(seen),
    }


SAME = "remove and add the same"  # what ends as it was seen was not written
WHOLE_A = ("replace by a", "remove and add a")
# The second of two writes to what is there, with nothing in its way: it finds what it makes, or what it saw.
AGREE = {
    ("remove", "remove"),
    ("replace by b", "replace by b"),
    ("replace by b", "update to b"),
    *itertools.product(WHOLE_A, WHOLE_A),
    *itertools.product(WHOLE_A, ("update to a", "update below to b")),
    *((name, name) for name in ("update to a", "update to b", "update below to a", "update below to b")),
}
BOTH = {  # a node's own fields, and what is below it, are different things
    *itertools.product(("update to a", "update to b"), ("update below to a", "update below to b")),
    *itertools.product(("update below to a", "update below to b"), ("update to a", "update to b")),
}


def _count(first: str, second: str) -> list[str] | None:
    """Return which of two writes count, None where the second conflicts."""
    if SAME in (first, second):
        return [name for name in (first, second) if name != SAME]
    if (first, second) in BOTH:
        return [first, second]
    return [first] if (first, second) in AGREE else None


def _state(repo: Repository, kind: Kind) -> Any:
    return repo.get(kind.path, deep=True) if repo.exists(kind.path) else None


def _check(
    repo: Repository, kind: Kind, seen: Any, first: list[Write], second: Write, count: list[Write] | None
) -> None:
    """Commit ``first``, then ``second`` from the same base; it conflicts, or the writes that count are there."""
    _fill(repo, kind, seen)
    with repo.transaction() as tx:
        for write in count or ():
            write(tx)
        expected = _state(tx, kind)
        tx.cancel()
    two = repo.transaction()
    second(two)
    for write in first:
        with repo.transaction() as one:
            write(one)
    head, theirs = repo.head, _state(repo, kind)
    if count is None:
        for attempt in (two.plan, two.commit):
            with pytest.raises(MergeConflict) as caught:
                attempt()
            assert all(conflict.path.starts_with(treering.Path.of(kind.path)) for conflict in caught.value.conflicts)
        assert repo.head == head
        assert _state(repo, kind) == theirs
        return
    planned = list(two.plan())
    commit = two.commit()
    assert planned == list(repo.diff(head, commit))
    assert _state(repo, kind) == expected


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_two_writes_to_what_is_there(repo: Repository, kind: Kind) -> None:
    writes = _writes(kind)
    for first, second in itertools.product(writes, writes):
        count = _count(first, second)
        made = None if count is None else [writes[name] for name in count]
        _check(repo, kind, _deepened(kind.make("seen"), "deep"), [writes[first]], writes[second], made)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_two_writes_to_what_is_not_there(repo: Repository, kind: Kind) -> None:
    large = _deepened(kind.make("a"), LONG)
    adds = {"a": _put(kind, kind.make("a")), "b": _put(kind, kind.make("b")), "large": _put(kind, large)}
    for first, second in itertools.product(adds, adds):
        _check(repo, kind, None, [adds[first]], adds[second], [adds[first]] if first == second else None)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_comes_and_goes_was_not_written(repo: Repository, kind: Kind) -> None:
    def come_and_go(tx: Transaction) -> None:
        _put(kind, kind.make("a"))(tx)
        _drop(kind)(tx)

    add = _put(kind, kind.make("b"))
    _check(repo, kind, None, [add], come_and_go, [add])
    _check(repo, kind, None, [add, _drop(kind)], add, [add])


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_head_moved_and_moved_back(repo: Repository, kind: Kind) -> None:
    """What counts is the head as it is at the commit: content as it was seen, though written again elsewhere."""
    writes = _writes(kind)
    seen = _deepened(kind.make("seen"), LONG)
    back: Write = lambda tx: tx.replace(kind.path, seen)  # noqa: E731 - one of the writes
    restore = _put(kind, seen)
    for second in writes.values():
        for first in ([writes["update to a"], back], [writes["replace by b"], back], [writes["remove"], restore]):
            _check(repo, kind, seen, first, second, [second])


@pytest.mark.parametrize(
    ("kind", "parent"),
    [(KINDS[name], parent) for name, parent in (("nested", "/devices/d"), ("recursive", "/folders/f"))]
    + [(KINDS["nested singular"], "/devices/d")],
)
def test_the_parent_is_gone(repo: Repository, kind: Kind, parent: str) -> None:
    """Every write below it conflicts, but a remove, which finds it gone; and so does its removal after any of them."""
    seen = _deepened(kind.make("seen"), "deep")
    for name, write in _writes(kind).items():
        _fill(repo, kind, seen)
        below, above = repo.transaction(), repo.transaction()
        write(below)
        above.remove(parent)
        repo.remove(parent)
        if name in {"remove", SAME}:
            head = repo.head
            assert below.commit() == head
        else:
            with pytest.raises(MergeConflict) as caught:
                below.commit()
            assert {conflict.theirs for conflict in caught.value.conflicts} == {None}
        assert not repo.exists(parent)
        _fill(repo, kind, seen)
        below, above = repo.transaction(), repo.transaction()
        write(below)
        above.remove(parent)
        below.commit()
        if name == SAME:
            above.commit()
            assert not repo.exists(parent)
        else:
            with pytest.raises(MergeConflict) as caught:
                above.commit()
            assert [str(conflict.path) for conflict in caught.value.conflicts] == [parent]
    _fill(repo, kind, None)
    tx = repo.transaction()
    _put(kind, kind.make("a"))(tx)
    repo.remove(parent)
    with pytest.raises(MergeConflict) as caught:
        tx.commit()
    (conflict,) = caught.value.conflicts
    assert (str(conflict.path), conflict.base, conflict.mine, conflict.theirs) == (
        kind.path,
        None,
        kind.make("a"),
        None,
    )


def test_plain_lists(repo: Repository) -> None:
    def add(text: str) -> Write:
        return lambda tx: tx.add("/rules", pb.Rule(text=text, flows=[pb.Flow(id=1)]))

    def commit(first: Write, second: Write) -> bool:
        repo.replace("/", pb.Network(rules=[pb.Rule(text="seen")]))
        one, two = repo.transaction(), repo.transaction()
        first(one)
        second(two)
        one.commit()
        try:
            two.commit()
        except MergeConflict as error:
            (conflict,) = error.conflicts
            assert str(conflict.path) == "/rules"
            assert [[rule.text for rule in side] for side in (conflict.base, conflict.mine, conflict.theirs)] == [
                ["seen"],
                ["seen", "b"],
                ["seen", "a"],
            ]
            return False
        return True

    assert not commit(add("a"), add("b"))
    assert commit(add("a"), add("a"))
    assert [rule.text for rule in repo.get("/rules")] == ["seen", "a"]
    assert commit(add("a"), lambda tx: tx.update("/", pb.Network(name="n")))
    assert (repo.get("/").name, repo.count("/rules")) == ("n", 2)
