from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from treering.backend import Backend, open_backend
from treering.testing.conformance import PersistentConformance, WatchingConformance


class TestRedis(WatchingConformance, PersistentConformance):
    @pytest.fixture(autouse=True)
    def _use_server(self, shared_server) -> None:
        self.address = shared_server("redis").address

    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        prefix = uuid.uuid4().hex
        return lambda: open_backend(f"redis://{self.address}?prefix={prefix}")[0]
