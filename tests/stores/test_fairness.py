"""Beside a process that commits in a loop, another one's commits all come through, on every store there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.proto import engine_pb2 as pb
from tests.stores.places import KINDS, new_store

import treering

COMMITS = 15
BUSY = """
import sys, treering
from tests.proto import engine_pb2 as pb
with treering.open(sys.argv[1], pb.Network, author="busy", deadline_seconds=60) as repo:
    for number in range(1, 10**9):
        repo.update("/", pb.Network(name=str(number)))
        if number == 20:
            print("in full swing", flush=True)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_commits_beside_a_loop(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = new_store(kind, tmp_path, request)
    with treering.open(url, pb.Network, author="lone", deadline_seconds=30) as repo:
        repo.add("/devices", pb.Device(name="lone"))
        with subprocess.Popen([sys.executable, "-c", BUSY, url], stdout=subprocess.PIPE, text=True) as busy:
            try:
                assert busy.stdout is not None
                assert busy.stdout.readline() == "in full swing\n"
                for number in range(COMMITS):
                    repo.update("/devices/lone", pb.Device(name="lone", vendor=str(number)))
                assert busy.poll() is None
            finally:
                busy.kill()
        authors = [commit.author for commit in repo.log(limit=1000)]
        assert authors.count("busy") >= 20
        assert repo.get("/devices/lone").vendor == str(COMMITS - 1)
        assert repo.verify().ok
