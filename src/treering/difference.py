"""What differs between two commits: what ``repo.diff`` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from treering.errors import PathNotFound
from treering.objects.node import Node, Slot
from treering.tree.address import Address
from treering.tree.diff import Change, Differ
from treering.tree.patch import Patcher
from treering.tree.view import View
from treering.tree.walk import find_node

T = TypeVar("T")


class Diff:
    """The changes that lead from one tree to another, at and below a path.

    Iterate for `Change` objects: a node's own fields first, then its children by field and key. Again for the same.
    True where anything but sibling order differs. Reads pages in proportion to what differs.
    """

    __slots__ = ("_address", "_new", "_old", "_reader", "_sides")

    def __init__(self, old: View, new: View, address: Address) -> None:
        self._reader = new.reader
        self._sides = (old, new)  # snapshots keep what they read from being pruned here
        self._address = address
        self._old = find_node(old.reader, old.root, address.steps)
        self._new = find_node(new.reader, new.root, address.steps)
        if self._old is None and self._new is None:
            raise PathNotFound("there is nothing at this path on either side", path=str(address.path))

    def __iter__(self) -> Iterator[Change]:
        differ, address = Differ(self._reader), self._address
        if address.container is None:
            changes = differ.values(address.shape, self._old, self._new, address.path)
        else:
            changes = differ.slots(address.container, *self._slots(), address.path.parent)
        while (change := self._checked(lambda: next(changes, None))) is not None:
            yield change

    def __bool__(self) -> bool:
        return any(True for _ in self)

    def __repr__(self) -> str:
        return f"<Diff of {str(self._address.path)!r}>"

    def json_patch(self) -> list[dict[str, Any]]:
        """Return RFC 6902 operations that turn the JSON of the old message into that of the new one.

        JSON as ``MessageToDict(deep message, preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True)`` gives it; pointers are relative to the path of the diff. Where that
        is missing on one side, one operation puts or removes the whole document. Sibling order counts here: keyed
        children are an array.
        """
        return self._checked(self._patch)

    def _patch(self) -> list[dict[str, Any]]:
        patcher, address = Patcher(self._reader), self._address
        if address.container is None:
            if self._old is not None and self._new is not None:
                return list(patcher.nodes(address.shape, self._old, self._new, ""))
            return _whole(None if self._new is None else patcher.value(address.shape, self._new))
        if self._old is not None and self._new is not None:
            return list(patcher.slots(address.container, *self._slots(), ""))
        return _whole(None if self._new is None else patcher.children(address.container, self._slots()[1]))  # type: ignore[arg-type]

    def _checked(self, read: Callable[[], T]) -> T:
        """Read; where another process has pruned one of the sides, say so."""
        old, new = self._sides
        return old.checked(lambda: new.checked(read))

    def _slots(self) -> tuple[Slot | None, Slot | None]:
        assert self._address.container is not None
        number = self._address.container.number
        return _slot(self._old, number), _slot(self._new, number)


def _slot(node: Node | None, number: int) -> Slot | None:
    return node.slots.get(number) if node else None


def _whole(document: object) -> list[dict[str, Any]]:
    if document is None:
        return [{"op": "remove", "path": ""}]
    return [{"op": "add", "path": "", "value": document}]
