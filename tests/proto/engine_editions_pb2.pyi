from treering.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Rank(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FERRY: _ClassVar[Rank]
    LINER: _ClassVar[Rank]
FERRY: Rank
LINER: Rank

class Ship(_message.Message):
    __slots__ = ("name", "length", "cabins", "bridge", "suites", "draughts", "rank")
    class SuitesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Cabin
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Cabin, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    CABINS_FIELD_NUMBER: _ClassVar[int]
    BRIDGE_FIELD_NUMBER: _ClassVar[int]
    SUITES_FIELD_NUMBER: _ClassVar[int]
    DRAUGHTS_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    name: str
    length: int
    cabins: _containers.RepeatedCompositeFieldContainer[Cabin]
    bridge: Bridge
    suites: _containers.MessageMap[str, Cabin]
    draughts: _containers.RepeatedScalarFieldContainer[int]
    rank: Rank
    def __init__(self, name: _Optional[str] = ..., length: _Optional[int] = ..., cabins: _Optional[_Iterable[_Union[Cabin, _Mapping]]] = ..., bridge: _Optional[_Union[Bridge, _Mapping]] = ..., suites: _Optional[_Mapping[str, Cabin]] = ..., draughts: _Optional[_Iterable[int]] = ..., rank: _Optional[_Union[Rank, str]] = ...) -> None: ...

class Cabin(_message.Message):
    __slots__ = ("number", "guest", "beds")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    GUEST_FIELD_NUMBER: _ClassVar[int]
    BEDS_FIELD_NUMBER: _ClassVar[int]
    number: int
    guest: str
    beds: _containers.RepeatedCompositeFieldContainer[Bed]
    def __init__(self, number: _Optional[int] = ..., guest: _Optional[str] = ..., beds: _Optional[_Iterable[_Union[Bed, _Mapping]]] = ...) -> None: ...

class Bed(_message.Message):
    __slots__ = ("width",)
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    width: int
    def __init__(self, width: _Optional[int] = ...) -> None: ...

class Bridge(_message.Message):
    __slots__ = ("captain",)
    CAPTAIN_FIELD_NUMBER: _ClassVar[int]
    captain: str
    def __init__(self, captain: _Optional[str] = ...) -> None: ...
