"""Redis in trouble: servers that are absent, frozen, killed, demoted or replaced, and connections that are lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from tests.tcp_proxy import CuttingProxy
from tools.server.redis import Redis

from treering.backend import Backend, open_backend
from treering.errors import Error, OutcomeUnknown, Refused, Unavailable
from treering.testing.conformance import entries, key

LONG_SECONDS = 60  # for what should come at once


@pytest.fixture
def open_any() -> Iterator[Callable[..., Backend]]:
    opened: list[Backend] = []

    def open_one(url: str, **more: object) -> Backend:
        opened.append(open_backend(url, **more)[0])  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for backend in opened:
        backend.close()


def connect(server: Redis) -> redis.Redis:
    return redis.Redis(port=server.port)


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something is true that must become so."""
    last_moment = time.monotonic() + LONG_SECONDS
    while True:
        with suppress(Unavailable):
            if holds():
                return
        assert time.monotonic() < last_moment
        time.sleep(0.02)


def test_a_server_that_is_not_there(private_server, open_any) -> None:
    server = private_server("redis")
    server.kill()
    with pytest.raises(Unavailable):
        open_any(f"redis://{server.address}")
    with pytest.raises(Unavailable):
        open_any("redis+unix:///no/such/socket")
    with pytest.raises(Unavailable):
        open_any("redis://a.name.that.is.not.one.invalid")


def test_a_frozen_server_is_waited_for_no_longer_than_the_deadline(private_server, open_any) -> None:
    server = private_server("redis")
    backend = open_any(f"redis://{server.address}", deadline_seconds=0.3)
    assert backend.publish(entries(3), None, b"one")
    server.pause()
    try:
        for call in (
            backend.read_root,
            lambda: backend.read_many([key(1)]),
            lambda: backend.write_many(entries(1, session=3)),
            lambda: backend.wait_for_root(b"one", LONG_SECONDS),
            lambda: open_any(f"redis://{server.address}", deadline_seconds=0.3),
        ):
            with pytest.raises(Unavailable):
                call()
    finally:
        server.resume()
    assert backend.read_root() == b"one"


def test_a_commit_that_a_frozen_server_had_received_is_unknown(private_server, open_any) -> None:
    server = private_server("redis")
    backend = open_any(f"redis://{server.address}", deadline_seconds=0.3)
    assert backend.publish(entries(3), None, b"one")
    server.pause()
    try:
        with pytest.raises(OutcomeUnknown):
            backend.publish(entries(3, session=2), b"one", b"two")
        # this time not even the connection comes about, so nothing can have been sent
        with pytest.raises(Unavailable):
            backend.publish(entries(3, session=3), b"one", b"three")
    finally:
        server.resume()
    eventually(lambda: backend.read_root() == b"two")
    assert backend.read_many([key(1, 2), key(1, 3)]) == [b"value 1 of 2", None]


def test_the_next_call_works_after_a_restart(private_server, open_any) -> None:
    server = private_server("redis")
    backend = open_any(f"redis://{server.address}")
    assert backend.publish(entries(3), None, b"0")
    calls: list[Callable[[], object]] = [
        backend.read_root,
        lambda: backend.read_many([key(1)]),
        lambda: backend.publish(entries(1, session=2), b"0", b"1"),
        lambda: backend.write_many(entries(1, session=3)),
        lambda: backend.delete_many([key(1)]),
        lambda: list(backend.list_keys()),
        lambda: backend.wait_for_root(b"1", 0.01),
    ]
    for call in calls:
        server.kill()
        with pytest.raises(Unavailable):
            backend.read_root()
        server.start()
        call()
    for call in calls[::-1]:
        server.kill()
        server.start()
        call()
    assert backend.read_root() == b"1"


class Load(threading.Thread):
    """Commits, one after the other, until one fails."""

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self.acknowledged = int(backend.read_root() or b"")
        self.busy = threading.Event()
        self.failure: Error | None = None
        self.start()

    def run(self) -> None:
        try:
            while True:
                number = self.acknowledged + 1
                batch = [(key(number), b"%d" % number), (key(number, 2), bytes(3000))]
                assert self.backend.publish(batch, b"%d" % (number - 1), b"%d" % number)
                self.acknowledged = number
                self.busy.set()
        except Error as error:
            self.failure = error


def test_killed_in_mid_load_it_loses_nothing_acknowledged(private_server, open_any) -> None:
    server = private_server("redis")
    backend = open_any(f"redis://{server.address}")
    assert backend.publish([], None, b"0")
    for _ in range(3):
        load = Load(backend)
        assert load.busy.wait(LONG_SECONDS)
        server.kill()
        load.join(LONG_SECONDS)
        assert isinstance(load.failure, Unavailable | OutcomeUnknown)
        server.start()
        root = int(backend.read_root() or b"")
        assert load.acknowledged <= root <= load.acknowledged + isinstance(load.failure, OutcomeUnknown)
        numbers = range(1, root + 1)
        assert backend.read_many([key(number) for number in numbers]) == [b"%d" % number for number in numbers]
        assert len(list(backend.list_keys())) == 2 * root


def test_waiting_ends_when_the_server_does(private_server, open_any) -> None:
    server = private_server("redis")
    backend = open_any(f"redis://{server.address}")
    assert backend.publish([], None, b"one")
    killer = threading.Timer(0.1, server.kill)
    killer.start()
    with pytest.raises(Unavailable):
        while True:
            backend.wait_for_root(b"one", LONG_SECONDS)
    killer.join()
    server.start()
    mover = threading.Timer(0.1, backend.publish, ([], b"one", b"two"))
    mover.start()
    while backend.read_root() == b"one":
        backend.wait_for_root(b"one", LONG_SECONDS)
    mover.join()


def test_a_replica_is_refused(private_server, open_any) -> None:
    master, server = private_server("redis"), private_server("redis")
    backend = open_any(f"redis://{server.address}")
    assert backend.publish([], None, b"one")
    with connect(server) as stock:
        stock.replicaof("127.0.0.1", master.port)
        eventually(lambda: stock.info("replication")["master_link_status"] == "up")
        with pytest.raises(Unavailable, match="replica"):
            backend.publish([], None, b"two")
        with pytest.raises(Unavailable, match="replica"):
            open_any(f"redis://{server.address}")
        stock.replicaof("NO", "ONE")
    assert backend.publish([], None, b"two")


# sentinels


class Sentinel(Redis):
    name = "sentinel"

    def watch(self, master: Redis) -> None:
        self.folder.mkdir()
        (self.folder / "sentinel.conf").write_text(
            f"bind 127.0.0.1\nport {self.port}\ndir {self.folder}\n"
            f"sentinel monitor main 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds main 300\n"
            "sentinel failover-timeout main 2000\n"
        )

    def _arguments(self) -> list[str]:
        return [str(self.folder / "sentinel.conf"), "--sentinel"]


@pytest.fixture
def start_sentinel(tmp_path: Path, private_server) -> Iterator[Callable[[Redis], Sentinel]]:
    started: list[Sentinel] = []

    def start(master: Redis) -> Sentinel:
        started.append(Sentinel(tmp_path / f"sentinel-{len(started)}"))
        started[-1].watch(master)
        started[-1].start()
        return started[-1]

    yield start
    for sentinel in started:
        sentinel.kill()


def test_sentinels_say_where_the_master_is(private_server, start_sentinel, open_any) -> None:
    master = private_server("redis")
    gone = private_server("redis")
    gone.kill()
    sentinel = start_sentinel(master)
    backend = open_any(f"redis://{gone.address},{sentinel.address}/1?sentinel=main")
    assert backend.publish(entries(3), None, b"one")
    assert open_any(f"redis://{master.address}/1").read_root() == b"one"
    with pytest.raises(Refused, match="no sentinel knows"):
        open_any(f"redis://{sentinel.address}?sentinel=other")
    with pytest.raises(Unavailable, match="no sentinel says"):
        open_any(f"redis://{gone.address}?sentinel=main", deadline_seconds=5)
    with pytest.raises(Unavailable):  # that is no sentinel
        open_any(f"redis://{master.address}?sentinel=main")


def test_after_a_fail_over_the_next_master_is_used(private_server, start_sentinel, open_any) -> None:
    master, replica = private_server("redis"), private_server("redis")
    with connect(replica) as stock:
        stock.replicaof("127.0.0.1", master.port)
        eventually(lambda: stock.info("replication")["master_link_status"] == "up")
        sentinel = start_sentinel(master)
        backend = open_any(f"redis://{sentinel.address}?sentinel=main")
        assert backend.publish(entries(3), None, b"one")
        eventually(lambda: stock.get("{treering}:root") == b"one")
        with connect(sentinel) as watching:
            eventually(lambda: watching.sentinel_slaves("main"))
        master.kill()
        eventually(lambda: backend.publish(entries(3, session=2), b"one", b"two"))
        assert stock.get("{treering}:root") == b"two"


# a network that loses


@pytest.fixture
def server(private_server) -> Redis:
    return private_server("redis")


@pytest.fixture
def through(server: Redis) -> Iterator[CuttingProxy]:
    with CuttingProxy(server.address) as proxy:
        yield proxy


@pytest.mark.parametrize("then", ["hang", "reset"])
def test_a_lost_reply_is_unknown_and_done(server: Redis, through: CuttingProxy, open_any, then) -> None:
    backend = open_any(f"redis://{through.address}", deadline_seconds=0.5)
    assert backend.publish([], None, b"one")
    through.drop_replies(then)
    with pytest.raises(OutcomeUnknown):
        backend.publish(entries(3), b"one", b"two")
    through.wait_until(lambda proxy: proxy.dropped_reply_bytes > 0)
    assert open_any(f"redis://{server.address}").read_root() == b"two"


def test_a_lost_request_is_unknown_and_not_done(server: Redis, through: CuttingProxy, open_any) -> None:
    backend = open_any(f"redis://{through.address}", deadline_seconds=0.5)
    assert backend.publish([], None, b"one")
    through.drop_requests()
    with pytest.raises(OutcomeUnknown):
        backend.publish(entries(3), b"one", b"two")
    direct = open_any(f"redis://{server.address}")
    assert direct.read_root() == b"one"
    assert direct.read_many([key(1)]) == [None]


def test_a_late_request_is_beaten_by_a_moved_root(server: Redis, through: CuttingProxy, open_any) -> None:
    backend = open_any(f"redis://{through.address}", deadline_seconds=0.5)
    assert backend.publish([], None, b"one")
    through.hold_requests()
    with pytest.raises(OutcomeUnknown):
        backend.publish(entries(3), b"one", b"late")
    through.wait_until(lambda proxy: proxy.held_request_bytes > 0)
    direct = open_any(f"redis://{server.address}")
    assert direct.publish([], b"one", b"fence")
    through.pass_all()
    assert backend.publish([], b"fence", b"next")
    assert direct.read_root() == b"next"
    assert direct.read_many([key(1)]) == [None]


def test_a_commit_is_sent_once(server: Redis, through: CuttingProxy, open_any) -> None:
    backend = open_any(f"redis://{through.address}", deadline_seconds=0.5)
    assert backend.publish([], None, b"one")
    with connect(server) as stock:

        def count() -> int:
            return stock.info("commandstats")["cmdstat_evalsha"]["calls"]

        before = count()
        through.drop_replies("reset")
        with pytest.raises(OutcomeUnknown):
            backend.publish([], b"one", b"two")
        assert count() == before + 1


def test_a_reset_between_calls_is_not_noticed(through: CuttingProxy, open_any) -> None:
    backend = open_any(f"redis://{through.address}")
    assert backend.publish([], None, b"0")
    for number in range(5):
        through.reset()
        assert backend.publish([], b"%d" % number, b"%d" % (number + 1))
        through.reset()
        assert backend.read_root() == b"%d" % (number + 1)


def test_a_slow_network_within_the_deadline_is_no_trouble(through: CuttingProxy, open_any) -> None:
    backend = open_any(f"redis://{through.address}", deadline_seconds=30)
    through.delay(0.05)
    assert backend.publish(entries(3), None, b"one")
    assert backend.read_root() == b"one"
