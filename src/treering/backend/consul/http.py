"""HTTP to one Consul agent: connections kept open, one deadline, and what became of a request that failed.

Connections are urllib3's, the pool is not: whether a request can have reached the server decides between "nothing was
changed" and "unknown", and urllib3's pool tells the two apart no more.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from treering.errors import ForkedProcess, Unavailable

_MAX_IDLE_SECONDS = 5.0  # servers and proxies close idle connections, at the earliest after a minute or so
_MAX_IDLE_COUNT = 16
_MAX_ANSWER_BYTES = 64 << 20  # a full batch of reads is at most 64 values of 512 KiB, in base64
_CHUNK_BYTES = 1 << 20
_FAILURES = (OSError, HTTPError, http.client.HTTPException)


class ReplyLost(Unavailable):
    """The whole request was sent and no whole answer came: it may have been carried out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. ``index`` is its X-Consul-Index; None: this is not Consul's."""

    status: int
    body: bytes
    index: int | None


@dataclass(frozen=True, slots=True)
class Address:
    """Where the agent is and what to show it; ``headers`` hold the token and are never printed."""

    host: str
    port: int
    shown: str
    headers: Mapping[str, str] = field(repr=False)
    tls: ssl.SSLContext | None = None


class _BrokenConnection(Exception):
    """The connection ended. ``sent``: after the whole request had been handed to the operating system."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__()
        self.sent = sent


class Client:
    """Requests to ``address``, by any number of threads at once, each within ``deadline_seconds``."""

    def __init__(self, address: Address, deadline_seconds: float) -> None:
        self._address = address
        self._deadline_seconds = deadline_seconds
        self._idle: list[tuple[HTTPConnection, float]] = []
        self._waiting: set[HTTPConnection] = set()
        self._lock = threading.RLock()  # a finalizer may close this client in the middle of a call of the same thread
        self._pid = os.getpid()
        self._closed = False

    def request(
        self, method: str, target: str, body: bytes | None = None, *, repeatable: bool, long: bool = False
    ) -> Answer:
        """Send one request and return its answer, whatever its status.

        A connection that turns out to be dead while the request is being sent is replaced by a new one, as the server
        cannot have the request; where it ends after that, only a ``repeatable`` request is sent again, once. A ``long``
        answer may take the deadline anew for each megabyte, and has no largest size.

        Raises ``Unavailable``; for a request that is not ``repeatable`` and may have been carried out, ``ReplyLost``.
        """
        end = time.monotonic() + self._deadline_seconds
        for last in (False, True):
            connection, used = self._take(end)
            try:
                return self._exchange(connection, method, target, body, end, long=long)
            except _BrokenConnection as broken:
                again = used and (repeatable or not broken.sent) and not last and time.monotonic() < end
                if not again:
                    self._refuse(broken, sent=broken.sent and not repeatable)
        raise AssertionError

    def wait(self, target: str, seconds: float) -> None:
        """Ask a blocking query, which the server answers after ``seconds`` at the latest; ``close`` ends it."""
        end = time.monotonic() + seconds + self._deadline_seconds
        connection, _ = self._take(end, fresh=True)
        with self._lock:
            self._waiting.add(connection)
        try:
            if self._closed:
                connection.close()
            else:
                self._exchange(connection, "GET", target, None, end)
        except _BrokenConnection as broken:
            self.check_open()
            self._refuse(broken, sent=False)
        finally:
            with self._lock:
                self._waiting.discard(connection)

    def check_open(self) -> None:
        """Raise ``Unavailable`` after ``close``, ``ForkedProcess`` in a child process."""
        if self._pid != os.getpid():
            message = "this store was opened before the fork; open it again in the child"
            raise ForkedProcess(message, store=self._address.shown)
        if self._closed:
            raise Unavailable("the store was closed", store=self._address.shown)

    def close(self) -> None:
        """End blocking queries and let go of idle connections. A request on its way ends by itself. Twice is fine."""
        waiting: list[HTTPConnection] = []
        if self._pid == os.getpid():  # else they are the parent's, and shutting one down here would end it there
            with self._lock:
                self._closed = True  # from now on none is put back
                waiting.extend(self._waiting)
        self._closed = True
        for connection in waiting:
            with suppress(OSError, AttributeError):  # it has just ended by itself
                connection.sock.shutdown(socket.SHUT_RDWR)
        while self._idle:
            self._idle.pop()[0].close()

    def _take(self, end: float, *, fresh: bool = False) -> tuple[HTTPConnection, bool]:
        """Return a connection that is open, and whether it has been used before."""
        self.check_open()
        while not fresh:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                break
            if time.monotonic() - since < _MAX_IDLE_SECONDS and connection.is_connected:
                return connection, True
            connection.close()
        address = self._address
        timeout = max(end - time.monotonic(), 0.001)
        arguments: dict[str, Any] = {"host": address.host, "port": address.port, "timeout": timeout}
        if address.tls is None:
            connection = HTTPConnection(**arguments)
        else:
            connection = HTTPSConnection(**arguments, ssl_context=address.tls)
        try:
            connection.connect()
        except _FAILURES as error:
            connection.close()
            self._refuse(error, sent=False)
        return connection, False

    def _exchange(
        self,
        connection: HTTPConnection,
        method: str,
        target: str,
        body: bytes | None,
        end: float,
        *,
        long: bool = False,
    ) -> Answer:
        sent = False
        try:
            connection.timeout = _left(end)
            try:
                connection.request(method, target, body, self._address.headers, preload_content=False)
                sent = True
            except (BrokenPipeError, ConnectionResetError):
                pass  # a server that refuses a large body answers before it has read all of it
            connection.sock.settimeout(_left(end))
            response = connection.getresponse()
            parts: list[bytes] = []
            while part := response.read(_CHUNK_BYTES):
                parts.append(part)
                if not long and sum(map(len, parts)) > _MAX_ANSWER_BYTES:
                    raise http.client.HTTPException("the answer is too large")  # noqa: TRY301 - as any other failure
                if connection.sock is not None:  # else the server has said that it closes; the socket lives on
                    connection.sock.settimeout(self._deadline_seconds if long else _left(end))
            answer = Answer(response.status, b"".join(parts), _whole_number(response.headers.get("X-Consul-Index")))
        except _FAILURES as error:
            connection.close()
            raise _BrokenConnection(sent=sent) from error
        except BaseException:  # an interrupt: what is still on its way must not be taken for the next answer
            connection.close()
            raise
        if not self._keep(connection):
            connection.close()
        return answer

    def _keep(self, connection: HTTPConnection) -> bool:
        """Put a connection where the next request finds it; False where it is of no more use."""
        with self._lock:
            if connection.sock is None or self._closed or len(self._idle) >= _MAX_IDLE_COUNT:
                return False
            self._idle.append((connection, time.monotonic()))
            return True

    def _refuse(self, error: Exception, *, sent: bool) -> NoReturn:
        cause = error.__cause__ or error
        facts = {"store": self._address.shown, "reason": printable(str(cause)) or type(cause).__name__}
        if sent:
            raise ReplyLost("the server did not answer", **facts) from cause
        raise Unavailable("the server cannot be reached", **facts) from cause


def printable(text: str) -> str:
    """Return ``text`` on one line, without what a server that is no Consul may have put into it."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left


def _whole_number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
