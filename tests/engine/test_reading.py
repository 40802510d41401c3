from __future__ import annotations

import pytest
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.proto import engine_pb2 as pb

import treering
from treering import NotAContainer, Path, PathNotFound


@pytest.fixture
def filled(store: Place) -> treering.Repository:
    repo = store.open()
    repo.replace("/", network())
    return repo


def test_a_deep_read_equals_what_was_put_in_also_after_reopening(filled: treering.Repository, store: Place) -> None:
    assert filled.get("/", deep=True) == network()
    assert store.reopen().get("/", deep=True) == network()


def test_depth_counts_levels_of_children(filled: treering.Repository) -> None:
    bare = filled.get("/devices/d1")
    assert bare == pb.Device(name="d1", vendor="acme")
    one = filled.get("/devices/d1", depth=1)
    assert [port.number for port in one.ports] == [0, 1, 2]
    assert not one.ports[0].flows
    assert filled.get("/devices/d1", depth=2) == filled.get("/devices/d1", deep=True) == device("d1")
    assert filled.get("/", depth=0) == filled.get()
    assert not filled.get().devices


def test_depth_on_a_container_counts_from_each_of_its_messages(filled: treering.Repository) -> None:
    assert not filled.get("/devices/d1/ports")[0].flows
    assert [flow.id for flow in filled.get("/devices/d1/ports", depth=1)[0].flows] == [0, 1]
    assert filled.get("/devices", deep=True) == list(network().devices)


def test_a_container_reads_as_a_list_and_a_map_as_a_dict(filled: treering.Repository) -> None:
    assert [one.text for one in filled.get("/rules")] == ["first", "", "first"]
    assert filled.get("/rules", deep=True) == list(network().rules)
    assert filled.get("/racks") == {-5: pb.Site(address="below"), 0: pb.Site()}
    assert filled.get("/sites", deep=True) == dict(network().sites)
    assert filled.get("/devices/d1/ports/0/flows/1") == pb.Flow(id=1, match="any")


def test_an_empty_container_reads_as_nothing(repo: treering.Repository) -> None:
    assert repo.get("/devices") == []
    assert repo.get("/rules") == []
    assert repo.get("/sites") == {}
    assert repo.keys("/devices") == []
    assert repo.count("/devices") == 0
    assert list(repo.iterate("/sites")) == []


def test_what_is_returned_is_the_callers_own(filled: treering.Repository) -> None:
    for path in ("/", "/devices/d1", "/settings", "/sites/north%2F1"):
        first = filled.get(path, deep=True)
        kept = type(first)()
        kept.CopyFrom(first)
        first.Clear()
        assert filled.get(path, deep=True) == kept
    filled.get("/devices")[0].vendor = "changed"
    filled.get("/racks")[0].address = "changed"
    next(filled.iterate("/devices"))[1].vendor = "changed"
    assert filled.get(deep=True) == network()


def test_what_is_given_is_copied(repo: treering.Repository) -> None:
    given = device("d")
    repo.add("/devices", given)
    given.vendor = "changed"
    given.ports[0].label = "changed"
    del given.ports[1:]
    assert repo.get("/devices/d", deep=True) == device("d")
    own = pb.Device(name="d", vendor="two")
    repo.update("/devices/d", own)
    own.vendor = "three"
    whole = network()
    repo.replace("/", whole)
    whole.Clear()
    assert repo.get("/", deep=True) == network()


def test_keys_come_in_key_order_in_pages(filled: treering.Repository) -> None:
    names = sorted(one.name for one in network().devices)
    assert filled.keys("/devices") == names
    assert filled.keys("/devices", limit=3) == names[:3]
    assert filled.keys("/devices", limit=0) == []
    assert filled.keys("/devices", start="bulk17", limit=2) == ["bulk17", "bulk170"]
    assert filled.keys("/devices", start="bulk17 ", limit=1) == ["bulk170"]
    assert filled.keys("/devices", start="\U0010ffff") == []
    paged: list[object] = []
    start: object = None
    while page := filled.keys("/devices", start=start, limit=50):
        paged += page[1 if start is not None else 0 :]
        if len(page) < 50:
            break
        start = page[-1]
    assert paged == names


def test_count_and_exists(filled: treering.Repository) -> None:
    assert filled.count("/devices") == len(network().devices)
    assert filled.count("/rules") == 3
    assert filled.count("/sites") == 3
    assert filled.exists("/")
    assert filled.exists("/devices/d1")
    assert filled.exists("/devices/d1/ports/2/flows/1")
    assert not filled.exists("/devices/d9")
    assert not filled.exists("/devices/d9/ports/1")


def test_exists_of_a_container_is_that_of_its_parent(filled: treering.Repository) -> None:
    assert filled.exists("/devices")
    assert filled.exists("/devices/large/ports")  # empty
    assert not filled.exists("/devices/d9/ports")


def test_iterate_gives_key_and_own_fields_in_key_order(filled: treering.Repository) -> None:
    assert [key for key, _ in filled.iterate("/devices")] == filled.keys("/devices")
    assert list(filled.iterate("/devices/d1/ports", start=1)) == [
        (1, pb.Port(number=1, label="p1")),
        (2, pb.Port(number=2, label="p2")),
    ]


def test_an_iteration_stays_with_its_tree(filled: treering.Repository) -> None:
    walk = filled.iterate("/devices")
    key, _ = next(walk)
    for name in filled.keys("/devices"):
        filled.remove(("devices", name), note="under the reader") if name.startswith("bulk1") else None
    assert [key, *(key for key, _ in walk)] == sorted(one.name for one in network().devices)


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/devices/nope",
        "/devices/nope/ports",
        "/devices/nope/ports/1",
        "/devices/d1/ports/77",
        "/devices/d1/nope",
        "/name",  # plain fields have no paths
        "/name/x",
        "/location",
        "/location/town",
        "/servers/0",
        "/weights/a",
        "/rules/0",  # nor have the elements of a plain list
        "/rules/0/flows",
        "/racks/77",
        "/sites/nope",
    ],
)
def test_a_path_that_leads_nowhere(filled: treering.Repository, path: str) -> None:
    with pytest.raises(PathNotFound) as caught:
        filled.get(path)
    assert isinstance(caught.value, KeyError)
    assert path in str(caught.value)


@pytest.mark.parametrize("path", ["/", "/devices/d1", "/settings", "/sites/s"])
def test_a_node_has_no_keys(filled: treering.Repository, path: str) -> None:
    for call in (filled.keys, filled.count, filled.iterate):
        with pytest.raises(NotAContainer):
            call(path)


@pytest.mark.parametrize("path", ["/devices/nope/ports", "/settings/fallback/fallback/nope", "/keys/nope"])
def test_a_container_that_is_not_there(filled: treering.Repository, path: str) -> None:
    for call in (filled.keys, filled.count, filled.iterate, filled.get):
        with pytest.raises(PathNotFound):
            call(path)


def test_exists_of_an_unknown_field(filled: treering.Repository) -> None:
    for path in ("/nope", "/name", "/devices/d1/nope", "/devices/missing/nope"):
        with pytest.raises(PathNotFound):
            filled.exists(path)


def test_a_path_may_be_a_text_a_path_or_a_tuple(filled: treering.Repository) -> None:
    expected = filled.get("/devices/d1/ports/2")
    assert expected.number == 2
    for path in ("devices/d1/ports/2", Path("devices", "d1", "ports", 2), ("devices", "d1", "ports", 2)):
        assert filled.get(path) == expected
    assert filled.get(Path.gnmi("/devices[name=d1]/ports[number=2]")) == expected
    assert filled.get(()) == filled.get("") == filled.get("/")


def test_a_snapshot_reads_as_the_repository_does(filled: treering.Repository) -> None:
    snapshot = filled.at(filled.head)
    filled.remove("/devices/d1")
    assert snapshot.get(deep=True) == network()
    assert snapshot.exists("/devices/d1")
    assert snapshot.count("/devices") == filled.count("/devices") + 1
    assert snapshot.keys("/devices", limit=1) == filled.keys("/devices", limit=1)
    assert dict(snapshot.iterate("/racks")) == snapshot.get("/racks")
    assert snapshot.commit == filled.resolve("main~1")
    with pytest.raises(PathNotFound):
        snapshot.get("/devices/nope")
