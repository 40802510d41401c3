from __future__ import annotations

import pytest
from tests.engine.place import Place
from tests.engine.trees import device
from tests.proto import engine_pb2 as pb

import treering
from treering import AlreadyExists, InvalidPath, NotAContainer, PathNotFound, WrongType


def test_a_child_is_added_with_its_own_children(repo: treering.Repository) -> None:
    commit = repo.add("/devices", device("d"), author="ann", note="rack 1")
    assert repo.get("/devices/d", deep=True) == device("d")
    assert repo.get("/devices/d/ports/1/flows/1") == pb.Flow(id=1, match="any")
    assert (commit.author, commit.note, commit.seq) == ("ann", "rack 1", 1)
    assert commit == repo.head


def test_a_child_is_added_at_every_level(repo: treering.Repository) -> None:
    repo.add("/devices", pb.Device(name="d"))
    repo.add("/devices/d/ports", pb.Port(number=7))
    repo.add("/devices/d/ports/7/flows", pb.Flow(id=0, match="all"))
    assert repo.get("/devices/d/ports/7/flows/0").match == "all"


def test_a_map_child_needs_a_key(repo: treering.Repository, store: Place) -> None:
    repo.add("/sites", pb.Site(address="x"), key="north/1")
    repo.add("/racks", pb.Site(address="y"), key=-3)
    assert repo.get("/sites/north%2F1").address == "x"
    assert repo.get("/racks/-3").address == "y"
    with store.refuses(InvalidPath):
        repo.add("/sites", pb.Site())
    with store.refuses(InvalidPath):
        repo.add("/sites", pb.Site(), key="")
    with store.refuses(WrongType):
        repo.add("/sites", pb.Site(), key=1)
    with store.refuses(WrongType):
        repo.add("/racks", pb.Site(), key="1")
    with store.refuses(InvalidPath):
        repo.add("/racks", pb.Site(), key=1 << 31)
    with store.refuses(InvalidPath):
        repo.add("/devices", pb.Device(name="d"), key="d")
    with store.refuses(InvalidPath):
        repo.add("/rules", pb.Rule(), key=0)


def test_an_add_to_a_plain_list_appends(repo: treering.Repository) -> None:
    for text in ("b", "a", "b"):
        repo.add("/rules", pb.Rule(text=text, flows=[pb.Flow(id=1)]))
    assert [one.text for one in repo.get("/rules")] == ["b", "a", "b"]
    assert repo.count("/rules") == 3
    assert repo.get("/rules", deep=True)[2].flows[0].id == 1


def test_a_duplicate_key_is_refused(repo: treering.Repository, store: Place) -> None:
    repo.add("/devices", device("d"))
    repo.add("/sites", pb.Site(), key="s")
    with store.refuses(AlreadyExists) as caught:
        repo.add("/devices", pb.Device(name="d", vendor="other"))
    assert isinstance(caught.value, ValueError)
    assert "/devices/d" in str(caught.value)
    with store.refuses(AlreadyExists):
        repo.add("/devices", device("d"))  # an equal one is a duplicate too
    with store.refuses(AlreadyExists):
        repo.add("/sites", pb.Site(address="x"), key="s")


def test_a_duplicate_key_inside_what_is_added_is_refused(repo: treering.Repository, store: Place) -> None:
    twice = pb.Device(name="d", ports=[pb.Port(number=1), pb.Port(number=2), pb.Port(number=1, label="x")])
    with store.refuses(AlreadyExists) as caught:
        repo.add("/devices", twice)
    assert "/devices/d/ports/1" in str(caught.value)


def test_an_empty_key_is_refused(repo: treering.Repository, store: Place) -> None:
    with store.refuses(InvalidPath) as caught:
        repo.add("/devices", pb.Device(vendor="nameless"))
    assert isinstance(caught.value, ValueError)
    with store.refuses(InvalidPath):
        repo.add("/folders", pb.Folder(name="f", folders=[pb.Folder()]))


@pytest.mark.parametrize("path", ["/", "/devices/d", "/settings", "/devices/d/ports/1"])
def test_only_a_container_takes_children(repo: treering.Repository, store: Place, path: str) -> None:
    repo.add("/devices", device("d"))
    with store.refuses(NotAContainer):
        repo.add(path, pb.Device(name="x"))


def test_the_message_has_the_type_of_the_container(repo: treering.Repository, store: Place) -> None:
    for wrong in (pb.Port(number=1), pb.Network(), None, "d", {"name": "d"}, b"\n\x01d", pb.Device):
        with store.refuses(WrongType) as caught:
            repo.add("/devices", wrong)  # type: ignore[arg-type]
        assert "engine_test.Device" in str(caught.value)


def test_the_parent_must_be_there(repo: treering.Repository, store: Place) -> None:
    for path in ("/devices/nope/ports", "/nope", "/name", "/keys/int32s", "/rules/0/flows"):
        with store.refuses(PathNotFound):
            repo.add(path, pb.Port(number=1) if "ports" in path else pb.ByInt32(key=1))


def test_author_and_note_are_texts(repo: treering.Repository, store: Place) -> None:
    with store.refuses(WrongType):
        repo.add("/devices", pb.Device(name="d"), note=b"bytes")  # type: ignore[arg-type]
    with store.refuses(WrongType):
        repo.add("/devices", pb.Device(name="d"), author=1)  # type: ignore[arg-type]
    with store.refuses(WrongType):
        repo.add("/devices", pb.Device(name="d"), note=None)  # type: ignore[arg-type]
    with store.refuses(WrongType):
        repo.add("/devices", pb.Device(name="d"), note="\ud800")
    for author in (7, "\ud800"):
        with store.refuses(WrongType):
            store.open(author=author)
    commit = repo.add("/devices", pb.Device(name="d"), author="Æ", note="line\nline\x00")
    assert (commit.author, commit.note) == ("Æ", "line\nline\x00")
    assert store.reopen().head.note == "line\nline\x00"
