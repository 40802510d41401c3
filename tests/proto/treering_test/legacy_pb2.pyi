from treering.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf.internal import python_message as _python_message
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Grade(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOW: _ClassVar[Grade]
    HIGH: _ClassVar[Grade]
LOW: Grade
HIGH: Grade
FLOOR_NUMBER_FIELD_NUMBER: _ClassVar[int]
floor_number: _descriptor.FieldDescriptor
ATTACHED_FIELD_NUMBER: _ClassVar[int]
attached: _descriptor.FieldDescriptor
CROWNED_FIELD_NUMBER: _ClassVar[int]
crowned: _descriptor.FieldDescriptor
INNER_FIELD_NUMBER: _ClassVar[int]
inner: _descriptor.FieldDescriptor

class Plant(_message.Message):
    __slots__ = ("name", "machine", "core", "spare", "parts", "owner", "plain", "numbered")
    Extensions: _python_message._ExtensionDict
    class Machine(_message.Message):
        __slots__ = ("serial", "grade", "part")
        SERIAL_FIELD_NUMBER: _ClassVar[int]
        GRADE_FIELD_NUMBER: _ClassVar[int]
        PART_FIELD_NUMBER: _ClassVar[int]
        serial: str
        grade: Grade
        part: Part
        def __init__(self, serial: _Optional[str] = ..., grade: _Optional[_Union[Grade, str]] = ..., part: _Optional[_Union[Part, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    CORE_FIELD_NUMBER: _ClassVar[int]
    SPARE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PLAIN_FIELD_NUMBER: _ClassVar[int]
    NUMBERED_FIELD_NUMBER: _ClassVar[int]
    name: str
    machine: _containers.RepeatedCompositeFieldContainer[Plant.Machine]
    core: Part
    spare: Part
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    owner: str
    plain: _containers.RepeatedCompositeFieldContainer[Part]
    numbered: _containers.RepeatedCompositeFieldContainer[Numbered]
    def __init__(self, name: _Optional[str] = ..., machine: _Optional[_Iterable[_Union[Plant.Machine, _Mapping]]] = ..., core: _Optional[_Union[Part, _Mapping]] = ..., spare: _Optional[_Union[Part, _Mapping]] = ..., parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ..., owner: _Optional[str] = ..., plain: _Optional[_Iterable[_Union[Part, _Mapping]]] = ..., numbered: _Optional[_Iterable[_Union[Numbered, _Mapping]]] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("label", "grade")
    Extensions: _python_message._ExtensionDict
    LABEL_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    label: str
    grade: Grade
    def __init__(self, label: _Optional[str] = ..., grade: _Optional[_Union[Grade, str]] = ...) -> None: ...

class Numbered(_message.Message):
    __slots__ = ("no", "name")
    NO_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    no: int
    name: str
    def __init__(self, no: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...
