"""What each call costs a store, counted: objects, bytes, requests, hashes, messages. No times: those are benchmarks.

Costs may grow with the height of the tree (about log16 of the number of children) and never with that number itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
from benchmarks.fleet import SCHEMA, Device, Fleet, device, device_id, fleet, open_fleet, random_numbers

import treering
from treering.backend.base import Entry
from treering.objects import frame
from treering.objects.page import Inner, Page
from treering.objects.pointer import Pointer
from treering.schema.shape import Shape
from treering.store import batch as batch_module
from treering.testing import FaultyBackend, MemoryBackend

SIZES = (100, 10_000, 100_000)
JUMP_READS = 2  # commits that the skew-binary jump of a new commit may look at
BYTES_PER_UPDATE = {100: 3_000, 10_000: 5_000, 100_000: 6_200}  # root record included


class CountingBackend(FaultyBackend):
    """Also counts the kinds of objects that were read and written: P a page, C a commit, N a node, S a schema."""

    def reset_counts(self) -> None:
        super().reset_counts()
        self.read: Counter[str] = Counter()
        self.written: Counter[str] = Counter()

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        values = super().read_many(keys)
        self.read.update(chr(value[0]) for value in values if value)
        return values

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        self.written.update(chr(value[0]) for _, value in objects)
        return super().publish(objects, expected, root)


@dataclass
class Store:
    size: int
    backend: CountingBackend
    repo: treering.Repository
    tree_id: str  # of the content that every test starts with

    @property
    def height(self) -> int:
        """How many stored pages stand on the way to a child; a small root page stands in the commit."""
        root = self.repo.at("main").root.slots[2].root  # type: ignore[union-attr]
        return self.repo._store.reader.page(root).level + 1 if isinstance(root, Pointer) else root.level

    def cold(self) -> None:
        """Forget every page that was read, and start to count."""
        self.repo._store.reader.forget()
        self.backend.reset_counts()


@pytest.fixture(scope="module", params=SIZES, ids="N={}".format)
def filled(request: pytest.FixtureRequest) -> Store:
    backend = CountingBackend(MemoryBackend())
    repo = open_fleet(backend, request.param)
    return Store(request.param, backend, repo, repo.head.tree_id)


@pytest.fixture
def store(filled: Store) -> Store:
    """Every test finds the same content, a session taken and nothing cached."""
    if filled.repo.head.tree_id != filled.tree_id:
        filled.repo.replace("/", fleet(filled.size))
    filled.cold()
    return filled


@dataclass
class Work:
    hashes: int = 0
    hashed_bytes: int = 0
    serialised: int = 0
    parsed: int = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Count the hashes computed and the messages serialised and parsed."""
    done = Work()
    hash_content, own_bytes = frame.hash_content, Shape.own_bytes

    def counted_hash(kind: bytes, content: bytes) -> Any:
        done.hashes += 1
        done.hashed_bytes += len(content)
        return hash_content(kind, content)

    def counted_own_bytes(shape: Shape, message: Any) -> bytes:
        done.serialised += 1
        return own_bytes(shape, message)

    def counted_parse(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        def counted(data: bytes) -> Any:
            done.parsed += 1
            return parse(data)

        return counted

    monkeypatch.setattr(batch_module, "hash_content", counted_hash)
    monkeypatch.setattr(frame, "hash_content", counted_hash)  # what is read is hashed as well
    monkeypatch.setattr(Shape, "own_bytes", counted_own_bytes)
    for shape in SCHEMA.shapes.values():
        monkeypatch.setattr(shape, "parse", counted_parse(shape.parse))
    return done


def test_update_reads_the_path_and_writes_it(store: Store) -> None:
    backend, height = store.backend, store.height
    store.cold()
    store.repo.update(("devices", device_id(store.size // 2)), device(store.size // 2, version=1))
    assert backend.written == {"P": height, "C": 1}
    assert backend.calls["publish"] == 1
    assert backend.read["P"] == height
    assert backend.read.total() <= height + JUMP_READS


def test_update_hashes_and_serialises_the_path_only(store: Store, work: Work) -> None:
    path, height = ("devices", device_id(7)), store.height
    store.repo.update(path, device(7, version=1))  # pages are cached now
    work.__init__()  # type: ignore[misc]
    store.repo.update(path, device(7))
    assert work.serialised == 1
    assert work.parsed == 0
    assert height + 1 <= work.hashes <= height + 1 + JUMP_READS
    assert work.hashed_bytes <= store.backend.bytes_written / 2 + 512 + JUMP_READS * 1024


def test_update_writes_few_bytes(store: Store) -> None:
    numbers = list(islice(random_numbers(store.size), 50))
    for version in (1, 0):
        for number in numbers:
            store.repo.update(("devices", device_id(number)), device(number, version))
    edits = store.backend.calls["publish"]
    assert edits <= 2 * len(numbers)
    assert store.backend.bytes_written / edits <= BYTES_PER_UPDATE[store.size]


def test_add_and_remove_touch_a_few_pages_a_level(store: Store) -> None:
    backend, height = store.backend, store.height
    numbers = list(islice(random_numbers(store.size, seed=2), 40))
    new = [(Device(id=f"{device_id(number)}/new"), ("devices", f"{device_id(number)}/new")) for number in set(numbers)]
    pages = []
    for message, path in new:
        store.cold()
        store.repo.add("/devices", message)
        pages.append(backend.written["P"])
        assert backend.read["P"] <= 4 * height
        assert backend.written["C"] == backend.calls["publish"] == 1
        assert set(backend.written) == {"P", "C"}
        store.cold()
        store.repo.remove(path)
        pages.append(backend.written["P"])
        assert backend.read["P"] <= 4 * height
    assert max(pages) <= 4 * height
    assert sum(pages) / len(pages) <= 1.7 * height + 0.5


def test_add_serialises_and_parses_only_what_it_is_given(store: Store, work: Work) -> None:
    store.repo.add("/devices", Device(id="zzz"))
    store.repo.remove("/devices/zzz")
    assert (work.serialised, work.parsed) == (1, 0)
    assert work.hashes <= 2 * (4 * store.height + 1)


def test_get_reads_one_page_a_level_then_nothing(store: Store, work: Work) -> None:
    height = store.height
    store.cold()
    path = ("devices", device_id(store.size - 1))
    assert store.repo.get(path).id == device_id(store.size - 1)
    assert store.backend.calls["read_many"] == store.backend.read["P"] == height
    assert work.parsed == 1
    store.backend.reset_counts()
    store.repo.get(path)
    assert store.backend.calls["read_many"] == 0


@pytest.mark.parametrize("apart", [1, 10, 100])
def test_diff_reads_what_differs(store: Store, work: Work, apart: int) -> None:
    repo, backend, height = store.repo, store.backend, store.height
    before = repo.head
    numbers = range(0, store.size, store.size // apart)[:apart]
    for number in numbers:
        repo.update(("devices", device_id(number)), device(number, version=1))
    store.cold()
    work.__init__()  # type: ignore[misc]
    assert len(list(repo.diff(before))) == apart
    assert backend.read["P"] <= 2 * apart * height
    assert backend.read.total() - backend.read["P"] <= 1
    assert backend.calls["read_many"] <= height + 1
    assert work.parsed == 2 * apart


def test_diff_of_equal_trees_reads_nothing(store: Store) -> None:
    before = store.repo.head
    store.repo.update("/devices/" + device_id(0), device(0, version=1))
    store.repo.update("/devices/" + device_id(0), device(0))
    store.cold()
    assert list(store.repo.diff(before)) == []
    assert store.backend.read["P"] == 0


def test_open_reads_a_constant_number_of_objects(store: Store) -> None:
    store.backend.reset_counts()
    repo = treering.open(store.backend, SCHEMA)
    assert repo.head.seq >= 1
    assert store.backend.read == {"C": 1, "S": 1}
    assert store.backend.calls["read_root"] <= 3
    assert store.backend.bytes_read < 4096
    assert store.backend.keys_written == 0


def test_count_and_exists_read_nothing_below(store: Store) -> None:
    assert store.repo.count("/devices") == store.size
    assert store.repo.exists("/devices")
    assert store.backend.calls["read_many"] == 0


def test_a_deep_read_is_a_few_large_requests(store: Store, work: Work) -> None:
    assert len(store.repo.get(deep=True).devices) == store.size
    assert store.backend.calls["read_many"] <= 3 + store.size / 400
    assert work.parsed == 1


def test_a_page_of_a_listing_reads_its_own_pages(store: Store) -> None:
    height = store.height
    store.cold()
    keys = store.repo.keys("/devices", start=device_id(store.size // 2), limit=40)
    assert keys == [device_id(store.size // 2 + at) for at in range(40)]
    assert store.backend.calls["read_many"] <= 40 / 3 + 3 * height


def test_an_edit_that_changes_nothing_writes_nothing(store: Store) -> None:
    repo, head = store.repo, store.repo.head
    repo.update(("devices", device_id(3)), device(3))
    repo.replace(("devices", device_id(3)), device(3))
    repo.update("/", Fleet(owner="benchmarks"))
    repo.update("/", Fleet(owner="another"), mask=[])
    assert repo.head == head
    repo.replace("/", fleet(store.size))
    assert repo.head == head
    assert store.backend.keys_written == 0


def test_a_replace_writes_only_what_differs(store: Store) -> None:
    whole, height = fleet(store.size), store.height
    whole.devices[store.size // 3].firmware = "another"
    store.cold()
    store.repo.replace("/", whole)
    assert store.backend.written == {"P": height, "C": 1}


def test_the_parents_own_fields_cost_no_page(store: Store) -> None:
    store.cold()
    store.repo.update("/", Fleet(owner="somebody"))
    assert store.backend.written == {"C": 1}
    assert store.backend.read["P"] == 0


def test_a_tag_moves_the_root_alone(store: Store) -> None:
    store.cold()
    store.repo.tag("now")
    assert store.backend.keys_written == 1
    assert store.backend.calls["read_many"] == 0
    store.repo.tag("now")
    assert store.backend.keys_written == 1
    store.repo.delete_tag("now")


def test_pages_keep_their_size(store: Store) -> None:
    """What every other cost rests on: leaves of 8.5 children and inner pages of 16 in the mean."""
    reader, root = store.repo._store.reader, store.repo.at("main").root.slots[2].root  # type: ignore[union-attr]
    level: list[Page] = [reader.page(root) if isinstance(root, Pointer) else root]
    while level:
        sizes = [len(page.keys) for page in level]
        low, high, most = (12, 20, 48) if level[0].level else (7.5, 10, 32)
        assert max(sizes) <= most
        if len(sizes) >= 30:
            assert low <= sum(sizes) / len(sizes) <= high, level[0].level
        level = [
            reader.page(page.pointer(index)) for page in level if type(page) is Inner for index in range(len(page.keys))
        ]
