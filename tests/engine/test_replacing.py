from __future__ import annotations

from hypothesis import given, settings
from tests.engine.place import Place
from tests.engine.trees import device, network, networks
from tests.proto import engine_pb2 as pb

import treering
from treering import AlreadyExists, PathNotFound


def test_the_whole_subtree_becomes_the_message(repo: treering.Repository) -> None:
    repo.add("/devices", device("d", ports=5))
    repo.add("/devices", device("e"))
    wanted = pb.Device(name="d", vendor="new", settings=pb.Settings(mtu=5))
    wanted.ports.add(number=3, label="three").flows.add(id=9)
    wanted.ports.add(number=77)
    repo.replace("/devices/d", wanted)
    assert repo.get("/devices/d", deep=True) == wanted
    assert repo.get("/devices/e", deep=True) == device("e")
    repo.replace("/devices/d", pb.Device(name="d"))
    assert repo.get("/devices/d", deep=True) == pb.Device(name="d")


def test_replace_writes_only_what_differs(repo: treering.Repository, store: Place) -> None:
    wanted = network()
    repo.replace("/", wanted)
    before = store.content()
    wanted.devices[200].vendor = "changed"
    repo.replace("/", wanted)
    written = store.content().keys() - before.keys()
    assert len(written) <= 4  # the pages on the way to one device, and the commit
    assert repo.get(deep=True) == wanted


def test_a_duplicate_key_is_refused(repo: treering.Repository, store: Place) -> None:
    repo.replace("/", network())
    twice = network()
    twice.devices.add(name="d1")
    with store.refuses(AlreadyExists) as caught:
        repo.replace("/", twice)
    assert "/devices/d1" in str(caught.value)
    deep = device("d1")
    deep.ports[2].flows.add(id=0)
    with store.refuses(AlreadyExists):
        repo.replace("/devices/d1", deep)


def test_what_is_not_there_is_not_replaced(repo: treering.Repository, store: Place) -> None:
    for path in ("/devices/nope", "/sites/nope", "/settings/fallback"):
        with store.refuses(PathNotFound):
            repo.replace(
                path, {"/devices/nope": pb.Device(name="nope"), "/sites/nope": pb.Site()}.get(path, pb.Settings())
            )


def test_a_map_entry_and_a_singular_child(repo: treering.Repository) -> None:
    repo.add("/sites", pb.Site(address="a"), key="s")
    repo.replace("/sites/s", pb.Site(address="b", ports=[pb.Port(number=1)]))
    repo.replace("/settings", pb.Settings(fallback=pb.Settings(mtu=1)))
    assert repo.get("/sites", deep=True) == {"s": pb.Site(address="b", ports=[pb.Port(number=1)])}
    assert repo.get("/settings/fallback").mtu == 1


@settings(max_examples=60)
@given(networks(), networks())
def test_any_tree_becomes_any_other(one: pb.Network, other: pb.Network) -> None:
    repo = treering.open({}, pb.Network)
    repo.replace("/", one)
    first = repo.head.tree_id
    assert repo.get(deep=True) == one
    repo.replace("/", other)
    assert repo.get(deep=True) == other
    assert repo.get(deep=True, at="main~0") == other
    repo.replace("/", one)
    assert repo.get(deep=True) == one
    assert repo.head.tree_id == first
    assert repo.verify().problems == ()
