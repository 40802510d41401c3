"""Functions that are called when a node is read or edited, in this process.

A hook belongs to a node, known by the fields and keys that lead to it. The table knows nothing of trees or commits:
edits announce what they are about to do (``before``), and hand over what was done once it is durable (``after``).
"""

from __future__ import annotations

import contextvars
import enum
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message

from treering.errors import TooDeep, WrongType
from treering.path import Path

MAX_CHAIN = 16

_log = logging.getLogger("treering.hooks")
_chain: contextvars.ContextVar[int] = contextvars.ContextVar("treering_hook_chain", default=0)
chain_depth = _chain.get  # how many POST hooks that write have led here, one out of the other


class HookKind(enum.Enum):
    """When a hook is called."""

    GET = "get"
    PRE_ADD = "pre_add"
    POST_ADD = "post_add"
    PRE_UPDATE = "pre_update"
    POST_UPDATE = "post_update"
    PRE_REMOVE = "pre_remove"
    POST_REMOVE = "post_remove"


Hook = Callable[..., Any]
_PRE = {"add": HookKind.PRE_ADD, "update": HookKind.PRE_UPDATE, "remove": HookKind.PRE_REMOVE}
_POST = {"add": HookKind.POST_ADD, "update": HookKind.POST_UPDATE, "remove": HookKind.POST_REMOVE}


class Event(NamedTuple):
    """One node that an edit adds, updates or removes.

    ``told``: the node whose hooks are called, ``path``: the node it is about, ``message``: as the hooks get it.
    """

    kind: str  # add, update or remove
    told: Path
    path: Path
    message: Message


class _Bound(NamedTuple):
    function: Hook
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Hooks:
    """The hooks of one repository. Threads may share it."""

    def __init__(self) -> None:
        self.failures = 0  # POST hooks that raised
        self.hear_reads = self.hear_edits = False  # whether there are any: most repositories have none
        self._table: dict[HookKind, dict[Path, tuple[_Bound, ...]]] = {kind: {} for kind in HookKind}
        self._lock = threading.Lock()
        self._queue: deque[tuple[int, Event]] = deque()
        self._draining = threading.Lock()

    def on(self, kind: HookKind, path: Path, hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Call ``hook`` from now on, after those already there. `WrongType` for what is no kind, or no function."""
        _check(kind)
        if not callable(hook):
            raise WrongType("a hook is a function", given=hook)
        with self._lock:
            known = self._table[kind]
            known[path] = (*known.get(path, ()), _Bound(hook, args, kwargs))
            self._count()

    def off(self, kind: HookKind, path: Path, hook: Hook) -> bool:
        """Stop calling ``hook``; return whether it was there. `WrongType` for what is no kind."""
        _check(kind)
        with self._lock:
            known = self._table[kind].pop(path, ())
            kept = tuple(bound for bound in known if bound.function != hook)
            if kept:
                self._table[kind][path] = kept
            self._count()
            return len(kept) != len(known)

    def hears(self, kind: str, told: Path) -> bool:
        """Tell whether the node ``told`` has a hook for an edit of this kind: add, update or remove."""
        return told in self._table[_PRE[kind]] or told in self._table[_POST[kind]]

    def read(self, path: Path, message: Message) -> Message:
        """Pass a message that was read through the node's GET hooks. `WrongType` where one returns something else."""
        for bound in self._table[HookKind.GET].get(path, ()):
            changed = bound.function(message, *bound.args, **bound.kwargs)
            if changed is not None and not isinstance(changed, Message):
                raise WrongType("a GET hook returns a message, or None", given=type(changed).__name__, path=str(path))
            message = message if changed is None else changed
        return message

    def before(self, events: Sequence[Event]) -> None:
        """Call the PRE hooks. What one raises goes to the editor's caller, and nothing has happened."""
        for event in events:
            for bound in self._table[_PRE[event.kind]].get(event.told, ()):
                bound.function(_copy(event.message), *bound.args, **bound.kwargs)

    def check_chain(self) -> int:
        """Refuse a write that a POST hook makes at the end of too long a chain of them; return how long it is."""
        depth = chain_depth()
        if depth >= MAX_CHAIN:
            _log.error("a chain of POST hooks that write is deeper than %d; the last write was refused", MAX_CHAIN)
            raise TooDeep("POST hooks called each other too often", depth=MAX_CHAIN + 1, limit=MAX_CHAIN)
        return depth

    def queue(self, events: Callable[[], Iterable[Event]], depth: int) -> None:
        """Take what a commit did that was made ``depth`` deep in a chain; called in commit order, by any thread."""
        self._queue.extend((depth + 1, event) for event in events() if event.told in self._table[_POST[event.kind]])

    def drain(self) -> None:
        """Call the POST hooks of what is queued, in order. Where another thread or hook is at it, leave it to that."""
        while self._queue and self._draining.acquire(blocking=False):
            try:
                while self._queue:
                    self._after(*self._queue.popleft())
            finally:
                self._draining.release()

    def _after(self, depth: int, event: Event) -> None:
        token = _chain.set(depth)
        try:
            for bound in self._table[_POST[event.kind]].get(event.told, ()):
                try:
                    bound.function(_copy(event.message), *bound.args, **bound.kwargs)
                except Exception:  # noqa: BLE001 - a user's function; logged and counted
                    self.failures += 1
                    _log.exception("a POST hook of %s raised; the commit stands", event.told)
        finally:
            _chain.reset(token)

    def _count(self) -> None:
        self.hear_reads = bool(self._table[HookKind.GET])
        self.hear_edits = any(known for kind, known in self._table.items() if kind is not HookKind.GET)


def _check(kind: object) -> None:
    if not isinstance(kind, HookKind):
        raise WrongType("not a kind of hook: treering.GET, PRE_ADD, POST_ADD, ...", given=kind)


def _copy(message: Message) -> Message:
    copied = type(message)()
    copied.CopyFrom(message)
    return copied
