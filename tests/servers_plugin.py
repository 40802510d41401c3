"""Real servers for tests: one of each that all tests share, and private ones for tests that hurt them."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from tools import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tools.servers import Server, SharedServer


def pytest_report_header() -> str:
    lines = []
    for name in servers.KINDS:
        try:
            server = servers.find_shared(name, os.environ)
        except servers.Absent as reason:
            lines.append(f"{name} cannot be had: {reason}")
        else:
            if server is not None:
                lines.append(f"{name} {server.version}, pid {server.pid}, at {server.address}")
    return "servers: " + ("; ".join(lines) or "started when a test asks for one (make test starts them before)")


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server | SharedServer]]:
    """`shared_server("redis")`: the server that all tests share, so keep to a database or prefix of your own."""
    started: dict[str, Server] = {}
    absent: dict[str, servers.Absent] = {}

    def get(name: str) -> Server | SharedServer:
        try:
            if name in absent:
                raise absent[name]
            shared = servers.find_shared(name, os.environ)
            if shared is not None:
                return shared
            if name not in started:
                server = servers.make(name, tmp_path_factory.mktemp(name))
                server.start()
                started[name] = server
        except servers.Absent as reason:
            absent[name] = reason
            _not_run(name, reason)
        return started[name]

    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [server.kill() for server in started.values()])
        yield get


@pytest.fixture
def private_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`private_server("redis", password="x")`: a server of the test's own, started, and stopped when the test ends."""
    with contextlib.ExitStack() as stack:
        made = 0

        def start(name: str, **options: Any) -> Server:
            nonlocal made
            made += 1
            try:
                server = servers.make(name, tmp_path / f"{name}-{made}", **options)
            except servers.Absent as reason:
                _not_run(name, reason)
            stack.callback(server.kill)
            server.start()
            return server

        yield start


def _not_run(name: str, reason: servers.Absent) -> NoReturn:
    """In CI, tests/conftest.py turns this into a failure."""
    pytest.skip(f"{name} cannot be had: {reason}")
