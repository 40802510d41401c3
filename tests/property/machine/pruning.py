"""Prunes by random policies, by either handle, with readers open: mark and sweep finds what the store holds."""

from __future__ import annotations

import gc
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.property.machine.history import TAGS, History
from tests.property.machine.stores import Version
from tests.property.machine.transactions import Transactions
from tests.property.orchard import MODEL, SCHEMA
from tests.prune import marking
from tests.transactions.places import check_places

import treering

MOST_READERS = 4
Reader = tuple[Version, dict[str, treering.Snapshot]]


class Pruning(History, Transactions):
    """Readers and transactions of the first handles are protected from their own prunes, not from the others'."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Reader] = []
        self.lost: list[Reader] = []  # pruned by the other handle

    @precondition(lambda self: len(self.readers) < MOST_READERS)
    @rule(data=st.data(), count=st.integers(1, 3))
    def open_snapshots(self, data: st.DataObject, count: int) -> None:
        for version in [self.version(data) for _ in range(count)]:
            snapshots = {store: repo.at(version.commits[store]) for store, repo in self.repos.items()}
            self.readers.append((version, snapshots))

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def let_go(self, data: st.DataObject) -> None:
        self.readers.pop(data.draw(st.integers(0, len(self.readers) - 1)))
        gc.collect()

    @rule(
        data=st.data(),
        keep_last=st.integers(1, 6),
        keep_hours=st.none() | st.integers(0, 5),
        drop=st.sets(st.sampled_from(TAGS)),
        put=st.sets(st.sampled_from(TAGS)),
        dry_run=st.booleans(),
    )
    def prune(
        self,
        data: st.DataObject,
        keep_last: int,
        keep_hours: int | None,
        drop: set[str],
        put: set[str],
        dry_run: bool,
    ) -> None:
        """After tags came and went, so that history is cut at many places."""
        self.drop_tags(drop)
        for name in sorted(put):
            self.tag_version(name, self.version(data), move=True)
        self.cut(self.repos, keep_last, keep_hours, dry_run=dry_run)

    @precondition(lambda self: not self.pairs)  # what they read may be gone then
    @rule(keep_last=st.integers(1, 6), keep_hours=st.none() | st.integers(0, 5), dry_run=st.booleans())
    def prune_by_the_other(self, keep_last: int, keep_hours: int | None, dry_run: bool) -> None:
        self.cut(self.others, keep_last, keep_hours, dry_run=dry_run)

    @rule()
    def sweep(self) -> None:
        for repo in self.repos.values():
            assert repo.verify(sweep=True).ok
            marking.check(repo)
        self.check_readers()

    @precondition(lambda self: self.gone)
    @rule(data=st.data(), name=st.sampled_from(TAGS))
    def name_what_is_gone(self, data: st.DataObject, name: str) -> None:
        version = data.draw(st.sampled_from(self.gone))
        for store, repo in self.repos.items():
            commit = version.commits[store]
            for asked in (commit, commit.id, commit.name, commit.id[:24], f"main~{len(self.history)}"):
                for call in (repo.resolve, repo.at, repo.log, repo.diff, partial(repo.tag, name, move=True)):
                    assert self.outcome(partial(call, asked))[1] is treering.NameNotFound

    def close(self) -> None:
        super().close()
        self.readers.clear()
        self.lost.clear()
        gc.collect()

    def finish(self) -> None:
        """At the end nothing is left but what a fresh store with the same content has."""
        self.check_readers()
        self.readers.clear()
        self.lost.clear()
        self.pairs.clear()
        gc.collect()
        self.drop_tags(set(self.tags))
        for handles in (self.others, self.repos):
            self.cut(handles, 1, None, dry_run=False)
        fresh: dict[str, bytes] = {}
        with treering.open(fresh, SCHEMA) as repo:
            repo.replace("/", MODEL.join(self.head))
            repo.prune()
        for repo in self.repos.values():
            assert len(fresh) - 1 == len(set(repo._store.backend.list_keys()))
            assert repo.verify(sweep=True).ok
            marking.check_all_gone(repo)

    def drop_tags(self, names: set[str]) -> None:
        known = sorted(names & self.tags.keys())
        for repo in self.repos.values():
            repo.delete_tag(*known)
        for name in known:
            del self.tags[name]

    def cut(
        self, handles: dict[str, treering.Repository], keep_last: int, keep_hours: int | None, *, dry_run: bool
    ) -> None:
        """Prune; with ``dry_run``, first as if."""
        limit = None if keep_hours is None else self.clock.hours - keep_hours
        kept = [
            version
            for index, version in enumerate(self.history, keep_last - len(self.history))
            if index >= 0 or version in self.tags.values() or (limit is not None and version.hours >= limit)
        ]
        dropped = [version for version in self.history if version not in kept]
        policy: Any = {
            "keep_last": keep_last,
            "keep_within": None if keep_hours is None else timedelta(hours=keep_hours),
        }
        is_read = handles is self.repos and bool(self.pairs or self.readers or self.lost)
        for store, repo in handles.items():
            backend = repo._store.backend
            before = set(backend.list_keys())
            foreseen = repo.prune(**policy, dry_run=True) if dry_run else None
            assert foreseen is None or set(backend.list_keys()) == before
            report = repo.prune(**policy)
            assert foreseen in (None, report)
            assert report.commits == len(dropped), store
            assert is_read or report.objects <= len(before - set(backend.list_keys())), store
            (marking.check if is_read else marking.check_all_gone)(repo)
            check_places(repo)
        self.gone += dropped
        self.history = kept
        for store in self.repos:
            wanted = [version.commits[store] for version in reversed(kept)]
            assert list(self.repos[store].log()) == list(self.others[store].log()) == wanted
        if handles is self.others:
            self.lost += [reader for reader in self.readers if reader[0] not in kept]
            self.readers = [reader for reader in self.readers if reader[0] in kept]
        self.check_readers()

    def check_readers(self) -> None:
        """What is open still reads, with nothing remembered; so does all that was kept, and what was not is unknown."""
        for repo in self.repos.values():
            repo._store.reader.forget()
        for version, snapshots in self.readers:
            for snapshot in snapshots.values():
                assert snapshot.get(deep=True) == MODEL.join(version.tree)
        for version, snapshots in self.lost:
            for snapshot in snapshots.values():
                with suppress(treering.SnapshotPruned):  # unless all that it reads is shared with what is kept
                    assert snapshot.get(deep=True) == MODEL.join(version.tree)
        for pair in self.pairs:
            for real in pair.real.values():
                if not pair.serializable and MODEL.exists(pair.model.tree, pair.prefix):
                    assert real.get(deep=True) == MODEL.get(pair.model.tree, pair.prefix)
        for store, repo in self.repos.items():
            for version in self.history:
                assert repo.get(deep=True, at=version.commits[store]) == MODEL.join(version.tree)
            for version in self.gone[-3:]:
                assert self.outcome(partial(repo.resolve, version.commits[store]))[1] is treering.NameNotFound
