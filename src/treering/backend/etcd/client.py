"""Calls to an etcd cluster: which endpoint, with which token, until when, and what to do when one fails."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc

from treering.backend.etcd import wire_pb2 as wire
from treering.backend.etcd.failure import Failure, decode, facts, judge, translate
from treering.errors import ForkedProcess, OutcomeUnknown, Unavailable

_AUTHENTICATE = "/etcdserverpb.Auth/Authenticate"
_RANGE = "/etcdserverpb.KV/Range"
_TXN = "/etcdserverpb.KV/Txn"
_WATCH = "/etcdserverpb.Watch/Watch"

_OPTIONS = (
    ("grpc.enable_retries", 0),  # only the caller knows what may be sent twice
    ("grpc.enable_http_proxy", 0),  # a store's URL says where the data goes, no environment variable
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.use_local_subchannel_pool", 1),  # a handle's connections are its own
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 10_000),  # etcd takes one every 5 s
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.min_reconnect_backoff_ms", 5_000),  # what one attempt to connect may take
)
_PATIENCE_SECONDS = 2.0  # an election, a restart: longer than either, shorter than a user's patience
_PAUSE_SECONDS = 0.05

_Metadata = tuple[tuple[str, str], ...]
_HAS_LEADER: _Metadata = (("hasleader", "true"),)  # a member cut off from the majority refuses at once

_process: list[int] = []  # the one in which gRPC runs
_left_by_parent: list[object] = []  # gRPC must not clean up in a child what its parent still uses


class _Unary(Protocol):
    def __call__(self, request: bytes, *, timeout: float, metadata: _Metadata) -> bytes: ...


@dataclass(frozen=True, slots=True)
class TLS:
    """Certificates in PEM; None: gRPC's own authorities, no client certificate, the name in the URL."""

    authorities: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    certificate: bytes | None = None
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """Who authenticates."""

    user: str
    password: str = field(repr=False)


class Endpoint:
    """One member of the cluster: its channel and its calls, which take and return bytes."""

    __slots__ = ("_channel", "authenticate", "range", "txn", "watch")

    def __init__(self, host: str, port: int, tls: TLS | None) -> None:
        target = f"dns:///[{host}]:{port}" if ":" in host else f"dns:///{host}:{port}"
        if tls is None:
            self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        else:
            override = (("grpc.ssl_target_name_override", tls.server_name),) if tls.server_name else ()
            credentials = grpc.ssl_channel_credentials(tls.authorities, tls.key, tls.certificate)
            self._channel = grpc.secure_channel(target, credentials, options=(*_OPTIONS, *override))
        self.authenticate: _Unary = self._channel.unary_unary(_AUTHENTICATE, None, None)
        self.range: _Unary = self._channel.unary_unary(_RANGE, None, None)
        self.txn: _Unary = self._channel.unary_unary(_TXN, None, None)
        self.watch = self._channel.stream_stream(_WATCH, None, None)

    def close(self) -> None:
        """Give up the connection; calls under way end."""
        self._channel.close()


class Client:
    """A cluster behind its endpoints. The first that answers is kept until it fails, then the next one's turn comes."""

    def __init__(
        self,
        hosts: Sequence[tuple[str, int]],
        *,
        store: str,
        deadline_seconds: float,
        tls: TLS | None = None,
        login: Login | None = None,
    ) -> None:
        _claim_process(store)
        self._store = store
        self._deadline_seconds = deadline_seconds
        self._login = login
        self._endpoints = [Endpoint(host, port, tls) for host, port in hosts]
        self._current = 0
        self._token_lock = threading.Lock()
        self._metadata: _Metadata | None = None if login else _HAS_LEADER
        self._streams: set[Any] = set()
        self._closed = False
        self._pid = os.getpid()

    def range(self, request: bytes, *, seconds: float | None = None) -> bytes:
        """Send a ``RangeRequest``; ``seconds`` where the deadline is too long."""
        return self._call(_range, request, once=False, seconds=seconds or self._deadline_seconds)

    def txn(self, request: bytes, *, once: bool) -> bytes:
        """Send a ``TxnRequest``.

        One that may be applied several times is tried at every endpoint, for two seconds or the deadline, whatever is
        shorter. With ``once`` it goes on only where the failed one is known to have changed nothing: else
        ``OutcomeUnknown``.
        """
        return self._call(_txn, request, once=once, seconds=self._deadline_seconds)

    def watch(self, request: bytes, timeout_seconds: float) -> Generator[bytes]:
        """Send a ``WatchRequest`` and yield what comes, until the time is over or the client is closed.

        It is a hint, so it also ends where the token has to be renewed, and every failure is ``Unavailable``.
        """
        self._check_usable()
        index, last_moment = self._current, time.monotonic() + timeout_seconds
        endpoint, ended = self._endpoints[index], threading.Event()
        stream: Any = None  # grpc types neither its iteration nor its end
        metadata = self._metadata
        try:
            metadata = metadata or self._authenticate(endpoint, timeout_seconds)
            # the stream of requests stays open: a proxy may take its end for the end of the watch
            stream = endpoint.watch(_one(request, ended), timeout=timeout_seconds, metadata=metadata)
            self._streams.add(stream)
            if not self._closed:
                yield from stream
        except ValueError as error:
            raise self._closed_error() from error
        except grpc.RpcError as error:
            failure = judge(error)
            if self._closed or error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                return
            if failure is Failure.LOST and time.monotonic() >= last_moment:
                return  # etcd 3.4 says the same in words of its own
            if failure is Failure.TOKEN and self._login:
                self._forget_token(metadata)
                return
            if failure is not Failure.REFUSED:
                self._move_on(index)
            raise Unavailable("etcd cannot be watched", store=self._store, **facts(error)) from error
        finally:
            ended.set()
            if stream is not None:
                stream.cancel()
                self._streams.discard(stream)

    def close(self) -> None:
        """End every call and every watch. Twice is fine; in a child process the parent's connections stay its own."""
        if self._closed:
            return
        self._closed = True
        if os.getpid() != self._pid:
            _left_by_parent.append(self._endpoints)
            return
        for stream in list(self._streams):
            stream.cancel()
        for endpoint in self._endpoints:
            endpoint.close()

    def _call(self, method: Callable[[Endpoint], _Unary], request: bytes, *, once: bool, seconds: float) -> bytes:
        self._check_usable()
        start = time.monotonic()
        last_moment, patient_until = start + seconds, start + min(seconds, _PATIENCE_SECONDS)
        count = len(self._endpoints)
        for tries in itertools.count(1):
            left = last_moment - time.monotonic()
            # a read leaves time for the endpoints that were not asked yet; what is sent once has it all
            outcome = self._attempt(method, request, left if once else left / max(count + 1 - tries, 1), once=once)
            if isinstance(outcome, bytes):
                return outcome
            now = time.monotonic()
            if now >= last_moment or (tries >= count and now + _PAUSE_SECONDS >= patient_until):
                raise translate(outcome, self._store) from outcome
            if tries % count == 0:
                time.sleep(_PAUSE_SECONDS)
        raise AssertionError  # the loop has no other end

    def _attempt(
        self, method: Callable[[Endpoint], _Unary], request: bytes, seconds: float, *, once: bool
    ) -> bytes | grpc.RpcError:
        """Return the reply, or the failure after which the call may be tried again: at the next endpoint, if any."""
        index = self._current
        endpoint, metadata, sent = self._endpoints[index], self._metadata, False
        try:
            metadata = metadata or self._authenticate(endpoint, seconds)
            sent = True
            return method(endpoint)(request, timeout=max(seconds, 0.001), metadata=metadata)
        except ValueError as error:  # gRPC's answer when another thread has closed the channel
            raise self._closed_error() from error
        except grpc.RpcError as error:
            failure = judge(error)
            if failure is Failure.LOST and once and sent:
                self._move_on(index)
                raise OutcomeUnknown("the answer of etcd was lost", store=self._store, **facts(error)) from error
            if self._closed:
                raise self._closed_error() from error
            if failure in {Failure.REFUSED, Failure.FULL} or (failure is Failure.TOKEN and not self._login):
                raise translate(error, self._store) from error
            if failure is Failure.TOKEN:
                self._forget_token(metadata)
            else:
                self._move_on(index)
            return error

    def _authenticate(self, endpoint: Endpoint, seconds: float) -> _Metadata:
        """Return what a call carries, with a token of the user's: one thread asks for it, the others wait."""
        login = self._login
        assert login is not None
        if not self._token_lock.acquire(timeout=max(seconds, 0.001)):
            raise Unavailable("etcd did not answer", store=self._store, problem="waiting for a token")
        try:
            if self._metadata is None:
                request = wire.AuthenticateRequest(name=login.user, password=login.password).SerializeToString()
                reply = endpoint.authenticate(request, timeout=max(seconds, 0.001), metadata=_HAS_LEADER)
                token = decode(wire.AuthenticateResponse(), reply, self._store).token
                self._metadata = (*_HAS_LEADER, ("token", token))
            return self._metadata
        finally:
            self._token_lock.release()

    def _forget_token(self, used: _Metadata | None) -> None:
        with self._token_lock:
            if self._metadata is used and self._login:
                self._metadata = None

    def _move_on(self, index: int) -> None:
        if self._current == index:  # else another thread was first
            self._current = (index + 1) % len(self._endpoints)

    def _check_usable(self) -> None:
        if os.getpid() != self._pid:
            raise ForkedProcess("an etcd handle does not survive a fork; open the store again", store=self._store)
        if self._closed:
            raise self._closed_error()

    def _closed_error(self) -> Unavailable:
        return Unavailable("the store was closed", store=self._store)


def _claim_process(store: str) -> None:
    """Refuse a child process where gRPC would hang for ever: its threads stayed behind in the parent."""
    pid = os.getpid()
    # gRPC's own switch, read by it when it was imported
    survives = os.environ.get("GRPC_ENABLE_FORK_SUPPORT", "").lower() in {"1", "true", "yes"}  # noqa: TID251
    if _process and _process != [pid] and not survives:
        message = "gRPC was in use before this process was forked: open after the fork only, or start by spawn"
        raise ForkedProcess(message, store=store)
    _process[:] = [pid]


def _range(endpoint: Endpoint) -> _Unary:
    return endpoint.range


def _txn(endpoint: Endpoint) -> _Unary:
    return endpoint.txn


def _one(request: bytes, ended: threading.Event) -> Iterator[bytes]:
    yield request
    ended.wait()
