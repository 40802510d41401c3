"""What prune keeps, what it says, and that a dry run changes nothing."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb
from tests.prune import marking
from tests.prune.changing import Changer, large_network

import treering
from treering import NameNotFound, PruneReport, WrongType
from treering.store.entropy import Entropy


def count_to(repo: treering.Repository, last: int) -> None:
    """Make commits up to ``last``; commit n has the name n."""
    for number in range(repo.head.seq + 1, last + 1):
        repo.update("/", pb.Network(name=str(number)))


def numbers(repo: treering.Repository) -> list[int]:
    return [commit.seq for commit in repo.log()]


def test_the_head_alone_stays(repo: treering.Repository) -> None:
    count_to(repo, 10)
    head = repo.head
    assert repo.prune().commits == 10
    assert numbers(repo) == [10]
    assert repo.head == head
    assert repo.get().name == "10"


@pytest.mark.parametrize("keep_last", [1, 2, 9, 10])
def test_the_newest_stay(repo: treering.Repository, keep_last: int) -> None:
    count_to(repo, 10)
    assert repo.prune(keep_last=keep_last).commits == 11 - keep_last
    assert numbers(repo) == list(range(10, 10 - keep_last, -1))
    marking.check_all_gone(repo)
    assert repo.prune(keep_last=keep_last) == PruneReport(0, 0, 0)


@pytest.mark.parametrize("keep_last", [11, 12, 1 << 40])
def test_history_shorter_than_asked_for_stays_whole(store: Place, repo: treering.Repository, keep_last: int) -> None:
    count_to(repo, 10)
    with store.unchanged():
        assert repo.prune(keep_last=keep_last) == PruneReport(0, 0, 0)


def test_the_newest_are_counted_over_gaps(repo: treering.Repository) -> None:
    count_to(repo, 20)
    repo.tag("five", "main~15")
    repo.tag("ten", "main~10")
    repo.prune(keep_last=3)
    assert numbers(repo) == [20, 19, 18, 10, 5]
    count_to(repo, 21)
    repo.delete_tag("five", "ten")
    repo.prune(keep_last=5)
    assert numbers(repo) == [21, 20, 19, 18, 10]
    repo.prune(keep_last=4)
    assert numbers(repo) == [21, 20, 19, 18]


def test_the_young_stay(store: Place) -> None:
    now = 1_700_000_000_000_000
    minute = 60_000_000
    with mock.patch.object(Entropy, "now", autospec=True) as clock:
        clock.side_effect = lambda _: now
        repo = store.open()
        for number in range(1, 11):  # commit n is 10 - n minutes old
            now += minute
            repo.update("/", pb.Network(name=str(number)))
        assert repo.prune(keep_within=timedelta(days=1)).commits == 0
        repo.prune(keep_within=timedelta(minutes=6))
        assert numbers(repo) == [10, 9, 8, 7, 6, 5, 4]  # what is as old as said is young enough
        repo.prune(keep_last=2, keep_within=timedelta(minutes=5, seconds=30))
        assert numbers(repo) == [10, 9, 8, 7, 6, 5]
        repo.prune(keep_last=4, keep_within=timedelta(minutes=1))  # whichever keeps more
        assert numbers(repo) == [10, 9, 8, 7]
        now += 60 * minute
        repo.prune(keep_within=timedelta(minutes=5))
        assert numbers(repo) == [10]  # the head stays however old it is


def test_tags_stay_until_they_are_dropped(repo: treering.Repository) -> None:
    count_to(repo, 12)
    for number in (3, 4, 8):
        repo.tag(f"v{number}", f"main~{12 - number}")
    repo.prune()
    assert numbers(repo) == [12, 8, 4, 3]
    assert [repo.get(at=f"v{number}").name for number in (3, 4, 8)] == ["3", "4", "8"]
    repo.delete_tag("v4")
    assert numbers(repo) == [12, 8, 4, 3]  # until the next prune
    repo.prune()
    assert numbers(repo) == [12, 8, 3]
    repo.delete_tag("v3", "v8")
    assert repo.prune().commits == 2
    assert numbers(repo) == [12]


def test_a_moved_tag_hands_over_its_commit(repo: treering.Repository) -> None:
    count_to(repo, 6)
    repo.tag("here", "main~3")
    repo.prune()
    repo.tag("here", move=True)
    repo.prune()
    assert numbers(repo) == [6]


def test_a_tag_above_the_cut_changes_nothing(repo: treering.Repository) -> None:
    count_to(repo, 8)
    repo.tag("recent", "main~1")
    repo.prune(keep_last=4)
    assert numbers(repo) == [8, 7, 6, 5]


def test_a_dry_run_tells_and_changes_nothing(store: Place, repo: treering.Repository) -> None:
    changer = Changer(1)
    for _ in range(30):
        changer.change(repo)
    repo.tag("middle", "main~12")
    for keep_last in (1, 5, 20):
        before = repo.head, numbers(repo)
        with store.unchanged():
            told = repo.prune(keep_last=keep_last, dry_run=True)
            assert told.commits > 0
        assert before == (repo.head, numbers(repo))
    assert repo.prune(keep_last=20, dry_run=True) == repo.prune(keep_last=20)


@pytest.mark.parametrize("tagged", [0, 1, 3])
def test_the_report_is_what_disappeared(store: Place, tagged: int) -> None:
    repo = store.open()
    repo.replace("/", large_network())
    changer = Changer(2)
    for _ in range(40):
        changer.change(repo)
    for number in range(tagged):
        repo.tag(f"t{number}", f"main~{10 * number + 5}")
    before, commits = store.content(), len(numbers(repo))
    report = repo.prune(keep_last=3)
    after = store.content()
    gone = {key: value for key, value in before.items() if key not in after}
    assert before.keys() > after.keys()
    assert report.commits == commits - len(numbers(repo)) == sum(value[:1] == b"C" for value in gone.values())
    assert report.objects == len(gone)
    assert report.bytes == sum(map(len, gone.values()))


def test_an_unknown_policy_is_refused(store: Place, repo: treering.Repository) -> None:
    count_to(repo, 3)
    for wrong in (0, -1):
        with store.refuses(WrongType):
            repo.prune(keep_last=wrong)


def test_pruned_commits_have_no_name(repo: treering.Repository) -> None:
    count_to(repo, 9)
    gone = repo.resolve("main~4")
    repo.tag("low", "main~7")
    repo.prune()
    for name in (gone, gone.id, gone.id[:12], gone.name, f"{gone.name}~1", "main~2", gone.id + "~0"):
        with pytest.raises(NameNotFound):
            repo.resolve(name)
    for use in (
        lambda: repo.at(gone),
        lambda: repo.get(at=gone),
        lambda: repo.tag("again", gone),
        lambda: repo.diff(gone),
        lambda: list(repo.log(gone)),
    ):
        with pytest.raises(NameNotFound):
            use()
    assert "again" not in repo.tags


def test_a_commit_kept_in_a_variable_is_not_brought_back(store: Place) -> None:
    """Also where its objects are still there: a pruned commit never comes back to life."""
    repo = store.open()
    count_to(repo, 5)
    commit = repo.resolve("main~2")
    snapshot = repo.at(commit)
    repo.prune()
    assert snapshot.get().name == "3"
    with store.refuses(NameNotFound):
        repo.tag("undead", commit)
    with pytest.raises(NameNotFound):
        repo.at(commit)
