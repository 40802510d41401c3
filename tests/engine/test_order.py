"""Order is kept, identity is by key; the same content has the same tree_id whatever its history."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.proto import engine_pb2 as pb

import treering


def _names(repo: treering.Repository) -> list[str]:
    return [one.name for one in repo.get("/devices")]


def test_insertion_order_comes_back_also_after_reopening(repo: treering.Repository, store: Place) -> None:
    names = [str(number * 37 % 100) for number in range(100)]
    for name in names:
        repo.add("/devices", pb.Device(name=name))
    assert _names(repo) == names
    assert [one.name for one in repo.get(deep=True).devices] == names
    again = store.reopen()
    assert _names(again) == names
    again.update("/devices/37", pb.Device(name="37", vendor="v"))
    again.add("/devices", pb.Device(name="last"))
    assert _names(again) == [*names, "last"]


def test_removed_and_added_again_a_child_goes_to_the_end(repo: treering.Repository) -> None:
    for name in "abc":
        repo.add("/devices", device(name))
    before = repo.head
    repo.remove("/devices/a")
    repo.add("/devices", device("a"))
    assert _names(repo) == ["b", "c", "a"]
    assert repo.head.tree_id == before.tree_id
    assert repo.head != before
    assert [one.name for one in repo.at(before).get("/devices")] == ["a", "b", "c"]


def test_a_change_of_order_alone_is_a_commit_with_the_same_tree(repo: treering.Repository) -> None:
    tree = pb.Network(devices=[device(name) for name in "abc"])
    before = repo.replace("/", tree)
    reordered = pb.Network(devices=[device(name) for name in "cab"])
    after = repo.replace("/", reordered)
    assert after != before
    assert after.tree_id == before.tree_id
    assert list(repo.diff(before)) == []
    assert not repo.diff(before)
    assert repo.get(deep=True) == reordered
    assert repo.get(deep=True, at=before) == tree
    back = repo.replace("/", tree)
    assert repo.get(deep=True) == tree
    assert back.tree_id == before.tree_id


def test_a_reorder_deep_below_is_kept(repo: treering.Repository, store: Place) -> None:
    tree = network()
    before = repo.replace("/", tree)
    ports = list(tree.devices[1].ports)
    del tree.devices[1].ports[:]
    tree.devices[1].ports.extend(reversed(ports))
    after = repo.replace("/", tree)
    assert after != before
    assert after.tree_id == before.tree_id
    assert store.reopen().get(deep=True) == tree


def test_the_order_of_a_plain_list_is_content(repo: treering.Repository) -> None:
    first = repo.replace("/", pb.Network(rules=[pb.Rule(text="a"), pb.Rule(text="b")]))
    second = repo.replace("/", pb.Network(rules=[pb.Rule(text="b"), pb.Rule(text="a")]))
    assert first.tree_id != second.tree_id
    (change,) = repo.diff(first)
    assert (change.kind, str(change.path)) == ("update", "/rules")


def test_a_flip_flop_returns_to_the_first_tree(repo: treering.Repository) -> None:
    repo.replace("/", network())
    first = repo.update("/devices/d1", pb.Device(name="d1", vendor="one"))
    second = repo.update("/devices/d1", pb.Device(name="d1", vendor="two"))
    third = repo.update("/devices/d1", pb.Device(name="d1", vendor="one"))
    assert first.tree_id == third.tree_id != second.tree_id
    assert len({first.id, second.id, third.id}) == 3
    assert not repo.diff(first, third)
    assert repo.diff(first, second)


def test_remove_and_add_again_returns_to_the_first_tree(repo: treering.Repository) -> None:
    first = repo.replace("/", network())
    for path, container, key in (
        ("/devices/bulk17", "/devices", None),
        ("/sites/south", "/sites", "south"),
        ("/devices/d1/ports/1", "/devices/d1/ports", None),
        ("/devices/large", "/devices", None),
    ):
        child = repo.get(path, deep=True)
        assert repo.remove(path).tree_id != first.tree_id
        assert repo.add(container, child, key=key).tree_id == first.tree_id


def test_equal_content_has_equal_ids_on_every_store(tmp_path: Path) -> None:
    places = [{}, f"lmdb:{tmp_path}/one", f"lmdb:{tmp_path}/two?compress=zlib"]
    ids = set()
    for place in places:
        with treering.open(place, pb.Network) as repo:  # type: ignore[arg-type]
            repo.replace("/", network())
            repo.update("/devices/bulk3", pb.Device(name="bulk3", image=b"\0" * 4000))
            ids.add(repo.head.tree_id)
            assert repo.verify().problems == ()
    assert len(ids) == 1


def test_children_of_different_fields_have_different_trees(repo: treering.Repository) -> None:
    ids = [repo.head.tree_id]
    ids.append(repo.replace("/", pb.Network(settings=pb.Settings(fallback=pb.Settings()))).tree_id)
    ids.append(repo.replace("/", pb.Network(folders=[pb.Folder(name="f", folders=[pb.Folder(name="f")])])).tree_id)
    ids.append(repo.replace("/", pb.Network(folders=[pb.Folder(name="f", shortcut=pb.Folder(name="f"))])).tree_id)
    tree = pb.Network()
    tree.sites["1"].address = "a"
    ids.append(repo.replace("/", tree).tree_id)
    tree = pb.Network()
    tree.racks[1].address = "a"
    ids.append(repo.replace("/", tree).tree_id)
    ids.append(repo.replace("/", pb.Network(name="x")).tree_id)
    ids.append(repo.replace("/", pb.Network(state="x")).tree_id)
    assert len(set(ids)) == len(ids)


@settings(max_examples=40)
@given(st.randoms(use_true_random=False), st.integers(0, 90))
def test_the_order_of_edits_does_not_matter(dice: random.Random, count: int) -> None:
    names = [f"n{number}" for number in range(count)]
    tree = pb.Network(devices=[pb.Device(name=name, vendor=name * 5) for name in names])
    bulk = treering.open({}, pb.Network)
    bulk.replace("/", tree)
    wanted = bulk.head.tree_id

    edited = treering.open({}, pb.Network)
    extra = [f"extra{number}" for number in range(20)]
    steps = names + extra
    dice.shuffle(steps)
    for name in steps:
        edited.add("/devices", pb.Device(name=name, vendor="first" if dice.random() < 0.5 else name * 5))
    rest = names + extra
    dice.shuffle(rest)
    for name in rest:
        if name in extra:
            edited.remove(("devices", name))
        else:
            edited.update(("devices", name), pb.Device(name=name, vendor=name * 5))
    assert edited.head.tree_id == wanted
    assert {one.name: one.vendor for one in edited.get("/devices")} == {name: name * 5 for name in names}
    assert [one.name for one in edited.get("/devices")] == [name for name in steps if name not in extra]
    assert edited.verify().problems == ()
