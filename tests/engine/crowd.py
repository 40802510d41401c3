"""Threads whose commits are published together, in an order that the test knows."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.proto import engine_pb2 as pb

import treering
from treering.backend.base import Backend, Entry
from treering.testing.faults import FaultyBackend

WAIT_SECONDS = 20
Action = Callable[[], Any]


class HeldBackend(FaultyBackend):
    """Holds a publish back when it is told to, counts moves of the root, and refuses what is too large for it."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.moves = 0
        self.largest = 1 << 40  # bytes of one publication
        self._held = False
        self._came, self._go = threading.Event(), threading.Event()

    def hold(self) -> None:
        """Let the next publish wait for `release`."""
        self._held = True
        self._came.clear()
        self._go.clear()

    def wait_for_held(self) -> None:
        """Return when there is a publish that waits."""
        assert self._came.wait(WAIT_SECONDS)

    @property
    def is_held(self) -> bool:
        """Whether there is a publish that waits."""
        return self._came.is_set()

    def release(self) -> None:
        """Let it go on."""
        self._go.set()

    def fail_next(self, **fault: Any) -> None:
        """Plan a fault for the publish after the one that is held back."""
        self.fail("publish", on_call=2, **fault)

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        if self._held:
            self._held = False
            self._came.set()
            assert self._go.wait(WAIT_SECONDS)
        if sum(len(value) for _, value in objects) > self.largest:
            raise treering.StoreFull("too large for this store")
        moved = super().publish(objects, expected, root)
        self.moves += moved
        return moved


class Crowd:
    """A repository, and threads that all commit while another one's commit is held back."""

    def __init__(self, repo: treering.Repository, backend: HeldBackend) -> None:
        self.repo = repo
        self.backend = backend

    def waiting(self) -> int:
        """Return how many commits wait for the one that is held back."""
        return len(self.repo._branch._group._waiting)

    def wait_for(self, number: int, is_alive: Callable[[], bool] = lambda: True) -> None:
        """Return when so many commits wait, or the last one will not any more."""
        until = time.monotonic() + WAIT_SECONDS
        while self.waiting() < number and is_alive():
            assert time.monotonic() < until
            time.sleep(0.0005)

    def run(self, *actions: Action, meanwhile: Action = lambda: None) -> list[Any]:
        """Let all of the actions commit while a commit "first" is held back, in this order; return what they returned.

        Or what they raised. ``meanwhile`` is called before the first is let go.
        """
        outcomes: list[Any] = [None] * (len(actions) + 1)

        def guarded(at: int, action: Action) -> None:
            try:
                outcomes[at] = action()
            except BaseException as error:  # noqa: BLE001 - an outcome like another
                outcomes[at] = error

        self.backend.hold()
        threads = [threading.Thread(target=guarded, args=[0, self.add("first")])]
        threads[0].start()
        self.backend.wait_for_held()
        try:
            for at, action in enumerate(actions, 1):
                waiting = self.waiting()
                threads.append(threading.Thread(target=guarded, args=[at, action]))
                threads[at].start()
                self.wait_for(waiting + 1, threads[at].is_alive)
            meanwhile()
            self.backend.moves = 0
        finally:
            self.backend.release()
        for thread in threads:
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()
        assert self.waiting() == 0
        assert isinstance(outcomes[0], treering.Commit)
        return outcomes[1:]

    def add(self, name: str, image: bytes = b"") -> Action:
        """Return an action that adds a device, noted under its name."""
        return lambda: self.repo.add("/devices", pb.Device(name=name, image=image), note=name)

    def adds(self, *names: str) -> list[Action]:
        """Return actions that add a device each."""
        return [self.add(name) for name in names]

    def check(self) -> None:
        """Every commit of the log follows the one before it and adds just the device of its note."""
        log = list(self.repo.log())
        assert [commit.seq for commit in log] == [log[0].seq - at for at in range(len(log))]
        for commit, parent in itertools.pairwise(log):
            assert commit.parents == (parent.id,)
            if commit.note:
                (change,) = self.repo.diff(parent, commit)
                assert change.path.segments[-1] == commit.note
        notes = [commit.note for commit in log if commit.note]
        assert len(set(notes)) == len(notes)
        assert self.repo.verify().problems == ()

    def notes(self) -> list[str]:
        """Return the notes of all commits that have one, the oldest first."""
        return [commit.note for commit in self.repo.log() if commit.note][::-1]
