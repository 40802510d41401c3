"""A reader of treering stores that knows only docs/format.md: nothing of the treering package is used here.

It reads whole stores and puts their messages together; what lies below is in tests/format_bytes.py. It is slow and
short on purpose: the page must be enough to write it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from tests.format_bytes import Commit, Cursor, Node, ObjectStore, Pointer, Slot, check

MAP_ENTRY_KEY, MAP_ENTRY_CHILD = 1, 2


@dataclass
class StoredSchema:
    root: Descriptor
    children: dict[str, tuple[list[str], bool]]  # full name of a child field: names of its keys, whether it is plain
    read_only: list[str]
    sensitive: list[str]

    @staticmethod
    def decode(data: bytes) -> StoredSchema:
        fields = list(_iter_fields(data))
        children = {}
        for child in (dict_of_lists(_iter_fields(value)) for number, value in fields if number == 3):
            children[child[1][0].decode()] = ([key.decode() for key in child.get(2, [])], bool(child.get(3)))
        lists = dict_of_lists(iter(fields))
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(lists[2][0]).file:
            pool.AddSerializedFile(file.SerializeToString())
        root = pool.FindMessageTypeByName(lists[1][0].decode())
        return StoredSchema(root, children, *([name.decode() for name in lists.get(number, [])] for number in (4, 5)))


def _iter_fields(data: bytes) -> Iterator[tuple[int, Any]]:
    cursor = Cursor(data)
    while cursor.at < len(data):
        number, wire = divmod(cursor.varint(), 8)
        check(wire in {0, 2}, "StoredSchema has only varints and sized bytes")
        yield number, cursor.sized() if wire == 2 else cursor.varint()


def dict_of_lists(fields: Iterator[tuple[int, Any]]) -> dict[int, list[Any]]:
    lists: dict[int, list[Any]] = {}
    for number, value in fields:
        lists.setdefault(number, []).append(value)
    return lists


class Store(ObjectStore):
    """A store whose commits are read as messages, of classes made from the schemas that it holds."""

    @functools.cache  # noqa: B019 - a store lives as long as its test
    def schema(self, pointer: Pointer) -> StoredSchema:
        content, tail = self.load("S", pointer)
        check(not tail, "a schema with a tail")
        return StoredSchema.decode(content)

    def message(self, commit: Commit) -> Any:
        """Return the deep message of a commit."""
        schema = self.schema(commit.schema)
        return message_factory.GetMessageClass(schema.root).FromString(self._wire(schema, schema.root, commit.root))

    def container(self, commit: Commit, *names: str) -> list[tuple[Any, Any]]:
        """Return the (key, deep message) of a container below singular children of the root, in key order."""
        schema = self.schema(commit.schema)
        field, slot = schema.root.fields_by_name[names[0]], commit.root.slots
        for name in names[1:]:
            slot = self.child(slot[field.number]).slots
            field = type_of(field).fields_by_name[name]
        element = type_of(type_of(field).fields_by_number[MAP_ENTRY_CHILD] if is_map(field) else field)
        return [
            (decode_key(schema, field, child.key),
             message_factory.GetMessageClass(element).FromString(self._wire(schema, element, child.node)))
            for child in self.children(slot[field.number])
        ]  # fmt: skip

    def _wire(self, schema: StoredSchema, descriptor: Descriptor, node: Node) -> bytes:
        parts = [node.own]
        for number, slot in node.slots.items():
            field = descriptor.fields_by_number.get(number)
            if field is None:
                continue  # of a schema that another writer has, and this commit does not name
            check(field.full_name in schema.children, f"{field.full_name} is not a child field")
            check((slot.form >= 2) == field.is_repeated, "a container where a child should be, or the reverse")
            if slot.form < 2:
                parts.append(encode_field(field, self._wire(schema, type_of(field), self.child(slot))))
            else:
                parts += self._container_wire(schema, field, slot)
        return b"".join(parts)

    def _container_wire(self, schema: StoredSchema, field: FieldDescriptor, slot: Slot) -> Iterator[bytes]:
        children = self.children(slot)
        keys, plain = schema.children[field.full_name]
        if keys:
            children.sort(key=lambda child: child.ordinal)
            ordinals = [child.ordinal for child in children]
            check(len(set(ordinals)) == len(ordinals), "two children with one ordinal")
            check(max(ordinals) < slot.next_ordinal, "an ordinal not given out yet")
        else:
            check(not any(child.ordinal for child in children), "an ordinal in a map or a plain list")
        if plain:
            positions = [decode_key(schema, field, child.key) for child in children]
            check(positions == list(range(len(positions))), "positions with a gap")
        for child in children:
            if is_map(field):
                key_field, child_field = (type_of(field).fields_by_number[number] for number in (1, 2))
                wire = self._wire(schema, type_of(child_field), child.node)
                entry = message_factory.GetMessageClass(type_of(field))(key=decode_key(schema, field, child.key))
                sized = encode_varint(MAP_ENTRY_CHILD * 8 + 2) + encode_varint(len(wire)) + wire
                check(key_field.number == MAP_ENTRY_KEY, "map entry")
                yield encode_field(field, entry.SerializeToString() + sized)
            else:
                wire = self._wire(schema, type_of(field), child.node)
                self._check_own_key(schema, field, child.key, wire)
                yield encode_field(field, wire)

    @staticmethod
    def _check_own_key(schema: StoredSchema, field: FieldDescriptor, key: bytes, wire: bytes) -> None:
        names = schema.children[field.full_name][0]
        message = message_factory.GetMessageClass(type_of(field))()
        message.MergeFromString(wire)
        own = tuple(getattr(message, name) for name in names)
        if names:
            expected = own if len(own) > 1 else own[0]
            check(decode_key(schema, field, key) == expected, "stands under another key")


def type_of(field: FieldDescriptor) -> Descriptor:
    assert field.message_type is not None, f"{field.full_name} holds no messages"
    return field.message_type


def is_map(field: FieldDescriptor) -> bool:
    return bool(type_of(field).GetOptions().map_entry)


def encode_varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80]) + encode_varint(value >> 7) if value > 0x7F else bytes([value])


def encode_field(field: FieldDescriptor, wire: bytes) -> bytes:
    if field.type == FieldDescriptor.TYPE_GROUP:
        return encode_varint(field.number * 8 + 3) + wire + encode_varint(field.number * 8 + 4)
    return encode_varint(field.number * 8 + 2) + encode_varint(len(wire)) + wire


def decode_key(schema: StoredSchema, field: FieldDescriptor, key: bytes) -> Any:
    """Return a key as protobuf's Python value; a composite one as a tuple; of a plain list, the position."""
    names, plain = schema.children[field.full_name]
    if plain:
        check(len(key) == 8, "a position of another length")
        return int.from_bytes(key, "big")
    cursor = Cursor(key)
    parts = [_decode_part(cursor, type_of(field).fields_by_name[name]) for name in names or ["key"]]
    cursor.end()
    return parts[0] if len(parts) == 1 else tuple(parts)


def _decode_part(cursor: Cursor, field: FieldDescriptor) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        end = cursor.data.index(b"\x00", cursor.at)
        escaped = cursor.take(end + 1 - cursor.at)[:-1]
        raw = escaped.replace(b"\x01\x01", b"\x00").replace(b"\x01\x02", b"\x01")
        return raw if field.type == FieldDescriptor.TYPE_BYTES else raw.decode()
    size = cursor.integer(1) - 0x80
    magnitude = int.from_bytes(cursor.take(abs(size)), "big")
    value = magnitude if size >= 0 else magnitude - 256**-size + 1
    smallest = -(-value.__abs__().bit_length() // 8)
    check(abs(size) == smallest, "an integer key longer than needed")
    return bool(value) if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else value
