from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.proto import engine_pb2 as pb

import treering
from treering import ChildInUpdate, InvalidPath, KeyChanged, PathNotFound, ReadOnlyField, WrongType


@pytest.fixture
def filled(store: Place) -> treering.Repository:
    repo = store.open()
    repo.replace("/", network())
    return repo


def test_an_update_keeps_the_children(filled: treering.Repository) -> None:
    filled.update("/devices/d1", pb.Device(name="d1", vendor="new"))
    expected = device("d1")
    expected.vendor = "new"
    assert filled.get("/devices/d1", deep=True) == expected
    filled.update("/", pb.Network(name="other"))
    whole = filled.get(deep=True)
    assert whole.name == "other"
    assert len(whole.devices) == len(network().devices)
    assert whole.settings.fallback.banner == "hi"


def test_what_is_unset_is_cleared(filled: treering.Repository) -> None:
    filled.update("/", pb.Network(name="n"))
    own = filled.get("/")
    assert own == pb.Network(name="n")
    assert not own.HasField("budget")
    assert not own.HasField("location")
    assert own.WhichOneof("contact") is None


def test_a_mask_limits_what_is_replaced(filled: treering.Repository) -> None:
    before = filled.get("/")
    given = pb.Network(name="masked", state="ignored", servers=["s9"])
    filled.update("/", given, mask=["name", "servers"])
    before.name = "masked"
    before.servers[:] = ["s9"]
    assert filled.get("/") == before
    filled.update("/", pb.Network(), mask=FieldMask(paths=["budget", "location", "weights"]))
    for name in ("budget", "location", "weights"):
        before.ClearField(name)
    assert filled.get("/") == before
    filled.update("/", pb.Network(email="e"), mask=("email",))
    assert filled.get("/").WhichOneof("contact") == "email"
    filled.update("/", pb.Network(weights={"z": 9}, location=pb.Location()), mask={"weights", "location"})
    assert dict(filled.get("/").weights) == {"z": 9}
    assert filled.get("/").HasField("location")


def test_a_mask_of_nothing_changes_nothing(filled: treering.Repository, store: Place) -> None:
    with store.unchanged():
        assert filled.update("/", pb.Network(name="x"), mask=[]) == filled.head


def test_only_masked_fields_are_compared_for_key_and_read_only(filled: treering.Repository, store: Place) -> None:
    filled.update("/devices/d1", pb.Device(vendor="v9"), mask=["vendor"])
    assert filled.get("/devices/d1") == pb.Device(name="d1", vendor="v9")
    filled.update("/", pb.Network(name="x", state="changed"), mask=["name"], strict=True)
    assert filled.get().state == "up"
    with store.refuses(KeyChanged):
        filled.update("/devices/d1", pb.Device(name="d2"), mask=["name"])


@pytest.mark.parametrize(
    "mask", [["nope"], ["location.town"], "nope", FieldMask(paths=["name", "nope"]), 7, [7], [["name"]]]
)
def test_a_mask_names_own_fields(filled: treering.Repository, store: Place, mask: object) -> None:
    with store.refuses(WrongType):
        filled.update("/", pb.Network(name="x"), mask=mask)  # type: ignore[arg-type]


def test_a_mask_names_no_children(filled: treering.Repository, store: Place) -> None:
    with store.refuses(ChildInUpdate):
        filled.update("/", pb.Network(), mask=["devices"])


def test_an_update_carries_no_children(filled: treering.Repository, store: Place) -> None:
    with store.refuses(ChildInUpdate) as caught:
        filled.update("/devices/d1", device("d1"))
    assert isinstance(caught.value, ValueError)
    with store.refuses(ChildInUpdate):
        filled.update("/", pb.Network(settings=pb.Settings()))


@pytest.mark.parametrize("given", [pb.Device(name="d2"), pb.Device(vendor="x"), pb.Device()])
def test_the_key_cannot_change(filled: treering.Repository, store: Place, given: pb.Device) -> None:
    with store.refuses(KeyChanged) as caught:
        filled.update("/devices/d1", given)
    assert isinstance(caught.value, ValueError)
    with store.refuses(KeyChanged):
        filled.replace("/devices/d1", given)


def test_a_component_of_a_key_cannot_change(filled: treering.Repository, store: Place) -> None:
    filled.update(("keys", "pairs", ("a,b", "c")), pb.ByPair(name="a,b", zone="c", text="ok"))
    with store.refuses(KeyChanged):
        filled.update(("keys", "pairs", ("a,b", "c")), pb.ByPair(name="a", zone="b,c"))


def test_strict_refuses_a_changed_read_only_value(filled: treering.Repository, store: Place) -> None:
    with store.refuses(ReadOnlyField) as caught:
        filled.update("/", pb.Network(name="x", state="down"), strict=True)
    assert isinstance(caught.value, ValueError)
    assert "state" in str(caught.value)
    with store.refuses(ReadOnlyField):
        filled.update("/", pb.Network(name="x"), strict=True)  # cleared is changed
    with store.refuses(ReadOnlyField):
        filled.update("/", pb.Network(state="up", location=pb.Location(surveyed="now")), strict=True)
    filled.update("/", pb.Network(name="x", state="up"), strict=True)
    filled.update("/", pb.Network(name="x", state="down"))
    assert filled.get() == pb.Network(name="x", state="down")


@pytest.mark.parametrize("path", ["/devices", "/rules", "/sites", "/devices/d1/ports"])
def test_a_container_is_not_updated(filled: treering.Repository, store: Place, path: str) -> None:
    with store.refuses(InvalidPath) as caught:
        filled.update(path, pb.Device(name="d1"))
    assert isinstance(caught.value, ValueError)
    with store.refuses(InvalidPath):
        filled.replace(path, pb.Device(name="d1"))


def test_the_type_must_fit(filled: treering.Repository, store: Place) -> None:
    for path, wrong in (("/", pb.Device()), ("/devices/d1", pb.Port()), ("/settings", None), ("/sites/s", "x")):
        with store.refuses(WrongType):
            filled.update(path, wrong)  # type: ignore[arg-type]
        with store.refuses(WrongType):
            filled.replace(path, wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/devices/nope", "/sites/nope", "/devices/nope/settings", "/rules/0", "/name"])
def test_what_is_not_there_is_not_updated(filled: treering.Repository, store: Place, path: str) -> None:
    given = {"/sites/nope": pb.Site(), "/devices/nope/settings": pb.Settings()}.get(path, pb.Device(name="nope"))
    with store.refuses(PathNotFound):
        filled.update(path, given)


def test_an_update_that_changes_nothing_makes_no_commit(filled: treering.Repository, store: Place) -> None:
    head = filled.head
    with store.unchanged():
        assert filled.update("/devices/d1", pb.Device(name="d1", vendor="acme")) == head
        assert filled.update("/", filled.get("/")) == head
        assert filled.update("/settings", pb.Settings()) == head
        assert filled.replace("/", network()) == head
        assert filled.replace("/devices/d1", device("d1")) == head
        assert filled.clear("/settings/fallback/fallback") == head
    assert filled.head == head


def test_map_children_and_singular_ones_are_updated_too(filled: treering.Repository) -> None:
    filled.update("/sites/south", pb.Site(address="s2"))
    filled.update("/racks/-5", pb.Site(address="r2"))
    filled.update("/settings/fallback", pb.Settings(mtu=1))
    assert filled.get("/sites/south", deep=True).ports[0].flows[0].id == 1 << 63
    assert filled.get("/sites/south").address == "s2"
    assert filled.get("/racks/-5").address == "r2"
    assert filled.get("/settings", deep=True).fallback.mtu == 1


def test_an_update_across_the_size_of_embedding(filled: treering.Repository) -> None:
    for size in (0, 400, 500, 505, 510, 512, 600, 5000, 10, 0):
        filled.update("/devices/d1", pb.Device(name="d1", vendor="v" * size))
        filled.update("/settings", pb.Settings(banner="b" * size))
        assert filled.get("/devices/d1").vendor == "v" * size
        assert filled.get("/settings", deep=True) == pb.Settings(
            banner="b" * size, fallback=network().settings.fallback
        )
        assert filled.verify().ok
    assert list(filled.get("/devices/d1", deep=True).ports) == list(device("d1").ports)
