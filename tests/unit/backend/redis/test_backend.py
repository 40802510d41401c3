from __future__ import annotations

import sys
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from tests.crash.children import in_child

from treering.backend import Backend, Durability, open_backend
from treering.backend.base import Watching
from treering.backend.redis import NotDurableWarning, RedisBackend
from treering.errors import (
    ForkedProcess,
    InvalidStoreURL,
    MissingDependency,
    NotAStore,
    Refused,
    StoreFull,
    TooLarge,
    Unavailable,
)
from treering.testing.conformance import entries, key

Open = Callable[..., RedisBackend]


@pytest.fixture
def open_any() -> Iterator[Callable[..., RedisBackend]]:
    opened: list[Backend] = []

    def open_one(url: str, **more: object) -> RedisBackend:
        backend, _ = open_backend(url, **more)  # type: ignore[arg-type]
        assert isinstance(backend, RedisBackend)
        opened.append(backend)
        return backend

    yield open_one
    for backend in opened:
        backend.close()


@pytest.fixture
def address(shared_server) -> str:
    return shared_server("redis").address


@pytest.fixture
def prefix() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def open_store(open_any, address, prefix) -> Open:
    def open_one(options: str = "", **more: object) -> RedisBackend:
        return open_any(f"redis://{address}?prefix={prefix}{options}", **more)

    return open_one


@pytest.fixture
def stock(address) -> Iterator[redis.Redis]:
    """The server as any program uses it."""
    with connect(address) as client:
        yield client


def connect(address: str, **options: object) -> redis.Redis:
    host, _, port = address.rpartition(":")
    return redis.Redis(host=host, port=int(port), **options)


# URLs


@pytest.mark.parametrize(
    "url",
    [
        "redis:",
        "redis://",
        "redis://one,two",
        "redis://user:secret@localhost",
        "redis://localhost/zero",
        "redis://localhost/1?db=1",
        "redis://localhost?db=-1",
        "redis://localhost?prefix=a*b",
        "redis://localhost?prefix=%7Bx%7D",
        "redis://localhost?user=me",
        "redis://localhost?password=secret",
        "redis://localhost?password_env=TREERING_TEST_NOT_SET",
        "redis://localhost?durability=quorum",
        "redis://localhost?ca_file=/none",
        "redis://localhost?colour=red",
        "rediss://localhost?ca_file=/none",
        "rediss://localhost?key_file=/none",
        "rediss://localhost?check_hostname=no",
        "redis+unix://localhost/socket",
        "redis+unix:socket",
        "redis+unix:///socket?sentinel=main",
    ],
)
def test_urls_that_cannot_be_meant(url: str) -> None:
    with pytest.raises(InvalidStoreURL) as caught:
        open_backend(url)
    assert "secret" not in str(caught.value)


def test_client_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.split(".")[0] == "redis" or name.startswith("treering.backend.r")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingDependency, match=r"treering\[redis\]"):
        open_backend("redis://localhost")


# keys


def test_keys_have_one_hash_tag_and_no_expiry(open_store: Open, stock: redis.Redis, prefix: str) -> None:
    assert open_store().publish([(key(1), b"value")], None, b"one")
    assert stock.get(f"{{{prefix}}}:root") == b"one"
    name = f"{{{prefix}}}:o:".encode() + key(1)
    assert stock.get(name) == b"value"
    assert stock.ttl(name) == -1


def test_stores_under_other_prefixes_and_in_other_databases_are_apart(
    open_any: Open, address: str, prefix: str
) -> None:
    urls = [
        f"redis://{address}?prefix={prefix}",
        f"redis://{address}?prefix={prefix}.2",
        f"redis://{address}/1?prefix={prefix}",
        f"redis://{address}?db=2&prefix={prefix}",
    ]
    backends = [open_any(url) for url in urls]
    for number, backend in enumerate(backends):
        assert backend.publish(entries(number + 1), None, b"%d" % number)
    for number, backend in enumerate(backends):
        assert backend.read_root() == b"%d" % number
        assert len(list(backend.list_keys())) == number + 1


def test_a_key_of_another_type_is_not_a_store(open_store: Open, stock: redis.Redis, prefix: str) -> None:
    stock.rpush(f"{{{prefix}}}:root", "someone's list")
    with pytest.raises(NotAStore):
        open_store()
    stock.delete(f"{{{prefix}}}:root")
    backend = open_store()
    stock.rpush(f"{{{prefix}}}:root", "someone's list")
    with pytest.raises(NotAStore):
        backend.read_root()
    with pytest.raises(NotAStore):
        backend.publish(entries(1), None, b"one")
    assert backend.read_many([key(0)]) == [None]


def test_without_create_there_must_be_a_root(open_store: Open) -> None:
    with pytest.raises(NotAStore):
        open_store(create=False)
    assert open_store().publish([], None, b"one")
    assert open_store(create=False).read_root() == b"one"


def test_a_forgotten_script_is_sent_again(open_store: Open, stock: redis.Redis) -> None:
    backend = open_store()
    assert backend.publish([], None, b"one")
    stock.script_flush()
    assert backend.publish(entries(3), b"one", b"two")
    assert backend.read_root() == b"two"


def test_closed_idle_connections_are_made_anew(open_store: Open, stock: redis.Redis) -> None:
    backend = open_store()
    assert backend.publish([], None, b"0")
    for number in range(5):
        for client in stock.client_list(_type="normal"):
            if client["id"] != str(stock.client_id()):
                stock.client_kill_filter(_id=client["id"])
        if number % 2:
            assert backend.read_root() == b"%d" % number
        assert backend.publish([], b"%d" % number, b"%d" % (number + 1))


def test_values_beyond_the_servers_limit(private_server, open_any: Open) -> None:
    backend = open_any(f"redis://{private_server('redis', extra=['--proto-max-bulk-len', '1mb']).address}")
    assert backend.publish([(key(0), bytes(1 << 20))], None, b"one")
    for write in (
        lambda: backend.publish([(key(1), bytes((1 << 20) + 1))], b"one", b"two"),
        lambda: backend.write_many([(key(1), bytes((1 << 20) + 1))]),
    ):
        with pytest.raises(TooLarge) as caught:
            write()
        assert caught.value.facts == {"size_bytes": (1 << 20) + 1, "limit_bytes": 1 << 20}
    assert backend.read_many([key(1)]) == [None]
    assert backend.read_root() == b"one"


# what the server says of itself


@pytest.mark.parametrize(
    ("settings", "option", "expected"),
    [
        ("--appendonly yes --appendfsync always", "", Durability.FSYNC),
        ("--appendonly yes --appendfsync always", "durability=async", Durability.ASYNC),
        ("--appendonly yes --appendfsync always --no-appendfsync-on-rewrite yes", "", Durability.ASYNC),
        ("--appendonly yes --appendfsync everysec", "", Durability.ASYNC),
        ("--appendonly yes --appendfsync everysec", "durability=fsync", Refused),
        ("--appendonly yes --appendfsync no", "", NotDurableWarning),
        ("--appendonly no", "", NotDurableWarning),
        ("--appendonly no", "durability=none", Durability.NONE),
        ("--appendonly no", "durability=async", Refused),
        ("--rename-command CONFIG ''", "", NotDurableWarning),
        ("--rename-command CONFIG ''", "durability=fsync", Durability.FSYNC),
        ("--appendonly no --rename-command CONFIG ''", "durability=fsync", Refused),
        ("--rename-command CONFIG '' --rename-command INFO ''", "durability=fsync", Durability.FSYNC),
        ("--maxmemory-policy allkeys-lru", "", Refused),
        ("--maxmemory-policy allkeys-lru --rename-command CONFIG ''", "durability=fsync", Refused),
        ("--maxmemory-policy volatile-lru", "", Durability.FSYNC),  # evicts keys with an expiry time only
    ],
)
def test_durability_and_eviction(private_server, open_any: Open, settings: str, option: str, expected) -> None:
    extra = [word.strip("'") for word in settings.split(" ")]
    url = f"redis://{private_server('redis', extra=extra).address}?{option}".rstrip("?")
    if expected is NotDurableWarning:
        with pytest.warns(NotDurableWarning, match="durability="):
            assert open_any(url).limits.durability is Durability.NONE
    elif expected is Refused:
        with pytest.raises(Refused):
            open_any(url)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert open_any(url).limits.durability is expected


def test_a_server_at_its_maxmemory_is_full(private_server, open_any: Open) -> None:
    server = private_server("redis", extra=["--maxmemory", "6mb"])
    backend = open_any(f"redis://{server.address}")
    assert backend.publish(entries(10), None, b"0")
    number = 0
    with pytest.raises(StoreFull):
        while backend.publish([(key(number, 2), bytes(100_000))], b"%d" % number, b"%d" % (number + 1)):
            number += 1
    assert number > 5
    with pytest.raises(StoreFull):
        backend.write_many([(key(0, 3), bytes(100_000))])
    assert backend.read_root() == b"%d" % number
    assert len(list(backend.list_keys())) == 10 + number
    backend.delete_many([key(each, 2) for each in range(number)])
    assert backend.publish([(key(0, 3), b"room")], b"%d" % number, b"more")


def test_a_unix_socket(private_server, open_any: Open, tmp_path: Path) -> None:
    socket = tmp_path / "a socket"
    private_server("redis", extra=["--unixsocket", str(socket)])
    backend = open_any(f"redis+unix://{tmp_path}/a%20socket?db=3")
    assert backend.publish([], None, b"one")
    assert backend.url == f"redis+unix://{tmp_path}/a%20socket"


# who may


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TREERING_TEST_SECRET", "open sesame")
    return "open sesame"


def test_password(private_server, open_any: Open, password: str, tmp_path: Path) -> None:
    server = private_server("redis", password=password)
    url = f"redis://{server.address}"
    (tmp_path / "right").write_text(f"{password}\n")
    (tmp_path / "wrong").write_text("abracadabra")
    backend = open_any(f"{url}?password_env=TREERING_TEST_SECRET")
    assert backend.publish([], None, b"one")
    assert open_any(f"{url}?user=default&password_file={tmp_path}/right").read_root() == b"one"
    assert password not in f"{backend.url} {backend!r} {vars(backend)} {vars(backend._client)}"
    for options in (
        "",
        f"?password_file={tmp_path}/wrong",
        f"?user=default&password_file={tmp_path}/wrong",
        f"?user=nobody&password_file={tmp_path}/right",
    ):
        with pytest.raises(Refused) as caught:
            open_any(url + options)
        assert not isinstance(caught.value, InvalidStoreURL)
        shown = f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
        assert password not in shown
        assert "abracadabra" not in shown


RIGHTS = (
    "~{treering}:* &{treering}:moved:* +get +set +mget +mset +unlink +scan +type +eval +evalsha +publish +subscribe "
    "+select +info +config|get"
)


def test_a_user_with_the_rights_that_the_documentation_names(private_server, open_any: Open, password: str) -> None:
    server = private_server("redis")
    with connect(server.address) as stock:
        stock.execute_command("ACL", "SETUSER", "app", "on", f">{password}", *RIGHTS.split())
        url = f"redis://{server.address}?user=app&password_env=TREERING_TEST_SECRET"
        backend = open_any(url)
        assert backend.publish(entries(10), None, b"one")
        assert backend.limits.durability is Durability.FSYNC
        backend.write_many(entries(10, session=2))
        backend.delete_many([key(1)])
        assert len(list(backend.list_keys())) == 19
        backend.wait_for_root(b"one", 0.01)
        with pytest.raises(Refused, match="may not do"):
            open_any(f"{url}&prefix=another")
        stock.execute_command("ACL", "SETUSER", "app", "resetchannels")  # the hint only
        assert backend.publish([], b"one", b"two")
        stock.execute_command("ACL", "SETUSER", "app", "-set")
        with pytest.raises(Refused, match="may not do"):
            backend.publish(entries(1, session=3), b"two", b"three")
        assert backend.read_root() == b"two"


def test_tls(private_server, open_any: Open, tmp_path: Path) -> None:
    server = private_server("redis", tls=True)
    plain = private_server("redis")
    secure = f"rediss://{server.address}?ca_file={server.certificate.authority}"
    assert open_any(secure).publish(entries(3), None, b"one")
    wait = open_any(f"{secure}&check_hostname=false")
    wait.wait_for_root(b"one", 0.01)
    assert wait.read_root() == b"one"
    for url in (
        f"rediss://{server.address}",  # an authority that nobody knows
        f"rediss://{plain.address}?ca_file={server.certificate.authority}",
        f"redis://{server.address}",
    ):
        with pytest.raises(Unavailable):
            open_any(url, deadline_seconds=5)
    (tmp_path / "bad.pem").write_text("no certificate")
    for name in ("ca_file", "cert_file"):
        with pytest.raises(InvalidStoreURL) as caught:
            open_any(f"rediss://{server.address}?{name}={tmp_path}/bad.pem")
        assert caught.value.facts["option"] == name


def test_a_database_that_is_not_there(open_any: Open, address: str) -> None:
    with pytest.raises(InvalidStoreURL, match="no such database"):
        open_any(f"redis://{address}/999")


def test_a_cluster_whose_keys_nobody_holds(private_server, open_any: Open) -> None:
    with pytest.raises(Unavailable, match="cluster"):
        open_any(f"redis://{private_server('redis', extra=['--cluster-enabled', 'yes']).address}")


# waiting


def test_waiting_for_the_root(open_store: Open) -> None:
    backend, other = open_store(), open_store()
    assert isinstance(backend, Watching)
    backend.wait_for_root(None, 0.05)
    backend.wait_for_root(b"another", 300)
    before: bytes | None = None
    for root in (b"one", b"two", b"three"):
        mover = threading.Timer(0.05, other.publish, ([], before, root))
        mover.start()
        while backend.read_root() == before:
            backend.wait_for_root(before, 300)
        assert backend.read_root() == root
        mover.join()
        before = root
    closer = threading.Timer(0.05, backend.close)
    closer.start()
    with pytest.raises(Unavailable):
        while True:
            backend.wait_for_root(b"three", 300)
    closer.join()


def test_a_listening_connection_that_was_cut_is_made_anew(open_store: Open, stock: redis.Redis) -> None:
    backend, other = open_store(), open_store()
    backend.wait_for_root(None, 0.01)
    stock.client_kill_filter(_type="pubsub")
    mover = threading.Timer(0.05, other.publish, ([], None, b"one"))
    mover.start()
    while backend.read_root() is None:
        backend.wait_for_root(None, 300)
    mover.join()


# forks


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_is_refused_and_the_parent_goes_on(open_store: Open) -> None:
    backend = open_store()
    assert backend.publish([], None, b"0")
    backend.wait_for_root(b"0", 0.01)
    calls: list[Callable[[], object]] = [
        backend.read_root,
        lambda: backend.read_many([key(1)]),
        lambda: backend.publish([], b"0", b"1"),
        lambda: backend.write_many(entries(1)),
        lambda: backend.delete_many([key(1)]),
        lambda: list(backend.list_keys()),
        lambda: backend.wait_for_root(b"0", 1),
    ]
    for call in calls:
        assert in_child(call).startswith(ForkedProcess.__name__)

    def reopen() -> object:
        backend.close()
        mine = open_store()
        return mine.publish([], b"0", b"by the child")

    assert in_child(reopen) == "True"
    assert backend.publish([], b"by the child", b"by the parent")
    backend.wait_for_root(b"by the parent", 0.01)
