"""The schema of the golden stores, made without protoc: one field of every kind that the format tells apart.

Golden files hold stores written with these descriptors: add fields, never change one.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

from treering import Schema

_LABELS = {
    "optional": FieldDescriptorProto.LABEL_OPTIONAL,
    "required": FieldDescriptorProto.LABEL_REQUIRED,
    "repeated": FieldDescriptorProto.LABEL_REPEATED,
}


def _field(line: str, package: str) -> FieldDescriptorProto:
    """Make a field of ``label type name number``; a type with a capital is a message, or what the word before says."""
    label, *kind, type_name, name, number = line.split()
    field = FieldDescriptorProto(name=name, number=int(number), label=_LABELS[label])
    if type_name[0].islower():
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{type_name.upper()}")
        return field
    field.type = FieldDescriptorProto.Type.Value(f"TYPE_{(kind or ['message'])[0].upper()}")
    field.type_name = f".{package}.{type_name}"
    return field


def _message(package: str, name: str, *lines: str) -> DescriptorProto:
    """Make a message; a line ``map key_type value_type name number`` makes its entry type too."""
    message = DescriptorProto(name=name)
    for line in lines:
        if not line.startswith("map "):
            message.field.append(_field(line, package))
            continue
        _, key, value, field_name, number = line.split()
        entry = field_name.title().replace("_", "") + "Entry"
        nested = message.nested_type.add(name=entry)
        nested.options.map_entry = True
        nested.field.extend([_field(f"optional {key} key 1", package), _field(f"optional {value} value 2", package)])
        message.field.append(_field(f"repeated {name}.{entry} {field_name} {number}", package))
    return message


def _garden() -> FileDescriptorProto:
    package = "garden.v1"
    file = FileDescriptorProto(name="garden/v1/garden.proto", package=package, syntax="proto3")
    season = file.enum_type.add(name="Season")
    for number, name in enumerate(["UNKNOWN_SEASON", "SPRING", "SUMMER", "AUTUMN", "WINTER"]):
        season.value.add(name=name, number=number)
    season.value.add(name="LEAP_SEASON", number=-1)
    messages = {
        "Garden": [
            "optional string name 1",
            "repeated Bed beds 2",
            "map string Tool tools 3",
            "repeated Note notes 4",
            "optional Gate gate 5",
            "repeated Plot plots 6",
            "repeated Valve valves 7",
            "repeated Work works 8",
            "repeated Label labels 9",
            "map sint64 Tool drawers 10",
            "repeated Level levels 11",
            "map bool Gate sides 12",
            "repeated uint32 rows 13",
            "map string string colours 14",
        ],
        "Bed": ["optional uint32 no 1", "optional string plant 2", "repeated Bed beds 3", "optional Gate gate 4",
                "optional bytes soil 5"],
        "Tool": ["optional string kind 1", "map string Tool parts 2"],
        "Note": ["optional string text 1"],
        "Gate": ["optional bool open 1", "optional Gate inner 2", "repeated Note signs 3"],
        "Plot": ["optional sint32 row 1", "optional string column 2", "optional bytes survey 3",
                 "optional double area 4"],
        "Valve": ["optional bool main 1", "optional float flow 2"],
        "Work": ["optional enum Season season 1", "optional string task 2"],
        "Label": ["optional bytes code 1", "optional string text 2"],
        "Level": ["optional sfixed64 height 1", "optional fixed32 points 2"],
    }  # fmt: skip
    file.message_type.extend(_message(package, name, *lines) for name, lines in messages.items())
    return file


def _shed() -> FileDescriptorProto:
    """Make a proto2 file: groups, required fields, an extension."""
    package = "shed.v1"
    file = FileDescriptorProto(name="shed/v1/shed.proto", package=package, syntax="proto2")
    messages = {
        "Shed": ["required string name 1", "repeated group Shelf shelf 2", "optional group Door door 3"],
        "Shelf": ["required string id 1", "repeated Box boxes 2"],
        "Door": ["optional bool locked 1"],
        "Box": ["required int32 no 1", "optional string content 2"],
    }
    file.message_type.extend(_message(package, name, *lines) for name, lines in messages.items())
    file.message_type[0].extension_range.add(start=100, end=200)
    attic = _field("repeated string attic 100", package)
    attic.extendee = f".{package}.Shed"
    file.extension.append(attic)
    return file


POOL = descriptor_pool.DescriptorPool()
for _file in (_garden(), _shed()):
    POOL.AddSerializedFile(_file.SerializeToString(deterministic=True))


def _class(name: str) -> Any:  # with fields that only the descriptors know
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(name))


Garden, Bed, Tool, Note, Gate, Plot, Valve, Work, Label, Level = (
    _class(f"garden.v1.{name}")
    for name in ("Garden", "Bed", "Tool", "Note", "Gate", "Plot", "Valve", "Work", "Label", "Level")
)
Shed, Shelf, Door, Box = (_class(f"shed.v1.{name}") for name in ("Shed", "Shelf", "Door", "Box"))

GARDEN = Schema(
    Garden,
    children={
        "garden.v1.Garden.beds": "no",
        "garden.v1.Garden.tools": None,
        "garden.v1.Garden.notes": "",
        "garden.v1.Garden.gate": None,
        "garden.v1.Garden.plots": "row column survey",
        "garden.v1.Garden.valves": "main",
        "garden.v1.Garden.works": "season",
        "garden.v1.Garden.labels": "code",
        "garden.v1.Garden.drawers": None,
        "garden.v1.Garden.levels": "height",
        "garden.v1.Garden.sides": None,
        "garden.v1.Bed.beds": "no",
        "garden.v1.Bed.gate": None,
        "garden.v1.Tool.parts": None,
        "garden.v1.Gate.inner": None,
        "garden.v1.Gate.signs": "",
    },
    read_only=["garden.v1.Garden.rows"],
    sensitive=["garden.v1.Label.text"],
)
ATTIC = POOL.FindExtensionByName("shed.v1.attic")
SHED = Schema(Shed, children={"shed.v1.Shed.shelf": "id", "shed.v1.Shed.door": None, "shed.v1.Shelf.boxes": "no"})
