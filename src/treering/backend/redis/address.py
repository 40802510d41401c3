"""Where a Redis is, and how to connect to it: what the URL says about hosts, credentials and TLS."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry

from treering.backend.url import StoreURL
from treering.errors import InvalidStoreURL

_PORT, _SENTINEL_PORT = 6379, 26379
_DATABASE = re.compile(r"[0-9]{1,6}\Z")


class Wire(Protocol):
    """What is used of a connection of redis-py's, whose own types say less."""

    def connect(self) -> None:
        """Connect and log in, if that has not been done."""

    def disconnect(self) -> None:
        """Close the socket, if there is one."""

    def can_read(self, timeout: float) -> bool:
        """Wait for something to be heard, ``timeout`` seconds at most. Raises when it is the connection's end."""

    def pack_commands(self, commands: Sequence[Sequence[bytes | str | int]]) -> list[bytes]:
        """Return what to send for ``commands``."""

    def send_command(self, *command: bytes | str | int) -> None:
        """Send one command."""

    def send_packed_command(self, command: list[bytes]) -> None:
        """Send what ``pack_commands`` returned."""

    def read_response(self) -> Any:
        """Return the next reply, or raise it where it is an error."""


# as classes of no type: redis-py's stubs call one of them abstract
_KINDS: dict[str, Any] = {"redis": Connection, "rediss": SSLConnection, "redis+unix": UnixDomainSocketConnection}


@dataclass(frozen=True, slots=True)
class Address:
    """One server, or the sentinels that know which server it is. The credentials are in no ``repr``."""

    scheme: str
    shown: str
    hosts: tuple[tuple[str, int], ...]  # of the server, or of its sentinels; none for a socket
    socket_path: str | None
    sentinel: str | None  # the name under which the sentinels know the server
    database: int
    credentials: dict[str, str | None] = field(repr=False)
    sentinel_credentials: dict[str, str | None] = field(repr=False)
    tls: dict[str, Any]

    @classmethod
    def take(cls, url: StoreURL) -> Address:
        """Take what ``url`` says. Raises ``InvalidStoreURL`` for what cannot be meant."""
        hosts: list[tuple[str, int]] = []
        socket_path: str | None = None
        sentinel = url.take_text("sentinel")
        database = url.take_count("db")
        if url.scheme == "redis+unix":
            socket_path = _socket_path(url)
            if sentinel:
                raise InvalidStoreURL("sentinels are reached by TCP", url=url.shown, option="sentinel")
        else:
            hosts, path = url.split_hosts(_SENTINEL_PORT if sentinel else _PORT)
            if len(hosts) > 1 and not sentinel:
                raise InvalidStoreURL("several hosts are sentinels: see sentinel=NAME", url=url.shown)
            if path and (database is not None or not _DATABASE.match(path)):
                raise InvalidStoreURL("after the host stands the number of a database", url=url.shown, given=path)
            database = int(path) if path else database
        user, password = url.take_text("user"), url.take_secret("password")
        if user and not password:
            raise InvalidStoreURL("user goes with password_env or password_file", url=url.shown, option="user")
        sentinel_user, sentinel_password = url.take_text("sentinel_user"), url.take_secret("sentinel_password")
        return cls(
            scheme=url.scheme,
            shown=url.shown,
            hosts=tuple(hosts),
            socket_path=socket_path,
            sentinel=sentinel,
            database=database or 0,
            credentials={"username": user, "password": password},
            sentinel_credentials={"username": sentinel_user, "password": sentinel_password},
            tls=_take_tls(url) if url.scheme == "rediss" else {},
        )

    def server(self, host: tuple[str, int] | None, timeout_seconds: float) -> Wire:
        """Return a connection, not yet made, to the server at ``host``; None for the one of the URL."""
        common = {**_common(timeout_seconds), **self.credentials, "db": self.database}
        if self.socket_path is not None:
            return self._make(path=self.socket_path, **common)
        name, port = host or self.hosts[0]
        return self._make(host=name, port=port, **common, **self.tls)

    def sentinels(self, timeout_seconds: float) -> list[Wire]:
        """Return a connection, not yet made, to each sentinel; all take ``timeout_seconds`` together."""
        common = {**_common(timeout_seconds / len(self.hosts)), **self.sentinel_credentials}
        return [self._make(host=name, port=port, **common, **self.tls) for name, port in self.hosts]

    def _make(self, **options: Any) -> Wire:
        wire: Wire = _KINDS[self.scheme](**options)
        return wire


def _common(timeout_seconds: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "retry": Retry(NoBackoff(), 0),  # redis-py repeats by itself otherwise, a commit too
        "protocol": 2,  # all that is needed, and no notices that change a connection's timeouts
    }


def _socket_path(url: StoreURL) -> str:
    path = url.body[2:]
    if not url.body.startswith("///") or "\0" in path:
        raise InvalidStoreURL("a socket's URL is redis+unix:///PATH", url=url.shown)
    return path


def _take_tls(url: StoreURL) -> dict[str, Any]:
    ca_file, cert_file, key_file = (url.take_text(name) for name in ("ca_file", "cert_file", "key_file"))
    if key_file and not cert_file:
        raise InvalidStoreURL("a key goes with a certificate", url=url.shown, option="key_file")
    option = "ca_file"
    try:  # redis-py reads them at each connection, and calls a bad one a lost connection
        context = ssl.create_default_context(cafile=ca_file)
        option = "cert_file"
        if cert_file:
            context.load_cert_chain(cert_file, key_file, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError among them
        message = "the file cannot be read, or is not what it should be"
        raise InvalidStoreURL(message, url=url.shown, option=option, reason=str(error)) from error
    return {
        "ssl_cert_reqs": "required",
        "ssl_ca_certs": ca_file,
        "ssl_certfile": cert_file,
        "ssl_keyfile": key_file,
        "ssl_check_hostname": url.take_flag("check_hostname", default=True),
    }


def _no_password() -> str:
    raise ValueError("the key is encrypted, and nobody is asked for its password")
