"""Who may use etcd and who is refused: users, TLS, processes that were forked."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.crash.etcd_gateway import PASSWORD, enable_users
from tools.servers import Server

from treering.backend import Backend, Watching, open_backend
from treering.errors import Refused, Unavailable
from treering.testing.conformance import entries

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


# users


def test_users_and_passwords(private_server: Start, open_store: Open, tmp_path: Path) -> None:
    server = private_server("etcd")
    enable_users(server)
    (tmp_path / "right").write_text(f"{PASSWORD}\n")
    (tmp_path / "wrong").write_text("battery staple")
    refused = {
        "nobody": "",
        "a wrong password": f"?user=writer&password_file={tmp_path}/wrong",
        "an unknown user": f"?user=other&password_file={tmp_path}/right",
    }
    for options in refused.values():
        with pytest.raises(Refused) as caught:
            open_store(server.address, f"/store{options}")
        assert "battery" not in repr(caught.value) + str(caught.value)
        assert PASSWORD not in repr(caught.value) + str(caught.value)
    right = f"?user=writer&password_file={tmp_path}/right"
    with pytest.raises(Refused, match="permission denied"):
        open_store(server.address, f"/other{right}")
    backend = open_store(server.address, f"/store{right}")
    assert backend.publish(entries(3), None, b"one")
    assert backend.url == f"etcd://{server.address}/store"
    assert PASSWORD not in repr(backend) + repr(vars(backend))
    # a token does not outlive the server that gave it
    server.kill()
    server.start()
    assert backend.read_root() == b"one"
    assert isinstance(backend, Watching)
    backend.wait_for_root(b"another", 60)
    assert backend.publish([], b"one", b"two")


def test_a_user_where_there_are_none(shared_server: Start, open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCD_PASSWORD", PASSWORD)
    with pytest.raises(Refused, match="authentication is not enabled"):
        open_store(shared_server("etcd").address, "/store?user=writer&password_env=ETCD_PASSWORD")


# TLS


def test_tls(private_server: Start, open_store: Open) -> None:
    server, other = private_server("etcd", tls=True), private_server("etcd", tls=True)
    assert server.certificate is not None
    assert other.certificate is not None
    ca = f"ca_file={server.certificate.authority}"
    backend = open_store(server.address, f"/store?tls=true&{ca}")
    assert backend.publish(entries(3), None, b"one")
    assert open_store(server.address, f"/store?tls=true&{ca}&server_name=localhost").read_root() == b"one"
    own = f"cert_file={server.certificate.certificate}&key_file={server.certificate.key}"
    assert open_store(server.address, f"/store?tls=true&{ca}&{own}").read_root() == b"one"
    for mismatch in (
        "",
        "?tls=true",
        f"?tls=true&ca_file={other.certificate.authority}",
        f"?tls=true&{ca}&server_name=elsewhere.test",
    ):
        with pytest.raises(Unavailable):
            open_store(server.address, f"/store{mismatch}", deadline_seconds=0.5)


def test_tls_where_there_is_none(shared_server: Start, open_store: Open) -> None:
    with pytest.raises(Unavailable):
        open_store(shared_server("etcd").address, "/store?tls=true", deadline_seconds=0.5)


# forks


FORKING = """
    import os, sys
    from treering.backend import open_backend
    from treering.errors import Error
    from treering.testing.conformance import entries, key

    url = sys.argv[1]
    backend, _ = open_backend(url)
    assert backend.publish(entries(3), None, b"0")
    calls = {
        "read_root": backend.read_root,
        "read_many": lambda: backend.read_many([key(1)]),
        "publish": lambda: backend.publish([], b"0", b"1"),
        "write_many": lambda: backend.write_many(entries(1, session=2)),
        "delete_many": lambda: backend.delete_many([key(1)]),
        "list_keys": lambda: list(backend.list_keys()),
        "wait_for_root": lambda: backend.wait_for_root(b"0", 1),
        "close": backend.close,
        "open": lambda: open_backend(url)[0].read_root(),
    }
    for name, call in calls.items():
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            try:
                print(name, call())
            except Error as error:
                print(name, type(error).__name__)
            sys.stdout.flush()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    assert backend.read_root() == b"0"
    assert backend.publish([], b"0", b"1")
    backend.close()
"""


@pytest.mark.parametrize(("support", "opened"), [("0", "ForkedProcess"), ("1", "b'0'")])
def test_forks(shared_server: Start, support: str, opened: str) -> None:
    url = f"etcd://{shared_server('etcd').address}/{uuid.uuid4().hex}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GRPC_ENABLE_FORK_SUPPORT": support}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKING), url],
        check=True, env=environment, stdout=subprocess.PIPE, text=True, timeout=120,
    )  # fmt: skip
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert told.pop("close") == "None"
    assert told.pop("open") == opened
    assert set(told.values()) == {"ForkedProcess"}
    assert len(told) == 7
