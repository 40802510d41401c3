"""Each loop in C gives what its twin in Python gives, and writes the same bytes."""

from __future__ import annotations

import random
from itertools import count
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.native.conftest import in_python, outcome
from tests.property.test_objects import _parts, inners, leaves, pages
from tests.proto import engine_pb2 as pb

from treering.backend.mapping import MappingBackend
from treering.errors import Error
from treering.merkle.chunking import cuts
from treering.merkle.place import Place
from treering.objects.columns import encode_leaves, pack_keys
from treering.objects.frame import NODE, PAGE, hash_content, seal, unseal
from treering.objects.page import Index, Inner, Leaf, Page, decode_page
from treering.objects.pointer import Hash, Location, Pointer
from treering.opening import open_with
from treering.schema.schema import Schema
from treering.store.batch import Batch
from treering.store.codec import load_codec
from treering.store.reader import Reader
from treering.store.session import Session
from treering.testing.entropy import FixedEntropy

keys = st.lists(st.binary(max_size=40), min_size=1, max_size=70, unique=True).map(sorted).map(tuple)
NO_STATE: Any = None  # that a batch is put on; nothing here is published
values = st.binary(min_size=1, max_size=40)


def packed(page: Any) -> Any:
    """Return a page as plain values, with what it keeps encoded."""
    if type(page) is Leaf:
        return _parts(page), page.packed_keys, page.packed_ordinals, page.packed_sizes
    return _parts(page) if type(page) is Inner else page


def both(function: Any) -> tuple[Any, Any]:
    """Return what it comes to with the loops in C, and in Python."""
    native = outcome(function)
    with in_python():
        return native, outcome(function)


@given(pages, st.data())
def test_a_page_decoded(page: Page, data: st.DataObject) -> None:
    content, tail = page.encode()
    assert packed(decode_page(content, tail)) == both(lambda: packed(decode_page(content, tail)))[1]
    content, tail = damaged(content, data), damaged(tail, data)
    native, python = both(lambda: packed(decode_page(content, tail)))
    assert native == python


def damaged(original: bytes, data: st.DataObject) -> bytes:
    """Return bytes of which one is another, or some are missing or too many."""
    at = data.draw(st.integers(0, len(original)))
    how = data.draw(st.sampled_from(["whole", "cut", "longer", "other"]))
    if how == "cut":
        return original[:at]
    if how == "longer":
        return original[:at] + data.draw(st.binary(max_size=9)) + original[at:]
    return (
        original[:at] + data.draw(st.binary(min_size=1, max_size=1)) + original[at + 1 :]
        if how == "other"
        else original
    )


@given(st.binary(max_size=90), st.binary(max_size=90), st.data())
def test_an_object_unsealed(content: bytes, tail: bytes, data: st.DataObject) -> None:
    location = Location(data.draw(st.binary(min_size=16, max_size=16)))
    digest = hash_content(PAGE, content)
    sealed = seal(PAGE, content, tail, digest, location)
    native, python = both(lambda: unseal(sealed, PAGE, digest, location, load_codec))
    assert native == python == (content, tail, digest)
    other = damaged(sealed, data)
    kind = data.draw(st.sampled_from([PAGE, NODE]))
    wanted = data.draw(st.sampled_from([None, digest, Hash(bytes(32))]))
    native, python = both(lambda: unseal(other, kind, wanted, location, load_codec))
    assert native == python


@given(st.binary(max_size=80), st.binary(max_size=40))
@example(b"\0\1\0\0\1\1a\0", b"\0\0")  # a child of no bytes
def test_any_bytes_decoded(content: bytes, tail: bytes) -> None:
    native, python = both(lambda: packed(decode_page(content, tail)))
    assert native == python


@given(st.integers(0, 63), keys | st.lists(st.binary(max_size=300), min_size=1, max_size=5, unique=True).map(sorted))
def test_keys_packed(level: int, those: Any) -> None:
    native, python = both(lambda: pack_keys(level, those))
    assert native == python


@given(st.integers(0, 63), st.lists(st.binary(max_size=12), max_size=700))
def test_places_of_cuts(level: int, those: list[bytes]) -> None:
    native, python = both(lambda: cuts(those, level))
    assert native == python


@given(keys, st.data())
def test_leaves_encoded(those: tuple[bytes, ...], data: st.DataObject) -> None:
    size = len(those)
    large = st.integers(0, 600).map(lambda length: b"\0" + b"v" * length)
    children = data.draw(st.lists(values | large, min_size=size, max_size=size))
    order = data.draw(st.lists(st.sampled_from([0, 1, 255, 256, 2**16, 2**32, 2**63]), min_size=size, max_size=size))
    ends = sorted(data.draw(st.sets(st.integers(1, size), max_size=4)) | {size})
    native, python = both(lambda: list(encode_leaves(those, children, order, ends)))
    assert native == python

    def one() -> Any:
        leaf = Leaf(those, tuple(children), tuple(order))
        return leaf.encode(), leaf.encode(), packed(leaf)

    native, python = both(one)
    assert native == python
    assert native[0] == native[1]


@given(leaves(), st.data())
def test_another_child_in_a_leaf(leaf: Leaf, data: st.DataObject) -> None:
    leaf.encode()
    index = data.draw(st.integers(0, len(leaf.keys) - 1))
    value = data.draw(values | st.just(leaf.values[index]))
    ordinal = data.draw(st.sampled_from([leaf.ordinals[index], 3]))
    native, python = both(lambda: packed(leaf.with_value(index, value, ordinal)))
    assert native == python


def test_counts_beyond_what_a_machine_counts() -> None:
    page = Inner(1, (b"a", b"b"), (2**63, 3), bytes(64), bytes(32))
    native, python = both(lambda: _parts(page.with_count(0, -3)))
    assert native == python


def test_what_is_made_has_the_hash_of_what_it_equals() -> None:
    tree = Tree(2, 1)
    pointer = tree.batch.put(PAGE, b"content", b"")
    assert hash(pointer) == hash(Pointer(*pointer))
    page = tree.reader.page(tree.root)
    assert hash(page.index) == hash(Index(*page.index))  # type: ignore[union-attr]
    assert hash(decode_page(*page.encode()).index) == hash(Index(*page.index))  # type: ignore[union-attr]


@given(inners(), st.data())
def test_another_count_in_a_page(page: Inner, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(page.keys) - 1))
    added = data.draw(st.integers(-page.counts[index], 300) | st.sampled_from([1, -1, 2**8, 2**16, 2**32]))
    native, python = both(lambda: (_parts(made := page.with_count(index, added)), made.content, made.index))
    assert native == python


class Tree:
    """Pages of a few levels, some of them cached."""

    def __init__(self, size: int, seed: int, cache_bytes: int = 1 << 20) -> None:
        self.backend = MappingBackend({})
        self.reader = Reader(self.backend, cache_bytes)
        self.chance = random.Random(seed)
        self.batch = Batch(Session(3, b"salted"), None, self.reader, NO_STATE)
        below: list[tuple[bytes, int, Pointer]] = []
        numbers = count()
        for _ in range(size):
            own = tuple(b"%06d" % next(numbers) for _ in range(self.chance.randint(1, 9)))
            leaf = Leaf(own, tuple(b"\0" + key * self.chance.randint(1, 3) for key in own), tuple(range(len(own))))
            below.append((own[-1], len(own), self.batch.put(PAGE, *leaf.encode(), leaf)))
        level = 0
        while len(below) > 1:
            level += 1
            above = []
            for start in range(0, len(below), 7):
                part = below[start : start + 7]
                page = Inner(
                    level,
                    tuple(key for key, _, _ in part),
                    tuple(number for _, number, _ in part),
                    b"".join(pointer.hash for _, _, pointer in part),
                    b"".join(pointer.location for _, _, pointer in part),
                )
                pointer = self.batch.put(PAGE, *page.encode(), page)
                above.append((page.keys[-1], page.count, pointer))
            below = above
        self.root = below[0][2]
        self.count = next(numbers)
        self.backend.write_many(self.batch.entries)

    def forget_some(self) -> None:
        young = self.reader.cache.young
        for location in self.chance.sample(sorted(young), len(young) // 3):
            del young[location]


@settings(max_examples=40)
@given(
    st.integers(1, 60),
    st.integers(0, 1_000),
    st.lists(st.integers(-1, 400), min_size=1, max_size=8),
    st.sampled_from([1_000, 4_000, 6_000, 9_000, 1 << 20]),
)
def test_a_way_down_and_what_is_written_on_the_way_up(
    size: int, seed: int, numbers: list[int], cache_bytes: int
) -> None:
    written: list[Any] = []

    def run() -> Any:
        tree = Tree(size, seed, cache_bytes)
        seen = []
        for number in numbers:
            tree.forget_some()
            place = Place(tree.reader, tree.root, b"%06d" % number if number >= 0 else b"\xff")
            seen.append((place.found, place.value, [(_parts(page), index) for page, index in place._trail]))
            batch = Batch(Session(number + 4, b"pepper"), None, tree.reader, tree.batch.base)
            root = place.put(b"\0new %d" % number, 7, batch) if number >= 0 else place._leaf
            seen += [packed(root), list(batch.entries), sorted(tree.reader.cache.young), tree.reader.cache._bytes]
            kept = {at: (entry[0], packed(entry[1]), entry[2]) for at, entry in tree.reader.cache.young.items()}
            seen.append(sorted(kept.items()))
        written.append(seen)
        return seen

    native, python = both(run)
    assert native == python
    assert len(written) == 2, "it is no error that both come to"


EDITS = ("add", "add", "add", "update", "update", "replace", "remove", "transaction")


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_history_is_the_same_bytes(seed: int) -> None:
    native: dict[str, bytes] = {}
    python: dict[str, bytes] = {}
    play(native, seed)
    with in_python():
        play(python, seed)
    assert native == python
    assert len(native) > 300


def play(mapping: dict[str, bytes], seed: int) -> None:
    """Make some hundreds of random edits, of which some are refused, reopen, and prune."""
    chance = random.Random(seed)
    schema = Schema(pb.Network)
    for sitting in range(3):
        entropy = FixedEntropy(sitting, start_microseconds=10**15 + sitting)
        repo = open_with(mapping, schema, branch="main", author="a", create=True, deadline_seconds=5, entropy=entropy)
        for _ in range(150):
            kind, name = chance.choice(EDITS), f"d{chance.randint(0, 200):03d}{'x' * chance.choice([0, 0, 0, 200])}"
            ports = [
                pb.Port(number=number, label="p" * chance.randint(0, 90)) for number in range(chance.randint(0, 9))
            ]
            device = pb.Device(name=name, vendor="v" * chance.choice([0, 3, 40, 600]))
            full = pb.Device(name=name, vendor=device.vendor, ports=ports)
            try:
                if kind == "add":
                    repo.add("/devices", chance.choice([device, full]))
                elif kind == "update":
                    repo.update(f"/devices/{name}", device)
                elif kind == "replace":
                    repo.replace(f"/devices/{name}", full)
                elif kind == "remove":
                    repo.remove(f"/devices/{name}")
                else:
                    with repo.transaction() as transaction:
                        for number in range(chance.randint(1, 30)):
                            transaction.add(
                                "/folders", pb.Folder(name=f"f{chance.randint(0, 10**6)}", text=f"{number}")
                            )
            except Error:
                continue
        assert repo.verify().ok
        repo.prune(keep_last=40)
        repo.close()
