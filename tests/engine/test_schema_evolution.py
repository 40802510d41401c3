from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.engine.versions import altered, keyed_by, network_of, plain, with_field, without
from tests.proto import engine_pb2 as pb

import treering
from treering import PathNotFound, Schema, SchemaError, SchemaMismatch


def _older() -> Any:
    """Return the schema of a program that does not know some fields, messages and children."""
    return network_of(
        without("Network", "sites", "settings", "rules", "keys", "servers"),
        without("Device", "ports", "settings", "image"),
    )


def test_a_store_says_itself_what_it_holds(store: Place) -> None:
    store.open().replace("/", network())
    again = store.reopen(None)
    assert again.schema.root.name == "engine_test.Network"
    found = again.get(deep=True)
    assert type(found) is not pb.Network
    assert pb.Network.FromString(found.SerializeToString()) == network()
    assert again.keys("/keys/colors", limit=1) == [pb.NEGATIVE]
    assert again.get("/keys/colors/BLUE").key == pb.BLUE
    assert again.keys("/devices/d1/ports") == [0, 1, 2]
    again.update("/devices/d1", pb.Device(name="d1", vendor="v"))
    with store.refuses(treering.ReadOnlyField):
        again.update("/", pb.Network(state="x"), strict=True)
    (change,) = again.diff("main~1")
    assert (change.kind, str(change.path)) == ("update", "/devices/d1")
    assert again.diff("main~1").json_patch()[0]["value"] == "v"
    assert store.reopen().get("/devices/d1").vendor == "v"


def test_without_a_schema_nothing_is_made(store: Place) -> None:
    with pytest.raises(treering.NotAStore):
        store.open(None)
    with pytest.raises(treering.NotAStore):
        store.open(pb.Network, create=False)


def test_a_newer_schema_reads_what_an_older_one_wrote(store: Place) -> None:
    old_class = _older()
    old = store.open(old_class)
    tree = old_class(name="n", devices=[{"name": "d", "vendor": "v"}])
    old.replace("/", tree)
    new = store.reopen()
    assert new.get(deep=True) == pb.Network(name="n", devices=[pb.Device(name="d", vendor="v")])
    assert new.count("/rules") == 0
    assert not new.exists("/settings")
    new.update("/settings", pb.Settings(mtu=1))
    new.add("/devices/d/ports", pb.Port(number=1))
    new.update("/", pb.Network(name="n", servers=["s"]))
    assert new.get(deep=True).devices[0].ports[0].number == 1
    # the store knows the newer schema from then on
    assert store.reopen(None).get("/settings").mtu == 1


def test_an_older_schema_lets_pass_what_it_does_not_know(store: Place) -> None:
    store.open().replace("/", network())
    old_class = _older()
    old = store.reopen(old_class)
    seen = old.get(deep=True)
    assert len(seen.devices) == len(network().devices)
    for path in ("/sites", "/settings", "/devices/d1/ports", "/devices/d1/ports/1"):
        with pytest.raises(PathNotFound):
            old.get(path)
    own = old.get("/")
    own.name = "by the old one"
    old.update("/", own)  # unknown plain fields come back with the message
    device_class = type(seen.devices[0])
    old.update("/devices/d1", device_class(name="d1", vendor="old"))
    old.replace("/devices/d2", device_class(name="d2", vendor="old"))
    old.add("/devices", device_class(name="added"))
    old.remove("/devices/bulk1")
    expected = network()
    expected.name = "by the old one"
    for one in expected.devices:
        if one.name in {"d1", "d2"}:
            one.vendor = "old"
    kept = [one for one in expected.devices if one.name != "bulk1"]
    del expected.devices[:]
    expected.devices.extend(kept)
    expected.devices.add(name="added")
    new = store.reopen()
    assert new.get(deep=True) == expected
    assert new.get("/").servers == ["s1", "s2"]
    assert new.get("/devices/d1/ports/1/flows/1").match == "any"
    assert store.reopen(None).get("/settings/fallback").banner == "hi"


def test_a_replace_by_an_older_schema_keeps_unknown_children(store: Place) -> None:
    store.open().replace("/", network())
    old_class = _older()
    old = store.reopen(old_class)
    before = old.head
    assert old.replace("/", old.get(deep=True)) == before  # reads and writes back: nothing changed
    old.replace("/", old_class(name="all else gone"))
    new = store.reopen()
    left = new.get(deep=True)
    assert left.name == "all else gone"
    assert not left.devices
    assert left.settings == network().settings
    assert left.sites == network().sites


def test_an_older_schema_may_not_bring_children_that_it_does_not_know(store: Place) -> None:
    store.open().replace("/", network())
    old_class = _older()
    old = store.reopen(old_class)
    deep = old_class.FromString(network().SerializeToString())  # the unknown children are unknown fields in here
    with store.refuses(SchemaMismatch):
        old.replace("/", deep)
    device = type(old.get("/devices/d1")).FromString(
        pb.Device(name="d1", ports=[pb.Port(number=7)]).SerializeToString()
    )
    with store.refuses(SchemaMismatch):
        old.update("/devices/d1", device)


def test_a_diff_by_an_older_schema_leaves_out_what_it_does_not_know(store: Place) -> None:
    repo = store.open()
    repo.replace("/", network())
    before = repo.head.id
    repo.update("/settings", pb.Settings(mtu=9))
    repo.remove("/devices/d1/ports/1")
    repo.update("/devices/d2", pb.Device(name="d2", vendor="v"))
    old = store.reopen(_older())
    assert [str(change.path) for change in old.diff(before)] == ["/devices/d2"]
    assert len(old.diff(before).json_patch()) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (altered("Network", "changed", plain), "engine_test.Network.changed"),
        (altered("Network", "devices", keyed_by("vendor")), "engine_test.Network.devices"),
        (altered("Network", "rules", keyed_by("text")), "engine_test.Network.rules"),
        (altered("Keys", "pairs", keyed_by("zone name")), "engine_test.Keys.pairs"),
        (altered("Keys", "pairs", keyed_by("name")), "engine_test.Keys.pairs"),
        (altered("Keys", "int32s", keyed_by("")), "engine_test.Keys.int32s"),
        (altered("Network", "changed", lambda field: setattr(field, "number", 99)), "engine_test.Network.changed"),
        (
            altered("Network", "changed", lambda field: setattr(field, "type_name", ".engine_test.Nest")),
            "engine_test.Network.changed",
        ),
        (
            altered("Network", "changed", lambda field: setattr(field, "label", Field.LABEL_REPEATED)),
            "engine_test.Network.changed",
        ),
        (altered("ByInt32", "key", lambda field: setattr(field, "type", Field.TYPE_STRING)), "engine_test.Keys.int32s"),
        (altered("ByInt32", "key", lambda field: setattr(field, "number", 9)), "engine_test.Keys.int32s"),
    ],
)
@pytest.mark.parametrize("newer_first", [False, True])
def test_what_makes_two_schemas_differ_too_much(store: Place, change: Any, field: str, *, newer_first: bool) -> None:
    other = network_of(change)
    first, second = (other, pb.Network) if newer_first else (pb.Network, other)
    store.open(first).close()
    with store.refuses(SchemaMismatch) as caught:
        store.open(second)
    assert isinstance(caught.value, ValueError)
    assert field in str(caught.value)
    assert store.open(first).exists("/")


def test_another_root_type_is_refused(store: Place) -> None:
    store.open().replace("/", network())
    with store.refuses(SchemaMismatch) as caught:
        store.open(pb.Stranger)
    assert "engine_test.Network" in str(caught.value)
    assert "engine_test.Stranger" in str(caught.value)
    assert store.open().get(deep=True) == network()


def test_a_key_may_get_wider(store: Place) -> None:
    repo = store.open()
    repo.update("/keys", pb.Keys())
    repo.add("/keys/int32s", pb.ByInt32(key=-5, text="five"))
    wider = network_of(altered("ByInt32", "key", lambda field: setattr(field, "type", Field.TYPE_INT64)))
    again = store.reopen(wider)
    assert again.get("/keys/int32s/-5").text == "five"
    entry = again.schema.shapes["engine_test.ByInt32"].message_class
    again.add("/keys/int32s", entry(key=1 << 40))
    assert again.keys("/keys/int32s") == [-5, 1 << 40]


def test_new_fields_messages_and_children_are_fine(store: Place) -> None:
    store.open().replace("/", network())
    newer = network_of(
        with_field("Network", "motto", 90),
        with_field(
            "Network",
            "backups",
            91,
            label=Field.LABEL_REPEATED,
            type=Field.TYPE_MESSAGE,
            type_name=".engine_test.Device",
            key="name",
        ),
    )
    repo = store.reopen(newer)
    assert repo.count("/backups") == 0
    repo.add("/backups", device("b"))
    repo.update("/", newer(motto="onwards"), mask=["motto"])
    assert repo.get("/backups/b/ports/1").label == "p1"
    back = store.reopen()  # the older program
    back.update("/devices/d1", pb.Device(name="d1", vendor="older"))
    back.update("/", pb.Network(name="m"), mask=["name"])
    with pytest.raises(PathNotFound):
        back.get("/backups")
    again = store.reopen(newer)
    assert again.get("/backups/b/ports/1/flows/0").match == "any"
    assert again.get().motto == "onwards"
    assert again.get("/devices/d1").vendor == "older"
    assert store.reopen(None).get("/").motto == "onwards"


def test_the_schema_is_stored_once(repo: treering.Repository, store: Place) -> None:
    for number in range(5):
        repo.update("/", pb.Network(name=str(number)))
    store.reopen().update("/", pb.Network(name="again"))
    store.reopen(None).update("/", pb.Network(name="and again"))
    store.reopen(network_of()).update("/", pb.Network(name="from another pool"))
    kinds = [value[:1] for key, value in store.content().items() if key and value]
    assert kinds.count(b"S") == 1


def test_a_sidecar_declares_the_same(store: Place) -> None:
    bare = network_of(*(altered("Network", name, plain) for name in ("changed", "racks")))
    with pytest.raises(SchemaError):
        Schema(bare, children={"engine_test.Network.nope": None})
    schema = Schema(bare, children={"engine_test.Network.changed": None, "engine_test.Network.racks": None})
    repo = store.open(schema)
    repo.replace("/", network())
    assert repo.get("/racks/-5").address == "below"
    assert repo.schema is schema
    again = store.reopen()  # with options in the .proto
    assert again.get(deep=True) == network()
    with pytest.raises(SchemaMismatch):
        store.open(network_of(altered("Network", "changed", plain)))


@pytest.mark.parametrize("schema", ["engine_test.Network", 7, pb.Network(), object])
def test_what_is_not_a_schema(store: Place, schema: object) -> None:
    with pytest.raises(SchemaError) as caught:
        store.open(schema)
    assert isinstance(caught.value, ValueError)
