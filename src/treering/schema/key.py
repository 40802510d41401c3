"""Keys of children: from messages, paths and callers to the bytes that a container is sorted by, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from treering.errors import InvalidPath, WrongType
from treering.path import NamedKey, decode_component, decode_step, encode_component
from treering.schema.encoding import (
    MAX_KEY_BYTES,
    check_size,
    decode_int,
    decode_raw,
    decode_text,
    encode_int,
    encode_plain_texts,
    encode_raw,
    encode_text,
    int_end,
    raw_end,
)

_first, _second = itemgetter(0), itemgetter(1)

__all__ = ["MAX_KEY_BYTES", "KeyCodec", "KeyValue", "Scalar", "can_be_key"]

Scalar = int | str | bytes  # a bool is an int; an enum is its number
KeyValue = Scalar | tuple[Scalar, ...]

_LENGTH_DELIMITED: Final = 2  # the wire type of a text
_TWO_BYTES: Final = 0x80  # from here on a tag or a length takes two bytes or more
_DECIMAL: Final = re.compile(r"0|-?[1-9][0-9]{0,19}").fullmatch
_INT32: Final = (-(1 << 31), (1 << 31) - 1)
_RANGES: Final = {
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.TYPE_FIXED32: (0, (1 << 32) - 1),
    FieldDescriptor.TYPE_INT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.TYPE_SINT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.TYPE_SFIXED64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.TYPE_UINT64: (0, (1 << 64) - 1),
    FieldDescriptor.TYPE_FIXED64: (0, (1 << 64) - 1),
}
_OTHER_KEY_TYPES: Final = frozenset(
    {FieldDescriptor.TYPE_BOOL, FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}
)


@dataclass(frozen=True, slots=True)
class Component:
    """One field of a key. ``parse`` and ``show`` are for canonical text, ``check`` for what a caller gives."""

    name: str
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]  # of the whole encoding
    end: Callable[[bytes, int], int]
    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    check: Callable[[object], Any]


def can_be_key(field: FieldDescriptor) -> bool:
    """Tell whether a field can key children: one string, bytes, integer, bool or enum."""
    return not field.is_repeated and (field.type in _RANGES or field.type in _OTHER_KEY_TYPES)


class KeyCodec:
    """Everything about the keys of one container, made once from the key fields in their order.

    Key values are protobuf's own Python values: int, str, bytes, bool, an enum's number; a tuple of them where the key
    has several fields. The callables are attributes, not methods, because they stand in every hot loop:

    - ``encode(value)``: order-preserving, prefix-free bytes. Raises InvalidPath for an empty string, TooLarge.
    - ``decode(key)``: the value again.
    - ``of_message(message)``: the key of a message; a field that is not set counts with its default.
    - ``encode_message(message)``: both in one, with the errors of ``encode``.
    """

    __slots__ = ("_components", "_wire_tag", "decode", "encode", "encode_message", "is_text", "names", "of_message")

    names: tuple[str, ...]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    of_message: Callable[[Message], Any]
    encode_message: Callable[[Message], bytes]

    def __init__(self, components: Sequence[Component], wire_tag: int = 0) -> None:
        """Make the codec. ``wire_tag``: what stands on the wire before a single key, where that is one byte."""
        self._components = tuple(components)
        self.names = tuple(component.name for component in components)
        self.of_message = attrgetter(*self.names)  # one value for one name, a tuple for several
        if len(components) == 1:
            self.encode, self.decode = components[0].encode, components[0].decode
        else:
            self.encode, self.decode = _composite_encode(components), _composite_decode(components)
        self.encode_message = _chain(self.of_message, self.encode)
        self.is_text = len(components) == 1 and components[0].encode is encode_text
        self._wire_tag = wire_tag if self.is_text else 0

    @classmethod
    def of_fields(cls, fields: Sequence[FieldDescriptor]) -> KeyCodec:
        """Make the codec for these key fields, each of which `can_be_key`."""
        tag = fields[0].number << 3 | _LENGTH_DELIMITED
        return cls([_component(field) for field in fields], tag if tag < _TWO_BYTES else 0)

    def encode_messages(self, messages: Iterable[Message]) -> list[bytes]:
        """Return the keys of many messages. Texts are looked at all together: two fifths of the time."""
        if self.is_text:
            values = list(map(self.of_message, messages))
            if plain := encode_plain_texts(values):
                return plain
            return list(map(self.encode, values))
        return list(map(self.encode_message, messages))

    def find_on_wire(self, messages: Sequence[bytes]) -> list[bytes] | None:
        """Return the keys of messages that were serialised; None where that takes more than a look at their bytes.

        A short ASCII text that stands first on the wire is the key but for the byte at its end: a third of the time of
        asking each message, and of what it answers being encoded again.
        """
        tag = self._wire_tag
        try:
            if not tag or set(map(_first, messages)) != {tag} or max(map(_second, messages)) >= _TWO_BYTES:
                return None
        except IndexError:
            return None
        keys = [message[2 : 2 + message[1]] + b"\0" for message in messages]
        whole = b"".join(keys)
        is_plain = whole.isascii() and whole.count(0) == len(keys) and 1 not in whole and b"\0" not in keys
        return keys if is_plain else None

    def from_text(self, segment: str) -> KeyValue:
        """Read a path's canonical segment. Raises InvalidPath where it cannot be a key of this type.

        Components may be given by name (see `treering.path.NamedKey`), in any order. For a single string or bytes key,
        a comma is just a character.
        """
        if segment.startswith("["):
            return self._from_names(segment)
        if len(self._components) == 1:
            return self._components[0].parse(segment)  # type: ignore[no-any-return]
        parts = segment.split(",")
        if len(parts) != len(self._components):
            raise InvalidPath("the key has another number of components", path=segment, key=self.names)
        return tuple([component.parse(part) for component, part in zip(self._components, parts, strict=True)])

    def to_text(self, value: KeyValue) -> str:
        """Write a key value as a path's canonical segment; enums by name where they have one."""
        if len(self._components) == 1:
            return self._components[0].show(value)
        assert isinstance(value, tuple)
        return ",".join([component.show(part) for component, part in zip(self._components, value, strict=True)])

    def from_value(self, value: object) -> KeyValue:
        """Check a key given by a caller; an enum also by name. Raises WrongType; InvalidPath where out of range."""
        if len(self._components) == 1:
            return self._components[0].check(value)  # type: ignore[no-any-return]
        if not isinstance(value, tuple) or len(value) != len(self._components):
            raise WrongType("the key is a tuple of its components", expected=self.names, given=value)
        return tuple([component.check(part) for component, part in zip(self._components, value, strict=True)])

    def _from_names(self, segment: str) -> KeyValue:
        step = decode_step(segment)
        assert isinstance(step, NamedKey)
        given = {name: encode_component(value) for name, value in step.pairs}
        if given.keys() != set(self.names):
            raise InvalidPath("the key has components of other names", path=segment, key=self.names)
        values = [component.parse(given[component.name]) for component in self._components]
        return values[0] if len(values) == 1 else tuple(values)


def _chain(of_message: Callable[[Message], Any], encode: Callable[[Any], bytes]) -> Callable[[Message], bytes]:
    return lambda message: encode(of_message(message))


def _composite_encode(components: Sequence[Component]) -> Callable[[Any], bytes]:
    encoders = [component.encode for component in components]
    if len(encoders) == 2:
        first, second = encoders
        return lambda value: check_size(first(value[0]) + second(value[1]))

    def encode(value: Sequence[Scalar]) -> bytes:
        return check_size(b"".join([one(part) for one, part in zip(encoders, value, strict=True)]))

    return encode


def _composite_decode(components: Sequence[Component]) -> Callable[[bytes], tuple[Scalar, ...]]:
    decoders = [(component.decode, component.end) for component in components]

    def decode(data: bytes) -> tuple[Scalar, ...]:
        values, start = [], 0
        for decode_one, end_of in decoders:
            end = end_of(data, start)
            values.append(decode_one(data[start:end]))
            start = end
        return tuple(values)

    return decode


def _component(field: FieldDescriptor) -> Component:
    name, kind = field.name, field.type
    if kind in _RANGES:
        return _integer(name, *_RANGES[kind])
    if kind == FieldDescriptor.TYPE_ENUM:
        assert field.enum_type is not None
        return _enumeration(name, field.enum_type)
    if kind == FieldDescriptor.TYPE_BOOL:
        return _boolean(name)
    if kind == FieldDescriptor.TYPE_STRING:
        return _text(name)
    assert kind == FieldDescriptor.TYPE_BYTES
    return _raw(name)


def _integer(name: str, low: int, high: int) -> Component:
    def parse(text: str) -> int:
        if not _DECIMAL(text) or not low <= (value := int(text)) <= high:
            raise InvalidPath("the key is a decimal number in its field's range", path=text, key=name)
        return value

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise WrongType("the key is a number", key=name, expected="int", given=type(value).__name__)
        if not low <= value <= high:
            raise InvalidPath("the key is outside the range of its field", path=str(value), key=name)
        return int(value)

    return Component(name, encode_int, decode_int, int_end, parse, str, check)


def _boolean(name: str) -> Component:
    values = {"true": True, "false": False}

    def parse(text: str) -> bool:
        if text not in values:
            raise InvalidPath("the key is true or false", path=text, key=name)
        return values[text]

    def check(value: object) -> bool:
        if not isinstance(value, bool):
            raise WrongType("the key is true or false", key=name, expected="bool", given=type(value).__name__)
        return value

    return Component(name, encode_int, _decode_bool, int_end, parse, encode_component, check)


def _decode_bool(data: bytes) -> bool:
    return decode_int(data) != 0


def _enumeration(name: str, enum: EnumDescriptor) -> Component:
    numbers: Mapping[str, int] = {value.name: value.number for value in enum.values}
    names: dict[int, str] = {}
    for value in enum.values:
        names.setdefault(value.number, value.name)  # of several names, the first that was declared
    low, high = _INT32

    def known(number: int, text: str) -> int:
        if number not in names if enum.is_closed else not low <= number <= high:
            raise InvalidPath("the key is not a number of its enum", path=text, key=name, enum=enum.full_name)
        return number

    def parse(text: str) -> int:
        if text in numbers:
            return numbers[text]
        if not _DECIMAL(text):
            raise InvalidPath("the key is an enum value, by name or number", path=text, key=name, enum=enum.full_name)
        return known(int(text), text)

    def check(value: object) -> int:
        if isinstance(value, str):
            return parse(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise WrongType("the key is an enum value", key=name, expected=enum.full_name, given=type(value).__name__)
        return known(int(value), str(value))

    def show(value: int) -> str:
        return names.get(value) or str(value)

    return Component(name, encode_int, decode_int, int_end, parse, show, check)


def _text(name: str) -> Component:
    def parse(segment: str) -> str:
        value = decode_component(segment)
        if isinstance(value, bytes):
            raise InvalidPath("the key is a string, and these bytes are not UTF-8", path=segment, key=name)
        return value

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise WrongType("the key is a string", key=name, expected="str", given=type(value).__name__)
        value = str.__str__(value)
        encode_component(value)  # refuses what is not Unicode
        if not value:
            raise InvalidPath("an empty string cannot be a key", path="", key=name)
        return value

    return Component(name, encode_text, decode_text, raw_end, parse, encode_component, check)


def _raw(name: str) -> Component:
    def check(value: object) -> bytes:
        if not isinstance(value, bytes):
            raise WrongType("the key is bytes", key=name, expected="bytes", given=type(value).__name__)
        if not value:
            raise InvalidPath("empty bytes cannot be a key", path="", key=name)
        return value

    return Component(name, encode_raw, decode_raw, raw_end, unquote_to_bytes, encode_component, check)
