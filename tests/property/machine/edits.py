"""Single edits of every kind, good and bad, through the repository and through proxies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from tests.property.machine.places import ODD_PATHS, kind_at, kind_of_field, map_keys
from tests.property.machine.stores import Stores
from tests.property.messages import DEEP, OWN, names
from tests.property.orchard import CHILDREN, CLASSES, MODEL

from treering.testing.model import Steps


class Edits(Stores):
    @rule(data=st.data(), other=st.booleans())
    def add(self, data: st.DataObject, other: bool) -> None:
        """Hooks of this handle hear nothing of what another one does."""
        path = self.container_path(data)
        message = data.draw(DEEP[kind_at(path)])
        key = data.draw(map_keys(path)) if kind_of_field(path) == "map" else None
        self.edit("add", path, message, key=key, other=other)

    @rule(data=st.data())
    def add_many_small(self, data: st.DataObject) -> None:
        """Pages are cut, and cut anew, only where there are many children."""
        first = data.draw(st.integers(0, 1000))
        step = data.draw(st.sampled_from((1, 7, -13)))
        tree: Any = MODEL.join(self.head)
        known = {child.name for child in tree.trees}
        new = [f"tree {first + step * index}" for index in range(data.draw(st.integers(20, 60)))]
        tree.trees.extend(CLASSES["Tree"](name=name, height=first) for name in new if name not in known)
        self.edit("replace", (), tree)

    @rule(
        data=st.data(), strict=st.booleans(), how=st.sampled_from(("good", "good", "with children", "with another key"))
    )
    def update(self, data: st.DataObject, strict: bool, how: str) -> None:
        path = self.node_path(data)
        message = data.draw((DEEP if how == "with children" else OWN)[kind_at(path)])
        if how != "with another key":
            message = self.keyed(path, message)
        self.edit("update", path, message, strict=strict)

    @rule(data=st.data())
    def update_masked(self, data: st.DataObject) -> None:
        path = self.node_path(data)
        message = data.draw(DEEP[kind_at(path)])
        fields = [field.name for field in message.DESCRIPTOR.fields if field.full_name not in CHILDREN]
        mask = data.draw(st.lists(st.sampled_from(fields), unique=True, max_size=3))
        self.edit("update", path, message, mask=mask)

    @rule(data=st.data(), other=st.booleans())
    def replace(self, data: st.DataObject, other: bool) -> None:
        path = self.node_path(data)
        self.edit("replace", path, self.keyed(path, data.draw(DEEP[kind_at(path)])), other=other)

    @rule(data=st.data())
    def reorder(self, data: st.DataObject) -> None:
        """Sibling order alone: a commit with the same tree_id."""
        tree: Any = MODEL.join(self.head)
        order = data.draw(st.permutations(range(len(tree.trees))))
        moved = [type(tree.trees[0]).FromString(tree.trees[index].SerializeToString()) for index in order]
        del tree.trees[:]
        tree.trees.extend(moved)
        self.edit("replace", (), tree)

    @rule(data=st.data(), again=st.booleans())
    def remove(self, data: st.DataObject, again: bool) -> None:
        path = self.node_path(data)
        message = MODEL.get(self.head, path)
        self.edit("remove", path)
        if again and kind_of_field(path) == "keyed":
            self.edit("add", path[:-1], message)

    @rule(data=st.data())
    def clear(self, data: st.DataObject) -> None:
        self.edit("clear", self.singular_path(data))

    @rule(data=st.data(), name=st.sampled_from(("clock", "remark")))
    def create_singular(self, data: st.DataObject, name: str) -> None:
        self.edit("update", (name,), data.draw(OWN[kind_at((name,))]))

    @rule(
        data=st.data(),
        path=st.sampled_from(ODD_PATHS),
        kind=st.sampled_from(sorted(DEEP)),
        call=st.sampled_from(("add", "update", "replace", "remove", "clear")),
    )
    def go_wrong(self, data: st.DataObject, path: Steps, kind: str, call: str) -> None:
        self.edit(call, path, *([] if call in {"remove", "clear"} else [data.draw(OWN[kind])]))

    @rule(data=st.data(), call=st.sampled_from(("add", "update", "replace")))
    def give_another_type(self, data: st.DataObject, call: str) -> None:
        path = self.container_path(data) if call == "add" else self.node_path(data)
        self.edit(call, path, CLASSES["Stranger"](owner="x"))

    @rule(data=st.data(), name=names)
    def replace_with_one_key_twice(self, data: st.DataObject, name: str) -> None:
        orchard: Any = MODEL.join(self.head)
        orchard.trees.add(name=name)
        orchard.trees.add(name=data.draw(st.sampled_from((name, ""))))
        self.edit("replace", (), orchard)
