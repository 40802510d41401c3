"""Trees to put in: one with everything in it, and random ones."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import strategies as st
from tests.proto import engine_pb2 as pb

DEVICE_NAMES = ("a", "b", "x/y", "z z", "..", "ü", "%41", "[k=v]", "a,b")


def device(name: str, *, ports: int = 3, flows: int = 2) -> pb.Device:
    made = pb.Device(name=name, vendor="acme")
    for number in range(ports):
        port = made.ports.add(number=number, label=f"p{number}")
        for identity in range(flows):
            port.flows.add(id=identity, match="any")
    return made


def network() -> pb.Network:
    """Return a tree in which every kind of child has some, large and small ones."""
    made = pb.Network(name="net", servers=["s1", "s2"], weights={"a": 1, "b": 2}, budget=0, phone="1", state="up")
    made.location.town = "Bonn"
    made.extra.Pack(pb.Location(town="Ulm"))
    made.notes["open"] = True
    made.devices.extend([device(name) for name in ("d2", "d1", "a/b", "ü %", "[x=y]", "..")])
    made.devices.add(name="large", image=bytes(range(256)) * 5).settings.mtu = 9000
    for number in range(300):
        made.devices.add(name=f"bulk{number * 7919 % 300}", vendor=f"v{number}")
    made.rules.add(text="first").flows.add(id=7)
    made.rules.add()
    made.rules.add(text="first").flows.add(id=7)
    made.settings.fallback.banner = "hi"
    made.sites["north/1"].address = "x" * 600
    made.sites["s"].SetInParent()
    made.sites["south"].ports.add(number=4).flows.add(id=1 << 63)
    made.racks[-5].address = "below"
    made.racks[0].SetInParent()
    made.keys.CopyFrom(keys())
    made.folders.add(name="f").folders.add(name="g").shortcut.text = "deep"
    made.changed.CopyFrom(Timestamp(seconds=1_700_000_000))
    return made


def keys() -> pb.Keys:
    """Return a container for each type of key, with keys at the ends of their ranges."""
    made = pb.Keys()
    for number in (5, 0, -1, (1 << 31) - 1, -(1 << 31)):
        made.int32s.add(key=number, text=str(number))
    for number in (300, 0, -300, (1 << 63) - 1, -(1 << 63)):
        made.int64s.add(key=number)
        made.sint64s.add(key=number)
        made.sint64_map[number].address = str(number)
    for number in (300, 0, (1 << 64) - 1, 255, 256):
        made.uint64s.add(key=number)
        made.fixed64_map[number].address = str(number)
    for number in ((1 << 32) - 1, 0, 1):
        made.fixed32s.add(key=number)
    for flag in (True, False):
        made.bools.add(key=flag)
        made.bool_map[flag].address = str(flag)
    for color in (pb.BLUE, pb.RED, pb.NEGATIVE, 99):
        made.colors.add(key=color)
    for raw in (b"\xff", b"\x00", b"a\x00", b"a", b"a/b", b"\x01\x02"):
        made.raws.add(key=raw)
    for text in ("b", "a", "a\x00", "ü", "/", "%", ",", "[", "]", " ", "..", ".", "\U0001f600", "\uffff", "a,b"):
        made.strings.add(key=text)
    for name, zone in (("b", "a"), ("a,b", "c"), ("a", "b,c"), ("a", "/")):
        made.pairs.add(name=name, zone=zone)
    made.triples.add(number=-7, color=pb.GREEN, name="x")
    made.triples.add(number=-7, color=pb.RED, name="x")
    made.triples.add(number=1 << 40, color=pb.RED, name="x")
    return made


# Random trees, small enough to be many and with few keys, so that two of them share some.

_texts = st.sampled_from(["", "one", "two", "x" * 300])
_flows = st.lists(st.builds(pb.Flow, id=st.integers(0, 3), match=_texts), max_size=3, unique_by=lambda flow: flow.id)
_ports = st.lists(
    st.builds(pb.Port, number=st.integers(0, 4), label=_texts, flows=_flows),
    max_size=3,
    unique_by=lambda port: port.number,
)
_settings = st.builds(
    pb.Settings,
    mtu=st.integers(0, 2),
    fallback=st.none() | st.builds(pb.Settings, banner=_texts, fallback=st.none() | st.builds(pb.Settings)),
)
devices = st.builds(
    pb.Device,
    name=st.sampled_from(DEVICE_NAMES),
    vendor=_texts,
    ports=_ports,
    settings=st.none() | _settings,
)
_sites = st.builds(pb.Site, address=_texts, ports=_ports)
_many_devices = st.lists(
    st.builds(pb.Device, name=st.integers(0, 60).map(str), vendor=_texts), max_size=60, unique_by=lambda one: one.name
)
_folders = st.recursive(
    st.builds(pb.Folder, name=st.sampled_from("fgh"), text=_texts),
    lambda inner: st.builds(
        pb.Folder,
        name=st.sampled_from("fgh"),
        folders=st.lists(inner, max_size=2, unique_by=lambda one: one.name),
        shortcut=st.none() | inner,
    ),
    max_leaves=4,
)
_values = st.none() | st.booleans() | st.sampled_from([0.0, 1.0, 2.5]) | st.sampled_from(["", "t"])


@st.composite
def networks(draw: st.DrawFn) -> pb.Network:
    """Return any tree: most fields, each kind of child, in any order."""
    made = pb.Network(
        name=draw(_texts),
        servers=draw(st.lists(_texts, max_size=2)),
        weights=draw(st.dictionaries(st.sampled_from(["a", "b/c", "~"]), st.integers(0, 2), max_size=2)),
        state=draw(_texts),
        devices=draw(_many_devices | st.lists(devices, max_size=6, unique_by=lambda one: one.name)),
        rules=draw(st.lists(st.builds(pb.Rule, text=_texts, flows=_flows), max_size=4)),
        settings=draw(st.none() | _settings),
        folders=draw(st.lists(_folders, max_size=2, unique_by=lambda one: one.name)),
        changed=draw(st.none() | st.builds(Timestamp, seconds=st.integers(0, 2))),
        location=draw(st.none() | st.builds(pb.Location, town=_texts, height=st.sampled_from([0.0, 1.5]))),
        budget=draw(st.none() | st.integers(0, 1)),
    )
    contact = draw(st.sampled_from(["email", "phone", None]))
    if contact:
        setattr(made, contact, draw(_texts))
    for name, site in draw(st.dictionaries(st.sampled_from(["a", "b/~", "c"]), _sites, max_size=3)).items():
        made.sites[name].CopyFrom(site)
    for number, site in draw(st.dictionaries(st.integers(-2, 2), _sites, max_size=3)).items():
        made.racks[number].CopyFrom(site)
    if draw(st.booleans()):
        made.notes.update(draw(st.dictionaries(st.sampled_from(["k", "l"]), _values, max_size=2)))
    if draw(st.booleans()):
        packed = AnyMessage()
        packed.Pack(pb.Location(town=draw(_texts)))
        made.extra.CopyFrom(packed)
    return made
