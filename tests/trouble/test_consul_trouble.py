"""A real Consul, with tokens and TLS, killed and replaced."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engine.trees import network
from tests.proto import engine_pb2 as pb
from tests.trouble.killing import kill_while_writing

import treering
from treering.backend import open_backend
from treering.backend.consul import ConsulBackend
from treering.errors import OutcomeUnknown, Refused, TooLarge, Unavailable
from treering.testing.conformance import entries, key

if TYPE_CHECKING:
    from tools.servers import Server

Start = Callable[..., "Server"]


@contextlib.contextmanager
def opened(url: str, *, seconds: float = 10) -> Iterator[ConsulBackend]:
    backend, _ = open_backend(url, deadline_seconds=seconds)
    assert isinstance(backend, ConsulBackend)
    try:
        yield backend
    finally:
        backend.close()


def test_tokens_and_tls(private_server: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = private_server("consul", acl=True, tls=True)
    assert server.certificate is not None
    (tmp_path / "right").write_text(f"{server.token}\n")
    (tmp_path / "wrong").write_text("11111111-2222-3333-4444-555555555555")
    base = f"consul://{server.address}/p?tls=true&ca_file={server.certificate.authority}"
    with opened(f"{base}&token_file={tmp_path}/right") as backend:
        assert backend.publish(entries(3), None, b"one")
        assert backend.read_many([key(2), key(7)]) == [b"value 2 of 1", None]
        assert sorted(backend.list_keys()) == [key(n) for n in range(3)]

    for options in ("", f"&token_file={tmp_path}/wrong"):
        with opened(base + options) as backend:
            calls: list[Callable[[], object]] = [
                lambda b=backend: b.publish([], b"one", b"two"),
                lambda b=backend: b.publish(entries(1, 2), None, b"two"),
                lambda b=backend: b.write_many(entries(1, 2)),
                lambda b=backend: b.delete_many([key(1)]),
                lambda b=backend: b.read_many([key(1)]),
            ]
            for call in calls:
                with pytest.raises(Refused) as caught:
                    assert call() is not False
                assert "11111111" not in str(caught.value)

    # a client that does not trust, and one that speaks no TLS
    for url in (f"consul://{server.address}/p?tls=true", f"consul://{server.address}/p"):
        with opened(url, seconds=5) as backend:
            # a server that hangs up on what it cannot read may do so before its answer is read: then nobody can tell
            with pytest.raises((Unavailable, OutcomeUnknown)):
                backend.publish([], None, b"two")
            with pytest.raises(Unavailable):
                backend.read_root()
    with opened(f"{base}&token_file={tmp_path}/right") as backend:
        assert backend.read_root() == b"one"
        assert backend.read_many([key(1)]) == [b"value 1 of 1"]
    assert str(server.token) not in caplog.text


def test_tls_asked_of_a_server_without(shared_server: Start) -> None:
    url = f"consul://{shared_server('consul').address}/p?tls=true"
    with opened(url, seconds=5) as backend, pytest.raises(Unavailable):
        backend.read_root()


def test_a_killed_server_keeps_what_it_acknowledged(private_server: Start) -> None:
    server = private_server("consul")
    with opened(f"consul://{server.address}/p", seconds=2) as backend:
        kill_while_writing(server, backend, after=100)


def test_a_server_that_does_not_answer(private_server: Start) -> None:
    server = private_server("consul")
    with opened(f"consul://{server.address}/p", seconds=0.5) as backend:
        assert backend.publish([], None, b"one")
        server.pause()
        try:
            with pytest.raises(Unavailable):
                backend.read_root()
            with pytest.raises(OutcomeUnknown):
                backend.publish([], b"one", b"two")
        finally:
            server.resume()
        assert backend.read_root() in {b"one", b"two"}


def test_a_datacenter_that_is_not_there(shared_server: Start) -> None:
    with opened(f"consul://{shared_server('consul').address}/p?dc=nowhere", seconds=5) as backend:
        for call in (backend.read_root, lambda: backend.publish([], None, b"one")):
            with pytest.raises(Unavailable):
                call()


def test_more_than_a_transaction_takes_changes_nothing(shared_server: Start) -> None:
    with opened(f"consul://{shared_server('consul').address}/too-large") as backend:
        for batch in (entries(64), [(key(1), bytes(600 << 10))]):
            with pytest.raises(TooLarge):
                backend.publish(batch, None, b"one")
        assert backend.read_root() is None
        assert list(backend.list_keys()) == []


def test_a_repository_lives_in_consul(shared_server: Start) -> None:
    url = f"consul://{shared_server('consul').address}/repository"
    tree = network()
    with treering.open(url, pb.Network, author="ada") as repo:
        repo.replace("/", tree)
        repo.remove("/devices/bulk7")
        removed = repo.get("/", deep=True)
    with treering.open(url, author="eve") as repo:
        assert repo.get("/", deep=True).SerializeToString(deterministic=True) == removed.SerializeToString(
            deterministic=True
        )
        assert repo.count("/devices") == len(tree.devices) - 1
        assert repo.verify(sweep=True).ok
