from __future__ import annotations

import gc
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

import treering
from treering.backend import Backend, Durability, Syncing, open_backend
from treering.backend.base import Watching
from treering.backend.sqlite import SqliteBackend
from treering.errors import Corruption, FormatUnsupported, InvalidStoreURL, NotAStore, Refused, Unavailable
from treering.testing.conformance import entries, key

Open = Callable[..., SqliteBackend]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    opened: list[Backend] = []

    def open_one(options: str = "", *, path: Path | str = tmp_path / "store.db", **more: object) -> SqliteBackend:
        backend, _ = open_backend(f"sqlite:{path}{options}", **more)  # type: ignore[arg-type]
        assert isinstance(backend, SqliteBackend)
        opened.append(backend)
        return backend

    yield open_one
    for backend in opened:
        backend.close()


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The store's file as any program opens it."""
    connection = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    yield connection
    connection.close()


def make_foreign(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in ("CREATE TABLE letter (text)", *statements):
        connection.execute(statement)
    connection.close()


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


# what stands at the path


def test_file_and_directories_are_made_private(open_store: Open, tmp_path: Path) -> None:
    backend = open_store(path=tmp_path / "new" / "store.db")
    assert backend.publish([], None, b"one")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), 0o600)


def test_three_slashes_are_an_absolute_path(open_store: Open, tmp_path: Path) -> None:
    assert open_store(path=f"//{tmp_path}/store.db").publish([], None, b"one")
    assert (tmp_path / "store.db").is_file()


def test_path_of_any_characters(open_store: Open, tmp_path: Path) -> None:
    assert open_store(path=f"{tmp_path}/a%3Fb%23c%25d é.db").publish([], None, b"one")
    assert (tmp_path / "a?b#c%d é.db").is_file()


def test_relative_path_is_fixed_at_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_store: Open) -> None:
    monkeypatch.chdir(tmp_path)
    backend = open_store(path="store.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert backend.publish([], None, b"one")
    assert backend.url == "sqlite:store.db"


@pytest.mark.parametrize(
    "make", ["nothing", "no folder", "empty", "directory", "in a file", "garbage", "foreign", "foreign wal", "newer"]
)
def test_what_is_not_a_store_is_left_untouched(make: str, tmp_path: Path, open_store: Open) -> None:
    path = tmp_path / "store.db"
    if make in {"no folder", "in a file"}:
        path = tmp_path / "folder" / "store.db"
    if make == "in a file":
        path.parent.write_bytes(b"a letter")
    elif make == "empty":
        path.touch()
    elif make == "directory":
        path.mkdir()
    elif make == "garbage":
        path.write_bytes(b"garbage" * 5000)
    elif make == "foreign":
        make_foreign(path)
    elif make == "foreign wal":
        make_foreign(path, "PRAGMA journal_mode = WAL", "INSERT INTO letter VALUES ('dear')")
    elif make == "newer":
        open_store().close()
        make_foreign(path, "PRAGMA user_version = 2")
    before = snapshot(tmp_path)
    with pytest.raises(FormatUnsupported if make == "newer" else NotAStore) as caught:
        open_store(path=path, create=make not in {"nothing", "no folder", "empty"})
    assert caught.value.facts["store"] == str(path)
    assert snapshot(tmp_path) == before


def test_an_interrupted_creation_can_be_finished(tmp_path: Path, open_store: Open) -> None:
    (tmp_path / "store.db").touch()
    assert open_store().publish([], None, b"one")


def test_readonly_never_creates(tmp_path: Path, open_store: Open) -> None:
    with pytest.raises(NotAStore):
        open_store("?readonly=true")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:",
        "sqlite::memory:",
        "sqlite://host/store.db",
        "sqlite:store.db?lock=false",
        "sqlite:store.db?durability=quorum",
        "sqlite:store.db?journal=off",
        "sqlite:a%00b",
    ],
)
def test_urls_that_cannot_be_meant(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidStoreURL):
        open_backend(url)
    assert list(tmp_path.iterdir()) == []


# the file is plain SQLite


def test_stock_sqlite_reads_the_store(open_store: Open, stock: sqlite3.Connection) -> None:
    backend = open_store()
    assert backend.publish(entries(10), None, b"one")
    assert stock.execute("SELECT record FROM root").fetchall() == [(b"one",)]
    assert dict(stock.execute("SELECT key, value FROM object")) == dict(entries(10))
    assert stock.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert stock.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_a_backup_of_stock_sqlite_is_a_store(open_store: Open, stock: sqlite3.Connection, tmp_path: Path) -> None:
    with treering.open(f"sqlite:{tmp_path}/store.db", FileDescriptorProto) as repo:
        repo.update("/", FileDescriptorProto(name="kept"))
        copy = sqlite3.connect(tmp_path / "copy.db")
        stock.backup(copy)
        copy.close()
        repo.update("/", FileDescriptorProto(name="later"))
    with treering.open(f"sqlite:{tmp_path}/copy.db", FileDescriptorProto, create=False) as repo:
        assert repo.get("/").name == "kept"
        assert repo.verify().ok


def test_the_log_is_gone_after_the_last_close(open_store: Open, tmp_path: Path) -> None:
    first, second = open_store(), open_store()
    assert first.publish(entries(10), None, b"one")
    first.close()
    assert second.read_root() == b"one"
    second.close()
    assert [path.name for path in tmp_path.iterdir()] == ["store.db"]


def test_damaged_pages_are_corruption_and_poison(open_store: Open, tmp_path: Path) -> None:
    backend = open_store()
    assert backend.publish(entries(1000), None, b"one")
    backend.close()
    path = tmp_path / "store.db"
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xee" * (len(data) - 4096))
    with pytest.raises(Corruption):
        open_store().publish([], b"one", b"two")


def test_values_of_another_type_are_corruption(open_store: Open, stock: sqlite3.Connection) -> None:
    backend = open_store()
    assert backend.publish(entries(2), None, b"one")
    stock.execute("UPDATE object SET value = 'text'")
    with pytest.raises(Corruption):
        backend.read_many([key(1)])


# options


def test_durability(open_store: Open, tmp_path: Path) -> None:
    assert open_store().limits.durability is Durability.FSYNC
    relaxed = open_store("?durability=async", path=tmp_path / "relaxed.db")
    assert relaxed.limits.durability is Durability.ASYNC
    assert isinstance(relaxed, Syncing)
    relaxed.sync()
    assert relaxed.publish([], None, b"one")
    relaxed.sync()
    assert relaxed.publish([], b"one", b"two")
    relaxed.close()
    with pytest.raises(Unavailable):
        relaxed.sync()


def test_a_forgotten_handle_lets_go(open_store: Open, tmp_path: Path) -> None:
    backend, _ = open_backend(f"sqlite:{tmp_path}/store.db")
    assert backend.publish([], None, b"one")
    del backend
    gc.collect()
    assert [path.name for path in tmp_path.iterdir()] == ["store.db"]


def test_another_file_at_the_same_path_is_never_mixed_in(open_store: Open, tmp_path: Path) -> None:
    old = open_store()
    assert old.publish([], None, b"old")
    for path in list(tmp_path.iterdir()):
        path.rename(tmp_path / path.name.replace("store", "moved"))
    new = open_store()
    assert new.publish([], None, b"new")
    with pytest.raises(Unavailable, match="another file"):
        old.read_root()  # its first read: a new connection
    assert new.read_root() == b"new"


def test_readonly_reads_and_refuses_to_write(open_store: Open) -> None:
    writer = open_store()
    assert writer.publish(entries(3), None, b"one")
    reader = open_store("?readonly=true")
    assert reader.read_root() == b"one"
    assert reader.read_many([key(1), key(7)]) == [b"value 1 of 1", None]
    assert len(list(reader.list_keys())) == 3
    assert writer.publish([], b"one", b"two")
    assert reader.read_root() == b"two"
    for write in (
        lambda: reader.publish([], b"two", b"three"),
        lambda: reader.write_many(entries(1, session=2)),
        lambda: reader.delete_many([key(1)]),
    ):
        with pytest.raises(Refused, match="readonly"):
            write()
    reader.sync()
    assert writer.read_root() == b"two"


# waiting


def test_a_writer_waits_no_longer_than_its_deadline(open_store: Open, stock: sqlite3.Connection) -> None:
    backend = open_store(deadline_seconds=0.05)
    stock.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="another process"):
        backend.publish([], None, b"one")
    assert backend.read_root() is None
    with pytest.raises(Unavailable):
        open_store(deadline_seconds=0.05)
    stock.execute("COMMIT")
    assert backend.publish([], None, b"one")


def test_waiting_for_the_root(open_store: Open) -> None:
    backend, other = open_store(), open_store()
    assert isinstance(backend, Watching)
    backend.wait_for_root(None, 0.05)
    backend.wait_for_root(b"another", 300)
    mover = threading.Timer(0.05, lambda: other.publish([], None, b"one"))
    mover.start()
    backend.wait_for_root(None, 300)
    assert backend.read_root() == b"one"
    mover.join()
    closer = threading.Timer(0.05, backend.close)
    closer.start()
    with pytest.raises(Unavailable):
        backend.wait_for_root(b"one", 300)
    closer.join()


def test_close_while_others_read_and_write(open_store: Open) -> None:
    for _ in range(5):
        backend = open_store()
        ends: list[type[BaseException]] = []

        def use(backend: SqliteBackend = backend, ends: list[type[BaseException]] = ends) -> None:
            try:
                while True:
                    backend.read_root()
                    list(backend.list_keys())
                    backend.write_many(entries(2))
            except Unavailable as error:
                ends.append(type(error))

        assert backend.publish([], backend.read_root(), b"one")
        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.01)
        backend.close()
        for thread in threads:
            thread.join()
        assert ends == [Unavailable] * 3


def test_open_file_count_returns_to_what_it_was(open_store: Open) -> None:
    open_store().close()
    before = sum(1 for _ in Path("/dev/fd").iterdir())
    for _ in range(20):
        backend = open_store()
        backend.read_root()
        backend.close()
    assert sum(1 for _ in Path("/dev/fd").iterdir()) == before
