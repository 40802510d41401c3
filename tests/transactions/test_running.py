"""``repo.run``, and many threads that commit at once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb

import treering
from treering import MergeConflict, Repository, Transaction


def _count_up(tx: Transaction) -> int:
    counter = tx.get("/")
    counter.budget += 1
    tx.update("/", counter)
    return int(counter.budget)


def test_run_returns_what_the_function_does(repo: Repository) -> None:
    assert [repo.run(_count_up) for _ in range(3)] == [1, 2, 3]
    assert repo.run(lambda tx: tx.count("/devices")) == 0
    assert repo.head.seq == 3


def test_run_runs_again_on_a_conflict(repo: Repository) -> None:
    calls: list[int] = []

    def slow(tx: Transaction) -> int:
        calls.append(0)
        if len(calls) < 3:
            repo.run(_count_up)
        return _count_up(tx)

    assert repo.run(slow) == 3
    assert len(calls) == 3


def test_two_that_make_the_same_of_one_thing(repo: Repository) -> None:
    """By the table they agree, and a count is lost; what was read says that it was."""
    for serializable, expected in ((False, 1), (True, 2)):
        repo.replace("/", pb.Network())
        one, two = (repo.transaction(serializable=serializable) for _ in "ab")
        for tx in (one, two):
            _count_up(tx)
        one.commit()
        if serializable:
            with pytest.raises(MergeConflict):
                two.commit()
            repo.run(_count_up)
        else:
            two.commit()
        assert repo.get("/").budget == expected


def test_run_gives_up(repo: Repository) -> None:
    calls: list[int] = []

    def disturbed(tx: Transaction) -> None:
        calls.append(0)
        repo.run(_count_up)
        _count_up(tx)
        tx.update("/", pb.Network(budget=100 + len(calls)))

    with pytest.raises(MergeConflict):
        repo.run(disturbed, attempts=4)
    assert len(calls) == 4
    assert repo.get("/").budget == 4
    with pytest.raises(treering.WrongType):
        repo.run(_count_up, attempts=0)


def test_run_does_not_repeat_what_raises(repo: Repository) -> None:
    calls: list[int] = []

    def broken(tx: Transaction) -> None:
        calls.append(_count_up(tx))
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        repo.run(broken)
    assert calls == [1]
    assert repo.head.seq == 0


@pytest.mark.parametrize("handles", [1, 2])
def test_eight_threads_count_exactly(store: Place, handles: int) -> None:
    repos = [store.open(deadline_seconds=60) for _ in range(handles)]
    results: list[int] = []
    errors: list[BaseException] = []

    def write(number: int) -> None:
        try:
            results.extend(repos[number % handles].run(_count_up, attempts=1000) for _ in range(20))
        except BaseException as error:  # noqa: BLE001 - checked below
            errors.append(error)

    _together([lambda number=number: write(number) for number in range(8)])
    assert errors == []
    assert sorted(results) == list(range(1, 161))
    assert repos[0].get("/").budget == 160
    assert repos[0].head.seq == 160


def test_threads_that_touch_different_things_never_conflict(store: Place) -> None:
    repo = store.open(deadline_seconds=60)
    repo.replace("/", pb.Network(devices=[pb.Device(name=f"d{number}") for number in range(8)]))
    first = repo.head.seq
    errors: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for count in range(15):
                with repo.transaction() as tx:
                    tx.update(f"/devices/d{number}", pb.Device(name=f"d{number}", vendor=str(count)))
                    tx.add(f"/devices/d{number}/ports", pb.Port(number=count))
                    tx.add("/devices", pb.Device(name=f"new {number} {count}"))
        except BaseException as error:  # noqa: BLE001 - checked below
            errors.append(error)

    _together([lambda number=number: write(number) for number in range(8)])
    assert errors == []
    assert repo.head.seq == first + 8 * 15
    assert {one.vendor for one in repo.get("/devices") if one.name.startswith("d")} == {"14"}
    assert repo.count("/devices") == 8 + 8 * 15


def _together(targets: list[Any]) -> None:
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
