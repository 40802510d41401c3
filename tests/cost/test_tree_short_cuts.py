"""What edits and reads of trees know ahead, and so do not look for, is what they would find."""

from __future__ import annotations

import pytest
from benchmarks.fleet import SCHEMA, device
from google.protobuf.message import Message
from tests.proto import engine_pb2 as pb
from tests.proto.treering_test import network_pb2

from treering.errors import TooDeep
from treering.objects.node import Node
from treering.path import Path
from treering.schema.depth import MAX_DEPTH
from treering.schema.schema import Schema
from treering.schema.shape import Shape
from treering.tree.address import _find, find_address
from treering.tree.build import Builder
from treering.tree.view import ChildPath
from treering.tree.walk import value_of

NETWORK = Schema(pb.Network)
SHAPES = [shape for schema in (NETWORK, Schema(network_pb2.Network), SCHEMA) for shape in schema.shapes.values()]
BUILDER = Builder(None, {})  # type: ignore[arg-type] # it compares with nothing


@pytest.mark.parametrize("first", ["/devices", "/devices/a"])
def test_a_container_is_known_however_it_was_met(first: str) -> None:
    root = Schema(pb.Network).root
    find_address(root, first)
    assert "/devices" in root.families
    for number in range(3_000):  # more than are remembered
        path = f"/devices/d{number}"
        found, general = find_address(root, path), _find(root, Path.parse(path))
        assert found[1:] == general[1:]
        assert found.path == general.path
    assert len(root.addresses) <= 1_024
    assert root.families.keys() <= root.addresses.keys()


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_the_deepest_level_is_where_a_look_at_the_message_begins_to_refuse(shape: Shape) -> None:
    message = shape.message_class()
    for level in range(1, MAX_DEPTH + 2):
        if level - 1 + (shape.own_depth or shape.message_depth(message)) <= MAX_DEPTH:
            assert BUILDER.own(shape, message, Path(), level) == b""
            continue
        assert level > shape.deepest_level
        with pytest.raises(TooDeep):
            BUILDER.own(shape, message, Path(), level)


@pytest.mark.parametrize("size", [0, 300, 508, 509, 510, 700])
@pytest.mark.parametrize("message", [device(3), pb.Device(), pb.Flow()], ids=type)
def test_a_new_child_stands_in_its_parent_as_its_node_would(message: Message, size: int) -> None:
    shape = (SCHEMA if isinstance(message, type(device(3))) else NETWORK).shapes[message.DESCRIPTOR.full_name]
    text = next(field for field in message.DESCRIPTOR.fields if field.type == field.TYPE_STRING)
    given = type(message)(**{text.name: "x" * size})
    made = BUILDER.value(shape, given, Path(), 2, None)
    expected = value_of(BUILDER.node(shape, given, None, Path(), 2))
    assert type(made) is type(expected)
    assert (made.own if isinstance(made, Node) else made) == (expected.own if isinstance(expected, Node) else expected)


def test_the_path_of_a_child_is_that_of_its_container_and_its_key() -> None:
    root = NETWORK.root
    devices, one = find_address(root, "/devices"), find_address(root, "/devices/a")
    field, ports = devices.children(), devices.shape.children["ports"]
    assert str(ChildPath(devices, field, b"b\0")) == "/devices/b"
    assert str(ChildPath(one, ports, None)) == "/devices/a/ports"
    assert str(ChildPath(ChildPath(devices, field, b"b\0"), ports, None)) == "/devices/b/ports"
