"""A path understood by a schema: which fields and which keys lead from the root to a node or a container."""

from __future__ import annotations

import re
from typing import NamedTuple

from treering.errors import InvalidPath, NotAContainer, PathNotFound
from treering.path import Path
from treering.schema.key import KeyValue
from treering.schema.shape import ChildField, Kind, Shape

Step = tuple[ChildField, bytes | None]  # the field; the encoded key in it, None for a singular child

_PLAIN_KEY = re.compile(r"[A-Za-z0-9._:-]{1,1000}").fullmatch  # the same in a path and as a key
new_tuple = tuple.__new__  # of a class made of a tuple; looked up once, which saves a seventh of an address
_CACHED = 1024  # addresses by text, for each schema: no more than stay in a processor's cache


class Address(NamedTuple):
    """Where a path leads by the schema; whether something is there, only a tree says.

    ``given``: the path as a caller gave it. ``container`` is set where the path ends at a container, and then ``steps``
    leads to the node that has it. ``shape`` is that of the node, or of the children in the container. ``level``: how
    deep a message here would stand in the message of the whole tree, as protobuf's parser counts. ``key``: of the last
    step, as protobuf's Python has it.

    A tuple, because nearly every edit or read makes one: that takes half of the time of an object.
    """

    given: Path | str
    steps: tuple[Step, ...]
    shape: Shape
    container: ChildField | None
    level: int
    key: KeyValue | None

    @property
    def path(self) -> Path:
        """The path itself: made when it is asked for, which mostly is for an error."""
        return Path.of(self.given)

    def __str__(self) -> str:
        return str(self.path)

    def node(self) -> Address:
        """Return this address; ``InvalidPath`` where it leads to a container."""
        if self.container is not None:
            message = "the path names a container, not a node: name one of its children, or the node that has it"
            raise InvalidPath(message, path=str(self.path))
        return self

    def children(self) -> ChildField:
        """Return the field whose children this names; ``NotAContainer`` where it leads to a node."""
        if self.container is None:
            message = "the path does not name a container"
            raise NotAContainer(message, path=str(self.path))
        return self.container


def find_address(root: Shape, path: str | Path | tuple[object, ...]) -> Address:
    """Understand a path. ``PathNotFound`` for a field that is no child, ``InvalidPath`` for what cannot be a key."""
    if type(path) is not str:
        return _find(root, Path.of(path))
    known = root.addresses
    address: Address | None = known.get(path)
    if address is not None:
        return address
    if len(known) >= _CACHED:
        known.clear()
        root.families.clear()
    above, _, segment = path.rpartition("/")
    family = root.families.get(above)
    if family is None or not _PLAIN_KEY(segment):
        address = _learn(root, path)
        if address.steps and above and above not in known:
            _learn(root, above)  # the next path is often that of a sibling
        return address
    # a text in a container that is known: three quarters of the time saved, as it has nothing to be decoded
    steps, field, shape, level = family
    steps += ((field, segment.encode() + b"\0"),)
    address = known[path] = new_tuple(Address, (path, steps, shape, None, level, segment))
    return address


def _learn(root: Shape, text: str) -> Address:
    """Understand a path and remember it; of a container whose keys are texts, too, what its children have in common."""
    address = _find(root, Path.of(text))
    field = address.container
    if field is not None and field.is_text:
        root.families[text] = address.steps, field, field.shape, address.level + field.levels
    root.addresses[text] = address
    return address


def _find(root: Shape, whole: Path) -> Address:
    shape = root
    steps: list[Step] = []
    level = 1
    value: KeyValue | None = None
    segments = whole.segments
    at, end = 0, len(segments)
    while at < end:
        name = segments[at]
        field = shape.children.get(name)
        if field is None:
            raise _no_such_child(whole, name, shape)
        shape = field.shape
        at += 1
        if field.kind is Kind.SINGULAR:
            steps.append((field, None))
            level, value = level + field.levels, None
            continue
        if at == end:
            return Address(whole, tuple(steps), shape, field, level, value)
        if field.codec is None:
            message = "the elements of a plain list have no paths"
            raise PathNotFound(message, path=str(whole), list=name)
        value = field.codec.from_text(segments[at])
        steps.append((field, field.codec.encode(value)))
        at += 1
        level += field.levels
    return Address(whole, tuple(steps), shape, None, level, value)


def _no_such_child(path: Path, name: str, shape: Shape) -> PathNotFound:
    if name in shape.own_fields:
        message = "the path leads into a plain field; paths lead to children only"
    else:
        message = "the path names no field of this message"
    return PathNotFound(message, path=str(path), field=name, message_type=shape.name)
