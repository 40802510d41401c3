"""One tree, read through a schema: what a snapshot, a transaction and the head offer to readers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message

from treering.errors import Corruption, TooLarge, WrongType
from treering.merkle.container import iter_entries
from treering.objects.node import Container, Node
from treering.objects.page import Entry
from treering.path import Path
from treering.schema.key import KeyValue
from treering.schema.shape import ChildField, Kind, Shape
from treering.store.reader import Reader
from treering.tree.address import Address, find_address
from treering.tree.join import ALL_LEVELS, join, join_children
from treering.tree.walk import find_container, find_node, find_value, get_node

T = TypeVar("T")

PathLike = str | Path | tuple[object, ...]
Key = KeyValue | int  # of a plain list: the position
MAX_PARSE_BYTES = (1 << 31) - 1  # protobuf's own limit for one message


class View:
    """A root node with the schema to read it by. Immutable; every message returned is the caller's own copy."""

    __slots__ = ("reader", "root", "shape")

    def __init__(self, reader: Reader, shape: Shape, root: Node) -> None:
        self.reader = reader
        self.shape = shape
        self.root = root

    def get(self, path: PathLike = "/", *, depth: int = 0, deep: bool = False) -> Any:
        """Return the message at a path; of a container, a list of messages, or of a map field a dict."""
        address = find_address(self.shape, path)
        if address.container is not None:
            container = find_container(self.reader, self.root, address)
            return self.messages(address.container, container, ALL_LEVELS if deep else depth, address)
        value = find_value(self.reader, self.root, address.steps)
        if type(value) is bytes and not value[0]:  # nothing but own fields, and no node to build for them
            return parse(address.shape, value[1:], address)
        node = get_node(self.reader, self.root, address) if value is None else self.reader.node(value)
        content = join(self.reader, address.shape, node, ALL_LEVELS if deep else depth)
        return parse(address.shape, content, address)

    def checked(self, read: Callable[[], T]) -> T:
        """Read; a snapshot tells here that what is missing was pruned."""
        return read()

    def messages(
        self, field: ChildField, container: Container | None, levels: int, path: Path | Address
    ) -> list[Message] | dict[KeyValue, Message]:
        """Return the children of a container as ``get`` does."""
        children = join_children(self.reader, field, container, levels) if container else iter(())
        if field.kind is Kind.MAP:
            assert field.codec is not None
            return {field.codec.decode(key): parse(field.shape, content, path) for key, content in children}
        return [parse(field.shape, content, path) for _, content in children]

    def keys(self, path: PathLike, *, start: object = None, limit: int | None = None) -> list[Any]:
        """Return keys in key order, from ``start`` on (inclusive), at most ``limit``."""
        check_limit(limit)
        address = find_address(self.shape, path)
        field = address.children()
        return [key_value(field, key) for key, _, _ in islice(self._entries(address, start), limit)]

    def iterate(self, path: PathLike, *, start: object = None) -> Iterator[tuple[Any, Any]]:
        """Yield (key, message) in key order from ``start`` on, reading on as the caller does."""
        address = find_address(self.shape, path)
        field = address.children()
        entries = self._entries(address, start)  # errors come now, not at the first step
        return (
            (key_value(field, key), parse(field.shape, self.reader.node(value).own, address))
            for key, value, _ in entries
        )

    def count(self, path: PathLike) -> int:
        """Return the number of children. Reads nothing below the container's own node."""
        address = find_address(self.shape, path)
        address.children()
        container = find_container(self.reader, self.root, address)
        return container.count if container else 0

    def exists(self, path: PathLike) -> bool:
        """Tell whether something is at a path; ``PathNotFound`` only for a field that the schema does not have."""
        return find_node(self.reader, self.root, find_address(self.shape, path).steps) is not None

    def _entries(self, address: Address, start: object) -> Iterator[Entry]:
        container = find_container(self.reader, self.root, address)
        first = b"" if start is None else key_bytes(address.children(), start)
        return iter_entries(self.reader, container.root, first) if container else iter(())


def check_limit(limit: int | None) -> None:
    """Raise `WrongType` for what cannot limit a listing."""
    if limit is not None and limit < 0:
        raise WrongType("a limit is a number from 0 on, or None", given=limit)


def parse(shape: Shape, data: bytes, path: Path | Address) -> Message:
    """Parse wire bytes that were stored, so what does not parse is damage (or of another type by a bad schema)."""
    if len(data) > MAX_PARSE_BYTES:
        message = "the message at this path is larger than protobuf can parse; read it in parts"
        raise TooLarge(message, path=str(path), size_bytes=len(data), limit_bytes=MAX_PARSE_BYTES)
    try:
        return shape.parse(data)
    except DecodeError as error:
        problem = "a stored message does not parse as its type"
        raise Corruption(problem, path=str(path), message_type=shape.name) from error


def list_key(position: int) -> bytes:
    """Encode a position in a plain list, as its container's key."""
    return position.to_bytes(8, "big")


def key_value(field: ChildField, key: bytes) -> Key:
    """Decode a container's key to the value that protobuf's Python has for it."""
    return field.codec.decode(key) if field.codec else int.from_bytes(key, "big")


def key_bytes(field: ChildField, value: object) -> bytes:
    """Encode a key given by a caller. ``WrongType`` or ``InvalidPath`` for what cannot be one."""
    if field.codec is not None:
        return field.codec.encode(field.codec.from_value(value))
    if not isinstance(value, int) or value < 0:
        problem = "a position in a plain list is a number from 0 on"
        raise WrongType(problem, given=value)
    return list_key(value)


class ChildPath(NamedTuple):
    """The path of a child, put together only when an error names it: most never are.

    ``above``: where the node is that has the child; of a container's address, the node that has the container.
    """

    above: Path | ChildPath | Address
    field: ChildField
    key: bytes | None

    def path(self) -> Path:
        """Return the path itself."""
        above = self.above
        if isinstance(above, ChildPath):
            above = above.path()
        elif isinstance(above, Address):
            above = above.path if above.container is None else above.path.parent
        return child_path(above, self.field, self.key)

    def __str__(self) -> str:
        return str(self.path())


def child_path(path: Path, field: ChildField, key: bytes | None) -> Path:
    """Return the path of a child below the node at ``path``."""
    base = path.child(field.name)
    if key is None or field.codec is None:
        return base
    return base.child(field.codec.to_text(field.codec.decode(key)))
