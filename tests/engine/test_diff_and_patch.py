from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.patching import apply_patch, same_json, to_json
from tests.engine.place import Place
from tests.engine.trees import device, network, networks
from tests.proto import engine_pb2 as pb

import treering
from treering import Change, NameNotFound, Path, PathNotFound


def _told(changes: Any) -> list[tuple[str, str]]:
    return [(change.kind, str(change.path)) for change in changes]


def test_changes_come_with_old_and_new(repo: treering.Repository) -> None:
    repo.replace("/", network())
    before = repo.head
    repo.update("/", pb.Network(name="x"))
    repo.update("/devices/d1", pb.Device(name="d1", vendor="v"))
    repo.add("/devices", device("new"))
    repo.remove("/devices/d2")
    repo.update("/devices/d1/ports/1/flows/0", pb.Flow(match="none"))
    repo.clear("/changed")
    repo.remove("/sites/south")
    repo.add("/rules", pb.Rule(text="last"))
    old, new = network(), repo.get(deep=True)
    changes = {str(change.path): change for change in repo.diff(before)}
    assert set(changes) == {
        "/", "/devices/d1", "/devices/new", "/devices/d2", "/devices/d1/ports/1/flows/0", "/changed", "/sites/south",
        "/rules",
    }  # fmt: skip
    assert changes["/"] == Change("update", Path(), repo.get(at=before), repo.get())
    assert changes["/devices/d1"].old == pb.Device(name="d1", vendor="acme")
    assert changes["/devices/d1"].new == pb.Device(name="d1", vendor="v")
    assert changes["/devices/new"] == Change("add", Path("devices", "new"), None, device("new"))
    assert changes["/devices/d2"] == Change("remove", Path("devices", "d2"), device("d2"), None)
    assert changes["/devices/d1/ports/1/flows/0"].new == pb.Flow(match="none")
    assert changes["/changed"] == Change("remove", Path("changed"), old.changed, None)
    assert changes["/sites/south"].old == old.sites["south"]
    assert changes["/rules"] == Change("update", Path("rules"), list(old.rules), list(new.rules))


def test_a_diff_is_read_again_and_true_where_something_differs(repo: treering.Repository) -> None:
    before = repo.replace("/", network())
    assert not repo.diff(before)
    repo.update("/devices/d1", pb.Device(name="d1"))
    diff = repo.diff(before)
    assert diff
    assert list(diff) == list(diff)
    assert len(list(diff)) == 1


def test_the_other_side_is_the_head_or_any_name(repo: treering.Repository) -> None:
    first = repo.add("/devices", device("a"))
    second = repo.add("/devices", device("b"))
    repo.tag("v2")
    repo.remove("/devices/a")
    assert _told(repo.diff(first)) == [("remove", "/devices/a"), ("add", "/devices/b")]
    assert _told(repo.diff(first, second)) == _told(repo.diff("main~2", "v2")) == [("add", "/devices/b")]
    assert _told(repo.diff(second, first)) == [("remove", "/devices/b")]
    with pytest.raises(NameNotFound):
        repo.diff("nope")
    with pytest.raises(NameNotFound):
        repo.diff(first, "nope")


def test_a_diff_below_a_path(repo: treering.Repository) -> None:
    repo.replace("/", network())
    before = repo.head
    repo.update("/", pb.Network(name="x"))
    repo.update("/devices/d1", pb.Device(name="d1", vendor="v"))
    repo.remove("/devices/d2/ports/1")
    assert _told(repo.diff(before, path="/devices/d1")) == [("update", "/devices/d1")]
    assert _told(repo.diff(before, path="/devices")) == [("update", "/devices/d1"), ("remove", "/devices/d2/ports/1")]
    assert _told(repo.diff(before, path="/devices/d2/ports")) == [("remove", "/devices/d2/ports/1")]
    assert _told(repo.diff(before, path="/devices/d2/ports/1")) == [("remove", "/devices/d2/ports/1")]
    assert _told(repo.diff(before, path="/settings")) == []
    for path in ("/devices/nope", "/devices/nope/ports", "/nope", "/name", "/rules/0"):
        with pytest.raises(PathNotFound):
            repo.diff(before, path=path)
    repo.clear("/settings")
    assert _told(repo.diff(before, path="/settings")) == [("remove", "/settings")]
    assert _told(repo.diff(before, path="/settings/fallback")) == [("remove", "/settings/fallback")]


def test_a_plain_list_is_told_once(repo: treering.Repository) -> None:
    repo.replace("/", network())
    before = repo.head
    tree = network()
    tree.rules[0].flows[0].match = "deep inside"
    tree.rules[1].text = "changed"
    del tree.rules[2]
    repo.replace("/", tree)
    (change,) = repo.diff(before)
    assert (change.kind, str(change.path)) == ("update", "/rules")
    assert change.old == list(network().rules)
    assert change.new == list(tree.rules)
    assert _told(repo.diff(before, path="/rules")) == [("update", "/rules")]


def test_a_patch_below_a_path_is_relative_to_it(repo: treering.Repository) -> None:
    repo.replace("/", network())
    before = repo.head
    repo.update("/devices/d1", pb.Device(name="d1", vendor="v"))
    repo.update("/sites/north%2F1", pb.Site(address="short"))
    assert repo.diff(before, path="/devices/d1").json_patch() == [{"op": "replace", "path": "/vendor", "value": "v"}]
    assert repo.diff(before, path="/sites").json_patch() == [
        {"op": "replace", "path": "/north~11/address", "value": "short"}
    ]
    assert repo.diff(before, path="/settings").json_patch() == []
    repo.clear("/settings")
    assert repo.diff(before, path="/settings").json_patch() == [{"op": "remove", "path": ""}]
    assert apply_patch(to_json(network()), repo.diff(before).json_patch()) == to_json(repo.get(deep=True))


def test_a_patch_of_one_change_is_small(repo: treering.Repository) -> None:
    repo.replace("/", network())
    before = repo.head
    position = [one.name for one in network().devices].index("bulk17")
    repo.update("/devices/bulk17", pb.Device(name="bulk17", vendor="v"))
    assert repo.diff(before).json_patch() == [{"op": "replace", "path": f"/devices/{position}/vendor", "value": "v"}]


def test_a_patch_tells_true_from_one(repo: treering.Repository) -> None:
    one, other = pb.Network(), pb.Network()
    one.notes["k"] = True
    other.notes["k"] = 1
    _check_both_ways(repo, one, other)


def test_a_patch_has_the_order_of_children_below_equal_ones(repo: treering.Repository) -> None:
    one, other = pb.Network(), pb.Network()
    for tree, numbers in ((one, (1, 2)), (other, (2, 1))):
        ports = [pb.Port(number=number) for number in numbers]
        tree.sites["s"].ports.extend(ports)
        tree.racks[1].ports.extend(ports)
        tree.devices.add(name="d").ports.extend(ports)
        tree.rules.add().flows.extend([pb.Flow(id=number) for number in numbers])
    _check_both_ways(repo, one, other)


def _check_both_ways(repo: treering.Repository, one: pb.Network, other: pb.Network) -> None:
    first = repo.replace("/", one)
    second = repo.replace("/", other)
    assert same_json(apply_patch(to_json(one), repo.diff(first, second).json_patch()), to_json(other))
    assert same_json(apply_patch(to_json(other), repo.diff(second, first).json_patch()), to_json(one))


@settings(max_examples=60)
@given(networks(), networks())
def test_the_patch_turns_the_one_document_into_the_other(one: pb.Network, other: pb.Network) -> None:
    repo = treering.open({}, pb.Network)
    _check_both_ways(repo, one, other)


_PATHS = ["/devices", "/devices/a", "/settings", "/sites", "/racks/1", "/rules", "/changed", "/folders/f/shortcut"]


@settings(max_examples=40)
@given(networks(), networks(), st.sampled_from(_PATHS))
def test_the_patch_below_any_path(one: pb.Network, other: pb.Network, path: str) -> None:
    repo = treering.open({}, pb.Network)
    first, second = repo.replace("/", one), repo.replace("/", other)
    before, after = _document(repo, first, path), _document(repo, second, path)
    if before is None and after is None:
        with pytest.raises(PathNotFound):
            repo.diff(first, second, path=path)
        return
    assert same_json(apply_patch(before, repo.diff(first, second, path=path).json_patch()), after)


def _document(repo: treering.Repository, commit: treering.Commit, path: str) -> Any:
    snapshot = repo.at(commit)
    if not snapshot.exists(path):
        return None
    found = snapshot.get(path, deep=True)
    if isinstance(found, list):
        return [to_json(one) for one in found]
    if isinstance(found, dict):
        return {str(key): to_json(one) for key, one in found.items()}
    return to_json(found)


@settings(max_examples=40)
@given(networks(), networks())
def test_the_changes_turn_the_one_tree_into_the_other(one: pb.Network, other: pb.Network) -> None:
    repo = treering.open({}, pb.Network)
    first, second = repo.replace("/", one), repo.replace("/", other)
    target = treering.open({}, pb.Network)
    target.replace("/", one)
    changes = list(repo.diff(first, second))
    for change in changes:
        _apply(target, change)
    assert target.head.tree_id == second.tree_id
    assert bool(changes) == (first.tree_id != second.tree_id)
    assert len({change.path for change in changes}) == len(changes)


def _apply(repo: treering.Repository, change: Change) -> None:
    path = change.path
    if isinstance(change.new, list):  # a plain list can only be replaced with the node that has it
        parent = repo.get(path.parent, deep=True)
        field: Any = getattr(parent, path.segments[-1])
        assert list(field) == change.old
        del field[:]
        field.extend(change.new)
        repo.replace(path.parent, parent)
    elif change.kind == "update":
        assert repo.get(path) == change.old
        assert isinstance(change.new, Message)
        repo.update(path, change.new)
    elif change.kind == "add":
        assert isinstance(change.new, Message)
        try:
            repo.replace(path, change.new)  # a singular child
        except PathNotFound:
            is_map = path.segments[-2] in {"sites", "racks"}
            key: Any = list(path)[-1]
            if is_map:
                key = int(key) if path.segments[-2] == "racks" else key
            repo.add(path.parent, change.new, key=key if is_map else None)
    else:
        assert repo.get(path, deep=True) == change.old
        try:
            repo.remove(path)
        except treering.InvalidPath:
            repo.clear(path)


def test_a_diff_survives_reopening(repo: treering.Repository, store: Place) -> None:
    repo.replace("/", network())
    repo.tag("before")
    repo.update("/devices/bulk9", pb.Device(name="bulk9"))
    repo.remove("/devices/bulk10")
    expected = list(repo.diff("before"))
    patch = repo.diff("before").json_patch()
    again = store.reopen()
    assert list(again.diff("before")) == expected
    assert again.diff("before").json_patch() == patch
