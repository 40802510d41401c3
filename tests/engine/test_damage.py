"""Stores that somebody damaged: told clearly, found by verify, and no reason to fail for what is sound."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import pytest
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.proto import engine_pb2 as pb

import treering
from treering import Corruption, DanglingReference, FormatUnsupported, NotAStore, StoreRolledBack

KINDS = {"page": b"P", "node": b"N", "commit": b"C", "schema": b"S", "table": b"T"}


@pytest.fixture
def filled(store: Place) -> treering.Repository:
    repo = store.open()
    repo.replace("/", network())
    repo.update("/devices/d1", pb.Device(name="d1", vendor="v"))
    repo.tag("v1")
    for number in range(60):  # enough to stand in an object of their own
        repo.tag(f"tag-{number}")
    return store.reopen()


def _flip(position: float) -> Callable[[bytes], bytes]:
    """Turn one bit at a relative position."""

    def change(value: bytes) -> bytes:
        at = min(int(len(value) * position), len(value) - 1)
        return value[:at] + bytes([value[at] ^ 0x10]) + value[at + 1 :]

    return change


def _newest(store: Place, kind: bytes) -> bytes:
    """Return the location of the newest object of a kind: the head's commit, its pages, the tags as they are."""
    return [key for key, value in store.content().items() if key and value and value[:1] == kind][-1]


def _touch(repo: treering.Repository, kind: str) -> None:
    """Read something that needs the newest object of a kind."""
    if kind == "table":
        repo.resolve("v1")
    else:
        repo.get(deep=True)


@pytest.mark.parametrize("position", [0.0, 0.01, 0.5, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_found(filled: treering.Repository, store: Place, kind: str, position: float) -> None:
    location = _newest(store, KINDS[kind])
    store.rewrite(_flip(position), location)
    report = filled.verify()
    assert not report.ok
    assert report.problems
    with pytest.raises(Corruption) as caught, store.open() as fresh:  # opening meets a damaged commit or schema
        _touch(fresh, kind)
    assert not isinstance(caught.value, DanglingReference)
    assert location.hex() in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_object_is_found(filled: treering.Repository, store: Place, kind: str) -> None:
    location = _newest(store, KINDS[kind])
    store.rewrite(lambda _: None, location)
    assert len(filled.verify().problems) == 1
    with pytest.raises(DanglingReference) as caught, store.open() as fresh:
        _touch(fresh, kind)
    assert location.hex() in str(caught.value)


def test_an_object_in_the_place_of_another_is_found(filled: treering.Repository, store: Place) -> None:
    content = store.content()
    pages = [key for key, value in content.items() if key and value and value[:1] == b"P"]
    store.rewrite(lambda _: content[pages[0]], pages[-1])
    assert filled.verify().problems
    with store.open() as fresh, pytest.raises(Corruption):
        fresh.get(deep=True)


def test_an_object_cut_short_is_found(filled: treering.Repository, store: Place) -> None:
    location = _newest(store, b"P")
    for length in (0, 1, 5, 13, 40):
        store.rewrite(lambda value, length=length: value[:length], location)  # type: ignore[misc]
        assert filled.verify().problems
        with store.open() as fresh, pytest.raises(Corruption):
            fresh.get(deep=True)


def test_verify_goes_on_and_tells_everything(filled: treering.Repository, store: Place) -> None:
    sound = filled.verify()
    assert (sound.ok, sound.problems) == (True, ())
    assert sound.objects > 30
    content = store.content()
    nodes = [key for key, value in content.items() if key and value and value[:1] == b"N"]
    assert len(nodes) >= 2
    for location in nodes:
        store.rewrite(_flip(0.5), location)
    report = filled.verify()
    assert len(report.problems) == len(nodes)
    assert report.objects > sound.objects - 5  # all but the few that only a damaged node leads to


def test_what_is_sound_is_read_on(filled: treering.Repository, store: Place) -> None:
    location = _newest(store, b"N")  # the large device's own object, or the site's
    store.rewrite(_flip(0.5), location)
    with store.open() as fresh:
        with pytest.raises(Corruption):
            fresh.get(deep=True)
        assert fresh.get("/devices/d2", deep=True) == device("d2")
        assert fresh.count("/devices") == len(network().devices)
        fresh.add("/devices", device("new"))
        assert fresh.get("/devices/new", deep=True) == device("new")


def test_a_damaged_old_commit_stops_only_what_needs_it(filled: treering.Repository, store: Place) -> None:
    commits = [key for key, value in store.content().items() if key and value and value[:1] == b"C"]
    store.rewrite(_flip(0.5), commits[1])
    with store.open() as fresh:
        assert fresh.get("/devices/d1").vendor == "v"
        log = fresh.log()
        assert next(log).seq == 2
        with pytest.raises(Corruption):
            next(log)
        with pytest.raises(Corruption):
            fresh.at("main~1")
        assert len(fresh.verify().problems) == 1


@pytest.mark.parametrize("position", [0.3, 0.9, 1.0])
def test_a_damaged_root_is_told(filled: treering.Repository, store: Place, position: float) -> None:
    store.rewrite(_flip(position), b"")
    with pytest.raises(Corruption):
        store.open()
    with pytest.raises(Corruption):
        filled.get("/")
    report = filled.verify()
    assert not report.ok
    assert report.objects == 0


def test_no_flipped_bit_anywhere_goes_unnoticed() -> None:
    mapping: dict[str, bytes] = {}
    with treering.open(mapping, pb.Network) as repo:
        repo.replace("/", network())
        for number in range(8):
            repo.update("/devices/d1", pb.Device(name="d1", vendor=str(number)))
        repo.tag("v1")
        whole = repo.get(deep=True)
        assert repo.verify().unreachable == 0
    dice = random.Random(7)
    for name in sorted(mapping):
        value = mapping[name]
        positions = range(len(value)) if name.endswith("root") else [dice.randrange(len(value)) for _ in range(3)]
        for at in positions:
            mapping[name] = value[:at] + bytes([value[at] ^ 1 << dice.randrange(8)]) + value[at + 1 :]
            try:
                with treering.open(mapping, pb.Network) as damaged:
                    assert damaged.verify().problems
                    assert damaged.get(deep=True) == whole
            except (Corruption, NotAStore, FormatUnsupported):
                pass
        mapping[name] = value
    with treering.open(mapping, pb.Network) as repo:
        assert repo.verify().ok


def test_another_thing_in_the_place_of_the_root(filled: treering.Repository, store: Place) -> None:
    store.rewrite(lambda _: b"something else", b"")
    with pytest.raises(NotAStore):
        store.open()


def test_an_unknown_format_version_is_refused(filled: treering.Repository, store: Place) -> None:
    def later(root: bytes) -> bytes:
        (version,) = struct.unpack_from("<H", root, 8)
        assert version == 1
        return root[:8] + struct.pack("<H", 2) + root[10:]

    store.rewrite(later, b"")
    with store.refuses(FormatUnsupported) as caught:
        store.open()
    assert isinstance(caught.value, ValueError)
    assert "2" in str(caught.value)


def _put_back(store: Place, earlier: dict[bytes, bytes | None]) -> None:
    """Replace the store by an earlier copy of itself."""
    for key in store.content().keys() - earlier.keys():
        store.rewrite(lambda _: None, key)
    store.rewrite(lambda _: earlier[b""], b"")


def test_a_store_put_back_is_told_once_and_then_used(store: Place) -> None:
    writer, reader = store.open(), store.open()
    writer.replace("/", network())
    writer.tag("v1")
    earlier = store.content()
    for number in range(5):
        writer.update("/devices/d1", pb.Device(name="d1", vendor=f"lost {number}"))
        reader.get(deep=True)
    lost = writer.head
    _put_back(store, earlier)
    for repo in (writer, reader):
        with pytest.raises(StoreRolledBack):
            repo.get("/")
        assert repo.get(deep=True) == network()
        assert repo.head.seq == 1
        with pytest.raises(treering.NameNotFound):
            repo.resolve(lost.id)
    writer.update("/devices/d1", pb.Device(name="d1", vendor="after"))
    reader.add("/devices", device("after"))
    assert reader.get("/devices/d1").vendor == "after"
    store.is_damaged = False  # what is there now is sound


@pytest.mark.parametrize("call", ["add", "tag", "head", "tags", "log", "diff"])
def test_every_call_notices_a_store_put_back(store: Place, call: str) -> None:
    repo = store.open()
    earlier = store.content()
    repo.replace("/", network())
    _put_back(store, earlier)
    calls: dict[str, Callable[[], object]] = {
        "add": lambda: repo.add("/devices", device("n")),
        "tag": lambda: repo.tag("t"),
        "head": lambda: repo.head,
        "tags": lambda: repo.tags,
        "log": lambda: list(repo.log()),
        "diff": lambda: list(repo.diff("main")),
    }
    with pytest.raises(StoreRolledBack):
        calls[call]()
    calls[call]()
    assert repo.get("/") == pb.Network()
    store.is_damaged = False


def test_another_store_in_its_place_is_told() -> None:
    mapping: dict[str, bytes] = {}
    repo = treering.open(mapping, pb.Network)
    repo.replace("/", network())
    mapping.clear()
    with pytest.raises(StoreRolledBack):
        repo.get("/")
    with pytest.raises(NotAStore):
        repo.get("/")
    with treering.open(mapping, pb.Network) as other:
        other.add("/devices", device("new"))
    assert repo.keys("/devices") == ["new"]
    mapping.clear()
    with treering.open(mapping, pb.Network) as other:
        for number in range(20):
            other.add("/devices", device(f"n{number}"))
        with pytest.raises(StoreRolledBack):
            repo.get("/")
        assert repo.count("/devices") == 20
