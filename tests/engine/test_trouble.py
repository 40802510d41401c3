"""Where a store cannot be opened or written: a clear message, nothing lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.engine.trees import device
from tests.proto import engine_pb2 as pb

import treering
from treering import Refused, Unavailable

PROJECT = Path(__file__).resolve().parents[2]
NOBODY = 65534


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that every user may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _as_nobody(call: Callable[[], object]) -> str:
    """Return what a call prints or raises in a process that may write nothing of root's."""
    if os.geteuid() != 0:
        return _told(call)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(write_end, _told(call).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


def _told(call: Callable[[], object]) -> str:
    try:
        return str(call())
    except treering.Error as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_directory_that_may_not_be_written(shared: Path) -> None:
    url = f"lmdb:{shared}/closed/store"
    (shared / "closed").mkdir()
    (shared / "closed").chmod(0o555)
    told = _as_nobody(lambda: treering.open(url, pb.Network))
    assert told.startswith("Unavailable: ")
    assert str(shared) in told
    assert list((shared / "closed").iterdir()) == []


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_store_of_another_user(shared: Path) -> None:
    path = shared / "store"
    with treering.open(f"lmdb:{path}", pb.Network) as repo:
        repo.add("/devices", device("d"))
    path.chmod(0o555)
    for file in path.iterdir():
        file.chmod(0o444)
    told = _as_nobody(lambda: treering.open(f"lmdb:{path}", pb.Network))
    assert told.startswith("Unavailable: ")
    assert "readonly=true" in told

    def read() -> object:
        with treering.open(f"lmdb:{path}?readonly=true&lock=false", pb.Network) as repo:
            with pytest.raises(Refused):
                repo.add("/devices", device("e"))
            return repo.keys("/devices"), repo.get("/devices/d", deep=True) == device("d"), repo.verify().ok

    assert _as_nobody(read) == "(['d'], True, True)"
    path.chmod(0o755)
    for file in path.iterdir():
        file.chmod(0o644)
    with treering.open(f"lmdb:{path}", pb.Network) as repo:
        assert repo.keys("/devices") == ["d"]


def test_a_read_only_store_refuses_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(treering.Error):
        treering.open(f"lmdb:{tmp_path}/store?readonly=true", pb.Network)
    assert not (tmp_path / "store").exists()


_WITHOUT_LMDB = """
import sys
sys.modules["lmdb"] = None
import treering
from tests.proto import engine_pb2 as pb
with treering.open({}, pb.Network) as repo:  # nothing else needs it
    repo.add("/devices", pb.Device(name="d"))
try:
    treering.open(sys.argv[1], pb.Network)
except treering.MissingDependency as error:
    assert isinstance(error, ImportError)
    assert error.extra == "lmdb"
    print(error)
"""


def test_lmdb_is_not_installed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_LMDB, f"lmdb:{tmp_path}/store"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT)])},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "treering[lmdb]" in done.stdout
    assert not (tmp_path / "store").exists()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    repo = treering.open(f"lmdb:{tmp_path}/store", pb.Network)
    snapshot = repo.at("main")
    repo.close()
    for call in (
        lambda: repo.get("/"),
        lambda: repo.head,
        lambda: repo.tag("t"),
        lambda: repo.add("/devices", device("d")),
    ):
        with pytest.raises(Unavailable) as caught:
            call()
        assert "closed" in str(caught.value)
    assert snapshot.get("/") == pb.Network()  # it was in memory
