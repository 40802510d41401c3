"""A server that speaks etcd's wire format and answers as it is told, for what a real one cannot be made to say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from treering.backend.etcd import wire_pb2 as wire

Say = tuple[grpc.StatusCode, str]
ROOT = b"/root"  # under the empty prefix


@dataclass
class FakeEtcd:
    """One root; ``said`` are the failures with which the next calls of a method are answered.

    ``before_failing`` runs on a transaction that is answered with a failure: what the server did all the same.
    """

    port: int = 0
    root: bytes | None = None
    objects: dict[bytes, bytes] = field(default_factory=dict)
    behind: bool = False  # what the member knows without the others: no object yet
    said: dict[str, list[Say]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    garbage: bool = False
    before_failing: Callable[[wire.TxnRequest], object] | None = None
    may_answer: threading.Event = field(default_factory=threading.Event)  # a Range, once ``holds_back``
    holds_back: bool = False

    def apply(self, txn: wire.TxnRequest) -> wire.TxnResponse:
        reply = wire.TxnResponse(header=wire.Header(revision=1), succeeded=True)
        for op in txn.success:
            if op.request_put.key == ROOT:
                self.root = op.request_put.value
            elif op.HasField("request_put"):
                self.objects[op.request_put.key] = op.request_put.value
            asked, answer = op.request_range, reply.responses.add().response_range
            if asked.key in self.objects and not (self.behind and asked.serializable):
                answer.kvs.add(key=asked.key, value=self.objects[asked.key])
        return reply

    def answer(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.calls.append(method)
        metadata = dict(context.invocation_metadata())
        assert metadata["hasleader"] == "true"
        self.tokens.append(str(metadata.get("token", "")))
        if self.said.get(method):
            code, details = self.said[method].pop(0)
            if method == "Txn" and self.before_failing:
                self.before_failing(wire.TxnRequest.FromString(request))
            context.abort(code, details)
        if self.garbage:
            return b"\xff\xff\xff"
        if method == "Authenticate":
            token = f"token {self.calls.count(method)}"
            return wire.AuthenticateResponse(token=token).SerializeToString()
        if method == "Watch":
            return wire.WatchResponse(header=wire.Header(revision=1), created=True).SerializeToString()
        if method == "Range":
            assert not self.holds_back or self.may_answer.wait(60)
            kvs = [] if self.root is None else [wire.KeyValue(key=ROOT, value=self.root, mod_revision=1)]
            return wire.RangeResponse(header=wire.Header(revision=1), kvs=kvs).SerializeToString()
        return self.apply(wire.TxnRequest.FromString(request)).SerializeToString()


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, fake: FakeEtcd) -> None:
        self._fake = fake

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method.rpartition("/")[2]

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            return self._fake.answer(method, request, context)

        def refuse(_: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            yield self._fake.answer(method, b"", context)

        if method == "Watch":
            return grpc.stream_stream_rpc_method_handler(refuse)
        return grpc.unary_unary_rpc_method_handler(answer)


@contextmanager
def serve() -> Iterator[FakeEtcd]:
    fake = FakeEtcd()
    server = grpc.server(ThreadPoolExecutor(4), handlers=[_Handler(fake)], options=[("grpc.so_reuseport", 0)])
    fake.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield fake
    finally:
        server.stop(None).wait()
