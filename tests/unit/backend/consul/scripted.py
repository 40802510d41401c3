"""A server of HTTP that does as it is told, request by request, and remembers what it was asked."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

CLOSE, HANG = "close", "hang"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: object = b""
    index: int | None = 7
    then_close: bool = False  # without saying so

    def encode(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        index = f"X-Consul-Index: {self.index}\r\n" if self.index is not None else ""
        return f"HTTP/1.1 {self.status} X\r\n{index}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Scripted:
    script: list[Reply | str]
    requests: list[tuple[str, str, bytes, bytes]] = field(default_factory=list)  # method, target, head, body
    connections: int = 0
    ended: int = 0  # of these, closed by the server
    port: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"consul://127.0.0.1:{self.port}/p"

    @property
    def publications(self) -> int:
        return sum(b'"cas"' in body for _, _, _, body in self.requests)

    def serve(self, connection: socket.socket) -> None:
        with connection:
            self._answer(connection)
        self.ended += 1

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while head := _read_until(connection, b"\r\n\r\n"):
                head, _, body = head.partition(b"\r\n\r\n")
                length = next((int(x[15:]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
                while len(body) < length:
                    body += connection.recv(1 << 16)
                method, target, _ = head.decode().split("\r\n")[0].split(" ")
                self.requests.append((method, target, head, body))
                answer = self.script.pop(0)
                if answer == HANG:
                    self.closed.wait(30)
                if isinstance(answer, str):
                    return
                connection.sendall(answer.encode())
                if answer.then_close:
                    return


def _read_until(connection: socket.socket, end: bytes) -> bytes:
    received = b""
    while end not in received:
        more = connection.recv(1 << 16)
        if not more:
            return b""
        received += more
    return received


@contextlib.contextmanager
def scripted(*script: Reply | str) -> Iterator[Scripted]:
    server = Scripted(list(script))
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    server.connections += 1
                    threads.append(threading.Thread(target=server.serve, args=(connection,)))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield server
        finally:  # else a test that fails leaves threads behind that never end
            server.closed.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(10)
    for thread in threads:
        thread.join(10)
