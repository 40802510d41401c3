"""Stores as treering writes them, read by a program that knows only docs/format.md."""

from __future__ import annotations

import random
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.message import Message
from tests.format_bytes import THRESHOLDS, FormatError
from tests.format_reader import Store
from tests.golden import garden
from tests.golden.garden import Bed, Box, Garden, Gate, Label, Level, Note, Plot, Shed, Shelf, Tool, Valve, Work

import treering
from treering.merkle import chunking

INTEGERS = [0, 1, -1, 2, 127, 128, 255, 256, -127, -128, -255, -256, -257, 65_535, 65_536, -65_536, 2**31, -(2**31),
            2**63 - 1, -(2**63), 2**56, -(2**56) - 1, -(2**56)]  # fmt: skip
TEXTS = ["a", "a\0", "a\0b", "a\1", "a\1b", "ab", "\0", "\1", "\1\1", "\0\1\2", "é", "𐀀", "\uffff", "b", "/", "a/b"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STORES = ["mapping", "lmdb", "lmdb zlib"]


class Place:
    """A store on one of the backends: opened by treering, read by the other."""

    def __init__(self, name: str, folder: Path) -> None:
        self.mapping: dict[str, bytes] | None = {} if name == "mapping" else None
        self._folder, self._copies = folder / "store", folder / "copies"
        self._url = f"lmdb:{self._folder}" + ("?compress=zlib" if name.endswith("zlib") else "")

    def open(self, schema: treering.Schema | None, **options: Any) -> treering.Repository:
        return treering.open(self._url if self.mapping is None else self.mapping, schema, **options)

    def read(self) -> Store:
        if self.mapping is not None:
            return Store.of_mapping(self.mapping)
        self._copies.mkdir(exist_ok=True)  # a process opens an LMDB environment only once
        copy = self._copies / str(len(list(self._copies.iterdir())))
        shutil.copytree(self._folder, copy)
        return Store.of_lmdb(copy)

    def locations(self) -> set[bytes]:
        """Where objects stand in a mapping."""
        assert self.mapping is not None
        return {bytes.fromhex(key.removeprefix("treering/o/")) for key in self.mapping if key != "treering/root"}


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.param, tmp_path)


@pytest.fixture
def garden_place(place: Place) -> Iterator[tuple[Place, treering.Repository]]:
    with place.open(garden.GARDEN, author="gardener") as repo:
        yield place, repo
        check_equal(place, repo)
        assert repo.verify().ok


def check_equal(place: Place, repo: treering.Repository, *, deep: int = 10) -> None:
    """Hold everything that the reader finds against what treering says; deep messages of the newest commits."""
    store = place.read()
    assert {name: pointer.hash.hex() for name, pointer in store.tags.items()} == {
        name: commit.id for name, commit in repo.tags.items()
    }
    log = store.log(store.branches["main"])
    assert [(commit.id, commit.tree_id, commit.seq, commit.author, commit.note) for commit in log] == [
        (commit.id, commit.tree_id, commit.seq, commit.author, commit.note) for commit in repo.log()
    ]
    for mine, theirs in zip(log[:deep], repo.log(limit=deep), strict=True):
        assert mine.time == (theirs.time - EPOCH) // timedelta(microseconds=1)
        assert [parent.hash.hex() for parent in mine.parents] == list(theirs.parents)
        expected = repo.get("/", deep=True, at=theirs)
        assert same(store.message(mine), expected)


def same(read: Message, expected: Message) -> bool:
    """Compare messages of two descriptor pools."""
    return bool(type(expected).FromString(read.SerializePartialToString()) == expected)


def head_of(store: Store) -> Any:
    return store.commit(store.branches["main"])


def read_all(place: Place) -> Store:
    store = place.read()
    for commit in store.log(store.branches["main"]):
        store.message(commit)
    return store


def test_a_new_store(garden_place: tuple[Place, treering.Repository]):
    store = garden_place[0].read()
    (commit,) = store.log(store.branches["main"])
    assert (commit.seq, commit.author, commit.parents, commit.root.slots) == (0, "gardener", [], {})
    assert (store.tags, store.next_session) == ({}, 2)


def test_a_deep_message_of_everything(garden_place: tuple[Place, treering.Repository]):
    place, repo = garden_place
    message = Garden(name="all", rows=[1, 2, 3], colours={"a": "red", "b": "blue"})
    message.beds.extend(Bed(no=no, plant=f"plant {no}") for no in (5, 3, 0, 70_000))
    message.beds[1].beds.add(no=1).beds.add(no=2).beds.add(no=3, soil=b"deep").gate.open = True
    message.notes.extend(Note(text=text) for text in ("b", "a", "b", ""))
    message.gate.inner.inner.signs.add(text="mind the step")
    message.tools["hoe"].parts["shaft"].parts["ring"].kind = "brass"
    message.sides[False].open = True
    message.sides[True].inner.SetInParent()
    repo.replace("/", message, note="all at once")
    store = place.read()
    assert same(store.message(head_of(store)), message)


def test_integer_keys(garden_place: tuple[Place, treering.Repository]):
    place, repo = garden_place
    message = Garden(levels=[Level(height=height, points=1) for height in INTEGERS])
    for number in INTEGERS:
        message.drawers[number].kind = str(number)
    repo.replace("/", message)
    store = place.read()
    assert [key for key, _ in store.container(head_of(store), "levels")] == sorted(INTEGERS)
    assert [key for key, _ in store.container(head_of(store), "drawers")] == sorted(INTEGERS)
    assert [level.height for level in store.message(head_of(store)).levels] == INTEGERS


def test_boolean_enum_and_bytes_keys(garden_place: tuple[Place, treering.Repository]):
    place, repo = garden_place
    for value in (True, False):
        repo.add("/valves", Valve(main=value, flow=0.5))
        repo.add("/sides", Gate(open=value), key=value)
    for season in (3, 0, -1, 4):
        repo.add("/works", Work(season=season, task="dig"))
    codes = [text.encode() for text in TEXTS] + [b"\xff", b"\xff\xff", b"\x80\x00"]
    for code in codes:
        repo.add("/labels", Label(code=code))
    store = place.read()
    commit = head_of(store)
    assert [key for key, _ in store.container(commit, "valves")] == [False, True]
    assert [key for key, _ in store.container(commit, "sides")] == [False, True]
    assert [key for key, _ in store.container(commit, "works")] == [-1, 0, 3, 4]
    assert [key for key, _ in store.container(commit, "labels")] == sorted(codes)
    assert [work.season for work in store.message(commit).works] == [3, 0, -1, 4]


def test_text_and_composite_keys(garden_place: tuple[Place, treering.Repository]):
    place, repo = garden_place
    message = Garden()
    for text in TEXTS:
        message.tools[text].kind = text
    keys = [(row, column, survey) for row in (-300, 0, 7) for column in TEXTS[:6] for survey in (b"\0", b"\0\0", b"x")]
    random.Random(1).shuffle(keys)
    message.plots.extend(Plot(row=row, column=column, survey=survey) for row, column, survey in keys)
    repo.replace("/", message)
    store = place.read()
    assert [key for key, _ in store.container(head_of(store), "tools")] == sorted(TEXTS)
    assert [key for key, _ in store.container(head_of(store), "plots")] == sorted(keys)


def test_sibling_order_is_kept_and_is_not_content(garden_place: tuple[Place, treering.Repository]):
    place, repo = garden_place
    for no in (5, 9, 1):
        repo.add("/beds", Bed(no=no))
    before = repo.head
    repo.remove("/beds/5")
    repo.add("/beds", Bed(no=5))
    store = place.read()
    newest, _, older = store.log(store.branches["main"])[:3]
    assert [bed.no for bed in store.message(newest).beds] == [9, 1, 5]
    assert [bed.no for bed in store.message(older).beds] == [5, 9, 1]
    assert newest.tree_id == older.tree_id == before.tree_id


@pytest.mark.parametrize("size", [490, *range(500, 516), 600, 100_000])
def test_children_around_the_largest_that_stand_in_their_parent(tmp_path: Path, size: int):
    place = Place("mapping", tmp_path)
    with place.open(garden.GARDEN) as repo:
        repo.replace("/gate", Gate(inner=Gate(signs=[Note(text="x" * size)])))
        repo.add("/beds", Bed(no=1, soil=b"x" * size))
        repo.add("/beds", Bed(no=2, soil=b"x" * size, gate=Gate(open=True)))
        repo.add("/tools", Tool(kind="x" * size), key="hoe")
        repo.add("/notes", Note(text="x" * size))
        check_equal(place, repo)


def test_absence_and_emptiness(garden_place: tuple[Place, treering.Repository]):
    place, repo = garden_place
    repo.update("/gate", Gate())
    repo.update("/gate/inner", Gate())
    repo.add("/beds", Bed(no=0))
    repo.add("/notes", Note())
    store = place.read()
    commit = head_of(store)
    assert same(store.message(commit), Garden(gate=Gate(inner=Gate()), beds=[Bed()], notes=[Note()]))
    repo.clear("/gate")
    repo.remove("/beds/0")
    repo.replace("/", Garden())
    assert place.read().message(head_of(place.read())).ByteSize() == 0
    assert head_of(place.read()).root.slots == {}


FIVE_THOUSAND: dict[str, Callable[[Any], Any]] = {
    "keyed": lambda message: message.beds.extend(
        Bed(no=no * 7919 % 5_003, plant="x" * (no % 40)) for no in range(5_000)
    ),
    "composite": lambda message: message.plots.extend(
        Plot(row=no % 71 - 35, column=str(no), survey=b"x") for no in range(5_000)
    ),
    "map": lambda message: [message.tools[f"tool {no}"].SetInParent() for no in range(5_000)],
    "plain": lambda message: message.notes.extend(Note(text=str(no % 10)) for no in range(5_000)),
}


@pytest.mark.parametrize("kind", FIVE_THOUSAND)
def test_five_thousand_children(place: Place, kind: str):
    message = Garden(name=kind)
    FIVE_THOUSAND[kind](message)
    with place.open(garden.GARDEN) as repo:
        repo.replace("/", message)
        check_equal(place, repo)
        store = place.read()
        assert same(store.message(head_of(store)), message)
        (slot,) = head_of(store).root.slots.values()
        assert slot.count == 5_000
        assert repo.verify().ok


def test_five_thousand_children_edited_one_by_one(place: Place):
    chance = random.Random(2)
    message = Garden()
    FIVE_THOUSAND["keyed"](message)
    with place.open(garden.GARDEN) as repo:
        repo.replace("/", message)
        for no in chance.sample([bed.no for bed in message.beds], 30):
            repo.remove(("beds", no))
            repo.add("/beds", Bed(no=no + 10_000, soil=b"x" * chance.choice([0, 100, 505, 2_000])))
            repo.update(("beds", no + 10_000), Bed(no=no + 10_000, plant="new"))
        check_equal(place, repo, deep=2)
        edited = repo.get("/", deep=True)
    with treering.open({}, garden.GARDEN) as fresh:  # pages end where the page says, whatever the history
        assert fresh.replace("/", edited).tree_id == head_of(place.read()).tree_id


def test_tags_in_the_record_and_beside_it(garden_place: tuple[Place, treering.Repository]):
    place, repo = garden_place
    for number in range(60):
        repo.update("/", Garden(name=f"é{number}"))
        repo.tag(f"tag-{number}")
        if number in {0, 20, 59}:
            store = place.read()
            assert list(store.tags) == sorted(f"tag-{n}" for n in range(number + 1))
            assert ("T" in store.reached.values()) == (number > 20)
            commit = store.commit(store.tags[f"tag-{number}"])
            assert store.message(commit).name == f"é{number}"


@pytest.mark.parametrize("tags", [3, 70])
def test_grafts_in_the_record_and_beside_it(garden_place: tuple[Place, treering.Repository], tags: int):
    """A log across the gaps that prune left, twice; then history goes on above them."""
    place, repo = garden_place
    for number in range(4 * tags):
        repo.add("/beds", Bed(no=number, soil=b"x" * 600))
        if number % 4 == 0:
            repo.tag(f"tag-{number}")
    repo.prune(keep_last=5)
    check_equal(place, repo, deep=3)
    repo.delete_tag("tag-4")
    repo.prune(keep_last=2)
    check_equal(place, repo, deep=3)
    store = place.read()
    assert len(store.grafts) == tags  # one below each kept tag, one below the newest two commits
    assert [len(graft.parents) for graft in store.grafts.values()].count(0) == 1  # below the oldest tag
    assert (3 in {number for number, section in store.sections.items() if len(section) > 2_048}) == (tags > 20)
    for number in range(20):
        repo.update("/", Garden(name=str(number)))
        check_equal(place, repo, deep=1)


@pytest.mark.parametrize("size", [1, 200])
def test_dead_lists(tmp_path: Path, size: int):
    """What a snapshot still reads is named as dead, alone or in a table, and nothing else is."""
    place = Place("mapping", tmp_path)
    with place.open(garden.GARDEN) as repo:
        repo.replace("/", Garden(beds=[Bed(no=no, soil=b"x" * 600) for no in range(size)]))
        snapshot = repo.at("main")
        repo.replace("/", Garden())
        repo.prune()
        store = read_all(place)
        assert place.locations() - set(store.reached) == store.dead
        assert len(store.dead) >= size
        assert snapshot.count("/beds") == size
        del snapshot
        repo.prune()
        assert not place.read().dead
        assert set(read_all(place).reached) == place.locations()


def test_everything_in_a_store_is_reached(tmp_path: Path):
    place = Place("mapping", tmp_path)
    with place.open(garden.GARDEN) as repo:
        for number in range(40):
            repo.add("/beds", Bed(no=number, soil=bytes(number * 30)))
        repo.remove("/beds/39")
        repo.tag("end")
    assert set(read_all(place).reached) == place.locations()


def test_several_handles_in_turn(place: Place):
    for number in range(3):
        with place.open(garden.GARDEN, author=f"handle {number}") as repo:
            repo.add("/beds", Bed(no=number, soil=b"x" * 1_000))
            check_equal(place, repo)
    with place.open(None) as repo:  # by the stored schema
        check_equal(place, repo)
    sessions = {struct.unpack(">I", location[:4])[0] for location in place.read().reached}
    assert sessions <= {1, 2, 3}


def test_proto2_groups_required_fields_and_extensions(place: Place):
    message = Shed(name="s")
    message.Extensions[garden.ATTIC].extend(["one", "two"])
    message.door.locked = True
    for shelf in ("z", "a"):
        message.shelf.append(Shelf(id=shelf, boxes=[Box(no=no, content="") for no in (2, 0, -5)]))
    with place.open(garden.SHED) as repo:
        repo.replace("/", message)
        repo.add("/shelf/z/boxes", Box(no=9))
        repo.update("/door", type(message.door)(locked=False))
        check_equal(place, repo, deep=3)
    store = place.read()
    assert [box.no for box in store.message(head_of(store)).shelf[0].boxes] == [2, 0, -5, 9]


def test_unknown_fields_survive(garden_place: tuple[Place, treering.Repository]):
    place, repo = garden_place
    unknown = b"\xa2\x1f\x03abc\xa8\x1f\x07"  # fields 500 and 501
    message = Bed.FromString(b"\x08\x04" + unknown)
    repo.add("/beds", message)
    store = place.read()
    ((key, read),) = store.container(head_of(store), "beds")
    assert key == 4
    assert unknown in read.SerializeToString()


def test_a_schema_of_well_known_files(tmp_path: Path):
    place = Place("mapping", tmp_path)
    file_set = descriptor_pb2.FileDescriptorSet
    children: dict[str, str | None] = {
        "google.protobuf.FileDescriptorSet.file": "name",
        "google.protobuf.FileDescriptorProto.message_type": "name",
        "google.protobuf.DescriptorProto.field": "name",
        "google.protobuf.DescriptorProto.nested_type": "name",
    }
    message = file_set()
    descriptor_pb2.DESCRIPTOR.CopyToProto(message.file.add())
    with place.open(treering.Schema(file_set, children=children)) as repo:
        repo.replace("/", message)
        check_equal(place, repo)
    store = place.read()
    assert same(store.message(head_of(store)), message)


def test_the_thresholds_of_page_reader_and_writer_are_the_same():
    page = (Path(__file__).resolve().parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
    tables = [re.sub(r"\s+", " ", table).split() for table in re.findall(r"`(0\s+0x[0-9A-Fx\s]+)`", page)]
    assert [[int(number, 0) for number in table] for table in tables] == THRESHOLDS
    assert [list(chunking.thresholds(level)[1:]) for level in (0, 1)] == THRESHOLDS


def test_the_reader_refuses_any_other_byte(tmp_path: Path):
    place = Place("mapping", tmp_path)
    with place.open(garden.GARDEN) as repo:
        repo.add("/beds", Bed(no=1, soil=b"x" * 600))
    assert place.mapping is not None
    for key, value in list(place.mapping.items()):
        for at in range(0, len(value), max(1, len(value) // 60)):
            place.mapping[key] = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
            with pytest.raises((FormatError, ValueError, KeyError, IndexError)):
                read_all(place)
        place.mapping[key] = value
    read_all(place)


def test_the_reader_joins_chunks(tmp_path: Path):
    place = Place("mapping", tmp_path)
    with place.open(garden.GARDEN) as repo:
        repo.add("/beds", Bed(no=1, soil=b"x" * 3_000))
        expected = repo.get("/", deep=True)
    assert place.mapping is not None
    key = next(key for key, value in place.mapping.items() if value[:1] == b"N")
    value = place.mapping[key]
    place.mapping[key] = b"+" + struct.pack("<I", 3) + value[:1_000]
    place.mapping[key + b"/\0\0\0\1".hex()] = value[1_000:2_500]
    place.mapping[key + b"/\0\0\0\2".hex()] = value[2_500:]
    assert same(place.read().message(head_of(place.read())), expected)
