"""Hooks that come and go on many nodes, and proxies, through which they are put there and edits are made."""

from __future__ import annotations

from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.property.machine.ears import Ears
from tests.property.machine.stores import Stores
from tests.property.orchard import MODEL

import treering
from treering import HookKind
from treering.testing.model import Steps


class Hooks(Stores):
    """Every edit of every rule is held against what the hooks should hear of it; see ``Stores.edit``."""

    def __init__(self) -> None:
        super().__init__()
        self.exclusive: set[Steps] = set()

    @rule(data=st.data(), kinds=st.lists(st.sampled_from(HookKind), min_size=1, max_size=4), number=st.integers(0, 1))
    def listen(self, data: st.DataObject, kinds: list[HookKind], number: int) -> None:
        self.put_on(self.hooked_path(data), kinds, number)

    @rule(data=st.data())
    def listen_to_every_edit(self, data: st.DataObject) -> None:
        """Of a node, and of all above it."""
        self.put_on_all_above(self.hooked_path(data))

    @precondition(lambda self: any(self.ears.listening.values()))
    @rule(data=st.data(), number=st.integers(0, 1))
    def stop_listening(self, data: st.DataObject, number: int) -> None:
        kind, path = data.draw(st.sampled_from([at for at, numbers in self.ears.listening.items() if numbers]))
        if not MODEL.exists(self.head, path) and path not in self.proxies:
            return  # a proxy of what is not there cannot be had
        numbers = self.ears.listening[kind, path]
        for store in self.repos:
            with self.node(store, path) as proxy:
                assert proxy.off(kind, self.ears.functions[store, number].hear) == (number in numbers)
        self.ears.listening[kind, path] = [other for other in numbers if other != number]

    @precondition(lambda self: any(self.ears.listening.values()))
    @rule(at=st.integers(0, 3))
    def veto(self, at: int) -> None:
        """Have one of the next PRE hooks refuse."""
        self.ears.veto_at = at

    @rule(data=st.data(), exclusive=st.booleans())
    def open_a_proxy(self, data: st.DataObject, exclusive: bool) -> None:
        """Edits and reads at and below the node go through it from now on."""
        path = self.hooked_path(data)
        is_taken = path in self.exclusive or (exclusive and path in self.proxies)
        opened: dict[str, treering.Proxy] = {}
        for store, repo in self.repos.items():
            proxy, error = self.outcome(partial(repo.proxy, path, exclusive=exclusive))
            assert error is (treering.ProxyTaken if is_taken else None)
            if proxy is not None:
                opened[store] = proxy
        if opened:
            self.proxies.setdefault(path, []).append(opened)
            if exclusive:
                self.exclusive.add(path)

    @precondition(lambda self: self.proxies)
    @rule(data=st.data())
    def close_a_proxy(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(list(self.proxies)))
        closed = self.proxies[path].pop()
        if not self.proxies[path]:
            del self.proxies[path]
        self.exclusive.discard(path)
        for proxy in closed.values():
            proxy.close()
            assert self.outcome(proxy.get)[1] is treering.Unavailable

    @rule(data=st.data(), depth=st.integers(0, 2))
    def get_with_hooks(self, data: st.DataObject, depth: int) -> None:
        """A read of exactly this node is told, one of a node above is not."""
        path = self.hooked_path(data)
        self.ears.reads.clear()
        through = self.prefix(path)
        expected = MODEL.get(self.head, path, depth)
        self.same(lambda: expected, lambda target: target.get(path[len(through) :], depth=depth), through)
        numbers = self.ears.listening.get((HookKind.GET, path), ())
        notes = [(HookKind.GET, path, number, expected) for number in numbers]
        for store in self.repos:
            assert self.ears.reads[store] == notes
            self.repos[store].get(path, depth=depth, at="main")
            assert self.ears.reads[store] == notes, "a read of a commit was told"

    def close(self) -> None:
        super().close()
        self.exclusive.clear()
        self.ears = Ears(())
