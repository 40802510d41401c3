"""Several transactions open at once, among each other and with single edits, held against a brute-force oracle."""

from __future__ import annotations

import gc
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.property.machine.ears import Vetoed
from tests.property.machine.pair import Call, Pair, draw_edits
from tests.property.machine.stores import Stores
from tests.property.machine.telling import tell
from tests.property.orchard import MODEL

import treering
from treering.testing.model import ModelNode, Steps
from treering.testing.oracle import ModelTransaction

MOST = 5
READS = 3
STEPS = ("begin", "begin", "edit", "edit", "edit", "read", "read", "commit", "commit", "outside")


class Transactions(Stores):
    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[Pair] = []

    @rule(data=st.data(), steps=st.lists(st.sampled_from(STEPS), min_size=4, max_size=16))
    def transact(self, data: st.DataObject, steps: list[str]) -> None:
        """Begin, edit, read and commit in any order, with single edits between; what is open stays so for later."""
        for name in steps:
            if name == "outside":
                for call, path, arguments, options in draw_edits(data, self.head, self.history[0].tree):
                    self.edit(call, path, *arguments, **options)
                continue
            if name == "begin" or not self.pairs:
                if len(self.pairs) < MOST:
                    self.pairs.append(self.begin(data))
                    self.edit_within(self.pairs[-1], data)
                continue
            pair = data.draw(st.sampled_from(self.pairs))
            if name == "edit":
                self.edit_within(pair, data)
            elif name == "read":
                for _ in range(READS):
                    pair.read(data)
            else:
                self.pairs.remove(pair)
                self.commit_pair(pair)

    @precondition(lambda self: len(self.pairs) > 1)
    @rule(data=st.data())
    def commit_all(self, data: st.DataObject) -> None:
        for pair in data.draw(st.permutations(self.pairs)):
            self.pairs.remove(pair)
            self.commit_pair(pair)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), way=st.sampled_from(("cancel", "forget", "raise")))
    def give_up(self, data: st.DataObject, way: str) -> None:
        before = self.heads()
        pair = data.draw(st.sampled_from(self.pairs))
        self.pairs.remove(pair)
        for store, real in pair.real.items():
            if way == "raise":
                with pytest.raises(ZeroDivisionError), real:
                    raise ZeroDivisionError
            elif way == "cancel":
                real.cancel()
            if way != "forget":
                assert self.outcome(real.get)[1] is treering.TransactionClosed
            self.ears.check(store, [])
        if way == "forget":
            pair.real.clear()
            gc.collect()
        self.move_on(before, None)

    def close(self) -> None:
        """Transactions end with the handle that they were begun on."""
        super().close()
        for pair in self.pairs:
            for real in pair.real.values():
                for call in (real.get, real.plan, real.commit):
                    assert self.outcome(call)[1] is not None
        self.pairs.clear()

    def begin(self, data: st.DataObject) -> Pair:
        """Begin a transaction of any kind, some of them on a part of the tree, through a proxy."""
        merge: Any = data.draw(st.sampled_from(("node", "node", "field")))
        serializable = data.draw(st.booleans())
        prefix = data.draw(st.just(()) | st.sampled_from(list(MODEL.paths(self.head))))
        real: dict[str, treering.Transaction] = {}
        for store in self.repos:
            with self.node(store, prefix) as proxy:
                real[store] = proxy.transaction(merge=merge, serializable=serializable)
        return Pair(ModelTransaction(MODEL, self.head, by_field=merge == "field"), real, prefix, serializable)

    def edit_within(self, pair: Pair, data: st.DataObject) -> None:
        for call in draw_edits(data, pair.model.tree, pair.model.base, pair.prefix):
            if not self.call(pair, *call):
                break

    def call(self, pair: Pair, name: str, path: Steps, arguments: Call, options: dict[str, Any]) -> bool:
        """Edit in both; outside nothing is seen. PRE hooks hear of it now; return whether they, and all else, agree."""
        model, before = pair.model, pair.model.tree
        heads = self.heads()
        _, error = self.outcome(lambda: getattr(MODEL, name)(before, path, *arguments, **options))
        heard: list[Any] = []
        if error is None:
            after = getattr(MODEL, name)(before, path, *arguments, **options)
            events = [] if self.equal(after, before) else tell(name, path, arguments, before, after)
            events = self.ears.worth_telling(events)
            heard, is_vetoed = self.ears.asked(events)
            if is_vetoed:
                error = Vetoed
            else:
                getattr(model, name)(path, *arguments, **options)
                pair.told += events
        for store, real in pair.real.items():
            edit = partial(getattr(real, name), pair.relative(path), *arguments, **options)
            assert self.outcome(edit)[1] is error, (store, name, path, error)
            self.ears.check(store, heard)
            if not pair.serializable and MODEL.exists(model.tree, pair.prefix):  # else all would have been read
                assert real.get(deep=True) == MODEL.get(model.tree, pair.prefix)
        self.ears.veto_at = None
        self.move_on(heads, None)
        return error is None

    def commit_pair(self, pair: Pair) -> None:
        """What the engine plans, does, tells or refuses is what the oracle says."""
        before, head = self.heads(), self.head
        try:
            merged = pair.model.merge(head)
        except treering.MergeConflict as error:
            for store, real in pair.real.items():
                self.refuse(real, {treering.Path(*steps) for steps in error.paths}, pair)
                self.ears.check(store, [])
            self.move_on(before, None)
            return
        is_new = merged is not head
        heard = self.ears.told(event for event in pair.told if pair.model.came(event.path)) if is_new else []
        for store, real in pair.real.items():
            planned = self.plan(real, pair.prefix, merged)
            commit = real.commit()
            assert commit == self.repos[store].head
            assert (commit != before[store]) == is_new
            self.ears.check(store, heard)
            if planned is not None:
                assert planned == list(self.repos[store].diff(before[store], commit))
            assert self.outcome(real.commit)[1] is treering.TransactionClosed
        self.move_on(before, merged if is_new else None)

    def plan(self, real: treering.Transaction, prefix: Steps, merged: ModelNode) -> list[Any] | None:
        planned, error = self.outcome(lambda: list(real.plan()))
        is_there = MODEL.exists(self.head, prefix) or MODEL.exists(merged, prefix)
        assert error is (None if is_there else treering.PathNotFound)
        return planned

    def refuse(self, real: treering.Transaction, paths: set[treering.Path], pair: Pair) -> None:
        for attempt in (real.plan, real.commit):
            with pytest.raises(treering.MergeConflict) as caught:
                attempt()
            found = {conflict.path for conflict in caught.value.conflicts}
            is_read = paths == {treering.Path()} and pair.serializable  # what was read names itself
            assert is_read or found == paths
        assert self.outcome(real.commit)[1] is treering.TransactionClosed
