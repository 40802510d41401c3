from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from treering.backend import Backend, open_backend
from treering.testing.conformance import PersistentConformance


class TestCassandra(PersistentConformance):
    @pytest.fixture(autouse=True)
    def find_server(self, shared_server: Callable[..., object]) -> None:
        self.address = shared_server("cassandra").address

    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        # Listing goes through all stores of a keyspace: several, so that tests do not pay for what others wrote.
        keyspace = f"conformance_{zlib.crc32(tmp_path.name.encode()) % 6}"
        url = f"cassandra://{self.address}/{keyspace}?create_keyspace=1&store={uuid.uuid4().hex}"
        return lambda: open_backend(url)[0]
