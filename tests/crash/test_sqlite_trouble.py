"""SQLite in trouble: other processes, forks, kills, full and failing disks, missing permissions."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.crash.children import FILL, in_child, line_from, read_as_nobody, run, start, strace

from treering.backend import Backend, open_backend
from treering.errors import ForkedProcess, StoreFull, Unavailable
from treering.testing.conformance import entries, key

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # forks in threads are what is tested


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path}/store.db"


@pytest.fixture
def backend(url: str) -> Iterator[Backend]:
    opened, _ = open_backend(url)
    assert opened.publish(entries(10), None, b"0")
    yield opened
    opened.close()


# other processes


def test_processes_race_for_the_root(backend: Backend, url: str) -> None:
    code = """
        backend, _ = open_backend(url)
        for number in range(50):
            while True:
                root = backend.read_root()
                if backend.publish([(key(number, int(sys.argv[2])), b"x")], root, b"%d" % (int(root) + 1)):
                    break
    """
    others = [start(code, url, str(session)) for session in (2, 3, 4, 5)]
    for other in others:
        with other:
            other.communicate(timeout=60)
        assert other.returncode == 0
    assert backend.read_root() == b"200"
    assert len(list(backend.list_keys())) == 210


def test_processes_create_one_store(tmp_path: Path) -> None:
    code = """
        sys.stdin.readline()
        backend, _ = open_backend(url)
        tell(backend.publish([], None, b"mine"))
    """
    others = [start(code, f"sqlite:{tmp_path}/store.db") for _ in range(4)]
    for other in others:
        assert other.stdin is not None
        other.stdin.write("now\n")
        other.stdin.flush()
    told = []
    for other in others:
        with other:
            told.append(line_from(other))
            assert other.wait(60) == 0
    assert sorted(told) == ["False", "False", "False", "True"]


WRITE = """
    backend, _ = open_backend(url)
    root = backend.read_root()
    number = int(root or 0)
    while number < 300:
        number += 1
        assert backend.publish([(key(number), b"%d" % number), (key(number, 2), bytes(3000))], root, b"%d" % number)
        root = b"%d" % number
        tell(number)
"""


def check_after_kill(url: str, acknowledged: int) -> None:
    backend, _ = open_backend(url)
    root = int(backend.read_root() or b"0")
    assert acknowledged <= root <= acknowledged + 1
    numbers = range(1, root + 1)
    assert backend.read_many([key(number) for number in numbers]) == [b"%d" % number for number in numbers]
    assert len(list(backend.list_keys())) == 2 * root
    backend.close()


@pytest.mark.parametrize("options", ["", "?durability=async"])
def test_killed_writers_lose_nothing_acknowledged(url: str, options: str) -> None:
    acknowledged = 0
    for round_number in range(4):
        with start(WRITE, url + options) as writer:
            for _ in range(5 + 20 * round_number):
                acknowledged = int(line_from(writer))
            writer.kill()
            assert writer.stdout is not None
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().splitlines())])
        check_after_kill(url, acknowledged)


@pytest.mark.parametrize("call", ["pwrite64", "fsync,fdatasync", "ftruncate,unlink"])
@pytest.mark.parametrize("when", [1, 2, 3, 5, 9, 30, 31, 32])
def test_kill_at_a_write(url: str, call: str, when: int) -> None:
    with start(WRITE, url, prefix=strace(f"{call}:signal=KILL:when={when}")) as writer:
        output, _ = writer.communicate(timeout=60)
    lines = output.splitlines()
    check_after_kill(url, int(lines[-1]) if lines else 0)


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


@pytest.mark.parametrize("is_held", [True, False])
def test_a_writer_that_connects_anew_waits_as_well(backend: Backend, tmp_path: Path, is_held: bool) -> None:
    database = backend._database  # type: ignore[attr-defined]
    database.pause()  # as a fork does: every connection is closed
    database.resume()
    alone = sqlite3.connect(tmp_path / "store.db", isolation_level=None, check_same_thread=False)
    alone.execute("PRAGMA locking_mode = EXCLUSIVE")
    alone.execute("BEGIN EXCLUSIVE")
    alone.execute("ROLLBACK")  # the lock stays
    if is_held:
        database._deadline_seconds = 0.1
        with pytest.raises(Unavailable):
            backend.publish([], b"0", b"1")
        alone.close()
    else:
        threading.Timer(0.3, alone.close).start()
    assert backend.publish([], b"0", b"1")


def test_a_fork_inside_a_write_does_no_harm(backend: Backend, url: str) -> None:
    database = backend._database  # type: ignore[attr-defined]
    with database._writing():
        told = in_child(lambda: open_backend(url))
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
    told = run(FILL, f"sqlite:{tmp_path}/store.db", prefix=(*mount, str(tmp_path)))
    assert told[:4] == ["StoreFull", "True", "True", "True True"]
    assert told[4] in {"StoreFull", "True"}


def test_failed_sync_is_unknown_and_poisons(url: str) -> None:
    told = run(FILL, url, prefix=strace("fsync,fdatasync:error=EIO:when=20"))
    assert told == ["OutcomeUnknown", "Unavailable", "True True", "True"]


@pytest.mark.parametrize("when", range(40, 46))
def test_failed_write_is_never_a_third_outcome(url: str, when: int) -> None:
    told = run(FILL, url, prefix=strace(f"pwrite64:error=EIO:when={when}"))
    assert told == ["OutcomeUnknown", "Unavailable", "True True", "True"]


def test_no_room_in_the_log_is_store_full_and_passes(url: str) -> None:
    told = run(FILL, url, prefix=strace("pwrite64:error=ENOSPC:when=40"))
    assert told == ["StoreFull", "True", "True", "True True", "True"]


@pytest.mark.parametrize(("when", "told"), [("40", "True"), ("40+", "Unavailable")])
def test_failed_reads(url: str, when: str, told: str) -> None:
    opened, _ = open_backend(url)
    assert opened.publish(entries(5000), None, b"0")
    opened.close()
    code = """
        backend, _ = open_backend(url)
        try:
            for number in range(0, 5000, 50):
                assert backend.read_many([key(number)]) == [b"value %d of 1" % number]
            tell(backend.publish([], b"0", b"1"))
        except Error as error:
            tell(type(error).__name__)
    """
    assert run(code, url, prefix=strace(f"pread64:error=EIO:when={when}")) == [told]


# permissions


def test_a_directory_that_may_not_be_written(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    told = read_as_nobody(f"sqlite:{open_folder}/store.db", write=True)
    assert told.startswith("Unavailable")
    assert str(open_folder / "store.db") in told
    assert list(open_folder.iterdir()) == []


def test_a_store_that_may_be_read_only(open_folder: Path) -> None:
    store = open_folder / "store.db"
    backend, _ = open_backend(f"sqlite:{store}")
    assert backend.publish([], None, b"one")
    backend.close()
    store.chmod(0o444)
    before = store.read_bytes()
    told = read_as_nobody(f"sqlite:{store}")
    assert told.startswith("Unavailable")
    assert "readonly=true" in told
    told = read_as_nobody(f"sqlite:{store}?readonly=true")
    assert told.startswith("Unavailable")
    assert "lock=false" in told
    assert read_as_nobody(f"sqlite:{store}?readonly=true&lock=false") == "b'one'"
    assert read_as_nobody(f"sqlite:{store}?readonly=true&lock=false", write=True).startswith("Refused")
    assert store.read_bytes() == before


def test_lock_false_refuses_what_a_killed_process_left_in_the_log(url: str) -> None:
    with start(WRITE, url) as writer:
        line_from(writer)
        writer.kill()
    told = run(
        "try: open_backend(url)\nexcept Unavailable as error: tell(error.message)", url + "?readonly=true&lock=false"
    )
    assert told == ["the newest commits stand in a log that lock=false cannot read"]
