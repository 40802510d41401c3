"""Watching a store on a real server: woken by it, cut off from it, and over its restart."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from tests.proto import engine_pb2 as pb
from tests.stores.places import STORES
from tests.tcp_proxy import CuttingProxy
from tests.watch.following import PATIENCE_SECONDS, commits, is_waiting, line, rename, until

import treering

if TYPE_CHECKING:
    from tools.servers import Server, SharedServer

NATIVE = ["redis", "etcd", "consul"]
EACH = 5

Open = Callable[..., treering.Repository]


@pytest.fixture
def opened() -> Iterator[Open]:
    with contextlib.ExitStack() as stack:
        yield lambda url, **options: stack.enter_context(treering.open(url, pb.Network, **options))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def url_on(kind: str, server: Server | SharedServer | CuttingProxy) -> str:
    return STORES[kind](None, lambda: server)


def take(
    pool: ThreadPoolExecutor, repo: treering.Repository, watch: treering.Watch, count: int
) -> Future[list[treering.Commit]]:
    """Take events in another thread; return when it waits for the first."""
    future = pool.submit(lambda: commits(islice(watch, count)))
    until(lambda: future.done() or is_waiting(repo))
    return future


@pytest.mark.parametrize("kind", [*NATIVE, "cassandra"])
def test_woken_by_another_writer(
    kind: str, shared_server: Callable[[str], SharedServer], opened: Open, pool: ThreadPoolExecutor
) -> None:
    """Cassandra says nothing by itself: its root is asked for, again and again."""
    url = url_on(kind, shared_server(kind))
    repo, writer = opened(url), opened(url)
    first = repo.head
    with repo.watch("/", timeout_seconds=PATIENCE_SECONDS) as watch:
        taken = take(pool, repo, watch, EACH)
        made = [rename(writer, number) for number in range(EACH)]
        assert taken.result(PATIENCE_SECONDS) == made
    assert commits(islice(writer.watch(since=first, timeout_seconds=0), EACH)) == made
    assert commits(repo.watch(since=made[1].id, timeout_seconds=0)) == made[2:]


@pytest.mark.parametrize("kind", NATIVE)
def test_cut_off_and_back(
    kind: str, shared_server: Callable[[str], SharedServer], opened: Open, pool: ThreadPoolExecutor
) -> None:
    """What was committed while the line was cut comes too, each once and in order."""
    server = shared_server(kind)
    with CuttingProxy(server.address) as proxy:
        url = url_on(kind, proxy)
        writer = opened(url.replace(proxy.address, server.address))
        repo = opened(url, deadline_seconds=PATIENCE_SECONDS)
        made: list[treering.Commit] = []

        def reset_and_refuse() -> None:
            proxy.refuse()
            proxy.reset()

        with repo.watch(timeout_seconds=2 * PATIENCE_SECONDS) as watch:
            for cut in (proxy.reset, reset_and_refuse, proxy.drop_replies):
                taken = take(pool, repo, watch, EACH)
                cut()
                made += [rename(writer, f"{len(made)} {number}") for number in range(EACH)]
                proxy.pass_all()
                assert taken.result(PATIENCE_SECONDS) == made[-EACH:]
        repo.close()  # before the proxy


@pytest.mark.parametrize("kind", NATIVE)
def test_over_a_restart_of_the_server(
    kind: str, private_server: Callable[..., Server], opened: Open, pool: ThreadPoolExecutor
) -> None:
    server = private_server(kind)
    url = url_on(kind, server)
    repo, writer = opened(url), opened(url)
    first = repo.head
    with repo.watch(timeout_seconds=2 * PATIENCE_SECONDS) as watch:
        before = take(pool, repo, watch, 1)
        rename(writer, "before")
        assert before.result(PATIENCE_SECONDS) == [writer.head]
        after = take(pool, repo, watch, 2)
        server.kill()
        server.start()
        rename(writer, "after")
        rename(writer, "and again")
        seen = [*before.result(), *after.result(PATIENCE_SECONDS)]
    assert seen == line(writer, first)
    repo.close()
    server.stop()
    server.start()
    last = rename(writer, "last")
    assert commits(opened(url).watch(since=seen[0].id, timeout_seconds=0)) == [*seen[1:], last]
