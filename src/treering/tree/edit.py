"""Edits by path copying: a root node goes in, a new one comes out that shares everything not touched.

The same functions serve a single call and a transaction. Given a writer, an edit writes what it makes as it goes, and
what it returns can be encoded; without one it writes nothing, and the pages of many edits are written once, by a seal.
An edit that changes nothing writes nothing, and returns the very root it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

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
from treering.tree.address import Address, find_address
from treering.tree.build import Builder, check_required, same_own
from treering.tree.seal import seal_node, seal_value
from treering.tree.view import ChildPath, PathLike, child_path, key_bytes, list_key, parse
from treering.tree.walk import EMPTY, not_found, value_of

Mask = FieldMask | Iterable[str]


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

        def change(value: Value | None) -> Value:
            if value is None:
                raise not_found(address.path)
            parent = value if type(value) is Node else self._reader.node(value)
            container: Container | None = parent.slots.get(field.number)  # type: ignore[assignment]
            encoded = _new_key(field, given, key, container, address)
            place = Place(self._reader, container.root, encoded) if container else None
            if place and place.found:
                problem = "there is a child with this key already"
                raise AlreadyExists(problem, path=str(child_path(address.path.parent, field, encoded)))
            where = ChildPath(address.path.parent, field, encoded)
            put = None if writer is None else writer.put
            child = value_of(self._build.node(field.shape, given, None, where, address.level + field.levels, put))
            if put is not None:
                child = seal_value(child, put)
            ordered = field.kind is Kind.KEYED
            if place is None:
                first: Page | Pointer | None = build([(encoded, child, 0)])
                assert first is not None
                if put is not None:
                    first = write_root(first, put, None)  # type: ignore[arg-type]
                return parent.with_slot(field.number, Container(first, 1, 1 if ordered else 0))
            assert container is not None
            ordinal = container.next_ordinal if ordered else 0
            edited = place.put(child, ordinal, writer)
            return parent.with_slot(field.number, Container(edited, container.count + 1, ordinal + 1 if ordered else 0))

        return self._change(root, address, change, writer)

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
        address = find_address(self._shape, path).node()
        shape = address.shape
        given = shape.coerce(message)
        fields = None if mask is None else _masked(shape, mask, address)
        carried = shape.set_children(given) if fields is None and shape.children else ()
        if carried:
            problem = "an update takes a node's own fields only; use add or replace for children"
            raise ChildInUpdate(problem, path=str(address.path), field=carried[0].name)

        def change(value: Value | None) -> Value:
            if type(value) is bytes and not value[0]:  # nothing but own fields, and no node to build for them
                was, slots = value[1:], NO_SLOTS
            else:
                before = EMPTY if value is None else self._reader.node(value)
                was, slots = before.own, before.slots
            updated = given
            if fields is not None or strict:
                old = parse(shape, was, address.path)
                if fields is not None:
                    updated = _apply_mask(old, given, fields, address)
                changed = shape.read_only_change(old, updated, fields) if strict else None
                if changed:
                    problem = "a strict update may not change a read-only field"
                    raise ReadOnlyField(problem, path=str(address.path), field=changed)
            _check_key(address, updated)
            own = self._build.own(shape, updated, address, address.level)
            if shape.has_required:
                check_required(shape, updated, _present(shape, slots), address)
            if value is not None and same_own(shape, updated, own, was):
                return value
            return Node(own, slots) if slots or len(own) >= EMBED_BYTES else b"\x00" + own

        return self._change(root, address, change, writer)

    def replace(self, root: Node, path: PathLike, message: Message, writer: Writer | None = None) -> Node:
        """Make the whole subtree at ``path`` equal to ``message``, sharing what is equal already."""
        address = find_address(self._shape, path).node()
        given = address.shape.coerce(message)

        def change(value: Value | None) -> Value:
            _check_key(address, given)
            node = None if value is None else self._reader.node(value)
            put = None if writer is None else writer.put
            made = self._build.node(address.shape, given, node, address.path, address.level, put)
            return value if value is not None and made is node else made

        return self._change(root, address, change, writer)

    def remove(self, root: Node, path: PathLike, writer: Writer | None = None) -> Node:
        """Remove a keyed child, or a map's entry, with all below it."""
        address = find_address(self._shape, path).node()
        if not address.steps or address.steps[-1][1] is None:
            problem = "remove takes a child of a container; a singular child is made absent by clear"
            raise InvalidPath(problem, path=str(address.path))
        return self._change(root, address, _nothing, writer)

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
        return self._change(root, address, _nothing, writer)

    def _change(
        self, root: Node, address: Address, change: Callable[[Value | None], Value | None], writer: Writer | None
    ) -> Node:
        """Change what is at ``address``; None from ``change`` takes it out. One descent; copies one page a level."""
        reader = self._reader
        trail: list[tuple[Node, ChildField, Slot | None, Place | None]] = []
        value: Value | None = root
        for field, key in address.steps:
            if value is None:
                raise not_found(address.path)
            node = value if type(value) is Node else reader.node(value)
            slot = node.slots.get(field.number)
            if key is None:
                place, value = None, slot  # type: ignore[assignment] # a singular child has no container
            else:
                place = Place(reader, slot.root, key) if type(slot) is Container else None
                if place is None or not place.found:
                    raise not_found(address.path)
                value = place.value
            trail.append((node, field, slot, place))
        changed = change(value)
        if changed is value:
            return root
        for node, field, slot, place in reversed(trail):
            if type(changed) is Node:
                changed = value_of(changed) if writer is None else seal_value(changed, writer.put)
            hung: Slot | None = changed
            if place is not None:
                assert type(slot) is Container
                hung = _put(place, slot, changed, writer)
            changed = node.with_slot(field.number, hung)
        assert changed is not None
        top = changed if type(changed) is Node else reader.node(changed)
        return top if writer is None or trail else seal_node(top, writer.put)


def _put(place: Place, container: Container, value: Value | None, writer: Writer | None) -> Container | None:
    """Put another child in its place, or take it out; None where the container is empty then."""
    if value is not None:
        return Container(place.put(value, place.ordinal, writer), container.count, container.next_ordinal)
    rest = place.remove(writer)
    return None if rest is None else Container(rest, container.count - 1, container.next_ordinal)


def _nothing(_: Value | None) -> None:
    return None


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
