"""The stores that are measured: each on a server of its own, started here on loopback, and the raw client beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tools.server.made import make
from tools.server.process import Server

from benchmarks.rivals.raw import RawCassandra, RawConsul, RawEtcd, RawRedis, RawSqlite
from benchmarks.treering_store import Written
from benchmarks.wire import Counter, Turns, cql, http2
from treering.backend.base import Entry


class Raw(Protocol):
    """A store's own client, which writes what treering wrote into a place of its own."""

    settings: str

    def fill(self, objects: Sequence[Entry], root: bytes) -> None:
        """Write what a store of treering's holds."""

    def put(self, written: Written) -> None:
        """Write what a commit wrote, in as few requests as the store allows."""

    def close(self) -> None:
        """Let go of the connections."""


@dataclass(frozen=True)
class Kind:
    """A store and how it is set. ``url`` has places for ``{port}`` and ``{folder}``; no ``server``: in this process."""

    name: str
    promise: str
    url: str
    server: str | None = None
    counter: Callable[[], Counter] | None = None
    rounds: int = 1000
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """A running store."""

    kind: Kind
    folder: Path
    server: Server | None

    @property
    def settings(self) -> str:
        """What it is, with its version, and what it promises."""
        program = f"{self.kind.server} {self.server.version}, " if self.server else ""
        return f"{program}{self.kind.promise}; `{self.kind.url}`"

    def url(self, port: int | None = None) -> str:
        """Return the store's URL, by another port where one is given."""
        return self.kind.url.format(port=port or (self.server.port if self.server else ""), folder=self.folder)

    @contextmanager
    def raw(self) -> Iterator[Raw]:
        """Connect the raw client. Its keyspace, in Cassandra, is treering's: that has been opened before."""
        with closing(_raw(self)) as made:
            yield made


REDIS_ALWAYS = "Redis, AOF always"
REDIS_EVERYSEC = "Redis, AOF everysec"
ETCD = "etcd"
CONSUL = "Consul"
KEYSPACE = "bench"

KINDS = (
    Kind("SQLite", "WAL, synchronous=FULL, synced at every commit", "sqlite:{folder}/treering.sqlite"),
    Kind(
        REDIS_ALWAYS,
        "one server, appendfsync=always, no snapshots",
        "redis://127.0.0.1:{port}/0",
        "redis",
        Turns,
    ),
    Kind(
        REDIS_EVERYSEC,
        "one server, appendfsync=everysec, no snapshots",
        "redis://127.0.0.1:{port}/0",
        "redis",
        Turns,
        options={"extra": ["--appendfsync", "everysec"]},
    ),
    Kind(ETCD, "a cluster of one, synced at every transaction", "etcd://127.0.0.1:{port}/treering", "etcd", http2),
    Kind(
        CONSUL,
        "one server that leads itself, synced at every transaction",
        "consul://127.0.0.1:{port}/treering",
        "consul",
        Turns,
    ),
    Kind(
        "Cassandra",
        "one node, replication factor 1, commitlog_sync=batch, heap of 1 GB",
        f"cassandra://127.0.0.1:{{port}}/{KEYSPACE}?create_keyspace=1",
        "cassandra",
        cql,
        rounds=400,
    ),
)


@contextmanager
def running(kind: Kind, folder: Path) -> Iterator[Place]:
    """Start what a store needs, with its data in ``folder``, and end it. Raises ``Absent`` or ``NotStarted``."""
    folder.mkdir()
    with ExitStack() as stack:
        server = None
        if kind.server is not None:
            # its working folder is its own, so the path has to hold from there too
            server = make(kind.server, folder.absolute(), **kind.options)
            server.start()
            stack.callback(server.kill)
        yield Place(kind, folder, server)


def _raw(place: Place) -> Raw:
    if place.server is None:
        return RawSqlite(place.folder)
    port = place.server.port
    match place.kind.server:
        case "redis":
            return RawRedis(port)
        case "etcd":
            return RawEtcd(port)
        case "consul":
            return RawConsul(port)
        case _:
            return RawCassandra(port, KEYSPACE)
