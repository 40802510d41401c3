"""The log and every kind of name, across the gaps that prune leaves."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb
from tests.prune import marking

import treering
from treering import NameNotFound
from treering.store.entropy import Entropy

START = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """A minute passes between two commits."""
    ticks = iter(range(10**9))
    with mock.patch.object(Entropy, "now", side_effect=lambda: (int(START.timestamp()) + 60 * next(ticks)) * 1_000_000):
        yield


def count_to(repo: treering.Repository, last: int) -> None:
    for number in range(repo.head.seq + 1, last + 1):
        repo.update("/", pb.Network(name=str(number)))


def check_names(repo: treering.Repository, kept: list[treering.Commit]) -> None:
    """Look every commit up in every way. ``kept``: those that are still in history, newest first."""
    assert list(repo.log()) == kept
    for steps, commit in enumerate(kept):
        for name in (commit, commit.id, commit.id[:16], commit.name, f"main~{steps}", commit.time):
            assert repo.resolve(name) == commit
        assert repo.resolve(commit.time + timedelta(seconds=59)) == commit
        below = kept[steps + 1 :]
        assert list(repo.log(commit)) == kept[steps:]
        for down in {0, 1, len(below) // 2, len(below)} - {len(below) + 1}:
            if down <= len(below):
                assert repo.resolve(f"{commit.name}~{down}") == kept[steps + down]
        with pytest.raises(NameNotFound):
            repo.resolve(f"{commit.id}~{len(below) + 1}")
        assert repo.get(at=commit).name in {str(commit.seq), ""}
    with pytest.raises(NameNotFound):
        repo.resolve(kept[-1].time - timedelta(microseconds=1))
    marking.check(repo)


def test_gaps_cut_into_gaps(store: Place) -> None:
    repo = store.open()
    count_to(repo, 60)
    commits = list(repo.log())
    for number in (5, 6, 20, 33, 47):
        repo.tag(f"v{number}", commits[60 - number])

    def kept(*numbers: int) -> list[treering.Commit]:
        return [commits[60 - number] for number in numbers]

    check_names(repo, commits)
    repo.prune(keep_last=30)
    check_names(repo, kept(*range(60, 30, -1), 20, 6, 5))
    repo.prune(keep_last=3)
    check_names(repo, kept(60, 59, 58, 47, 33, 20, 6, 5))
    repo.delete_tag("v33", "v6")
    check_names(repo, kept(60, 59, 58, 47, 33, 20, 6, 5))
    repo = store.reopen()
    repo.prune(keep_last=3)
    check_names(repo, kept(60, 59, 58, 47, 20, 5))
    repo.delete_tag("v5")
    repo.prune(keep_last=2)
    check_names(repo, kept(60, 59, 47, 20))
    for commit in commits:
        if commit.seq not in {60, 59, 47, 20}:
            for name in (commit, commit.id, commit.name):
                with pytest.raises(NameNotFound):
                    repo.resolve(name)
        assert repo.resolve(commit.time).seq <= commit.seq if commit.seq >= 20 else True
    assert repo.resolve(commits[60 - 46].time).seq == 20  # the newest kept one that is not after it


def test_history_that_goes_on_above_gaps(store: Place) -> None:
    """Jumps of new commits lead past what is not there any more."""
    repo, chance = store.open(), random.Random(5)
    kept = list(repo.log())
    for round_ in range(12):
        count_to(repo, repo.head.seq + chance.choice([1, 2, 7, 30]))
        if round_ % 3 == 0:
            repo.tag(f"t{round_}", f"main~{chance.randrange(2)}")
        if round_ % 4 == 3:
            repo.delete_tag(chance.choice(list(repo.tags)))
        tagged = set(repo.tags.values())
        keep_last = chance.choice([1, 2, 10])
        whole = list(repo.log())
        repo.prune(keep_last=keep_last)
        kept = [commit for at, commit in enumerate(whole) if at < keep_last or commit in tagged]
        check_names(repo, kept)
    check_names(store.reopen(), kept)


def test_the_log_of_a_path_compares_across_a_gap(repo: treering.Repository) -> None:
    for number in range(1, 13):
        if number % 3:
            repo.update("/", pb.Network(name=str(number)))
        else:
            repo.update("/settings", pb.Settings(mtu=number))
    assert [commit.seq for commit in repo.log(path="/settings")] == [12, 9, 6, 3]
    repo.tag("eight", "main~4")
    repo.tag("seven", "main~5")
    repo.tag("four", "main~8")
    repo.tag("one", "main~11")
    repo.prune()
    assert [commit.seq for commit in repo.log()] == [12, 8, 7, 4, 1]
    assert [commit.seq for commit in repo.log(path="/settings")] == [12, 7, 4]
    assert [change.new.mtu for change in repo.diff("main~3", "main~2", path="/settings")] == [6]


def test_a_log_under_way_ends_quietly_or_goes_on(repo: treering.Repository) -> None:
    count_to(repo, 10)
    log = repo.log()
    assert next(log).seq == 10
    repo.prune(keep_last=3)
    seen = [commit.seq for commit in log]
    assert seen[:2] == [9, 8]
    assert seen == list(range(9, 9 - len(seen), -1))


def test_what_was_given_out_before_stays_readable(repo: treering.Repository) -> None:
    """A Commit says who, when and why, and what it came from, for ever."""
    count_to(repo, 3)
    old = repo.resolve("main~1")
    parent = repo.resolve("main~2")
    repo.prune()
    assert (old.seq, old.parents, len(old.tree_id)) == (2, (parent.id,), 64)
    assert repo.head.parents == (old.id,)  # the id covers them


def test_ids_do_not_change(repo: treering.Repository) -> None:
    count_to(repo, 9)
    repo.tag("low", "main~6")
    before = {commit.seq: (commit.id, commit.tree_id, commit.time) for commit in repo.log()}
    repo.prune(keep_last=2)
    after = {commit.seq: (commit.id, commit.tree_id, commit.time) for commit in repo.log()}
    assert after == {seq: before[seq] for seq in (9, 8, 3)}


def test_a_tag_made_after_the_cut(repo: treering.Repository) -> None:
    count_to(repo, 6)
    repo.prune(keep_last=3)
    repo.tag("late", "main~2")
    count_to(repo, 9)
    repo.prune()
    assert [commit.seq for commit in repo.log()] == [9, 4]
    assert repo.get(at="late").name == "4"


@pytest.mark.parametrize("tags", [0, 300])
def test_a_long_history_cut_again_and_again(tags: int) -> None:
    repo = treering.open({}, pb.Network)
    count_to(repo, 600)
    whole = list(repo.log())
    for number in range(tags):
        repo.tag(f"t{number}", whole[2 * number + 1])
    for keep_last in (500, 301, 300, 7, 1):
        repo.prune(keep_last=keep_last)
        assert next(iter(repo.log())) == whole[0]
        for number in range(0, tags, 17):
            assert repo.resolve(whole[2 * number + 1].name) == repo.resolve(f"t{number}") == whole[2 * number + 1]
    assert len(list(repo.log())) == tags + 1
    assert repo.resolve(f"main~{tags}") == list(repo.log())[-1]
    marking.check_all_gone(repo)
