from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from tests.proto.treering_test import edition_pb2, foreign_pb2, network_pb2

from treering.errors import SchemaMismatch
from treering.schema.descriptor import file_set, new_pool
from treering.schema.schema import Schema
from treering.v1 import options_pb2

CHILD: Any = options_pb2.child  # the stubs do not know what it extends
NETWORK = Schema(network_pb2.Network)
Edit = Callable[[FileDescriptorProto], None]


def edited(edit: Edit, **annotations: Any) -> Schema:
    files = list(file_set(network_pb2.DESCRIPTOR).file)
    edit(files[-1])
    return Schema(new_pool(files).FindMessageTypeByName("treering_test.Network"), **annotations)


def field_of(file: FileDescriptorProto, message: str, field: str) -> FieldDescriptorProto:
    found = next(one for one in file.message_type if one.name == message)
    return next(one for one in found.field if one.name == field)


def drop(message: str, field: str) -> Edit:
    def edit(file: FileDescriptorProto) -> None:
        found = next(one for one in file.message_type if one.name == message)
        found.field.remove(field_of(file, message, field))

    return edit


def add_field(file: FileDescriptorProto) -> None:
    port = next(one for one in file.message_type if one.name == "Port")
    port.field.add(name="speed", number=9, type="TYPE_INT64", label="LABEL_OPTIONAL")


def add_child(file: FileDescriptorProto) -> None:
    port = next(one for one in file.message_type if one.name == "Port")
    field = port.field.add(
        name="lanes", number=9, type="TYPE_MESSAGE", type_name=".treering_test.Event", label="LABEL_REPEATED"
    )
    field.options.Extensions[CHILD].key = "text"


def add_enum_value(file: FileDescriptorProto) -> None:
    file.enum_type[0].value.add(name="ROLE_CORE", number=3)


def rename(file: FileDescriptorProto) -> None:
    field_of(file, "Network", "devices").name = "machines"


def widen(file: FileDescriptorProto) -> None:
    field_of(file, "Port", "no").type = FieldDescriptorProto.TYPE_UINT64


@pytest.mark.parametrize(
    "edit",
    [add_field, add_child, add_enum_value, drop("Port", "name"), drop("Network", "links"), drop("Network", "name")],
)
def test_additions_are_fine_either_way(edit: Edit) -> None:
    other = edited(edit)
    other.check_against(NETWORK)
    NETWORK.check_against(other)
    grown = edit in {add_field, add_child, add_enum_value}
    assert other.covers(NETWORK) == grown
    assert NETWORK.covers(other) == (not grown)


def test_the_same_covers_itself() -> None:
    same = edited(lambda file: None)
    same.check_against(NETWORK)
    assert same.covers(NETWORK)
    assert NETWORK.covers(same)
    assert NETWORK.covers(NETWORK)


def test_a_child_may_be_renamed_but_is_not_the_same_field() -> None:
    renamed = edited(rename)
    renamed.check_against(NETWORK)
    assert not renamed.covers(NETWORK)


def test_a_key_may_get_wider_but_not_narrower() -> None:
    wide = edited(widen)
    wide.check_against(NETWORK)
    with pytest.raises(SchemaMismatch):
        NETWORK.check_against(wide)


def no_child(file: FileDescriptorProto) -> None:
    field_of(file, "Network", "settings").ClearField("options")


def other_key(file: FileDescriptorProto) -> None:
    field_of(file, "Network", "devices").options.Extensions[CHILD].key = "address"


def other_order(file: FileDescriptorProto) -> None:
    field_of(file, "Network", "links").options.Extensions[CHILD].key = "port from"


def no_key(file: FileDescriptorProto) -> None:
    field_of(file, "Network", "devices").options.Extensions[CHILD].key = ""


def singular(file: FileDescriptorProto) -> None:
    field_of(file, "Network", "events").label = FieldDescriptorProto.LABEL_OPTIONAL


def other_number(file: FileDescriptorProto) -> None:
    field_of(file, "Network", "devices").number = 99


def other_type(file: FileDescriptorProto) -> None:
    field_of(file, "Network", "settings").type_name = ".treering_test.Site"


def other_key_type(file: FileDescriptorProto) -> None:
    field_of(file, "Port", "no").type = FieldDescriptorProto.TYPE_SINT32


def other_key_number(file: FileDescriptorProto) -> None:
    field_of(file, "Port", "no").number = 99


def swapped(file: FileDescriptorProto) -> None:
    one, other = field_of(file, "Network", "settings"), field_of(file, "Network", "fallback")
    one.number, other.number = other.number, one.number


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (no_child, "Network.settings"),
        (other_key, "Network.devices"),
        (other_order, "Network.links"),
        (no_key, "Network.devices"),
        (singular, "Network.events"),
        (other_number, "Network.devices"),
        (other_type, "Network.settings"),
        (other_key_type, "Device.ports"),
        (other_key_number, "Device.ports"),
        (swapped, "Network.settings"),
    ],
)
def test_mismatches(edit: Edit, field: str) -> None:
    other = edited(edit)
    for mine, stored in ((other, NETWORK), (NETWORK, other)):
        with pytest.raises(SchemaMismatch) as error:
            mine.check_against(stored)
        assert error.value.facts["field"] in {f"treering_test.{field}", "treering_test.Network.fallback"}


def test_another_root() -> None:
    with pytest.raises(SchemaMismatch) as error:
        Schema(edition_pb2.Fleet).check_against(NETWORK)
    assert error.value.facts == {"root": "treering_test.Fleet", "stored_root": "treering_test.Network"}
    assert not Schema(edition_pb2.Fleet).covers(NETWORK)


def test_a_plain_field_that_is_a_child_elsewhere() -> None:
    plain = Schema(foreign_pb2.Core)
    with_child = Schema(foreign_pb2.Core, children={"treering_test.foreign.Core.adapters": "id"})
    for mine, stored in ((plain, with_child), (with_child, plain)):
        with pytest.raises(SchemaMismatch) as error:
            mine.check_against(stored)
        assert error.value.facts["field"] == "treering_test.foreign.Core.adapters"
    assert with_child.covers(plain)
    assert not plain.covers(with_child)


def test_another_encoding() -> None:
    files = list(file_set(edition_pb2.DESCRIPTOR).file)
    ghost = next(field for message in files[-1].message_type for field in message.field if field.name == "ghost")
    ghost.options.ClearField("features")
    other = Schema(new_pool(files).FindMessageTypeByName("treering_test.Fleet"))
    with pytest.raises(SchemaMismatch):
        other.check_against(Schema(edition_pb2.Fleet))
