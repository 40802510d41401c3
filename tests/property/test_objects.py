"""Stored objects: what is encoded comes back, and no bytes, however damaged, raise anything but treering's errors."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import treering
from treering.backend.mapping import MappingBackend
from treering.objects.commit import NONCE_BYTES, CommitRecord, decode_commit
from treering.objects.frame import COMMIT, NODE, PAGE, TABLE, hash_content, seal, unseal
from treering.objects.node import Container, Node, decode_node
from treering.objects.packing import encode_sized, encode_varint
from treering.objects.page import MAX_LEVEL, Inner, Leaf, Page, decode_page, inner_page
from treering.objects.pointer import Embedded, Hash, Location, Pointer
from treering.objects.root import BRANCHES, TAGS, RootRecord, decode_names, decode_root, encode_names
from treering.store.codec import load_codec
from treering.store.reader import Reader
from treering.store.state import State

integers = st.one_of(st.just(0), st.integers(0, 255), st.integers(0, 2**16), st.integers(0, 2**40))
varints = st.one_of(st.integers(0, 127), st.integers(0, 2**63))
hashes = st.binary(min_size=32, max_size=32).map(Hash)
locations = st.binary(min_size=16, max_size=16).map(Location)
pointers = st.builds(Pointer, hashes, locations)
plain = st.binary(max_size=30).map(b"\x00".__add__)
embedded = st.builds(Embedded, st.binary(min_size=1, max_size=30), st.binary(min_size=1, max_size=30))
values = st.one_of(plain, embedded, pointers)
key_lists = st.lists(st.binary(max_size=300), min_size=1, max_size=20, unique=True).map(sorted)


@st.composite
def leaves(draw: st.DrawFn) -> Leaf:
    keys = draw(key_lists)
    size = len(keys)
    children = draw(st.lists(draw(st.sampled_from((plain, values))), min_size=size, max_size=size))
    return Leaf(tuple(keys), tuple(children), tuple(draw(st.lists(integers, min_size=size, max_size=size))))


@st.composite
def inners(draw: st.DrawFn) -> Inner:
    keys = draw(key_lists)
    size = len(keys)
    return Inner(
        draw(st.integers(1, MAX_LEVEL)),
        tuple(keys),
        tuple(draw(st.lists(integers, min_size=size, max_size=size))),
        b"".join(draw(st.lists(hashes, min_size=size, max_size=size))),
        b"".join(draw(st.lists(locations, min_size=size, max_size=size))),
    )


pages: st.SearchStrategy[Page] = leaves() | inners()
containers = st.builds(Container, pages | pointers, varints, varints)
slots = st.dictionaries(st.integers(1, 2**29 - 1), plain | embedded | pointers | containers, max_size=4)
nodes = st.builds(Node, st.binary(max_size=60), slots)
u64 = st.integers(0, 2**64 - 1)
records = st.builds(
    CommitRecord,
    seq=u64,
    time=st.integers(-(2**63), 2**63 - 1),
    nonce=st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES),
    author=st.text(max_size=20),
    note=st.text(max_size=300),
    schema=pointers,
    parents=st.lists(pointers, max_size=3).map(tuple),
    depth=u64,
    jump=st.none() | pointers,
    jump_depth=u64,
    jump_jump_depth=u64,
    root=nodes,
    extensions=st.dictionaries(varints, st.binary(max_size=20), max_size=3),
)
name_tables = st.dictionaries(st.text(min_size=1, max_size=20), pointers, max_size=5)
roots = st.builds(
    RootRecord,
    store_id=st.binary(min_size=16, max_size=16),
    version=u64,
    next_session=u64,
    session_floor=u64,
    sections=st.dictionaries(st.integers(1, 100), st.binary(max_size=300) | pointers, max_size=5),
)


KINDS: dict[bytes, Callable[[Reader, Pointer], object]] = {
    PAGE: Reader.page,
    NODE: Reader.node,
    COMMIT: Reader.commit,
    TABLE: Reader.table,
}


def _parts(value: Any) -> Any:
    """Return a page, node or record as plain values, which compare."""
    if isinstance(value, CommitRecord):
        return "commit", list(map(_parts, value))
    if isinstance(value, Leaf | Inner | Node):
        names = [name for name in value.__slots__ if name != "fresh" and not name.startswith(("_", "packed"))]
        return type(value).__name__, [_parts(getattr(value, name)) for name in names]
    if type(value) is Container:
        return "container", _parts(value.root), value.count, value.next_ordinal
    if isinstance(value, dict):
        return {key: _parts(item) for key, item in value.items()}
    return value if type(value) is not type({}.keys()) else list(value)


@given(pages)
def test_pages_come_back(page: Page) -> None:
    content, tail = page.encode()
    assert _parts(decode_page(content, tail)) == _parts(page)


@st.composite
def likes(draw: st.DrawFn) -> list[bytes]:
    """Keys that begin alike, all of them; one may be where the others begin, and one may be all there is."""
    begin = draw(st.binary(max_size=300))
    rests = draw(st.lists(st.binary(max_size=4), min_size=1, max_size=20, unique=True))
    return sorted(begin + rest for rest in rests)


@given(likes(), st.booleans())
def test_what_the_keys_of_a_page_share_is_written_once(keys: list[bytes], is_leaf: bool) -> None:
    number = len(keys)
    page: Page = Leaf(tuple(keys), (b"\x00",) * number, (0,) * number)
    if not is_leaf:
        page = Inner(1, tuple(keys), (1,) * number, bytes(32 * number), bytes(16 * number))
    content, tail = page.encode()
    shared = next(begin for at in range(len(keys[0]), -1, -1) if keys[-1].startswith(begin := keys[0][:at]))
    assert decode_page(content, tail).keys == tuple(keys)
    assert decode_page(content, tail).encode() == (content, tail)
    longest = max(len(key) for key in keys) - len(shared)
    sizes = 1 + number * (1 if longest else 0)
    rests = sum(len(key) - len(shared) for key in keys)
    head = 3 + len(encode_sized(shared)) + sizes + rests
    assert len(content) == head + (1 + 2 * number if is_leaf else 1 + 33 * number)


@given(likes(), st.data())
def test_a_damaged_page_does_not_decode_to_anything_but_a_page(keys: list[bytes], data: st.DataObject) -> None:
    """Whatever it says is shared, and however many keys it says there are."""
    content, tail = Leaf(tuple(keys), (b"\x00x",) * len(keys), tuple(range(len(keys)))).encode()
    parts = [bytearray(content), bytearray(tail)]
    _damage(parts[data.draw(st.integers(0, 1))], data)
    try:
        page = decode_page(*map(bytes, parts))
    except (IndexError, ValueError, struct.error):
        return
    assert len(page.keys) == len(page.values if type(page) is Leaf else page.counts)  # type: ignore[union-attr]


@given(nodes)
def test_nodes_come_back(node: Node) -> None:
    content, tail = node.encode()
    decoded = decode_node(content, tail)
    assert decoded.encode() == (content, tail)
    assert decoded.own == node.own
    assert _parts(dict(decoded.slots)) == _parts(dict(node.slots))


@given(records)
def test_commits_come_back(record: CommitRecord) -> None:
    node_content, node_tail = record.root.encode()
    content, tail = record.encode(node_content, node_tail)
    decoded, found = decode_commit(content, tail)
    assert found == node_content
    assert decoded.encode(node_content, node_tail) == (content, tail)
    for name in ("seq", "time", "nonce", "author", "note", "schema", "parents", "depth", "jump", "extensions"):
        assert getattr(decoded, name) == getattr(record, name)


@given(roots)
def test_root_records_come_back(record: RootRecord) -> None:
    assert decode_root(record.encode(), "memory:") == record


@given(name_tables)
def test_names_come_back(names: dict[str, Pointer]) -> None:
    assert decode_names(encode_names(names)) == names


@given(st.binary(max_size=5000), st.binary(max_size=500), st.sampled_from((None, 1)))
def test_frames_come_back(content: bytes, tail: bytes, codec: int | None) -> None:
    digest, location = hash_content(PAGE, content), Location(bytes(16))
    data = seal(PAGE, content, tail, digest, location, load_codec(codec) if codec else None)
    assert unseal(data, PAGE, digest, location, load_codec) == (content, tail, digest)


@given(pages | nodes, st.data(), st.sampled_from((None, 1)))
def test_a_damaged_object_is_refused(value: Page | Node, data: st.DataObject, codec: int | None) -> None:
    kind = NODE if isinstance(value, Node) else PAGE
    content, tail = value.encode()
    location = Location(bytes(16))
    pointer = Pointer(hash_content(kind, content), location)
    stored = bytearray(seal(kind, content, tail, *pointer, load_codec(codec) if codec else None))
    _damage(stored, data)
    reader = _reader_of(location, bytes(stored))
    # A damaged codec number may also be one that this release, or this installation, does not have.
    with pytest.raises((treering.Corruption, treering.FormatUnsupported, treering.MissingDependency)):
        KINDS[kind](reader, pointer)


@given(records, st.data())
def test_a_damaged_commit_is_refused(record: CommitRecord, data: st.DataObject) -> None:
    content, tail = record.encode(*record.root.encode())
    pointer = Pointer(hash_content(COMMIT, content), Location(bytes(16)))
    stored = bytearray(seal(COMMIT, content, tail, *pointer))
    _damage(stored, data)
    with pytest.raises((treering.Corruption, treering.FormatUnsupported, treering.MissingDependency)):
        _reader_of(pointer.location, bytes(stored)).commit(pointer)


@given(roots, st.data())
def test_a_damaged_root_is_an_error(record: RootRecord, data: st.DataObject) -> None:
    stored = bytearray(record.encode())
    _damage(stored, data)
    with pytest.raises((treering.Corruption, treering.NotAStore, treering.FormatUnsupported)):
        decode_root(bytes(stored), "memory:")


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=300), st.binary(max_size=100))
@example(PAGE, b"\x00\x01\x00\x03\x00", b"")  # integers of three bytes: no such width
def test_well_framed_nonsense_raises_only_our_errors(kind: bytes, content: bytes, tail: bytes) -> None:
    """Whoever can write to a store can write sound frames: what is in them may still be anything."""
    _try_to_read(kind, content, tail)


@given(pages | nodes | records, st.data())
def test_damage_below_a_sound_frame_raises_only_our_errors(
    value: Page | Node | CommitRecord, data: st.DataObject
) -> None:
    if isinstance(value, CommitRecord):
        kind, (content, tail) = COMMIT, value.encode(*value.root.encode())
    else:
        kind, (content, tail) = NODE if isinstance(value, Node) else PAGE, value.encode()
    parts = [bytearray(content), bytearray(tail)]
    _damage(data.draw(st.sampled_from([part for part in parts if part])), data)
    _try_to_read(kind, *map(bytes, parts))


@given(st.sampled_from((BRANCHES, TAGS)), st.binary(max_size=200))
def test_a_table_of_nonsense_raises_only_our_errors(tag: int, table: bytes) -> None:
    record = RootRecord(bytes(16), 1, 2, 0, {tag: table})
    state = State.read(record.encode(), _reader_of(Location(bytes(16)), b""), "memory:")
    with suppress(treering.Error):
        assert (state.branches, state.tags) is not None


def _damage(stored: bytearray, data: st.DataObject) -> None:
    """Change some bytes, cut some off, or put some in; never leave all as it was."""
    before = bytes(stored)
    at = data.draw(st.integers(0, len(stored) - 1))
    how = data.draw(st.sampled_from(("flip", "cut", "insert", "swap")))
    if how == "flip":
        stored[at] ^= data.draw(st.integers(1, 255))
    elif how == "cut":
        del stored[at : at + data.draw(st.integers(1, 40))]
    elif how == "insert":
        stored[at:at] = data.draw(st.binary(min_size=1, max_size=20))
    else:
        other = data.draw(st.integers(0, len(stored) - 1))
        stored[at], stored[other] = stored[other], stored[at]
    if stored == before:
        stored.append(0)


def _try_to_read(kind: bytes, content: bytes, tail: bytes) -> None:
    pointer = Pointer(hash_content(kind, content), Location(bytes(16)))
    with suppress(treering.Error):
        KINDS[kind](_reader_of(pointer.location, seal(kind, content, tail, *pointer)), pointer)


def _reader_of(location: Location, stored: bytes) -> Reader:
    backend = MappingBackend({})
    backend.write_many([(location, stored)])
    return Reader(backend, 0)


def test_a_page_of_an_impossible_level_does_not_decode() -> None:
    content, tail = inner_page(63, (b"k",), (1,), [Pointer(Hash(bytes(32)), Location(bytes(16)))]).encode()
    assert decode_page(content, tail).level == 63
    with pytest.raises(ValueError, match="level"):
        decode_page(b"\x40" + content[1:], tail)


@pytest.mark.parametrize("length", [0, 10, 1_000_001])
def test_a_frame_that_states_another_length_is_not_inflated_beyond_it(length: int) -> None:
    bomb = zlib.compress(bytes(1_000_000))
    with pytest.raises(ValueError, match="length"):
        load_codec(1).decompress(bomb, length)


def test_a_commit_of_impossibly_many_parents_does_not_decode() -> None:
    content = bytes(40 + 8 + 32) + encode_varint(1 << 40) + bytes(64)
    with pytest.raises(ValueError, match="parents"):  # at once, and without a list of that length
        decode_commit(content, bytes(16))
