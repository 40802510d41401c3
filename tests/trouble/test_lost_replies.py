"""Answers and requests that are lost or late, between a backend and a real server."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from tests.tcp_proxy import CuttingProxy

from treering.backend import Backend, open_backend
from treering.errors import OutcomeUnknown, Unavailable
from treering.testing.conformance import entries, key

if TYPE_CHECKING:
    from tools.servers import Server

URLS = {
    "consul": "consul://{address}/{name}",
    "cassandra": "cassandra://{address}/lost?create_keyspace=1&store={name}",
}


class Scene:
    """One store, seen directly and through a proxy."""

    def __init__(self, kind: str, address: str, stack: contextlib.ExitStack) -> None:
        name = uuid.uuid4().hex
        self.proxy = stack.enter_context(CuttingProxy(address))
        self.direct = self._open(URLS[kind].format(address=address, name=name), 10, stack)
        self.backend = self._open(URLS[kind].format(address=self.proxy.address, name=name), 3, stack)
        assert self.backend.publish(entries(2), None, b"zero")
        assert self.backend.publish([], b"zero", b"one")

    @staticmethod
    def _open(url: str, seconds: float, stack: contextlib.ExitStack) -> Backend:
        backend, _ = open_backend(url, deadline_seconds=seconds)
        stack.callback(backend.close)
        return backend


@pytest.fixture(params=URLS)
def scene(request: pytest.FixtureRequest, shared_server: Callable[..., Server]) -> Iterator[Scene]:
    with contextlib.ExitStack() as stack:
        yield Scene(request.param, shared_server(request.param).address, stack)


@pytest.mark.parametrize("then", ["reset", "hang"])
def test_applied_and_the_answer_lost(scene: Scene, then: str) -> None:
    scene.proxy.drop_replies(then)
    with pytest.raises(OutcomeUnknown):
        scene.backend.publish([], b"one", b"two")
    assert scene.direct.read_root() == b"two"
    scene.proxy.pass_all()
    scene.proxy.reset()
    assert scene.backend.read_root() == b"two"
    assert scene.backend.publish(entries(2, 2), b"two", b"three")
    assert scene.direct.read_many([key(1, 2)]) == [b"value 1 of 2"]


def test_a_request_that_never_arrived(scene: Scene) -> None:
    scene.proxy.drop_requests()
    with pytest.raises(OutcomeUnknown):
        scene.backend.publish([], b"one", b"two")
    with pytest.raises(Unavailable):
        scene.backend.read_root()
    assert scene.direct.read_root() == b"one"
    scene.proxy.pass_all()
    scene.proxy.reset()
    assert scene.backend.read_root() == b"one"
    assert scene.backend.publish([], b"one", b"two")


def test_a_request_that_arrives_after_the_fence(scene: Scene) -> None:
    scene.proxy.hold_requests()
    with pytest.raises(OutcomeUnknown):
        scene.backend.publish([], b"one", b"two")
    assert scene.direct.publish([], b"one", b"fence")
    scene.proxy.release()
    assert scene.backend.read_root() == b"fence"
    assert scene.backend.publish([], b"fence", b"three")
    assert scene.direct.read_root() == b"three"


def test_connections_that_were_reset_meanwhile(scene: Scene) -> None:
    for _ in range(3):
        scene.proxy.reset()
        assert scene.backend.read_many([key(1), key(5)]) == [b"value 1 of 1", None]
    scene.proxy.reset()
    scene.backend.write_many(entries(3, 3))
    assert scene.direct.read_many([key(2, 3)]) == [b"value 2 of 3"]
