"""A subtree as if it were the whole: what ``repo.proxy`` returns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from google.protobuf.message import Message

from treering.errors import Unavailable
from treering.history.commit import Commit
from treering.hooks import Hook, HookKind
from treering.path import Path
from treering.transaction import MergeBy, Transaction
from treering.tree.edit import Mask
from treering.tree.view import Key, PathLike

if TYPE_CHECKING:
    from treering.repository import Repository


class Proxy:
    """One node as the root of what its holder sees; ``/`` is the node. Threads may share it.

    ``get keys count exists iterate add update replace remove clear transaction`` are the repository's, with paths from
    the node on (errors name whole paths). Hooks put on a proxy belong to its node and outlive the proxy.
    """

    def __init__(self, repository: Repository, path: Path, release: Callable[[], None]) -> None:
        self._repository = repository
        self._path = path
        self._release = release
        self._closed = False
        self._lock = threading.Lock()

    @property
    def path(self) -> Path:
        """The node's path in the whole tree."""
        return self._path

    def get(self, path: PathLike = "/", *, depth: int = 0, deep: bool = False) -> Any:
        """Return the message at a path, as `Repository.get`."""
        return self._repository.get(self._whole(path), depth=depth, deep=deep)

    def keys(self, path: PathLike, *, start: object = None, limit: int | None = None) -> list[Key]:
        """Return the keys of a container, as `Repository.keys`."""
        return self._repository.keys(self._whole(path), start=start, limit=limit)

    def count(self, path: PathLike) -> int:
        """Return how many children a container has."""
        return self._repository.count(self._whole(path))

    def exists(self, path: PathLike) -> bool:
        """Tell whether a node is there."""
        return self._repository.exists(self._whole(path))

    def iterate(self, path: PathLike, *, start: object = None) -> Iterator[tuple[Key, Any]]:
        """Yield (key, message) in key order."""
        return self._repository.iterate(self._whole(path), start=start)

    def add(
        self, path: PathLike, message: Message, *, key: object = None, author: str | None = None, note: str = ""
    ) -> Commit:
        """Add a child, as `Repository.add`."""
        return self._repository.add(self._whole(path), message, key=key, author=author, note=note)

    def update(
        self,
        path: PathLike,
        message: Message,
        *,
        strict: bool = False,
        mask: Mask | None = None,
        author: str | None = None,
        note: str = "",
    ) -> Commit:
        """Replace a node's own fields, as `Repository.update`."""
        return self._repository.update(self._whole(path), message, strict=strict, mask=mask, author=author, note=note)

    def replace(self, path: PathLike, message: Message, *, author: str | None = None, note: str = "") -> Commit:
        """Replace a subtree, as `Repository.replace`."""
        return self._repository.replace(self._whole(path), message, author=author, note=note)

    def remove(self, path: PathLike, *, author: str | None = None, note: str = "") -> Commit:
        """Remove a child of a container, as `Repository.remove`."""
        return self._repository.remove(self._whole(path), author=author, note=note)

    def clear(self, path: PathLike, *, author: str | None = None, note: str = "") -> Commit:
        """Make an optional singular child absent, as `Repository.clear`."""
        return self._repository.clear(self._whole(path), author=author, note=note)

    def transaction(
        self, *, author: str | None = None, note: str = "", serializable: bool = False, merge: MergeBy = "node"
    ) -> Transaction:
        """Begin a transaction whose paths start at this node, as `Repository.transaction`."""
        return self._repository.begin(
            self._whole("/"), author=author, note=note, serializable=serializable, merge=merge
        )

    def on(self, kind: HookKind, function: Hook, /, *args: Any, **kwargs: Any) -> None:
        """Call ``function(message, *args, **kwargs)`` when something happens to this node, in this process.

        ``GET``: when exactly this node is read; it may change the message or return another. ``PRE_ADD PRE_UPDATE
        PRE_REMOVE``: at the edit call; raising refuses the edit, and the exception reaches its caller unchanged.
        ``POST_…``: after the commit is durable, in commit order; what it raises is logged and counted. ADD and REMOVE
        are told to the node in which the child hangs. The same function may be put on several times. `WrongType` for
        what is no kind or no function.
        """
        self._repository.hooks.on(kind, self._whole("/"), function, args, kwargs)

    def off(self, kind: HookKind, function: Hook) -> bool:
        """Take a function off again, however often it was put on; return whether it was there."""
        return self._repository.hooks.off(kind, self._whole("/"), function)

    def close(self) -> None:
        """Give the node free for exclusive proxies. Hooks stay. Twice is fine."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Proxy of {self._path}{', closed' if self._closed else ''}>"

    def _whole(self, path: PathLike) -> Path:
        if self._closed:
            raise Unavailable("the proxy is closed", path=str(self._path))
        return self._path / Path.of(path)
