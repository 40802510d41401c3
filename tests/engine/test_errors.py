"""Errors have the right class, say what to do, and leave the store as it was."""

from __future__ import annotations

import copy
import errno
import pickle
from typing import Any

import pytest
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.proto import engine_pb2 as pb

import treering
from treering import errors
from treering.backend.mapping import MappingBackend
from treering.errors import Retry
from treering.testing import FaultyBackend

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Error)]
NOT_FOUND = {"PathNotFound", "NameNotFound", "SnapshotPruned", "Compacted"}
REFUSED = {
    "SchemaError", "SchemaMismatch", "InvalidPath", "WrongType", "AlreadyExists", "KeyChanged", "ReadOnlyField",
    "ChildInUpdate", "NotAContainer", "TooLarge", "TooDeep", "AmbiguousName", "ProxyTaken", "NotAStore",
    "FormatUnsupported",
}  # fmt: skip


def test_every_error_is_of_its_family() -> None:
    by_name = {kind.__name__: kind for kind in KINDS}
    assert by_name.keys() >= NOT_FOUND | REFUSED
    for name, kind in by_name.items():
        assert issubclass(kind, treering.Error)
        assert getattr(treering, name) is kind
        if name in NOT_FOUND:
            assert issubclass(kind, KeyError)
        if name in REFUSED:
            assert issubclass(kind, ValueError)
            assert kind.retry is Retry.NEVER
    assert issubclass(treering.MissingDependency, ImportError)
    assert treering.MergeConflict.retry is Retry.RERUN
    assert treering.Unavailable.retry is Retry.REPEAT
    assert treering.OutcomeUnknown.retry is Retry.ASK


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_read_printed_and_carried_elsewhere(kind: type[treering.Error]) -> None:
    error: Any = kind("static text", path="/x", number=7)
    assert (error.message, error.path, error.number) == ("static text", "/x", 7)
    assert str(error) == "static text (path=/x, number=7)"
    assert str(kind("static text")) == "static text"
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert str(again) == str(error)
        assert again.facts == error.facts


def _faulty() -> tuple[FaultyBackend, treering.Repository]:
    backend = FaultyBackend(MappingBackend({}))
    repo = treering.open(backend, pb.Network)
    repo.replace("/", network())
    return backend, repo


@pytest.mark.parametrize("error", [treering.Unavailable("down"), treering.StoreFull("full")])
@pytest.mark.parametrize("moment", ["before", "during"])
def test_a_store_that_fails_says_so_and_nothing_changed(error: treering.Error, moment: Any) -> None:
    backend, repo = _faulty()
    head, root = repo.head, backend.read_root()
    backend.fail("publish", moment=moment, error=error)
    with pytest.raises(type(error)):
        repo.add("/devices", device("new"))
    assert backend.read_root() == root
    assert repo.head == head
    assert not repo.exists("/devices/new")
    repo.add("/devices", device("new"))
    assert repo.get("/devices/new", deep=True) == device("new")
    assert repo.verify().problems == ()


@pytest.mark.parametrize("method", ["read_root", "read_many"])
def test_a_read_that_fails_says_so_and_the_next_one_works(method: Any) -> None:
    backend, repo = _faulty()
    repo = treering.open(backend, pb.Network)  # nothing cached
    backend.fail(method)
    with pytest.raises(treering.Unavailable):
        repo.get(deep=True)
    assert repo.get(deep=True) == network()


def test_a_tag_that_fails_leaves_no_tag() -> None:
    backend, repo = _faulty()
    backend.fail("publish", error=treering.StoreFull("full"))
    with pytest.raises(treering.StoreFull):
        repo.tag("v1")
    assert not repo.tags
    repo.tag("v1")
    assert list(repo.tags) == ["v1"]


class _Full(dict[str, bytes]):
    """A mapping that has no room for a while."""

    is_full = False

    def __setitem__(self, key: str, value: bytes) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().__setitem__(key, value)


def test_a_full_mapping_is_a_full_store() -> None:
    mapping = _Full()
    repo = treering.open(mapping, pb.Network)
    repo.replace("/", network())
    before = dict(mapping)
    mapping.is_full = True
    with pytest.raises(treering.StoreFull):
        repo.add("/devices", device("x"))
    with pytest.raises(treering.StoreFull):
        repo.remove("/devices/d1")
    with pytest.raises(treering.StoreFull):
        repo.tag("t")
    assert mapping == before
    assert repo.get(deep=True) == network()
    mapping.is_full = False
    repo.add("/devices", device("x"))
    assert repo.verify().problems == ()


def test_a_full_lmdb_map_loses_nothing(tmp_path: Any) -> None:
    url = f"lmdb:{tmp_path}/store?map_size=256K&max_map_size=256K"
    repo = treering.open(url, pb.Network)
    kept = 0
    with pytest.raises(treering.StoreFull):
        for number in range(500):
            repo.add("/devices", pb.Device(name=f"d{number}", image=bytes(5000)))
            kept += 1
    assert kept > 5
    assert repo.count("/devices") == kept
    assert repo.get(f"/devices/d{kept - 1}").image == bytes(5000)
    assert repo.verify().problems == ()
    repo.close()
    with treering.open(f"lmdb:{tmp_path}/store", pb.Network) as larger:
        assert larger.count("/devices") == kept
        larger.add("/devices", pb.Device(name="more", image=bytes(5000)))


class _Moving(MappingBackend):
    """A store whose root another writer always moves first."""

    is_moving = False

    def publish(self, objects: Any, expected: bytes | None, root: bytes) -> bool:
        return not self.is_moving and super().publish(objects, expected, root)


def test_a_root_that_never_holds_still_is_unavailable_at_the_deadline() -> None:
    backend = _Moving({})
    repo = treering.open(backend, pb.Network, deadline_seconds=0.1)
    repo.add("/devices", device("a"))
    backend.is_moving = True
    with pytest.raises(treering.Unavailable):
        repo.add("/devices", device("b"))
    with pytest.raises(treering.Unavailable):
        repo.tag("t")
    backend.is_moving = False
    assert repo.keys("/devices") == ["a"]
    repo.add("/devices", device("b"))
    assert repo.verify().problems == ()


def test_refused_input_is_named_in_the_message(repo: treering.Repository, store: Place) -> None:
    with store.refuses(treering.PathNotFound) as caught:
        repo.get("/devices/nope")
    assert caught.value.path == "/devices/nope"
    assert str(caught.value) == "there is nothing at this path (path=/devices/nope)"
    with pytest.raises(KeyError):
        repo.remove("/devices/nope")
    with pytest.raises(ValueError):
        repo.update("/devices", pb.Device())
