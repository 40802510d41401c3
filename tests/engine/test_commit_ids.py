"""Bare ids and their beginnings: what they cost, and that they name what is in history now and nothing else."""

from __future__ import annotations

import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb

import treering
from treering.errors import NameNotFound, StoreRolledBack, Unavailable
from treering.objects.pointer import Hash, Location, Pointer
from treering.store.ids import CommitIndex
from treering.testing import FaultyBackend, LimitedBackend, MemoryBackend


def grow(repo: treering.Repository, count: int) -> list[treering.Commit]:
    start = repo.head.seq
    return [repo.update("/", pb.Network(name=str(start + number))) for number in range(count)]


def opened(mapping: dict[str, bytes], **options: Any) -> tuple[treering.Repository, FaultyBackend]:
    backend = FaultyBackend(LimitedBackend(mapping))
    return treering.open(backend, pb.Network, **options), backend


def digits(repo: treering.Repository) -> set[str]:
    """Return beginnings of ids that no commit has."""
    return {f"{number:08x}" for number in range(20)} - {commit.id[:8] for commit in repo.log()}


# cost


def test_the_first_look_up_reads_history_in_few_requests_and_the_next_ones_hardly_any() -> None:
    mapping: dict[str, bytes] = {}
    commits = grow(treering.open(mapping, pb.Network), 2000)
    repo, backend = opened(mapping)
    assert repo.resolve(commits[3].id) == commits[3]
    assert backend.keys_read < 2100  # each commit once
    assert backend.calls["read_many"] < 2000 / 256 + 4 * 11 + 5
    for commit in (commits[0], commits[777], commits[1500], commits[-1]):
        for name in (commit.id, commit.id[:8]):
            repo._store.reader.cache.clear()
            backend.reset_counts()
            assert repo.resolve(name) == commit
            assert backend.calls["read_many"] < 5 * 11  # by jumps, two for each halving and some
            assert backend.calls["read_root"] == 1
    unknown = digits(repo)
    backend.reset_counts()
    for name in unknown:
        with pytest.raises(NameNotFound):
            repo.resolve(name)
    assert backend.calls["read_many"] == 0


def test_a_look_up_reads_no_more_of_what_others_committed_than_is_new() -> None:
    mapping: dict[str, bytes] = {}
    other = treering.open(mapping, pb.Network)
    grow(other, 500)
    repo, backend = opened(mapping)
    repo.resolve(repo.head.id)
    new = grow(other, 20)
    repo._store.reader.cache.clear()
    backend.reset_counts()
    for name in digits(other):
        with pytest.raises(NameNotFound):
            repo.resolve(name)
    assert backend.keys_read - backend.calls["read_root"] == 20
    assert repo.resolve(new[7].id[:9]) == new[7]


def test_a_name_with_a_number_costs_no_history_on_the_branch_s_line() -> None:
    mapping: dict[str, bytes] = {}
    commits = grow(treering.open(mapping, pb.Network), 1000)
    repo, backend = opened(mapping)
    assert repo.resolve(commits[123].name) == commits[123]
    assert backend.keys_read < 5 * 10


def test_a_commit_takes_at_most_60_bytes() -> None:
    count = 6000
    line = [
        Pointer(Hash(bytes([number % 251]) + number.to_bytes(31, "big")), Location(bytes(16)))
        for number in range(count)
    ]

    class Line:
        def visit(self, heads: frozenset[Pointer], is_new: Any) -> None:
            (head,) = heads
            at = int.from_bytes(head.hash[1:], "big")
            while at >= 0 and is_new(line[at]):
                at -= 1

    index = CommitIndex()
    tracemalloc.start()
    try:
        for at in [count // 2, *range(count // 2, count - 1, 100), count - 1]:
            index.learn(Line(), [line[at]])  # type: ignore[arg-type]
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 60 * count
    for pointer in line[::997]:
        assert list(index.find(pointer.hash.hex())) == [pointer]
    assert sum(1 for _ in index.find("05")) == sum(pointer.hash[0] == 5 for pointer in line)
    assert sum(1 for _ in index.find("0")) == sum(pointer.hash[0] < 16 for pointer in line)


# what is in history


def test_ids_that_this_process_pruned_are_gone(store: Place) -> None:
    repo = store.open()
    commits = grow(repo, 30)
    repo.tag("kept", commits[4])
    assert repo.resolve(commits[3].id) == commits[3]
    snapshot = repo.at(commits[9].id)
    repo.prune(keep_last=5)
    for commit in commits[:-5]:
        if commit == commits[4]:
            assert repo.resolve(commit.id[:8]) == commit
            continue
        for name in (commit.id, commit.id[:8], commit.name):
            with pytest.raises(NameNotFound):
                repo.resolve(name)
    assert snapshot.get().name == "9"  # its objects are still there
    for commit in [*commits[-5:], *grow(repo, 3)]:
        assert repo.resolve(commit.id) == repo.resolve(commit.id[:8]) == repo.resolve(commit.name) == commit
    repo.delete_tag("kept")
    assert repo.resolve(commits[4].id) == commits[4]
    repo.prune(keep_last=8)
    with pytest.raises(NameNotFound):
        repo.resolve(commits[4].id)


@pytest.mark.parametrize("consistency", ["linearizable", "session"])
def test_ids_that_another_handle_pruned_are_gone(consistency: Any) -> None:
    mapping: dict[str, bytes] = {}
    repo, other = treering.open(mapping, pb.Network, consistency=consistency), treering.open(mapping, pb.Network)
    commits = grow(repo, 20)
    assert repo.resolve(commits[2].id) == commits[2]
    other.prune(keep_last=4)
    new = grow(repo, 1)  # sees to it that a session, too, knows of the prune
    for commit in commits[:-4]:
        with pytest.raises(NameNotFound):
            repo.resolve(commit.id)
    for commit in [*commits[-4:], *new]:
        assert repo.resolve(commit.id) == commit


def test_commits_that_only_a_tag_or_another_branch_holds(store: Place) -> None:
    repo = store.open()
    commits = grow(repo, 10)
    repo.tag("old", commits[2])
    repo._branch.move_names(1, lambda state: {**state.branches, "side": state.branches["main"]})
    side = store.open(branch="side")
    ours, theirs = grow(repo, 5), grow(side, 6)
    for handle in (repo, side, store.open()):
        for commit in (*commits, *ours, *theirs):
            assert handle.resolve(commit.id) == handle.resolve(commit.id[:8]) == handle.resolve(commit.name) == commit


def test_a_store_that_went_back_is_read_anew() -> None:
    mapping: dict[str, bytes] = {}
    repo = treering.open(mapping, pb.Network)
    commits = grow(repo, 20)
    before = dict(mapping)
    repo.prune(keep_last=3)
    late, _ = opened(mapping)
    gone = grow(repo, 2)
    with pytest.raises(NameNotFound):
        late.resolve(commits[2].id)
    assert late.resolve(gone[0].id) == gone[0]
    mapping.clear()
    mapping.update(before)
    with pytest.raises(StoreRolledBack):
        late.resolve(commits[2].id)
    for commit in commits:
        assert late.resolve(commit.id) == commit
    for commit in gone:
        with pytest.raises(NameNotFound):
            late.resolve(commit.id)


# trouble and threads


def test_a_look_up_that_failed_leaves_nothing_out() -> None:
    mapping: dict[str, bytes] = {}
    commits = grow(treering.open(mapping, pb.Network), 300)
    for call in range(1, 30):
        repo, backend = opened(mapping)
        backend.reset_counts()
        backend.fail("read_many", on_call=call)
        try:
            repo.resolve(commits[5].id)
        except Unavailable:
            assert all(repo.resolve(commit.id) == commit for commit in commits[::7])
        else:
            return
    raise AssertionError


def test_threads_look_up_while_others_commit_and_prune() -> None:
    backend = MemoryBackend()
    repo = treering.open(backend, pb.Network)
    commits = grow(repo, 50)
    stop = threading.Event()

    def look() -> int:
        looks = 0
        while not stop.is_set() or looks < 20:
            head = repo.head
            try:
                assert repo.resolve(head.id) == head
            except NameNotFound:
                assert repo.head.seq - head.seq >= 60  # it waited for so long that the commit was pruned
                continue
            with pytest.raises(NameNotFound):
                repo.resolve("0" * 64)
            looks += 1
        return looks

    with ThreadPoolExecutor(4) as pool:
        lookers = [pool.submit(look) for _ in range(3)]
        try:
            for _ in range(10):
                commits += grow(repo, 10)
                repo.prune(keep_last=60)
        finally:
            stop.set()
        assert all(looker.result() >= 20 for looker in lookers)
    kept = commits[-60:]
    assert [repo.resolve(commit.id) for commit in kept] == kept
    for commit in commits[:-60]:
        with pytest.raises(NameNotFound):
            repo.resolve(commit.id)
