"""What a serializable transaction read, in a form to compare with the head later. Sibling order is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, takewhile
from typing import Any

from treering.errors import PathNotFound
from treering.merkle.container import iter_entries
from treering.objects.frame import NODE, hash_content
from treering.objects.node import Container, Node
from treering.objects.pointer import Pointer
from treering.store.reader import Reader
from treering.tree.address import Address
from treering.tree.join import ALL_LEVELS
from treering.tree.view import key_bytes
from treering.tree.walk import find_container, find_node

Probe = Callable[[Node], Any]  # of the root of a written tree


def probe_get(reader: Reader, address: Address, levels: int) -> Probe:
    """What ``get`` sees: own fields, and those of children as deep as they were asked for."""

    def probe(root: Node) -> Any:
        node = find_node(reader, root, address.steps)
        if node is None:
            return _parent_exists(reader, root, address)
        if address.container is None:
            return _node(reader, node, levels)
        return _container(reader, node.slots.get(address.container.number), levels)  # type: ignore[arg-type]

    return probe


def probe_exists(reader: Reader, address: Address) -> Probe:
    """What ``exists`` sees."""
    return lambda root: find_node(reader, root, address.steps) is not None


def probe_count(reader: Reader, address: Address) -> Probe:
    """What ``count`` sees."""

    def probe(root: Node) -> Any:
        container = _find(reader, root, address)
        return container.count if type(container) is Container else container

    return probe


def probe_keys(reader: Reader, address: Address, start: object, limit: int | None) -> Probe:
    """What ``keys`` sees."""

    def probe(root: Node) -> Any:
        container = _find(reader, root, address)
        if type(container) is not Container:
            return container
        return [key for key, _, _ in islice(iter_entries(reader, container.root, _first(address, start)), limit)]

    return probe


class IterationProbe:
    """What ``iterate`` sees, as far as its caller went: keys and own fields. ``seen`` grows as the caller goes on."""

    def __init__(self, reader: Reader, address: Address, start: object, base: Node) -> None:
        self.seen: list[tuple[bytes, bytes]] = []
        self._reader = reader
        self._address = address
        self._start = start
        self._reached: bytes | None = b""  # the last key passed on; None: the end
        self._of_base = self._iterate(base)
        self._next: tuple[bytes, bytes] | None = next(self._of_base, None)

    def reach(self, key: bytes | None) -> None:
        """Note that the caller was given ``key`` (None: that there are no more)."""
        self._reached = key
        while self._next is not None and (key is None or self._next[0] <= key):
            self.seen.append(self._next)
            self._next = next(self._of_base, None)

    def probe(self, root: Node) -> list[tuple[bytes, bytes]]:
        """Return what another tree has in the part that the caller went through."""
        last = self._reached
        return list(takewhile(lambda entry: last is None or entry[0] <= last, self._iterate(root)))

    def _iterate(self, root: Node) -> Iterator[tuple[bytes, bytes]]:
        container = _find(self._reader, root, self._address)
        if type(container) is Container:
            for key, value, _ in iter_entries(self._reader, container.root, _first(self._address, self._start)):
                yield key, self._reader.node(value).own


def _find(reader: Reader, root: Node, address: Address) -> Container | str | None:
    try:
        return find_container(reader, root, address)
    except PathNotFound:
        return "no parent"


def _first(address: Address, start: object) -> bytes:
    return b"" if start is None else key_bytes(address.children(), start)


def _parent_exists(reader: Reader, root: Node, address: Address) -> bool:
    return find_node(reader, root, address.steps[:-1]) is not None


def _node(reader: Reader, node: Node, levels: int) -> Any:
    if levels >= ALL_LEVELS:
        return hash_content(NODE, node.encode()[0])
    if levels <= 0:
        return node.own
    below = {
        number: _container(reader, slot, levels - 1)
        if type(slot) is Container
        else _node(reader, reader.node(slot), levels - 1)  # type: ignore[arg-type]
        for number, slot in node.slots.items()
    }
    return node.own, below


def _container(reader: Reader, container: Container | None, levels: int) -> Any:
    if container is None:
        return None
    if levels >= ALL_LEVELS - 1:  # the whole content: its hash, or itself where it is embedded
        return container.root.hash if type(container.root) is Pointer else container.root.encode()[0]  # type: ignore[union-attr]
    return [(key, _node(reader, reader.node(value), levels)) for key, value, _ in iter_entries(reader, container.root)]
