import datetime

from google.protobuf import any_pb2 as _any_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from treering.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_SPINE: _ClassVar[Role]
    ROLE_LEAF: _ClassVar[Role]
ROLE_UNSPECIFIED: Role
ROLE_SPINE: Role
ROLE_LEAF: Role

class Network(_message.Message):
    __slots__ = ("name", "devices", "settings", "sites", "events", "links", "labels", "fallback", "floors", "keys", "tree", "extra")
    class SitesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Site
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class FloorsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Site
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    SITES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    FLOORS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    TREE_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    name: str
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    settings: Settings
    sites: _containers.MessageMap[str, Site]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    links: _containers.RepeatedCompositeFieldContainer[Link]
    labels: _containers.ScalarMap[str, str]
    fallback: Settings
    floors: _containers.MessageMap[int, Site]
    keys: Keys
    tree: Group
    extra: _any_pb2.Any
    def __init__(self, name: _Optional[str] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., settings: _Optional[_Union[Settings, _Mapping]] = ..., sites: _Optional[_Mapping[str, Site]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., links: _Optional[_Iterable[_Union[Link, _Mapping]]] = ..., labels: _Optional[_Mapping[str, str]] = ..., fallback: _Optional[_Union[Settings, _Mapping]] = ..., floors: _Optional[_Mapping[int, Site]] = ..., keys: _Optional[_Union[Keys, _Mapping]] = ..., tree: _Optional[_Union[Group, _Mapping]] = ..., extra: _Optional[_Union[_any_pb2.Any, _Mapping]] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("id", "address", "role", "serial", "password", "status", "history", "by_slot", "ports", "readings", "rack")
    class BySlotEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Status
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Status, _Mapping]] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    BY_SLOT_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    READINGS_FIELD_NUMBER: _ClassVar[int]
    RACK_FIELD_NUMBER: _ClassVar[int]
    id: str
    address: str
    role: Role
    serial: str
    password: str
    status: Status
    history: _containers.RepeatedCompositeFieldContainer[Status]
    by_slot: _containers.MessageMap[str, Status]
    ports: _containers.RepeatedCompositeFieldContainer[Port]
    readings: _containers.RepeatedScalarFieldContainer[float]
    rack: int
    def __init__(self, id: _Optional[str] = ..., address: _Optional[str] = ..., role: _Optional[_Union[Role, str]] = ..., serial: _Optional[str] = ..., password: _Optional[str] = ..., status: _Optional[_Union[Status, _Mapping]] = ..., history: _Optional[_Iterable[_Union[Status, _Mapping]]] = ..., by_slot: _Optional[_Mapping[str, Status]] = ..., ports: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., readings: _Optional[_Iterable[float]] = ..., rack: _Optional[int] = ...) -> None: ...

class Port(_message.Message):
    __slots__ = ("no", "name", "up")
    NO_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UP_FIELD_NUMBER: _ClassVar[int]
    no: int
    name: str
    up: bool
    def __init__(self, no: _Optional[int] = ..., name: _Optional[str] = ..., up: _Optional[bool] = ...) -> None: ...

class Status(_message.Message):
    __slots__ = ("text", "uptime", "load", "since", "inner")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    UPTIME_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    INNER_FIELD_NUMBER: _ClassVar[int]
    text: str
    uptime: int
    load: float
    since: _timestamp_pb2.Timestamp
    inner: Status
    def __init__(self, text: _Optional[str] = ..., uptime: _Optional[int] = ..., load: _Optional[float] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., inner: _Optional[_Union[Status, _Mapping]] = ...) -> None: ...

class Settings(_message.Message):
    __slots__ = ("mtu", "servers")
    MTU_FIELD_NUMBER: _ClassVar[int]
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    mtu: int
    servers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, mtu: _Optional[int] = ..., servers: _Optional[_Iterable[str]] = ...) -> None: ...

class Site(_message.Message):
    __slots__ = ("city",)
    CITY_FIELD_NUMBER: _ClassVar[int]
    city: str
    def __init__(self, city: _Optional[str] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class Link(_message.Message):
    __slots__ = ("port", "to")
    FROM_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    port: int
    to: str
    def __init__(self, port: _Optional[int] = ..., to: _Optional[str] = ..., **kwargs) -> None: ...

class Group(_message.Message):
    __slots__ = ("name", "groups", "shadow", "rule")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    name: str
    groups: _containers.RepeatedCompositeFieldContainer[Group]
    shadow: Group
    rule: Expression
    def __init__(self, name: _Optional[str] = ..., groups: _Optional[_Iterable[_Union[Group, _Mapping]]] = ..., shadow: _Optional[_Union[Group, _Mapping]] = ..., rule: _Optional[_Union[Expression, _Mapping]] = ...) -> None: ...

class Expression(_message.Message):
    __slots__ = ("op", "parts")
    OP_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    op: str
    parts: _containers.RepeatedCompositeFieldContainer[Expression]
    def __init__(self, op: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[Expression, _Mapping]]] = ...) -> None: ...

class Keys(_message.Message):
    __slots__ = ("int32_keys", "int64_keys", "uint64_keys", "sint64_keys", "fixed32_keys", "sfixed64_keys", "bool_keys", "enum_keys", "bytes_keys", "many_keys", "int32_map", "int64_map", "uint32_map", "uint64_map", "sint64_map", "fixed32_map", "fixed64_map", "sfixed32_map", "sfixed64_map", "bool_map")
    class Int32MapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Site
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    class Int64MapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Site
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    class Uint32MapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Site
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    class Uint64MapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Site
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    class Sint64MapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Site
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    class Fixed32MapEntry(_message.Message):
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
    class Sfixed32MapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Site
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    class Sfixed64MapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Site
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    class BoolMapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: bool
        value: Site
        def __init__(self, key: _Optional[bool] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    INT32_KEYS_FIELD_NUMBER: _ClassVar[int]
    INT64_KEYS_FIELD_NUMBER: _ClassVar[int]
    UINT64_KEYS_FIELD_NUMBER: _ClassVar[int]
    SINT64_KEYS_FIELD_NUMBER: _ClassVar[int]
    FIXED32_KEYS_FIELD_NUMBER: _ClassVar[int]
    SFIXED64_KEYS_FIELD_NUMBER: _ClassVar[int]
    BOOL_KEYS_FIELD_NUMBER: _ClassVar[int]
    ENUM_KEYS_FIELD_NUMBER: _ClassVar[int]
    BYTES_KEYS_FIELD_NUMBER: _ClassVar[int]
    MANY_KEYS_FIELD_NUMBER: _ClassVar[int]
    INT32_MAP_FIELD_NUMBER: _ClassVar[int]
    INT64_MAP_FIELD_NUMBER: _ClassVar[int]
    UINT32_MAP_FIELD_NUMBER: _ClassVar[int]
    UINT64_MAP_FIELD_NUMBER: _ClassVar[int]
    SINT64_MAP_FIELD_NUMBER: _ClassVar[int]
    FIXED32_MAP_FIELD_NUMBER: _ClassVar[int]
    FIXED64_MAP_FIELD_NUMBER: _ClassVar[int]
    SFIXED32_MAP_FIELD_NUMBER: _ClassVar[int]
    SFIXED64_MAP_FIELD_NUMBER: _ClassVar[int]
    BOOL_MAP_FIELD_NUMBER: _ClassVar[int]
    int32_keys: _containers.RepeatedCompositeFieldContainer[Int32Key]
    int64_keys: _containers.RepeatedCompositeFieldContainer[Int64Key]
    uint64_keys: _containers.RepeatedCompositeFieldContainer[Uint64Key]
    sint64_keys: _containers.RepeatedCompositeFieldContainer[Sint64Key]
    fixed32_keys: _containers.RepeatedCompositeFieldContainer[Fixed32Key]
    sfixed64_keys: _containers.RepeatedCompositeFieldContainer[Sfixed64Key]
    bool_keys: _containers.RepeatedCompositeFieldContainer[BoolKey]
    enum_keys: _containers.RepeatedCompositeFieldContainer[EnumKey]
    bytes_keys: _containers.RepeatedCompositeFieldContainer[BytesKey]
    many_keys: _containers.RepeatedCompositeFieldContainer[ManyKey]
    int32_map: _containers.MessageMap[int, Site]
    int64_map: _containers.MessageMap[int, Site]
    uint32_map: _containers.MessageMap[int, Site]
    uint64_map: _containers.MessageMap[int, Site]
    sint64_map: _containers.MessageMap[int, Site]
    fixed32_map: _containers.MessageMap[int, Site]
    fixed64_map: _containers.MessageMap[int, Site]
    sfixed32_map: _containers.MessageMap[int, Site]
    sfixed64_map: _containers.MessageMap[int, Site]
    bool_map: _containers.MessageMap[bool, Site]
    def __init__(self, int32_keys: _Optional[_Iterable[_Union[Int32Key, _Mapping]]] = ..., int64_keys: _Optional[_Iterable[_Union[Int64Key, _Mapping]]] = ..., uint64_keys: _Optional[_Iterable[_Union[Uint64Key, _Mapping]]] = ..., sint64_keys: _Optional[_Iterable[_Union[Sint64Key, _Mapping]]] = ..., fixed32_keys: _Optional[_Iterable[_Union[Fixed32Key, _Mapping]]] = ..., sfixed64_keys: _Optional[_Iterable[_Union[Sfixed64Key, _Mapping]]] = ..., bool_keys: _Optional[_Iterable[_Union[BoolKey, _Mapping]]] = ..., enum_keys: _Optional[_Iterable[_Union[EnumKey, _Mapping]]] = ..., bytes_keys: _Optional[_Iterable[_Union[BytesKey, _Mapping]]] = ..., many_keys: _Optional[_Iterable[_Union[ManyKey, _Mapping]]] = ..., int32_map: _Optional[_Mapping[int, Site]] = ..., int64_map: _Optional[_Mapping[int, Site]] = ..., uint32_map: _Optional[_Mapping[int, Site]] = ..., uint64_map: _Optional[_Mapping[int, Site]] = ..., sint64_map: _Optional[_Mapping[int, Site]] = ..., fixed32_map: _Optional[_Mapping[int, Site]] = ..., fixed64_map: _Optional[_Mapping[int, Site]] = ..., sfixed32_map: _Optional[_Mapping[int, Site]] = ..., sfixed64_map: _Optional[_Mapping[int, Site]] = ..., bool_map: _Optional[_Mapping[bool, Site]] = ...) -> None: ...

class Int32Key(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: int
    def __init__(self, key: _Optional[int] = ...) -> None: ...

class Int64Key(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: int
    def __init__(self, key: _Optional[int] = ...) -> None: ...

class Uint64Key(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: int
    def __init__(self, key: _Optional[int] = ...) -> None: ...

class Sint64Key(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: int
    def __init__(self, key: _Optional[int] = ...) -> None: ...

class Fixed32Key(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: int
    def __init__(self, key: _Optional[int] = ...) -> None: ...

class Sfixed64Key(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: int
    def __init__(self, key: _Optional[int] = ...) -> None: ...

class BoolKey(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: bool
    def __init__(self, key: _Optional[bool] = ...) -> None: ...

class EnumKey(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: Role
    def __init__(self, key: _Optional[_Union[Role, str]] = ...) -> None: ...

class BytesKey(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    def __init__(self, key: _Optional[bytes] = ...) -> None: ...

class ManyKey(_message.Message):
    __slots__ = ("text", "raw", "number", "on", "role")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ON_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    text: str
    raw: bytes
    number: int
    on: bool
    role: Role
    def __init__(self, text: _Optional[str] = ..., raw: _Optional[bytes] = ..., number: _Optional[int] = ..., on: _Optional[bool] = ..., role: _Optional[_Union[Role, str]] = ...) -> None: ...

class Misfit(_message.Message):
    __slots__ = ("id", "devices", "device", "by_name", "labels", "site", "other", "weight", "measures", "holder")
    class ByNameEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Device
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Device, _Mapping]] = ...) -> None: ...
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    BY_NAME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    MEASURES_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    id: str
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    device: Device
    by_name: _containers.MessageMap[str, Device]
    labels: _containers.ScalarMap[str, str]
    site: Site
    other: str
    weight: float
    measures: _containers.RepeatedCompositeFieldContainer[Measure]
    holder: Holder
    def __init__(self, id: _Optional[str] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., device: _Optional[_Union[Device, _Mapping]] = ..., by_name: _Optional[_Mapping[str, Device]] = ..., labels: _Optional[_Mapping[str, str]] = ..., site: _Optional[_Union[Site, _Mapping]] = ..., other: _Optional[str] = ..., weight: _Optional[float] = ..., measures: _Optional[_Iterable[_Union[Measure, _Mapping]]] = ..., holder: _Optional[_Union[Holder, _Mapping]] = ...) -> None: ...

class Measure(_message.Message):
    __slots__ = ("value", "tags", "site", "name")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    value: float
    tags: _containers.RepeatedScalarFieldContainer[str]
    site: Site
    name: str
    def __init__(self, value: _Optional[float] = ..., tags: _Optional[_Iterable[str]] = ..., site: _Optional[_Union[Site, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class Holder(_message.Message):
    __slots__ = ("device", "devices")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    device: Device
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    def __init__(self, device: _Optional[_Union[Device, _Mapping]] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ...) -> None: ...
