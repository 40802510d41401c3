from __future__ import annotations

import shelve
from collections import UserDict
from pathlib import Path

import pytest
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.proto import engine_pb2 as pb

import treering
from treering import InvalidStoreURL, NameNotFound, NotAStore, Unavailable


def test_everything_reads_equal_after_closing_and_loading(repo: treering.Repository, store: Place) -> None:
    repo.replace("/", network())
    repo.tag("v1")
    repo.update("/devices/d1", pb.Device(name="d1", vendor="after"), author="ann", note="why")
    repo.tag("v2")
    log = list(repo.log())
    again = store.reopen()
    assert list(again.log()) == log
    assert [(one.author, one.note, one.time) for one in again.log()] == [
        (one.author, one.note, one.time) for one in log
    ]
    assert {name: commit.seq for name, commit in again.tags.items()} == {"v1": 1, "v2": 2}
    assert again.get(deep=True, at="v1") == network()
    assert again.get("/devices/d1").vendor == "after"


def test_later_updates_persist(store: Place) -> None:
    for number in range(6):
        repo = store.reopen()
        assert repo.count("/devices") == number
        repo.add("/devices", device(f"d{number}"))
        repo.update("/devices/d0", pb.Device(name="d0", vendor=f"v{number}"))
        repo.tag(f"t{number}")
    last = store.reopen()
    assert last.get("/devices", deep=True)[5] == device("d5")
    assert [last.get("/devices/d0", at=f"t{number}").vendor for number in range(6)] == [f"v{n}" for n in range(6)]
    assert last.head.seq == 12


def test_a_repository_is_a_context_manager(store: Place) -> None:
    with store.open() as repo:
        repo.add("/devices", device("d"))
    with pytest.raises(Unavailable):
        repo.get("/")
    with pytest.raises(Unavailable):
        repo.add("/devices", device("e"))
    repo.close()
    assert store.open().count("/devices") == 1


def test_two_handles_see_each_others_commits(store: Place) -> None:
    one, other = store.open(), store.open()
    commit = one.add("/devices", device("a"))
    assert other.head == commit
    assert other.get("/devices/a", deep=True) == device("a")
    other.add("/devices", device("b"))
    assert one.keys("/devices") == ["a", "b"]
    other.close()
    one.add("/devices", device("c"))
    assert one.count("/devices") == 3


def test_a_shelf_is_a_store(tmp_path: Path) -> None:
    with shelve.open(tmp_path / "shelf") as shelf:
        shelf["mine"] = {"left": "alone"}
        with treering.open(shelf, pb.Network) as repo:
            repo.replace("/", network())
            repo.tag("v1")
            repo.remove("/devices/d1")
            assert repo.verify().problems == ()
    with shelve.open(tmp_path / "shelf") as shelf:
        with treering.open(shelf) as repo:
            assert pb.Network.FromString(repo.get(deep=True, at="v1").SerializeToString()) == network()
        with treering.open(shelf, pb.Network) as repo:
            assert not repo.exists("/devices/d1")
            repo.add("/devices", device("d1"))
            assert repo.head.tree_id == repo.resolve("v1").tree_id
            assert repo.verify().problems == ()
        assert shelf["mine"] == {"left": "alone"}


def test_a_mapping_is_left_alone_but_for_the_prefix() -> None:
    mapping: UserDict[object, object] = UserDict({"someone": 1, 7: "else", b"x": None})
    with treering.open(mapping, pb.Network) as repo:
        repo.replace("/", network())
    rest = {key: value for key, value in mapping.items() if not str(key).startswith("treering/")}
    assert rest == {"someone": 1, 7: "else", b"x": None}
    assert all(type(mapping[key]) is bytes for key in mapping if key not in rest)


def test_memory_is_fresh_at_every_open() -> None:
    with treering.open("memory:", pb.Network) as one, treering.open("memory:", pb.Network) as other:
        one.add("/devices", device("d"))
        assert other.count("/devices") == 0


@pytest.mark.parametrize("compress", ["", "?compress=zlib", "?compress=zlib&cache_bytes=0", "?cache_bytes=10K"])
def test_compressed_stores_and_small_caches(tmp_path: Path, compress: str) -> None:
    with treering.open(f"lmdb:{tmp_path}/store{compress}", pb.Network) as repo:
        repo.replace("/", network())
        repo.update("/devices/large", pb.Device(name="large", image=b"\0" * 100_000))
    with treering.open(f"lmdb:{tmp_path}/store", pb.Network) as repo:  # reads what it finds
        assert repo.get("/devices/large").image == b"\0" * 100_000
        assert repo.get(deep=True, at="main~1") == network()
        assert repo.verify().problems == ()


def test_another_branch_than_there_is(store: Place) -> None:
    store.open()
    with pytest.raises(NameNotFound):
        store.open(branch="nope")
    with pytest.raises(treering.InvalidName):
        store.open(branch="a b")
    assert store.open(branch="main").head.seq == 0


def test_a_new_store_may_name_its_branch(store: Place) -> None:
    repo = store.open(branch="trunk")
    assert repo.resolve("trunk~0") == repo.head
    with pytest.raises(NameNotFound):
        store.open()


@pytest.mark.parametrize("target", ["", "nope", "nope:x", "lmdb:", "lmdb:x?nope=1", "memory:x", 7, None, b"lmdb:x"])
def test_what_names_no_store(target: object) -> None:
    with pytest.raises(InvalidStoreURL) as caught:
        treering.open(target, pb.Network)  # type: ignore[arg-type]
    assert isinstance(caught.value, ValueError)


def test_a_path_that_is_not_a_store(tmp_path: Path) -> None:
    a_file = tmp_path / "file"
    a_file.write_text("mine")
    full = tmp_path / "full"
    full.mkdir()
    (full / "other").write_text("mine")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "data.mdb").write_bytes(b"not LMDB at all" * 1000)
    for path in (a_file, full, foreign):
        for create in (True, False):
            with pytest.raises(NotAStore) as caught:
                treering.open(f"lmdb:{path}", pb.Network, create=create)
            assert isinstance(caught.value, ValueError)
            assert str(path) in str(caught.value)
    assert a_file.read_text() == "mine"
    assert [entry.name for entry in full.iterdir()] == ["other"]
    with pytest.raises(NotAStore):
        treering.open(f"lmdb:{tmp_path}/nope", pb.Network, create=False)
    with pytest.raises(NotAStore):
        treering.open(f"lmdb:{tmp_path}/nope")
    assert not (tmp_path / "nope").exists()
    for value in (b"something of mine", 7, "text", b""):
        with pytest.raises(NotAStore):
            treering.open({"treering/root": value}, pb.Network)
