"""Many writers, in threads and in processes: every acknowledged commit is there exactly once."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.place import Place
from tests.engine.trees import device
from tests.proto import engine_pb2 as pb

import treering
from treering import ForkedProcess

PROJECT = Path(__file__).resolve().parents[2]
EACH = 20


def _run(*targets: Callable[[], object]) -> None:
    """Run in a thread each, started together; raise the first error."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(targets))

    def guarded(target: Callable[[], object]) -> None:
        barrier.wait()
        try:
            target()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=[target]) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        raise error


def _writer(repo: treering.Repository, name: str, made: list[treering.Commit]) -> Callable[[], None]:
    def write() -> None:
        for number in range(EACH):
            commit = repo.add("/devices", pb.Device(name=f"{name}-{number}"), note=f"{name}-{number}")
            made.append(commit)

    return write


def _check(repo: treering.Repository, made: list[treering.Commit], names: set[str]) -> None:
    """Every commit in the log exactly once, in line, each adding its own device."""
    log = list(repo.log())
    assert [commit.seq for commit in log] == list(range(len(names), -1, -1))
    assert {commit.id for commit in made} == {commit.id for commit in log[:-1]}
    assert len(made) == len(names)
    assert {commit.note for commit in log[:-1]} == names == set(repo.keys("/devices"))
    for commit, parent in itertools.pairwise(log):
        assert commit.parents == (parent.id,)
        assert commit.time >= parent.time
        (change,) = repo.diff(parent, commit)
        assert change.path.segments[-1] == commit.note


@pytest.mark.parametrize("handles", [1, 2])
def test_threads_commit_side_by_side(store: Place, handles: int) -> None:
    repos = [store.open(deadline_seconds=60) for _ in range(handles)]
    made: list[treering.Commit] = []
    _run(*(_writer(repos[number % handles], f"t{number}", made) for number in range(8)))
    names = {f"t{thread}-{number}" for thread in range(8) for number in range(EACH)}
    for repo in repos:
        _check(repo, made, names)
    _check(store.reopen(), made, names)


def test_threads_update_one_node(store: Place) -> None:
    repo = store.open(deadline_seconds=60)
    repo.add("/devices", device("d"))

    def write(name: str) -> Callable[[], None]:
        def write_fields() -> None:
            for number in range(EACH):
                repo.update("/devices/d", pb.Device(vendor=f"{name}{number}"), mask=["vendor"])
                repo.update("/devices/d/ports/1", pb.Port(number=1, label=f"{name}{number}"))

        return write_fields

    _run(*(write(name) for name in "abcd"))
    assert repo.head.seq == 1 + 4 * 2 * EACH
    assert repo.get("/devices/d").vendor.endswith(str(EACH - 1))


def test_one_of_many_adds_of_one_key_wins(store: Place) -> None:
    repos = [store.open(deadline_seconds=60) for _ in range(2)]
    won: list[str] = []
    lost: list[str] = []

    def write(number: int) -> Callable[[], None]:
        def add() -> None:
            for key in range(10):
                try:
                    repos[number % 2].add("/devices", pb.Device(name=f"k{key}", vendor=f"w{number}"))
                    won.append(f"k{key}")
                except treering.AlreadyExists:
                    lost.append(f"k{key}")

        return add

    _run(*(write(number) for number in range(6)))
    assert sorted(won) == [f"k{key}" for key in range(10)]
    assert len(lost) == 50
    assert repos[0].head.seq == 10


def test_readers_see_whole_trees_while_others_write(store: Place) -> None:
    repo, reader = store.open(deadline_seconds=60), store.open()
    repo.replace("/", pb.Network(name="0", devices=[pb.Device(name="a"), pb.Device(name="b")]))
    done = threading.Event()

    def write() -> None:
        try:
            for number in range(60):
                tree = pb.Network(name=str(number))
                tree.devices.extend(pb.Device(name=name, vendor=str(number)) for name in "abcdefghij"[: 2 + number % 9])
                repo.replace("/", tree)
        finally:
            done.set()

    def read() -> None:
        while not done.is_set():
            tree = reader.get(deep=True)
            assert {one.vendor for one in tree.devices} <= {tree.name, ""}
            assert len(tree.devices) == 2 + int(tree.name) % 9
            commit = reader.head
            snapshot = reader.at(commit)
            assert snapshot.count("/devices") == len(snapshot.get("/devices")) == len(snapshot.keys("/devices"))

    _run(write, read, read)


def test_tags_of_many_threads_are_all_kept(store: Place) -> None:
    repos = [store.open(deadline_seconds=60) for _ in range(2)]

    def write(number: int) -> Callable[[], None]:
        def tag() -> None:
            for count in range(10):
                repos[number % 2].tag(f"t{number}-{count}")

        return tag

    _run(*(write(number) for number in range(4)))
    assert len(repos[0].tags) == 40


_SCRIPT = """
import sys
import treering
from tests.proto import engine_pb2 as pb
url, name, count = sys.argv[1:]
with treering.open(url, pb.Network, deadline_seconds=60) as repo:
    for number in range(int(count)):
        print(repo.add("/devices", pb.Device(name=f"{name}-{number}"), note=f"{name}-{number}").id, flush=True)
"""


def _start(url: str, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, url, name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT)])},
    )


def test_two_processes_commit_into_one_lmdb(tmp_path: Path) -> None:
    url = f"lmdb:{tmp_path}/store"
    repo = treering.open(url, pb.Network, deadline_seconds=60)
    children = [_start(url, name, EACH) for name in ("p0", "p1")]
    made: list[treering.Commit] = []
    _writer(repo, "p2", made)()
    for child in children:
        output, _ = child.communicate(timeout=60)
        assert child.returncode == 0
        made += [repo.resolve(line) for line in output.split()]
    _check(repo, made, {f"p{process}-{number}" for process in range(3) for number in range(EACH)})
    assert repo.verify().problems == ()
    repo.close()


def test_a_killed_process_loses_no_acknowledged_commit(tmp_path: Path) -> None:
    url = f"lmdb:{tmp_path}/store"
    repo = treering.open(url, pb.Network)
    child = _start(url, "p", 100_000)
    assert child.stdout is not None
    told = [child.stdout.readline().strip() for _ in range(5)]
    child.send_signal(signal.SIGKILL)
    with child:  # not by communicate, which passes over what stands in the buffer that was read from
        rest = child.stdout.read()
    told += [line for line in rest.splitlines() if len(line) == 64]
    for number, commit in enumerate(told):
        assert repo.resolve(commit).note == f"p-{number}"
    assert repo.head.seq - len(told) in {0, 1}
    repo.add("/devices", device("after"))
    report = repo.verify()
    assert (report.problems, report.unreachable) == ((), 0)
    repo.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_of_a_fork_opens_the_store_again(store: Place) -> None:
    repo = store.open()
    repo.add("/devices", device("parent"))
    snapshot = repo.at("main")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for call in (lambda: repo.get("/"), lambda: repo.add("/devices", device("x")), lambda: repo.head):
                with pytest.raises(ForkedProcess):
                    call()
            repo.close()
            with treering.open(store.target, pb.Network) as again:
                again.add("/devices", device("child"))
                status = 0 if again.keys("/devices") == ["child", "parent"] else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    expected = ["parent"] if isinstance(store.target, dict) else ["child", "parent"]
    assert repo.keys("/devices") == expected
    assert snapshot.keys("/devices") == ["parent"]
    repo.add("/devices", device("later"))
    assert repo.count("/devices") == len(expected) + 1
