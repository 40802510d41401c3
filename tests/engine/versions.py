"""Other versions of the test's schema, each in a descriptor pool of its own, as another program would have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from tests.proto import engine_pb2

from treering.v1 import options_pb2

Change = Callable[[FileDescriptorProto], None]


def network_of(*changes: Change, name: str = "Network") -> Any:
    """Return the class of Network (or another message) where engine.proto was changed."""
    proto = FileDescriptorProto()
    engine_pb2.DESCRIPTOR.CopyToProto(proto)
    for change in changes:
        change(proto)
    pool = DescriptorPool()
    _add_imports(pool, engine_pb2.DESCRIPTOR, set())
    pool.AddSerializedFile(proto.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"engine_test.{name}"))


def without(message: str, *fields: str) -> Change:
    """Take fields out of a message."""

    def change(file: FileDescriptorProto) -> None:
        found = _message(file, message)
        kept = [field for field in found.field if field.name not in fields]
        assert len(kept) == len(found.field) - len(fields)
        del found.field[:]
        found.field.extend(kept)

    return change


def with_field(message: str, name: str, number: int, **facts: Any) -> Change:
    """Add a field: a string, unless ``facts`` say otherwise; ``key``: it is a child with this key."""

    def change(file: FileDescriptorProto) -> None:
        key = facts.pop("key", None)
        field = FieldDescriptorProto(
            name=name,
            number=number,
            label=facts.pop("label", FieldDescriptorProto.LABEL_OPTIONAL),
            type=facts.pop("type", FieldDescriptorProto.TYPE_STRING),
            **facts,
        )
        if key is not None:
            keyed_by(key)(field)
        _message(file, message).field.append(field)

    return change


def altered(message: str, field: str, alter: Callable[[FieldDescriptorProto], None]) -> Change:
    """Change one field."""

    def change(file: FileDescriptorProto) -> None:
        alter(next(one for one in _message(file, message).field if one.name == field))

    return change


def keyed_by(key: str) -> Callable[[FieldDescriptorProto], None]:
    def alter(field: FieldDescriptorProto) -> None:
        extensions: Any = field.options.Extensions
        extensions[options_pb2.child].key = key

    return alter


def plain(field: FieldDescriptorProto) -> None:
    field.ClearField("options")


def _message(file: FileDescriptorProto, name: str) -> DescriptorProto:
    return next(message for message in file.message_type if message.name == name)


def _add_imports(pool: DescriptorPool, file: FileDescriptor, done: set[str]) -> None:
    for imported in file.dependencies:
        if imported.name not in done:
            done.add(imported.name)
            _add_imports(pool, imported, done)
            pool.AddSerializedFile(imported.serialized_pb)
