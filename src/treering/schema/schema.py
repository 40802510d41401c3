"""A schema: a root message type, plus which fields are children and what keys them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Self

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from treering.errors import SchemaError, SchemaMismatch
from treering.schema.annotation import Annotations, child_type, collect, key_fields
from treering.schema.compatibility import check_shapes, covers
from treering.schema.descriptor import MessageDescriptor, file_set, is_map, is_map_entry, new_pool, reachable
from treering.schema.shape import ChildField, Kind, Shape
from treering.v1.schema_pb2 import StoredSchema


class Schema:
    """A root message type with its children.

    A child field is declared with treering's options in the ``.proto``; with options of the same shape, named here; or
    by full field name, here. The ways may be mixed, for one field they must agree.

    ``root``: the message class, or its Descriptor.
    ``child_option``, ``access_option``: extensions of ``google.protobuf.FieldOptions`` as generated code has them: a
    message with a string field ``key``, and an enum with a value named ``READ_ONLY``.
    ``children``: full field name to the child's key field; several as ``"name zone"``; ``""`` for a repeated field
    whose elements have no identity; None for a singular message or a map.
    ``read_only``, ``sensitive``: full field names.

    Raises SchemaError, with the field in ``field``. Immutable; threads may share it.
    """

    __slots__ = ("_annotations", "_stored", "read_only", "root", "sensitive", "shapes")

    root: Shape
    shapes: Mapping[str, Shape]
    """The shape of every type that makes nodes, by full name; the root first."""
    read_only: frozenset[str]
    """Full names of all READ_ONLY fields, those of plain messages and children too."""
    sensitive: frozenset[str]
    """Full names of all sensitive fields, those of plain messages and children too."""
    _annotations: Annotations
    _stored: bytes | None

    def __init__(
        self,
        root: type[Message] | MessageDescriptor,
        *,
        child_option: FieldDescriptor | None = None,
        access_option: FieldDescriptor | None = None,
        children: Mapping[str, str | None] | None = None,
        read_only: Iterable[str] = (),
        sensitive: Iterable[str] = (),
    ) -> None:
        descriptor = _descriptor_of(root)
        self._link(descriptor, collect(descriptor, child_option, access_option, children or {}, read_only, sensitive))

    @classmethod
    def of(cls, value: type[Message] | MessageDescriptor | Schema) -> Schema:
        """Return the schema itself, or that of a message class whose options say all there is to say."""
        return value if isinstance(value, Schema) else cls(value)

    @classmethod
    def from_stored(cls, data: bytes) -> Self:
        """Make the schema again from `stored`, with message classes of its own. Raises SchemaError for other bytes."""
        message = StoredSchema()
        try:
            message.ParseFromString(data)
            root = new_pool(message.files.file).FindMessageTypeByName(message.root)
        except (DecodeError, TypeError, KeyError) as error:
            raise SchemaError("these bytes are not a schema") from error
        annotations = Annotations(
            {child.field: tuple(child.keys) for child in message.children},
            frozenset(message.read_only),
            frozenset(message.sensitive),
        )
        schema = cls.__new__(cls)
        schema._link(root, annotations)  # noqa: SLF001 - an object of this class
        return schema

    def stored(self) -> bytes:
        """Return all that it takes to open the schema elsewhere: a serialised ``treering.v1.StoredSchema``.

        Equal schemas give equal bytes. The options that declared the children are resolved and need no reading again.
        """
        if self._stored is None:
            annotations = self._annotations
            message = StoredSchema(
                root=self.root.name,
                files=file_set(self.root.descriptor.file),
                read_only=sorted(self.read_only),
                sensitive=sorted(self.sensitive),
            )
            fields = [field for shape in self.shapes.values() for field in shape.children.values()]
            plain = {field.full_name for field in fields if field.kind is Kind.LIST}
            for name, keys in sorted(annotations.children.items()):
                message.children.add(field=name, keys=keys, plain=name in plain)
            self._stored = message.SerializeToString(deterministic=True)
        return self._stored

    def check_against(self, stored: Schema) -> None:
        """Raise SchemaMismatch where this schema cannot read and write what was written with another.

        The root types' names must be equal. Of types that make nodes in both, no field may become or stop being a child
        or change its number, kind, type or key fields. Fields, types and children that one of them lacks are fine.
        """
        if self.root.name != stored.root.name:
            raise SchemaMismatch("the store has another root type", root=self.root.name, stored_root=stored.root.name)
        check_shapes(self.shapes, stored.shapes)

    def covers(self, other: Schema) -> bool:
        """Tell whether this schema knows every message, field, enum value and child that another one knows."""
        return self._annotations.children.keys() >= other._annotations.children.keys() and covers(
            self.root.descriptor, other.root.descriptor
        )

    def hidden_children(self, stored: Schema) -> Mapping[str, frozenset[int]]:
        """Return the child fields that only the other schema has: their numbers, by message type that has any."""
        hidden = {
            name: frozenset(stored.shapes[name].by_number.keys() - shape.by_number.keys())
            for name, shape in self.shapes.items()
            if name in stored.shapes
        }
        return {name: numbers for name, numbers in hidden.items() if numbers}

    def __repr__(self) -> str:
        return f"<Schema {self.root.name}>"

    def _link(self, root: Descriptor, annotations: Annotations) -> None:
        """Make the shapes of all types that are reached through child fields."""
        self._annotations = annotations
        self._stored = None
        self.read_only, self.sensitive = annotations.read_only, annotations.sensitive
        shapes = {root.full_name: Shape(root)}
        pending = deque(shapes.values())
        while pending:
            shape = pending.popleft()
            children = []
            for field in shape.descriptor.fields:
                if field.full_name not in annotations.children:
                    _refuse_hidden_child(field, annotations)
                    continue
                kind = child_type(field)
                if kind.full_name not in shapes:
                    shapes[kind.full_name] = Shape(kind)
                    pending.append(shapes[kind.full_name])
                keys = annotations.children[field.full_name]
                children.append(ChildField(field, _kind(field, keys), shapes[kind.full_name], key_fields(field, keys)))
            shape.link(children, self.read_only, self.sensitive)
        self.root, self.shapes = shapes[root.full_name], shapes


def _kind(field: FieldDescriptor, keys: tuple[str, ...]) -> Kind:
    if is_map(field):
        return Kind.MAP
    if not field.is_repeated:
        return Kind.SINGULAR
    return Kind.KEYED if keys else Kind.LIST


def _refuse_hidden_child(field: FieldDescriptor, annotations: Annotations) -> None:
    """Raise SchemaError where a plain field leads to a declared child, and print the lines that would make it one."""
    if field.message_type is None:
        return
    ways: dict[str, tuple[FieldDescriptor, ...]] = {field.message_type.full_name: (field,)}
    for name, kind in reachable(field.message_type).items():  # a type comes after one that leads to it
        for inner in kind.fields:
            if inner.full_name in annotations.children:
                raise _hidden_child(inner, ways[name])
            if inner.message_type is not None:
                ways.setdefault(inner.message_type.full_name, (*ways[name], inner))


def _hidden_child(child: FieldDescriptor, way: tuple[FieldDescriptor, ...]) -> SchemaError:
    fields = [field for field in way if not is_map_entry(field.containing_type)]
    lines = {field.full_name: None if is_map(field) or not field.is_repeated else "<key field>" for field in fields}
    return SchemaError(
        "a child is declared below a plain field; declare that field a child too, or neither",
        field=child.full_name,
        plain=fields[0].full_name,
        add=f"children={lines}",
        or_option=_option_line(fields[0]),
    )


def _option_line(field: FieldDescriptor) -> str:
    many = field.is_repeated and not is_map(field)
    key = 'key: "<key field>"' if many else ""
    return f"{field.name} = {field.number} [(treering.v1.child) = {{{key}}}];"


def _descriptor_of(root: object) -> Descriptor:
    if isinstance(root, Descriptor):
        return root
    if isinstance(root, type) and issubclass(root, Message):
        descriptor = getattr(root, "DESCRIPTOR", None)
        if isinstance(descriptor, Descriptor):
            return descriptor
    raise SchemaError("the root of a schema is a message class, or its Descriptor", given=root)
