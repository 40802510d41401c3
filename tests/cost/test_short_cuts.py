"""What single edits do faster than the general way comes to the same, byte for byte; and how many calls they take."""

from __future__ import annotations

import sys
from collections import UserDict
from collections.abc import Callable
from itertools import islice
from types import FrameType
from typing import Any

import pytest
from benchmarks.fleet import SCHEMA, device, device_id, fleet, open_fleet, random_numbers
from hypothesis import given
from hypothesis import strategies as st
from tests.proto import engine_pb2 as pb

import treering
from treering.errors import Error
from treering.history.branch import Branch
from treering.objects.commit import NO_EXTENSIONS, CommitRecord, make_record
from treering.objects.node import Node
from treering.objects.pointer import Hash, Location, Pointer
from treering.objects.root import BRANCHES, TAGS, encode_names
from treering.path import Path
from treering.schema.schema import Schema
from treering.store.batch import Batch
from treering.store.cache import ObjectCache
from treering.store.session import Session
from treering.tree.address import _find, find_address
from treering.tree.edit import Editor
from treering.tree.seal import seal_node

SIZES = (0, 1, 30, 3_000)

hashes = st.binary(min_size=32, max_size=32).map(Hash)
locations = st.binary(min_size=16, max_size=16).map(Location)
pointers = st.builds(Pointer, hashes, locations)


def edits(size: int) -> list[tuple[str, Callable[[Editor, Node, Any], Node]]]:
    """Return edits of a fleet of ``size`` devices, among them such as move cuts and change the height."""
    numbers = list(islice(random_numbers(size, 4), 12)) if size else []
    made: list[tuple[str, Callable[[Editor, Node, Any], Node]]] = [
        ("own", lambda editor, root, writer: editor.update(root, "/", fleet(0), writer)),
        ("all", lambda editor, root, writer: editor.replace(root, "/", fleet(size + 5), writer)),
    ]
    for number in numbers:
        path, large = f"/devices/{device_id(number)}", device(number, 7)
        large.location = "x" * 700
        made += [
            ("update", lambda editor, root, writer, p=path, n=number: editor.update(root, p, device(n, 7), writer)),
            ("large", lambda editor, root, writer, p=path, m=large: editor.update(root, p, m, writer)),
            ("replace", lambda editor, root, writer, p=path, m=large: editor.replace(root, p, m, writer)),
            ("remove", lambda editor, root, writer, p=path: editor.remove(root, p, writer)),
        ]
    for number in (-1 & 0xFFFF, size // 2, size + 1):
        message = device(number)
        message.id = f"{device_id(number)}.new"
        made.append(("add", lambda editor, root, writer, m=message: editor.add(root, "/devices", m, None, writer)))
    return made


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_as_it_is_made_is_what_a_seal_writes(size: int) -> None:
    with open_fleet("memory:", size) as repo:
        store, base = repo._store, repo._branch.head().record.root
        editor = Editor(store.reader, SCHEMA.root, {})
        state = store.state
        for name, edit in edits(size):
            at_once = Batch(Session(7, b"s" * 6), None, store.reader, state)
            root = edit(editor, base, at_once)
            later = Batch(Session(7, b"s" * 6), None, store.reader, state)
            sealed = seal_node(edit(editor, base, None), later.put)
            assert root.encode() == sealed.encode(), name
            assert at_once.entries == later.entries, name
            store.reader.forget()


@given(
    st.dictionaries(st.text(min_size=1, max_size=9), pointers, min_size=1, max_size=4),
    st.dictionaries(st.text(min_size=1, max_size=9), pointers, max_size=2),
    st.lists(pointers, min_size=1, max_size=3),
    st.data(),
)
def test_a_head_moved_in_place_is_the_root_encoded_anew(
    branches: dict[str, Pointer], tags: dict[str, Pointer], heads: list[Pointer], data: st.DataObject
) -> None:
    with treering.open("memory:", pb.Network) as repo:
        state = repo._store.state.moved({BRANCHES: encode_names(branches), 2: encode_names(tags)})
        for head in heads:
            name = data.draw(st.sampled_from(sorted(branches)))
            branches = {**branches, name: head}
            general = state.moved({BRANCHES: encode_names(branches)})
            moved = state.with_head(name, head)
            assert moved is not None
            assert moved.data == general.data
            assert moved.record == general.record
            assert moved.branches == general.branches == branches
            assert (moved.tags, moved.session_floor) == (tags, general.record.session_floor)
            state = moved
        assert state.with_head("not there", heads[0]) is None


def test_branches_too_many_for_the_root_are_moved_the_general_way() -> None:
    with treering.open("memory:", pb.Network) as repo:
        head = repo._store.state.branches["main"]
        repo._branch.move_names(
            BRANCHES, lambda state: {f"branch-{number}": head for number in range(60)} | {"main": head}
        )
        assert repo._store.state.with_head("main", head) is None
        repo.add("/devices", pb.Device(name="a"))
        assert repo.keys("/devices") == ["a"]
        assert repo.verify().ok
        assert len(repo._store.state.branches) == 61


LOOKALIKES = ["x" * 47, "y" * 45, "z" * 65, "main"]  # with its length before it, a name may be part of another


@pytest.mark.parametrize("name", LOOKALIKES)
@pytest.mark.parametrize("count", [0, 60], ids=["branches in the root", "branches in a table"])
def test_only_the_branch_that_is_committed_to_moves(name: str, count: int) -> None:
    mapping: dict[str, bytes] = {}
    other = "a" + chr(len(name)) + name if len(name) > 9 else "a" + name
    with treering.open(mapping, pb.Network) as repo:
        head = repo._store.state.branches["main"]
        names = {"main": head, name: head, other: head} | {f"branch-{number}": head for number in range(count)}
        repo._branch.move_names(BRANCHES, lambda _: names)
        repo._branch.move_names(TAGS, lambda _: {f"b{other}": head, f"c{chr(len(name))}{name}": head})
        schema = Schema(pb.Network)
        branch = Branch(repo._store, schema, name, 5)
        editor = Editor(repo._store.reader, schema.root, {})
        for number in range(2):
            made = branch.commit(lambda root, n=number: editor.add(root, "/devices", pb.Device(name=f"d{n}")), "", "")
    with treering.open(mapping, pb.Network) as again:
        state = again._store.state
        assert state.branches == {**names, name: made.pointer}
        assert set(state.tags.values()) == {head}


@pytest.mark.parametrize("kind", [dict, UserDict])
def test_a_finalizer_that_commits_in_the_middle_of_a_publication(kind: type) -> None:
    mapping = kind()
    repo, other = treering.open(mapping, pb.Network), treering.open(mapping, pb.Network)
    repo.add("/devices", pb.Device(name="first"))
    other.add("/devices", pb.Device(name="second"))  # both have a session
    late: list[treering.Commit] = []

    class Value(bytes):
        """Stands for anything that is let go of while entries are made."""

        def hex(self, *_: object) -> str:  # type: ignore[override]
            if not late:
                late.append(other.add("/devices", pb.Device(name="late")))
            return super().hex()

    backend = repo._store.backend.inner
    publish = backend.publish
    backend.publish = lambda objects, *roots: publish([(Value(key), value) for key, value in objects], *roots)
    commit = repo.add("/devices", pb.Device(name="last"))
    assert [one.id for one in repo.log(limit=2)] == [commit.id, late[0].id]
    assert sorted(repo.keys("/devices")) == ["first", "last", "late", "second"]
    assert repo.verify().problems == ()


SEGMENTS = [
    "a",
    "a.b-c_d:e",
    "a%2Fb",
    "a,b",
    "%",
    "%41",
    "é",
    "a b",
    "",
    "x" * 1_001,
    "x" * 5_000,
    "[name=a]",
    "a~",
    "7",
]


@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_path_read_by_its_container_is_read_as_any(segment: str) -> None:
    root = Schema(pb.Network).root
    for container in ("/devices", "devices", "/devices/a/ports"):
        find_address(root, container)
        path = f"{container}/{segment}"
        outcomes = []
        for find in (lambda path=path: find_address(root, path), lambda path=path: _find(root, Path.of(path))):
            try:
                found = find()
                outcomes.append((found.path, found.steps, found.shape, found.container, found.level, found.key))
            except Error as error:
                outcomes.append((type(error), str(error)))
        assert outcomes[0] == outcomes[1]


@given(
    st.lists(st.tuples(st.sampled_from(["put", "replace", "get"]), st.integers(0, 9), st.integers(1, 60)), max_size=60)
)
def test_a_cache_knows_what_it_holds(steps: list[tuple[str, int, int]]) -> None:
    cache = ObjectCache(400)
    counter = iter(range(10_000))
    places = [Location(b"%016d" % next(counter)) for _ in range(10)]
    for step, at, size in steps:
        value = (Hash(b"h"), object(), size)
        if step == "put":
            cache.put(places[at], value)
        elif step == "get":
            cache.get(places[at], Hash(b"h"))
        else:
            new = Location(b"%016d" % next(counter))
            cache.replace(places[at], new, value)
            assert places[at] not in cache.young
            assert cache.get(new, Hash(b"h")) is value[1]
            places[at] = new
        assert len(cache.young) <= 200
        assert sum(entry[2] for entry in cache.young.values()) <= cache._bytes


def test_a_record_made_in_one_step_is_a_record() -> None:
    pointer = Pointer(Hash(b"h"), Location(b"l"))
    fields = 1, 2, b"n", "author", "note", pointer, (pointer,), 3, pointer, 4, 5, Node(b""), NO_EXTENSIONS
    assert make_record(fields) == CommitRecord(*fields)
    assert len(fields) == len(CommitRecord._fields)


# At most so many calls of Python functions: what comes on top of them was not meant to.
CALLS = {
    "update": (64, 74),
    "add": (111, 119),
    "remove": (88, 95),
    "get": (14, 16),
}  # operation: at N = 100, at N = 10,000


@pytest.mark.parametrize(("size", "at"), [(100, 0), (10_000, 1)])
def test_calls_of_python_functions(size: int, at: int) -> None:
    with open_fleet("memory:", size) as repo:
        numbers = list(islice(random_numbers(size, 5), 41))
        news = []
        for number in numbers:
            message = device(number)
            message.id = f"{device_id(number)}.{len(news)}"
            news.append(message)
        operations: dict[str, Callable[[int], object]] = {
            "update": lambda index: repo.update(
                f"/devices/{device_id(numbers[index])}", device(numbers[index], index + 1)
            ),
            "add": lambda index: repo.add("/devices", news[index]),
            "remove": lambda index: repo.remove(f"/devices/{news[index].id}"),
            "get": lambda index: repo.get(f"/devices/{device_id(numbers[index])}"),
        }
        found = {
            name: sorted(_calls(lambda i=index, c=call: c(i)) for index in range(41))[20]
            for name, call in operations.items()
        }
    assert all(found[name] <= CALLS[name][at] for name in CALLS), found


def _calls(function: Callable[[], object]) -> int:
    count = 0

    def note(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count
