"""Whether a program can read and write with one schema what was written with another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from treering.errors import SchemaMismatch
from treering.schema.descriptor import reachable
from treering.schema.shape import ChildField, Shape

# A key field may get wider: neither the wire format nor the encoding of keys can tell.
_WIDER: Final = {
    FieldDescriptor.TYPE_INT32: FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT32: FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT32: FieldDescriptor.TYPE_SINT64,
}


def check_shapes(mine: Mapping[str, Shape], stored: Mapping[str, Shape]) -> None:
    """Raise SchemaMismatch where a message type that makes nodes in both has other children or other keys."""
    for name in sorted(mine.keys() & stored.keys()):
        _check_shape(mine[name], stored[name])


def covers(mine: Descriptor, other: Descriptor) -> bool:
    """Tell whether everything that one root type reaches is known to the other: types, fields, enum values."""
    if mine is other:
        return True
    known = reachable(mine)
    return all(name in known and _covers_type(known[name], kind) for name, kind in reachable(other).items())


def _check_shape(mine: Shape, stored: Shape) -> None:
    for field in mine.children.values():
        was = stored.descriptor
        by_number = field.number in was.fields_by_number and field.number not in stored.by_number
        by_name = field.name in was.fields_by_name and field.name not in stored.children
        if by_number or by_name:
            raise SchemaMismatch("a plain field of the store has become a child", field=field.full_name)
    for before in stored.children.values():
        moved = mine.descriptor.fields_by_name.get(before.name)
        if moved is not None and moved.number != before.number:
            raise SchemaMismatch(
                "a child field has another number than in the store",
                field=before.full_name,
                number=moved.number,
                stored_number=before.number,
            )
        now = mine.by_number.get(before.number)
        if now is not None:
            _check_field(now, before)
        elif before.number in mine.descriptor.fields_by_number:
            raise SchemaMismatch("a child field of the store is no longer a child", field=before.full_name)


def _check_field(now: ChildField, before: ChildField) -> None:
    name = before.full_name
    if now.kind is not before.kind:
        raise SchemaMismatch(
            "a child field has become another kind", field=name, kind=now.kind.value, stored_kind=before.kind.value
        )
    if now.shape.name != before.shape.name:
        raise SchemaMismatch(
            "a child field has another message type", field=name, type=now.shape.name, stored_type=before.shape.name
        )
    if now.key_names != before.key_names:
        raise SchemaMismatch(
            "a child field has other key fields", field=name, keys=now.key_names, stored_keys=before.key_names
        )
    if now.delimited != before.delimited:
        raise SchemaMismatch("a child field has another encoding", field=name)
    for key, stored_key in zip(now.key_fields, before.key_fields, strict=True):
        same_type = key.type == stored_key.type or _WIDER.get(stored_key.type) == key.type
        if key.number != stored_key.number or not same_type:
            raise SchemaMismatch("a key field has another number or type", field=name, key=stored_key.name)


def _covers_type(mine: Descriptor, other: Descriptor) -> bool:
    known = mine.fields_by_number
    return all(field.number in known and _covers_field(known[field.number], field) for field in other.fields)


def _covers_field(mine: FieldDescriptor, other: FieldDescriptor) -> bool:
    same_type = mine.type == other.type or _WIDER.get(other.type) == mine.type
    if not same_type or (mine.name, mine.is_repeated) != (other.name, other.is_repeated):
        return False
    if other.message_type is not None:
        return mine.message_type is not None and mine.message_type.full_name == other.message_type.full_name
    if other.enum_type is None:
        return True
    return mine.enum_type is not None and mine.enum_type.values_by_name.keys() >= other.enum_type.values_by_name.keys()
