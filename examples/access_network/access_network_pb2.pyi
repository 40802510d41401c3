from treering.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AdminState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADMIN_STATE_UNSPECIFIED: _ClassVar[AdminState]
    ENABLED: _ClassVar[AdminState]
    DISABLED: _ClassVar[AdminState]

class OperState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPER_STATE_UNSPECIFIED: _ClassVar[OperState]
    UP: _ClassVar[OperState]
    DOWN: _ClassVar[OperState]

class Technology(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TECHNOLOGY_UNSPECIFIED: _ClassVar[Technology]
    GPON: _ClassVar[Technology]
    XGS_PON: _ClassVar[Technology]
ADMIN_STATE_UNSPECIFIED: AdminState
ENABLED: AdminState
DISABLED: AdminState
OPER_STATE_UNSPECIFIED: OperState
UP: OperState
DOWN: OperState
TECHNOLOGY_UNSPECIFIED: Technology
GPON: Technology
XGS_PON: Technology

class Network(_message.Message):
    __slots__ = ("name", "ntp_servers", "olts", "profiles", "sites", "maintenance")
    class SitesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Site
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Site, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    NTP_SERVERS_FIELD_NUMBER: _ClassVar[int]
    OLTS_FIELD_NUMBER: _ClassVar[int]
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    SITES_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    ntp_servers: _containers.RepeatedScalarFieldContainer[str]
    olts: _containers.RepeatedCompositeFieldContainer[Olt]
    profiles: _containers.RepeatedCompositeFieldContainer[ServiceProfile]
    sites: _containers.MessageMap[str, Site]
    maintenance: _containers.RepeatedCompositeFieldContainer[MaintenanceWindow]
    def __init__(self, name: _Optional[str] = ..., ntp_servers: _Optional[_Iterable[str]] = ..., olts: _Optional[_Iterable[_Union[Olt, _Mapping]]] = ..., profiles: _Optional[_Iterable[_Union[ServiceProfile, _Mapping]]] = ..., sites: _Optional[_Mapping[str, Site]] = ..., maintenance: _Optional[_Iterable[_Union[MaintenanceWindow, _Mapping]]] = ...) -> None: ...

class Site(_message.Message):
    __slots__ = ("address", "latitude", "longitude")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    address: str
    latitude: float
    longitude: float
    def __init__(self, address: _Optional[str] = ..., latitude: _Optional[float] = ..., longitude: _Optional[float] = ...) -> None: ...

class MaintenanceWindow(_message.Message):
    __slots__ = ("weekday", "start", "end")
    WEEKDAY_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    weekday: str
    start: str
    end: str
    def __init__(self, weekday: _Optional[str] = ..., start: _Optional[str] = ..., end: _Optional[str] = ...) -> None: ...

class ServiceProfile(_message.Message):
    __slots__ = ("name", "downstream_bps", "upstream_bps", "vlan_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DOWNSTREAM_BPS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_BPS_FIELD_NUMBER: _ClassVar[int]
    VLAN_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    downstream_bps: int
    upstream_bps: int
    vlan_id: int
    def __init__(self, name: _Optional[str] = ..., downstream_bps: _Optional[int] = ..., upstream_bps: _Optional[int] = ..., vlan_id: _Optional[int] = ...) -> None: ...

class Olt(_message.Message):
    __slots__ = ("name", "vendor", "model", "firmware", "site", "management_address", "enable_password", "admin_state", "oper_state", "uplink", "pon_ports")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FIRMWARE_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    MANAGEMENT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ENABLE_PASSWORD_FIELD_NUMBER: _ClassVar[int]
    ADMIN_STATE_FIELD_NUMBER: _ClassVar[int]
    OPER_STATE_FIELD_NUMBER: _ClassVar[int]
    UPLINK_FIELD_NUMBER: _ClassVar[int]
    PON_PORTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    vendor: str
    model: str
    firmware: str
    site: str
    management_address: str
    enable_password: str
    admin_state: AdminState
    oper_state: OperState
    uplink: Uplink
    pon_ports: _containers.RepeatedCompositeFieldContainer[PonPort]
    def __init__(self, name: _Optional[str] = ..., vendor: _Optional[str] = ..., model: _Optional[str] = ..., firmware: _Optional[str] = ..., site: _Optional[str] = ..., management_address: _Optional[str] = ..., enable_password: _Optional[str] = ..., admin_state: _Optional[_Union[AdminState, str]] = ..., oper_state: _Optional[_Union[OperState, str]] = ..., uplink: _Optional[_Union[Uplink, _Mapping]] = ..., pon_ports: _Optional[_Iterable[_Union[PonPort, _Mapping]]] = ...) -> None: ...

class Uplink(_message.Message):
    __slots__ = ("interfaces", "speed_bps", "lacp")
    INTERFACES_FIELD_NUMBER: _ClassVar[int]
    SPEED_BPS_FIELD_NUMBER: _ClassVar[int]
    LACP_FIELD_NUMBER: _ClassVar[int]
    interfaces: _containers.RepeatedScalarFieldContainer[str]
    speed_bps: int
    lacp: bool
    def __init__(self, interfaces: _Optional[_Iterable[str]] = ..., speed_bps: _Optional[int] = ..., lacp: _Optional[bool] = ...) -> None: ...

class PonPort(_message.Message):
    __slots__ = ("number", "technology", "admin_state", "oper_state", "onus")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TECHNOLOGY_FIELD_NUMBER: _ClassVar[int]
    ADMIN_STATE_FIELD_NUMBER: _ClassVar[int]
    OPER_STATE_FIELD_NUMBER: _ClassVar[int]
    ONUS_FIELD_NUMBER: _ClassVar[int]
    number: int
    technology: Technology
    admin_state: AdminState
    oper_state: OperState
    onus: _containers.RepeatedCompositeFieldContainer[Onu]
    def __init__(self, number: _Optional[int] = ..., technology: _Optional[_Union[Technology, str]] = ..., admin_state: _Optional[_Union[AdminState, str]] = ..., oper_state: _Optional[_Union[OperState, str]] = ..., onus: _Optional[_Iterable[_Union[Onu, _Mapping]]] = ...) -> None: ...

class Onu(_message.Message):
    __slots__ = ("serial", "onu_id", "subscriber", "profile", "admin_state", "oper_state", "levels", "customer_vlans")
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    ONU_ID_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    ADMIN_STATE_FIELD_NUMBER: _ClassVar[int]
    OPER_STATE_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_VLANS_FIELD_NUMBER: _ClassVar[int]
    serial: str
    onu_id: int
    subscriber: str
    profile: str
    admin_state: AdminState
    oper_state: OperState
    levels: OpticalLevels
    customer_vlans: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, serial: _Optional[str] = ..., onu_id: _Optional[int] = ..., subscriber: _Optional[str] = ..., profile: _Optional[str] = ..., admin_state: _Optional[_Union[AdminState, str]] = ..., oper_state: _Optional[_Union[OperState, str]] = ..., levels: _Optional[_Union[OpticalLevels, _Mapping]] = ..., customer_vlans: _Optional[_Iterable[int]] = ...) -> None: ...

class OpticalLevels(_message.Message):
    __slots__ = ("received_dbm", "transmitted_dbm")
    RECEIVED_DBM_FIELD_NUMBER: _ClassVar[int]
    TRANSMITTED_DBM_FIELD_NUMBER: _ClassVar[int]
    received_dbm: float
    transmitted_dbm: float
    def __init__(self, received_dbm: _Optional[float] = ..., transmitted_dbm: _Optional[float] = ...) -> None: ...
