from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

from treering.backend import Backend, open_backend
from treering.testing.conformance import PersistentConformance


class TestEtcd(PersistentConformance):
    def make(self, tmp_path: Path) -> Callable[[], Backend]:
        prefix = uuid.uuid4().hex
        return lambda: open_backend(f"etcd://127.0.0.1:32379/{prefix}")[0]
