"""A server by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tools.server.etcd import Etcd
from tools.server.process import Server
from tools.server.redis import Redis

KINDS: dict[str, type[Server]] = {"redis": Redis, "etcd": Etcd}


def make(name: str, folder: Path, **options: Any) -> Server:
    """A server with its data in this folder, not started. Raises Absent, with the reason, where it cannot be had.

    Options. redis: password, tls, extra (more arguments). etcd: tls, extra.
    """
    kind: Any = KINDS[name]
    server: Server = kind(folder, **options)
    return server
