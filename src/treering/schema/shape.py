"""The shape of a node type: which of its fields are children, and how a message comes apart and together along them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain, repeat
from operator import methodcaller
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, EncodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from treering.errors import TooDeep, TooLarge, WrongType
from treering.schema import wire
from treering.schema.depth import MAX_DEPTH, message_depth, static_depth
from treering.schema.descriptor import is_map
from treering.schema.key import KeyCodec, KeyValue
from treering.schema.readonly import find_change, project

__all__ = ["MAX_DEPTH", "ChildField", "Kind", "Shape"]

_FEW_CHILDREN = 3  # to ask for each is cheaper than to list what is set
_DETERMINISTICALLY = methodcaller("SerializePartialToString", deterministic=True)
_MAX_MESSAGE_BYTES = (1 << 31) - 1  # protobuf's own limit


class Kind(enum.Enum):
    """What a child field holds."""

    SINGULAR = "singular"  # at most one child
    KEYED = "keyed"  # children told apart by fields of their own, in their order
    LIST = "list"  # children that only their position tells apart
    MAP = "map"  # children told apart by the map's key


class ChildField:
    """A field whose messages are nodes of their own.

    ``levels``: how many levels a child stands below its parent as protobuf's parser counts: 1; in a map 2.
    ``wire_tag`` and ``wire_end``: what stands on the wire before one child, or one entry of a map, and after it. A
    length follows the tag and nothing stands at the end, unless the field is ``delimited`` (a group, in editions
    ``DELIMITED``).
    ``codec``: of the keys, of KEYED and MAP. ``is_text``: whether a key is one string. ``key_names``: the child's key
    fields, of KEYED; ``key_of`` takes a key value from them. ``key_fields``: their descriptors, or that of a map's key.
    """

    __slots__ = (
        "_key_wire",
        "codec",
        "delimited",
        "descriptor",
        "frame",
        "full_name",
        "is_text",
        "key_fields",
        "key_names",
        "key_of",
        "kind",
        "levels",
        "name",
        "number",
        "required",
        "shape",
        "wire_end",
        "wire_tag",
    )

    frame: Callable[[bytes], bytes]
    """Put one child's content on the wire: tag, length, content. Of a map: the value's field within its entry."""

    def __init__(self, descriptor: FieldDescriptor, kind: Kind, shape: Shape, keys: Sequence[FieldDescriptor]) -> None:
        """Make the field. ``keys``: for KEYED the child's key fields in order, for MAP the entry's key field."""
        self.descriptor = descriptor
        self.name = descriptor.name
        self.full_name = descriptor.full_name
        self.number = descriptor.number
        self.kind = kind
        self.shape = shape
        self.required = descriptor.is_required
        self.codec = KeyCodec.of_fields(keys) if keys else None
        self.is_text = self.codec is not None and self.codec.is_text
        self.key_fields = tuple(keys)
        self.key_names = tuple(key.name for key in keys) if kind is Kind.KEYED else ()
        self.key_of = self.codec.of_message if self.codec is not None and kind is Kind.KEYED else None
        self.levels = 2 if kind is Kind.MAP else 1
        self.wire_tag, self.wire_end = wire.message_tags(descriptor)
        self.delimited = bool(self.wire_end)
        self._key_wire: Callable[[Any], bytes] | None = None
        if kind is Kind.MAP:
            self._key_wire = wire.map_key(keys[0])
            self.frame = wire.map_value_frame()
        else:
            self.frame = wire.message_frame(descriptor)

    def __repr__(self) -> str:
        return f"<ChildField {self.full_name} {self.kind.value}>"

    def is_set(self, message: Message) -> bool:
        """Tell whether the message has at least one child here."""
        if self.kind is Kind.SINGULAR:
            return message.HasField(self.name)
        return len(getattr(message, self.name)) > 0

    def values(self, message: Message) -> Sequence[Message]:
        """Return the children in their order, a map's by key; the messages are not copied."""
        if self.kind is Kind.MAP:
            return [child for _, child in sorted(getattr(message, self.name).items(), key=_first)]
        if self.kind is Kind.SINGULAR:
            return (getattr(message, self.name),) if message.HasField(self.name) else ()
        return getattr(message, self.name)  # type: ignore[no-any-return]

    def items(self, message: Message) -> Sequence[tuple[KeyValue | None, Message]]:
        """Return (key, child) in the order of ``values``; the key is None for SINGULAR and LIST."""
        if self.kind is Kind.MAP:
            return sorted(getattr(message, self.name).items(), key=_first)
        if self.kind is Kind.KEYED:
            assert self.codec is not None
            of_message = self.codec.of_message
            return [(of_message(child), child) for child in getattr(message, self.name)]
        return [(None, child) for child in self.values(message)]

    def map_key_wire(self, key: KeyValue) -> bytes:
        """Put a map's key on the wire: the key's field within its entry."""
        assert self._key_wire is not None
        return self._key_wire(key)

    def frames(self, contents: Sequence[bytes]) -> Iterable[bytes]:
        """Put many children on the wire, as ``frame`` does each, in pieces to be joined. Not of a map."""
        if self.wire_end:
            return chain.from_iterable(zip(repeat(self.wire_tag), contents, repeat(self.wire_end)))
        sizes = list(map(len, contents))
        starts = {size: self.wire_tag + wire.varint(size) for size in set(sizes)}  # often few: half of the time
        return chain.from_iterable(zip(map(starts.__getitem__, sizes), contents, strict=True))

    def frame_entry(self, key: KeyValue, content: bytes) -> bytes:
        """Put an entry of a map on the wire: tag, length, key, and the child's content as value."""
        entry = self.map_key_wire(key) + self.frame(content)
        return self.wire_tag + wire.varint(len(entry)) + entry


class Shape:
    """A message type that makes nodes: its children, and its own fields, which are all the others.

    One per type and Schema; a recursive type's shape leads back to itself.
    ``children`` (by name) and ``by_number`` are in the order of field numbers, ``own_fields`` and ``required`` too.
    ``required`` names the proto2 required fields, children included; ``has_required`` says that there may be some in
    the own part, plain messages in it included. ``read_only`` names own fields, ``sensitive`` own and child fields.
    ``is_plain``: no children, and nothing required. ``own_depth``: how many levels a message without its children has
    at most (1: flat), None where only a look at the message tells (`message_depth`). ``deepest_level``: up to which
    level of a tree no message without its children nests too deep; 0 where only that look tells.
    """

    __slots__ = (
        "_number_set",
        "_read_only",
        "_serialise",
        "addresses",
        "by_number",
        "children",
        "deepest_level",
        "descriptor",
        "families",
        "has_required",
        "is_plain",
        "message_class",
        "name",
        "own_depth",
        "own_fields",
        "parse",
        "read_only",
        "required",
        "sensitive",
    )

    parse: Callable[[bytes], Message]
    """Parse wire bytes; raises protobuf's DecodeError. Required fields may be missing."""

    def __init__(self, descriptor: Descriptor) -> None:
        """Make a shape without children; `link` completes it."""
        self.descriptor = descriptor
        self.name: str = descriptor.full_name
        self.message_class: type[Message] = message_factory.GetMessageClass(descriptor)
        self.parse = self.message_class.FromString
        # By text, what paths from here lead to, and what the children of containers share; here to go with the schema.
        self.addresses: dict[str, Any] = {}
        self.families: dict[str, Any] = {}
        self.children: dict[str, ChildField] = {}
        self.link([], frozenset(), frozenset())

    def link(self, children: Iterable[ChildField], read_only: Collection[str], sensitive: Collection[str]) -> None:
        """Set the children and the full names of all marked fields of the schema."""
        self.children = {field.name: field for field in sorted(children, key=_number)}
        self.by_number: dict[int, ChildField] = {field.number: field for field in self.children.values()}
        self._number_set = frozenset(self.by_number)
        fields = sorted(self.descriptor.fields, key=_number)
        own = [field for field in fields if field.number not in self._number_set]
        self.own_fields = tuple(field.name for field in own)
        self.required = tuple(field.name for field in fields if field.is_required)
        self.read_only = frozenset(field.name for field in own if field.full_name in read_only)
        self.sensitive = frozenset(field.name for field in fields if field.full_name in sensitive)
        self._read_only = project(self.descriptor, lambda field: field.full_name in read_only, self._number_set)
        self.own_depth = static_depth(self.descriptor, self._number_set)
        # Without a map the bytes are the same either way, and to say so with a keyword costs as much as they do: 0.4 of
        # 0.7 µs for 145 bytes.
        self._serialise: Callable[[Message], bytes] = (
            self.message_class.SerializePartialToString if self.own_depth == 1 else _DETERMINISTICALLY
        )
        self.has_required = bool(self.required) or _may_require(self.descriptor, self._number_set)
        self.is_plain = not self.children and not self.has_required
        self.deepest_level = MAX_DEPTH + 1 - self.own_depth if self.own_depth else 0

    def __repr__(self) -> str:
        return f"<Shape {self.name}>"

    def set_children(self, message: Message) -> list[ChildField]:
        """Return the child fields that have at least one child in the message."""
        if len(self.children) <= _FEW_CHILDREN:
            return [field for field in self.children.values() if field.is_set(message)]
        by_number = self.by_number
        return [by_number[field.number] for field, _ in message.ListFields() if field.number in by_number]

    def own_bytes(self, message: Message) -> bytes:
        """Serialise a message of ``message_class`` without its children, deterministically; it is not touched.

        Unknown fields are kept, required ones may be missing. Raises TooLarge beyond 2 GiB. Costs what the own part
        does, however many children there are, unless the message has unknown fields: then all of it is copied once.
        """
        own = self._without_children(message) if self.children and self.set_children(message) else message
        try:
            return self._serialise(own)
        except EncodeError as error:
            raise _too_large() from error

    def all_bytes(self, messages: Iterable[Message]) -> list[bytes]:
        """Serialise messages that have no children, as ``own_bytes`` does each."""
        try:
            return list(map(self._serialise, messages))
        except EncodeError as error:
            raise _too_large() from error

    def coerce(self, message: object) -> Message:
        """Return the message as one of ``message_class``: itself if it is one, else through bytes.

        A message of another pool with the same full name is accepted. Raises WrongType for anything else, TooDeep for
        one that nests deeper than protobuf parses, TooLarge beyond 2 GiB.
        """
        if type(message) is self.message_class:
            return message
        if not isinstance(message, Message):
            raise WrongType("this is not a message", expected=self.name, given=type(message).__name__)
        name = message.DESCRIPTOR.full_name
        if name != self.name:
            raise WrongType("the message is of another type", expected=self.name, given=name)
        try:
            return self.parse(message.SerializePartialToString(deterministic=True))
        except EncodeError as error:
            raise _too_large() from error
        except DecodeError as error:
            depth = message_depth(message)
            if depth > MAX_DEPTH:
                problem = "the message nests deeper than protobuf can parse"
                raise TooDeep(problem, depth=depth, limit=MAX_DEPTH) from error
            raise WrongType(
                "the message is of a type with the same name and other fields", expected=self.name, given=name
            ) from error

    def message_depth(self, message: Message) -> int:
        """Return how many levels the own part of a message has; see `treering.schema.depth`. Any depth is taken."""
        return message_depth(message, self._number_set)

    def missing_required(self, message: Message, present: Iterable[str] = ()) -> list[str]:
        """Return the dotted names of required fields (proto2) that are not set in the own part of a message.

        A required child field counts as set if ``present`` names it; children in the message are not looked at.
        """
        if not self.has_required:
            return []
        own = self._without_children(message) if self.children and self.set_children(message) else message
        if own.IsInitialized():
            return []
        given = set(present).intersection(self.children)
        errors: list[str] = own.FindInitializationErrors()  # type: ignore[attr-defined]  # the stubs do not have it
        return [name for name in errors if name not in given]

    def read_only_change(self, old: Message, new: Message, fields: Collection[str] | None = None) -> str | None:
        """Return the dotted name of the first READ_ONLY field that differs in the own parts, None if there is none.

        Plain messages are looked into: elements of a repeated one by position, of a map by key, an absent one as if it
        were there with nothing set. ``fields`` limits the look to these own fields.
        """
        return find_change(self._read_only, old, new, fields) if self._read_only else None

    def _without_children(self, message: Message) -> Message:
        own = self.message_class()
        if len(UnknownFieldSet(message)):  # these can only be copied with all the rest
            own.CopyFrom(message)
            for name in self.children:
                own.ClearField(name)
            return own
        numbers = self._number_set
        extensions: Any = own.Extensions if self.descriptor.is_extendable else None
        for field, value in message.ListFields():
            if field.number in numbers:
                continue
            if field.is_repeated or field.message_type is not None:
                _copy(value, extensions[field] if field.is_extension else getattr(own, field.name), field)
            elif field.is_extension:
                extensions[field] = value
            else:
                setattr(own, field.name, value)
        return own


def _copy(value: Any, target: Any, field: FieldDescriptor) -> None:
    """Copy a message or a repeated field. upb's MergeFrom of messages goes through bytes, CopyFrom does not."""
    if not field.is_repeated:
        target.CopyFrom(value)
        target.SetInParent()  # an empty message is set as well
    elif field.message_type is None or is_map(field):
        target.MergeFrom(value)
    else:
        for one in value:
            target.add().CopyFrom(one)


def _too_large() -> TooLarge:
    return TooLarge("the message is larger than protobuf can serialise", limit_bytes=_MAX_MESSAGE_BYTES)


def _may_require(descriptor: Descriptor, skip: Collection[int]) -> bool:
    """Tell whether a message can lack a required field somewhere inside; extensions may bring any."""
    seen = {descriptor.full_name}
    pending = [descriptor]
    while pending:
        current = pending.pop()
        if current.is_extendable:
            return True
        for field in current.fields:
            if current is descriptor and field.number in skip:
                continue
            if field.is_required:
                return True
            if field.message_type is not None and field.message_type.full_name not in seen:
                seen.add(field.message_type.full_name)
                pending.append(field.message_type)
    return False


def _number(field: FieldDescriptor | ChildField) -> int:
    return field.number


def _first(item: tuple[Any, Message]) -> Any:
    return item[0]
