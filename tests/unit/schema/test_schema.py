from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from tests.proto.treering_test import edition_pb2, foreign_pb2, legacy_pb2, network_pb2

from treering.errors import SchemaError
from treering.schema import wire
from treering.schema.descriptor import file_set, new_pool
from treering.schema.option import OWN_ACCESS, OWN_CHILD, OWN_SENSITIVE
from treering.schema.schema import Schema
from treering.schema.shape import Kind
from treering.v1 import options_pb2, schema_pb2

CHILD: Any = options_pb2.child  # the stubs do not know what it extends
ACCESS: Any = options_pb2.access
MISFIT = "treering_test.Misfit"
FILES = {
    "google.protobuf.FileDescriptorSet.file": "name",
    "google.protobuf.FileDescriptorProto.message_type": "name",
    "google.protobuf.FileDescriptorProto.enum_type": "name",
    "google.protobuf.FileDescriptorProto.service": "name",
    "google.protobuf.DescriptorProto.field": "name",
    "google.protobuf.DescriptorProto.nested_type": "name",
    "google.protobuf.DescriptorProto.enum_type": "name",
    "google.protobuf.EnumDescriptorProto.value": "name",
    "google.protobuf.ServiceDescriptorProto.method": "name",
}


def shown(schema: Schema) -> dict[str, tuple[Kind, tuple[str, ...]]]:
    fields = [field for shape in schema.shapes.values() for field in shape.children.values()]
    return {field.full_name: (field.kind, field.key_names) for field in fields}


def refused(root: type[Message] = network_pb2.Misfit, **annotations: Any) -> SchemaError:
    with pytest.raises(SchemaError) as error:
        Schema(root, **annotations)
    return error.value


def test_treering_options_are_those_of_the_proto_file() -> None:
    for own, name in ((OWN_CHILD, "child"), (OWN_ACCESS, "access"), (OWN_SENSITIVE, "sensitive")):
        generated = getattr(options_pb2, name)
        assert (own.number, own.full_name, own.type) == (generated.number, generated.full_name, generated.type)
    assert dict(options_pb2.Access.items()) == {v.name: v.number for v in OWN_ACCESS.enum_type.values}  # type: ignore[union-attr]
    assert options_pb2.Child.DESCRIPTOR.fields_by_name["key"].number == 1


def test_options() -> None:
    schema = Schema(network_pb2.Network)
    assert schema.root.name == "treering_test.Network"
    assert next(iter(schema.shapes)) == "treering_test.Network"
    assert shown(schema)["treering_test.Network.links"] == (Kind.KEYED, ("from", "port"))
    assert shown(schema)["treering_test.Network.events"] == (Kind.LIST, ())
    assert shown(schema)["treering_test.Network.sites"] == (Kind.MAP, ())
    assert shown(schema)["treering_test.Network.fallback"] == (Kind.SINGULAR, ())
    assert "treering_test.Status.uptime" in schema.read_only
    assert schema.sensitive == {"treering_test.Device.password"}


def test_options_of_ones_own() -> None:
    schema = Schema(
        foreign_pb2.Core,
        child_option=foreign_pb2.child_node,
        access_option=foreign_pb2.access,
        children={"treering_test.foreign.Core.unmarked": "id vendor"},
        read_only=["treering_test.foreign.Adapter.vendor"],
        sensitive=["treering_test.foreign.Core.health"],
    )
    assert shown(schema) == {
        "treering_test.foreign.Core.adapters": (Kind.KEYED, ("id",)),
        "treering_test.foreign.Core.unmarked": (Kind.KEYED, ("id", "vendor")),
    }
    assert schema.read_only == {"treering_test.foreign.Core.version", "treering_test.foreign.Adapter.vendor"}
    assert schema.root.read_only == {"version"}
    assert schema.sensitive == {"treering_test.foreign.Core.health"}
    assert not shown(Schema(foreign_pb2.Core))


def test_sidecar() -> None:
    schema = Schema(descriptor_pb2.FileDescriptorSet, children=FILES)
    assert shown(schema).keys() == FILES.keys()
    message = schema.shapes["google.protobuf.DescriptorProto"]
    assert message.children["nested_type"].shape is message
    assert "extension" in message.own_fields
    same = Schema(descriptor_pb2.FileDescriptorSet.DESCRIPTOR, children=FILES)
    assert same.stored() == schema.stored()


def test_a_field_may_be_declared_twice_alike() -> None:
    assert shown(Schema(network_pb2.Network, children={"treering_test.Network.devices": "id"}))
    error = refused(network_pb2.Network, children={"treering_test.Network.devices": "address"})
    assert error.facts["field"] == "treering_test.Network.devices"
    assert error.facts["keys"] == (("id",), ("address",))


def test_of() -> None:
    schema = Schema(network_pb2.Network)
    assert Schema.of(schema) is schema
    assert Schema.of(network_pb2.Network).stored() == schema.stored()
    assert Schema.of(network_pb2.Network.DESCRIPTOR).root.message_class is network_pb2.Network


@pytest.mark.parametrize("root", [None, "treering_test.Network", network_pb2.Network(), Message, int, network_pb2])
def test_roots_refused(root: Any) -> None:
    assert refused(root).facts["given"] is root


@pytest.mark.parametrize(
    ("children", "message"),
    [
        ({"Misfit.devices": "id"}, "does not reach"),
        ({f"{MISFIT}.nothing": "id"}, "does not reach"),
        ({"treering_test.Network.devices": "id"}, "does not reach"),
        ({f"{MISFIT}.id": None}, "holds messages"),
        ({f"{MISFIT}.labels": None}, "messages as values"),
        ({f"{MISFIT}.ByNameEntry.value": None}, "part of a map"),
        ({f"{MISFIT}.site": None}, "oneof"),
        ({f"{MISFIT}.devices": None}, "needs its key field"),
        ({f"{MISFIT}.device": ""}, "give None"),
        ({f"{MISFIT}.device": "id"}, "give None"),
        ({f"{MISFIT}.by_name": "id"}, "give None"),
        ({f"{MISFIT}.devices": 7}, "a string or None"),
        ({f"{MISFIT}.devices": "no"}, "names no field"),
        ({f"{MISFIT}.devices": "id no"}, "names no field"),
        ({f"{MISFIT}.devices": "id id"}, "twice"),
        ({f"{MISFIT}.measures": "value"}, "a key is a string"),
        ({f"{MISFIT}.measures": "site"}, "a key is a string"),
        ({f"{MISFIT}.measures": "tags"}, "single value"),
    ],
)
def test_declarations_refused(children: dict[str, Any], message: str) -> None:
    complete = {f"{MISFIT}.holder": None, "treering_test.Holder.device": None, "treering_test.Holder.devices": "id"}
    for name, keys in {"devices": "id", "device": None, "by_name": None}.items():
        complete[f"{MISFIT}.{name}"] = keys
    Schema(network_pb2.Misfit, children=complete)
    error = refused(children=complete | children)
    assert message in error.message
    assert error.facts["field"] in children


def test_a_child_below_a_plain_field() -> None:
    error = refused(children={f"{MISFIT}.device": None, f"{MISFIT}.by_name": None, f"{MISFIT}.holder": None})
    assert error.facts["field"] == "treering_test.Device.ports"
    assert error.facts["plain"] == f"{MISFIT}.devices"
    assert "'treering_test.Misfit.devices': '<key field>'" in str(error)
    assert 'devices = 2 [(treering.v1.child) = {key: "<key field>"}];' in str(error)
    direct = {f"{MISFIT}.devices": "id", f"{MISFIT}.device": None}
    by_map = refused(children=direct)
    assert by_map.facts["add"] == "children={'treering_test.Misfit.by_name': None}"
    two_steps = refused(children=direct | {f"{MISFIT}.by_name": None})
    assert (
        two_steps.facts["add"] == "children={'treering_test.Misfit.holder': None, 'treering_test.Holder.device': None}"
    )
    assert two_steps.facts["or_option"] == "holder = 10 [(treering.v1.child) = {}];"


@pytest.mark.parametrize("argument", ["read_only", "sensitive"])
def test_marks_refused(argument: str) -> None:
    assert refused(foreign_pb2.Core, **{argument: ["treering_test.foreign.Core.nothing"]}).facts["field"]
    assert "not one string" in refused(foreign_pb2.Core, **{argument: "treering_test.foreign.Core.health"}).message


@pytest.mark.parametrize("option", [None, "x", foreign_pb2.ChildNode, foreign_pb2.Core.DESCRIPTOR.fields[0]])
def test_options_that_are_none(option: Any) -> None:
    if option is None:
        Schema(foreign_pb2.Core, child_option=None)
    else:
        assert "an option is an extension" in refused(foreign_pb2.Core, child_option=option).message


@pytest.mark.parametrize(
    "annotations",
    [
        {"child_option": foreign_pb2.access},
        {"child_option": foreign_pb2.wrong},
        {"child_option": foreign_pb2.many},
        {"child_option": foreign_pb2.elsewhere},
        {"access_option": foreign_pb2.child_node},
        {"access_option": foreign_pb2.wrong_access},
        {"access_option": options_pb2.sensitive},
    ],
)
def test_options_of_another_shape(annotations: dict[str, Any]) -> None:
    assert refused(foreign_pb2.Core, **annotations).facts["option"]


def private(*modules: Any) -> DescriptorPool:
    files = {file.name: file for module in modules for file in file_set(module.DESCRIPTOR).file}
    return new_pool(files.values())


def test_options_in_another_pool() -> None:
    pool = private(network_pb2)
    root = pool.FindMessageTypeByName("treering_test.Network")
    schema = Schema(root)
    assert shown(schema) == shown(Schema(network_pb2.Network))
    assert schema.stored() == Schema(network_pb2.Network).stored()
    assert schema.root.message_class is not network_pb2.Network
    core = private(foreign_pb2).FindMessageTypeByName("treering_test.foreign.Core")
    assert shown(Schema(core, child_option=foreign_pb2.child_node))
    own = core.file.pool.FindExtensionByName("treering_test.foreign.child_node")
    assert shown(Schema(foreign_pb2.Core, child_option=own))


def test_another_option_with_the_number_of_ours() -> None:
    files = list(file_set(foreign_pb2.DESCRIPTOR).file)
    numbers = {"child_node": options_pb2.CHILD_FIELD_NUMBER, "access": options_pb2.ACCESS_FIELD_NUMBER}
    for extension in files[-1].extension:
        extension.number = numbers.get(extension.name, extension.number)
    core = next(message for message in files[-1].message_type if message.name == "Core")
    for field in core.field:
        field.ClearField("options")
    core.field[0].options.MergeFromString(wire.tag(options_pb2.ACCESS_FIELD_NUMBER, wire.VARINT) + b"\x07")
    core.field[1].options.Extensions[CHILD].key = "id"
    core.field[3].options.Extensions[ACCESS] = options_pb2.READ_ONLY  # of ours; nothing there
    pool = new_pool(files)
    root = pool.FindMessageTypeByName("treering_test.foreign.Core")
    assert not shown(Schema(root))
    assert not Schema(root).read_only
    child, access = (pool.FindExtensionByName(f"treering_test.foreign.{name}") for name in numbers)
    schema = Schema(root, child_option=child, access_option=access)
    assert shown(schema) == {"treering_test.foreign.Core.adapters": (Kind.KEYED, ("id",))}
    assert schema.read_only == {"treering_test.foreign.Core.version"}


def test_importing_treering_claims_no_option_numbers() -> None:
    code = "import treering.schema.schema, sys; assert 'treering.v1.options_pb2' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_an_extension_cannot_be_a_child() -> None:
    files = file_set(legacy_pb2.DESCRIPTOR).file
    attached = next(extension for extension in files[-1].extension if extension.name == "attached")
    attached.options.Extensions[CHILD].key = "label"
    root = new_pool(files).FindMessageTypeByName("treering_test.Plant")
    with pytest.raises(SchemaError) as error:
        Schema(root)
    assert error.value.facts["field"] == "treering_test.attached"


@pytest.mark.parametrize(
    "schema",
    [
        Schema(network_pb2.Network),
        Schema(legacy_pb2.Plant),
        Schema(edition_pb2.Fleet),
        Schema(foreign_pb2.Core, child_option=foreign_pb2.child_node, access_option=foreign_pb2.access),
        Schema(
            descriptor_pb2.FileDescriptorSet, children=FILES, sensitive=["google.protobuf.FileDescriptorProto.name"]
        ),
    ],
    ids=["proto3", "proto2", "editions", "own options", "sidecar"],
)
def test_stored_and_opened_again(schema: Schema) -> None:
    again = Schema.from_stored(schema.stored())
    assert again.stored() == schema.stored()
    assert shown(again) == shown(schema)
    assert (again.read_only, again.sensitive) == (schema.read_only, schema.sensitive)
    assert again.root.message_class is not schema.root.message_class
    for name, shape in schema.shapes.items():
        assert again.shapes[name].own_fields == shape.own_fields
        assert again.shapes[name].own_depth == shape.own_depth
        assert again.shapes[name].required == shape.required
    again.check_against(schema)
    schema.check_against(again)
    assert again.covers(schema)
    assert schema.covers(again)


def test_what_is_stored() -> None:
    message = schema_pb2.StoredSchema.FromString(Schema(network_pb2.Network).stored())
    assert message.root == "treering_test.Network"
    assert [file.name for file in message.files.file][-1] == "treering_test/network.proto"
    children = {child.field: child for child in message.children}
    assert list(children) == sorted(children)
    assert list(children["treering_test.Network.links"].keys) == ["from", "port"]
    assert children["treering_test.Network.events"].plain
    assert not children["treering_test.Network.settings"].plain
    assert not any(file.HasField("source_code_info") for file in message.files.file)


def test_stored_does_not_depend_on_the_order_of_loading() -> None:
    files = file_set(network_pb2.DESCRIPTOR)
    assert [file.name for file in files.file if not file.dependency] != []
    pool = new_pool(sorted(files.file, key=lambda file: (len(file.dependency), -len(file.name))))
    again = file_set(pool.FindFileByName("treering_test/network.proto"))
    assert again.SerializeToString(deterministic=True) == files.SerializeToString(deterministic=True)


def test_messages_of_an_opened_schema() -> None:
    shape = Schema.from_stored(Schema(network_pb2.Network).stored()).root
    message: Any = shape.message_class(name="x")
    message.devices.add(id="d").status.since.FromSeconds(5)
    assert network_pb2.Network.FromString(message.SerializeToString()).devices[0].status.since.seconds == 5
    assert message_factory.GetMessageClass(shape.descriptor) is shape.message_class


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x0a\x01x", schema_pb2.StoredSchema(root="x.Y").SerializeToString()])
def test_other_bytes_are_no_schema(data: bytes) -> None:
    with pytest.raises(SchemaError):
        Schema.from_stored(data)


def test_a_stored_schema_that_does_not_fit_itself() -> None:
    message = schema_pb2.StoredSchema.FromString(Schema(network_pb2.Network).stored())
    message.children.add(field="treering_test.Nothing.x")
    message.children[0].keys[:] = ["nothing"]
    with pytest.raises(SchemaError):
        Schema.from_stored(message.SerializeToString())
