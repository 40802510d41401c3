"""Only the commits that changed something at or below a path."""

from __future__ import annotations

import pytest
from tests.proto import engine_pb2 as pb
from tests.watch.following import commits, device, rename

import treering

DEEP = "/devices/d1/ports/7/flows/9"


@pytest.fixture
def edits(repo: treering.Repository) -> dict[str, treering.Commit]:
    """Make one commit of each kind, in this order."""
    return {
        "root": rename(repo, "n"),
        "device": repo.add("/devices", device("d1")),
        "other": repo.add("/devices", device("d2")),
        "port": repo.add("/devices/d1/ports", pb.Port(number=7)),
        "flow": repo.add("/devices/d1/ports/7/flows", pb.Flow(id=9)),
        "settings": repo.update("/settings", pb.Settings(mtu=5)),
        "own": repo.update("/devices/d1", device("d1", "v")),
        "rule": repo.add("/rules", pb.Rule(text="r")),
        "site": repo.add("/sites", pb.Site(address="a"), key="s"),
        "gone": repo.remove("/devices/d1"),
        "back": repo.add("/devices", device("d1")),
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/devices", "device other port flow own gone back"),
        ("/devices/d1", "device port flow own gone back"),
        ("/devices/d2", "other"),
        ("/devices/d3", ""),
        ("/devices/d1/ports", "device port flow gone back"),
        ("/devices/d1/ports/7", "port flow gone"),
        (DEEP, "flow gone"),
        ("/settings", "settings"),
        ("/rules", "rule"),
        ("/sites", "site"),
        ("/sites/s", "site"),
        ("/racks", ""),
        (("devices", "d2"), "other"),
        (treering.Path("devices", "d2"), "other"),
    ],
)
def test_filter(
    repo: treering.Repository, edits: dict[str, treering.Commit], path: treering.Path, expected: str
) -> None:
    first = repo.resolve(edits["root"]).parents[0]
    with repo.watch(path, since=first, timeout_seconds=0) as watch:
        found = list(watch)
        assert watch.seen == edits["back"]
    names = {commit: name for name, commit in edits.items()}
    # a container that appears with its node, empty, is there from then on: `log` counts that as well
    assert [names[event.commit] for event in found] == expected.split()
    assert {event.commit for event in found} == {*repo.log(path=path)} - {repo.resolve(first)}
    where = treering.Path.of(path)
    for event in found:
        assert all(change.path.starts_with(where) or where.starts_with(change.path) for change in event.changes)


def test_the_root_is_every_commit(repo: treering.Repository, edits: dict[str, treering.Commit]) -> None:
    first = edits["root"].parents[0]
    for path in ("/", "", treering.Path(), ()):
        assert commits(repo.watch(path, since=first, timeout_seconds=0)) == list(edits.values())


def test_changes_are_limited_to_the_path(repo: treering.Repository) -> None:
    repo.add("/devices", device("d1"))
    watch = repo.watch("/devices/d1", timeout_seconds=0)
    with repo.transaction() as tx:
        tx.update("/devices/d1", device("d1", "new"))
        tx.add("/devices", device("d2"))
        tx.update("/settings", pb.Settings(mtu=1))
    (event,) = watch
    (change,) = event.changes
    assert (change.kind, str(change.path), change.old, change.new) == (
        "update",
        "/devices/d1",
        device("d1"),
        device("d1", "new"),
    )


def test_what_is_not_there_yet_appears(repo: treering.Repository) -> None:
    watch = repo.watch(DEEP, timeout_seconds=0)
    repo.add("/devices", device("d1"))
    assert commits(watch) == []
    whole = pb.Device(name="d1", ports=[pb.Port(number=7, flows=[pb.Flow(id=9)])])
    made = repo.replace("/devices/d1", whole)
    (event,) = watch
    assert event.commit == made
    assert [(change.kind, str(change.path)) for change in event.changes] == [("add", DEEP)]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/nothing", treering.PathNotFound),
        ("/name", treering.PathNotFound),
        ("/rules/0", treering.PathNotFound),
        ("/devices/d1/ports/x", treering.InvalidPath),
        ("/devices/%FF%", treering.InvalidPath),
    ],
)
def test_a_path_that_cannot_be(repo: treering.Repository, path: str, kind: type[treering.Error]) -> None:
    with pytest.raises(kind):
        repo.watch(path)
