"""Several processes that write one store at once, and what must be true afterwards, whatever the store.

As a program, this file is one writer: it waits for a line on its standard input, commits, and says what it did.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.proto import engine_pb2 as pb

import treering

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 120
MOST_EDITS = 20
FIRST_MARKER = 1000  # keys above are used once, by the commit with that number
END_SECONDS = 280


@dataclass(frozen=True)
class Work:
    """What one commit does: in the container that all share, or in the writer's own; with the counter, or without.

    ``edits``: key and new label, None to remove. The first is of a key of this commit's own.
    """

    writer: str
    number: int
    is_shared: bool
    counts: bool
    edits: list[tuple[int, str | None]]

    @property
    def note(self) -> str:
        return f"{self.writer} {self.number}"

    @property
    def container(self) -> str:
        return "/racks" if self.is_shared else f"/devices/{self.writer}/ports"

    def do(self, transaction: treering.Transaction) -> None:
        """Edit, by what the transaction sees."""
        for key, label in self.edits:
            path, is_there = f"{self.container}/{key}", transaction.exists(f"{self.container}/{key}")
            if label is None:
                if is_there:
                    transaction.remove(path)
                continue
            message = pb.Site(address=label) if self.is_shared else pb.Port(number=key, label=label)
            if is_there:
                transaction.update(path, message)
            else:
                transaction.add(self.container, message, key=key if self.is_shared else None)
        if self.counts:
            network = transaction.get("/")
            network.budget += 1
            transaction.update("/", network)


def plan(writer: str, number: int) -> Work:
    """Return what a writer's commit does; the same whenever it is asked for."""
    source = random.Random(f"{writer} {number}")
    offset, counts = int(writer.removeprefix("writer")) * 10_000, number % 4 >= 2
    more = source.randint(0, MOST_EDITS - 1 - counts)
    edits: list[tuple[int, str | None]] = [
        (offset + FIRST_MARKER + number, f"{writer} {number}"),
        *((source.randrange(20), source.choice([None, f"{writer} {number} {n}"])) for n in range(more)),
    ]
    return Work(writer, number, is_shared=number % 2 == 0, counts=counts, edits=edits)


def write(url: str, writer: str, count: int) -> None:
    """Do a writer's commits; print a line of JSON for each that is done, with its number and its id, if it is known."""
    with treering.open(url, pb.Network, deadline_seconds=DEADLINE_SECONDS, author=writer) as repo:
        for number in range(count):
            work = plan(writer, number)
            commit = None
            if work.counts:
                repo.run(work.do, attempts=100_000)
            else:
                while commit is None:
                    transaction = repo.transaction(note=work.note)
                    try:
                        work.do(transaction)
                        commit = transaction.commit()
                    except treering.MergeConflict:
                        continue
            print(json.dumps({"number": number, "id": commit and commit.id}), flush=True)


def run_writers(url: str, *, processes: int, commits: int) -> None:
    """Let ``processes`` writers make ``commits`` commits each on a new store, and check what came of it."""
    names = [f"writer{number}" for number in range(processes)]
    with treering.open(url, pb.Network, deadline_seconds=DEADLINE_SECONDS) as repo:
        repo.replace("/", pb.Network(budget=0, devices=[pb.Device(name=name) for name in names]))
        first = repo.head
        told = _run(url, names, commits)
        works = {(name, number): plan(name, number) for name in names for number in range(commits)}
        assert {(name, each["number"]) for name in names for each in told[name]} == works.keys()
        log = list(itertools.takewhile(lambda commit: commit != first, repo.log()))[::-1]
        assert len(log) == processes * commits
        for parent, commit in itertools.pairwise([first, *log]):
            assert commit.parents == (parent.id,)
        done = [_work_of(repo, commit, parent, works) for parent, commit in itertools.pairwise([first, *log])]
        assert sorted((work.writer, work.number) for work in done) == sorted(works)  # each exactly once
        ids = {(work.writer, work.number): commit.id for work, commit in zip(done, log, strict=True)}
        for name in names:
            for each in told[name]:
                assert each["id"] in {None, ids[name, each["number"]]}
        _check_tree(repo, names, done)
        report = repo.verify()
        assert report.problems == ()


def _run(url: str, names: list[str], commits: int) -> dict[str, list[dict[str, Any]]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT)])}
    children = [
        subprocess.Popen(
            [sys.executable, __file__, url, name, str(commits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for name in names
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        told = {}
        for name, child in zip(names, children, strict=True):
            output, _ = child.communicate(timeout=END_SECONDS)
            assert child.returncode == 0
            told[name] = [json.loads(line) for line in output.splitlines()]
        return told
    finally:
        for child in children:
            child.kill()
            child.wait()


def _work_of(
    repo: treering.Repository, commit: treering.Commit, parent: treering.Commit, works: dict[tuple[str, int], Work]
) -> Work:
    """Return the work that made a commit, known by the key that only it adds."""
    added = [change.path for change in repo.diff(parent, commit) if change.kind == "add"]
    markers = [int(key) for *_, key in map(tuple, added) if int(key) >= FIRST_MARKER]
    assert len(markers) == 1
    writer, number = divmod(markers[0], 10_000)
    work = works[f"writer{writer}", number - FIRST_MARKER]
    assert commit.author == work.writer
    assert commit.note == ("" if work.counts else work.note)
    return work


def _check_tree(repo: treering.Repository, names: list[str], done: list[Work]) -> None:
    """Compare the tree with what the edits make, one after the other in the order of history."""
    racks: dict[int, str] = {}
    ports: dict[str, dict[int, str]] = {name: {} for name in names}
    for work in done:
        container = racks if work.is_shared else ports[work.writer]
        for key, label in work.edits:
            if label is None:
                container.pop(key, None)
            else:
                container[key] = label
    assert {key: site.address for key, site in repo.get("/racks").items()} == racks
    for name in names:
        assert {port.number: port.label for port in repo.get(f"/devices/{name}/ports")} == ports[name]
    assert repo.get("/").budget == sum(work.counts for work in done)


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]))
