"""Requests and answers that are lost or late between a repository and a real server: one commit, or certainly none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from tests.proto import engine_pb2 as pb
from tests.stores.places import STORES
from tests.tcp_proxy import CuttingProxy
from tests.watch.following import until

import treering
from treering.backend import Backend, open_backend
from treering.backend.cassandra import CassandraBackend

SERVERS = ["redis", "etcd", "consul", "cassandra"]
DEADLINE_SECONDS = 20  # a fault lasts until it has met a request, which is far less
WAIT_SECONDS = 60


class Scene:
    """Two writers on one store, the first behind a proxy that loses what it is told to."""

    def __init__(self, kind: str, address: str, stack: contextlib.ExitStack) -> None:
        self.proxy = stack.enter_context(CuttingProxy(address))
        url = STORES[kind](None, lambda: self.proxy)
        self.theirs = stack.enter_context(treering.open(url.replace(self.proxy.address, address), pb.Network))
        self._url, self._stack = url, stack
        self._backend, self.mine = self.open(DEADLINE_SECONDS)
        self.add("warm")  # has its session, and every connection that it needs
        self._pool = stack.enter_context(ThreadPoolExecutor(1))

    def open(self, seconds: float) -> tuple[Backend, treering.Repository]:
        """Open the store behind the proxy."""
        backend, _ = open_backend(self._url, deadline_seconds=seconds)
        return backend, self._stack.enter_context(treering.open(backend, pb.Network, deadline_seconds=seconds))

    def at_the_root(self, fault: Callable[[], None]) -> None:
        """Let a fault begin where the root is moved: with the next request, but on Cassandra after the objects."""
        if not isinstance(self._backend, CassandraBackend):
            fault()
            return
        session = self._backend._session
        move_root = session.move_root

        def fault_and_move(*arguments: Any) -> bool:
            session.move_root = move_root
            fault()
            return move_root(*arguments)

        session.move_root = fault_and_move

    def add(self, name: str) -> treering.Commit:
        return self.mine.add("/devices", pb.Device(name=name), note=name)

    def begin(self, name: str) -> Future[treering.Commit]:
        """Add a device in another thread."""
        return self._pool.submit(self.add, name)

    def end(self, commit: Future[treering.Commit], name: str) -> bool:
        """Wait for the outcome, and say whether the commit was made: just once, or certainly not at all."""
        try:
            made = commit.result(WAIT_SECONDS)
        except treering.OutcomeUnknown:
            raise
        except treering.Unavailable:
            made = None
        self.check(name, made)
        return made is not None

    def check(self, name: str, made: treering.Commit | None) -> None:
        found = [each for each in self.theirs.log() if each.note == name]
        assert found == ([] if made is None else [made])
        assert self.theirs.exists(f"/devices/{name}") is (made is not None)

    def go_on(self) -> None:
        """Both write once more, and nothing is amiss."""
        self.theirs.add("/devices", pb.Device(name="theirs"))
        assert self.add("after") == self.theirs.head
        assert self.theirs.verify().problems == ()


@pytest.fixture(params=SERVERS)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    server = request.getfixturevalue("shared_server")(request.param)
    with contextlib.ExitStack() as stack:
        yield Scene(request.param, server.address, stack)


@pytest.mark.parametrize("then", ["reset", "hang"])
def test_applied_and_the_answer_lost(scene: Scene, then: str) -> None:
    scene.at_the_root(lambda: scene.proxy.drop_replies(then))
    commit = scene.begin("mine")
    scene.proxy.wait_until(lambda proxy: proxy.dropped_reply_bytes > 0)
    until(lambda: scene.theirs.exists("/devices/mine"))
    scene.proxy.pass_all()
    scene.proxy.reset()
    assert scene.end(commit, "mine")
    scene.go_on()


def test_the_request_lost(scene: Scene) -> None:
    scene.at_the_root(scene.proxy.drop_requests)
    commit = scene.begin("mine")
    scene.proxy.wait_until(lambda proxy: proxy.dropped_request_bytes > 0)
    scene.proxy.pass_all()
    scene.proxy.reset()
    scene.end(commit, "mine")
    scene.go_on()


def test_the_request_late(scene: Scene) -> None:
    """It arrives when its outcome has been settled, and changes nothing any more."""
    scene.at_the_root(scene.proxy.hold_requests)
    commit = scene.begin("mine")
    scene.proxy.wait_until(lambda proxy: proxy.held_request_bytes > 0)
    scene.proxy.keep_held()
    made = scene.end(commit, "mine")
    root = scene.theirs.head
    scene.proxy.release()
    scene.proxy.wait_until(lambda proxy: proxy.late_reply_bytes > 0)
    assert scene.theirs.head == root
    scene.go_on()
    scene.check("mine", commit.result() if made else None)


def test_theirs_first_and_the_request_late(scene: Scene) -> None:
    """Another writer's commit is a fence as well."""
    scene.at_the_root(scene.proxy.hold_requests)
    commit = scene.begin("mine")
    scene.proxy.wait_until(lambda proxy: proxy.held_request_bytes > 0)
    scene.theirs.add("/devices", pb.Device(name="meanwhile"))
    scene.proxy.release()
    scene.end(commit, "mine")
    scene.go_on()


def test_out_of_reach_beyond_the_deadline(scene: Scene) -> None:
    _, mine = scene.open(2)
    mine.update("/", pb.Network(name="warm"))
    scene.proxy.drop_requests()
    with pytest.raises((treering.Unavailable, treering.OutcomeUnknown)):
        mine.update("/", pb.Network(name="mine"), note="mine")
    scene.proxy.pass_all()
    scene.proxy.reset()
    assert scene.theirs.get("/").name == "warm"
    again = mine.update("/", pb.Network(name="again"))
    assert scene.theirs.head == again
    assert scene.theirs.verify().problems == ()
