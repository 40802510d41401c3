"""The schema of the property tests: every kind of child, every kind of key, nested and recursive, from a sidecar.

The messages are made at run time, in a pool of their own, so that no generated code stands between the test and what it
says.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from google.protobuf.message import Message

from treering import Schema
from treering.testing.model import Model

_SCALARS = {
    "string": Field.TYPE_STRING,
    "bytes": Field.TYPE_BYTES,
    "int32": Field.TYPE_INT32,
    "sint64": Field.TYPE_SINT64,
    "uint64": Field.TYPE_UINT64,
    "bool": Field.TYPE_BOOL,
}
# name: fields, numbered in order; * repeated, ? with presence, map<string, ...> a map
_MESSAGES = {
    "Orchard": "string owner|*string labels|*Tree trees|map<string,Site> sites|*Note notes|Clock clock|Note remark",
    "Tree": "string name|int32 height|bytes bark|?bool old|*Branch branches|Clock clock|*Pair pairs|string serial",
    "Branch": "sint64 no|string label|map<int32,Site> nests|*Flag flags",
    "Site": "string place|?int32 level|*Branch branches",
    "Note": "string text|*Note notes",
    "Clock": "string source|*int32 ticks|Clock inner",
    "Pair": "string left|uint64 right|string value",
    "Flag": "bool up|string text",
    "Stranger": "string owner",
}
CHILDREN: dict[str, str | None] = {
    "orchard.Orchard.trees": "name",
    "orchard.Orchard.sites": None,
    "orchard.Orchard.notes": "",
    "orchard.Orchard.clock": None,
    "orchard.Tree.branches": "no",
    "orchard.Tree.clock": None,
    "orchard.Tree.pairs": "left right",
    "orchard.Branch.nests": None,
    "orchard.Branch.flags": "up",
    "orchard.Site.branches": "no",
    "orchard.Note.notes": "",
    "orchard.Orchard.remark": None,
    "orchard.Clock.inner": None,
}
READ_ONLY = ["orchard.Tree.serial"]


def _field(message: Any, number: int, text: str) -> None:
    kind, name = text.split()
    added = message.field.add(name=name, number=number, label=Field.LABEL_OPTIONAL)
    if kind.startswith("?"):
        added.proto3_optional = True
        added.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")
    if kind.startswith(("*", "map<")):
        added.label = Field.LABEL_REPEATED
    if kind.startswith("map<"):
        key, value = kind.removeprefix("map<").removesuffix(">").split(",")
        entry = message.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=Field.LABEL_OPTIONAL, type=_SCALARS[key])
        entry.field.add(
            name="value", number=2, label=Field.LABEL_OPTIONAL, type=Field.TYPE_MESSAGE, type_name=f".orchard.{value}"
        )
        added.type, added.type_name = Field.TYPE_MESSAGE, f".orchard.{message.name}.{entry.name}"
        return
    kind = kind.lstrip("*?")
    if kind in _SCALARS:
        added.type = _SCALARS[kind]
    else:
        added.type, added.type_name = Field.TYPE_MESSAGE, f".orchard.{kind}"


def _classes() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(name="orchard.proto", package="orchard", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, text in enumerate(fields.split("|"), 1):
            _field(message, number, text)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"orchard.{name}")) for name in _MESSAGES}


CLASSES: Any = _classes()
SCHEMA = Schema(CLASSES["Orchard"], children=CHILDREN, read_only=READ_ONLY)
MODEL = Model(CLASSES["Orchard"], CHILDREN, READ_ONLY)
