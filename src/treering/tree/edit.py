"""Edits by path copying: a root node goes in, a new one comes out that shares everything not touched.

The same functions serve a single call and a transaction. Given a writer, an edit writes what it makes as it goes, and
what it returns can be encoded; without one it writes nothing, and the pages of many edits are written once, by a seal.
An edit that changes nothing writes nothing, and returns the very root it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import DecodeError, Message

from treering.errors import (
    AlreadyExists,
    ChildInUpdate,
    InvalidPath,
    KeyChanged,
    MissingField,
    ReadOnlyField,
    TooDeep,
    WrongType,
)
from treering.merkle.container import build
from treering.merkle.place import Place
from treering.merkle.seal import Writer, write_root
from treering.objects.node import EMBED_BYTES, NO_SLOTS, Container, Node, Slot
from treering.objects.page import Page, Value
from treering.objects.pointer import Pointer
from treering.schema.shape import MAX_DEPTH, ChildField, Kind, Shape
from treering.store.reader import Reader
from treering.tree.address import Address, find_address, new_tuple
from treering.tree.build import Builder, check_required, same_own
from treering.tree.seal import seal_value
from treering.tree.view import ChildPath, PathLike, key_bytes, list_key, parse
from treering.tree.walk import EMPTY, not_found, value_of

Mask = FieldMask | Iterable[str]
# Where a value hangs: the spot of the node around it (None: that is the root), that node, the field, what the node has
# there, and of a container the place in it. A plain tuple, as every edit makes one.
Spot = tuple[Any, Node, ChildField, Slot | None, Place | None]


class Editor:
    """Edits of trees of one schema. Holds nothing but the schema and where stored pages come from."""

    __slots__ = ("_build", "_reader", "_shape")

    def __init__(self, reader: Reader, shape: Shape, hidden: Mapping[str, frozenset[int]]) -> None:
        self._reader = reader
        self._shape = shape
        self._build = Builder(reader, hidden)

    def add(
        self, root: Node, path: PathLike, message: Message, key: object = None, writer: Writer | None = None
    ) -> Node:
        """Add a child, with its own children, to the container at ``path``."""
        address = find_address(self._shape, path)
        field = address.children()
        given = address.shape.coerce(message)
        value, spot = self._find(root, address)
        if value is None:
            raise not_found(address.path)
        parent = value if type(value) is Node else self._reader.node(value)
        slot = parent.slots.get(field.number)
        container = slot if type(slot) is Container else None
        encoded = _new_key(field, given, key, container, address)
        place = Place(self._reader, container.root, encoded) if container is not None else None
        where = new_tuple(ChildPath, (address, field, encoded))
        if place is not None and place.found:
            problem = "there is a child with this key already"
            raise AlreadyExists(problem, path=str(where))
        put = None if writer is None else writer.put
        child = self._build.value(field.shape, given, where, address.level + field.levels, put)
        count, ordinal = (container.count, container.next_ordinal) if container is not None else (0, 0)
        first: Page | Pointer
        if place is not None:
            first = place.put(child, ordinal, writer)
        else:
            first = build([(encoded, child, 0)])  # type: ignore[assignment] # not None: there is a child
            if put is not None:
                first = write_root(first, put, None)  # type: ignore[arg-type] # a page
        following = ordinal + 1 if field.kind is Kind.KEYED else 0
        made = new_tuple(Container, (first, count + 1, following))
        top = parent.with_slot(field.number, made)
        return top if spot is None else self._hang(spot, top, writer)

    def update(
        self,
        root: Node,
        path: PathLike,
        message: Message,
        writer: Writer | None = None,
        *,
        strict: bool = False,
        mask: Mask | None = None,
    ) -> Node:
        """Replace a node's own fields (those in ``mask``), leaving its children alone."""
        address = find_address(self._shape, path)
        if address.container is not None:
            address.node()  # raises
        shape = address.shape
        given = shape.coerce(message)
        fields = None if mask is None else _masked(shape, mask, address)
        if shape.children and fields is None and (carried := shape.set_children(given)):
            problem = "an update takes a node's own fields only; use add or replace for children"
            raise ChildInUpdate(problem, path=str(address.path), field=carried[0].name)

        value, spot = self._find(root, address)
        if type(value) is bytes and not value[0]:  # nothing but own fields, and no node to build for them
            was, slots = value[1:], NO_SLOTS
        else:
            before = EMPTY if value is None else self._reader.node(value)
            was, slots = before.own, before.slots
        if strict or fields is not None:
            given = self._merged(address, was, given, fields, strict=strict)
        if spot is not None and (key_of := spot[2].key_of) is not None and key_of(given) != address.key:
            _check_key(address, given)
        own = self._build.own(shape, given, address, address.level)
        if shape.has_required:
            check_required(shape, given, _present(shape, slots), address)
        if value is not None and same_own(shape, given, own, was):
            return root
        return self._hang(spot, Node(own, slots) if slots or len(own) >= EMBED_BYTES else b"\x00" + own, writer)

    def replace(self, root: Node, path: PathLike, message: Message, writer: Writer | None = None) -> Node:
        """Make the whole subtree at ``path`` equal to ``message``, sharing what is equal already."""
        address = find_address(self._shape, path).node()
        given = address.shape.coerce(message)

        value, spot = self._find(root, address)
        _check_key(address, given)
        node = None if value is None else self._reader.node(value)
        put = None if writer is None else writer.put
        made = self._build.node(address.shape, given, node, address, address.level, put)
        return root if made is node else self._hang(spot, made, writer)

    def remove(self, root: Node, path: PathLike, writer: Writer | None = None) -> Node:
        """Remove a keyed child, or a map's entry, with all below it."""
        address = find_address(self._shape, path).node()
        if not address.steps or address.steps[-1][1] is None:
            problem = "remove takes a child of a container; a singular child is made absent by clear"
            raise InvalidPath(problem, path=str(address.path))
        _, spot = self._find(root, address)
        return self._hang(spot, None, writer)

    def clear(self, root: Node, path: PathLike, writer: Writer | None = None) -> Node:
        """Make a singular child absent; nothing changes where it is."""
        address = find_address(self._shape, path).node()
        if not address.steps or address.steps[-1][1] is not None:
            problem = "clear takes an optional singular child; a child of a container is taken out by remove"
            raise InvalidPath(problem, path=str(address.path))
        field = address.steps[-1][0]
        if field.required:
            problem = "a required child cannot be absent"
            raise MissingField(problem, path=str(address.path), fields=[field.name])
        value, spot = self._find(root, address)
        return root if value is None else self._hang(spot, None, writer)

    def _find(self, root: Node, address: Address) -> tuple[Value | None, Spot | None]:
        """Return what is at an address, None for an absent singular child, and where it hangs. One descent."""
        reader = self._reader
        node = root
        value: Value | None = root
        spot: Spot | None = None
        for field, key in address.steps:
            if spot is not None:
                if value is None:
                    raise not_found(address.path)
                node = value if type(value) is Node else reader.node(value)
            slot = node.slots.get(field.number)
            if key is None:
                spot, value = (spot, node, field, slot, None), slot  # type: ignore[assignment] # no container
                continue
            if type(slot) is not Container:
                raise not_found(address.path)
            place = Place(reader, slot.root, key)
            if not place.found:
                raise not_found(address.path)
            spot, value = (spot, node, field, slot, place), place.value
        return value, spot

    def _hang(self, spot: Spot | None, changed: Value | None, writer: Writer | None) -> Node:
        """Hang another value, or with None nothing, in a spot, and return the new root. Copies one page a level."""
        if spot is None:  # it is the root itself
            assert changed is not None
            return self._reader.node(changed)
        while True:
            if type(changed) is Node:
                changed = value_of(changed) if writer is None else seal_value(changed, writer.put)
            spot, node, field, slot, place = spot
            hung: Slot | None = changed
            if place is not None:
                hung = _replaced(slot, place, changed, writer)  # type: ignore[arg-type] # a container, as there is a place
            top = changed = node.with_slot(field.number, hung)
            if spot is None:
                return top

    def _merged(
        self, address: Address, was: bytes, given: Message, fields: Sequence[str] | None, *, strict: bool
    ) -> Message:
        """Return the message that an update with a mask, or a strict one, puts in the place of the own fields there."""
        old = parse(address.shape, was, address)
        updated = given if fields is None else _apply_mask(old, given, fields, address)
        changed = address.shape.read_only_change(old, updated, fields) if strict else None
        if changed:
            problem = "a strict update may not change a read-only field"
            raise ReadOnlyField(problem, path=str(address.path), field=changed)
        return updated


def _replaced(container: Container, place: Place, value: Value | None, writer: Writer | None) -> Container | None:
    """Put another child in its place, or take it out; None where the container is empty then."""
    if value is not None:
        root: Page | Pointer | None = place.put(value, place.ordinal, writer)
        return new_tuple(Container, (root, container.count, container.next_ordinal))
    root = place.remove(writer)
    return None if root is None else Container(root, container.count - 1, container.next_ordinal)


def _new_key(field: ChildField, message: Message, key: object, container: Container | None, address: Address) -> bytes:
    if field.kind is Kind.MAP:
        if key is None:
            problem = "a child of a map needs key="
            raise InvalidPath(problem, path=str(address.path))
        return key_bytes(field, key)
    if key is not None:
        problem = "key= is for maps; the children of this container have their own"
        raise InvalidPath(problem, path=str(address.path), key=key)
    if field.codec is None:
        return list_key(container.count if container else 0)
    return field.codec.encode_message(message)


def _check_key(address: Address, message: Message) -> None:
    """Refuse a message whose key fields are not what its path says."""
    if not address.steps:
        return
    field, key = address.steps[-1]
    if field.kind is not Kind.KEYED or field.codec is None or field.codec.of_message(message) == address.key:
        return
    if _encoded_key(field, message) != key:
        problem = "the message's key is not the one in the path"
        raise KeyChanged(problem, path=str(address.path), key_fields=field.key_names)


def _encoded_key(field: ChildField, message: Message) -> bytes | None:
    assert field.codec is not None
    try:
        return field.codec.encode_message(message)
    except InvalidPath:  # an empty key is not the one in the path either
        return None


def _masked(shape: Shape, mask: Mask, address: Address) -> list[str]:
    given: object = mask.paths if isinstance(mask, FieldMask) else (mask,) if isinstance(mask, str) else mask
    if not isinstance(given, Iterable):
        problem = "a mask is a FieldMask or names of fields"
        raise WrongType(problem, path=str(address.path), given=type(mask).__name__)
    names = list(given)
    for name in names:
        if not isinstance(name, str):
            problem = "a mask is a FieldMask or names of fields"
            raise WrongType(problem, path=str(address.path), given=type(name).__name__)
        if name in shape.children:
            problem = "a mask names a node's own fields, not its children"
            raise ChildInUpdate(problem, path=str(address.path), field=name)
        if name not in shape.own_fields:
            problem = "the mask names a field that this message does not have"
            raise WrongType(problem, path=str(address.path), field=name, expected=shape.name)
    return names


def _apply_mask(old: Message, given: Message, fields: Sequence[str], address: Address) -> Message:
    """Return the old message with the masked fields as they are in the given one: set, or unset."""
    try:
        return _merge_fields(old, given, fields)
    except DecodeError as error:  # protobuf copies lists of messages through bytes
        problem = "the message nests deeper than protobuf can parse"
        raise TooDeep(problem, path=str(address.path), limit=MAX_DEPTH) from error


def _merge_fields(old: Message, given: Message, fields: Sequence[str]) -> Message:
    merged = type(old)()
    merged.CopyFrom(old)
    for name in fields:
        field = merged.DESCRIPTOR.fields_by_name[name]
        merged.ClearField(name)
        if field.is_repeated:
            getattr(merged, name).MergeFrom(getattr(given, name))
        elif field.has_presence and not given.HasField(name):
            continue
        elif field.message_type is not None:
            getattr(merged, name).CopyFrom(getattr(given, name))
            getattr(merged, name).SetInParent()
        else:
            setattr(merged, name, getattr(given, name))
    return merged


def _present(shape: Shape, slots: Mapping[int, Slot]) -> list[str]:
    return [shape.by_number[number].name for number in slots if number in shape.by_number]
