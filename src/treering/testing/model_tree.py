"""The values that the model is made of: trees of dicts and lists, and how a deep message becomes one and back."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from treering.errors import AlreadyExists, InvalidPath

Kind = Literal["singular", "keyed", "list", "map"]
Steps = tuple[Any, ...]  # field names and keys, as a Path yields them or a caller writes them
Descriptor = Any  # protobuf's: its stubs have several classes for it that do not fit each other
ALL_LEVELS = 1 << 30

_INT32 = range(-(1 << 31), 1 << 31)
_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: _INT32,
    FieldDescriptor.CPPTYPE_ENUM: _INT32,
    FieldDescriptor.CPPTYPE_INT64: range(-(1 << 63), 1 << 63),
    FieldDescriptor.CPPTYPE_UINT32: range(1 << 32),
    FieldDescriptor.CPPTYPE_UINT64: range(1 << 64),
}


@dataclass(frozen=True)
class ModelNode:
    """One message without its children, and the children by field name.

    A singular child is a node, keyed children and a map are a dict by key in the order they were added, a plain list is
    a list. A field without children is not there.
    """

    own: Message
    slots: Mapping[str, ModelNode | Mapping[Any, ModelNode] | Sequence[ModelNode]] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelField:
    """A child field: its kind, the descriptors of what its keys are made of, and the type of its messages."""

    name: str
    kind: Kind
    keys: tuple[Descriptor, ...]
    type: Descriptor

    def key_of(self, message: Message) -> Any:
        """Return the key of a keyed child. ``InvalidPath`` where it is empty."""
        values = tuple(getattr(message, key.name) for key in self.keys)
        if any(value in ("", b"") for value in values):
            raise InvalidPath("a key is empty")
        return values[0] if len(values) == 1 else values

    def key_from(self, step: Any) -> Any:
        """Return the key that a step of a path means. ``InvalidPath`` where it can be none."""
        parts = step if isinstance(step, tuple) else (step,)
        if len(parts) != len(self.keys):
            raise InvalidPath("another number of components")
        values = tuple(_scalar(key, part) for key, part in zip(self.keys, parts, strict=True))
        return values[0] if len(values) == 1 else values


class ModelSchema:
    """Which fields are children. ``children``: by full field name, as ``Schema`` takes them."""

    def __init__(self, children: Mapping[str, str | None]) -> None:
        self._children = children

    def fields(self, kind: Descriptor) -> dict[str, ModelField]:
        """Return the child fields of a type."""
        return {
            found.name: self._field(found, self._children[found.full_name] or "")
            for found in kind.fields
            if found.full_name in self._children
        }

    def split(self, message: Message) -> ModelNode:
        """Take a deep message apart. ``AlreadyExists`` for a repeated key, ``InvalidPath`` for an empty one."""
        own = type(message)()
        own.CopyFrom(message)
        slots: dict[str, Any] = {}
        for name, child in self.fields(message.DESCRIPTOR).items():
            own.ClearField(name)
            slot = self._split_field(child, message)
            if slot:
                slots[name] = slot
        return ModelNode(own, slots)

    def join(self, node: ModelNode, depth: int = ALL_LEVELS) -> Message:
        """Return the message of a node with ``depth`` levels of children, those of a container in their order."""
        message = type(node.own)()
        message.CopyFrom(node.own)
        for name, slot in node.slots.items() if depth > 0 else ():
            if isinstance(slot, ModelNode):
                getattr(message, name).CopyFrom(self.join(slot, depth - 1))
                getattr(message, name).SetInParent()
            elif self.fields(node.own.DESCRIPTOR)[name].kind == "map":
                for key, child in slot.items():  # type: ignore[union-attr]
                    getattr(message, name)[key].CopyFrom(self.join(child, depth - 1))
            else:
                getattr(message, name).extend(self.join(child, depth - 1) for child in children_of(slot))
        return message

    def identity(self, node: ModelNode, *, ordered: bool) -> Hashable:
        """Return what is equal for equal trees; ``ordered`` tells apart those that differ in sibling order only."""
        fields = self.fields(node.own.DESCRIPTOR)
        slots = {name: self._slot_identity(fields[name], slot, ordered=ordered) for name, slot in node.slots.items()}
        return node.own.SerializePartialToString(deterministic=True), frozenset(slots.items())

    def _field(self, found: Descriptor, keys: str) -> ModelField:
        kind = found.message_type
        if kind.GetOptions().map_entry:
            key, value = kind.fields_by_name["key"], kind.fields_by_name["value"]
            return ModelField(found.name, "map", (key,), value.message_type)
        names = tuple(kind.fields_by_name[name] for name in keys.split())
        repeated: Kind = "keyed" if names else "list"
        return ModelField(found.name, repeated if found.is_repeated else "singular", names, kind)

    def _split_field(self, child: ModelField, message: Message) -> Any:
        value = getattr(message, child.name)
        if child.kind == "singular":
            return self.split(value) if message.HasField(child.name) else None
        if child.kind == "list":
            return [self.split(item) for item in value]
        if child.kind == "map":
            return {child.key_from(key): self.split(item) for key, item in value.items()}
        children = {child.key_of(item): self.split(item) for item in value}
        if len(children) != len(value):
            raise AlreadyExists("a key twice")
        return children

    def _slot_identity(self, child: ModelField, slot: Any, *, ordered: bool) -> Hashable:
        if child.kind == "singular":
            return self.identity(slot, ordered=ordered)
        if child.kind == "list":
            return tuple(self.identity(item, ordered=ordered) for item in slot)
        items = [(key, self.identity(item, ordered=ordered)) for key, item in slot.items()]
        return tuple(items) if ordered and child.kind == "keyed" else frozenset(items)


def children_of(slot: Any) -> Sequence[ModelNode]:
    """Return the nodes of a container in their order."""
    return list(slot.values()) if isinstance(slot, Mapping) else slot


def _scalar(key: Descriptor, step: Any) -> Any:
    try:
        if key.enum_type is not None and step in key.enum_type.values_by_name:
            return key.enum_type.values_by_name[step].number
        if key.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return {"true": True, "false": False, True: True, False: False}[step]
        if key.cpp_type in _RANGES:
            number = int(step)
            if number not in _RANGES[key.cpp_type]:
                raise InvalidPath("out of range")
            return number
    except (KeyError, ValueError) as error:
        raise InvalidPath("not a key of this type") from error
    if step in ("", b""):
        raise InvalidPath("a key is empty")
    return step.encode() if key.type == FieldDescriptor.TYPE_BYTES and isinstance(step, str) else step
