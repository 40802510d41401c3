from __future__ import annotations

import pytest
from google.protobuf import descriptor_pb2

from treering.schema import wire


@pytest.mark.parametrize("value", [0, 1, 127, 128, 16_383, 16_384, (1 << 32) - 1, (1 << 64) - 1])
def test_varint(value: int) -> None:
    option = descriptor_pb2.UninterpretedOption(positive_int_value=value)
    assert wire.tag(4, wire.VARINT) + wire.varint(value) == option.SerializePartialToString()


def test_tag() -> None:
    assert wire.tag(1, wire.LENGTH_DELIMITED) == b"\x0a"
    assert wire.tag(77410, wire.LENGTH_DELIMITED) == wire.varint(77410 << 3 | 2)
