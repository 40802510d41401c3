"""kill -9 at every system call that changes an LMDB store, in commits, tags, prunes and sweeps.

After each: what was acknowledged is there, the step under way was done or not at all, the store is sound, and one prune
and one sweep leave nothing that a reader could not reach.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.crash import killed
from tests.prune import marking

LEAST = {"pwrite64": 240, "fdatasync": 60, "writev": 20}  # points that each kind has at least: 300 and more
SLICES = 3  # tests for each kind, to be run side by side


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "template"
    killed.make_template(f"lmdb:{folder}")
    return folder


@contextmanager
def server(*prefix: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [*prefix, sys.executable, killed.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
    assert process.returncode == 0


def run(process: subprocess.Popen[str], folder: Path, call: str, point: int) -> tuple[list[str], int]:
    """Let a child work; return the states that it acknowledged, and how it ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{folder} {call} {point}\n")
    process.stdin.flush()
    states = []
    for line in process.stdout:
        what, number, *state = line.rstrip("\n").split(" ")
        if what == "ended":
            return states, int(number)
        states.append(" ".join(state))
    raise AssertionError("the server died")


def fresh(template: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(template, folder))


@pytest.fixture(scope="module")
def states(template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a reader sees before the first step and after each; the same in every run."""
    folder = fresh(template, tmp_path_factory.mktemp("killed") / "whole")
    with killed.open_store(f"lmdb:{folder}", 3) as repo:
        states = [killed.state(repo)]
    fresh(template, folder)
    with server() as process:
        done, ended = run(process, folder, "none", killed.LIMIT)
    assert ended == 0
    return states + done


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.skipif(sys.platform != "linux", reason="strace is for Linux")
@pytest.mark.parametrize("slice_", range(SLICES))
@pytest.mark.parametrize("call", LEAST)
def test_kill_at_every_write(template: Path, states: list[str], tmp_path: Path, call: str, slice_: int) -> None:
    strace = ("strace", "-f", "-qq", "-e", "signal=none", "-e", f"trace={call}", "-o", "/dev/null")
    inject = ("-e", f"inject={call}:signal=KILL:when={killed.LIMIT}")
    folder = tmp_path / "store"
    killed_at = 0
    with server(*strace, *inject) as process:
        for point in range(1 + slice_, killed.LIMIT, SLICES):
            acknowledged, ended = run(process, fresh(template, folder), call, point)
            assert acknowledged == states[1 : 1 + len(acknowledged)]
            if ended == 0:
                break
            assert ended == -9
            killed_at += 1
            check_after(folder, states, len(acknowledged))
        else:
            pytest.fail("LIMIT is too low")
    assert len(acknowledged) == len(states) - 1
    assert killed_at >= LEAST[call] // SLICES


def check_after(folder: Path, states: list[str], acknowledged: int) -> None:
    with killed.open_store(f"lmdb:{folder}?durability=async", 4) as repo:
        assert killed.state(repo) in states[acknowledged : acknowledged + 2]
        assert marking.check(repo).extra == set()  # on LMDB a commit is there whole, or not at all
        before = repo.get(deep=True)
        repo.prune(keep_last=100)
        assert repo.verify(sweep=True).unreachable == 0
        repo.delete_tag(*repo.tags)
        repo.prune()
        marking.check_all_gone(repo)
        assert repo.get(deep=True) == before
