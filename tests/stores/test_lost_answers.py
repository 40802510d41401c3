"""Answers and requests lost on the way to a real server: exactly one commit, or certainly none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.proto import engine_pb2 as pb
from tests.stores.places import KINDS, STORES
from tests.tcp_proxy import CuttingProxy

import treering


class Scene:
    """A repository behind a proxy, and one that reaches the server directly."""

    def __init__(self, kind: str, server: Any, proxy: CuttingProxy) -> None:
        self.proxy = proxy
        url = STORES[kind](Path(), lambda: server)
        self.direct = treering.open(url, pb.Network, deadline_seconds=30)
        self.direct.update("/", pb.Network(name="start"))
        self.mine = treering.open(url.replace(server.address, proxy.address), pb.Network, deadline_seconds=6)
        for number in range(3):
            self.mine.update("/", pb.Network(name=f"warm {number}"))
        assert list(self.mine.log())[-1].seq == 0  # so that the next commit reads nothing before it is published

    def notes(self) -> list[str]:
        return [commit.note for commit in self.direct.log()]


@pytest.fixture(params=[kind for kind in ("redis", "etcd", "consul") if kind in KINDS])
def scene(request: pytest.FixtureRequest, shared_server: Callable[[str], Any]) -> Iterator[Scene]:
    server = shared_server(request.param)
    with CuttingProxy(server.address) as proxy:
        made = Scene(request.param, server, proxy)
        yield made
        proxy.pass_all()
        made.mine.close()
        made.direct.close()


def heal_later(proxy: CuttingProxy, seconds: float = 1.0) -> threading.Timer:
    def heal() -> None:
        proxy.pass_all()
        proxy.reset()

    timer = threading.Timer(seconds, heal)
    timer.start()
    return timer


@pytest.mark.parametrize("then", ["reset", "hang"])
def test_applied_and_the_answer_lost(scene: Scene, then: str) -> None:
    scene.proxy.drop_replies(then)
    timer = heal_later(scene.proxy)
    commit = scene.mine.update("/", pb.Network(name="mine"), note="mine")
    timer.join()
    assert scene.notes().count("mine") == 1
    assert scene.direct.head == commit


def test_a_request_that_never_arrives(scene: Scene) -> None:
    scene.proxy.drop_requests()
    timer = heal_later(scene.proxy)
    try:
        scene.mine.update("/", pb.Network(name="mine"), note="mine")
    except treering.Unavailable:
        expected = 0
    else:
        expected = 1
    timer.join()
    assert scene.notes().count("mine") == expected


def test_out_of_reach_for_longer_than_the_deadline(scene: Scene) -> None:
    scene.proxy.drop_requests()
    with pytest.raises((treering.Unavailable, treering.OutcomeUnknown)):
        scene.mine.update("/", pb.Network(name="mine"), note="mine")
    scene.proxy.reset()
    scene.proxy.pass_all()
    assert scene.notes().count("mine") == 0
    scene.mine.update("/", pb.Network(name="again"), note="again")
    assert scene.notes().count("again") == 1
