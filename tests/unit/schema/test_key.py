from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf.message import Message
from tests.proto.treering_test import legacy_pb2, network_pb2

from treering.errors import InvalidPath, TooLarge, WrongType
from treering.path import Path
from treering.schema.encoding import MAX_KEY_BYTES
from treering.schema.key import KeyCodec, can_be_key

INT32 = (-(1 << 31), (1 << 31) - 1)
INT64 = (-(1 << 63), (1 << 63) - 1)
INTEGERS = [
    (network_pb2.Int32Key, *INT32),
    (network_pb2.Int64Key, *INT64),
    (network_pb2.Uint64Key, 0, (1 << 64) - 1),
    (network_pb2.Sint64Key, *INT64),
    (network_pb2.Fixed32Key, 0, (1 << 32) - 1),
    (network_pb2.Sfixed64Key, *INT64),
]


def codec_of(message_class: type[Message], *names: str) -> KeyCodec:
    fields: Any = message_class.DESCRIPTOR.fields_by_name
    return KeyCodec.of_fields([fields[name] for name in names or ("key",)])


def check_round_trips(codec: KeyCodec, value: Any) -> None:
    key = codec.encode(value)
    assert codec.decode(key) == value
    assert type(codec.decode(key)) is type(value)
    text = codec.to_text(value)
    assert codec.from_text(text) == value
    assert Path.parse(f"/{text}").segments == (text,)
    assert codec.from_value(value) == value


@pytest.mark.parametrize(("message_class", "low", "high"), INTEGERS)
def test_integers(message_class: type[Message], low: int, high: int) -> None:
    codec = codec_of(message_class)
    near = [0, 1, -1, 255, 256, -255, -256, 1023, 1024, -1024, 65535, 65536, -65536, low, low + 1, high, high - 1]
    values = sorted({value for value in near if low <= value <= high})
    for value in values:
        check_round_trips(codec, value)
        assert codec.of_message(message_class(key=value)) == value
        assert codec.encode_message(message_class(key=value)) == codec.encode(value)
    keys = [codec.encode(value) for value in values]
    assert keys == sorted(keys)
    assert not any(two.startswith(one) for one, two in itertools.permutations(keys, 2))
    for outside in (low - 1, high + 1):
        with pytest.raises(InvalidPath):
            codec.from_value(outside)
        with pytest.raises(InvalidPath):
            codec.from_text(str(outside))


@pytest.mark.parametrize(
    "text", ["", "07", "-0", "+7", "7 ", "0x7", "7.0", "\u0667", "1,2", "seven", "9" * 5000, "%FF", "true"]
)
def test_integers_in_text_have_one_form(text: str) -> None:
    with pytest.raises(InvalidPath):
        codec_of(network_pb2.Int64Key).from_text(text)


def test_integer_encoding_does_not_depend_on_the_field() -> None:
    for value in (0, 1, 300, (1 << 31) - 1):
        assert len({codec_of(message_class).encode(value) for message_class, _, _ in INTEGERS}) == 1


def test_strings() -> None:
    codec = codec_of(network_pb2.Device, "id")
    values = [
        "a",
        "a\0",
        "a\0\0",
        "a\0\1",
        "a\1",
        "a\1\1",
        "a\2",
        "a,b",
        "b",
        "Ethernet1/2",
        "é",
        "東京",
        "\U0001f600",
        "..",
    ]
    values += ["\0", "\1", "\0\1\2", "[x]", "100%", "a b", "\uffff"]
    for value in values:
        check_round_trips(codec, value)
        assert codec.encode_message(network_pb2.Device(id=value)) == codec.encode(value)
    keys = [codec.encode(value) for value in sorted(values)]
    assert keys == sorted(keys)
    assert not any(two.startswith(one) for one, two in itertools.permutations(keys, 2))


def test_a_comma_is_a_character_of_a_single_string() -> None:
    codec = codec_of(network_pb2.Device, "id")
    assert codec.from_text("a,b") == codec.from_text("a%2Cb") == "a,b"
    assert codec_of(network_pb2.BytesKey).from_text("a,%FF") == b"a,\xff"


def test_a_string_is_utf8() -> None:
    with pytest.raises(InvalidPath):
        codec_of(network_pb2.Device, "id").from_text("%FF")
    with pytest.raises(InvalidPath):
        codec_of(network_pb2.Device, "id").from_value("\ud800")


def test_bytes() -> None:
    codec = codec_of(network_pb2.BytesKey)
    values = [
        b"a",
        b"a\0",
        b"a\0\xff",
        b"\xff",
        b"\xff\xff",
        b"\0",
        b"\1",
        b"\2",
        bytes(range(256)),
        "é".encode(),
        b"a,b",
    ]
    for value in values:
        check_round_trips(codec, value)
    keys = [codec.encode(value) for value in sorted(values)]
    assert keys == sorted(keys)


@pytest.mark.parametrize(("message_class", "names"), [(network_pb2.Device, ["id"]), (network_pb2.BytesKey, ["key"])])
def test_empty_strings_and_bytes_are_no_keys(message_class: type[Message], names: Sequence[str]) -> None:
    codec = codec_of(message_class, *names)
    with pytest.raises(InvalidPath):
        codec.encode_message(message_class())
    with pytest.raises(InvalidPath):
        codec.from_value(codec.of_message(message_class()))
    with pytest.raises(InvalidPath):
        codec.encode(codec.from_text(""))


def test_zero_and_false_are_keys() -> None:
    assert codec_of(network_pb2.Int32Key).encode_message(network_pb2.Int32Key())
    assert codec_of(network_pb2.BoolKey).encode_message(network_pb2.BoolKey())
    assert codec_of(network_pb2.EnumKey).encode_message(network_pb2.EnumKey())


def test_booleans() -> None:
    codec = codec_of(network_pb2.BoolKey)
    check_round_trips(codec, True)
    check_round_trips(codec, False)
    assert codec.encode(False) < codec.encode(True)
    assert codec.to_text(True) == "true"
    for text in ("True", "1", "", "yes"):
        with pytest.raises(InvalidPath):
            codec.from_text(text)
    with pytest.raises(WrongType):
        codec.from_value(1)


def test_enums() -> None:
    codec = codec_of(network_pb2.EnumKey)
    for number in (0, 1, 2, 77, -5):
        check_round_trips(codec, number)
    assert codec.to_text(network_pb2.ROLE_LEAF) == "ROLE_LEAF"
    assert codec.to_text(77) == "77"
    assert codec.from_text("2") == codec.from_text("ROLE_LEAF") == codec.from_value("ROLE_LEAF") == 2
    for text in ("ROLE", "", "02", "2147483648"):
        with pytest.raises(InvalidPath):
            codec.from_text(text)
    with pytest.raises(WrongType):
        codec.from_value(1.0)
    with pytest.raises(WrongType):
        codec.from_value(True)


def test_a_closed_enum_has_no_other_numbers() -> None:
    codec = codec_of(legacy_pb2.Part, "grade")
    check_round_trips(codec, legacy_pb2.HIGH)
    for refused in ("2", "0"):
        with pytest.raises(InvalidPath):
            codec.from_text(refused)
        with pytest.raises(InvalidPath):
            codec.from_value(int(refused))


def test_a_field_that_is_not_set_counts_with_its_default() -> None:
    assert codec_of(legacy_pb2.Part, "grade").of_message(legacy_pb2.Part()) == legacy_pb2.LOW
    assert codec_of(legacy_pb2.Numbered, "no").of_message(legacy_pb2.Numbered()) == 0


def test_several_keys() -> None:
    names = ("text", "raw", "number", "on", "role")
    codec = codec_of(network_pb2.ManyKey, *names)
    assert codec.names == names
    values = [
        ("a", b"x", 1, True, 2),
        ("a", b"x", 1, True, 1),
        ("a", b"x", 1, False, 2),
        ("a", b"x", -1, True, 2),
        ("a", b"\xff", 1, True, 2),
        ("a\0", b"\xff", 1, True, 2),
        ("a,b", b",", 1, True, 2),
        ("a/b", b"/\x00", 1 << 30, True, 99),
    ]
    for value in values:
        check_round_trips(codec, value)
        message = network_pb2.ManyKey(**dict(zip(names, value, strict=True)))  # type: ignore[arg-type]
        assert codec.of_message(message) == value
        assert codec.encode_message(message) == codec.encode(value)
    keys = [codec.encode(value) for value in sorted(values)]
    assert keys == sorted(keys)
    assert codec.to_text(("a,b", b"\xff", 3, True, 2)) == "a%2Cb,%FF,3,true,ROLE_LEAF"
    for text in ("a,b", "a,b,1,true,ROLE_LEAF,x", "a,b,1,true,NO"):
        with pytest.raises(InvalidPath):
            codec.from_text(text)
    for given in ("a", ("a",), ("a", b"b", "1", True, 2), ["a", b"b", 1, True, 2]):
        with pytest.raises(WrongType):
            codec.from_value(given)
    with pytest.raises(InvalidPath):
        codec.encode(("", b"x", 1, True, 2))


def test_two_keys() -> None:
    codec = codec_of(network_pb2.Link, "from", "port")
    check_round_trips(codec, ("a", 7))
    assert codec.encode(("a", 7)) == codec.encode_message(network_pb2.Link(**{"from": "a"}, port=7))


def test_keys_by_name_come_in_any_order() -> None:
    codec = codec_of(network_pb2.Link, "from", "port")
    for text in ("/links[from=a/b,c][port=7]", "/links[port=7][from=a/b,c]"):
        assert codec.from_text(Path.gnmi(text).segments[1]) == ("a/b,c", 7)
    for text in ("/links[from=a][to=7]", "/links[from=a][port=7][to=b]"):
        with pytest.raises(InvalidPath):
            codec.from_text(Path.gnmi(text).segments[1])
    single = codec_of(network_pb2.Port, "no")
    assert single.from_text("[no=7]") == 7
    with pytest.raises(InvalidPath):
        single.from_text("[name=7]")


@pytest.mark.parametrize("value", ["7", 7.0, True, None, b"7"])
def test_a_number_is_a_number(value: object) -> None:
    with pytest.raises(WrongType):
        codec_of(network_pb2.Port, "no").from_value(value)


@pytest.mark.parametrize("value", [7, b"7", None])
def test_a_string_is_a_string(value: object) -> None:
    with pytest.raises(WrongType):
        codec_of(network_pb2.Device, "id").from_value(value)
    with pytest.raises(WrongType):
        codec_of(network_pb2.BytesKey).from_value("7")


def test_keys_have_a_limit() -> None:
    codec = codec_of(network_pb2.Device, "id")
    assert len(codec.encode("x" * (MAX_KEY_BYTES - 1))) == MAX_KEY_BYTES
    for text in ("x" * MAX_KEY_BYTES, "\0" * (MAX_KEY_BYTES // 2)):
        with pytest.raises(TooLarge):
            codec.encode(text)
    pair = codec_of(network_pb2.Link, "from", "to")
    half = MAX_KEY_BYTES // 2
    assert pair.encode(("x" * (half - 1), "x" * (half - 1)))
    with pytest.raises(TooLarge) as error:
        pair.encode(("x" * half, "x" * half))
    assert error.value.facts["limit_bytes"] == MAX_KEY_BYTES


def test_types_of_keys() -> None:
    fields: Any = network_pb2.Measure.DESCRIPTOR.fields_by_name
    assert [name for name, field in fields.items() if can_be_key(field)] == ["name"]
