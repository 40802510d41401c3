"""The tool that starts servers for tests and trials."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.servers import Server, SharedServer

PROJECT = Path(__file__).resolve().parents[2]


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def redis(server: Server | SharedServer, *words: str) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall((" ".join(words) + "\r\n").encode())
        return connection.recv(4096)


def test_a_killed_server_keeps_its_data_and_its_port(private_server: Callable[..., Server]) -> None:
    server = private_server("redis")
    assert redis(server, "SET", "kept", "yes") == b"+OK\r\n"
    first = server.pid
    server.kill()
    assert not alive(first)
    server.start()
    assert server.pid != first
    assert redis(server, "GET", "kept") == b"$3\r\nyes\r\n"
    server.stop()
    assert not alive(server.pid)
    server.start()
    assert redis(server, "GET", "kept") == b"$3\r\nyes\r\n"


@pytest.mark.parametrize("name", ["redis", "etcd"])
def test_two_servers_live_side_by_side(name: str, private_server: Callable[..., Server]) -> None:
    one, two = private_server(name), private_server(name)
    assert one.port != two.port
    assert alive(one.pid)
    assert alive(two.pid)


@pytest.mark.parametrize("name", ["redis", "etcd"])
def test_a_server_speaks_tls_alone_when_asked(name: str, private_server: Callable[..., Server]) -> None:
    server = private_server(name, tls=True)
    with server.connect() as connection:
        assert connection.version() in {"TLSv1.2", "TLSv1.3"}


def test_redis_with_a_password_refuses_those_without(private_server: Callable[..., Server]) -> None:
    server = private_server("redis", password="three words long", extra=["--maxmemory", "100mb"])
    assert redis(server, "GET", "anything").startswith(b"-NOAUTH")


def test_the_shared_server_answers(shared_server: Callable[[str], Server | SharedServer]) -> None:
    assert redis(shared_server("redis"), "PING") == b"+PONG\r\n"


def test_a_server_ends_with_the_process_that_started_it_even_by_sigkill(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time; from tools.servers import make\n"
        "server = make('redis', pathlib.Path(sys.argv[1])); server.start(); print(server.pid, flush=True)\n"
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "redis")]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as owner:
        try:
            pid = int(owner.stdout.readline())
            assert alive(pid)
        finally:
            os.kill(owner.pid, signal.SIGKILL)
        wait_until_gone(pid)
