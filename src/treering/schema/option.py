"""Field options that declare children and access: treering's own, and anybody's of the same shape."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

from treering.errors import SchemaError
from treering.schema.descriptor import pool_of

_OPTIONS_TYPE: Final = "google.protobuf.FieldOptions"
_READ_ONLY: Final = "READ_ONLY"


class Option:
    """One extension of FieldOptions, readable in the options of fields of any descriptor pool."""

    __slots__ = ("_options_class", "_pools", "descriptor")

    def __init__(self, extension: object) -> None:
        """Take the extension as generated code has it: ``meta_pb2.child_node``. Raises SchemaError for others."""
        if not isinstance(extension, FieldDescriptor) or not extension.is_extension:
            raise SchemaError("an option is an extension, as generated code has it: meta_pb2.child", given=extension)
        options = extension.containing_type
        if options is None or options.full_name != _OPTIONS_TYPE or extension.is_repeated:
            name = extension.full_name
            raise SchemaError("an option is a single extension of google.protobuf.FieldOptions", option=name)
        self.descriptor = extension
        self._options_class = message_factory.GetMessageClass(options)
        self._pools: dict[DescriptorPool, bool] = {}

    def read(self, field: FieldDescriptor) -> Any:
        """Return the option's value for a field, None where it is not set."""
        if not field.has_options or not self._is_meant_in(pool_of(field)):
            return None
        data = field.GetOptions().SerializePartialToString()  # the field's pool may not have the extension
        try:
            options: Any = self._options_class.FromString(data)
        except DecodeError as error:
            name = field.full_name
            raise SchemaError("the options of a field do not parse", field=name) from error
        return options.Extensions[self.descriptor] if options.HasExtension(self.descriptor) else None

    def _is_meant_in(self, pool: DescriptorPool) -> bool:
        """Tell whether the extension's number stands for it in a pool; another option may have the number there."""
        if pool not in self._pools:
            try:
                options = pool.FindMessageTypeByName(_OPTIONS_TYPE)
                found = pool.FindExtensionByNumber(options, self.descriptor.number)
            except KeyError:
                self._pools[pool] = True  # the pool has the option's value only
            else:
                self._pools[pool] = found.full_name == self.descriptor.full_name
        return self._pools[pool]


class ChildOption(Option):
    """An option that makes a field a child: a message with a string field ``key``."""

    __slots__ = ()

    def __init__(self, extension: FieldDescriptor) -> None:
        """Raise SchemaError where the option has another shape."""
        super().__init__(extension)
        kind = extension.message_type
        key = kind.fields_by_name.get("key") if kind is not None else None
        if key is None or key.type != FieldDescriptor.TYPE_STRING or key.is_repeated:
            raise SchemaError("a child option is a message with a string field named key", option=extension.full_name)

    def key(self, field: FieldDescriptor) -> str | None:
        """Return the key that the option names, possibly empty; None where the field is not declared a child."""
        value: Message | None = self.read(field)
        return None if value is None else str(getattr(value, "key"))  # noqa: B009 - known at run time only


class AccessOption(Option):
    """An option that tells who may change a field: an enum with a value named READ_ONLY."""

    __slots__ = ("_number",)

    def __init__(self, extension: FieldDescriptor) -> None:
        """Raise SchemaError where the option has another shape."""
        super().__init__(extension)
        enum = extension.enum_type
        if enum is None or _READ_ONLY not in enum.values_by_name:
            raise SchemaError("an access option is an enum with a value named READ_ONLY", option=extension.full_name)
        self._number = enum.values_by_name[_READ_ONLY].number

    def is_read_only(self, field: FieldDescriptor) -> bool:
        """Tell whether the field is declared READ_ONLY."""
        return bool(self.read(field) == self._number)


class FlagOption(Option):
    """An option that is true or false."""

    __slots__ = ()

    def is_on(self, field: FieldDescriptor) -> bool:
        """Tell whether the option is true for a field."""
        return bool(self.read(field))


def _own_options() -> tuple[FieldDescriptor, FieldDescriptor, FieldDescriptor]:
    """Build treering's options in a pool of their own.

    Importing ``treering.v1.options_pb2`` would claim their numbers in the process's pool, where a program may have
    other options with these numbers.
    """
    proto = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="treering/v1/options.proto",
        package="treering.v1",
        syntax="proto3",
        dependency=[descriptor_pb2.DESCRIPTOR.name],
    )
    file.message_type.add(name="Child").field.add(
        name="key", number=1, type=proto.TYPE_STRING, label=proto.LABEL_OPTIONAL
    )
    access = file.enum_type.add(name="Access")
    access.value.add(name="READ_WRITE", number=0)
    access.value.add(name=_READ_ONLY, number=1)
    for name, number, kind, type_name in (
        ("child", 77410, proto.TYPE_MESSAGE, ".treering.v1.Child"),
        ("access", 77411, proto.TYPE_ENUM, ".treering.v1.Access"),
        ("sensitive", 77412, proto.TYPE_BOOL, None),
    ):
        file.extension.add(
            name=name,
            number=number,
            type=kind,
            type_name=type_name,
            label=proto.LABEL_OPTIONAL,
            extendee=f".{_OPTIONS_TYPE}",
        )
    pool = DescriptorPool()
    pool.AddSerializedFile(descriptor_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    child, access_option, sensitive = (
        pool.FindExtensionByName(f"treering.v1.{name}") for name in ("child", "access", "sensitive")
    )
    return child, access_option, sensitive


OWN_CHILD, OWN_ACCESS, OWN_SENSITIVE = _own_options()
