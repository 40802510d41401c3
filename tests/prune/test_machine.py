"""Random histories, tags, policies and readers: after every prune, mark and sweep finds what the store holds."""

from __future__ import annotations

import gc
import tempfile
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.proto import engine_pb2 as pb
from tests.prune import marking
from tests.prune.changing import Changer

import treering
from treering import NameNotFound, SnapshotPruned

NAMES = ("one", "two", "three", "four")


class Prunes(RuleBasedStateMachine):
    """Two handles on one store: readers of the first are protected from its own prunes, not from the other's."""

    @initialize(seed=st.integers(0, 1 << 16), kind=st.sampled_from(["dict", "dict", "lmdb"]))
    def start(self, seed: int, kind: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.target: Any = {} if kind == "dict" else f"lmdb:{self.folder.name}/store?durability=async"
        self.repo, self.other = (treering.open(self.target, pb.Network) for _ in range(2))
        self.changer = Changer(seed)
        self.commits = [self.repo.head]  # in history, oldest first
        self.trees = {self.repo.head: self.repo.get(deep=True)}
        self.gone: list[treering.Commit] = []
        self.tags: dict[str, treering.Commit] = {}
        self.readers: list[tuple[treering.Snapshot, pb.Network]] = []
        self.lost: list[tuple[treering.Snapshot, pb.Network]] = []  # pruned by the other handle
        self.transaction: treering.Transaction | None = None

    def note_head(self) -> None:
        head = self.repo.head
        if head != self.commits[-1]:
            self.commits.append(head)
            self.trees[head] = self.repo.get(deep=True)

    @rule(count=st.integers(1, 5), other=st.booleans())
    def change(self, count: int, other: bool) -> None:
        for _ in range(count):
            self.changer.change(self.other if other else self.repo)
            self.note_head()

    @rule(name=st.sampled_from(NAMES), back=st.integers(0, 8))
    def tag(self, name: str, back: int) -> None:
        commit = self.commits[max(0, len(self.commits) - 1 - back)]
        self.repo.tag(name, commit, move=True)
        self.tags[name] = commit

    @precondition(lambda self: self.tags)
    @rule(data=st.data())
    def drop_tag(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.tags)))
        self.other.delete_tag(name)
        del self.tags[name]

    @precondition(lambda self: len(self.readers) < 4)
    @rule(back=st.integers(0, 8))
    def read(self, back: int) -> None:
        commit = self.commits[max(0, len(self.commits) - 1 - back)]
        self.readers.append((self.repo.at(commit), self.trees[commit]))

    @precondition(lambda self: self.readers)
    @rule(at=st.integers(0, 3))
    def let_go(self, at: int) -> None:
        self.readers.pop(at % len(self.readers))
        gc.collect()

    @precondition(lambda self: self.transaction is None)
    @rule()
    def begin(self) -> None:
        self.transaction = self.repo.transaction()
        self.transaction.add("/folders", pb.Folder(name=f"f{self.commits[-1].seq}-{len(self.commits)}"))

    @precondition(lambda self: self.transaction is not None)
    @rule()
    def commit(self) -> None:
        assert self.transaction is not None
        assert self.transaction.commit() == self.repo.head
        self.transaction = None
        self.note_head()

    @rule(keep_last=st.integers(1, 6), dry_run=st.booleans())
    def prune(self, keep_last: int, dry_run: bool) -> None:
        self.cut(self.repo, keep_last, dry_run)
        self.check_readers()

    @rule(keep_last=st.integers(1, 6))
    def prune_by_the_other(self, keep_last: int) -> None:
        self.cut(self.other, keep_last, dry_run=False)
        self.lost += [reader for reader in self.readers if reader[0].commit not in self.commits]
        self.readers = [reader for reader in self.readers if reader[0].commit in self.commits]
        self.check_readers()

    @rule()
    def sweep(self) -> None:
        assert self.repo.verify(sweep=True).ok
        marking.check(self.repo)
        self.check_readers()

    @rule()
    def reopen_the_other(self) -> None:
        self.other.close()
        self.other = treering.open(self.target, pb.Network)

    def cut(self, repo: treering.Repository, keep_last: int, dry_run: bool) -> None:
        kept = [commit for commit in self.commits if commit in [*self.commits[-keep_last:], *self.tags.values()]]
        before = set(repo._store.backend.list_keys())
        report = repo.prune(keep_last=keep_last, dry_run=dry_run)
        assert report.commits == len(self.commits) - len(kept)
        if dry_run:
            assert set(repo._store.backend.list_keys()) == before
            assert repo.prune(keep_last=keep_last) == report
        self.gone += [commit for commit in self.commits if commit not in kept]
        self.commits = kept
        marking.check(repo)
        assert list(self.repo.log()) == list(self.other.log()) == kept[::-1]
        assert self.repo.tags == self.tags

    def check_readers(self) -> None:
        self.repo._store.reader.forget()
        for snapshot, tree in self.readers:
            assert snapshot.get(deep=True) == tree
        for snapshot, tree in self.lost:
            with suppress(SnapshotPruned):  # unless all that it reads is shared with what is kept
                assert snapshot.get(deep=True) == tree
        for commit in self.commits:
            assert self.repo.get(deep=True, at=commit) == self.trees[commit]
        for commit in self.gone[-3:]:
            with pytest.raises(NameNotFound):
                self.repo.resolve(commit)

    def teardown(self) -> None:
        if not hasattr(self, "repo"):
            return
        self.readers.clear()
        self.lost.clear()
        self.transaction = None
        gc.collect()
        self.repo.delete_tag(*self.tags)
        self.tags.clear()
        self.cut(self.repo, 1, dry_run=False)
        self.repo.prune()
        marking.check_all_gone(self.repo)
        fresh: dict[str, bytes] = {}
        with treering.open(fresh, pb.Network) as repo:
            repo.replace("/", self.repo.get(deep=True))
            repo.prune()
        assert len(fresh) - 1 == len(set(self.repo._store.backend.list_keys()))
        self.repo.close()
        self.other.close()
        self.folder.cleanup()


TestPrunes = pytest.mark.soak(Prunes.TestCase)
