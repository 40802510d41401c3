"""Each commit once, whole, in order, none left out: whoever writes, wherever the watch begins again."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb
from tests.stores.places import new_store
from tests.watch.following import PATIENCE_SECONDS, commits, device, line, rename

import treering
from treering import watch as watching

WRITERS, EACH = 4, 25


@pytest.fixture(params=["dict", "lmdb", "redis", "etcd", "consul"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """What the tests of one machine use, and each server that says that its root has moved."""
    kind = request.param
    place = Place({} if kind == "dict" else new_store(kind, tmp_path, request))
    yield place
    place.finish()


def test_commits_come_in_order(repo: treering.Repository) -> None:
    with repo.watch(timeout_seconds=0) as watch:
        made = [rename(repo, number) for number in range(5)]
        assert commits(watch) == made


def test_it_begins_now(repo: treering.Repository) -> None:
    rename(repo, "before")
    with repo.watch(timeout_seconds=0) as watch:
        assert commits(watch) == []
        assert watch.seen == repo.head
        after = rename(repo, "after")
        assert commits(watch) == [after]
        assert watch.seen == after


def test_an_event_is_the_whole_commit_and_what_it_changed(repo: treering.Repository) -> None:
    watch = repo.watch(timeout_seconds=0)
    with repo.transaction(author="ann", note="two things") as tx:
        tx.add("/devices", device("d1"))
        tx.update("/", pb.Network(name="new"))
    (event,) = watch
    assert (event.commit.author, event.commit.note) == ("ann", "two things")
    assert [(change.kind, str(change.path)) for change in event.changes] == [("update", "/"), ("add", "/devices/d1")]
    assert event.changes.json_patch() == repo.diff("main~1").json_patch()


def test_commits_of_other_handles_come_too(store: Place, repo: treering.Repository) -> None:
    with repo.watch(timeout_seconds=PATIENCE_SECONDS) as watch:
        other = store.open()
        for number in range(3):
            made = rename(other, number)
            assert next(watch).commit == made


def test_what_changes_nothing_is_no_event(repo: treering.Repository) -> None:
    watch = repo.watch(timeout_seconds=0)
    rename(repo, "once")
    rename(repo, "once")
    with pytest.raises(treering.Refused):
        repo.update("/", device("wrong"))
    assert len(commits(watch)) == 1


def test_tags_are_no_events(repo: treering.Repository) -> None:
    watch = repo.watch(timeout_seconds=0)
    repo.tag("here")
    repo.delete_tag("here")
    assert commits(watch) == []
    made = rename(repo, "x")
    repo.tag("here")
    assert commits(watch) == [made]


def test_a_change_of_order_alone_is_a_commit(repo: treering.Repository) -> None:
    for name in ("a", "b"):
        repo.add("/devices", device(name))
    whole, below = repo.watch(timeout_seconds=0), repo.watch("/devices", timeout_seconds=0)
    with repo.transaction() as tx:
        tx.remove("/devices/a")
        tx.add("/devices", device("a"))
    (event,) = whole
    assert event.commit == repo.head
    assert not event.changes
    assert commits(below) == []


def test_two_watches_each_see_everything(repo: treering.Repository) -> None:
    watches = [repo.watch(timeout_seconds=0) for _ in range(2)]
    made = [rename(repo, number) for number in range(3)]
    assert [commits(watch) for watch in watches] == [made, made]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 256])
def test_a_late_watcher_sees_everything(repo: treering.Repository, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_CHUNK", chunk)
    first = repo.head
    made = [rename(repo, number) for number in range(40)]
    with repo.watch(since=first, timeout_seconds=0) as watch:
        for number, event in enumerate(watch):
            assert event.commit == made[number]
            assert len(watch._pending) < chunk
            if number == 20:
                made.append(rename(repo, "more"))
        assert watch.seen == made[-1]


def test_threads_share_a_watch(repo: treering.Repository) -> None:
    watch = repo.watch(timeout_seconds=0)
    made = [rename(repo, number) for number in range(60)]
    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(lambda _: commits(watch), range(4)))
    assert sorted((commit for share in shares for commit in share), key=made.index) == made
    assert all(share == sorted(share, key=made.index) for share in shares)


@pytest.mark.parametrize("seed", range(3))
def test_writers_and_a_watcher_that_begins_again(store: Place, repo: treering.Repository, seed: int) -> None:
    """No event twice and none missing, resumed at random points by every kind of name and by other handles."""
    chance = random.Random(seed)
    first = repo.head
    total = WRITERS * EACH
    seen: list[treering.Commit] = []

    def write(number: int) -> None:
        mine = store.open(deadline_seconds=60)
        for count in range(EACH):
            if count % 5:
                mine.add("/devices", device(f"w{number}-{count}"))
            else:
                network = pb.Network(name=f"{number}-{count}")
                mine.run(partial(treering.Transaction.update, path="/", message=network), attempts=1000)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    while len(seen) < total:
        last = seen[-1] if seen else first
        since = chance.choice([last, last.id, last.name, last.id[:16]])
        watcher = chance.choice([repo, store.open()])
        with watcher.watch(since=since, timeout_seconds=PATIENCE_SECONDS) as watch:
            seen += commits(islice(watch, min(chance.randrange(1, 20), total - len(seen))))
    for writer in writers:
        writer.join()
    assert seen == line(repo, first)
    with repo.watch(since=seen[-1], timeout_seconds=0) as watch:
        assert commits(watch) == []


def test_changes_add_up(repo: treering.Repository) -> None:
    """Applied one after the other, they make a copy of the tree."""
    watch = repo.watch(timeout_seconds=0)
    chance = random.Random(5)
    for number in range(30):
        name = f"d{chance.randrange(6)}"
        if not repo.exists(("devices", name)):
            repo.add("/devices", device(name, str(number)))
        elif chance.random() < 0.5:
            repo.update(("devices", name), device(name, str(number)))
        else:
            repo.remove(("devices", name))
    copy: dict[str, pb.Device] = {}
    for event in watch:
        for change in event.changes:
            if change.kind == "remove":
                del copy[change.path.segments[1]]
            else:
                copy[change.path.segments[1]] = change.new
    assert copy == {name: repo.get(("devices", name)) for name in repo.keys("/devices")}
