from treering.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODE_UNSPECIFIED: _ClassVar[Mode]
    MODE_FAST: _ClassVar[Mode]
MODE_UNSPECIFIED: Mode
MODE_FAST: Mode

class Fleet(_message.Message):
    __slots__ = ("name", "ships", "flagship", "by_port", "wrecks", "ghost", "plain")
    class ByPortEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Ship
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Ship, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHIPS_FIELD_NUMBER: _ClassVar[int]
    FLAGSHIP_FIELD_NUMBER: _ClassVar[int]
    BY_PORT_FIELD_NUMBER: _ClassVar[int]
    WRECKS_FIELD_NUMBER: _ClassVar[int]
    GHOST_FIELD_NUMBER: _ClassVar[int]
    PLAIN_FIELD_NUMBER: _ClassVar[int]
    name: str
    ships: _containers.RepeatedCompositeFieldContainer[Ship]
    flagship: Ship
    by_port: _containers.MessageMap[str, Ship]
    wrecks: _containers.RepeatedCompositeFieldContainer[Ship]
    ghost: Ship
    plain: Ship
    def __init__(self, name: _Optional[str] = ..., ships: _Optional[_Iterable[_Union[Ship, _Mapping]]] = ..., flagship: _Optional[_Union[Ship, _Mapping]] = ..., by_port: _Optional[_Mapping[str, Ship]] = ..., wrecks: _Optional[_Iterable[_Union[Ship, _Mapping]]] = ..., ghost: _Optional[_Union[Ship, _Mapping]] = ..., plain: _Optional[_Union[Ship, _Mapping]] = ...) -> None: ...

class Ship(_message.Message):
    __slots__ = ("id", "name", "mode", "crew", "code")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    CREW_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    mode: Mode
    crew: int
    code: str
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., mode: _Optional[_Union[Mode, str]] = ..., crew: _Optional[int] = ..., code: _Optional[str] = ...) -> None: ...
