"""What goes over the wire to real servers: one request for a commit, tens for a read of everything."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from benchmarks.fleet import SCHEMA, device, device_id, fleet
from benchmarks.wire import Counts, Relay, Turns, cql, http2

import treering

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.wire import Counter
    from tools.servers import Server, SharedServer

COMMITS = 30


@pytest.mark.parametrize(
    ("name", "counter", "url"),
    [
        ("redis", Turns, "redis://127.0.0.1:{port}/0?prefix=wire"),
        ("etcd", http2, "etcd://127.0.0.1:{port}/wire"),
        ("consul", Turns, "consul://127.0.0.1:{port}/wire"),
    ],
)
def test_a_commit_is_one_request_and_a_deep_read_tens(
    shared_server: Callable[[str], Server | SharedServer], name: str, counter: Callable[[], Counter], url: str
) -> None:
    with closing(Relay(shared_server(name).port, counter)) as relay:
        url = url.format(port=relay.port)
        with closing(treering.open(url, SCHEMA)) as repo:
            repo.replace("/", fleet(10_000))
            before = relay.read()
            for number in range(COMMITS):
                repo.update(f"/devices/{device_id(number * 311)}", device(number * 311, 1))
            assert relay.read().since(before).requests == COMMITS
        with closing(treering.open(url, SCHEMA)) as repo:
            before = relay.read()
            assert len(repo.get(deep=True).devices) == 10_000
            assert relay.read().since(before).requests < 50


@pytest.mark.parametrize("step", [1, 4, 9, 1000])
def test_frames_are_counted_however_they_are_cut(step: int) -> None:
    def http2_frame(kind: int, length: int) -> bytes:
        return length.to_bytes(3, "big") + bytes([kind, 0, 0, 0, 0, 1]) + b"\1" * length

    def cql_frame(kind: int, length: int) -> bytes:
        return bytes([4, 0, 0, 1, kind]) + length.to_bytes(4, "big") + b"\1" * length

    settings, headers, data, ping = 4, 1, 0, 6
    calls = b"P" * 24 + http2_frame(settings, 0) + (http2_frame(headers, 30) + http2_frame(data, 700)) * 3
    assert _count(http2(), calls + http2_frame(ping, 8), step) == 3
    startup, options, execute = 1, 5, 10
    assert _count(cql(), b"".join(cql_frame(kind, 40) for kind in (startup, options, execute, options)), step) == 2


def test_a_relay_passes_everything_on_and_counts_turns() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_answer_twice, args=(listener,)).start()
        with closing(Relay(listener.getsockname()[1], Turns)) as relay:
            with socket.create_connection(("127.0.0.1", relay.port)) as client:
                for request in (b"ask", b"ask again"):
                    client.sendall(request)
                    assert client.recv(100) == request.upper()
            assert relay.read() == Counts(requests=2, sent_bytes=12, received_bytes=12)


def _answer_twice(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        for _ in range(2):
            connection.sendall(connection.recv(100).upper())


def _count(counter: Counter, data: bytes, step: int) -> int:
    return sum(counter.sent(data[at : at + step]) for at in range(0, len(data), step))
