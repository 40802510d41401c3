"""What the ancestor (VOLTHA's config core) got wrong, each fault as a test that it has no successor here."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.proto import engine_pb2 as pb

import treering


def test_a_collected_revision_takes_nothing_from_an_equal_live_one(repo: treering.Repository, store: Place) -> None:
    first = repo.replace("/", network())
    for _ in range(3):
        repo.update("/devices/d1", pb.Device(name="d1", vendor="two"))
        repo.update("/devices/d1", pb.Device(name="d1", vendor="acme"))
    name = first.id
    del first
    gc.collect()
    assert repo.get(deep=True, at=name) == repo.get(deep=True) == network()
    store.close()
    gc.collect()
    again = store.open()
    assert again.get(deep=True, at=name) == again.get(deep=True) == network()


def test_updates_after_a_load_are_persisted(store: Place) -> None:
    store.open().replace("/", network())
    store.reopen().update("/devices/d1", pb.Device(name="d1", vendor="after the load"))
    assert store.reopen().get("/devices/d1").vendor == "after the load"


def test_a_store_with_tags_loads(store: Place) -> None:
    repo = store.open()
    repo.replace("/", network())
    repo.tag("v1")
    repo.remove("/devices/d1")
    again = store.reopen()
    assert list(again.tags) == ["v1"]
    assert again.get(deep=True, at="v1") == network()


def test_edits_leave_no_orphans(repo: treering.Repository) -> None:
    repo.replace("/", network())
    for number in range(5):
        repo.update("/devices/d1", pb.Device(name="d1", vendor=str(number)))
        repo.add("/devices", device(f"n{number}"))
        with pytest.raises(treering.AlreadyExists):
            repo.add("/devices", device("d1"))
        with pytest.raises(treering.KeyChanged):
            repo.update("/devices/d1", pb.Device(name="d2"))
        repo.tag("moving", move=True)
    report = repo.verify()
    assert (report.problems, report.unreachable) == ((), 0)


def test_ids_are_whole_and_framed(repo: treering.Repository) -> None:
    trees = [
        pb.Network(devices=[pb.Device(name="x")]),
        pb.Network(folders=[pb.Folder(name="x")]),
        pb.Network(rules=[pb.Rule(text="x")]),
        pb.Network(rules=[pb.Rule(), pb.Rule(text="x")]),
        pb.Network(rules=[pb.Rule(text="x"), pb.Rule()]),
        pb.Network(devices=[pb.Device(name="x"), pb.Device(name="y")]),
        pb.Network(devices=[pb.Device(name="xy")]),
        pb.Network(devices=[pb.Device(name="x", vendor="y")]),
        pb.Network(devices=[pb.Device(name="x", ports=[pb.Port(number=1)]), pb.Device(name="y")]),
        pb.Network(devices=[pb.Device(name="x"), pb.Device(name="y", ports=[pb.Port(number=1)])]),
        pb.Network(devices=[pb.Device(name="x", settings=pb.Settings())]),
        pb.Network(settings=pb.Settings(fallback=pb.Settings(fallback=pb.Settings()))),
        pb.Network(name="x"),
        pb.Network(),
    ]
    ids = {repo.replace("/", tree).tree_id for tree in trees}
    assert len(ids) == len(trees)
    assert all(len(tree_id) == 64 for tree_id in ids)


def test_the_root_is_not_overwritten_blindly(store: Place) -> None:
    one, other = store.open(), store.open()
    for number in range(10):
        one.add("/devices", device(f"one{number}"))
        other.add("/devices", device(f"other{number}"))
        one.tag(f"one{number}")
        other.tag(f"other{number}")
    assert one.count("/devices") == other.count("/devices") == 20
    assert len(one.tags) == 20
    assert len(list(one.log())) == 21


class _Failing(dict[Any, Any]):
    fails = False

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.fails:
            raise OSError(5, "Input/output error")
        super().__setitem__(key, value)


def test_a_write_error_is_raised() -> None:
    mapping = _Failing()
    repo = treering.open(mapping, pb.Network)
    mapping.fails = True
    with pytest.raises(treering.Unavailable) as caught:
        repo.add("/devices", device("d"))
    assert isinstance(caught.value.__cause__, OSError)
    assert not repo.exists("/devices/d")
    mapping.fails = False
    repo.add("/devices", device("d"))
    with treering.open(mapping, pb.Network) as again:
        assert again.get("/devices/d", deep=True) == device("d")


def test_a_parent_and_its_child_are_changed_side_by_side(store: Place) -> None:
    one, other = store.open(), store.open()
    one.add("/devices", device("d"))
    other.update("/devices/d/ports/1", pb.Port(number=1, label="theirs"))
    one.update("/devices/d", pb.Device(name="d", vendor="mine"))
    other.update("/devices/d/ports/2", pb.Port(number=2, label="theirs"))
    found = one.get("/devices/d", deep=True)
    assert (found.vendor, found.ports[1].label, found.ports[2].label) == ("mine", "theirs", "theirs")


def test_keys_with_slashes_are_addressed(repo: treering.Repository) -> None:
    repo.add("/devices", device("Ethernet1/2"))
    path = "/devices/Ethernet1%2F2"
    assert repo.get(path, deep=True) == device("Ethernet1/2")
    repo.update(("devices", "Ethernet1/2"), pb.Device(name="Ethernet1/2", vendor="v"))
    assert [str(change.path) for change in repo.diff("main~1")] == [path]
    repo.remove(path)
    assert not repo.exists(path)


def test_integer_keys_are_addressed(repo: treering.Repository) -> None:
    repo.add("/devices", device("d"))
    assert repo.get("/devices/d/ports/1") == repo.get(("devices", "d", "ports", 1))
    assert repo.keys("/devices/d/ports", start=1) == [1, 2]


def test_a_change_writes_little_among_many(repo: treering.Repository, store: Place) -> None:
    repo.replace("/", pb.Network(devices=[pb.Device(name=f"d{number}", vendor="v" * 130) for number in range(3000)]))
    before = store.content()
    repo.update("/devices/d1234", pb.Device(name="d1234", vendor="w" * 130))
    written = {key: value for key, value in store.content().items() if before.get(key) != value}
    assert sum(len(value or b"") for value in written.values()) < 12_000
    assert len(written) <= 7
