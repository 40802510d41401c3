from treering.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import python_message as _python_message
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
OWNER_FIELD_NUMBER: _ClassVar[int]
owner: _descriptor.FieldDescriptor

class Plant(_message.Message):
    __slots__ = ("name", "machines", "line", "spare")
    Extensions: _python_message._ExtensionDict
    class Line(_message.Message):
        __slots__ = ("number", "product")
        NUMBER_FIELD_NUMBER: _ClassVar[int]
        PRODUCT_FIELD_NUMBER: _ClassVar[int]
        number: int
        product: str
        def __init__(self, number: _Optional[int] = ..., product: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    MACHINES_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    SPARE_FIELD_NUMBER: _ClassVar[int]
    name: str
    machines: _containers.RepeatedCompositeFieldContainer[Machine]
    line: _containers.RepeatedCompositeFieldContainer[Plant.Line]
    spare: Machine
    def __init__(self, name: _Optional[str] = ..., machines: _Optional[_Iterable[_Union[Machine, _Mapping]]] = ..., line: _Optional[_Iterable[_Union[Plant.Line, _Mapping]]] = ..., spare: _Optional[_Union[Machine, _Mapping]] = ...) -> None: ...

class Machine(_message.Message):
    __slots__ = ("id", "type", "speed", "motor", "gauge")
    class Gauge(_message.Message):
        __slots__ = ("value",)
        VALUE_FIELD_NUMBER: _ClassVar[int]
        value: int
        def __init__(self, value: _Optional[int] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    MOTOR_FIELD_NUMBER: _ClassVar[int]
    GAUGE_FIELD_NUMBER: _ClassVar[int]
    id: int
    type: str
    speed: int
    motor: Motor
    gauge: Machine.Gauge
    def __init__(self, id: _Optional[int] = ..., type: _Optional[str] = ..., speed: _Optional[int] = ..., motor: _Optional[_Union[Motor, _Mapping]] = ..., gauge: _Optional[_Union[Machine.Gauge, _Mapping]] = ...) -> None: ...

class Motor(_message.Message):
    __slots__ = ("watts",)
    WATTS_FIELD_NUMBER: _ClassVar[int]
    watts: int
    def __init__(self, watts: _Optional[int] = ...) -> None: ...
