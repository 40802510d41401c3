"""From messages to nodes: split a deep message along its child fields, keeping whatever is equal to what is there.

With an old node to compare with, the result shares everything that did not change, down to the same Python objects, so
that only differences are written, and nothing at all when there are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from operator import lt

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from treering.errors import AlreadyExists, MissingField, SchemaMismatch, TooDeep, TooLarge
from treering.merkle.bulk import Children, write_columns
from treering.merkle.container import Change, build_columns, edit, iter_leaves
from treering.merkle.seal import Put
from treering.objects.node import EMBED_BYTES, Container, Node, Slot
from treering.objects.page import Entry, Value
from treering.path import Path
from treering.schema.shape import MAX_DEPTH, ChildField, Kind, Shape
from treering.schema.wire import iter_fields
from treering.store.reader import Reader
from treering.tree.address import Address
from treering.tree.seal import seal_slot, seal_value
from treering.tree.view import ChildPath, list_key
from treering.tree.walk import value_of

Where = Path | ChildPath | Address  # for errors

MAX_MESSAGE_BYTES = 64 << 20  # of one node's own fields


class Builder:
    """Builds nodes for one schema; ``reader`` reads what they are compared with."""

    __slots__ = ("_hidden", "_reader")

    def __init__(self, reader: Reader, hidden: Mapping[str, frozenset[int]]) -> None:
        self._reader = reader
        self._hidden = hidden

    def own(self, shape: Shape, message: Message, path: Where, level: int) -> bytes:
        """Return the wire bytes of a message's own fields. ``level``: where it stands in the whole message.

        Raises ``TooDeep``, ``TooLarge``, and ``SchemaMismatch`` where it brings children that only the store's schema
        knows: kept as unknown fields they would be a second copy beside the real ones.
        """
        if level > shape.deepest_level:
            depth = level - 1 + (shape.own_depth or shape.message_depth(message))
            if depth > MAX_DEPTH:
                problem = "the whole tree would nest deeper than protobuf can parse"
                raise TooDeep(problem, path=str(path), depth=depth, limit=MAX_DEPTH)
        own = shape.own_bytes(message)
        if len(own) > MAX_MESSAGE_BYTES:
            problem = "the message is larger than a node may be"
            raise TooLarge(problem, path=str(path), size_bytes=len(own), limit_bytes=MAX_MESSAGE_BYTES)
        if self._hidden and _brings_hidden(own, self._hidden.get(shape.name, frozenset())):
            problem = "the message brings children that this schema does not know; open the store with one that does"
            raise SchemaMismatch(problem, path=str(path), message_type=shape.name)
        return own

    def value(self, shape: Shape, message: Message, path: Where, level: int, put: Put | None) -> Value:
        """Build a new child in the form in which it stands in its parent; with a ``put`` it is written.

        Raises what ``node`` raises.
        """
        if shape.is_plain:
            own = self.own(shape, message, path, level)
            if len(own) < EMBED_BYTES:
                return b"\x00" + own  # and no node is made for it
            child: Value = Node(own)
        else:
            child = value_of(self.node(shape, message, None, path, level, put))
        return child if put is None else seal_value(child, put)

    def node(
        self, shape: Shape, message: Message, old: Node | None, path: Where, level: int, put: Put | None = None
    ) -> Node:
        """Build the node of a deep message; return ``old`` itself where the two are equal.

        ``put``: all that is new below the node is written through it as it is made, in the order in which a seal would.

        Raises ``AlreadyExists`` for two children with one key, ``MissingField``, ``TooDeep`` and ``TooLarge``, and
        what the keys of children raise.
        """
        own = self.own(shape, message, path, level)
        given = shape.set_children(message) if shape.children else ()
        if shape.has_required:
            check_required(shape, message, [field.name for field in given], path)
        if old is None and not given:
            return Node(own)
        before = old.slots if old else {}
        slots: dict[int, Slot] = {number: slot for number, slot in before.items() if number not in shape.by_number}
        for field in given:
            was = before.get(field.number)
            slot: Slot
            if field.kind is Kind.SINGULAR:
                (child,) = field.values(message)
                slot = self._child(field, child, was, ChildPath(path, field, None), level)  # type: ignore[arg-type]
            else:
                slot = self._container(field, message, was, path, level, put)  # type: ignore[arg-type]
            slots[field.number] = slot if put is None or slot is was else seal_slot(slot, put)
        is_same = old is not None and same_own(shape, message, own, old.own)
        if old and is_same and len(slots) == len(before) and all(before.get(n) is s for n, s in slots.items()):
            return old
        return Node(own, slots)

    def _child(self, field: ChildField, message: Message, old: Value | None, path: Where, level: int) -> Value:
        """Build a child's value; return ``old`` itself where it is equal."""
        if old is None:
            return self.value(field.shape, message, path, level + field.levels, None)
        was = self._reader.node(old)
        node = self.node(field.shape, message, was, path, level + field.levels)
        return old if node is was else value_of(node)

    def _container(
        self, field: ChildField, message: Message, old: Container | None, path: Where, level: int, put: Put | None
    ) -> Container:
        """Build a container. With a ``put``, a new one has all pages written but its root."""
        if old is not None:
            return self._reconcile(field, self._keyed_messages(field, message, path), old, path, level)
        keys, children = self._new_children(field, message, path, level)
        count = len(keys)
        order: Sequence[int] = range(count)
        if not all(map(lt, keys, islice(keys, 1, None))):
            if len(set(keys)) != count:
                raise _duplicate(field, keys, path)
            values = children(0, count)  # in their order still: of several that are refused, the first is named
            order = sorted(order, key=keys.__getitem__)
            keys = [keys[position] for position in order]
            values = [values[position] for position in order]
            children = partial(_part, values)
        is_ordered = field.kind is Kind.KEYED
        ordinals = order if is_ordered else (0,) * count
        if put is None:
            root = build_columns(tuple(keys), tuple(children(0, count)), tuple(ordinals))
        else:
            root = write_columns(keys, children, ordinals, put, seal_value)
        return Container(root, count, count if is_ordered else 0)

    def _new_children(
        self, field: ChildField, message: Message, path: Where, level: int
    ) -> tuple[Sequence[bytes], Children]:
        """Return the keys of new children in their order, and what makes the children: each once, and in order."""
        shape, codec = field.shape, field.codec
        keys: Sequence[bytes] | None = None
        if field.kind is Kind.KEYED:
            messages = field.values(message)
        else:
            keyed = self._keyed_messages(field, message, path)
            keys, messages = [key for key, _, _ in keyed], [child for _, child, _ in keyed]
        if shape.children or shape.has_required or shape.own_depth is None or self._hidden.get(shape.name):
            keys = keys or codec.encode_messages(messages)  # type: ignore[union-attr]
            return keys, partial(self._nodes, field, keys, messages, path, level)
        # Nothing but own fields, and nothing to check of them but their size: less than half of the time.
        owns = shape.all_bytes(messages)
        keys = keys or codec.find_on_wire(owns) or codec.encode_messages(messages)  # type: ignore[union-attr]
        return keys, partial(self._leaves, field, keys, messages, owns, path, level)

    def _nodes(
        self,
        field: ChildField,
        keys: Sequence[bytes],
        messages: Sequence[Message],
        path: Where,
        level: int,
        start: int,
        end: int,
    ) -> list[Value]:
        level += field.levels
        return [
            value_of(self.node(field.shape, child, None, ChildPath(path, field, key), level))
            for key, child in zip(keys[start:end], messages[start:end], strict=True)
        ]

    def _leaves(
        self,
        field: ChildField,
        keys: Sequence[bytes],
        messages: Sequence[Message],
        owns: list[bytes],
        path: Where,
        level: int,
        start: int,
        end: int,
    ) -> list[Value]:
        shape, level = field.shape, level + field.levels
        chunk = owns[start:end]
        owns[start:end] = [b""] * len(chunk)  # they are asked for once: as pages are written, memory becomes free again
        if level - 1 + (shape.own_depth or 0) > MAX_DEPTH:
            self.own(shape, messages[0], ChildPath(path, field, keys[0]), level)  # raises
        if max(map(len, chunk)) < EMBED_BYTES:
            return [b"\x00" + own for own in chunk]
        return [
            b"\x00" + own
            if len(own) < EMBED_BYTES
            else Node(self.own(shape, messages[at], ChildPath(path, field, keys[at]), level))
            for at, own in enumerate(chunk, start)
        ]

    def _keyed_messages(self, field: ChildField, message: Message, path: Where) -> Sequence[tuple[bytes, Message, int]]:
        """Return (key, message, position among the siblings) of the children; position 0: order is not kept."""
        values = field.values(message)
        if field.kind is Kind.LIST:
            return [(list_key(position), child, 0) for position, child in enumerate(values)]
        assert field.codec is not None
        if field.kind is Kind.MAP:
            encode = field.codec.encode
            return [(encode(key), child, 0) for key, child in field.items(message)]
        encode_message = field.codec.encode_message
        keyed = [(encode_message(child), child, position) for position, child in enumerate(values)]
        if len({key for key, _, _ in keyed}) != len(keyed):
            raise _duplicate(field, [key for key, _, _ in keyed], path)
        return keyed

    def _reconcile(
        self,
        field: ChildField,
        keyed: Sequence[tuple[bytes, Message, int]],
        old: Container,
        path: Where,
        level: int,
    ) -> Container:
        before: dict[bytes, Entry] = {
            entry[0]: entry for leaf in iter_leaves(self._reader, [old.root]) for entry in leaf.entries()
        }
        changes: dict[bytes, tuple[Value, int] | None] = dict.fromkeys(before.keys() - {key for key, _, _ in keyed})
        ordinals = _Ordinals(old.next_ordinal) if field.kind is Kind.KEYED else None
        for key, message, _ in keyed:
            was = before.get(key)
            value = self._child(field, message, was[1] if was else None, ChildPath(path, field, key), level)
            ordinal = ordinals.place(was[2] if was else None) if ordinals else 0
            if was is None or value is not was[1] or ordinal != was[2]:
                changes[key] = (value, ordinal)
        if not changes:
            return old
        root = edit(self._reader, old.root, sorted(changes.items(), key=_key_of))
        assert root is not None
        return Container(root, root.count, ordinals.next if ordinals else 0)


class _Ordinals:
    """Numbers siblings so that they stand in the order of the calls, keeping the number they have where that does."""

    def __init__(self, following: int) -> None:
        self.next = following
        self._last = -1

    def place(self, ordinal: int | None) -> int:
        if ordinal is None or ordinal <= self._last:
            ordinal = self.next
            self.next += 1
        self._last = ordinal
        return ordinal


def same_own(shape: Shape, message: Message, own: bytes, old: bytes) -> bool:
    """Tell whether ``own``, the serialised own fields of ``message``, says the same as the stored ``old``.

    A program that does not know a field writes it behind those that it knows, so equal messages may differ as bytes.
    """
    if own == old:
        return True
    if len(own) != len(old) or (shape.own_depth == 1 and not UnknownFieldSet(message)):
        return False
    return shape.parse(old).SerializePartialToString(deterministic=True) == own


def check_required(shape: Shape, message: Message, present: Sequence[str], path: Where) -> None:
    """Raise ``MissingField`` where a required field (proto2) is not set; ``present`` names the children that are."""
    missing = shape.missing_required(message, present)
    if missing:
        problem = "a required field is not set"
        raise MissingField(problem, path=str(path), fields=missing)


def _brings_hidden(own: bytes, hidden: frozenset[int]) -> bool:
    return bool(hidden) and any(number in hidden for number, _, _ in iter_fields(own))


def _part(values: Sequence[Value], start: int, end: int) -> Sequence[Value]:
    return values[start:end]


def _duplicate(field: ChildField, keys: Sequence[bytes], path: Where) -> AlreadyExists:
    seen: set[bytes] = set()
    for key in keys:
        if key in seen:
            problem = "two children have the same key"
            return AlreadyExists(problem, path=str(ChildPath(path, field, key)))
        seen.add(key)
    raise AssertionError  # pragma: no cover - the caller found one


def _key_of(entry: tuple[bytes, object] | Entry | Change) -> bytes:
    return entry[0]
