"""The driver's cluster behind one handle: its settings, requests side by side, and what its errors mean."""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn, TypeVar

from cassandra import AuthenticationFailed, ConsistencyLevel, DriverException, InvalidRequest, Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionException, ProtocolError
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    FallthroughRetryPolicy,
    RetryPolicy,
    RoundRobinPolicy,
    TokenAwarePolicy,
)
from cassandra.query import tuple_factory

from treering.errors import ForkedProcess, NotAStore, OutcomeUnknown, Refused, Unavailable

FAILURES = (DriverException, NoHostAvailable, ConnectionException, ConnectionBusy, ProtocolError)
_REFUSALS = (AuthenticationFailed, Unauthorized)
_CONCURRENCY = 32  # requests of one call on their way at once: with values of 1 MiB, 32 MiB
_RECONNECTION_SECONDS = 0.5
_RECONNECTION_PATIENCE_SECONDS = 3.0  # a server that is back is found by then
_ROOT, _OBJECTS = "root", "objects"  # execution profiles

Row = tuple[Any, ...]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a handle is opened with. ``local``: quorums are those of ``datacenter``, for objects and for the root."""

    hosts: Sequence[tuple[str, int]]  # other servers are learned from these, and have the first one's port
    shown: str
    deadline_seconds: float = 10.0
    datacenter: str | None = None
    local: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None


class CassandraSession:
    """One connected cluster of the driver's. Its threads end with ``close``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pid = os.getpid()
        self._closed = False
        self._statements: dict[str, Any] = {}
        self._preparing = threading.Lock()
        self._cluster = _make_cluster(settings)
        try:
            self._session = self._cluster.connect()
        except BaseException as error:
            self._cluster.shutdown()
            if isinstance(error, FAILURES):
                self.refuse(error)
            raise

    def use(self, keyspace: str) -> None:
        """Let statements be about the tables of ``keyspace``."""
        self._repeat(lambda: self._session.set_keyspace(keyspace))

    def execute(self, text: str, arguments: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a statement that is asked once, such as one that makes a table."""
        return self._repeat(lambda: list(self._session.execute(text, arguments)))

    def ask_root(self, text: str, arguments: Sequence[object]) -> list[Row]:
        """Return the rows of a read at the serial consistency."""
        return self._repeat(lambda: list(self._start(_ROOT, text, arguments, serial_read=True).result()))

    def move_root(self, text: str, arguments: Sequence[object]) -> bool:
        """Return whether a lightweight transaction was applied. It is sent once, to one coordinator.

        Raises ``OutcomeUnknown`` for every failure after it was sent: coordinators report several in words that hold
        for a transaction that was decided all the same.
        """

        def ask() -> list[Row]:
            try:
                return list(self._start(_ROOT, text, arguments).result())
            except (NoHostAvailable, InvalidRequest, *_REFUSALS):  # it reached no coordinator, or was turned away
                raise
            except FAILURES as error:
                raise OutcomeUnknown("the answer to a commit was lost", **self._facts(error)) from error

        self._repeat(lambda: self._prepare(text))
        ((applied, *_),) = self._repeat(ask)
        return bool(applied)

    def run(self, text: str, all_arguments: Iterable[Sequence[object]]) -> Iterator[list[Row]]:
        """Ask ``text`` with each of ``all_arguments``, some at once, and yield the rows of each, in order.

        The requests are such as can be repeated: one that finds no coordinator is, until servers that are back are
        found again.
        """
        waiting: deque[tuple[Sequence[object], Any]] = deque()
        for arguments in all_arguments:
            if len(waiting) == _CONCURRENCY:
                yield self._finish(text, *waiting.popleft())
            waiting.append((arguments, self._repeat(partial(self._start, _OBJECTS, text, arguments))))
        while waiting:
            yield self._finish(text, *waiting.popleft())

    def iterate(self, text: str) -> Iterator[Row]:
        """Yield the rows of ``text``, page by page."""
        future = self._repeat(lambda: self._start(_OBJECTS, text, ()))
        while True:
            try:
                rows = future.result().current_rows
            except FAILURES as error:
                self.refuse(error)
            yield from rows
            if not future.has_more_pages:
                return
            self.check_open()
            future.start_fetching_next_page()

    def check_open(self) -> None:
        """Raise ``Unavailable`` after ``close``, ``ForkedProcess`` in a child process."""
        if self._pid != os.getpid():
            message = "this store was opened before the fork; open it again in the child"
            raise ForkedProcess(message, store=self._settings.shown)
        if self._closed:
            raise Unavailable("the store was closed", store=self._settings.shown)

    def close(self) -> None:
        """End the driver's connections and threads. In a child process they are the parent's. Twice is fine."""
        self._closed = True
        if self._pid == os.getpid():
            self._cluster.shutdown()

    def refuse(self, error: Exception) -> NoReturn:
        """Raise what ``error`` means where nothing was changed."""
        causes = list(error.errors.values()) if isinstance(error, NoHostAvailable) and error.errors else [error]
        facts = self._facts(causes[0] if isinstance(causes[0], Exception) else error)
        if any(isinstance(cause, _REFUSALS) for cause in causes):
            raise Refused("the servers refuse the user, or what it asks for", **facts) from error
        if isinstance(error, InvalidRequest):
            raise NotAStore("the keyspace or its tables are not what they should be", **facts) from error
        raise Unavailable("the servers cannot be reached, or too few of them", **facts) from error

    def _start(self, profile: str, text: str, arguments: Sequence[object], *, serial_read: bool = False) -> Any:
        statement = self._prepare(text)
        self.check_open()
        bound = statement.bind(arguments)
        if serial_read:
            bound.consistency_level = ConsistencyLevel.LOCAL_SERIAL if self._settings.local else ConsistencyLevel.SERIAL
        timeout = self._settings.deadline_seconds
        return self._session.execute_async(bound, execution_profile=profile, timeout=timeout)

    def _finish(self, text: str, arguments: Sequence[object], future: Any) -> list[Row]:
        try:
            return list(future.result())
        except NoHostAvailable:
            return self._repeat(lambda: list(self._start(_OBJECTS, text, arguments).result()))
        except FAILURES as error:
            self.refuse(error)

    def _prepare(self, text: str) -> Any:
        statement = self._statements.get(text)
        if statement is None:
            with self._preparing:
                self.check_open()
                statement = self._statements.get(text) or self._session.prepare(text)
                self._statements[text] = statement
        return statement

    def _repeat(self, ask: Callable[[], Result]) -> Result:
        """Return ``ask()``; again while no server is known to be up, as the driver looks for them now and then only."""
        end = time.monotonic() + min(self._settings.deadline_seconds, _RECONNECTION_PATIENCE_SECONDS)
        while True:
            self.check_open()
            try:
                return ask()
            except NoHostAvailable as error:
                if time.monotonic() > end or any(isinstance(cause, _REFUSALS) for cause in error.errors.values()):
                    self.refuse(error)
                time.sleep(_RECONNECTION_SECONDS / 4)
            except FAILURES as error:
                self.refuse(error)

    def _facts(self, error: Exception) -> dict[str, object]:
        return {"store": self._settings.shown, "reason": " ".join(str(error).split()) or type(error).__name__}


def _make_cluster(settings: Settings) -> Cluster:
    quorum, serial = ConsistencyLevel.QUORUM, ConsistencyLevel.SERIAL
    if settings.local:
        quorum, serial = ConsistencyLevel.LOCAL_QUORUM, ConsistencyLevel.LOCAL_SERIAL
    near = DCAwareRoundRobinPolicy(settings.datacenter) if settings.datacenter else RoundRobinPolicy()
    policy = TokenAwarePolicy(near)
    deadline = settings.deadline_seconds

    def profile(retry: RetryPolicy) -> ExecutionProfile:
        return ExecutionProfile(
            load_balancing_policy=policy,
            retry_policy=retry,
            consistency_level=quorum,
            serial_consistency_level=serial,
            request_timeout=deadline,
            row_factory=tuple_factory,
        )

    return Cluster(
        settings.hosts,
        port=settings.hosts[0][1],
        compression=False,  # treering compresses, where that is asked for
        auth_provider=PlainTextAuthProvider(settings.user, settings.password) if settings.user else None,
        ssl_context=settings.tls,
        connect_timeout=max(0.5, deadline / len(settings.hosts)),
        control_connection_timeout=min(2.0, deadline),
        reconnection_policy=ConstantReconnectionPolicy(_RECONNECTION_SECONDS, max_attempts=None),
        prepare_on_all_hosts=False,
        execution_profiles={
            EXEC_PROFILE_DEFAULT: profile(RetryPolicy()),
            _OBJECTS: profile(RetryPolicy()),
            _ROOT: profile(FallthroughRetryPolicy()),
        },
    )
