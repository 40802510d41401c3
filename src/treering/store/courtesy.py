"""Stepping aside, so that one busy writer does not keep those of other processes out of a store.

Who has just moved the root knows what it says, and moves it again with one round trip, or with the lock of the file
that it had a moment ago. Whoever was overtaken must first read what came in between. So a writer in a loop wins nearly
every race, and another that has one commit to make may lose until its deadline: the *capture effect* of shared channels
(K. Ramakrishnan and H. Yang, "The Ethernet capture effect: analysis and solution", 1994). Two rules against it:

- A writer in a loop leaves a gap now and then, long enough for somebody else's whole attempt; some are several times as
  long and as rare, for larger ones.
- One that somebody else was faster than a moment ago leaves many of them. Between two gaps it makes its commits one
  after the other: that is faster for all than taking turns commit by commit, as only the first of them has to look.

A transaction of hundreds of edits may still lose to a loop of single ones. Nothing depends on this but who comes first:
it is all right if a figure is wrong. Decision 0016 has the measurements.
"""

from __future__ import annotations

from time import monotonic, sleep

_GAP, _LONGEST_GAP_SECONDS = 2.0, 1.0  # how long a gap is; this and what follows is in attempts
_BURST = 3.0  # how long a writer goes on without one, beside others
_LOOP, _LOOP_SECONDS, _LONGEST_LOOP_SECONDS = 60.0, 0.1, 3.0  # and alone: so a thirtieth of the time goes into gaps
_PAUSE, _SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2.0, 0.005, 0.25  # the longest pause between two attempts
_TIMES, _TIMES_SECONDS = 16, 0.1  # some gaps, and the ways to them, are so many times as long, where that is no longer
_MEMORY_SECONDS = 0.5  # for how long others are reckoned with after they came first
_ROUND_TRIPS = 4.0  # what an attempt takes that has to look first, in those that do not; until one was seen
_SMOOTHING = 0.3  # the weight of the newest figure


class Courtesy:
    """When one process's writers of a store step aside. Threads may share it."""

    def __init__(self) -> None:
        self._attempt_seconds = 0.0  # what it takes to look at the root and at what it names, and to move it
        self._began = self._last = monotonic()  # of moves one after the other without a gap
        self._overtaken = float("-inf")  # when somebody else came first
        self._turn = 1  # counts the gaps

    def give_way(self) -> None:
        """Pause where it is time to. Before a commit is begun, with nothing held that another thread needs."""
        now, attempt = monotonic(), self._attempt_seconds
        times = min(self._turn & -self._turn, _TIMES)  # 1, 2, 1, 4, 1, 2, 1, 8 and so on: as much time for each length
        if times * _GAP * attempt > _TIMES_SECONDS:
            times = 1
        idle, gap = now - self._last, min(times * _GAP * attempt, _LONGEST_GAP_SECONDS)
        if idle >= gap:
            self._began = now
            return
        is_beside_others = now - self._overtaken < _MEMORY_SECONDS
        loop = times * (_BURST * attempt if is_beside_others else max(_LOOP * attempt, _LOOP_SECONDS))
        if now - self._began > min(loop, _LONGEST_LOOP_SECONDS):
            sleep(gap - idle)
            self._began = monotonic()
            self._turn += 1

    def tried(self, began: float, *, has_moved: bool, has_looked: bool) -> None:
        """Take in how an attempt went that began then (monotonic).

        ``has_looked``: whether it asked for the root first, and did not go by what this process remembered.
        """
        now = monotonic()
        seconds, known = now - began, self._attempt_seconds
        if not has_looked:
            seconds *= _ROUND_TRIPS
        # One that did not look says little, but that the machine and the store are not as slow as they once were.
        if has_looked or not known or known > 2 * seconds:
            self._attempt_seconds = known + _SMOOTHING * (seconds - known) if known else seconds
        if has_moved:
            self._last = now
        else:
            self._overtaken = now

    def longest_pause(self) -> float:
        """Return how long to wait at most between two attempts, in seconds."""
        return min(max(_PAUSE * self._attempt_seconds, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
