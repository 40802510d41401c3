from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from tests.proto.treering_test import network_pb2

from treering.path import Path
from treering.schema.encoding import decode_int, encode_int
from treering.schema.key import KeyCodec

# Bytes that the encoding treats specially, and their neighbours, come up often.
special = st.sampled_from("\0\1\2\x7f\xff,/%[]a")
strings = st.one_of(st.text(min_size=1), st.text(special, min_size=1))
raws = st.one_of(st.binary(min_size=1), st.lists(st.sampled_from([0, 1, 2, 254, 255]), min_size=1).map(bytes))
int32s = st.integers(-(1 << 31), (1 << 31) - 1)
int64s = st.integers(-(1 << 63), (1 << 63) - 1)
uint64s = st.integers(0, (1 << 64) - 1)

KEYS: list[tuple[type[Message], tuple[str, ...], st.SearchStrategy[Any]]] = [
    (network_pb2.Device, ("id",), strings),
    (network_pb2.BytesKey, ("key",), raws),
    (network_pb2.Int32Key, ("key",), int32s),
    (network_pb2.Int64Key, ("key",), int64s),
    (network_pb2.Uint64Key, ("key",), uint64s),
    (network_pb2.Sfixed64Key, ("key",), int64s),
    (network_pb2.BoolKey, ("key",), st.booleans()),
    (network_pb2.EnumKey, ("key",), int32s),
    (network_pb2.Link, ("from", "to"), st.tuples(strings, strings)),
    (network_pb2.ManyKey, ("raw", "text", "number"), st.tuples(raws, strings, int32s)),
    (network_pb2.ManyKey, ("number", "on", "raw"), st.tuples(int32s, st.booleans(), raws)),
]


@pytest.mark.parametrize(("message_class", "names", "values"), KEYS)
@given(data=st.data())
def test_keys_sort_as_their_values(
    message_class: type[Message], names: tuple[str, ...], values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    fields: Any = message_class.DESCRIPTOR.fields_by_name
    codec = KeyCodec.of_fields([fields[name] for name in names])
    one, other = data.draw(values), data.draw(values)
    key, other_key = codec.encode(one), codec.encode(other)
    assert (key < other_key) == (one < other)
    assert (key == other_key) == (one == other)
    if one != other:
        assert not key.startswith(other_key)
        assert not other_key.startswith(key)
    assert codec.decode(key) == one
    text = codec.to_text(one)
    assert codec.from_text(text) == one
    assert Path.parse(f"/{text}").segments == (text,)
    step = codec.from_value(one)
    if not any(isinstance(part, (bool, int)) for part in (one if isinstance(one, tuple) else (one,))):
        assert Path(step).segments == (text,)


@given(st.integers(-(1 << 1000), 1 << 1000), st.integers(-(1 << 1000), 1 << 1000))
def test_integers_of_any_size_sort_by_value(one: int, other: int) -> None:
    assert (encode_int(one) < encode_int(other)) == (one < other)
    assert decode_int(encode_int(one)) == one
