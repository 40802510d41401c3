from __future__ import annotations

import gc
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lmdb
import pytest

from treering.backend import Backend, Durability, Syncing, open_backend
from treering.backend.lmdb import LmdbBackend
from treering.backend.lmdb.environment import Environment
from treering.errors import FormatUnsupported, InvalidStoreURL, NotAStore, Refused, StoreFull, Unavailable
from treering.testing.conformance import entries, key

Open = Callable[..., LmdbBackend]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    opened: list[Backend] = []

    def open_one(options: str = "", *, path: Path | str = tmp_path / "store", **more: object) -> LmdbBackend:
        backend, _ = open_backend(f"lmdb:{path}{options}", **more)  # type: ignore[arg-type]
        assert isinstance(backend, LmdbBackend)
        opened.append(backend)
        return backend

    yield open_one
    for backend in opened:
        backend.close()


def environment_of(backend: LmdbBackend) -> Environment:
    assert isinstance(backend._environment, Environment)
    return backend._environment


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


# what stands at the path


def test_directory_and_parents_are_made_private(open_store: Open, tmp_path: Path) -> None:
    backend = open_store(path=tmp_path / "new" / "er")
    assert backend.publish([], None, b"one")
    assert stat.S_IMODE((tmp_path / "new" / "er").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / "er" / "data.mdb").stat().st_mode) == 0o600


def test_three_slashes_are_an_absolute_path(open_store: Open, tmp_path: Path) -> None:
    assert open_store(path=f"//{tmp_path}/store").publish([], None, b"one")
    assert (tmp_path / "store" / "data.mdb").is_file()


def test_relative_path_is_fixed_at_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_store: Open) -> None:
    monkeypatch.chdir(tmp_path)
    backend = open_store(path="store")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert backend.publish([], None, b"one")
    assert backend.url == "lmdb:store"


@pytest.mark.parametrize("make", ["nothing", "empty", "file", "others", "garbage", "short", "foreign", "newer"])
def test_what_is_not_a_store_is_left_untouched(make: str, tmp_path: Path, open_store: Open) -> None:
    path = tmp_path / "store"
    if make == "file":
        path.write_bytes(b"a letter")
    elif make != "nothing":
        path.mkdir()
    if make == "others":
        (path / "letter").write_bytes(b"dear")
    elif make == "garbage":
        (path / "data.mdb").write_bytes(b"garbage" * 5000)
    elif make == "short":
        (path / "data.mdb").write_bytes(b"\x00" * 16 + (0xBEEFC0DE).to_bytes(4, "little"))
    elif make in {"foreign", "newer"}:
        with lmdb.open(str(path), lib_version=int(make == "newer")) as env, env.begin(write=True) as txn:
            txn.put(b"name", b"value")
    before = snapshot(tmp_path)
    with pytest.raises(FormatUnsupported if make == "newer" else NotAStore) as caught:
        open_store(create=make not in {"nothing", "empty"})
    assert caught.value.facts["store"] == str(path)
    after = snapshot(tmp_path)
    after.pop("store/lock.mdb", None) if make == "foreign" else None
    before.pop("store/lock.mdb", None) if make == "foreign" else None
    assert after == before


def test_an_interrupted_creation_can_be_finished(tmp_path: Path, open_store: Open) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "lock.mdb").touch()
    (tmp_path / "store" / "data.mdb").touch()
    assert open_store().publish([], None, b"one")


def test_readonly_never_creates(tmp_path: Path, open_store: Open) -> None:
    with pytest.raises(NotAStore):
        open_store("?readonly=true")
    assert list(tmp_path.iterdir()) == []


def test_file_is_of_the_classic_format(tmp_path: Path, open_store: Open) -> None:
    backend = open_store()
    assert backend.publish(entries(10), None, b"one")
    backend.close()
    with lmdb.open(str(tmp_path / "store"), lib_version=0) as env, env.begin() as txn:
        assert txn.get(key(3)) == b"value 3 of 1"
        assert env.stat()["entries"] == 11


# options


def test_durability(open_store: Open, tmp_path: Path) -> None:
    assert open_store().limits.durability is Durability.FSYNC
    relaxed = open_store("?durability=async", path=tmp_path / "relaxed")
    assert relaxed.limits.durability is Durability.ASYNC
    assert isinstance(relaxed, Syncing)
    assert relaxed.publish([], None, b"one")
    relaxed.sync()
    relaxed.close()
    with pytest.raises(Unavailable):
        relaxed.sync()


def test_handles_share_what_fits(open_store: Open, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "store")
    first, second = open_store(), open_store("?map_size=1M", path=tmp_path / "alias")
    assert environment_of(first) is environment_of(second)
    for options in ("?durability=async", "?readonly=true", "?max_readers=7", "?max_map_size=1M"):
        with pytest.raises(InvalidStoreURL):
            open_store(options)
    first.close()
    second.close()
    assert open_store("?durability=async").limits.durability is Durability.ASYNC


def test_a_forgotten_handle_lets_go(open_store: Open, tmp_path: Path) -> None:
    backend, _ = open_backend(f"lmdb:{tmp_path}/store")
    del backend
    gc.collect()
    open_store("?durability=async")


def test_a_store_made_anew_at_the_same_path(open_store: Open, tmp_path: Path) -> None:
    old = open_store()
    assert old.publish([], None, b"old")
    (tmp_path / "store").rename(tmp_path / "moved")
    new = open_store()
    assert new.read_root() is None
    assert new.publish([], None, b"new")
    assert (old.read_root(), new.read_root()) == (b"old", b"new")


def test_an_environment_opened_behind_the_back(open_store: Open, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with lmdb.open(str(tmp_path / "store"), lib_version=0), pytest.raises(Unavailable):
        open_store()


def test_readonly_reads_and_refuses_to_write(open_store: Open) -> None:
    writer = open_store()
    assert writer.publish(entries(3), None, b"one")
    writer.close()
    reader = open_store("?readonly=true")
    assert reader.read_root() == b"one"
    assert reader.read_many([key(1)]) == [b"value 1 of 1"]
    assert len(list(reader.list_keys())) == 3
    for write in (
        lambda: reader.publish([], b"one", b"two"),
        lambda: reader.write_many(entries(1, session=2)),
        lambda: reader.delete_many([key(1)]),
    ):
        with pytest.raises(Refused, match="readonly"):
            write()
    assert reader.read_root() == b"one"


# the map


def test_map_grows(open_store: Open) -> None:
    backend = open_store("?map_size=64K")
    expected = None
    for number in range(20):
        root = b"%d" % number
        assert backend.publish([(key(number), bytes(100_000 * (number % 4 + 1)))], expected, root)
        expected = root
    assert [len(value or b"") for value in backend.read_many([key(2), key(3)])] == [300_000, 400_000]


def test_map_grows_for_one_batch_many_times_its_size(open_store: Open) -> None:
    backend = open_store("?map_size=64K")
    assert backend.publish([(key(number), bytes(50_000)) for number in range(400)], None, b"one")
    assert len(list(backend.list_keys())) == 400


def test_map_grows_under_readers(open_store: Open) -> None:
    backend = open_store("?map_size=64K")
    assert backend.publish(entries(2_500), None, b"0")
    done = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not done.is_set():
                root = backend.read_root()
                assert root is not None
                assert backend.read_many([key(7), key(2_499)]) == [b"value 7 of 1", b"value 2499 of 1"]
                assert sum(1 for each in backend.list_keys() if each < key(0, 2)) == 2_500
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(8):
            assert backend.publish([(key(number, 2), bytes(100_000 << number))], b"%d" % number, b"%d" % (number + 1))
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []


def test_full_map_changes_nothing(open_store: Open) -> None:
    backend = open_store("?map_size=256K&max_map_size=256K")
    assert backend.publish(entries(10), None, b"0")
    number = 0
    with pytest.raises(StoreFull) as caught:
        while backend.publish([(key(number, 2), bytes(10_000))], b"%d" % number, b"%d" % (number + 1)):
            number += 1
    assert caught.value.facts["limit_bytes"] == 256 << 10
    assert number > 5
    with pytest.raises(StoreFull):
        backend.write_many([(key(0, 3), bytes(100_000))])
    assert backend.read_root() == b"%d" % number
    assert len(list(backend.list_keys())) == 10 + number
    backend.close()
    larger = open_store()
    assert larger.read_root() == b"%d" % number
    assert larger.publish([(key(0, 3), bytes(100_000))], b"%d" % number, b"more")


def test_deleting_makes_room(open_store: Open) -> None:
    backend = open_store("?max_map_size=1M")
    assert backend.publish([], None, b"root")
    for generation in range(1, 30):
        batch = [(key(number, generation), bytes(10_000)) for number in range(20)]
        assert backend.publish(batch, b"root", b"root")
        backend.delete_many([each for each, _ in batch])
    assert list(backend.list_keys()) == []


# waiting


def test_a_writer_waits_no_longer_than_its_deadline(open_store: Open) -> None:
    backend = open_store(deadline_seconds=0.05)
    with environment_of(backend)._writing():
        failures: list[BaseException] = []

        def write() -> None:
            try:
                backend.publish([], None, b"one")
            except Unavailable as error:
                failures.append(error)

        started = time.monotonic()
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        assert 0.04 < time.monotonic() - started < 5
    assert len(failures) == 1
    assert backend.publish([], None, b"one")


def test_close_while_others_read_and_write(open_store: Open) -> None:
    for _ in range(10):
        backend = open_store()
        ends: list[type[BaseException]] = []

        def use(backend: LmdbBackend = backend, ends: list[type[BaseException]] = ends) -> None:
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
