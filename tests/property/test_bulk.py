"""What is built for many children at once is what is built for each: pages, cuts, keys, look-ups."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from benchmarks.fleet import SCHEMA, Device, device
from hypothesis import given
from hypothesis import strategies as st

from treering.merkle import bulk
from treering.merkle.bulk import write_columns
from treering.merkle.chunking import cuts, key_number, thresholds
from treering.merkle.container import build_columns, find_entries, find_entry
from treering.merkle.seal import seal_root, write_root
from treering.objects.frame import hash_content
from treering.objects.node import EMBED_BYTES, Node
from treering.objects.page import Inner, Page, decode_page
from treering.objects.pointer import Location, Pointer
from treering.tree.seal import seal_value

Written = list[tuple[bytes, bytes, bytes]]  # kind, content, tail


class Store:
    """Keeps what is put, in its order."""

    def __init__(self) -> None:
        self.written: Written = []

    def put(self, kind: bytes, content: bytes, tail: bytes, value: object, old: bytes) -> Pointer:
        location = Location(len(self.written).to_bytes(16, "big"))
        self.written.append((kind, content, tail))
        return Pointer(hash_content(kind, content), location)

    def page(self, pointer: Pointer) -> Page:
        _, content, tail = self.written[int.from_bytes(pointer.location, "big")]
        return decode_page(content, tail)

    def child(self, page: Inner, index: int) -> Page:
        return page.fresh.get(index) or self.page(page.pointer(index))

    def pages(self, pointers: Sequence[Pointer]) -> list[Page]:
        return [self.page(pointer) for pointer in pointers]


def both(keys: list[bytes], values: list[Any], ordinals: Sequence[int]) -> tuple[Store, Page | Pointer]:
    """Build a container in both ways, which are to write the same in the same order."""
    sealed, streamed = Store(), Store()
    made = seal_root(build_columns(tuple(keys), tuple(values), tuple(ordinals)), sealed.put, seal_value)
    page = write_columns(keys, lambda start, end: values[start:end], ordinals, streamed.put, seal_value)
    root = write_root(page, streamed.put, None)
    assert streamed.written == sealed.written
    assert type(root) is type(made)
    assert root == made if type(root) is Pointer else root.encode() == made.encode()  # type: ignore[union-attr]
    return streamed, root


@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize("size", [1, 2, 20, 300, 3_000])
@pytest.mark.parametrize("order", ["none", "rising", "shuffled", "far"])
def test_pages_are_written_as_a_seal_does(size: int, order: str, large: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk, "_LARGE", 0 if large else 1 << 16)
    ordinals = [0] * size if order == "none" else list(range(size))
    if order == "shuffled":
        random.Random(1).shuffle(ordinals)
    elif order == "far":
        ordinals = [ordinal * 2**25 for ordinal in ordinals]
    both([b"%05d" % number for number in range(size)], [b"\x00%d" % number for number in range(size)], ordinals)


@pytest.mark.parametrize("large", [True, False])
@given(seed=st.integers(0, 1 << 32), size=st.integers(1, 400))
def test_children_of_any_size_and_form(seed: int, size: int, large: bool):
    choose = random.Random(seed)
    keys = sorted({choose.randbytes(choose.choice((1, 3, 300))) + b"\0" for _ in range(size)})
    longest = choose.choice((10, 300, 2 * EMBED_BYTES))
    owns = [bytes(choose.randrange(longest)) for _ in keys]
    values = [b"\0" + own if len(own) < EMBED_BYTES else Node(own) for own in owns]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "_LARGE", 0 if large else 1 << 16)
        store, root = both(keys, values, range(len(keys)))
    found = find_entries(store, root, [b"", *keys, b"\xff" * 400])
    assert found == {key: find_entry(store, root, key) for key in keys}
    some = sorted(choose.sample(keys, len(keys) // 3))
    assert list(find_entries(store, root, some)) == some


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 3_000])
@pytest.mark.parametrize("level", [0, 1])
def test_cuts_are_where_each_key_says(size: int, level: int):
    keys = [b"%d" % number for number in range(size)]
    places, start = [], 0
    for place, key in enumerate(keys, 1):
        if key_number(key, level) < thresholds(level)[place - start]:
            places.append(place)
            start = place
    assert cuts(keys, level) == places


@pytest.mark.parametrize(
    "odd", ["", "dévice", "a\0b", "a\1", "\0", "x" * 127, "x" * 128, "x" * 500], ids=lambda odd: ascii(odd[:9])
)
def test_keys_on_the_wire_are_those_of_the_messages(odd: str):
    codec = SCHEMA.root.children["devices"].codec
    assert codec is not None
    plain = [device(number) for number in range(20)]
    assert codec.find_on_wire([message.SerializeToString() for message in plain]) == codec.encode_messages(plain)
    given_messages = [*plain, Device(id=odd, serial="device-1")]
    found = codec.find_on_wire([message.SerializeToString() for message in given_messages])
    assert found is None or found == codec.encode_messages(given_messages)
    assert (found is None) == (odd != "x" * 127)


def test_an_empty_message_has_no_key_on_the_wire():
    codec = SCHEMA.root.children["devices"].codec
    assert codec is not None
    assert codec.find_on_wire([b""]) is None
    assert codec.find_on_wire([]) in (None, [])
