"""Servers that are killed while two writers commit, and come back: nothing acknowledged is lost, and all goes on.

Cassandra, which takes long to come back, is killed in tests/trouble/test_cassandra_trouble.py, with the same load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from tests.proto import engine_pb2 as pb
from tests.stores.load import Load, check_history

import treering

if TYPE_CHECKING:
    from tools.servers import Server

EACH = 15


@pytest.mark.parametrize("kind", ["redis", "etcd", "consul"])
def test_nothing_acknowledged_is_lost(kind: str, private_server: Callable[..., Server]) -> None:
    server = private_server(kind)
    path = "" if kind == "redis" else "/fleet"
    url = f"{kind}://{server.address}{path}"
    with (
        treering.open(url, pb.Network, deadline_seconds=5) as one,
        treering.open(url, pb.Network, deadline_seconds=5) as two,
    ):
        with Load(one, "one") as first, Load(two, "two") as second:
            for _ in range(2):
                for load in (first, second):
                    load.go_on(EACH)
                server.kill()
                server.start()
            for load in (first, second):
                load.go_on(EACH)
        check_history(url, first, second)
        assert one.head == two.head
