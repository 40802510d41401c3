"""Message types and the files that define them: what a type reaches, and its definition apart from this process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

if TYPE_CHECKING:
    from google._upb import _message as upb

    MessageDescriptor = Descriptor | upb.Descriptor  # what the type checker sees in Message.DESCRIPTOR
else:
    MessageDescriptor = Descriptor


def reachable(root: Descriptor) -> dict[str, Descriptor]:
    """Return the message types that a type's fields lead to, by full name: itself first, and the entries of maps."""
    found = {root.full_name: root}
    pending = [root]
    while pending:
        for field in pending.pop().fields:
            kind = field.message_type
            if kind is not None and kind.full_name not in found:
                found[kind.full_name] = kind
                pending.append(kind)
    return found


def file_set(root: FileDescriptor) -> FileDescriptorSet:
    """Return a file and all it imports, dependencies first, in an order that depends on nothing but the files."""
    files = FileDescriptorSet()
    done: set[str] = set()
    pending = [(root, False)]
    while pending:
        file, imports_done = pending.pop()
        if imports_done:
            files.file.append(_definition(file))
        elif file.name not in done:
            done.add(file.name)
            pending.append((file, True))
            pending += [(one, False) for one in sorted(file.dependencies, key=_name, reverse=True)]
    return files


def new_pool(files: Iterable[FileDescriptorProto]) -> DescriptorPool:
    """Define files, dependencies first, in a pool of their own. Raises TypeError where they do not fit together."""
    pool = DescriptorPool()
    for file in files:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


def pool_of(field: FieldDescriptor) -> DescriptorPool:
    """Return the pool in which a field is defined."""
    file: Any = field.file  # type: ignore[attr-defined]  # the stubs do not have it
    pool: DescriptorPool = file.pool
    return pool


def is_map_entry(descriptor: Descriptor | None) -> bool:
    """Tell whether a type is that of a map's entries."""
    return descriptor is not None and bool(descriptor.GetOptions().map_entry)


def is_map(field: FieldDescriptor) -> bool:
    """Tell whether a field is a map."""
    return field.is_repeated and is_map_entry(field.message_type)


def _definition(file: FileDescriptor) -> FileDescriptorProto:
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    proto.ClearField("source_code_info")  # comments and positions: large, and no part of the definition
    return proto


def _name(file: FileDescriptor) -> str:
    return file.name
