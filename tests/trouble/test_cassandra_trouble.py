"""A real Cassandra, with passwords and TLS, killed and replaced."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engine.trees import network
from tests.proto import engine_pb2 as pb
from tests.stores.load import Load, check_history
from tests.trouble.killing import kill_while_writing

import treering
from treering.backend import open_backend
from treering.backend.cassandra import CassandraBackend
from treering.errors import ForkedProcess, NotAStore, OutcomeUnknown, Refused, TooLarge, Unavailable
from treering.testing.conformance import entries, key

if TYPE_CHECKING:
    from tools.servers import Server

Start = Callable[..., "Server"]


@contextlib.contextmanager
def opened(url: str, *, seconds: float = 10, create: bool = True) -> Iterator[CassandraBackend]:
    backend, _ = open_backend(url, deadline_seconds=seconds, create=create)
    assert isinstance(backend, CassandraBackend)
    try:
        yield backend
    finally:
        backend.close()


@pytest.fixture
def url(shared_server: Start, request: pytest.FixtureRequest) -> str:
    return f"cassandra://{shared_server('cassandra').address}/trouble?create_keyspace=1&store={request.node.name}"


def test_a_keyspace_is_made_on_request_only(shared_server: Start) -> None:
    base = f"cassandra://{shared_server('cassandra').address}/Made_here"
    with pytest.raises(NotAStore) as caught:
        open_backend(base)
    assert "create_keyspace" in str(caught.value)
    with pytest.raises(NotAStore):
        open_backend(f"{base}?create_keyspace=1", create=False)
    with opened(f"{base}?create_keyspace=datacenter1:1") as backend:
        assert backend.publish(entries(2), None, b"one")
    with opened(base, create=False) as backend:
        assert backend.read_root() == b"one"
    with opened(f"{base}?store=other", create=False) as backend:
        assert backend.read_root() is None
        assert list(backend.list_keys()) == []


def test_local_quorums(url: str) -> None:
    with opened(f"{url}&dc=datacenter1&local=true") as backend:
        assert backend.publish(entries(2), None, b"one")
        assert backend.publish([], b"zero", b"two") is False
        assert backend.read_root() == b"one"
        assert backend.read_many([key(1)]) == [b"value 1 of 1"]


def test_a_datacenter_that_is_not_there(url: str) -> None:
    with pytest.raises(Unavailable):
        open_backend(f"{url}&dc=nowhere", deadline_seconds=2)


def test_deleting_holds_whatever_the_clocks_say(url: str) -> None:
    with opened(url) as backend:
        assert backend.publish([(key(1), b"x"), (key(1) + b"/1", b"y"), (key(2), b"z")], None, b"one")
        backend.delete_many([key(1)])
        backend.write_many([(key(1), b"x")])  # a write that was on its way for long
        assert backend.read_many([key(1), key(1) + b"/1", key(2)]) == [None, None, b"z"]


def test_too_large_a_value_changes_nothing(url: str) -> None:
    with opened(url) as backend:
        batch = [*entries(3), (key(9), bytes((1 << 20) + 1))]
        with pytest.raises(TooLarge):
            backend.publish(batch, None, b"one")
        assert backend.read_root() is None
        assert list(backend.list_keys()) == []


def test_threads_end_with_close(url: str) -> None:
    before = set(threading.enumerate())
    with opened(url) as backend:
        assert backend.read_root() is None
        assert set(threading.enumerate()) - before
    deadline = time.monotonic() + 30
    while {thread for thread in threading.enumerate() if thread not in before and thread.name != "event_loop"}:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.05)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_process_is_refused(url: str) -> None:
    with opened(url) as backend:
        assert backend.publish([], None, b"one")
        child = os.fork()
        if child == 0:
            try:
                backend.read_root()
            except ForkedProcess:
                backend.close()
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        assert backend.publish([], b"one", b"two")


def test_a_repository_lives_in_cassandra(url: str) -> None:
    tree = network()
    with treering.open(url, pb.Network, author="ada") as repo:
        repo.replace("/", tree)
        repo.remove("/devices/bulk7")
        removed = repo.get("/", deep=True).SerializeToString(deterministic=True)
    with treering.open(url, author="eve") as repo:
        assert repo.get("/", deep=True).SerializeToString(deterministic=True) == removed
        assert repo.count("/devices") == len(tree.devices) - 1
        assert repo.verify(sweep=True).ok


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable):
        open_backend(f"cassandra://127.0.0.1:{port}/k", deadline_seconds=2)


def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unavailable):
        open_backend(f"cassandra://127.0.0.1:{silent.getsockname()[1]}/k", deadline_seconds=1)


def test_password_tls_kill_and_silence(private_server: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = private_server("cassandra", auth=True, tls=True)
    assert server.certificate is not None
    (tmp_path / "first").write_text("cassandra\n")
    (tmp_path / "wrong").write_text("wrong-and-secret")
    plain = f"cassandra://{server.address}/k?create_keyspace=1"
    secure = f"{plain}&tls=true&ca_file={server.certificate.authority}"
    right = f"{secure}&user=cassandra&password_file={tmp_path}/first"

    with pytest.raises(Refused) as caught:
        open_backend(f"{secure}&user=cassandra&password_file={tmp_path}/wrong", deadline_seconds=5)
    assert "wrong-and-secret" not in str(caught.value)
    for url in (f"{plain}&tls=true", plain):
        with pytest.raises(Unavailable):
            open_backend(url, deadline_seconds=3)
    with pytest.raises(Refused):
        open_backend(secure, deadline_seconds=5)

    stored = f"{right}&store=repository"
    with opened(right, seconds=8) as backend, treering.open(stored, pb.Network, deadline_seconds=8) as repo:
        with Load(repo, "load") as load:
            load.go_on(10)
            kill_while_writing(server, backend, after=50)
            load.go_on(10)
        check_history(stored, load)
        assert "wrong-and-secret" not in repr(vars(backend))

    with opened(right, seconds=2) as backend:
        assert backend.publish([], b"gone on", b"21")
        server.pause()
        try:
            with pytest.raises(Unavailable):
                backend.read_root()
            with pytest.raises(OutcomeUnknown):
                backend.publish([], b"21", b"22")
        finally:
            server.resume()
    assert "wrong-and-secret" not in caplog.text
