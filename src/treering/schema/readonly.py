"""READ_ONLY fields of a node, also those inside its plain messages: what an update changed of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from itertools import zip_longest
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from treering.schema.descriptor import is_map


@dataclass(slots=True)
class Projection:
    """Where a message has marked fields: its own, and plain messages that have some inside."""

    marked: list[FieldDescriptor] = dataclass_field(default_factory=list)
    nested: list[tuple[FieldDescriptor, Projection]] = dataclass_field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.marked or self.nested)


def project(descriptor: Descriptor, is_marked: Callable[[FieldDescriptor], bool], skip: Collection[int]) -> Projection:
    """Find the marked fields of a type and of its plain messages, without the fields numbered in ``skip``."""
    types = {descriptor.full_name: descriptor}
    pending = [descriptor]
    links: dict[str, list[tuple[FieldDescriptor, str]]] = {}
    marked: dict[str, list[FieldDescriptor]] = {}
    while pending:
        current = pending.pop()
        here = [one for one in current.fields if current is not descriptor or one.number not in skip]
        marked[current.full_name] = [one for one in here if is_marked(one)]
        links[current.full_name] = []
        for one in here:
            inner = _inner_type(one)
            if inner is None or is_marked(one):
                continue
            links[current.full_name].append((one, inner.full_name))
            if inner.full_name not in types:
                types[inner.full_name] = inner
                pending.append(inner)
    used = {name for name, found in marked.items() if found}
    while more := {name for name, found in links.items() if any(to in used for _, to in found)} - used:
        used |= more
    projections = {name: Projection(marked[name]) for name in types}
    for name, found in links.items():
        projections[name].nested = [(one, projections[to]) for one, to in found if to in used]
    return projections[descriptor.full_name]


def find_change(projection: Projection, old: Message, new: Message, fields: Collection[str] | None) -> str | None:
    """Return the dotted name of the first marked field that differs, None if there is none.

    ``fields`` limits the look to these fields of the outermost message. Elements of a repeated plain message are
    compared by position, entries of a map by key, and what is absent on one side as if it were there with nothing set.
    """
    pending = [("", projection, old, new)]
    while pending:
        prefix, here, before, after = pending.pop()
        for one in here.marked:
            if (fields is None or prefix or one.name in fields) and _differs(one, before, after):
                return prefix + one.name
        deeper = []
        for one, inner in here.nested:
            if fields is None or prefix or one.name in fields:
                deeper += [(f"{prefix}{one.name}.", inner, *pair) for pair in _pairs(one, before, after)]
        pending += reversed(deeper)
    return None


def _pairs(one: FieldDescriptor, before: Message, after: Message) -> Iterator[tuple[Message, Message]]:
    """Yield the messages of a plain field that correspond to each other."""
    name = one.name
    if not one.is_repeated:
        if before.HasField(name) or after.HasField(name):
            yield getattr(before, name), getattr(after, name)
        return
    inner = _inner_type(one)
    assert inner is not None
    empty = message_factory.GetMessageClass(inner)()
    olds, news = getattr(before, name), getattr(after, name)
    if is_map(one):
        for key in sorted(olds.keys() | news.keys()):
            yield olds.get(key, empty), news.get(key, empty)
    else:
        yield from zip_longest(olds, news, fillvalue=empty)


def _differs(one: FieldDescriptor, before: Message, after: Message) -> bool:
    name = one.name
    if one.has_presence and before.HasField(name) != after.HasField(name):
        return True
    return not _same(getattr(before, name), getattr(after, name))


def _same(old: Any, new: Any) -> bool:
    """Compare two values of one field; a NaN equals itself."""
    if bool(old == new):
        return True
    if isinstance(old, float):
        return old != old and new != new  # noqa: PLR0124 - only a NaN differs from itself
    if isinstance(old, Message):
        return _bytes(old) == _bytes(new)
    if isinstance(old, (str, bytes, int)):
        return False
    if len(old) != len(new):
        return False
    if hasattr(old, "keys"):
        return all(key in new and _same(old[key], new[key]) for key in old)  # a look at a missing key would add it
    return all(map(_same, old, new))


def _bytes(message: Message) -> bytes:
    return message.SerializePartialToString(deterministic=True)


def _inner_type(one: FieldDescriptor) -> Descriptor | None:
    """Return the type of a field's messages, or of a map's values; None if these are no messages."""
    if is_map(one):
        assert one.message_type is not None
        return one.message_type.fields_by_name["value"].message_type
    return one.message_type
