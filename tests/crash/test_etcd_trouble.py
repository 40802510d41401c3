"""etcd in trouble: away, killed, frozen, full, too small."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from tests.crash.etcd_gateway import gateway
from tests.proto import engine_pb2 as pb
from tools.server.process import free_port
from tools.servers import Server

import treering
from treering.backend import Backend, Watching, open_backend
from treering.errors import Error, OutcomeUnknown, StoreFull, TooLarge, Unavailable
from treering.testing.conformance import entries, key

Open = Callable[..., Backend]
Start = Callable[..., Server]


@pytest.fixture
def open_store() -> Iterator[Open]:
    with ExitStack() as stack:

        def open_one(address: str, path: str = "/store", deadline_seconds: float = 10) -> Backend:
            backend, _ = open_backend(f"etcd://{address}{path}", deadline_seconds=deadline_seconds)
            stack.callback(backend.close)
            return backend

        yield open_one


# away and back


def test_a_server_that_is_not_there(open_store: Open) -> None:
    with pytest.raises(Unavailable) as caught:
        open_store(f"127.0.0.1:{free_port()}", deadline_seconds=0.3)
    assert "refused" in caught.value.facts["problem"]


def test_a_host_that_does_not_exist(open_store: Open) -> None:
    with pytest.raises(Unavailable):
        open_store("no-such-host.invalid", deadline_seconds=0.3)


def test_a_dead_endpoint_among_three(shared_server: Start, open_store: Open) -> None:
    alive = shared_server("etcd").address
    path = f"/{uuid.uuid4().hex}"
    backend = open_store(f"127.0.0.1:{free_port()},{alive},127.0.0.1:{free_port()}", path)
    assert backend.publish(entries(3), None, b"one")
    assert open_store(alive, path).read_many([key(2)]) == [b"value 2 of 1"]


def test_prefixes_are_apart(shared_server: Start, open_store: Open) -> None:
    address, path = shared_server("etcd").address, f"/{uuid.uuid4().hex}"
    one, other, below = (open_store(address, path + rest) for rest in ("", "0", "/root"))
    assert one.publish(entries(3), None, b"one")
    assert other.read_root() is None
    assert below.publish(entries(2), None, b"below")
    assert one.read_root() == b"one"
    assert sorted(one.list_keys()) == [key(0), key(1), key(2)]
    assert list(other.list_keys()) == []
    assert sorted(below.list_keys()) == [key(0), key(1)]


def test_a_proxy_of_the_environment_is_not_used(
    shared_server: Start, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert open_store(shared_server("etcd").address, f"/{uuid.uuid4().hex}").read_root() is None


def test_killed_and_started_again(private_server: Start, open_store: Open) -> None:
    server = private_server("etcd")
    backend = open_store(server.address, deadline_seconds=2)
    for number in range(20):
        assert backend.publish(
            [(key(number), b"%d" % number)], b"%d" % number if number else None, b"%d" % (number + 1)
        )
    server.kill()
    for call in (backend.read_root, lambda: backend.read_many([key(1)]), lambda: backend.write_many(entries(1, 2))):
        with pytest.raises(Unavailable):
            call()
    with pytest.raises((Unavailable, OutcomeUnknown)):
        backend.publish([], b"20", b"lost")
    server.start()
    assert backend.read_root() == b"20"
    assert backend.read_many([key(number) for number in range(20)]) == [b"%d" % number for number in range(20)]
    assert backend.publish([], b"20", b"21")


def test_killed_in_mid_load_loses_nothing_acknowledged(private_server: Start, open_store: Open) -> None:
    server = private_server("etcd")
    backend = open_store(server.address)
    acknowledged, enough = 0, threading.Event()

    def write() -> int:
        root = None
        for number in range(1, 1_000_000):
            new = b"%d" % number
            if number == 50:
                enough.set()
            try:
                assert backend.publish([(key(number), new), (key(number, 2), bytes(3000))], root, new)
            except (OutcomeUnknown, Unavailable):
                return number - 1
            root = new
        raise AssertionError

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        assert enough.wait(60)
        server.kill()
        acknowledged = writing.result(60)
    server.start()
    root = int(backend.read_root() or b"0")
    assert acknowledged <= root <= acknowledged + 1
    numbers = range(1, root + 1)
    assert backend.read_many([key(number) for number in numbers]) == [b"%d" % number for number in numbers]


def test_a_repository_goes_on_after_a_restart(private_server: Start) -> None:
    server = private_server("etcd")
    with treering.open(f"etcd://{server.address}/fleet", pb.Device, deadline_seconds=5) as repo:
        first = repo.head
        server.kill()
        server.start()
        assert repo.resolve("main") == first
        assert repo.verify().ok


def test_a_frozen_server_is_given_up_at_the_deadline(private_server: Start, open_store: Open) -> None:
    server = private_server("etcd")
    backend = open_store(server.address, deadline_seconds=0.5)
    assert backend.publish([], None, b"one")
    server.pause()
    try:
        with pytest.raises(Unavailable):
            while True:  # the signal takes a moment
                backend.read_root()
        with pytest.raises(OutcomeUnknown):
            backend.publish([], b"one", b"two")
    finally:
        server.resume()
    patient = open_store(server.address)
    assert patient.read_root() in {b"one", b"two"}


def test_waiting_over_a_restart(private_server: Start, open_store: Open) -> None:
    server = private_server("etcd")
    backend, writer = open_store(server.address), open_store(server.address)
    assert isinstance(backend, Watching)
    assert backend.publish([], None, b"one")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(backend.wait_for_root, b"one", 60)
        server.kill()
        with suppress(Unavailable):
            waiting.result(60)
        with pytest.raises(Unavailable):
            backend.wait_for_root(b"one", 60)
        server.start()
        assert backend.read_root() == b"one"
        waiting = pool.submit(backend.wait_for_root, b"one", 60)
        assert writer.publish([], b"one", b"two")
        waiting.result(60)
    assert backend.read_root() == b"two"


def test_the_revision_watched_from_may_lie_in_the_future(private_server: Start, open_store: Open) -> None:
    server = private_server("etcd")
    backend = open_store(server.address)
    assert isinstance(backend, Watching)
    assert backend.publish([], None, b"one")
    backend._seen = (b"one", 1_000)  # type: ignore[attr-defined] # as after an older copy was put in the store's place
    backend.wait_for_root(b"one", 3600)


def test_waiting_for_a_root_older_than_what_was_compacted(private_server: Start, open_store: Open) -> None:
    server = private_server("etcd")
    backend, writer = open_store(server.address), open_store(server.address)
    assert isinstance(backend, Watching)
    assert backend.publish([], None, b"one")
    assert backend.read_root() == b"one"
    for number in range(10):
        writer.write_many([(key(number), b"x")])
    revision = gateway(server, "kv/range", key="AA==")["header"]["revision"]
    gateway(server, "kv/compaction", revision=revision)
    backend.wait_for_root(b"one", 3600)  # a false alarm
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(backend.wait_for_root, b"one", 3600)
        assert writer.publish([], b"one", b"two")
        waiting.result(60)
    assert backend.read_root() == b"two"


# too small


@pytest.mark.parametrize(
    ("flags", "right"),
    [
        (["--max-request-bytes", "100000"], "?max_request_bytes=100000&max_txn_ops=16"),
        (["--max-txn-ops", "16"], "?max_txn_ops=16"),
    ],
)
def test_a_server_that_takes_less_than_it_is_said_to(
    private_server: Start, open_store: Open, flags: list[str], right: str
) -> None:
    server = private_server("etcd", extra=flags)
    backend = open_store(server.address)
    batch = [(key(number, 2), bytes(4096)) for number in range(30)]
    with pytest.raises(TooLarge):
        backend.publish(batch, None, b"one")
    assert backend.read_root() is None
    assert list(backend.list_keys()) == []
    told = open_store(server.address, f"/store{right}")
    told.write_many(batch)
    assert told.publish([], None, b"one")
    assert told.read_many([each for each, _ in batch]) == [value for _, value in batch]


def test_a_server_that_takes_more(private_server: Start, open_store: Open) -> None:
    server = private_server("etcd", extra=["--max-txn-ops", "2000", "--max-request-bytes", "8000000"])
    backend = open_store(server.address, "/store?max_txn_ops=2000&max_request_bytes=8000000")
    assert backend.limits.max_batch_count == 2000
    assert backend.publish(entries(1999), None, b"one")
    assert backend.publish([(key(n, 2), bytes(500_000)) for n in range(15)], b"one", b"two")


def test_no_room(private_server: Start, open_store: Open) -> None:
    server = private_server("etcd", extra=["--quota-backend-bytes", str(4 << 20)])
    backend = open_store(server.address)
    number = 0

    def root() -> bytes | None:
        return b"%d" % number if number else None

    with pytest.raises(StoreFull):
        while backend.publish([(key(number), bytes(200_000))], root(), b"%d" % (number + 1)):
            number += 1
            assert number < 100
    assert number > 5
    assert backend.read_root() == root()
    assert backend.read_many([key(number - 1)]) == [bytes(200_000)]
    with pytest.raises(StoreFull):
        backend.write_many(entries(1, session=2))
    backend.delete_many([key(each) for each in range(number)])
    assert [each for each in backend.list_keys() if each != key(number)] == []
    revision = gateway(server, "kv/range", key="AA==")["header"]["revision"]
    gateway(server, "kv/compaction", revision=revision, physical=True)
    gateway(server, "maintenance/defragment")
    member = gateway(server, "maintenance/status")["header"]["member_id"]
    gateway(server, "maintenance/alarm", action="DEACTIVATE", memberID=member, alarm="NOSPACE")
    assert backend.publish(entries(1, session=3), root(), b"done")


# closing


def test_closing_under_load_ends_every_call(shared_server: Start, open_store: Open) -> None:
    backend = open_store(shared_server("etcd").address, f"/{uuid.uuid4().hex}")
    assert backend.publish(entries(100), None, b"one")
    busy = threading.Barrier(5)

    def read() -> Error:
        busy.wait(60)
        while True:
            try:
                backend.read_many([key(number) for number in range(100)])
            except Error as error:
                return error

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        busy.wait(60)
        backend.close()
        assert {type(reader.result(60)) for reader in readers} == {Unavailable}
