"""What a tree of messages must do, in plain Python: the model that tests compare treering with.

It shares nothing with the engine but the error classes. A tree is a frozen value of dicts and lists; keys are
protobuf's Python values; every edit returns a new tree. Slow and obvious on purpose: what it says is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import message_factory
from google.protobuf.message import Message

from treering.errors import (
    AlreadyExists,
    ChildInUpdate,
    InvalidPath,
    KeyChanged,
    NotAContainer,
    PathNotFound,
    ReadOnlyField,
    WrongType,
)
from treering.testing.model_tree import (
    ALL_LEVELS,
    Descriptor,
    ModelField,
    ModelNode,
    ModelSchema,
    Steps,
    children_of,
)


class Model(ModelSchema):
    """The rules for one root type. ``children``, ``read_only``: by full field name, as ``Schema`` takes them."""

    def __init__(self, root: type[Message], children: Mapping[str, str | None], read_only: Sequence[str] = ()) -> None:
        super().__init__(children)
        self._root = root
        self._read_only = frozenset(read_only)

    def empty(self) -> ModelNode:
        """Return the tree of a new store."""
        return ModelNode(self._root())

    def paths(self, node: ModelNode) -> Iterator[Steps]:
        """Yield the paths of all nodes that have one, the root's first."""
        yield ()
        for name, slot in node.slots.items():
            below: dict[Steps, ModelNode] = {(name,): slot} if isinstance(slot, ModelNode) else {}
            if isinstance(slot, Mapping):
                below = {(name, key): child for key, child in slot.items()}
            for start, child in below.items():
                yield from ((*start, *rest) for rest in self.paths(child))

    # Reading

    def get(self, tree: ModelNode, steps: Steps, depth: int = ALL_LEVELS) -> Any:
        """Return what ``get`` returns: a message, of a container a list, of a map a dict."""
        way, container = self._resolve(steps)
        if container is None:
            node = self._find(tree, way)
            if node is None:
                if way[-1][0].kind != "singular" or self._find(tree, way[:-1]) is None:
                    raise PathNotFound("nothing there")
                return self._class(way[-1][0].type)()
            return self.join(node, depth)
        slot = self._container(tree, way, container)
        if container.kind == "map":
            return {key: self.join(child, depth) for key, child in slot.items()}
        return [self.join(child, depth) for child in children_of(slot)]

    def keys(self, tree: ModelNode, steps: Steps) -> list[Any]:
        """Return the keys of a container in key order, of a plain list the positions."""
        way, container = self._resolve(steps)
        if container is None:
            raise NotAContainer("not a container")
        slot = self._container(tree, way, container)
        return sorted(slot) if isinstance(slot, Mapping) else list(range(len(slot)))

    def exists(self, tree: ModelNode, steps: Steps) -> bool:
        """Tell what ``exists`` tells."""
        return self._find(tree, self._resolve(steps)[0]) is not None

    # Editing

    def add(self, tree: ModelNode, steps: Steps, message: Message, key: Any = None) -> ModelNode:
        """Add a child at the end of a container; ``key`` for maps."""
        way, container = self._resolve(steps)
        if container is None:
            raise NotAContainer("not a container")
        self._check_type(message, container.type)

        def change(parent: ModelNode | None) -> ModelNode:
            if parent is None:
                raise PathNotFound("no parent")
            if (key is None) == (container.kind == "map"):
                raise InvalidPath("a key for maps, and there only")
            if container.kind == "list":
                children: Any = [*children_of(parent.slots.get(container.name, ())), self.split(message)]
            else:
                name = container.key_from(key) if container.kind == "map" else container.key_of(message)
                children = parent.slots.get(container.name, {})
                if name in children:
                    raise AlreadyExists("key taken")
                children = {**children, name: self.split(message)}
            return _with_slot(parent, container.name, children)

        return self._change(tree, way, change)

    def update(
        self,
        tree: ModelNode,
        steps: Steps,
        message: Message,
        mask: Sequence[str] | None = None,
        *,
        strict: bool = False,
    ) -> ModelNode:
        """Replace own fields, those of ``mask`` only where it is given."""
        way = self._node_way(steps)
        kind = way[-1][0].type if way else self._root.DESCRIPTOR
        self._check_type(message, kind)
        children = self.fields(kind)
        for name in children if mask is None else mask:
            if name in children and (mask is not None or self._split_field(children[name], message)):
                raise ChildInUpdate("children in an update")
            if name not in kind.fields_by_name:
                raise WrongType("no such field")

        def change(node: ModelNode | None) -> ModelNode:
            before = node.own if node else self._class(kind)()
            own = type(before)()
            own.CopyFrom(before if mask is not None else message)
            for name in mask or ():
                _copy_field(own, message, name)
            if strict and any(self._field_differs(before, own, found) for found in kind.fields):
                raise ReadOnlyField("read-only")
            self._check_key(way, own)
            return ModelNode(own, node.slots if node else {})

        return self._change(tree, way, change)

    def replace(self, tree: ModelNode, steps: Steps, message: Message) -> ModelNode:
        """Make the whole subtree equal to ``message``."""
        way = self._node_way(steps)
        self._check_type(message, way[-1][0].type if way else self._root.DESCRIPTOR)

        def change(_: ModelNode | None) -> ModelNode:
            self._check_key(way, message)
            return self.split(message)

        return self._change(tree, way, change)

    def remove(self, tree: ModelNode, steps: Steps) -> ModelNode:
        """Take a child out of a container."""
        way = self._node_way(steps)
        if not way or way[-1][0].kind == "singular":
            raise InvalidPath("not in a container")
        return self._change(tree, way, _nothing)

    def clear(self, tree: ModelNode, steps: Steps) -> ModelNode:
        """Make a singular child absent."""
        way = self._node_way(steps)
        if not way or way[-1][0].kind != "singular":
            raise InvalidPath("not singular")
        return self._change(tree, way, _nothing)

    def _resolve(self, steps: Steps) -> tuple[list[tuple[ModelField, Any]], ModelField | None]:
        """Return the (field, key) pairs that lead to a node, and the container at the end where there is one."""
        kind = self._root.DESCRIPTOR
        way: list[tuple[ModelField, Any]] = []
        rest = iter(steps)
        for name in rest:
            child = self.fields(kind).get(name)
            if child is None:
                raise PathNotFound("no such child field")
            kind = child.type
            if child.kind == "singular":
                way.append((child, None))
                continue
            step = next(rest, None)
            if step is None:
                return way, child
            if child.kind == "list":
                raise PathNotFound("no paths in a list")
            way.append((child, child.key_from(step)))
        return way, None

    def _node_way(self, steps: Steps) -> list[tuple[ModelField, Any]]:
        way, container = self._resolve(steps)
        if container is not None:
            raise InvalidPath("a container, not a node")
        return way

    def _find(self, tree: ModelNode, way: Sequence[tuple[ModelField, Any]]) -> ModelNode | None:
        node: Any = tree
        for child, key in way:
            node = node.slots.get(child.name)
            if node is not None and child.kind != "singular":
                node = node.get(key)
            if node is None:
                return None
        return node  # type: ignore[no-any-return]

    def _container(self, tree: ModelNode, way: Sequence[tuple[ModelField, Any]], container: ModelField) -> Any:
        parent = self._find(tree, way)
        if parent is None:
            raise PathNotFound("no parent")
        return parent.slots.get(container.name, [] if container.kind == "list" else {})

    def _change(
        self,
        node: ModelNode,
        way: Sequence[tuple[ModelField, Any]],
        change: Callable[[ModelNode | None], ModelNode | None],
    ) -> ModelNode:
        """Change what stands at the end of the way; None from ``change`` takes it out."""
        if not way:
            changed = change(node)
            assert changed is not None, "the root stays"
            return changed
        (child, key), rest = way[0], way[1:]
        slot: Any = node.slots.get(child.name)
        below = slot if child.kind == "singular" or slot is None else slot.get(key)
        if below is None and (rest or child.kind != "singular"):
            raise PathNotFound("nothing there")
        after = self._change(below, rest, change) if rest else change(below)
        if child.kind == "singular":
            return _with_slot(node, child.name, after)
        others = {name: value for name, value in slot.items() if name != key}
        return _with_slot(node, child.name, others if after is None else {**slot, key: after})

    def _check_key(self, way: Sequence[tuple[ModelField, Any]], message: Message) -> None:
        if way and way[-1][0].kind == "keyed":
            child, key = way[-1]
            values = tuple(getattr(message, found.name) for found in child.keys)
            if (values[0] if len(values) == 1 else values) != key:
                raise KeyChanged("another key")

    def _field_differs(self, old: Message, new: Message, found: Descriptor) -> bool:
        return found.full_name in self._read_only and getattr(old, found.name) != getattr(new, found.name)

    def _check_type(self, message: Message, kind: Descriptor) -> None:
        if message.DESCRIPTOR.full_name != kind.full_name:
            raise WrongType("of another type")

    def _class(self, kind: Descriptor) -> type[Message]:
        return message_factory.GetMessageClass(kind)


def _nothing(_: ModelNode | None) -> None:
    return None


def _with_slot(node: ModelNode, name: str, slot: Any) -> ModelNode:
    slots = {key: value for key, value in node.slots.items() if key != name}
    return ModelNode(node.own, {**slots, name: slot} if slot else slots)


def _copy_field(target: Message, source: Message, name: str) -> None:
    whole = type(source)()
    whole.CopyFrom(source)
    for other in source.DESCRIPTOR.fields:
        if other.name != name:
            whole.ClearField(other.name)
    target.ClearField(name)
    target.MergeFrom(whole)
