"""A server by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tools.server.cassandra import Cassandra
from tools.server.consul import Consul
from tools.server.etcd import Etcd
from tools.server.process import Server
from tools.server.redis import Redis

KINDS: dict[str, type[Server]] = {"redis": Redis, "etcd": Etcd, "consul": Consul, "cassandra": Cassandra}


def make(name: str, folder: Path, **options: Any) -> Server:
    """A server with its data in this folder, not started. Raises Absent, with the reason, where it cannot be had.

    Options. All: tls (its certificate in `certificate`), extra (more arguments). redis: password. consul: acl (its
    management token in `token`). cassandra: auth, settings (for cassandra.yaml).
    """
    kind: Any = KINDS[name]
    server: Server = kind(folder, **options)
    return server
