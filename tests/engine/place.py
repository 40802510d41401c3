"""Where a test keeps its store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.proto.engine_pb2 import Network

import treering
from treering.backend.open import open_backend
from treering.opening import StoreLike


class Place:
    """A dict or a URL, and every repository that was opened there."""

    def __init__(self, target: StoreLike) -> None:
        self.target = target
        self.is_damaged = False  # set by tests that break their store
        self._opened: list[treering.Repository] = []
        self._branch = "main"

    def open(self, schema: Any = Network, **options: Any) -> treering.Repository:
        repo = treering.open(self.target, schema, **options)
        self._branch = options.get("branch", "main")
        self._opened.append(repo)
        return repo

    def reopen(self, schema: Any = Network, **options: Any) -> treering.Repository:
        """Close everything that is open here, so that what is read next comes from the store."""
        self.close()
        return self.open(schema, **options)

    def close(self) -> None:
        for repo in self._opened:
            repo.close()
        self._opened.clear()

    def content(self) -> dict[bytes, bytes | None]:
        """Return every object, and the root under the empty key."""
        backend, _ = open_backend(self.target)
        try:
            keys = sorted(backend.list_keys())
            return {b"": backend.read_root(), **dict(zip(keys, backend.read_many(keys), strict=True))}
        finally:
            backend.close()

    def rewrite(self, change: Callable[[bytes], bytes | None], key: bytes) -> None:
        """Change an object's bytes, or those of the root under the empty key, behind treering's back; None deletes."""
        self.is_damaged = True
        backend, _ = open_backend(self.target)
        try:
            root = backend.read_root()
            assert root is not None
            if not key:
                changed = change(root)
                assert changed is not None
                assert backend.publish([], root, changed)
                return
            (value,) = backend.read_many([key])
            assert value is not None
            changed = change(value)
            backend.delete_many([key])
            if changed is not None:
                backend.write_many([(key, changed)])
        finally:
            backend.close()

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        before = self.content()
        yield
        assert self.content() == before

    @contextmanager
    def refuses(self, kind: type[treering.Error]) -> Iterator[pytest.ExceptionInfo[Any]]:
        """Expect an error, and the same root and the same objects after it."""
        with self.unchanged(), pytest.raises(kind) as caught:
            yield caught
        assert type(caught.value) is kind

    def finish(self) -> None:
        """Close everything; a sound store is checked whole."""
        self.close()
        if self.is_damaged or self.content()[b""] is None:
            return
        with treering.open(self.target, branch=self._branch) as repo:
            report = repo.verify()
        assert report.problems == ()
        assert report.ok
