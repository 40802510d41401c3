"""etcd behind a line that loses requests and replies."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.proto import engine_pb2 as pb
from tests.tcp_proxy import CuttingProxy

import treering
from treering.backend import Backend, Watching, open_backend
from treering.errors import OutcomeUnknown, Unavailable
from treering.testing.conformance import entries, key


@pytest.fixture
def address(shared_server: Callable[..., Any]) -> str:
    return shared_server("etcd").address


@pytest.fixture
def proxy(address: str) -> Iterator[CuttingProxy]:
    with CuttingProxy(address) as cutting:
        yield cutting


@pytest.fixture
def prefix() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def direct(address: str, prefix: str) -> Iterator[Backend]:
    backend, _ = open_backend(f"etcd://{address}/{prefix}")
    yield backend
    backend.close()


@pytest.fixture
def cut(proxy: CuttingProxy, prefix: str) -> Iterator[Backend]:
    """A handle through the proxy, on a store whose root is ``one``."""
    backend, _ = open_backend(f"etcd://{proxy.address}/{prefix}", deadline_seconds=1)
    assert backend.publish(entries(10), None, b"one")
    yield backend
    backend.close()


@pytest.mark.parametrize("then", ["reset", "hang"])
def test_applied_but_the_reply_is_lost(cut: Backend, direct: Backend, proxy: CuttingProxy, then: str) -> None:
    proxy.drop_replies(then)
    with pytest.raises(OutcomeUnknown):
        cut.publish(entries(1, session=2), b"one", b"two")
    assert direct.read_root() == b"two"
    proxy.pass_all()
    proxy.reset()
    assert cut.read_root() == b"two"
    assert cut.publish([], b"two", b"three")


def test_the_request_is_lost(cut: Backend, direct: Backend, proxy: CuttingProxy) -> None:
    proxy.drop_requests()
    with pytest.raises(OutcomeUnknown):
        cut.publish(entries(1, session=2), b"one", b"two")
    proxy.reset()
    proxy.pass_all()
    assert direct.read_root() == b"one"
    assert cut.publish([], b"one", b"two")


def test_a_request_that_comes_late_meets_the_fence(cut: Backend, direct: Backend, proxy: CuttingProxy) -> None:
    proxy.hold_requests()
    with pytest.raises(OutcomeUnknown):
        cut.publish(entries(1, session=2), b"one", b"two")
    assert direct.publish([], b"one", b"fence")
    proxy.release()
    assert cut.read_root() == b"fence"
    assert cut.publish([], b"fence", b"three")


def test_a_cut_line_is_mended_by_the_next_read(cut: Backend, proxy: CuttingProxy) -> None:
    for _ in range(5):
        proxy.reset()
        assert cut.read_root() == b"one"
        proxy.reset()
        assert cut.read_many([key(3)]) == [b"value 3 of 1"]
        proxy.reset()
        cut.write_many(entries(3, session=2))
        proxy.reset()
        cut.delete_many([key(0, 2)])
        proxy.reset()
        assert len(list(cut.list_keys())) == 12


def test_a_line_that_is_cut_and_refused(cut: Backend, proxy: CuttingProxy) -> None:
    proxy.refuse()
    proxy.reset()
    with pytest.raises(Unavailable):
        cut.read_root()
    with pytest.raises(Unavailable):  # by now it is known that nothing can have been sent
        cut.publish([], b"one", b"two")
    proxy.pass_all()
    assert cut.publish([], b"one", b"two")


def test_waiting_on_a_cut_line(cut: Backend, direct: Backend, proxy: CuttingProxy) -> None:
    assert isinstance(cut, Watching)
    proxy.drop_requests()
    cut.wait_for_root(b"one", 0.3)  # nothing is heard, and the time ends it
    proxy.pass_all()
    proxy.reset()
    assert cut.read_root() == b"one"
    assert direct.publish([], b"one", b"two")
    cut.wait_for_root(b"one", 3600)


@pytest.mark.parametrize("then", ["reset", "hang"])
def test_a_commit_whose_reply_is_lost_is_done_once(address: str, prefix: str, proxy: CuttingProxy, then: str) -> None:
    second = f"etcd://{proxy.address},{address}/{prefix}"
    with treering.open(second, pb.Device, deadline_seconds=3) as repo:
        before = repo.head
        proxy.drop_replies(then)
        device = repo.get("/")
        device.name = "renamed"
        commit = repo.update("/", device)
        assert repo.head == commit
        assert [each.id for each in repo.log()] == [commit.id, before.id]
        assert repo.verify().ok
