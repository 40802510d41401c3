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

from cassandra import (
    AuthenticationFailed,
    ConsistencyLevel,
    DriverException,
    InvalidRequest,
    OperationTimedOut,
    ReadFailure,
    ReadTimeout,
    Unauthorized,
)
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
_PAGE_COUNT = 1000
_ROOT, _OBJECTS = "root", "objects"  # execution profiles

Row = tuple[Any, ...]
Result = TypeVar("Result")


class TookTooLong(Unavailable):
    """The servers did not get through with a request in the time that they, or the deadline, allow."""


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
    """One connected cluster of the driver's. Its threads end with ``close``.

    ``$keyspace`` in a statement stands for ``keyspace``, which is a checked name.
    """

    def __init__(self, settings: Settings, keyspace: str) -> None:
        self._settings = settings
        self._keyspace = f'"{keyspace}"'
        self._pid = os.getpid()
        self._closed = False
        self._statements: dict[str, Any] = {}
        self._preparing = threading.Lock()
        self._under_way = 0
        self._quiet = threading.Condition()  # notified when nothing is under way
        try:
            self._cluster = _make_cluster(settings)
        except FAILURES as error:  # a host without an address
            self.refuse(error)
        try:
            self._session = self._cluster.connect()
            self._session.default_fetch_size = _PAGE_COUNT
        except BaseException as error:
            self._cluster.shutdown()
            if isinstance(error, FAILURES):
                self.refuse(error)
            raise

    def execute(self, text: str, arguments: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a statement that is asked once, such as one that makes a table."""
        text = text.replace("$keyspace", self._keyspace)
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

    def iterate(self, text: str, arguments: Sequence[object]) -> Iterator[Row]:
        """Yield the rows of ``text``, page by page. Raises ``TookTooLong`` where less should be asked for at a time."""
        state = None
        while True:
            page = self._repeat(partial(self._read_page, text, arguments, state))
            yield from page.current_rows
            state = page.paging_state
            if state is None:
                return

    def check_open(self) -> None:
        """Raise ``Unavailable`` after ``close``, ``ForkedProcess`` in a child process."""
        if self._pid != os.getpid():
            message = "this store was opened before the fork; open it again in the child"
            raise ForkedProcess(message, store=self._settings.shown)
        if self._closed:
            raise Unavailable("the store was closed", store=self._settings.shown)

    def close(self) -> None:
        """End the driver's connections and threads, when what is under way has ended. Twice is fine.

        A request that the driver has taken might never end once its threads have. In a child process all this is the
        parent's and left alone.
        """
        self._closed = True
        if self._pid != os.getpid():
            return
        with self._preparing, self._quiet:
            self._quiet.wait_for(lambda: not self._under_way, self._settings.deadline_seconds)
        self._cluster.shutdown()

    def refuse(self, error: Exception) -> NoReturn:
        """Raise what ``error`` means where nothing was changed."""
        causes = _causes(error)
        facts = self._facts(causes[0])
        if any(isinstance(cause, _REFUSALS) for cause in causes):
            raise Refused("the servers refuse the user, or what it asks for", **facts) from error
        if isinstance(error, InvalidRequest):
            raise NotAStore("the keyspace or its tables are not what they should be", **facts) from error
        if isinstance(error, ReadTimeout | ReadFailure | OperationTimedOut):
            raise TookTooLong("the servers did not answer in time", **facts) from error
        raise Unavailable("the servers cannot be reached, or too few of them", **facts) from error

    def _start(
        self,
        profile: str,
        text: str,
        arguments: Sequence[object],
        *,
        serial_read: bool = False,
        paging_state: bytes | None = None,
    ) -> Any:
        bound = self._prepare(text).bind(arguments)
        if serial_read:
            bound.consistency_level = ConsistencyLevel.LOCAL_SERIAL if self._settings.local else ConsistencyLevel.SERIAL
        with self._quiet:
            self.check_open()
            self._under_way += 1
        try:
            future = self._session.execute_async(bound, execution_profile=profile, paging_state=paging_state)
        except BaseException:
            self._end_request()
            raise
        future.add_callbacks(self._end_request, self._end_request)
        return future

    def _end_request(self, _result: object = None) -> None:
        with self._quiet:
            self._under_way -= 1
            self._quiet.notify_all()

    def _read_page(self, text: str, arguments: Sequence[object], paging_state: bytes | None) -> Any:
        return self._start(_OBJECTS, text, arguments, paging_state=paging_state).result()

    def _finish(self, text: str, arguments: Sequence[object], future: Any) -> list[Row]:
        try:
            return list(future.result())
        except NoHostAvailable:
            return self._repeat(lambda: list(self._start(_OBJECTS, text, arguments).result()))
        except FAILURES as error:
            self.refuse(error)

    def _prepare(self, text: str) -> Any:
        self.check_open()
        statement = self._statements.get(text)
        if statement is None:
            with self._preparing:
                self.check_open()
                statement = self._statements.get(text)
                if statement is None:
                    statement = self._session.prepare(text.replace("$keyspace", self._keyspace))
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
                if time.monotonic() > end or any(isinstance(cause, _REFUSALS) for cause in _causes(error)):
                    self.refuse(error)
                time.sleep(_RECONNECTION_SECONDS / 4)
            except FAILURES as error:
                self.refuse(error)

    def _facts(self, error: Exception) -> dict[str, object]:
        reason = " ".join(str(error).split())
        return {"store": self._settings.shown, "reason": reason if reason.strip("{}") else type(error).__name__}


def _causes(error: Exception) -> list[Exception]:
    """Return what went wrong with each server; the driver lists their names alone where it had none to ask."""
    errors = getattr(error, "errors", None)
    return (
        list(errors.values()) if isinstance(error, NoHostAvailable) and errors and isinstance(errors, dict) else [error]
    )


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
        protocol_version=4,  # what every server since 2.2 speaks: finding out costs two connections and two warnings
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
