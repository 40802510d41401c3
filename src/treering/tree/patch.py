"""A difference as JSON Patch (RFC 6902), against the JSON form that protobuf gives a message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from treering.merkle import diff as merkle
from treering.merkle.diff import same_value
from treering.objects.node import Container, Node, Slot
from treering.objects.page import Value
from treering.objects.pointer import Pointer
from treering.path import Path
from treering.schema.shape import ChildField, Kind, Shape
from treering.store.reader import Reader
from treering.tree.join import ALL_LEVELS, join
from treering.tree.view import parse
from treering.tree.walk import iter_in_order

Operation = dict[str, Any]

# Types whose JSON form is not an object with their fields: replaced as a whole.
_SPECIAL = frozenset(
    f"google.protobuf.{name}"
    for name in [
        "Any",
        "Timestamp",
        "Duration",
        "FieldMask",
        "Struct",
        "Value",
        "ListValue",
        "BoolValue",
        "BytesValue",
        "DoubleValue",
        "FloatValue",
        "Int32Value",
        "Int64Value",
        "StringValue",
        "UInt32Value",
        "UInt64Value",
    ]
)


class Patcher:
    """Builds operations that turn the JSON of one tree into that of another, reading what differs.

    Keyed children are a JSON array in sibling order, so a container with a difference has its keys read once on both
    sides, to know at which index a child stands.
    """

    __slots__ = ("_reader",)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def nodes(self, shape: Shape, old: Node, new: Node, pointer: str) -> Iterator[Operation]:
        """Yield the operations between two nodes whose object stands at ``pointer``."""
        if old is new:
            return
        if shape.name in _SPECIAL:
            if old.own != new.own:
                yield _replace(pointer, self._json(shape, new))
            return
        if old.own != new.own:
            yield from _members(_own_json(shape, old), _own_json(shape, new), pointer)
        for number, field in shape.by_number.items():
            yield from self.slots(field, old.slots.get(number), new.slots.get(number), f"{pointer}/{field.name}")

    def slots(self, field: ChildField, old: Slot | None, new: Slot | None, pointer: str) -> Iterator[Operation]:
        """Yield the operations between the values of one child field, which stands at ``pointer``."""
        if _same_place(old, new):
            return
        if field.kind is Kind.SINGULAR:
            yield from self._values(field.shape, old, new, pointer)  # type: ignore[arg-type]
        elif field.kind is Kind.MAP:
            yield from self._maps(field, old, new, pointer)  # type: ignore[arg-type]
        else:
            yield from self._arrays(field, old, new, pointer)  # type: ignore[arg-type]

    def value(self, shape: Shape, value: Value) -> Any:
        """Return the JSON of a whole child."""
        return self._json(shape, self._reader.node(value))

    def children(self, field: ChildField, container: Container | None) -> Any:
        """Return the JSON of a whole container: a list, or of a map an object."""
        entries = iter_in_order(self._reader, container) if container else iter(())
        if field.kind is Kind.MAP:
            return {_member(field, key): self.value(field.shape, value) for key, value, _ in entries}
        return [self.value(field.shape, value) for _, value, _ in entries]

    def _values(self, shape: Shape, old: Value | None, new: Value | None, pointer: str) -> Iterator[Operation]:
        if new is None:
            yield {"op": "remove", "path": pointer}
        elif old is None:
            yield {"op": "add", "path": pointer, "value": self.value(shape, new)}
        else:
            yield from self.nodes(shape, self._reader.node(old), self._reader.node(new), pointer)

    def _maps(
        self, field: ChildField, old: Container | None, new: Container | None, pointer: str
    ) -> Iterator[Operation]:
        # not merkle.diff: below a child of equal content the order of siblings may differ
        for key, before, after in merkle.diff_entries(
            self._reader, old.root if old else None, new.root if new else None
        ):
            where = f"{pointer}/{_escape(_member(field, key))}"
            yield from self._values(field.shape, before and before[0], after and after[0], where)

    def _arrays(
        self, field: ChildField, old: Container | None, new: Container | None, pointer: str
    ) -> Iterator[Operation]:
        before = {key: value for key, value, _ in iter_in_order(self._reader, old)} if old else {}
        after = {key: value for key, value, _ in iter_in_order(self._reader, new)} if new else {}
        kept = [key for key in before if key in after]
        if list(after)[: len(kept)] != kept:
            yield _replace(pointer, self.children(field, new))
            return
        gone = [index for index, key in enumerate(before) if key not in after]
        for index in reversed(gone):
            yield {"op": "remove", "path": f"{pointer}/{index}"}
        for index, key in enumerate(kept):
            if not _same_place(before[key], after[key]):
                yield from self._values(field.shape, before[key], after[key], f"{pointer}/{index}")
        for key in list(after)[len(kept) :]:
            yield {"op": "add", "path": f"{pointer}/-", "value": self.value(field.shape, after[key])}

    def _json(self, shape: Shape, node: Node) -> Any:
        return _to_json(shape, parse(shape, join(self._reader, shape, node, ALL_LEVELS), Path()))


def _same_place(old: Slot | None, new: Slot | None) -> bool:
    """Tell whether two slots are equal in content *and* sibling order: the same bytes, or stored at one location."""
    if old is new:
        return True
    if type(old) is Container and type(new) is Container:
        return type(old.root) is Pointer and old.root == new.root
    if type(old) is Pointer or type(old) is Container or old is None or new is None:
        return old == new
    return type(old) is type(new) and old == new and same_value(old, new)  # type: ignore[arg-type]


def _own_json(shape: Shape, node: Node) -> dict[str, Any]:
    document = _to_json(shape, parse(shape, node.own, Path()))
    return {name: value for name, value in document.items() if name not in shape.children}


def _to_json(shape: Shape, message: Message) -> Any:
    return MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
        descriptor_pool=shape.descriptor.file.pool,
    )


def _members(old: dict[str, Any], new: dict[str, Any], pointer: str) -> Iterator[Operation]:
    for name in {**old, **new}:
        where = f"{pointer}/{_escape(name)}"
        if name not in new:
            yield {"op": "remove", "path": where}
        elif name not in old:
            yield {"op": "add", "path": where, "value": new[name]}
        elif not _same_json(old[name], new[name]):
            yield _replace(where, new[name])


def _same_json(one: object, other: object) -> bool:
    """Compare as JSON does: in Python, and so in ``==``, true is 1."""
    return one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _replace(pointer: str, value: object) -> Operation:
    return {"op": "replace", "path": pointer, "value": value}


def _member(field: ChildField, key: bytes) -> str:
    """Return the name that a map key has in JSON."""
    assert field.codec is not None
    value = field.codec.decode(key)
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
