from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb

import treering
from treering import PathNotFound


def test_an_absent_child_reads_as_the_default_and_does_not_exist(repo: treering.Repository) -> None:
    assert repo.get("/settings") == pb.Settings()
    assert repo.get("/settings", deep=True) == pb.Settings()
    assert repo.get("/changed") == Timestamp()
    assert not repo.exists("/settings")
    assert not repo.get(deep=True).HasField("settings")


@pytest.mark.parametrize("how", ["update", "replace"])
def test_an_edit_creates_it_also_with_nothing_set(repo: treering.Repository, how: str) -> None:
    absent = repo.head
    commit = getattr(repo, how)("/settings", pb.Settings())
    assert commit != absent
    assert commit.tree_id != absent.tree_id
    assert repo.exists("/settings")
    assert repo.get(deep=True).HasField("settings")
    assert repo.get() == pb.Network()
    assert [(one.kind, str(one.path)) for one in repo.diff(absent)] == [("add", "/settings")]
    cleared = repo.clear("/settings")
    assert not repo.exists("/settings")
    assert cleared.tree_id == absent.tree_id
    assert [(one.kind, str(one.path)) for one in repo.diff(commit)] == [("remove", "/settings")]


def test_clear_of_what_is_absent_changes_nothing(repo: treering.Repository, store: Place) -> None:
    with store.unchanged():
        assert repo.clear("/settings") == repo.head


def test_clear_takes_what_is_below_as_well(repo: treering.Repository) -> None:
    repo.replace("/settings", pb.Settings(fallback=pb.Settings(fallback=pb.Settings(mtu=1))))
    repo.clear("/settings/fallback")
    assert repo.get("/settings", deep=True) == pb.Settings()
    repo.replace("/settings", pb.Settings(fallback=pb.Settings(mtu=1)))
    repo.clear("/settings")
    assert not repo.get(deep=True).HasField("settings")


def test_below_an_absent_child_there_is_nothing(repo: treering.Repository, store: Place) -> None:
    for call in (repo.get, repo.clear):
        with store.refuses(PathNotFound):
            call("/settings/fallback")
    for read in (repo.get, repo.count, repo.keys, repo.iterate):
        with store.refuses(PathNotFound):
            read("/keys/int32s")
    assert not repo.exists("/settings/fallback")
    assert not repo.exists("/keys/int32s")
    with store.refuses(PathNotFound):
        repo.update("/settings/fallback", pb.Settings())
    with store.refuses(PathNotFound):
        repo.add("/keys/int32s", pb.ByInt32(key=1))


def test_presence_of_plain_fields_is_content(repo: treering.Repository) -> None:
    ids = {repo.head.tree_id}
    for own in (pb.Network(budget=0), pb.Network(location=pb.Location()), pb.Network(email=""), pb.Network(phone="")):
        ids.add(repo.update("/", own).tree_id)
        assert repo.get() == own
        assert repo.get().HasField("budget") == own.HasField("budget")
    assert len(ids) == 5


def test_empty_children_are_kept(repo: treering.Repository) -> None:
    tree = pb.Network(rules=[pb.Rule(), pb.Rule()], settings=pb.Settings(fallback=pb.Settings()))
    tree.sites["s"].SetInParent()
    tree.racks[0].SetInParent()
    repo.replace("/", tree)
    assert repo.get(deep=True) == tree
    assert repo.count("/rules") == 2
    assert repo.exists("/sites/s")
