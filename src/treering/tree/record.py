"""From the edits of a transaction to what it touched."""

from __future__ import annotations

from google.protobuf.message import Message

from treering.merkle.container import find_entry
from treering.objects.node import Container, Node
from treering.objects.page import Value
from treering.schema.shape import ChildField, Kind, Shape
from treering.store.reader import Reader
from treering.tree.address import Step, find_address
from treering.tree.touch import UNTOUCHED, Touch
from treering.tree.view import PathLike, key_bytes
from treering.tree.walk import find_node


class Recorder:
    """Notes in ``touch`` what each edit wrote, and what the base has there. Call after the edit went well."""

    def __init__(self, reader: Reader, shape: Shape, base: Node) -> None:
        self.touch = Touch()
        self._reader = reader
        self._shape = shape
        self._base = base

    def note(self, kind: str, path: PathLike, before: Node, after: Node, message: Message | None, key: object) -> None:
        """Note an edit of ``kind`` (add, update, replace, remove, clear) that turned ``before`` into ``after``."""
        if before is after and kind != "add":
            return
        address = find_address(self._shape, path)
        steps = address.steps
        moved = False
        if kind == "add":
            field = address.children()
            assert message is not None
            if field.kind is Kind.LIST:
                self.touch.write_list(steps, field.number, find_node(self._reader, self._base, steps))
                return
            given = address.shape.coerce(message)
            steps = (*steps, (field, _key(field, given, key)))
            moved = field.kind is Kind.KEYED
        touch = self.touch.find(steps)
        if touch is None:
            return
        if touch.whole is not UNTOUCHED:
            touch.moved = touch.moved or moved
        elif kind != "update":
            touch.write_whole(self._value(steps), moved=moved)
        elif touch.own is UNTOUCHED:
            # Nothing here or above was written as a whole, so it was there before if it is in the base: one descent.
            seen = find_node(self._reader, self._base, steps)
            if seen is None:
                touch.write_whole(None)
            else:
                touch.own = seen.own

    def _value(self, steps: tuple[Step, ...]) -> Value | None:
        """Return what the base has at ``steps``."""
        if not steps:
            return self._base
        parent = find_node(self._reader, self._base, steps[:-1])
        field, key = steps[-1]
        slot = parent.slots.get(field.number) if parent else None
        if key is None:
            return slot  # type: ignore[return-value]
        entry = find_entry(self._reader, slot.root, key) if type(slot) is Container else None
        return entry[0] if entry else None


def _key(field: ChildField, message: Message, key: object) -> bytes:
    assert field.codec is not None
    return key_bytes(field, key) if field.kind is Kind.MAP else field.codec.encode_message(message)
