"""How deep messages nest, counted as protobuf's parser does: the outermost message is level 1.

Each message in a message is a level more, however it is encoded, and so is the entry of a map, which is a message too:
a message in a map stands two levels below the one that has the map, and a map of numbers is one level.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

PARSER_LEVELS: Final = 101  # what upb parses; the outermost message and 100 below it
MAX_DEPTH: Final = 100  # what treering accepts: protobuf's JSON format, too, stops after 100


def static_depth(descriptor: Descriptor, skip: Collection[int] = ()) -> int | None:
    """Return how many levels a message of this type can have at most, without the fields numbered in ``skip``.

    None where the type sets no bound: it is recursive, or takes extensions.
    """
    try:
        return _depth(descriptor, skip, {}, set())
    except _UnboundedError:
        return None


def message_depth(message: Message, skip: Collection[int] = ()) -> int:
    """Return how many levels a message has, without the fields numbered in ``skip`` of the outermost one.

    Takes a message of any depth, as its own loop; unknown fields are not looked into. About a microsecond a message.
    """
    deepest = 1
    open_messages = list(_inner(message, 1, skip))
    while open_messages:
        current, level = open_messages.pop()
        deepest = max(deepest, level)
        if current is not None:
            open_messages += _inner(current, level, ())
    return deepest


class _UnboundedError(Exception):
    """A type that can nest without end."""


def _depth(descriptor: Descriptor, skip: Collection[int], known: dict[str, int], above: set[str]) -> int:
    name = descriptor.full_name
    if name in known:
        return known[name]
    if descriptor.is_extendable or name in above:
        raise _UnboundedError
    above.add(name)
    below = [
        _depth(field.message_type, (), known, above)
        for field in descriptor.fields
        if field.message_type is not None and field.number not in skip
    ]
    above.remove(name)
    depth = 1 + max(below, default=0)
    if not skip:
        known[name] = depth
    return depth


def _inner(message: Message, level: int, skip: Collection[int]) -> Iterator[tuple[Message | None, int]]:
    """Yield the messages directly in a message with their levels; None stands for the entries of a map of scalars."""
    for field, value in message.ListFields():
        kind = field.message_type
        if kind is None or field.number in skip:
            continue
        if not field.is_repeated:
            yield value, level + 1
        elif not kind.GetOptions().map_entry:
            for one in value:
                yield one, level + 1
        elif kind.fields_by_name["value"].message_type is None:
            yield None, level + 1
        else:
            for one in value.values():
                yield one, level + 2
