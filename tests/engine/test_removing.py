from __future__ import annotations

import pytest
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.proto import engine_pb2 as pb

import treering
from treering import InvalidPath, PathNotFound


def test_a_child_goes_with_all_below_it(repo: treering.Repository) -> None:
    repo.add("/devices", device("d"))
    repo.add("/devices", device("e"))
    repo.remove("/devices/d")
    assert not repo.exists("/devices/d")
    assert not repo.exists("/devices/d/ports/1")
    assert repo.get("/devices", deep=True) == [device("e")]
    with pytest.raises(PathNotFound):
        repo.get("/devices/d")


def test_the_last_child_leaves_an_empty_container(repo: treering.Repository) -> None:
    empty = repo.head.tree_id
    repo.add("/devices", device("d"))
    repo.remove("/devices/d")
    assert repo.get("/devices") == []
    assert repo.head.tree_id == empty
    repo.add("/sites", pb.Site(), key="s")
    repo.remove("/sites/s")
    assert repo.head.tree_id == empty


def test_all_of_many_are_removed_in_any_order(repo: treering.Repository) -> None:
    tree = pb.Network(devices=[pb.Device(name=str(number), vendor="v" * 40) for number in range(120)])
    empty = repo.head.tree_id
    repo.replace("/", tree)
    for number in range(120):
        repo.remove(("devices", str(number * 77 % 120)))
    assert repo.head.tree_id == empty
    assert repo.get(deep=True) == pb.Network()


@pytest.mark.parametrize(
    "path", ["/devices/nope", "/devices/nope/ports/1", "/devices/d1/ports/77", "/racks/77", "/nope/x", "/rules/0"]
)
def test_what_is_not_there_is_not_removed(repo: treering.Repository, store: Place, path: str) -> None:
    repo.replace("/", network())
    with store.refuses(PathNotFound) as caught:
        repo.remove(path)
    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize("path", ["/", "/settings", "/settings/fallback", "/changed", "/devices", "/sites", "/rules"])
def test_only_a_child_of_a_container_is_removed(repo: treering.Repository, store: Place, path: str) -> None:
    repo.replace("/", network())
    with store.refuses(InvalidPath) as caught:
        repo.remove(path)
    assert isinstance(caught.value, ValueError)
    if path == "/settings":
        assert "clear" in str(caught.value)


@pytest.mark.parametrize("path", ["/", "/devices", "/devices/d1", "/sites/s", "/sites"])
def test_only_a_singular_child_is_cleared(repo: treering.Repository, store: Place, path: str) -> None:
    repo.replace("/", network())
    with store.refuses(InvalidPath) as caught:
        repo.clear(path)
    if path == "/devices/d1":
        assert "remove" in str(caught.value)
