"""``merge="field"``: both sides may change one message, each its own fields."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from tests.proto import engine_pb2 as pb

from treering import MergeConflict, Repository, WrongType

START = pb.Network(name="n", servers=["s"], weights={"a": 1}, location=pb.Location(town="Bonn"), phone="1", budget=5)


def _packed(town: str) -> AnyMessage:
    made = AnyMessage()
    made.Pack(pb.Location(town=town))
    return made


CHANGES: dict[str, dict[str, Any]] = {
    "scalar": {"name": "other"},
    "presence": {"budget": None},
    "zero": {"budget": 0},
    "repeated": {"servers": ["s", "t"]},
    "map": {"weights": {"a": 1, "b": 2}},
    "message": {"location": pb.Location(town="Bonn", height=3)},
    "oneof": {"email": "e"},
    "same oneof": {"phone": "2"},
    "any": {"extra": _packed("Ulm")},
    "read-only": {"state": "up"},
}
ONE_THING = ({"presence", "zero"}, {"oneof", "same oneof"})


def _changed(*names: str) -> pb.Network:
    made = pb.Network()
    made.CopyFrom(START)
    for name in names:
        for field, value in CHANGES[name].items():
            made.ClearField(field)
            if value is not None:
                made.MergeFrom(pb.Network(**{field: value}))
    return made


@pytest.mark.parametrize("first", CHANGES)
def test_fields_of_one_message(repo: Repository, first: str) -> None:
    for second in CHANGES:
        repo.replace("/", START)
        tx, strict = repo.transaction(merge="field"), repo.transaction()
        for one in (tx, strict):
            one.update("/", _changed(second))
        repo.update("/", _changed(first))
        if first == second:
            assert tx.commit() == strict.commit() == repo.head
            continue
        for refused in [strict] if {first, second} not in ONE_THING else [strict, tx]:
            with pytest.raises(MergeConflict) as caught:
                refused.commit()
            (conflict,) = caught.value.conflicts
            assert (conflict.base, conflict.mine, conflict.theirs) == (START, _changed(second), _changed(first))
        if {first, second} not in ONE_THING:
            tx.commit()
            assert repo.get("/") == _changed(first, second)


def test_unknown_fields_are_fields_too(repo: Repository) -> None:
    mine, theirs = pb.Network(name="n"), pb.Network(name="n")
    repo.update("/", pb.Network(name="n"))
    mine.MergeFromString(b"\xc8\x3e\x05")  # field 1001
    theirs.MergeFromString(b"\xd0\x3e\x06")  # field 1002
    tx = repo.transaction(merge="field")
    tx.update("/", mine)
    repo.update("/", theirs)
    tx.commit()
    assert repo.get("/").SerializeToString().endswith(b"\xc8\x3e\x05\xd0\x3e\x06")
    tx = repo.transaction(merge="field")
    mine.MergeFromString(b"\xd0\x3e\x07")
    tx.update("/", mine)
    theirs.MergeFromString(b"\xd0\x3e\x08")
    repo.update("/", theirs)
    with pytest.raises(MergeConflict):
        tx.commit()


def test_what_both_set_alike_and_more(repo: Repository) -> None:
    repo.replace("/", START)
    tx = repo.transaction(merge="field")
    tx.update("/", _changed("scalar", "map"))
    repo.update("/", _changed("scalar", "repeated"))
    tx.commit()
    assert repo.get("/") == _changed("scalar", "map", "repeated")


def test_what_theirs_already_has_is_no_commit(repo: Repository) -> None:
    repo.replace("/", START)
    tx = repo.transaction(merge="field")
    tx.update("/", _changed("scalar"))
    head = repo.update("/", _changed("scalar", "map"))
    assert tx.commit() == head


def test_adds_and_removes_conflict_as_ever(repo: Repository) -> None:
    repo.add("/devices", pb.Device(name="a"))
    one, two = repo.transaction(merge="field"), repo.transaction(merge="field")
    one.add("/devices", pb.Device(name="b", vendor="x"))
    two.remove("/devices/a")
    repo.add("/devices", pb.Device(name="b", image=b"x"))
    repo.update("/devices/a", pb.Device(name="a", vendor="x"))
    for tx in (one, two):
        with pytest.raises(MergeConflict):
            tx.commit()


def test_no_other_way_to_merge(repo: Repository) -> None:
    with pytest.raises(WrongType):
        repo.transaction(merge="line")  # type: ignore[arg-type]
