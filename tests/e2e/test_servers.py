"""The tool that starts servers for tests and trials."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import RoundRobinPolicy
from tools import servers
from tools.server.web import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


class RedisClient:
    def __init__(self, server: Server) -> None:
        self.server = server

    def put(self) -> None:
        assert redis(self.server, "SET", "kept", "yes") == b"+OK\r\n"

    def kept(self) -> bool:
        return redis(self.server, "GET", "kept") == b"$3\r\nyes\r\n"


class EtcdClient:
    def __init__(self, server: Server) -> None:
        self.server = server

    def put(self) -> None:
        ask(self.server, "POST", "/v3/kv/put", body=b'{"key": "a2VwdA==", "value": "eWVz"}')

    def kept(self) -> bool:
        answer = ask(self.server, "POST", "/v3/kv/range", body=b'{"key": "a2VwdA=="}')
        return [pair["value"] for pair in answer["kvs"]] == ["eWVz"]


class ConsulClient:
    def __init__(self, server: Server) -> None:
        self.server = server

    def put(self) -> None:
        assert ask(self.server, "PUT", "/v1/kv/kept", body=b"yes") is True

    def kept(self) -> bool:
        return [pair["Value"] for pair in ask(self.server, "GET", "/v1/kv/kept")] == ["eWVz"]


class CassandraClient:
    def __init__(self, server: Server) -> None:
        self.server = server

    @contextlib.contextmanager
    def session(self) -> Iterator[Any]:
        profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=60)
        with Cluster(
            ["127.0.0.1"],
            port=self.server.port,
            protocol_version=5,
            connect_timeout=60,
            control_connection_timeout=60,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        ) as cluster:
            yield cluster.connect()

    def put(self) -> None:
        with self.session() as session:
            session.execute(
                "CREATE KEYSPACE kept WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
            )
            session.execute("CREATE TABLE kept.kept (key text PRIMARY KEY, value text)")
            written = session.execute("INSERT INTO kept.kept (key, value) VALUES ('kept', 'yes') IF NOT EXISTS")
            assert written.was_applied

    def kept(self) -> bool:
        with self.session() as session:
            return [row.value for row in session.execute("SELECT value FROM kept.kept")] == ["yes"]


@pytest.mark.parametrize(
    ("name", "client"),
    [("redis", RedisClient), ("etcd", EtcdClient), ("consul", ConsulClient), ("cassandra", CassandraClient)],
)
def test_a_killed_server_keeps_its_data_and_its_port(
    name: str, client: Callable[[Server], Any], private_server: Callable[..., Server]
) -> None:
    server = private_server(name)
    client(server).put()
    first, port = server.pid, server.port
    server.kill()
    assert not alive(first)
    server.start()
    assert (server.pid != first, server.port) == (True, port)
    assert client(server).kept()


def test_a_stopped_server_keeps_its_data(private_server: Callable[..., Server]) -> None:
    server = private_server("redis")
    RedisClient(server).put()
    server.stop()
    assert not alive(server.pid)
    server.start()
    assert RedisClient(server).kept()


@pytest.mark.parametrize("name", ["redis", "etcd"])
def test_two_servers_live_side_by_side(name: str, private_server: Callable[..., Server]) -> None:
    one, two = private_server(name), private_server(name)
    assert one.port != two.port
    assert alive(one.pid)
    assert alive(two.pid)


@pytest.mark.parametrize("name", ["redis", "etcd", "consul"])
def test_a_server_speaks_tls_alone_when_asked(name: str, private_server: Callable[..., Server]) -> None:
    server = private_server(name, tls=True)
    with server.connect() as connection:
        assert connection.version() in {"TLSv1.2", "TLSv1.3"}


def test_redis_with_a_password_refuses_those_without(private_server: Callable[..., Server]) -> None:
    server = private_server("redis", password="three words long", extra=["--maxmemory", "100mb"])
    assert redis(server, "GET", "anything").startswith(b"-NOAUTH")


def test_consul_with_acl_refuses_those_without_a_token(private_server: Callable[..., Server]) -> None:
    server = private_server("consul", acl=True)
    with pytest.raises(ValueError, match="403"):
        ask(server, "PUT", "/v1/kv/refused", body=b"no")
    assert ask(server, "PUT", "/v1/kv/taken", body=b"yes", headers={"X-Consul-Token": server.token}) is True


def test_a_server_that_cannot_start_says_why(private_server: Callable[..., Server]) -> None:
    with pytest.raises(servers.NotStarted, match="no-such-option"):
        private_server("redis", extra=["--no-such-option", "yes"])


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


TOOL = [sys.executable, str(PROJECT / "tools" / "servers.py")]
TELL_PIDS = (
    "import os, signal, sys, time\n"
    "print(os.environ['TREERING_TEST_REDIS_PID'], os.environ['TREERING_TEST_ETCD_PID'], os.getpid(), flush=True)\n"
    "sys.stdin.readline()\n"
)


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a runner that was killed leaves its data."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def run(program: str) -> tuple[subprocess.Popen[bytes], list[int]]:
    """The runner with this Python program as its command, and the pids of two servers and of the command.

    The command waits for a line before it goes on.
    """
    command = [*TOOL, "run", "redis", "etcd", "--", sys.executable, "-c", TELL_PIDS + program]
    runner = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    pids = [int(pid) for pid in runner.stdout.readline().split()]
    assert len(pids) == 3
    assert all(alive(pid) for pid in pids)
    return runner, pids


def status_at_the_end(runner: subprocess.Popen[bytes], pids: list[int]) -> int:
    """The runner's status, once it and everything that it started are gone."""
    with runner:
        runner.communicate(timeout=60)
    for pid in pids:
        wait_until_gone(pid)
    return runner.returncode


def test_run_ends_its_servers_with_the_command_and_passes_its_status_on() -> None:
    runner, pids = run("sys.exit(3)")
    assert status_at_the_end(runner, pids) == 3


def test_run_ends_its_servers_when_the_command_is_killed() -> None:
    runner, pids = run("time.sleep(600)")
    os.kill(pids[2], signal.SIGKILL)
    assert status_at_the_end(runner, pids) == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_run_passes_a_signal_on_and_ends_its_servers(number: signal.Signals) -> None:
    runner, pids = run("time.sleep(600)")
    os.kill(runner.pid, number)
    assert status_at_the_end(runner, pids) == 128 + number


def test_run_lets_the_command_tidy_up_after_a_signal() -> None:
    runner, pids = run(
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\nprint('ready', flush=True)\ntime.sleep(600)"
    )
    runner.stdin.write(b"\n")
    runner.stdin.flush()
    assert runner.stdout.readline() == b"ready\n"
    os.kill(runner.pid, signal.SIGTERM)
    assert status_at_the_end(runner, pids) == 7


def test_nothing_outlives_a_runner_that_was_killed_and_the_next_removes_its_data(temporary_folder: Path) -> None:
    runner, pids = run("time.sleep(600)")
    os.kill(runner.pid, signal.SIGKILL)
    assert status_at_the_end(runner, pids) == -signal.SIGKILL
    (left,) = temporary_folder.iterdir()
    os.utime(left, (0, 0))
    runner, pids = run("")
    assert left not in list(temporary_folder.iterdir())
    assert status_at_the_end(runner, pids) == 0
    assert list(temporary_folder.iterdir()) == []


def test_a_server_that_cannot_be_had_is_told_to_the_command_with_the_reason(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": str(tmp_path)}
    program = "import os; print(os.environ['TREERING_TEST_REDIS_ABSENT'], os.environ['TREERING_TEST_CASSANDRA_ABSENT'])"
    told = subprocess.run(
        [*TOOL, "run", "redis", "cassandra", "--", sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "no apt-get" in told
    assert "needs Java 17" in told


def test_start_keeps_a_server_with_its_data_and_ports_until_stop(tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    downloads = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "treering-servers"
    if downloads.is_dir():
        (tmp_path / "treering-servers").mkdir()
        for folder in downloads.glob("redis-server-*"):
            (tmp_path / "treering-servers" / folder.name).symlink_to(folder)

    def tool(*arguments: str) -> str:
        return subprocess.run(
            [*TOOL, *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    def port(told: str) -> int:
        return int(told.split(" at 127.0.0.1:")[1].split(",", maxsplit=1)[0])

    def tell(port: int, line: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(line + b"\r\n")
            return connection.recv(100)

    try:
        first = tool("start", "redis")
        assert tool("start", "redis") == first
        assert tool("status", "redis") == first
        assert tell(port(first), b"SET kept yes") == b"+OK\r\n"
        tool("stop", "redis")
        assert tool("status", "redis") == "redis: not running\n"
        second = tool("start", "redis")
        assert port(second) == port(first)
        assert tell(port(second), b"GET kept") == b"$3\r\nyes\r\n"
    finally:
        tool("stop", "redis")
