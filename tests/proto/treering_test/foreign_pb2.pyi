from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Access(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONFIG: _ClassVar[Access]
    READ_ONLY: _ClassVar[Access]
    REAL_TIME: _ClassVar[Access]

class WrongAccess(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ANYBODY: _ClassVar[WrongAccess]
CONFIG: Access
READ_ONLY: Access
REAL_TIME: Access
ANYBODY: WrongAccess
CHILD_NODE_FIELD_NUMBER: _ClassVar[int]
child_node: _descriptor.FieldDescriptor
ACCESS_FIELD_NUMBER: _ClassVar[int]
access: _descriptor.FieldDescriptor
WRONG_FIELD_NUMBER: _ClassVar[int]
wrong: _descriptor.FieldDescriptor
WRONG_ACCESS_FIELD_NUMBER: _ClassVar[int]
wrong_access: _descriptor.FieldDescriptor
MANY_FIELD_NUMBER: _ClassVar[int]
many: _descriptor.FieldDescriptor
ELSEWHERE_FIELD_NUMBER: _ClassVar[int]
elsewhere: _descriptor.FieldDescriptor

class ChildNode(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: str
    def __init__(self, key: _Optional[str] = ...) -> None: ...

class Wrong(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: int
    def __init__(self, key: _Optional[int] = ...) -> None: ...

class Core(_message.Message):
    __slots__ = ("version", "adapters", "unmarked", "health")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ADAPTERS_FIELD_NUMBER: _ClassVar[int]
    UNMARKED_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    version: str
    adapters: _containers.RepeatedCompositeFieldContainer[Adapter]
    unmarked: _containers.RepeatedCompositeFieldContainer[Adapter]
    health: str
    def __init__(self, version: _Optional[str] = ..., adapters: _Optional[_Iterable[_Union[Adapter, _Mapping]]] = ..., unmarked: _Optional[_Iterable[_Union[Adapter, _Mapping]]] = ..., health: _Optional[str] = ...) -> None: ...

class Adapter(_message.Message):
    __slots__ = ("id", "vendor")
    ID_FIELD_NUMBER: _ClassVar[int]
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    id: str
    vendor: str
    def __init__(self, id: _Optional[str] = ..., vendor: _Optional[str] = ...) -> None: ...
