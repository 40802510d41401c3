from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StoredSchema(_message.Message):
    __slots__ = ("root", "files", "children", "read_only", "sensitive")
    class ChildField(_message.Message):
        __slots__ = ("field", "keys", "plain")
        FIELD_FIELD_NUMBER: _ClassVar[int]
        KEYS_FIELD_NUMBER: _ClassVar[int]
        PLAIN_FIELD_NUMBER: _ClassVar[int]
        field: str
        keys: _containers.RepeatedScalarFieldContainer[str]
        plain: bool
        def __init__(self, field: _Optional[str] = ..., keys: _Optional[_Iterable[str]] = ..., plain: _Optional[bool] = ...) -> None: ...
    ROOT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    READ_ONLY_FIELD_NUMBER: _ClassVar[int]
    SENSITIVE_FIELD_NUMBER: _ClassVar[int]
    root: str
    files: _descriptor_pb2.FileDescriptorSet
    children: _containers.RepeatedCompositeFieldContainer[StoredSchema.ChildField]
    read_only: _containers.RepeatedScalarFieldContainer[str]
    sensitive: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, root: _Optional[str] = ..., files: _Optional[_Union[_descriptor_pb2.FileDescriptorSet, _Mapping]] = ..., children: _Optional[_Iterable[_Union[StoredSchema.ChildField, _Mapping]]] = ..., read_only: _Optional[_Iterable[str]] = ..., sensitive: _Optional[_Iterable[str]] = ...) -> None: ...
