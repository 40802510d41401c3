"""When a writer steps aside, by a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from treering.store.courtesy import Courtesy

Commit = Callable[..., float]
ROUND_TRIP = 0.001
ATTEMPT = 4 * ROUND_TRIP


class Clock:
    """``now`` moves on when somebody sleeps, or at will."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("treering.store.courtesy.monotonic", lambda: clock.now)
    monkeypatch.setattr("treering.store.courtesy.sleep", clock.sleep)
    return clock


@pytest.fixture
def commit(clock: Clock) -> Commit:
    """Return a function that makes a commit, or is overtaken; it tells how long it stepped aside before."""
    courtesy = Courtesy()

    def commit(*, has_moved: bool = True, has_looked: bool = False) -> float:
        before = sum(clock.slept)
        courtesy.give_way()
        aside = sum(clock.slept) - before
        began = clock.now
        clock.now += ATTEMPT if has_looked else ROUND_TRIP
        courtesy.tried(began, has_moved=has_moved, has_looked=has_looked)
        return aside

    return commit


def gaps_of(clock: Clock, commit: Commit, seconds: float) -> list[float]:
    """Commit in a loop for some time, and return the gaps that were left."""
    until = clock.now + seconds
    gaps = []
    while clock.now < until:
        gaps.append(commit())
    return [gap for gap in gaps if gap]


def test_a_writer_in_a_loop_leaves_room_for_whole_attempts_now_and_then(clock: Clock, commit: Commit) -> None:
    gaps = gaps_of(clock, commit, 40)
    assert [round(gap / (2 * ATTEMPT)) for gap in gaps[:9]] == [1, 2, 1, 4, 1, 2, 1, 8, 1]
    assert max(gaps) == pytest.approx(8 * 2 * ATTEMPT)  # longer ones would be too long
    assert 0.028 < sum(gaps) / 40 < 0.035  # a thirtieth of the time


def test_a_writer_that_pauses_by_itself_leaves_none(clock: Clock, commit: Commit) -> None:
    for _ in range(500):
        assert commit() == 0
        clock.now += 2.1 * ATTEMPT


def test_beside_others_it_leaves_many_for_a_while(clock: Clock, commit: Commit) -> None:
    commit()
    commit(has_moved=False)
    commit(has_looked=True)
    gaps = gaps_of(clock, commit, 0.4)
    assert [round(gap / (2 * ATTEMPT)) for gap in gaps[:4]] == [1, 2, 1, 4]
    assert 0.3 < sum(gaps) / 0.4 < 0.45  # two fifths of the time
    clock.now += 0.2  # nobody came since
    assert gaps_of(clock, commit, 0.1) == []


def test_no_gap_and_no_loop_without_one_is_long(clock: Clock) -> None:
    courtesy = Courtesy()
    for is_beside_others in (True, False):
        courtesy.tried(clock.now - 2, has_moved=False, has_looked=True)  # an attempt takes two seconds
        courtesy.tried(clock.now - 2, has_moved=True, has_looked=True)
        clock.slept.clear()
        clock.now += 1  # a gap of its own
        courtesy.give_way()
        for _ in range(6):
            courtesy.give_way()
            assert clock.slept == []
            clock.now += 0.5
            courtesy.tried(clock.now - 0.5, has_moved=not is_beside_others, has_looked=False)
            courtesy.tried(clock.now - 0.5, has_moved=True, has_looked=False)
        clock.now += 0.1  # three seconds have gone by
        courtesy.give_way()
        assert clock.slept == [pytest.approx(0.9)]  # of a second, the rest


def test_one_slow_attempt_is_forgotten(clock: Clock, commit: Commit) -> None:
    courtesy = Courtesy()
    courtesy.tried(clock.now - 3, has_moved=True, has_looked=True)
    for _ in range(40):
        courtesy.tried(clock.now - ROUND_TRIP, has_moved=True, has_looked=False)
    assert courtesy.longest_pause() <= 2 * 2 * ATTEMPT  # twice what it takes, at most


def test_pauses_between_attempts_follow_what_an_attempt_takes(clock: Clock) -> None:
    courtesy = Courtesy()
    assert courtesy.longest_pause() == 0.005
    for seconds, longest in ((0.01, 0.02), (1.0, 0.25)):
        for _ in range(50):
            courtesy.tried(clock.now - seconds, has_moved=False, has_looked=True)
        assert courtesy.longest_pause() == pytest.approx(longest)
