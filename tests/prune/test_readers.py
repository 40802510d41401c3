"""Who reads while somebody prunes: snapshots, transactions, iterators and plain reads, here and in other processes."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import threading

import pytest
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb
from tests.prune import marking
from tests.prune.changing import Changer, large_network

import treering
from treering import NameNotFound, PathNotFound, SnapshotPruned
from treering.testing import FaultyBackend

PRUNE = """
import os, sys
import treering
with treering.open(sys.argv[1]) as repo:
    repo.update("/", type(repo.get())(name="another process"))
    repo.prune()
"""


def change_and_prune_elsewhere(store: Place) -> None:
    """Move the head on and prune: in a dict by another handle, on LMDB in another process."""
    if isinstance(store.target, str):
        subprocess.run([sys.executable, "-c", textwrap.dedent(PRUNE), store.target], check=True, timeout=60)
        return
    with treering.open(store.target, pb.Network) as other:
        other.update("/", pb.Network(name="another process"))
        other.prune()


def forget(repo: treering.Repository) -> None:
    """Empty the cache, so that reads go to the store."""
    repo._store.reader.forget()


@pytest.fixture
def filled(repo: treering.Repository) -> treering.Repository:
    repo.replace("/", large_network())
    return repo


# In this process: what is being read stays, and goes with the first prune after its reader


@pytest.mark.parametrize("let_go", ["del", "end of iterator"])
def test_a_snapshot_is_protected_until_it_is_let_go(filled: treering.Repository, let_go: str) -> None:
    repo, before = filled, large_network()
    snapshot = repo.at("main")
    entries = snapshot.iterate("/devices")
    changer = Changer(4)
    for _ in range(10):
        changer.change(repo)
        repo.prune()
        forget(repo)
        assert snapshot.get(deep=True) == before
        marking.check(repo)
    assert marking.check(repo).dead
    with pytest.raises(NameNotFound):
        repo.at(snapshot.commit)
    del snapshot
    gc.collect()
    if let_go == "end of iterator":  # it is still being read
        repo.prune()
        forget(repo)
        assert len(list(entries)) == 60
    del entries
    gc.collect()
    assert repo.prune().commits == 0
    marking.check_all_gone(repo)


def test_a_snapshot_holds_only_what_it_reads(filled: treering.Repository) -> None:
    repo = filled
    snapshot = repo.at("main")
    repo.update("/", pb.Network(name="next"))
    repo.prune()
    held = len(marking.check(repo).dead)
    for number in range(20):
        repo.replace("/devices/d007", pb.Device(name="d007", image=b"%d" % number * 400))
        repo.prune()
        grown = len(marking.check(repo).dead) - held
        assert grown <= 12  # the old device and the pages above it, not all that came after
    forget(repo)
    assert snapshot.get(deep=True) == large_network()


def test_several_snapshots_are_let_go_one_by_one(filled: treering.Repository) -> None:
    repo, changer = filled, Changer(5)
    snapshots = []
    for _ in range(8):
        snapshots.append((repo.at("main"), repo.get(deep=True)))
        changer.change(repo)
        changer.change(repo)
    repo.prune()
    changer.chance.shuffle(snapshots)
    while snapshots:
        waiting = len(marking.check(repo).dead)
        forget(repo)
        for snapshot, message in snapshots:
            assert snapshot.get(deep=True) == message
        snapshot = message = None
        snapshots.pop()
        changer.change(repo)
        repo.prune()
        assert marking.check(repo).dead or not snapshots
        assert len(marking.check(repo).dead) <= waiting + 30
    marking.check_all_gone(repo)


def test_more_held_lists_than_the_root_has_room_for(store: Place, repo: treering.Repository) -> None:
    """Beyond 2 KiB the dead lists stand in an object of their own, which itself must go when it is replaced."""
    snapshots = []
    for number in range(80):
        repo.update("/", pb.Network(name=str(number)))
        snapshots.append(repo.at("main"))
    repo.update("/", pb.Network(name="end"))
    repo.prune()
    for _ in range(3):
        marked = marking.check(repo)
        assert len(marked.dead) > 2 * 40
        repo.update("/", pb.Network(name="again"))
        repo.tag("here", move=True)
        repo.update("/", pb.Network(name="and again"))
        assert repo.verify(sweep=True).ok
        repo.prune()
    forget(repo)
    assert [snapshot.get().name for snapshot in snapshots] == [str(number) for number in range(80)]
    while snapshots:
        del snapshots[::2]
        gc.collect()
        repo.prune()
        assert len(marking.check(repo).dead) <= 2 * len(snapshots) + 10
    repo.delete_tag("here")
    repo.prune()
    marking.check_all_gone(repo)
    assert len(store.content()) == 3


def test_the_sweep_spares_what_is_being_read(filled: treering.Repository) -> None:
    repo = filled
    snapshot = repo.at("main")
    repo.replace("/", pb.Network())
    repo.prune()
    assert repo.verify(sweep=True).ok
    forget(repo)
    assert snapshot.get(deep=True) == large_network()
    del snapshot
    gc.collect()
    repo.verify(sweep=True)
    marking.check_all_gone(repo)


def test_a_tagged_snapshot_needs_no_protection(filled: treering.Repository) -> None:
    repo = filled
    repo.tag("kept")
    snapshot = repo.at("kept")
    repo.replace("/", pb.Network())
    repo.prune()
    marking.check_all_gone(repo)
    assert snapshot.get(deep=True) == large_network()


def test_the_base_of_a_transaction_is_protected_until_its_end(filled: treering.Repository) -> None:
    repo = filled
    transaction = repo.transaction()
    cancelled = repo.transaction()
    repo.replace("/", pb.Network(name="empty"))
    repo.prune()
    forget(repo)
    assert transaction.get(deep=True) == cancelled.get(deep=True) == large_network()
    transaction.update("/", pb.Network(name="large", servers=["a"]))
    cancelled.cancel()
    repo.prune()
    assert marking.check(repo).dead
    with pytest.raises(treering.MergeConflict):
        transaction.commit()
    repo.prune()
    marking.check_all_gone(repo)


def edit_much(transaction: treering.Transaction) -> None:
    transaction.add("/devices", pb.Device(name="new", image=b"n" * 900))
    transaction.update("/devices/d007", pb.Device(name="d007", vendor="changed", image=b"\7" * 700))
    transaction.replace("/devices/d014", pb.Device(name="d014", ports=[pb.Port(number=3)]))
    transaction.remove("/devices/d021")
    transaction.add("/devices/d028/ports", pb.Port(number=200, label="l" * 700))
    transaction.update("/settings", pb.Settings(mtu=9))
    transaction.add("/folders", pb.Folder(name="f"))
    transaction.replace("/sites/s3", pb.Site(address="x" * 600))


@pytest.mark.parametrize("where", ["here", "elsewhere"])
@pytest.mark.parametrize("moment", ["before the edits", "after the edits"])
def test_pruning_the_base_does_not_change_a_commit(store: Place, where: str, moment: str) -> None:
    """The same tree as without the prune. Edits of a base that was pruned elsewhere may find it gone."""
    outcomes = []
    for pruned in (False, True):
        repo = store.open()
        repo.replace("/", large_network())
        transaction = repo.transaction()
        late = moment == "before the edits" and not (pruned and where == "elsewhere")
        if not late:
            edit_much(transaction)
        with treering.open(store.target, pb.Network) as other:
            other.update("/", pb.Network(name="another process"))
            other.update("/devices/d035", pb.Device(name="d035", vendor="theirs"))
        if pruned and where == "here":
            repo.prune()
        elif pruned:
            change_and_prune_elsewhere(store)
        forget(repo)
        if late:
            edit_much(transaction)
        commit = transaction.commit()
        outcomes.append((commit.tree_id, repo.get(deep=True).SerializeToString(deterministic=True)))
        repo.prune()
        marking.check_all_gone(repo)
    assert outcomes[0] == outcomes[1]


# Elsewhere: a clear error, or the new head


def test_a_snapshot_pruned_elsewhere_says_so(store: Place, filled: treering.Repository) -> None:
    snapshot = filled.at("main")
    entries = filled.at("main").iterate("/devices")
    next(entries)
    change_and_prune_elsewhere(store)
    change = pb.Network(name="and again")
    filled.replace("/", change)
    filled.prune()
    forget(filled)
    reads = (
        lambda: snapshot.get(deep=True),
        lambda: snapshot.get("/devices/d007"),
        lambda: snapshot.keys("/devices"),
        lambda: list(snapshot.iterate("/devices")),
        lambda: list(entries),
    )
    for read in reads:
        with pytest.raises(SnapshotPruned) as caught:
            read()
        assert caught.value.commit == snapshot.commit.id
    with pytest.raises(PathNotFound):
        snapshot.get("/nothing")
    assert filled.get() == change


def test_a_kept_snapshot_with_a_lost_object_is_no_pruned_one(store: Place, filled: treering.Repository) -> None:
    filled.tag("kept")
    snapshot = filled.at("kept")
    filled.replace("/", pb.Network())
    for key, value in store.content().items():
        if value is not None and value[:1] == b"P":
            store.rewrite(lambda _: None, key)
    forget(filled)
    with pytest.raises(treering.Corruption):
        snapshot.keys("/devices")


def test_a_plain_read_goes_on_with_the_new_head(store: Place) -> None:
    """A read that has seen the old root when another process prunes is answered by the new one."""
    backend = InterruptedBackend(open_inner(store))
    with treering.open(backend, pb.Network) as repo:
        repo.replace("/", large_network())
        reads = {
            "get": lambda: repo.get(deep=True),
            "keys": lambda: repo.keys("/devices"),
            "exists": lambda: repo.exists("/devices/d007"),
            "head": lambda: repo.head,
        }
        for number, read in enumerate(reads.values()):
            move_on(store, number, prune=False)
            forget(repo)
            backend.before_next_read = lambda number=number: move_on(store, number)
            read()
            assert backend.before_next_read is None
        assert repo.get().name == "moved 3"


def move_on(store: Place, number: int, *, prune: bool = True) -> None:
    with treering.open(store.target, pb.Network) as other:
        message = large_network()
        message.name = f"moved {number}"
        message.devices[7].vendor = str(number)
        other.replace("/", pb.Network())
        other.replace("/", message)
        if prune:
            other.prune()


def open_inner(store: Place):
    from treering.backend.open import open_backend

    return open_backend(store.target)[0]


class InterruptedBackend(FaultyBackend):
    """Lets somebody else go first, once, before objects are read."""

    before_next_read = None

    def read_many(self, keys):
        action, self.before_next_read = self.before_next_read, None
        if action is not None:
            action()
        return super().read_many(keys)


def test_edits_and_prunes_go_on_with_the_new_head(store: Place) -> None:
    backend = InterruptedBackend(open_inner(store))
    with treering.open(backend, pb.Network) as repo:
        repo.replace("/", large_network())
        acts = (
            lambda: repo.update("/devices/d014", pb.Device(name="d014", vendor="mine")),
            repo.prune,
            lambda: repo.prune(dry_run=True),
            repo.verify,
            lambda: repo.verify(sweep=True),
        )
        for number, act in enumerate(acts):
            move_on(store, number, prune=False)
            forget(repo)
            backend.before_next_read = lambda number=number: move_on(store, number)
            report = act()
            assert backend.before_next_read is None
            assert not getattr(report, "problems", ())
        repo.prune()
        marking.check_all_gone(repo)


def test_threads_read_while_one_prunes(store: Place) -> None:
    repo = store.open()
    repo.replace("/", large_network())
    stop = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                snapshot = repo.at(repo.head)
                assert len(snapshot.get(deep=True).devices) >= 59
                assert repo.count("/devices") >= 59
                assert len(repo.keys("/devices")) >= 59
        except NameNotFound:
            read()  # pruned between head and at
        except SnapshotPruned:
            read()
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(60):
        repo.update("/devices/d007", pb.Device(name="d007", vendor=str(number)))
        repo.prune()
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    gc.collect()
    repo.prune()
    marking.check_all_gone(repo)


def test_two_threads_prune_at_once(store: Place) -> None:
    repo = store.open()
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        changer = Changer(seed)
        try:
            for _ in range(40):
                repo.update("/", pb.Network(name=str(changer.chance.random())))
                repo.prune(keep_last=changer.chance.choice([1, 3]))
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    repo.prune()
    marking.check_all_gone(repo)


def test_a_transaction_whose_base_was_pruned_elsewhere_says_so(store: Place, filled: treering.Repository) -> None:
    transaction = filled.transaction(serializable=True)
    transaction.get("/settings")
    change_and_prune_elsewhere(store)
    with treering.open(store.target, pb.Network) as other:
        other.replace("/", pb.Network(name="another"))
        other.prune()
    forget(filled)
    for read in (
        lambda: transaction.get(deep=True),
        lambda: transaction.keys("/devices"),
        lambda: transaction.remove("/devices/d007"),
    ):
        with pytest.raises(SnapshotPruned):
            read()


def test_a_log_goes_on_where_another_process_prunes(store: Place, repo: treering.Repository) -> None:
    for number in range(1, 11):
        repo.update("/", pb.Network(name=str(number)))
    repo.tag("low", "main~8")
    log = repo.log()
    assert next(log).seq == 10
    change_and_prune_elsewhere(store)
    forget(repo)
    assert [commit.seq for commit in log] in ([], [2])
    with pytest.raises(NameNotFound):
        repo.log("main~7")


def test_a_diff_of_what_is_pruned_meanwhile(store: Place, filled: treering.Repository) -> None:
    first = filled.head
    filled.replace("/", pb.Network(name="empty"))
    diff = filled.diff(first)
    filled.update("/", pb.Network(name="next"))
    filled.prune()
    forget(filled)
    assert len(list(diff)) > 60
    change_and_prune_elsewhere(store)
    forget(filled)
    with pytest.raises(SnapshotPruned):
        list(diff)
