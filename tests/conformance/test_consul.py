from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from treering.backend import Backend, open_backend
from treering.testing.conformance import PersistentConformance, WatchingConformance


class TestConsul(WatchingConformance, PersistentConformance):
    @pytest.fixture(autouse=True)
    def find_server(self, shared_server: Callable[..., object]) -> None:
        self.address = shared_server("consul").address

    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        url = f"consul://{self.address}/{uuid.uuid4().hex}"
        return lambda: open_backend(url)[0]
