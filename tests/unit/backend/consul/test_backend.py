from __future__ import annotations

import base64
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.backend.consul.scripted import CLOSE, HANG, Reply, Scripted, scripted

from treering.backend import open_backend
from treering.backend.consul import ConsulBackend
from treering.errors import (
    ForkedProcess,
    InvalidStoreURL,
    NotAStore,
    OutcomeUnknown,
    Refused,
    TooLarge,
    Unavailable,
)
from treering.testing.conformance import entries, key

DONE = Reply(body={"Results": [{"KV": {"Key": "p/root", "Value": None, "ModifyIndex": 12}}], "Errors": None})
STALE = Reply(409, {"Results": None, "Errors": [{"OpIndex": 0, "What": 'failed to set key "p/root", index is stale'}]})
NO_LEADER = Reply(500, b"No cluster leader")


def root(value: bytes, index: int) -> Reply:
    return Reply(body=[{"Key": "p/root", "Value": base64.b64encode(value).decode(), "ModifyIndex": index}], index=index)


@contextlib.contextmanager
def opened(url: str, *, seconds: float = 5) -> Iterator[ConsulBackend]:
    backend, _ = open_backend(url, deadline_seconds=seconds)
    assert isinstance(backend, ConsulBackend)
    try:
        yield backend
    finally:
        backend.close()


@contextlib.contextmanager
def on(*script: Reply | str, seconds: float = 5) -> Iterator[tuple[Scripted, ConsulBackend]]:
    with scripted(*script) as server, opened(server.url, seconds=seconds) as backend:
        yield server, backend


# URLs


@pytest.mark.parametrize(
    "url",
    [
        "consul:h",
        "consul://",
        "consul://a,b/p",
        "consul://h/p?nosuch=1",
        "consul://h/a//b",
        "consul://h/a b",
        "consul://h/" + "x" * 201,
        "consul://me:secret@h/p",
        "consul://h/p?token=secret",
        "consul://h/p?token_env=NOT_SET_AT_ALL",
        "consul://h/p?ca_file=/x",
        "consul://h/p?tls=yes",
        "consul://h/p?tls=true&key_file=/x",
        "consul://h/p?tls=true&ca_file=/no/such/file",
        "consul://h/p?dc=",
    ],
)
def test_urls_that_cannot_be_meant_are_refused(url: str) -> None:
    with pytest.raises(InvalidStoreURL) as caught:
        open_backend(url)
    assert "secret" not in str(caught.value)


def test_a_token_that_no_header_carries_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\r\nX-Other: header")
    with pytest.raises(InvalidStoreURL) as caught:
        open_backend(f"consul://h/p?token_file={tmp_path}/token")
    assert "secret" not in str(caught.value)


def test_opening_asks_nothing() -> None:
    with opened("consul://127.0.0.1:1/p") as backend:
        assert backend.url == "consul://127.0.0.1:1/p"
        assert backend.limits.remote
    with opened("consul://[::1]:1") as backend:
        assert backend.url == "consul://[::1]:1/treering"


def test_token_and_datacenter_go_with_every_request_and_into_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "very-secret")
    with scripted(root(b"one", 3), DONE, Reply(403, b"Permission denied"), Reply(body=[])) as server:
        with opened(f"{server.url}?token_env=MY_TOKEN&dc=east") as backend:
            assert backend.publish([], b"one", b"two")
            with pytest.raises(Refused) as caught:
                backend.write_many(entries(1))
            list(backend.list_keys())
        assert all(b"X-Consul-Token: very-secret" in head for _, _, head, _ in server.requests)
        assert all("dc=east" in target for _, target, _, _ in server.requests)
        assert "very-secret" not in f"{caught.value} {caught.value.facts} {backend!r} {vars(backend)} {backend.url}"


# the root's index


def test_a_known_root_is_published_upon_in_one_request() -> None:
    with on(root(b"one", 3), DONE, DONE) as (server, backend):
        assert backend.read_root() == b"one"
        assert backend.publish([], b"one", b"two")
        assert backend.publish([], b"two", b"three")
        assert [method for method, *_ in server.requests] == ["GET", "PUT", "PUT"]
        assert b'"Index":3' in server.requests[1][3]
        assert b'"Index":12' in server.requests[2][3]


def test_an_unknown_root_is_read_before_and_refused_where_it_is_another() -> None:
    with on(root(b"other", 3)) as (server, backend):
        assert backend.publish([], b"one", b"two") is False
        assert server.publications == 0


def test_a_refusal_is_false_only_when_the_root_is_another() -> None:
    with on(root(b"one", 3), STALE, root(b"one", 5), DONE, STALE, root(b"three", 14)) as (server, backend):
        assert backend.read_root() == b"one"
        assert backend.publish([], b"one", b"two")  # others had moved it there and back
        assert b'"Index":5' in server.requests[3][3]
        assert backend.publish([], b"two", b"four") is False


def test_a_root_that_is_there_is_not_created() -> None:
    with on(STALE) as (server, backend):
        assert backend.publish([], None, b"one") is False
        assert b'"Index":0' in server.requests[0][3]


# what a failure means


@pytest.mark.parametrize("how", [CLOSE, HANG, Reply(500, b"leadership lost while committing log"), Reply(502)])
def test_a_lost_answer_is_unknown_and_the_request_is_sent_once(how: Reply | str) -> None:
    with on(how, seconds=0.5) as (server, backend):
        with pytest.raises(OutcomeUnknown):
            backend.publish(entries(2), None, b"one")
        assert server.publications == 1


@pytest.mark.parametrize("answer", [NO_LEADER, Reply(500, b"No path to datacenter"), Reply(429), Reply(400, b"no")])
def test_an_answer_that_says_no_is_certain(answer: Reply) -> None:
    with on(answer, answer) as (_, backend):
        with pytest.raises(Unavailable):
            backend.publish([], None, b"one")
        with pytest.raises(Unavailable):
            backend.read_root()


def test_nobody_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with opened(f"consul://127.0.0.1:{port}/p") as backend:
        for call in (backend.read_root, lambda: backend.publish([], None, b"one"), lambda: list(backend.list_keys())):
            with pytest.raises(Unavailable):
                call()


def test_a_connection_that_the_server_closed_meanwhile_is_replaced() -> None:
    closed = Reply(body=DONE.body, then_close=True)
    with on(closed, DONE) as (server, backend):
        assert backend.publish([], None, b"one")
        while not server.ended:  # then the end of the connection is here as well
            time.sleep(0.001)
        assert backend.publish([], b"one", b"two")
        assert server.connections == 2
        assert server.publications == 2


def test_reads_and_writes_of_objects_are_sent_again_on_a_new_connection() -> None:
    done = Reply(body={"Results": [], "Errors": None})
    with on(root(b"one", 3), CLOSE, root(b"two", 4), CLOSE, done) as (server, backend):
        assert backend.read_root() == b"one"
        assert backend.read_root() == b"two"
        backend.write_many(entries(1))
        assert server.connections == 3


def test_a_read_is_not_sent_for_ever() -> None:
    with on(root(b"one", 3), CLOSE, CLOSE) as (server, backend):
        backend.read_root()
        with pytest.raises(Unavailable):
            backend.read_root()
        assert len(server.requests) == 3


def test_a_silent_server_is_given_up_at_the_deadline() -> None:
    with on(HANG, seconds=0.3) as (_, backend), pytest.raises(Unavailable):
        backend.read_root()


@pytest.mark.parametrize(
    "answer", [Reply(404, b"<html>", index=None), Reply(200, b"<html>"), Reply(200, {"not": "Consul"})]
)
def test_another_web_server_is_not_taken_for_an_empty_store(answer: Reply) -> None:
    with on(answer, answer) as (_, backend), pytest.raises((NotAStore, Unavailable)):
        backend.read_root()


def test_what_is_no_http_at_all_is_unavailable_in_printable_words() -> None:
    with on(Reply(400, b"\x84\x00\x1b[2J no\n")) as (_, backend), pytest.raises(Unavailable) as caught:
        backend.read_root()
    assert str(caught.value).isprintable()


def test_a_value_beyond_the_limit_is_refused_before_anything_is_written() -> None:
    with on() as (server, backend):
        with pytest.raises(TooLarge):
            backend.write_many([*entries(100), (key(1, 2), bytes((256 << 10) + 1))])
        assert server.requests == []


def test_batches_keep_to_what_a_transaction_takes() -> None:
    done = Reply(body={"Results": [], "Errors": None})
    with on(*[done] * 20) as (server, backend):
        backend.write_many([(key(n), bytes(200 << 10)) for n in range(5)] + entries(200, 2))
        assert all(len(body) <= 512 << 10 for *_, body in server.requests)
        assert all(body.count(b'"set"') <= 64 for *_, body in server.requests)


def test_largest_batch_fits_in_one_request() -> None:
    with on(DONE) as (server, backend):
        limits = backend.limits
        assert limits.max_batch_count
        assert limits.max_batch_bytes
        size = limits.max_batch_bytes // limits.max_batch_count
        batch = [(b"\xff" * 63 + bytes([n]), bytes(size)) for n in range(limits.max_batch_count - 1)]
        assert backend.publish(batch, None, bytes(size))
        assert len(server.requests[0][3]) <= 512 << 10


def test_what_a_token_may_not_read_is_not_taken_for_missing() -> None:
    hidden = Reply(body={"Results": [], "Errors": None})
    with on(hidden) as (_, backend), pytest.raises(Refused):
        backend.read_many([key(1)])


# waiting, closing, forking


def test_closing_ends_waiting() -> None:
    with on(root(b"one", 3), HANG) as (server, backend):
        backend.read_root()
        ended = threading.Event()

        def wait() -> None:
            with pytest.raises(Unavailable):
                backend.wait_for_root(b"one", 60)
            ended.set()

        thread = threading.Thread(target=wait)
        thread.start()
        while len(server.requests) < 2:
            time.sleep(0.01)
        backend.close()
        assert ended.wait(10)
        thread.join()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_closing_just_before_waiting_begins_leaves_no_connection_open(monkeypatch: pytest.MonkeyPatch) -> None:
    with on(root(b"one", 7)) as (_, backend):
        client, taken = backend._client, []
        take = client._take

        def take_and_close(*arguments: Any, **options: Any) -> Any:
            taken.append(take(*arguments, **options))
            client.close()
            return taken[-1]

        monkeypatch.setattr(client, "_take", take_and_close)
        client.wait("/v1/kv/p/root?index=7&wait=60s", 60)
        assert [connection.sock for connection, _ in taken] == [None]


def test_a_child_process_is_refused_and_leaves_the_parents_connection_alone() -> None:
    with on(root(b"one", 3), root(b"two", 4)) as (server, backend):
        backend.read_root()
        child = os.fork()
        if child == 0:
            try:
                backend.read_root()
            except ForkedProcess:
                backend.close()
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        assert backend.read_root() == b"two"
        assert server.connections == 1
