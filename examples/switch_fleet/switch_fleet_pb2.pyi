from treering.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Platform(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PLT_UNKNOWN: _ClassVar[Platform]
    PLT_GENERIC_TRIDENT2: _ClassVar[Platform]
    PLT_GENERIC_TOMAHAWK: _ClassVar[Platform]
    PLT_GENERIC_TOMAHAWK_PLUS: _ClassVar[Platform]
    PLT_BAREFOOT_TOFINO: _ClassVar[Platform]
    PLT_GENERIC_BAREFOOT_TOFINO: _ClassVar[Platform]

class AdminState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADMIN_STATE_UNKNOWN: _ClassVar[AdminState]
    ADMIN_STATE_ENABLED: _ClassVar[AdminState]
    ADMIN_STATE_DISABLED: _ClassVar[AdminState]

class TriState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRI_STATE_UNKNOWN: _ClassVar[TriState]
    TRI_STATE_TRUE: _ClassVar[TriState]
    TRI_STATE_FALSE: _ClassVar[TriState]
PLT_UNKNOWN: Platform
PLT_GENERIC_TRIDENT2: Platform
PLT_GENERIC_TOMAHAWK: Platform
PLT_GENERIC_TOMAHAWK_PLUS: Platform
PLT_BAREFOOT_TOFINO: Platform
PLT_GENERIC_BAREFOOT_TOFINO: Platform
ADMIN_STATE_UNKNOWN: AdminState
ADMIN_STATE_ENABLED: AdminState
ADMIN_STATE_DISABLED: AdminState
TRI_STATE_UNKNOWN: TriState
TRI_STATE_TRUE: TriState
TRI_STATE_FALSE: TriState

class Fleet(_message.Message):
    __slots__ = ("devices",)
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    def __init__(self, devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("file", "description", "chassis", "nodes", "singleton_ports")
    FILE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CHASSIS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    SINGLETON_PORTS_FIELD_NUMBER: _ClassVar[int]
    file: str
    description: str
    chassis: Chassis
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    singleton_ports: _containers.RepeatedCompositeFieldContainer[SingletonPort]
    def __init__(self, file: _Optional[str] = ..., description: _Optional[str] = ..., chassis: _Optional[_Union[Chassis, _Mapping]] = ..., nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., singleton_ports: _Optional[_Iterable[_Union[SingletonPort, _Mapping]]] = ...) -> None: ...

class Chassis(_message.Message):
    __slots__ = ("platform", "name")
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    platform: Platform
    name: str
    def __init__(self, platform: _Optional[_Union[Platform, str]] = ..., name: _Optional[str] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("id", "name", "slot", "index", "config_params")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    CONFIG_PARAMS_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    slot: int
    index: int
    config_params: NodeParams
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., slot: _Optional[int] = ..., index: _Optional[int] = ..., config_params: _Optional[_Union[NodeParams, _Mapping]] = ...) -> None: ...

class NodeParams(_message.Message):
    __slots__ = ("vlan_configs",)
    VLAN_CONFIGS_FIELD_NUMBER: _ClassVar[int]
    vlan_configs: _containers.RepeatedCompositeFieldContainer[VlanConfig]
    def __init__(self, vlan_configs: _Optional[_Iterable[_Union[VlanConfig, _Mapping]]] = ...) -> None: ...

class VlanConfig(_message.Message):
    __slots__ = ("vlan_id", "block_broadcast", "block_known_multicast", "block_unknown_multicast", "block_unknown_unicast", "disable_l2_learning")
    VLAN_ID_FIELD_NUMBER: _ClassVar[int]
    BLOCK_BROADCAST_FIELD_NUMBER: _ClassVar[int]
    BLOCK_KNOWN_MULTICAST_FIELD_NUMBER: _ClassVar[int]
    BLOCK_UNKNOWN_MULTICAST_FIELD_NUMBER: _ClassVar[int]
    BLOCK_UNKNOWN_UNICAST_FIELD_NUMBER: _ClassVar[int]
    DISABLE_L2_LEARNING_FIELD_NUMBER: _ClassVar[int]
    vlan_id: int
    block_broadcast: bool
    block_known_multicast: bool
    block_unknown_multicast: bool
    block_unknown_unicast: bool
    disable_l2_learning: bool
    def __init__(self, vlan_id: _Optional[int] = ..., block_broadcast: _Optional[bool] = ..., block_known_multicast: _Optional[bool] = ..., block_unknown_multicast: _Optional[bool] = ..., block_unknown_unicast: _Optional[bool] = ..., disable_l2_learning: _Optional[bool] = ...) -> None: ...

class SingletonPort(_message.Message):
    __slots__ = ("id", "name", "slot", "port", "channel", "speed_bps", "node", "config_params")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SPEED_BPS_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    CONFIG_PARAMS_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    slot: int
    port: int
    channel: int
    speed_bps: int
    node: int
    config_params: PortParams
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., slot: _Optional[int] = ..., port: _Optional[int] = ..., channel: _Optional[int] = ..., speed_bps: _Optional[int] = ..., node: _Optional[int] = ..., config_params: _Optional[_Union[PortParams, _Mapping]] = ...) -> None: ...

class PortParams(_message.Message):
    __slots__ = ("admin_state", "autoneg")
    ADMIN_STATE_FIELD_NUMBER: _ClassVar[int]
    AUTONEG_FIELD_NUMBER: _ClassVar[int]
    admin_state: AdminState
    autoneg: TriState
    def __init__(self, admin_state: _Optional[_Union[AdminState, str]] = ..., autoneg: _Optional[_Union[TriState, str]] = ...) -> None: ...
