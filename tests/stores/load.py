"""A writer that goes on whatever happens to its store, and what history must say of all that it did."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

from tests.proto import engine_pb2 as pb

import treering

PATIENCE_SECONDS = 60
PAUSE_SECONDS = 0.01  # between two commits, at most: writers that never pause leave others no gap


class Load(threading.Thread):
    """Commits, one after the other, each with a note of its own, until the end of the ``with`` block."""

    def __init__(self, repo: treering.Repository, name: str) -> None:
        super().__init__(name=name)
        self.repo = repo
        self.acknowledged: list[str] = []
        self.failed: list[str] = []
        self.unknown: list[str] = []
        self._end = threading.Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        number = 0
        try:
            while not self._end.is_set():
                number += 1
                note = f"{self.name} {number}"
                try:
                    self.repo.add("/devices", pb.Device(name=note), note=note)
                except treering.OutcomeUnknown:
                    self.unknown.append(note)
                except treering.Unavailable:
                    self.failed.append(note)
                else:
                    self.acknowledged.append(note)
                self._end.wait(random.uniform(0, PAUSE_SECONDS))
        except BaseException as error:
            self._error = error
            raise

    def go_on(self, commits: int) -> None:
        """Wait for some more acknowledged commits."""
        enough = len(self.acknowledged) + commits
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.acknowledged) < enough:
            assert self._error is None
            assert time.monotonic() < deadline, f"{len(self.acknowledged)} commits, {len(self.failed)} failures"
            time.sleep(0.005)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._end.set()
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive()


def check_history(url: str, *loads: Load) -> None:
    """Each acknowledged commit is there once, each failed one not at all, of the unknown ones at most one of each."""
    with treering.open(url, pb.Network, create=False, deadline_seconds=PATIENCE_SECONDS) as repo:
        noted = Counter(commit.note for commit in repo.log())
        names = set(repo.keys("/devices"))
        for load in loads:
            assert [note for note in load.acknowledged if noted[note] != 1 or note not in names] == []
            assert [note for note in load.failed if noted[note] or note in names] == []
            assert [note for note in load.unknown if noted[note] > 1 or noted[note] != (note in names)] == []
        assert repo.verify().problems == ()
