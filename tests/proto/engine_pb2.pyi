import datetime

from google.protobuf import any_pb2 as _any_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from treering.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Color(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RED: _ClassVar[Color]
    GREEN: _ClassVar[Color]
    BLUE: _ClassVar[Color]
    NEGATIVE: _ClassVar[Color]
RED: Color
GREEN: Color
BLUE: Color
NEGATIVE: Color

class Network(_message.Message):
    __slots__ = ("name", "servers", "weights", "location", "budget", "email", "phone", "extra", "state", "devices", "rules", "settings", "sites", "racks", "keys", "folders", "changed", "notes")
    class WeightsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class SitesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Site
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    class RacksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Site
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    SITES_FIELD_NUMBER: _ClassVar[int]
    RACKS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    FOLDERS_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    servers: _containers.RepeatedScalarFieldContainer[str]
    weights: _containers.ScalarMap[str, int]
    location: Location
    budget: int
    email: str
    phone: str
    extra: _any_pb2.Any
    state: str
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    rules: _containers.RepeatedCompositeFieldContainer[Rule]
    settings: Settings
    sites: _containers.MessageMap[str, Site]
    racks: _containers.MessageMap[int, Site]
    keys: Keys
    folders: _containers.RepeatedCompositeFieldContainer[Folder]
    changed: _timestamp_pb2.Timestamp
    notes: _struct_pb2.Struct
    def __init__(self, name: _Optional[str] = ..., servers: _Optional[_Iterable[str]] = ..., weights: _Optional[_Mapping[str, int]] = ..., location: _Optional[_Union[Location, _Mapping]] = ..., budget: _Optional[int] = ..., email: _Optional[str] = ..., phone: _Optional[str] = ..., extra: _Optional[_Union[_any_pb2.Any, _Mapping]] = ..., state: _Optional[str] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., rules: _Optional[_Iterable[_Union[Rule, _Mapping]]] = ..., settings: _Optional[_Union[Settings, _Mapping]] = ..., sites: _Optional[_Mapping[str, Site]] = ..., racks: _Optional[_Mapping[int, Site]] = ..., keys: _Optional[_Union[Keys, _Mapping]] = ..., folders: _Optional[_Iterable[_Union[Folder, _Mapping]]] = ..., changed: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., notes: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class Location(_message.Message):
    __slots__ = ("town", "height", "surveyed")
    TOWN_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SURVEYED_FIELD_NUMBER: _ClassVar[int]
    town: str
    height: float
    surveyed: str
    def __init__(self, town: _Optional[str] = ..., height: _Optional[float] = ..., surveyed: _Optional[str] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("name", "vendor", "image", "ports", "settings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    vendor: str
    image: bytes
    ports: _containers.RepeatedCompositeFieldContainer[Port]
    settings: Settings
    def __init__(self, name: _Optional[str] = ..., vendor: _Optional[str] = ..., image: _Optional[bytes] = ..., ports: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., settings: _Optional[_Union[Settings, _Mapping]] = ...) -> None: ...

class Port(_message.Message):
    __slots__ = ("number", "enabled", "label", "flows")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    number: int
    enabled: bool
    label: str
    flows: _containers.RepeatedCompositeFieldContainer[Flow]
    def __init__(self, number: _Optional[int] = ..., enabled: _Optional[bool] = ..., label: _Optional[str] = ..., flows: _Optional[_Iterable[_Union[Flow, _Mapping]]] = ...) -> None: ...

class Flow(_message.Message):
    __slots__ = ("id", "match")
    ID_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    id: int
    match: str
    def __init__(self, id: _Optional[int] = ..., match: _Optional[str] = ...) -> None: ...

class Rule(_message.Message):
    __slots__ = ("text", "flows")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    text: str
    flows: _containers.RepeatedCompositeFieldContainer[Flow]
    def __init__(self, text: _Optional[str] = ..., flows: _Optional[_Iterable[_Union[Flow, _Mapping]]] = ...) -> None: ...

class Settings(_message.Message):
    __slots__ = ("mtu", "banner", "fallback")
    MTU_FIELD_NUMBER: _ClassVar[int]
    BANNER_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    mtu: int
    banner: str
    fallback: Settings
    def __init__(self, mtu: _Optional[int] = ..., banner: _Optional[str] = ..., fallback: _Optional[_Union[Settings, _Mapping]] = ...) -> None: ...

class Site(_message.Message):
    __slots__ = ("address", "ports")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    address: str
    ports: _containers.RepeatedCompositeFieldContainer[Port]
    def __init__(self, address: _Optional[str] = ..., ports: _Optional[_Iterable[_Union[Port, _Mapping]]] = ...) -> None: ...

class Folder(_message.Message):
    __slots__ = ("name", "text", "folders", "shortcut", "nest", "nests")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FOLDERS_FIELD_NUMBER: _ClassVar[int]
    SHORTCUT_FIELD_NUMBER: _ClassVar[int]
    NEST_FIELD_NUMBER: _ClassVar[int]
    NESTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    folders: _containers.RepeatedCompositeFieldContainer[Folder]
    shortcut: Folder
    nest: Nest
    nests: _containers.RepeatedCompositeFieldContainer[Nest]
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., folders: _Optional[_Iterable[_Union[Folder, _Mapping]]] = ..., shortcut: _Optional[_Union[Folder, _Mapping]] = ..., nest: _Optional[_Union[Nest, _Mapping]] = ..., nests: _Optional[_Iterable[_Union[Nest, _Mapping]]] = ...) -> None: ...

class Nest(_message.Message):
    __slots__ = ("inner",)
    INNER_FIELD_NUMBER: _ClassVar[int]
    inner: Nest
    def __init__(self, inner: _Optional[_Union[Nest, _Mapping]] = ...) -> None: ...

class Keys(_message.Message):
    __slots__ = ("int32s", "int64s", "uint64s", "sint64s", "fixed32s", "bools", "colors", "raws", "strings", "pairs", "triples", "bool_map", "sint64_map", "fixed64_map")
    class BoolMapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: bool
        value: Site
        def __init__(self, key: _Optional[bool] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    class Sint64MapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Site
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    class Fixed64MapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Site
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    INT32S_FIELD_NUMBER: _ClassVar[int]
    INT64S_FIELD_NUMBER: _ClassVar[int]
    UINT64S_FIELD_NUMBER: _ClassVar[int]
    SINT64S_FIELD_NUMBER: _ClassVar[int]
    FIXED32S_FIELD_NUMBER: _ClassVar[int]
    BOOLS_FIELD_NUMBER: _ClassVar[int]
    COLORS_FIELD_NUMBER: _ClassVar[int]
    RAWS_FIELD_NUMBER: _ClassVar[int]
    STRINGS_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    TRIPLES_FIELD_NUMBER: _ClassVar[int]
    BOOL_MAP_FIELD_NUMBER: _ClassVar[int]
    SINT64_MAP_FIELD_NUMBER: _ClassVar[int]
    FIXED64_MAP_FIELD_NUMBER: _ClassVar[int]
    int32s: _containers.RepeatedCompositeFieldContainer[ByInt32]
    int64s: _containers.RepeatedCompositeFieldContainer[ByInt64]
    uint64s: _containers.RepeatedCompositeFieldContainer[ByUint64]
    sint64s: _containers.RepeatedCompositeFieldContainer[BySint64]
    fixed32s: _containers.RepeatedCompositeFieldContainer[ByFixed32]
    bools: _containers.RepeatedCompositeFieldContainer[ByBool]
    colors: _containers.RepeatedCompositeFieldContainer[ByColor]
    raws: _containers.RepeatedCompositeFieldContainer[ByBytes]
    strings: _containers.RepeatedCompositeFieldContainer[ByString]
    pairs: _containers.RepeatedCompositeFieldContainer[ByPair]
    triples: _containers.RepeatedCompositeFieldContainer[ByTriple]
    bool_map: _containers.MessageMap[bool, Site]
    sint64_map: _containers.MessageMap[int, Site]
    fixed64_map: _containers.MessageMap[int, Site]
    def __init__(self, int32s: _Optional[_Iterable[_Union[ByInt32, _Mapping]]] = ..., int64s: _Optional[_Iterable[_Union[ByInt64, _Mapping]]] = ..., uint64s: _Optional[_Iterable[_Union[ByUint64, _Mapping]]] = ..., sint64s: _Optional[_Iterable[_Union[BySint64, _Mapping]]] = ..., fixed32s: _Optional[_Iterable[_Union[ByFixed32, _Mapping]]] = ..., bools: _Optional[_Iterable[_Union[ByBool, _Mapping]]] = ..., colors: _Optional[_Iterable[_Union[ByColor, _Mapping]]] = ..., raws: _Optional[_Iterable[_Union[ByBytes, _Mapping]]] = ..., strings: _Optional[_Iterable[_Union[ByString, _Mapping]]] = ..., pairs: _Optional[_Iterable[_Union[ByPair, _Mapping]]] = ..., triples: _Optional[_Iterable[_Union[ByTriple, _Mapping]]] = ..., bool_map: _Optional[_Mapping[bool, Site]] = ..., sint64_map: _Optional[_Mapping[int, Site]] = ..., fixed64_map: _Optional[_Mapping[int, Site]] = ...) -> None: ...

class ByInt32(_message.Message):
    __slots__ = ("key", "text")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    key: int
    text: str
    def __init__(self, key: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class ByInt64(_message.Message):
    __slots__ = ("key", "text")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    key: int
    text: str
    def __init__(self, key: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class ByUint64(_message.Message):
    __slots__ = ("key", "text")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    key: int
    text: str
    def __init__(self, key: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class BySint64(_message.Message):
    __slots__ = ("key", "text")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    key: int
    text: str
    def __init__(self, key: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class ByFixed32(_message.Message):
    __slots__ = ("key", "text")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    key: int
    text: str
    def __init__(self, key: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class ByBool(_message.Message):
    __slots__ = ("key", "text")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    key: bool
    text: str
    def __init__(self, key: _Optional[bool] = ..., text: _Optional[str] = ...) -> None: ...

class ByColor(_message.Message):
    __slots__ = ("key", "text")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    key: Color
    text: str
    def __init__(self, key: _Optional[_Union[Color, str]] = ..., text: _Optional[str] = ...) -> None: ...

class ByBytes(_message.Message):
    __slots__ = ("key", "text")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    text: str
    def __init__(self, key: _Optional[bytes] = ..., text: _Optional[str] = ...) -> None: ...

class ByString(_message.Message):
    __slots__ = ("key", "text")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    key: str
    text: str
    def __init__(self, key: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class ByPair(_message.Message):
    __slots__ = ("name", "zone", "text")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    zone: str
    text: str
    def __init__(self, name: _Optional[str] = ..., zone: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class ByTriple(_message.Message):
    __slots__ = ("number", "color", "name", "text")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    COLOR_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    number: int
    color: Color
    name: str
    text: str
    def __init__(self, number: _Optional[int] = ..., color: _Optional[_Union[Color, str]] = ..., name: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Stranger(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
