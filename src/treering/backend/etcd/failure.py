"""What an answer means; of a failure: whether it may have been applied, be tried again, and which error to raise."""

from __future__ import annotations

import enum
from typing import TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from treering.errors import Error, NotAStore, Refused, StoreFull, TooLarge, Unavailable

_Reply = TypeVar("_Reply", bound=Message)


class Failure(enum.Enum):
    """What is known after a call failed."""

    REFUSED = enum.auto()  # certainly not applied, and it would be refused again
    NOT_SENT = enum.auto()  # certainly not applied: no server took it
    TOKEN = enum.auto()  # certainly not applied: the token has expired
    FULL = enum.auto()  # no room: applied or not, but it is over
    LOST = enum.auto()  # the answer is lost: applied, or not, or still to come


# gRPC core, when a connection failed, then when a name has no address; etcd, before it proposes anything
_NOT_SENT = (
    "failed to connect to all addresses",
    "errors resolving ",
    "DNS resolution failed",
    "etcdserver: no leader",
    "etcdserver: not capable",
    "etcdserver: too many requests",
    "etcdserver: rpc not supported for learner",
)
_TOKEN = ("etcdserver: invalid auth token", "etcdserver: revision of auth store is old")
_CREDENTIALS = (
    "etcdserver: authentication failed",
    "etcdserver: authentication is not enabled",
    "etcdserver: permission denied",
    "etcdserver: user name is empty",
    "etcdserver: invalid auth management",
)
_TOO_LARGE = (
    "etcdserver: request is too large",
    "etcdserver: too many operations in txn request",
    "grpc: received message larger than max",
    "trying to send message larger than max",
)
_FULL = "etcdserver: mvcc: database space exceeded"
# a server that answers with one of these has applied nothing
_REFUSED = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)


def judge(error: grpc.RpcError) -> Failure:
    """Return what is known of the call. What is not known for certain is ``LOST``."""
    details = _details(error)
    if details.startswith(_NOT_SENT):
        return Failure.NOT_SENT
    if details.startswith(_TOKEN):
        return Failure.TOKEN
    if details.startswith(_FULL):
        return Failure.FULL
    if error.code() in _REFUSED or details.startswith(_TOO_LARGE):
        return Failure.REFUSED
    return Failure.LOST


def translate(error: grpc.RpcError, store: str) -> Error:
    """Return the error that stands for ``error``."""
    code, details = error.code(), _details(error)
    if details.startswith(_FULL):
        return StoreFull("etcd has reached its quota: compact, defragment and disarm the alarm", store=store)
    if details.startswith(_TOO_LARGE):
        return TooLarge("the server takes no request of this size", store=store, **facts(error))
    if details.startswith((*_CREDENTIALS, *_TOKEN)) or code in {
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
    }:
        return Refused("etcd refuses this user, password or key", store=store, **facts(error))
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return NotAStore("what answers there is not etcd", store=store, **facts(error))
    if code in _REFUSED:
        return Refused("etcd refuses the request", store=store, **facts(error))
    return Unavailable("etcd did not answer", store=store, **facts(error))


def decode(reply: _Reply, data: bytes, store: str) -> _Reply:
    """Fill ``reply`` from what a server answered. ``NotAStore`` where that is not of its form."""
    try:
        reply.MergeFromString(data)
    except DecodeError as error:
        raise NotAStore("what answers there is not etcd", store=store) from error
    return reply


def facts(error: grpc.RpcError) -> dict[str, str]:
    """Return what can be told of ``error``. What etcd and gRPC say of a failure never holds a secret."""
    return {"status": error.code().name, "problem": _details(error)}


def _details(error: grpc.RpcError) -> str:
    return error.details() or ""
