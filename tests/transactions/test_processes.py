"""Four processes commit 50 transactions each on one LMDB store (acceptance 3)."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

from tests.proto import engine_pb2 as pb
from tests.transactions.places import check_places

import treering

PROJECT = Path(__file__).resolve().parents[2]
PROCESSES, EACH = 4, 50
_SCRIPT = """
import sys
import treering
from tests.proto import engine_pb2 as pb
url, name, count = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
with treering.open(url, pb.Network, deadline_seconds=120, author=name) as repo:
    for number in range(int(count)):
        def work(tx):
            counter = tx.get("/")
            counter.budget += 1
            tx.update("/", counter)
            own = tx.get(f"/devices/{name}")
            own.vendor = str(int(own.vendor) + 1)
            tx.update(f"/devices/{name}", own)
            tx.add("/sites", pb.Site(address=str(counter.budget)), key=f"{name}-{number}")
            return counter.budget
        print(repo.run(work, attempts=10_000), flush=True)
"""


def test_four_processes(tmp_path: Path) -> None:
    url = f"lmdb:{tmp_path}/store"
    names = [f"p{number}" for number in range(PROCESSES)]
    with treering.open(url, pb.Network) as repo:
        repo.replace("/", pb.Network(devices=[pb.Device(name=name, vendor="0") for name in names]))
        first = repo.head
        children = [
            subprocess.Popen(
                [sys.executable, "-c", _SCRIPT, url, name, str(EACH)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT)])},
            )
            for name in names
        ]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        told: list[int] = []
        for child in children:
            output, _ = child.communicate(timeout=240)
            assert child.returncode == 0
            told += map(int, output.split())
        total = PROCESSES * EACH
        assert sorted(told) == list(range(1, total + 1))
        assert repo.get("/").budget == total
        assert {one.vendor for one in repo.get("/devices")} == {str(EACH)}
        sites = repo.get("/sites")
        assert set(sites) == {f"{name}-{number}" for name in names for number in range(EACH)}
        assert sorted(int(site.address) for site in sites.values()) == list(range(1, total + 1))
        log = list(repo.log(limit=total + 1))
        assert log[-1] == first
        for commit, parent in itertools.pairwise(log):
            assert commit.parents == (parent.id,)
        assert sorted(commit.author for commit in log[:-1]) == sorted(names * EACH)
        check_places(repo)
        report = repo.verify()
        assert (report.problems, report.unreachable) == ((), 0)
