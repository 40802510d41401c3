"""What is declared about fields, from all ways to declare it, checked against the messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto

from treering.errors import SchemaError
from treering.schema.descriptor import is_map, is_map_entry, reachable
from treering.schema.key import can_be_key
from treering.schema.option import (
    OWN_ACCESS,
    OWN_CHILD,
    OWN_SENSITIVE,
    AccessOption,
    ChildOption,
    FlagOption,
)


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a schema says beyond its messages. Fields are named in full.

    ``children``: child field to the names of its key fields; none for a singular message, a map or a plain list.
    """

    children: Mapping[str, tuple[str, ...]]
    read_only: frozenset[str]
    sensitive: frozenset[str]


def collect(
    root: Descriptor,
    child_option: FieldDescriptor | None,
    access_option: FieldDescriptor | None,
    children: Mapping[str, str | None],
    read_only: Iterable[str],
    sensitive: Iterable[str],
) -> Annotations:
    """Read the options of all fields that the root type reaches, add the sidecar. Raises SchemaError."""
    types = reachable(root)
    fields = {field.full_name: field for kind in types.values() for field in kind.fields}
    child_options = [ChildOption(OWN_CHILD)] + ([ChildOption(child_option)] if child_option is not None else [])
    access_options = [AccessOption(OWN_ACCESS)] + ([AccessOption(access_option)] if access_option is not None else [])
    flag = FlagOption(OWN_SENSITIVE)
    _refuse_extensions(types.values(), child_options)
    declared: dict[str, tuple[str, ...]] = {}
    for name, keys in _declarations(fields, child_options, children):
        if declared.setdefault(name, keys) != keys:
            raise SchemaError(
                "a child field is declared twice, with other keys", field=name, keys=(declared[name], keys)
            )
    for name, keys in declared.items():
        _check_child(fields[name], keys)
    optioned = [field for field in fields.values() if field.has_options]
    return Annotations(
        declared,
        _names("read_only", read_only, fields)
        | {field.full_name for field in optioned for option in access_options if option.is_read_only(field)},
        _names("sensitive", sensitive, fields) | {field.full_name for field in optioned if flag.is_on(field)},
    )


def key_fields(field: FieldDescriptor, keys: Iterable[str]) -> list[FieldDescriptor]:
    """Return the key fields of a child field: of a map its key, else those named. Raises SchemaError."""
    kind = field.message_type
    assert kind is not None
    if is_map(field):
        return [kind.fields_by_name["key"]]
    found = []
    for name in keys:
        key = kind.fields_by_name.get(name)
        if key is None:
            child = kind.full_name
            raise SchemaError("the key names no field of the child", field=field.full_name, key=name, child=child)
        if key.is_repeated:
            raise SchemaError("a key is a single value, and this field is repeated", field=field.full_name, key=name)
        if not can_be_key(key):
            raise SchemaError(
                "a key is a string, bytes, an integer, a bool or an enum", field=field.full_name, key=key.full_name
            )
        found.append(key)
    return found


def child_type(field: FieldDescriptor) -> Descriptor:
    """Return the type of a child field's messages; of a map, that of its values."""
    kind = field.message_type
    assert kind is not None
    value = kind.fields_by_name["value"].message_type if is_map(field) else kind
    assert value is not None
    return value


def _declarations(
    fields: Mapping[str, FieldDescriptor], options: Iterable[ChildOption], sidecar: Mapping[str, str | None]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, field in fields.items():
        for option in options:
            key = option.key(field)
            if key is not None:
                yield name, tuple(key.split())
    for name, given in sidecar.items():
        if name not in fields:
            raise SchemaError(
                "children names a field that the root message does not reach; write it in full", field=name
            )
        field = fields[name]
        if given is not None and not isinstance(given, str):
            raise SchemaError("the value for a child field is a string or None", field=name, given=given)
        many = field.is_repeated and not is_map(field)
        if given is None and many:
            raise SchemaError(
                "a repeated child field needs its key field, or an empty string for a plain list", field=name
            )
        if given is not None and not many:
            raise SchemaError("a singular message or a map has no key fields: give None", field=name, given=given)
        yield name, tuple((given or "").split())


def _check_child(field: FieldDescriptor, keys: tuple[str, ...]) -> None:
    name = field.full_name
    if field.message_type is None:
        raise SchemaError("a child field holds messages", field=name)
    if is_map_entry(field.containing_type):
        raise SchemaError("the field is part of a map: declare the map itself", field=name)
    if is_map(field) and field.message_type.fields_by_name["value"].message_type is None:
        raise SchemaError("a map of children has messages as values", field=name)
    if keys and (is_map(field) or not field.is_repeated):
        raise SchemaError("a singular message or a map has no key fields", field=name, keys=keys)
    if field.containing_oneof is not None and not _is_synthetic(field):
        raise SchemaError("a member of a oneof cannot be a child: setting another member would remove it", field=name)
    if len(set(keys)) != len(keys):
        raise SchemaError("a key field is named twice", field=name, keys=keys)
    key_fields(field, keys)


def _is_synthetic(field: FieldDescriptor) -> bool:
    """Tell whether a field's oneof is only how proto3 marks ``optional``."""
    assert field.containing_type is not None
    message = DescriptorProto()
    field.containing_type.CopyToProto(message)
    return any(one.proto3_optional for one in message.field if one.number == field.number)


def _refuse_extensions(types: Iterable[Descriptor], options: Iterable[ChildOption]) -> None:
    for kind in types:
        if not kind.is_extendable:
            continue
        for extension in kind.file.pool.FindAllExtensions(kind):
            if any(option.key(extension) is not None for option in options):
                raise SchemaError("an extension cannot be a child field", field=extension.full_name)


def _names(argument: str, given: Iterable[str], fields: Mapping[str, FieldDescriptor]) -> frozenset[str]:
    if isinstance(given, str):
        raise SchemaError(f"{argument} is a list of full field names, not one string", field=given)
    names = frozenset(given)
    for name in sorted(names - fields.keys()):
        raise SchemaError(f"{argument} names a field that the root does not reach; write it in full", field=name)
    return names
