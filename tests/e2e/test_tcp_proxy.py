"""The proxy that loses requests and replies: over a server that echoes, and over Redis."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.tcp_proxy import CuttingProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.servers import Server, SharedServer


class Echo(socketserver.ThreadingTCPServer):
    daemon_threads = True
    received = b""


class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := self.request.recv(4096):
                self.server.received += piece
                self.request.sendall(piece)


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo(("127.0.0.1", 0), EchoHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[CuttingProxy]:
    with CuttingProxy(f"127.0.0.1:{echo.server_address[1]}") as proxy:
        yield proxy


def connect(proxy: CuttingProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def test_everything_passes_at_first(proxy: CuttingProxy) -> None:
    with connect(proxy) as client:
        sent = b"x" * 300_000
        threading.Thread(target=client.sendall, args=(sent,)).start()
        assert receive(client, len(sent)) == sent
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    proxy.wait_until(lambda p: p.connections == 0)


def test_a_dropped_request_never_arrives(proxy: CuttingProxy, echo: Echo) -> None:
    with connect(proxy) as client:
        proxy.drop_requests()
        client.sendall(b"lost")
        proxy.wait_until(lambda p: p.dropped_request_bytes == 4)
        proxy.pass_all()
        client.sendall(b"found")
        assert client.recv(100) == b"found"
    assert echo.received == b"found"


def test_a_dropped_reply_was_applied_and_the_client_is_reset(proxy: CuttingProxy, echo: Echo) -> None:
    with connect(proxy) as client:
        proxy.drop_replies()
        client.sendall(b"done")
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    assert echo.received == b"done"
    proxy.pass_all()
    with connect(proxy) as client:
        client.sendall(b" again")
        assert client.recv(100) == b" again"


def test_a_dropped_reply_may_leave_the_client_waiting(proxy: CuttingProxy, echo: Echo) -> None:
    with connect(proxy) as client:
        proxy.drop_replies(then="hang")
        client.sendall(b"done")
        proxy.wait_until(lambda p: p.dropped_reply_bytes == 4)
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(100)
    assert echo.received == b"done"


def test_reset_cuts_open_connections_and_takes_new_ones(proxy: CuttingProxy) -> None:
    with connect(proxy) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"one"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    with connect(proxy) as client:
        client.sendall(b"two")
        assert client.recv(100) == b"two"


def test_refuse_keeps_open_connections_and_turns_new_ones_away(proxy: CuttingProxy) -> None:
    with connect(proxy) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"one"
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        client.sendall(b"two")
        assert client.recv(100) == b"two"
        proxy.pass_all()
        connect(proxy).close()


def test_delay_is_at_least_as_long_as_asked(proxy: CuttingProxy) -> None:
    with connect(proxy) as client:
        proxy.delay(0.05)
        before = time.monotonic()
        client.sendall(b"late")
        assert client.recv(100) == b"late"
        assert time.monotonic() - before >= 0.1  # there and back; how much more is the machine's affair


def test_a_held_request_arrives_late_though_its_client_has_gone(proxy: CuttingProxy, echo: Echo) -> None:
    with connect(proxy) as client:
        proxy.hold_requests()
        client.sendall(b"from the ")
        client.sendall(b"grave")
        proxy.wait_until(lambda p: p.held_request_bytes == 14)
    proxy.wait_until(lambda p: p.connections == 0)
    assert echo.received == b""
    proxy.release()
    proxy.wait_until(lambda _: echo.received == b"from the grave")


def test_faults_end_while_a_client_that_has_said_all_waits_for_its_reply() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        CuttingProxy(f"127.0.0.1:{listener.getsockname()[1]}") as proxy,
        connect(proxy) as client,
    ):
        server, _ = listener.accept()
        with server:
            client.sendall(b"all")
            client.shutdown(socket.SHUT_WR)
            assert receive(server, 3) == b"all"
            assert server.recv(1) == b""
            proxy.hold_requests()
            proxy.pass_all()
            server.sendall(b"done")
        assert receive(client, 4) == b"done"


def test_a_held_end_arrives_after_what_was_held() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        CuttingProxy(f"127.0.0.1:{listener.getsockname()[1]}") as proxy,
    ):
        proxy.hold_requests()
        with connect(proxy) as client:
            client.sendall(b"last words")
            proxy.wait_until(lambda p: p.held_request_bytes == 10)
        proxy.wait_until(lambda p: p.connections == 0)
        server, _ = listener.accept()
        with server:
            server.settimeout(30)
            proxy.release()
            assert receive(server, 10) == b"last words"
            assert server.recv(1) == b""


def test_a_request_may_be_late_while_others_pass(proxy: CuttingProxy, echo: Echo) -> None:
    with connect(proxy) as client, connect(proxy) as idle:
        proxy.hold_requests()
        client.sendall(b"late")
        proxy.wait_until(lambda p: p.held_request_bytes == 4)
        proxy.keep_held()
        with pytest.raises(ConnectionResetError):
            client.recv(100)
        idle.sendall(b"early ")
        assert receive(idle, 6) == b"early "
        assert proxy.late_reply_bytes == 0
        proxy.release()
        proxy.wait_until(lambda p: p.late_reply_bytes == 4)
    assert echo.received == b"early late"


def test_a_server_that_is_away_is_a_reset(proxy: CuttingProxy) -> None:
    with CuttingProxy("127.0.0.1:1") as nowhere, pytest.raises(ConnectionResetError), connect(nowhere) as client:
        client.recv(1)


def test_redis_applies_what_it_could_not_confirm(shared_server: Callable[[str], Server | SharedServer]) -> None:
    server = shared_server("redis")
    key = f"tcp-proxy-{time.time_ns()}".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as straight:
        with CuttingProxy(server.address) as proxy:
            with connect(proxy) as client:
                proxy.drop_replies()
                client.sendall(b"SET " + key + b" applied\r\n")
                with pytest.raises(ConnectionResetError):
                    client.recv(100)
            straight.sendall(b"GET " + key + b"\r\n")
            assert straight.recv(100) == b"$7\r\napplied\r\n"
            proxy.pass_all()
            with connect(proxy) as client:
                proxy.hold_requests()
                client.sendall(b"SET " + key + b" late\r\n")
                proxy.wait_until(lambda p: p.held_request_bytes > 0)
            straight.sendall(b"GET " + key + b"\r\n")
            assert straight.recv(100) == b"$7\r\napplied\r\n"
            proxy.release()
            proxy.wait_until(lambda _: ask(straight, b"GET " + key) == b"$4\r\nlate\r\n")
        assert ask(straight, b"DEL " + key) == b":1\r\n"


def ask(client: socket.socket, line: bytes) -> bytes:
    client.sendall(line + b"\r\n")
    return client.recv(100)


def receive(client: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        received += client.recv(length - len(received))
    return received
