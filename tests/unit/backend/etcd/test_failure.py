"""What each of etcd's failures becomes, and what is tried again."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from tests.unit.backend.etcd.fake import FakeEtcd, serve

from treering.backend import Backend, Watching, open_backend
from treering.backend.etcd.client import _PAUSE_SECONDS
from treering.errors import Error, NotAStore, OutcomeUnknown, Refused, StoreFull, TooLarge, Unavailable
from treering.testing.conformance import entries, key

Code = grpc.StatusCode
Open = Callable[..., Backend]
PATIENCE_SECONDS = 0.3
FULL = (Code.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded")


@pytest.fixture
def fake() -> Iterator[FakeEtcd]:
    with serve() as server:
        yield server


@pytest.fixture
def open_store() -> Iterator[Open]:
    with ExitStack() as stack:

        def open_one(*servers: FakeEtcd | int, options: str = "", deadline_seconds: float = 30) -> Backend:
            ports = [server if isinstance(server, int) else server.port for server in servers]
            hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
            backend, _ = open_backend(f"etcd://{hosts}/{options}", deadline_seconds=deadline_seconds)
            stack.callback(backend.close)
            return backend

        yield open_one


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a short deadline, but for the server: each of its answers may take as long as it likes."""
    monkeypatch.setattr("treering.backend.etcd.client._PATIENCE_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def dead_port() -> Iterator[int]:
    with socket.socket() as held:  # bound, not listening: nobody else takes it, and it refuses
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize(
    ("code", "details", "raised"),
    [
        (Code.INVALID_ARGUMENT, "etcdserver: request is too large", TooLarge),
        (Code.INVALID_ARGUMENT, "etcdserver: too many operations in txn request", TooLarge),
        (Code.RESOURCE_EXHAUSTED, "grpc: received message larger than max (3 vs. 2)", TooLarge),
        (Code.PERMISSION_DENIED, "etcdserver: permission denied", Refused),
        (Code.INVALID_ARGUMENT, "etcdserver: user name is empty", Refused),
        (Code.UNAUTHENTICATED, "etcdserver: invalid auth token", Refused),
        (Code.FAILED_PRECONDITION, "etcdserver: something new", Refused),
        (Code.UNIMPLEMENTED, "unknown service etcdserverpb.KV", NotAStore),
        (Code.UNAVAILABLE, "etcdserver: request timed out", OutcomeUnknown),
        (Code.UNAVAILABLE, "etcdserver: server stopped", OutcomeUnknown),
        (Code.UNAVAILABLE, "Socket closed", OutcomeUnknown),
        (Code.UNKNOWN, "Stream removed", OutcomeUnknown),
        (Code.INTERNAL, "", OutcomeUnknown),
        (Code.DEADLINE_EXCEEDED, "context deadline exceeded", OutcomeUnknown),
    ],
)
def test_failures_of_a_publish(fake: FakeEtcd, open_store: Open, code: Code, details: str, raised: type[Error]) -> None:
    backend = open_store(fake)
    fake.said["Txn"] = [(code, details)]
    with pytest.raises(raised) as caught:
        backend.publish(entries(1), None, b"one")
    assert caught.value.facts["problem"] == details
    assert fake.calls.count("Txn") == 1  # never sent twice
    assert backend.publish(entries(1), None, b"one")


@pytest.mark.parametrize("details", ["no leader", "not capable", "too many requests", "rpc not supported for learner"])
def test_what_was_refused_before_it_began_is_sent_again(fake: FakeEtcd, open_store: Open, details: str) -> None:
    backend = open_store(fake)
    fake.said["Txn"] = [(Code.UNAVAILABLE, f"etcdserver: {details}")] * 2
    assert backend.publish(entries(1), None, b"one")
    assert fake.calls.count("Txn") == 3


@pytest.mark.parametrize("details", ["etcdserver: leader changed", "Connection reset by peer", "etcdserver: no leader"])
def test_reads_and_writes_of_objects_are_sent_again(fake: FakeEtcd, open_store: Open, details: str) -> None:
    backend = open_store(fake)
    for method in ("Range", "Txn"):
        fake.said[method] = [(Code.UNAVAILABLE, details)] * 2
    assert backend.read_root() is None
    backend.write_many(entries(1))
    assert fake.said == {"Range": [], "Txn": []}


@pytest.mark.usefixtures("little_patience")
def test_patience_ends(fake: FakeEtcd, open_store: Open) -> None:
    backend = open_store(fake)
    fake.said["Txn"] = [(Code.UNAVAILABLE, "etcdserver: no leader")] * 1000
    began = time.monotonic()
    with pytest.raises(Unavailable):
        backend.publish([], None, b"one")
    tries = fake.calls.count("Txn")
    assert tries < 20
    assert tries > 1 or time.monotonic() - began > PATIENCE_SECONDS - _PAUSE_SECONDS  # a busy machine


def test_no_room_and_nothing_written(fake: FakeEtcd, open_store: Open) -> None:
    backend = open_store(fake)
    fake.said["Txn"] = [FULL]
    with pytest.raises(StoreFull):
        backend.publish(entries(1), None, b"one")
    assert backend.read_root() is None


def test_no_room_but_written(fake: FakeEtcd, open_store: Open) -> None:
    backend = open_store(fake)
    fake.said["Txn"], fake.before_failing = [FULL], fake.apply
    assert backend.publish(entries(1), None, b"one") is True
    assert backend.read_root() == b"one"


def test_no_room_and_somebody_elses_root(fake: FakeEtcd, open_store: Open) -> None:
    backend = open_store(fake)

    def move(_: object) -> None:
        fake.root = b"theirs"

    fake.said["Txn"], fake.before_failing = [FULL], move
    with pytest.raises(OutcomeUnknown):
        backend.publish(entries(1), None, b"one")


@pytest.mark.usefixtures("little_patience")
def test_no_room_and_no_root_to_be_read(fake: FakeEtcd, open_store: Open) -> None:
    backend = open_store(fake)
    fake.said["Txn"], fake.said["Range"] = [FULL], [(Code.UNAVAILABLE, "gone")] * 1000
    with pytest.raises(OutcomeUnknown):
        backend.publish(entries(1), None, b"one")


def test_a_dead_endpoint_is_passed_over(fake: FakeEtcd, open_store: Open, dead_port: int) -> None:
    backend = open_store(dead_port, fake, dead_port)
    assert backend.publish(entries(3), None, b"one")
    assert fake.calls == ["Range", "Txn"]  # the one that answers is kept


def test_the_next_endpoint_takes_over(fake: FakeEtcd, open_store: Open) -> None:
    with serve() as first:
        backend = open_store(first, fake)
        assert backend.publish([], None, b"one")
        fake.root = first.root
    assert backend.read_root() == b"one"
    assert backend.publish([], b"one", b"two")
    assert fake.root == b"two"


def test_a_publish_goes_on_where_nothing_can_have_been_sent(fake: FakeEtcd, open_store: Open) -> None:
    with serve() as first:
        backend = open_store(first, fake)
        backend.read_root()
    with pytest.raises(Unavailable, match="etcd did not answer"):
        open_store(first.port, deadline_seconds=0.2)
    backend._client._current = 0  # type: ignore[attr-defined]
    try:
        assert backend.publish([], None, b"one")
    except OutcomeUnknown:  # the connection's end had not been seen yet
        assert backend.publish([], None, b"one")
    assert fake.root == b"one"


def test_an_expired_token_is_renewed(fake: FakeEtcd, open_store: Open, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame\n")
    backend = open_store(fake, options=f"?user=me&password_file={tmp_path}/secret")
    assert fake.calls == ["Authenticate", "Range"]
    fake.said["Txn"] = [(Code.UNAUTHENTICATED, "etcdserver: invalid auth token")]
    assert backend.publish([], None, b"one")
    assert fake.calls == ["Authenticate", "Range", "Txn", "Authenticate", "Txn"]
    assert fake.tokens == ["", "token 1", "token 1", "", "token 2"]
    assert backend.read_root() == b"one"
    assert fake.tokens[-1] == "token 2"


def test_a_watch_ends_where_the_token_has_expired(fake: FakeEtcd, open_store: Open, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame")
    backend = open_store(fake, options=f"?user=me&password_file={tmp_path}/secret")
    assert isinstance(backend, Watching)
    fake.said["Watch"] = [(Code.UNAUTHENTICATED, "etcdserver: invalid auth token")]
    backend.wait_for_root(None, 3600)
    assert backend.read_root() is None
    assert fake.calls == ["Authenticate", "Range", "Watch", "Authenticate", "Range"]


@pytest.mark.parametrize(
    "say",
    [
        (Code.PERMISSION_DENIED, "etcdserver: permission denied"),
        (Code.UNAVAILABLE, "etcdserver: no leader"),
        (Code.UNIMPLEMENTED, "unknown service etcdserverpb.Watch"),
    ],
)
def test_what_cannot_be_watched(fake: FakeEtcd, open_store: Open, say: tuple[grpc.StatusCode, str]) -> None:
    backend = open_store(fake)
    assert isinstance(backend, Watching)
    fake.said["Watch"] = [say]
    with pytest.raises(Unavailable, match="cannot be watched"):
        backend.wait_for_root(None, 3600)


def test_a_wait_too_short_for_an_answer_ends_at_its_time(fake: FakeEtcd, open_store: Open) -> None:
    backend = open_store(fake)
    assert isinstance(backend, Watching)
    fake.holds_back = True
    for _ in range(100):  # on a slow machine a wait may end before it comes to that
        backend.wait_for_root(None, 0.1)
        if "Range" in fake.calls:
            break
    fake.may_answer.set()
    assert backend.read_root() is None


@pytest.mark.usefixtures("little_patience")
def test_a_token_that_is_never_right_is_refused(fake: FakeEtcd, open_store: Open, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame")
    backend = open_store(fake, options=f"?user=me&password_file={tmp_path}/secret")
    fake.said["Range"] = [(Code.UNAUTHENTICATED, "etcdserver: invalid auth token")] * 1000
    with pytest.raises(Refused) as caught:
        backend.read_root()
    assert "sesame" not in str(caught.value)
    assert fake.calls.count("Authenticate") < 20


def test_a_long_root_is_compared_by_its_revision(fake: FakeEtcd, open_store: Open) -> None:
    backend = open_store(fake)
    long = bytes(100_000)
    assert backend.publish([], None, long)
    assert backend.publish([], long[1:], b"two") is False
    assert backend.publish([], long, b"two") is True
    assert fake.root == b"two"


def test_a_value_that_fits_no_request(fake: FakeEtcd, open_store: Open) -> None:
    backend = open_store(fake)
    with pytest.raises(TooLarge):
        backend.write_many([(key(1), b"small"), (key(2), bytes(2_000_000))])
    assert "Txn" not in fake.calls


def test_a_member_that_is_behind_is_not_believed(fake: FakeEtcd, open_store: Open) -> None:
    backend = open_store(fake)
    backend.write_many(entries(3))
    fake.behind = True
    assert backend.read_many([key(2), key(7), key(0)]) == [b"value 2 of 1", None, b"value 0 of 1"]
    fake.behind = False
    before = len(fake.calls)
    assert backend.read_many([key(2), key(0)]) == [b"value 2 of 1", b"value 0 of 1"]
    assert len(fake.calls) == before + 1


def test_answers_that_are_not_etcds(fake: FakeEtcd, open_store: Open) -> None:
    backend = open_store(fake)
    fake.garbage = True
    calls = (backend.read_root, lambda: backend.read_many([key(1)]), lambda: list(backend.list_keys()))
    for call in calls:
        with pytest.raises(NotAStore):
            call()
    with pytest.raises(OutcomeUnknown):
        backend.publish([], None, b"one")
    with pytest.raises(NotAStore):
        open_store(fake)
