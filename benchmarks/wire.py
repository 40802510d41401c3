"""A relay on loopback that counts what a store's client sends: requests, and bytes both ways."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol


class Counter(Protocol):
    """Counts the requests of one connection."""

    def sent(self, data: bytes) -> int:
        """Return how many requests begin in what the client sent next."""

    def answered(self) -> None:
        """Take note that the server sent something."""


class Turns:
    """A request is all that is sent until the server speaks: for protocols that ask and wait."""

    def __init__(self) -> None:
        self._ours = True

    def sent(self, _data: bytes) -> int:
        begins, self._ours = self._ours, False
        return int(begins)

    def answered(self) -> None:
        self._ours = True


class Frames:
    """A request is a frame of a protocol whose frames begin with nine bytes, the length among them."""

    def __init__(self, preface_bytes: int, length: slice, is_request: Callable[[bytes], bool]) -> None:
        self._left = preface_bytes  # of what is passed over
        self._head = b""
        self._length = length
        self._is_request = is_request

    def sent(self, data: bytes) -> int:
        requests = at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
            else:
                step = min(9 - len(self._head), len(data) - at)
                self._head += data[at : at + step]
                if len(self._head) == 9:
                    requests += self._is_request(self._head)
                    self._left, self._head = int.from_bytes(self._head[self._length], "big"), b""
            at += step
        return requests

    def answered(self) -> None:
        pass


def http2() -> Frames:
    """Count calls of gRPC: each begins with one frame of headers; settings, pings and windows are none."""
    return Frames(24, slice(0, 3), lambda head: head[3] == 1)


def cql() -> Frames:
    """Count requests to Cassandra but for OPTIONS, by which the driver sees that a connection is alive."""
    return Frames(0, slice(5, 9), lambda head: head[4] != 5)


@dataclass
class Counts:
    """What went over the wire. Each direction is counted by a thread of its own."""

    requests: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0

    def since(self, before: Counts) -> Counts:
        """Return what came after ``before``."""
        return Counts(
            self.requests - before.requests,
            self.sent_bytes - before.sent_bytes,
            self.received_bytes - before.received_bytes,
        )


class Relay:
    """Listens on a free port of 127.0.0.1 and passes everything on to ``port``."""

    def __init__(self, port: int, make_counter: Callable[[], Counter]) -> None:
        self._to = port
        self._make_counter = make_counter
        self._counts = Counts()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def read(self) -> Counts:
        """Return what was counted so far."""
        with self._lock:
            return Counts(self._counts.requests, self._counts.sent_bytes, self._counts.received_bytes)

    def close(self) -> None:
        """End every connection."""
        for connection in (self._listener, *self._open):
            with suppress(OSError):  # the other side was first
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            self._open += (client, server)
            for connection in (client, server):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            counter = self._make_counter()
            for source, target in ((client, server), (server, client)):
                arguments = (source, target, counter, source is client)
                threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, counter: Counter, from_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 18):
                with self._lock:
                    if from_client:
                        self._counts.requests += counter.sent(data)
                        self._counts.sent_bytes += len(data)
                    else:
                        counter.answered()
                        self._counts.received_bytes += len(data)
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
