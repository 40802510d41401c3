"""Where a watch begins: any name, in another process, and what a prune has left of it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb
from tests.watch.following import PATIENCE_SECONDS, commits, device, line, rename

import treering

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def made(repo: treering.Repository) -> list[treering.Commit]:
    return [rename(repo, number) for number in range(10)]


def test_after_any_name(repo: treering.Repository, made: list[treering.Commit]) -> None:
    third = made[2]
    repo.tag("third", third)
    for since in (third, third.id, third.id[:12], third.name, "third", "main~7", "third~0"):
        assert commits(repo.watch(since=since, timeout_seconds=0)) == made[3:]
    assert commits(repo.watch(since="main", timeout_seconds=0)) == []


def test_after_a_date(repo: treering.Repository, made: list[treering.Commit]) -> None:
    moment = made[4].time
    expected = [commit for commit in made if commit.time > moment]
    assert commits(repo.watch(since=moment, timeout_seconds=0)) == expected
    assert commits(repo.watch(since=datetime.now(UTC) + timedelta(days=1), timeout_seconds=0)) == []


@pytest.mark.parametrize(
    "since", ["nothing", "deadbeefdeadbeef", "5-deadbeef", "main~99", datetime(1999, 1, 1, tzinfo=UTC)]
)
def test_after_what_never_was(repo: treering.Repository, made: list[treering.Commit], since: object) -> None:
    with pytest.raises(treering.NameNotFound):
        repo.watch(since=since)


@pytest.mark.parametrize("since", [5, b"main", datetime(2030, 1, 1)])  # noqa: DTZ001 - naive on purpose
def test_after_what_is_no_name(repo: treering.Repository, since: object) -> None:
    with pytest.raises(treering.WrongType):
        repo.watch(since=since)


def test_after_a_commit_of_another_store(repo: treering.Repository) -> None:
    with treering.open({}, pb.Network) as other, pytest.raises(treering.NameNotFound):
        repo.watch(since=rename(other, "elsewhere"))


class TestPruned:
    @pytest.fixture
    def pruned(self, repo: treering.Repository, made: list[treering.Commit]) -> list[treering.Commit]:
        """Keep the third commit, by a tag, and the last two."""
        repo.tag("third", made[2])
        repo.prune(keep_last=2)
        return made

    def test_before_what_is_kept(self, store: Place, repo: treering.Repository, pruned: list[treering.Commit]) -> None:
        other = store.open()  # with nothing cached
        for lost in (pruned[0], pruned[6]):
            for since in (lost, lost.id, lost.name, lost.id[:9]):
                for each in (repo, other):
                    with pytest.raises(treering.Compacted) as caught:
                        each.watch(since=since)
                    assert caught.value.oldest == pruned[8]
                    assert isinstance(caught.value, KeyError)

    def test_dates_and_distances(self, repo: treering.Repository, pruned: list[treering.Commit]) -> None:
        for since in ("main~2", "main~5", pruned[0].time - timedelta(days=1)):
            with pytest.raises(treering.Compacted):
                repo.watch(since=since)

    def test_a_kept_commit_with_a_gap_after_it(self, repo: treering.Repository, pruned: list[treering.Commit]) -> None:
        """What came after it cannot be delivered without leaving commits out."""
        for since in ("third", pruned[2], pruned[2].id):
            with pytest.raises(treering.Compacted) as caught:
                repo.watch(since=since)
            assert caught.value.oldest == pruned[8]

    def test_a_name_that_was_never_one_stays_unknown(
        self, repo: treering.Repository, pruned: list[treering.Commit]
    ) -> None:
        with pytest.raises(treering.NameNotFound):
            repo.watch(since="nothing")

    def test_going_on_after_the_oldest(self, repo: treering.Repository, pruned: list[treering.Commit]) -> None:
        with pytest.raises(treering.Compacted) as caught:
            repo.watch(since="third")
        assert commits(repo.watch(since=caught.value.oldest, timeout_seconds=0)) == [pruned[9]]

    def test_while_watching(self, store: Place, repo: treering.Repository, made: list[treering.Commit]) -> None:
        """Another handle prunes what has not been seen; the position stays, and so does the error."""
        watch = repo.watch(since=made[2], timeout_seconds=0)
        assert next(watch).commit == made[3]
        other = store.open()
        more = [rename(other, f"more {number}") for number in range(3)]
        other.prune(keep_last=2)
        repo._store.reader.forget()
        for _ in range(2):
            with pytest.raises(treering.Compacted) as caught:
                list(watch)
            assert caught.value.oldest == more[1]
            assert watch.seen == made[3]
        assert commits(repo.watch(since=caught.value.oldest, timeout_seconds=0)) == more[2:]

    def test_between_two_steps_at_the_head(self, store: Place, repo: treering.Repository) -> None:
        watch = repo.watch(timeout_seconds=0)
        assert commits(watch) == []
        other = store.open()
        for number in range(5):
            rename(other, number)
        other.prune(keep_last=5)  # the last seen one goes, and all that came after it stays
        with pytest.raises(treering.Compacted):
            next(watch)

    def test_what_is_behind_does_not_matter(self, repo: treering.Repository, made: list[treering.Commit]) -> None:
        watch = repo.watch(timeout_seconds=0)
        more = [rename(repo, f"more {number}") for number in range(4)]
        repo.prune(keep_last=5)
        assert commits(watch) == more

    def test_the_seen_commit_is_the_head_that_was_kept(self, repo: treering.Repository) -> None:
        watch = repo.watch(timeout_seconds=0)
        repo.prune()
        made = rename(repo, "x")
        assert commits(watch) == [made]

    def test_below_a_filter_the_position_goes_on(self, repo: treering.Repository) -> None:
        """Commits that were passed over are not missed when they are pruned."""
        watch = repo.watch("/devices", timeout_seconds=0)
        for number in range(5):
            rename(repo, number)
        assert commits(watch) == []
        repo.prune()
        made = repo.add("/devices", device("d"))
        assert commits(watch) == [made]

    def test_an_event_outlives_the_prune_of_its_commit(self, repo: treering.Repository) -> None:
        repo.add("/devices", device("d1", "old"))
        watch = repo.watch(timeout_seconds=0)
        repo.update("/devices/d1", device("d1", "new"))
        event = next(watch)
        rename(repo, "later")
        repo.prune()
        assert [change.new.vendor for change in event.changes] == ["new"]


_SCRIPT = """
import sys
import treering
from tests.proto import engine_pb2 as pb
url, since, count = sys.argv[1:]
with treering.open(url) as repo, repo.watch(since=since, timeout_seconds=60) as watch:
    for _ in range(int(count)):
        print(next(watch).commit.id, flush=True)
"""


def test_in_another_process(tmp_path: Path) -> None:
    """The watcher is started again and again while this process writes: what it prints is the history."""
    url = f"lmdb:{tmp_path}/store?durability=async"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT)])}
    with treering.open(url, pb.Network) as repo:
        first = last = repo.head
        printed: list[str] = []
        for count in (1, 4, 7):
            since = printed[-1] if printed else last.id
            child = subprocess.Popen(
                [sys.executable, "-c", _SCRIPT, url, since, str(count)],
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for number in range(count):
                rename(repo, f"{count}-{number}")
            output, _ = child.communicate(timeout=PATIENCE_SECONDS * 2)
            assert child.returncode == 0
            printed += output.split()
        assert printed == [commit.id for commit in line(repo, first)]


def test_after_the_store_was_opened_again(tmp_path: Path) -> None:
    place = Place(f"lmdb:{tmp_path}/store?durability=async")
    repo = place.open()
    watch = repo.watch(timeout_seconds=0)
    rename(repo, 1)
    last = commits(watch)[-1]
    repo = place.reopen()
    with pytest.raises(treering.Unavailable):
        next(watch)
    made = rename(repo, 2)
    assert commits(repo.watch(since=last.id, timeout_seconds=0)) == [made]
    place.finish()
