"""What a run of commits reaches alone, against all that each commit reaches, walked without any short cut."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from contextlib import suppress

import pytest
from tests.proto import engine_pb2 as pb
from tests.prune.changing import Changer, large_network

import treering
from treering.backend.base import Backend
from treering.merkle.container import build
from treering.objects.commit import CommitRecord
from treering.objects.frame import COMMIT, PAGE, SCHEMA, hash_content, seal
from treering.objects.node import Container, Node, Slot
from treering.objects.page import Inner, Leaf, Page, inner_page
from treering.objects.pointer import Embedded, Hash, Location, Pointer
from treering.store.reach import reached_only_by
from treering.store.reader import Reader, StoredCommit
from treering.testing import MemoryBackend


def reached_by(reader: Reader, commit: StoredCommit) -> set[Location]:
    """Walk everything."""
    found = {commit.pointer.location, commit.record.schema.location}

    def walk(what: object) -> None:
        if type(what) is Pointer:
            raise AssertionError("a pointer says not what it points to")
        if type(what) is Inner:
            for index in range(len(what.keys)):
                found.add(what.pointer(index).location)
                walk(reader.page(what.pointer(index)))
        elif type(what) is Leaf:
            for value in what.values:
                walk_slot(value)
        elif type(what) is Node:
            for slot in what.slots.values():
                walk_slot(slot)

    def walk_slot(slot: Slot) -> None:
        if type(slot) is Container:
            if type(slot.root) is Pointer:
                found.add(slot.root.location)
                walk(reader.page(slot.root))
            else:
                walk(slot.root)
        elif type(slot) is Pointer or type(slot) is Embedded:
            if type(slot) is Pointer:
                found.add(slot.location)
            walk(reader.node(slot))

    walk(commit.record.root)
    return found


def history(repo: treering.Repository) -> list[StoredCommit]:
    """Return all commits, newest first."""
    state = repo._store.state
    commit: StoredCommit | None = state.reader.commit(state.branches["main"])
    found = []
    while commit is not None:
        found.append(commit)
        commit = state.lineage.parent(commit)
    return found


def check_history(repo: treering.Repository, chance: random.Random, times: int) -> None:
    """Compare runs out of a store's history."""
    check_runs(repo._store.reader, repo._store.backend, history(repo), chance, times)


def check_runs(
    reader: Reader, backend: Backend, line: Sequence[StoredCommit], chance: random.Random, times: int
) -> None:
    """Compare runs of any length between any neighbours out of ``line``, newest first."""
    reached = [reached_by(reader, commit) for commit in line]
    for _ in range(times):
        if chance.random() < 0.3:
            reader.forget()
        above = chance.randrange(len(line) - 1)
        end = min(len(line), above + 1 + chance.choice([1, 1, 2, 5, 20, 100]))
        below = chance.choice([end, end, chance.randrange(end, len(line)), None]) if end < len(line) else None
        others = chance.sample(range(len(line)), chance.choice([0, 0, 1, 2]))
        run = range(above + 1, end)
        beside = [above, *others] if below is None else [above, below, *others]
        found = reached_only_by(reader, [line[at] for at in run], [line[at] for at in beside])
        expected = set().union(*(reached[at] for at in run)).difference(*(reached[at] for at in beside))
        assert found.keys() == expected
        sizes = {location: size for location, size in found.items() if size}
        assert list(map(len, backend.read_many(list(sizes)))) == list(sizes.values())  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(6))
def test_of_changes_of_every_kind(seed: int) -> None:
    repo = treering.open({}, pb.Network)
    if seed % 2:
        repo.replace("/", large_network())
    changer = Changer(seed)
    for _ in range(120):
        changer.change(repo)
    check_history(repo, random.Random(seed), 150)


@pytest.mark.parametrize("seed", range(6))
def test_of_containers_that_grow_and_shrink(seed: int) -> None:
    """By a child and by thousands, so that trees of any two heights stand side by side."""
    chance = random.Random(seed)
    repo = treering.open({}, pb.Network)
    for _ in range(60):
        if chance.random() < 0.25:
            names = chance.sample(range(6_000), chance.choice([0, 1, 3, 40, 500, 4_000]))
            kept = {device.name: device for device in repo.get(deep=True).devices}
            wanted = [f"{chance.choice(['', 'd'])}{name:04}" for name in names]
            devices = [kept.get(name) or pb.Device(name=name, vendor="v" * 9) for name in dict.fromkeys(wanted)]
            for device in devices[: chance.choice([0, 5])]:
                device.image = b"i" * 700
            repo.replace("/", pb.Network(name="n", devices=devices))
        elif names := repo.keys("/devices"):
            name = chance.choice(names)
            edits = [
                lambda name=name: repo.remove(("devices", name)),
                lambda name=name: repo.add("/devices", pb.Device(name=f"{name}.{chance.random()}")),
                lambda name=name: repo.update(("devices", name), pb.Device(name=name, vendor=str(chance.random()))),
                lambda name=name: repo.replace(("devices", name), pb.Device(name=name, image=b"x" * 800)),
                lambda name=names[-1]: repo.replace(("devices", name), pb.Device(name=name, image=b"y" * 800)),
            ]
            chance.choice(edits)()
    check_history(repo, chance, 150)


class TransactionChanger(Changer):
    """Edits in transactions that are open side by side."""

    def change_sites(self, repo: treering.Repository) -> None:
        """There is no transaction in a transaction."""


@pytest.mark.parametrize("seed", range(4))
def test_of_changes_that_were_merged(seed: int) -> None:
    repo = treering.open({}, pb.Network)
    repo.replace("/", large_network())
    changer, chance = TransactionChanger(seed), random.Random(seed)
    for _ in range(30):
        opened = [repo.transaction() for _ in range(3)]
        for transaction in opened:
            for _ in range(chance.randrange(4)):
                changer.change(transaction)  # type: ignore[arg-type] # it has all the methods needed
            changer.change(repo)
        for transaction in chance.sample(opened, 3):
            with suppress(treering.MergeConflict):
                transaction.commit()
    check_history(repo, random.Random(seed), 150)


@pytest.mark.parametrize("seed", range(4))
def test_of_a_large_container_in_a_large_container(seed: int) -> None:
    """How old each version of the inner one is has to be known however the run leads to it."""
    chance = random.Random(seed)
    repo = treering.open({}, pb.Network)
    network = large_network(200)
    for device in network.devices[90:93]:
        del device.ports[:]
        for number in range(400):
            device.ports.add(number=number, label="p" * 20)
    repo.replace("/", network)
    for step in range(60):
        path = treering.Path("devices", network.devices[chance.choice([90, 90, 90, 91, 92])].name, "ports")
        number = chance.randrange(0, 400, chance.choice([1, 100]))
        port = pb.Port(number=number, label=f"{step:020}")
        if not repo.exists(path / number):
            repo.add(path, port)
        elif chance.random() < 0.3:
            repo.remove(path / number)
        else:
            repo.update(path / number, port)
        if chance.random() < 0.3:
            name = f"d{chance.randrange(80, 100):03}"
            repo.update(("devices", name), pb.Device(name=name, vendor=str(step)))
    check_history(repo, chance, 200)


class Line:
    """Commits put together by hand, of one container each, that take over every page which the one before has.

    Also as a root what was a page inside, and the other way round: the store never does that, but the format allows it.
    """

    def __init__(self) -> None:
        self.backend = MemoryBackend()
        self.reader = Reader(self.backend)
        self.commits: list[StoredCommit] = []  # newest first
        self.inside = 0  # how many pages became roots, or stopped to be
        self._numbers = itertools.count(1)
        self._known: dict[Hash, Location] = {}
        self._schema = self._put(SCHEMA, b"", b"", {})

    def commit(self, values: dict[bytes, bytes]) -> None:
        page = build((key, values[key], 0) for key in sorted(values))
        slots: dict[int, Slot] = {}
        written: dict[Hash, Location] = {}
        if page is not None:
            root: Page | Pointer = self._write(page, written)
            if (
                self.commits
                and (old := self.commits[0].record.root.slots.get(1)) is not None
                and type(old) is Container
            ):
                is_other = old.root.hash != root.hash  # type: ignore[union-attr]
                self.inside += is_other and (old.root.hash in written or root.hash in self._known)  # type: ignore[union-attr]
            slots[1] = Container(root, len(values), 1)
        self._known = written
        record = CommitRecord(0, 0, b"", "", "", self._schema, (), 0, None, 0, 0, Node(b"", slots))
        self.commits.insert(0, StoredCommit(self._put(COMMIT, b"", b"", {}), record, b""))

    def _write(self, page: Page, written: dict[Hash, Location]) -> Pointer:
        if type(page) is Inner:
            below = [self._write(page.fresh[index], written) for index in range(len(page.keys))]
            page = inner_page(page.level, page.keys, page.counts, below)
        pointer = self._put(PAGE, *page.encode(), self._known)
        written[pointer.hash] = pointer.location
        return pointer

    def _put(self, kind: bytes, content: bytes, tail: bytes, known: dict[Hash, Location]) -> Pointer:
        digest = hash_content(kind, content)
        location = known.get(digest) or Location(next(self._numbers).to_bytes(16, "big"))
        self.backend.write_many([(location, seal(kind, content, tail, digest, location))])
        return Pointer(digest, location)


@pytest.mark.parametrize("seed", range(8))
def test_of_roots_that_stand_inside_other_trees(seed: int) -> None:
    chance = random.Random(seed)
    line = Line()
    names = [f"{number:05}".encode() for number in range(2_000)]
    values = dict.fromkeys(names[: chance.choice([10, 300, 2_000])], b"\x00v")
    for step in range(60):
        line.commit(values)
        values = dict(values)
        how = chance.randrange(6)
        last = line.commits[0].record.root.slots.get(1)
        if how == 0 and type(last) is Container:  # what one page holds, and nothing else
            page, first = line.reader.page(last.root), b""  # type: ignore[arg-type]
            for _ in range(chance.choice([1, 1, 2])):
                if type(page) is Inner:
                    index = chance.choice([0, 0, chance.randrange(len(page.keys))])
                    first = page.keys[index - 1] if index else first
                    page = line.reader.page(page.pointer(index))
            values = {name: value for name, value in values.items() if first < name <= page.keys[-1]}
        elif how == 1:  # more of them, before and behind
            at = chance.randrange(2_000)
            for name in names[at : at + chance.choice([1, 50, 1_000])]:
                values.setdefault(name, b"\x00new")
        elif how == 2:
            for name in chance.sample(names, 5):
                values.pop(name, None)
        else:
            for name in chance.sample(names, chance.choice([1, 1, 1, 5])):
                if name in values or chance.random() < 0.3:
                    values[name] = b"\x00%d" % step
    assert line.inside > 0
    check_runs(line.reader, line.backend, line.commits, chance, 300)
