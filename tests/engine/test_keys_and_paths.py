from __future__ import annotations

from typing import Any

import pytest
from tests.engine.place import Place
from tests.engine.trees import keys, network
from tests.proto import engine_pb2 as pb

import treering
from treering import InvalidPath, Path, PathNotFound, WrongType


@pytest.fixture
def filled(store: Place) -> treering.Repository:
    repo = store.open()
    repo.replace("/", network())
    return repo


ORDERED: dict[str, list[Any]] = {
    "int32s": [-(1 << 31), -1, 0, 5, (1 << 31) - 1],
    "int64s": [-(1 << 63), -300, 0, 300, (1 << 63) - 1],
    "sint64s": [-(1 << 63), -300, 0, 300, (1 << 63) - 1],
    "uint64s": [0, 255, 256, 300, (1 << 64) - 1],
    "fixed32s": [0, 1, (1 << 32) - 1],
    "bools": [False, True],
    "colors": [pb.NEGATIVE, pb.RED, pb.BLUE, 99],
    "raws": [b"\x00", b"\x01\x02", b"a", b"a\x00", b"a/b", b"\xff"],
    "strings": [" ", "%", ",", ".", "..", "/", "[", "]", "a", "a\x00", "a,b", "b", "ü", "\uffff", "\U0001f600"],
    "pairs": [("a", "/"), ("a", "b,c"), ("a,b", "c"), ("b", "a")],
    "triples": [(-7, pb.RED, "x"), (-7, pb.GREEN, "x"), (1 << 40, pb.RED, "x")],
    "bool_map": [False, True],
    "sint64_map": [-(1 << 63), -300, 0, 300, (1 << 63) - 1],
    "fixed64_map": [0, 255, 256, 300, (1 << 64) - 1],
}


@pytest.mark.parametrize("field", ORDERED)
def test_every_key_is_listed_in_order_and_found_by_each_of_its_paths(filled: treering.Repository, field: str) -> None:
    container = Path("keys", field)
    found = filled.keys(container)
    assert found == ORDERED[field]
    assert [type(key) for key in found] == [type(key) for key in ORDERED[field]]
    for position, (key, message) in enumerate(filled.iterate(container)):
        path = container / key
        assert filled.exists(path)
        assert filled.get(path) == message
        assert filled.get(str(path)) == message
        assert filled.get(("keys", field, key)) == message
        assert Path.parse(str(path)) == path
        assert filled.keys(container, start=key) == found[position:]


@pytest.mark.parametrize("field", ORDERED)
def test_every_key_is_updated_removed_and_added_again(filled: treering.Repository, field: str) -> None:
    before = filled.head.tree_id
    container = Path("keys", field)
    for key, message in list(filled.iterate(container)):
        changed = type(message)()
        changed.CopyFrom(message)
        if isinstance(changed, pb.Site):
            changed.address = "changed"
        else:
            changed.text = "changed"
        filled.update(container / key, changed)
        assert filled.get(container / key) == changed
        (change,) = filled.diff("main~1")
        assert (change.kind, change.new) == ("update", changed)
        assert filled.get(change.path) == changed
        filled.remove(container / key)
        assert not filled.exists(container / key)
        filled.add(container, message, key=key if isinstance(message, pb.Site) else None)
    assert filled.head.tree_id == before


def test_paths_of_enums_booleans_bytes_and_composites(filled: treering.Repository) -> None:
    assert filled.get("/keys/colors/BLUE").key == pb.BLUE
    assert filled.get("/keys/colors/7").key == pb.BLUE
    assert filled.get("/keys/colors/99").key == 99
    assert filled.get("/keys/colors/NEGATIVE") == filled.get("/keys/colors/-3")
    assert filled.get("/keys/bools/true").key is True
    assert filled.get(("keys", "bools", False)).key is False
    assert filled.get("/keys/raws/%FF").key == b"\xff"
    assert filled.get("/keys/pairs/a%2Cb,c") == pb.ByPair(name="a,b", zone="c")
    assert filled.get("/keys/triples/-7,GREEN,x") == pb.ByTriple(number=-7, color=pb.GREEN, name="x")
    assert filled.get("/keys/strings/a,b").key == "a,b"
    assert filled.get("/devices/a%2Fb").name == "a/b"
    assert filled.get("/devices/ü %25").name == "ü %"
    assert filled.get("/devices/%5Bx=y%5D").name == "[x=y]"
    assert filled.get("/devices/..").name == ".."


def test_gnmi_keys_come_in_any_order(filled: treering.Repository) -> None:
    for text in ("/keys/pairs[name=a,b][zone=c]", "/keys/pairs[zone=c][name=a,b]"):
        assert filled.get(Path.gnmi(text)) == pb.ByPair(name="a,b", zone="c")
    assert filled.get(Path.gnmi("/devices[name=a/b]/ports[number=1]")).number == 1


@pytest.mark.parametrize(
    "path",
    [
        "/keys/int32s/x",
        "/keys/int32s/01",
        "/keys/int32s/2147483648",
        "/keys/uint64s/-1",
        "/keys/uint64s/18446744073709551616",
        "/keys/bools/1",
        "/keys/bools/True",
        "/keys/colors/PURPLE",
        "/keys/pairs/a",
        "/keys/pairs/a,b,c",
        "/keys/strings/%FF",
        "/devices/%zz",
        "/devices//ports",
        "/devices/",
        "/devices/a[",
        Path.gnmi("/keys/pairs[name=a][nope=b]"),
    ],
)
def test_what_cannot_be_a_key(filled: treering.Repository, store: Place, path: str | Path) -> None:
    for call in (filled.get, filled.exists, filled.remove):
        with store.refuses(InvalidPath) as caught:
            call(path)
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("path", [None, 7, ["devices"], ("devices", 1.5), ("devices", None), ("devices", "")])
def test_what_is_not_a_path(filled: treering.Repository, path: object) -> None:
    with pytest.raises(InvalidPath):
        filled.get(path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("container", "start"),
    [("int32s", "5"), ("int32s", True), ("strings", 5), ("raws", "a"), ("bools", 0), ("pairs", "a"), ("pairs", ("a",))],
)
def test_a_start_of_another_type(filled: treering.Repository, container: str, start: object) -> None:
    with pytest.raises(WrongType):
        filled.keys(("keys", container), start=start)
    with pytest.raises(WrongType):
        filled.iterate(("keys", container), start=start)


def test_a_start_need_not_be_there(filled: treering.Repository) -> None:
    assert filled.keys("/keys/int64s", start=-299) == [0, 300, (1 << 63) - 1]
    assert filled.keys("/keys/pairs", start=("a", "c")) == [("a,b", "c"), ("b", "a")]
    assert filled.keys("/keys/colors", start="BLUE") == [pb.BLUE, 99]


def test_zero_and_false_are_keys(repo: treering.Repository) -> None:
    repo.update("/keys", pb.Keys())
    repo.add("/keys/int32s", pb.ByInt32(text="zero"))
    repo.add("/keys/bools", pb.ByBool(text="false"))
    repo.add("/keys/colors", pb.ByColor(text="red"))
    repo.add("/racks", pb.Site(address="zero"), key=0)
    assert repo.get("/keys/int32s/0").text == "zero"
    assert repo.get("/keys/bools/false").text == "false"
    assert repo.get("/keys/colors/RED").text == "red"
    assert repo.get("/racks/0").address == "zero"


def test_a_long_key_is_refused_beyond_the_limit(repo: treering.Repository, store: Place) -> None:
    repo.add("/devices", pb.Device(name="k" * 4000))
    assert repo.get(("devices", "k" * 4000)).name == "k" * 4000
    with store.refuses(treering.TooLarge) as caught:
        repo.add("/devices", pb.Device(name="k" * 5000))
    assert isinstance(caught.value, ValueError)


def test_a_key_is_not_normalised(repo: treering.Repository) -> None:
    composed, decomposed = "\u00e9", "e\u0301"
    repo.add("/devices", pb.Device(name=composed))
    repo.add("/devices", pb.Device(name=decomposed))
    assert repo.count("/devices") == 2
    assert repo.get(f"/devices/{composed}").name == composed
    with pytest.raises(PathNotFound):
        repo.get(("devices", "E"))


def test_all_keys_come_back(repo: treering.Repository, store: Place) -> None:
    repo.update("/keys", pb.Keys())
    repo.replace("/keys", keys())
    assert store.reopen().get("/keys", deep=True) == keys()
