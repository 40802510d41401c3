"""LMDB in trouble: other processes, forks, kills, full and failing disks, missing permissions."""

from __future__ import annotations

import resource
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.crash.children import (
    FILL,
    in_child,
    line_from,
    read_as_nobody,
    run,
    start,
    strace,
)

from treering.backend import Backend, open_backend
from treering.errors import ForkedProcess, StoreFull, Unavailable
from treering.testing.conformance import entries, key

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # forks in threads are what is tested


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"lmdb:{tmp_path}/store"


@pytest.fixture
def backend(url: str) -> Iterator[Backend]:
    opened, _ = open_backend(url)
    assert opened.publish(entries(10), None, b"0")
    yield opened
    opened.close()


# other processes


def test_commits_of_another_process_are_seen_at_once(backend: Backend, url: str) -> None:
    code = """
        backend, _ = open_backend(url)
        for line in sys.stdin:
            number = int(line)
            assert backend.read_root() == b"%d" % number
            assert backend.publish([(key(number, 2), b"%d" % number)], b"%d" % number, b"%d" % (number + 1))
            tell("done")
    """
    with start(code, url) as other:
        assert other.stdin is not None
        for number in range(0, 20, 2):
            other.stdin.write(f"{number}\n")
            other.stdin.flush()
            assert line_from(other) == "done"
            assert backend.read_root() == b"%d" % (number + 1)
            assert backend.read_many([key(number, 2)]) == [b"%d" % number]
            assert backend.publish([], b"%d" % number, b"lost") is False
            assert backend.publish([], b"%d" % (number + 1), b"%d" % (number + 2))
        other.stdin.close()


def test_processes_race_for_the_root(backend: Backend, url: str) -> None:
    code = """
        backend, _ = open_backend(url)
        for number in range(50):
            while True:
                root = backend.read_root()
                if backend.publish([(key(number, int(sys.argv[2])), b"x")], root, b"%d" % (int(root) + 1)):
                    break
    """
    others = [start(code, url, str(session)) for session in (2, 3, 4)]
    for other in others:
        with other:
            other.communicate(timeout=60)
        assert other.returncode == 0
    assert backend.read_root() == b"150"
    assert len(list(backend.list_keys())) == 160


@pytest.mark.parametrize("first", ["read_root", "read_many", "list_keys", "publish", "write_many"])
def test_another_process_makes_the_map_grow(tmp_path: Path, first: str) -> None:
    url = f"lmdb:{tmp_path}/store?map_size=64K"
    backend, _ = open_backend(url)
    assert backend.publish(entries(10), None, b"0")
    run('backend, _ = open_backend(url); assert backend.publish([(key(0, 2), bytes(5_000_000))], b"0", b"1")', url)
    actions: dict[str, Callable[[], object]] = {
        "read_root": backend.read_root,
        "read_many": lambda: backend.read_many([key(1)]),
        "list_keys": lambda: list(backend.list_keys()),
        "publish": lambda: backend.publish(entries(1, session=3), b"1", b"1"),
        "write_many": lambda: backend.write_many(entries(1, session=3)),
    }
    actions[first]()
    assert backend.read_root() == b"1"
    assert backend.read_many([key(0, 2)]) == [bytes(5_000_000)]
    assert backend.publish(entries(1, session=4), b"1", b"2")
    backend.close()


def test_processes_grow_the_map_in_turns(tmp_path: Path) -> None:
    url = f"lmdb:{tmp_path}/store?map_size=64K"
    code = """
        backend, _ = open_backend(url)
        for number in range(40):
            mine = key(number, int(sys.argv[2]))
            while not backend.publish([(mine, bytes(30_000))], backend.read_root(), os.urandom(8)):
                pass
            assert backend.read_many([mine]) == [bytes(30_000)]
    """
    others = [start(code, url, str(session)) for session in (2, 3)]
    for other in others:
        with other:
            other.communicate(timeout=60)
        assert other.returncode == 0
    backend, _ = open_backend(url)
    assert len(list(backend.list_keys())) == 80
    backend.close()


def test_a_writer_waits_for_another_process(backend: Backend, tmp_path: Path) -> None:
    code = """
        import lmdb, time
        with lmdb.open(url, lib_version=0, create=False) as env, env.begin(write=True) as txn:
            tell("holding")
            time.sleep(0.3)
            txn.put(b"\\xff" * 65, b"theirs")
    """
    with start(code, str(tmp_path / "store")) as other:
        assert line_from(other) == "holding"
        assert backend.publish([], b"0", b"mine") is False
    assert backend.publish([], b"theirs", b"mine")


def test_reader_slots_of_a_killed_process_are_taken_back(tmp_path: Path) -> None:
    url = f"lmdb:{tmp_path}/store?max_readers=1"
    backend, _ = open_backend(url, deadline_seconds=0.1)
    assert backend.publish([], None, b"one")
    backend.close()
    code = """
        import lmdb
        env = lmdb.open(url, lib_version=0, create=False, max_readers=1)
        txn = env.begin()
        tell("holding")
        sys.stdin.read()
    """
    with start(code, str(tmp_path / "store")) as other:
        assert line_from(other) == "holding"
        with pytest.raises(Unavailable):
            open_backend(url, deadline_seconds=0.1)
        other.kill()
        other.wait()
        backend, _ = open_backend(url, deadline_seconds=5)
        assert backend.read_root() == b"one"
        backend.close()


@pytest.mark.parametrize("options", ["", "?durability=async"])
def test_killed_writers_lose_nothing_acknowledged(tmp_path: Path, options: str) -> None:
    url = f"lmdb:{tmp_path}/store{options}"
    code = """
        backend, _ = open_backend(url)
        root = backend.read_root()
        number = int(root or 0)
        while True:
            number += 1
            assert backend.publish([(key(number), b"%d" % number), (key(number, 2), bytes(3000))], root, b"%d" % number)
            root = b"%d" % number
            tell(number)
    """
    acknowledged = 0
    for round_number in range(5):
        with start(code, url) as writer:
            for _ in range(5 + 20 * round_number):
                acknowledged = int(line_from(writer))
            writer.kill()
            assert writer.stdout is not None
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().splitlines())])
        backend, _ = open_backend(url)
        root = int(backend.read_root() or b"0")
        assert acknowledged <= root <= acknowledged + 1
        numbers = range(1, root + 1)
        assert backend.read_many([key(number) for number in numbers]) == [b"%d" % number for number in numbers]
        assert len(list(backend.list_keys())) == 2 * root
        backend.close()


# forks


@pytest.mark.parametrize("call", ["read_root", "read_many", "publish", "write_many", "delete_many", "list_keys"])
def test_a_child_is_refused_and_the_parent_goes_on(backend: Backend, call: str) -> None:
    actions: dict[str, Callable[[], object]] = {
        "read_root": backend.read_root,
        "read_many": lambda: backend.read_many([key(1)]),
        "publish": lambda: backend.publish([], b"0", b"1"),
        "write_many": lambda: backend.write_many(entries(1, session=2)),
        "delete_many": lambda: backend.delete_many([key(1)]),
        "list_keys": lambda: list(backend.list_keys()),
    }
    assert in_child(actions[call]).startswith(ForkedProcess.__name__)
    assert backend.read_root() == b"0"
    assert backend.publish([], b"0", b"1")


def test_a_child_may_close_and_open_again(backend: Backend, url: str) -> None:
    def reopen() -> object:
        backend.close()
        mine, _ = open_backend(url)
        assert mine.publish([(key(0, 2), b"by the child")], b"0", b"1")
        mine.close()
        return "published"

    assert in_child(reopen) == "published"
    assert backend.read_root() == b"1"
    assert backend.read_many([key(0, 2)]) == [b"by the child"]
    assert backend.publish([], b"1", b"2")


def test_a_child_does_not_take_the_parents_locks(backend: Backend, url: str) -> None:
    def reopen() -> object:
        mine, _ = open_backend(url)
        root = mine.read_root()
        mine.close()
        return root

    backend.read_root()
    for number in range(5):
        assert in_child(reopen) == str(b"%d" % number)
        code = "backend, _ = open_backend(url); tell(backend.publish([], sys.argv[2].encode(), sys.argv[3].encode()))"
        assert run(code, url, str(number), str(number + 1)) == ["True"]
        assert backend.read_root() == b"%d" % (number + 1)


def test_forks_among_busy_threads(backend: Backend, url: str) -> None:
    done = threading.Event()
    failures: list[BaseException] = []

    def use(write: bool) -> None:
        try:
            while not done.is_set():
                if write:
                    backend.write_many(entries(2, session=2))
                else:
                    assert backend.read_many([key(1), key(2)]) == [b"value 1 of 1", b"value 2 of 1"]
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    def reopen() -> object:
        mine, _ = open_backend(url)
        mine.write_many(entries(2, session=3))
        found = mine.read_many([key(1)])
        mine.close()
        return found

    threads = [threading.Thread(target=use, args=(write,)) for write in (True, False, False)]
    for thread in threads:
        thread.start()
    try:
        told = [in_child(reopen) for _ in range(20)]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert told == [str([b"value 1 of 1"])] * 20
    assert failures == []


def test_a_fork_inside_a_write_does_no_harm(backend: Backend, url: str) -> None:
    environment = backend._environment  # type: ignore[attr-defined]
    with environment._writing():
        told = in_child(partial(open_backend, url))
    assert told.startswith("Unavailable")
    assert backend.publish([], b"0", b"1")

    def read() -> object:
        return open_backend(url)[0].read_root()

    assert in_child(read) == "b'1'"


# full and failing disks


def test_file_size_limit_is_store_full(backend: Backend) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    number = 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(StoreFull):
            while backend.publish([(key(number, 2), bytes(20_000))], b"%d" % number, b"%d" % (number + 1)):
                number += 1
        assert number > 5
        assert backend.read_root() == b"%d" % number
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert backend.publish([(key(number, 2), bytes(20_000))], b"%d" % number, b"%d" % (number + 1))
    assert len(list(backend.list_keys())) == 11 + number


def test_full_file_system(tmp_path: Path) -> None:
    mount = ("unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=1m none "$0" && exec "$@"')
    if subprocess.run([*mount, tmp_path, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    told = run(FILL, f"lmdb:{tmp_path}/store", prefix=(*mount, str(tmp_path)))
    assert told[:4] == ["StoreFull", "True", "True", "True True"]
    assert told[4] in {"StoreFull", "True"}


def test_failed_sync_poisons_and_changes_nothing(url: str) -> None:
    told = run(FILL, url, prefix=strace("fdatasync:error=EIO:when=20"))
    assert told == ["Unavailable", "Unavailable", "True True", "True"]


def test_failed_write_of_the_meta_page_is_unknown(url: str) -> None:
    told = run(FILL, url, prefix=strace("pwrite64:error=EIO:when=30"))
    # an object's pages or the meta page, whichever the thirtieth is: never a third outcome
    assert told[1:] == ["Unavailable", "True True", "True"]
    assert told[0] in {"OutcomeUnknown", "Unavailable"}


def test_some_failed_write_is_unknown(tmp_path: Path) -> None:
    outcomes = {
        run(FILL, f"lmdb:{tmp_path}/store{count}", prefix=strace(f"pwrite64:error=EIO:when={count}"))[0]
        for count in range(10, 16)
    }
    assert outcomes <= {"OutcomeUnknown", "Unavailable"}
    assert "OutcomeUnknown" in outcomes


def test_no_room_for_pages_is_store_full_and_passes(url: str) -> None:
    told = run(FILL, url, prefix=strace("pwrite64,pwritev,writev:error=ENOSPC:when=40"))
    assert told[0] in {"StoreFull", "OutcomeUnknown"}
    assert told[-2:] == ["True True", "True"]


# permissions


def test_a_directory_that_may_not_be_made(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    told = read_as_nobody(f"lmdb:{open_folder}/store", write=True)
    assert told.startswith("Unavailable")
    assert str(open_folder / "store") in told
    assert list(open_folder.iterdir()) == []


def test_a_store_that_may_not_be_entered(open_folder: Path) -> None:
    store = open_folder / "store"
    backend, _ = open_backend(f"lmdb:{store}")
    assert backend.publish([], None, b"one")
    backend.close()
    store.chmod(0)
    told = read_as_nobody(f"lmdb:{store}")
    store.chmod(0o700)
    assert told.startswith("Unavailable")
    assert str(store) in told


def test_a_store_that_may_be_read_only(open_folder: Path) -> None:
    store = open_folder / "store"
    backend, _ = open_backend(f"lmdb:{store}")
    assert backend.publish([], None, b"one")
    backend.close()
    for name in ("data.mdb", "lock.mdb"):
        (store / name).chmod(0o444)
    store.chmod(0o555)
    before = (store / "data.mdb").read_bytes()
    told = read_as_nobody(f"lmdb:{store}")
    assert told.startswith("Unavailable")
    assert "readonly=true" in told
    told = read_as_nobody(f"lmdb:{store}?readonly=true")
    assert told.startswith("Unavailable")
    assert "lock=false" in told
    assert read_as_nobody(f"lmdb:{store}?readonly=true&lock=false") == "b'one'"
    assert read_as_nobody(f"lmdb:{store}?readonly=true&lock=false", write=True).startswith("Refused")
    assert (store / "data.mdb").read_bytes() == before
    store.chmod(0o755)


def test_a_reader_that_may_write_the_lock_file_only(open_folder: Path) -> None:
    store = open_folder / "store"
    backend, _ = open_backend(f"lmdb:{store}")
    assert backend.publish([], None, b"one")
    (store / "data.mdb").chmod(0o444)
    (store / "lock.mdb").chmod(0o666)
    store.chmod(0o755)
    assert read_as_nobody(f"lmdb:{store}?readonly=true") == "b'one'"
    assert backend.publish([], b"one", b"two")
    backend.close()
