from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from treering.backend import Backend, open_backend
from treering.testing.conformance import PersistentConformance, WatchingConformance


class TestEtcd(WatchingConformance, PersistentConformance):
    options = ""

    @pytest.fixture(autouse=True)
    def _server(self, shared_server):
        self.address = shared_server("etcd").address

    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        url = f"etcd://{self.address}/{uuid.uuid4().hex}{self.options}"  # the server is shared: a prefix for each test
        return lambda: open_backend(url)[0]


class TestEtcdByFewAndSmall(TestEtcd):
    """Every batch is cut into many requests."""

    options = "?max_txn_ops=16&max_request_bytes=128K"
