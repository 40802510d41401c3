from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError, Message
from tests.proto.treering_test import edition_pb2, legacy_pb2, network_pb2

from treering.errors import TooDeep
from treering.schema import wire
from treering.schema.depth import MAX_DEPTH, PARSER_LEVELS, message_depth, static_depth
from treering.schema.descriptor import file_set, new_pool
from treering.schema.schema import Schema


def expression(levels: int) -> network_pb2.Expression:
    outermost = innermost = network_pb2.Expression()
    for _ in range(levels - 1):
        innermost = innermost.parts.add()
    innermost.op = "x"
    return outermost


def group_of(rule: network_pb2.Expression) -> network_pb2.Group:
    group = network_pb2.Group(name="g")
    group.rule.CopyFrom(rule)  # protobuf's constructor would parse it, which fails for a deep one
    return group


def nested(levels: int, step: Callable[[Any], Any], message: Any) -> Any:
    innermost = message
    while message_depth(message) < levels:
        innermost = step(innermost)
    return message


def into_extension(part: Any) -> Any:
    inner = part.Extensions[legacy_pb2.inner]
    inner.label = "x"
    return inner


def into_status(status: Any) -> Any:
    status.inner.SetInParent()
    return status.inner


CHAINS = {
    "repeated": (network_pb2.Expression, lambda message: message.parts.add()),
    "singular": (network_pb2.Status, into_status),
    "extension": (legacy_pb2.Part, into_extension),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_the_parser_takes_as_many_levels_as_we_say(chain: str) -> None:
    make, step = CHAINS[chain]
    fits = nested(PARSER_LEVELS, step, make())
    assert message_depth(fits) == PARSER_LEVELS
    assert type(fits).FromString(fits.SerializePartialToString()) == fits
    too_deep = nested(PARSER_LEVELS + 1, step, make())
    with pytest.raises(DecodeError):
        type(too_deep).FromString(too_deep.SerializePartialToString())


@pytest.mark.parametrize(
    ("message", "levels"),
    [
        (network_pb2.Device(id="x"), 1),
        (network_pb2.Network(name="x"), 1),
        (network_pb2.Network(labels={"a": "b"}), 2),
        (network_pb2.Device(status=network_pb2.Status()), 2),
        (network_pb2.Device(history=[network_pb2.Status(inner=network_pb2.Status())]), 3),
        (network_pb2.Device(by_slot={"1": network_pb2.Status()}), 3),
        (network_pb2.Network(sites={"1": network_pb2.Site()}), 3),
        (network_pb2.Network(devices=[network_pb2.Device(by_slot={"1": network_pb2.Status()})]), 4),
        (edition_pb2.Fleet(plain=edition_pb2.Ship()), 2),
        (edition_pb2.Fleet(by_port={"x": edition_pb2.Ship()}), 3),
        (legacy_pb2.Plant(machine=[legacy_pb2.Plant.Machine(part=legacy_pb2.Part())]), 3),
    ],
)
def test_levels_are_those_that_the_parser_counts(message: Any, levels: int) -> None:
    assert message_depth(message) == levels
    carrier = carrier_of(type(message))
    content = message.SerializePartialToString()
    carrier.FromString(carried(content, PARSER_LEVELS - levels))
    with pytest.raises(DecodeError):
        carrier.FromString(carried(content, PARSER_LEVELS - levels + 1))


def carrier_of(message_class: Any) -> type[Message]:
    """Return a class Carrier {M content = 1; Carrier inner = 2;}, in a pool of its own."""
    source = message_class.DESCRIPTOR.file
    file = FileDescriptorProto(name="carrier.proto", package="carrier", syntax="proto3", dependency=[source.name])
    fields = file.message_type.add(name="Carrier").field
    kinds = {"content": message_class.DESCRIPTOR.full_name, "inner": "carrier.Carrier"}
    for number, (name, kind) in enumerate(kinds.items(), start=1):
        fields.add(name=name, number=number, label="LABEL_OPTIONAL", type="TYPE_MESSAGE", type_name=f".{kind}")
    pool = new_pool([*file_set(source).file, file])
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("carrier.Carrier"))


def carried(content: bytes, levels: int) -> bytes:
    """Put a message into so many carriers."""
    for number in [1] + [2] * (levels - 1):
        content = wire.tag(number, wire.LENGTH_DELIMITED) + wire.varint(len(content)) + content
    return content


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("treering_test.Network", 2),  # a map of strings, and Any
        ("treering_test.Site", 1),
        ("treering_test.Port", 1),
        ("treering_test.Group", None),  # a plain Expression is recursive
        ("treering_test.Device", None),  # as is Status
    ],
)
def test_depth_by_type(name: str, levels: int | None) -> None:
    assert Schema(network_pb2.Network).shapes[name].own_depth == levels


def descriptor_of(message_class: Any) -> Descriptor:
    descriptor: Descriptor = message_class.DESCRIPTOR
    return descriptor


def test_depth_by_type_of_extendable_and_nested_types() -> None:
    assert static_depth(descriptor_of(legacy_pb2.Part)) is None
    assert static_depth(descriptor_of(edition_pb2.Fleet)) == 3
    assert static_depth(descriptor_of(edition_pb2.Ship)) == 1
    assert Schema(edition_pb2.Fleet).root.own_depth == 2


def test_own_depth_does_not_follow_children() -> None:
    shape = Schema(network_pb2.Network).shapes["treering_test.Group"]
    group = network_pb2.Group(groups=[network_pb2.Group(rule=expression(50))], rule=expression(3))
    assert shape.message_depth(group) == 4
    assert message_depth(group) == 52


def test_any_depth_is_taken() -> None:
    deep = expression(10_000)
    assert message_depth(deep) == 10_000
    shape = Schema(network_pb2.Network).shapes["treering_test.Group"]
    group = group_of(deep)
    assert shape.message_depth(group) == 10_001
    group.groups.add(name="child")
    assert shape.own_bytes(group) == group_of(deep).SerializePartialToString(deterministic=True)


def test_json_takes_what_we_allow() -> None:
    deep = expression(MAX_DEPTH)
    text = json_format.MessageToDict(deep)
    assert json_format.ParseDict(text, network_pb2.Expression()) == deep


def test_a_message_of_another_pool_that_is_too_deep() -> None:
    stored = Schema.from_stored(Schema(network_pb2.Network).stored())
    shape = stored.shapes["treering_test.Group"]
    with pytest.raises(TooDeep) as error:
        shape.coerce(group_of(expression(10_000)))
    assert error.value.facts == {"depth": 10_001, "limit": MAX_DEPTH}
