"""git: a blob per child in a tree with fan-out, and a commit per change; through libgit2 and through dulwich."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import md5
from pathlib import Path
from typing import Any

import pygit2
from dulwich.objects import Blob, Commit, Tree
from dulwich.repo import Repo

from benchmarks.contender import PAGE, Edit, folder_bytes, parse
from benchmarks.fleet import Fleet

PYGIT2 = "git, pygit2"
DULWICH = "git, dulwich"
_BRANCH = "refs/heads/main"
_WHO = "benchmarks <benchmarks@example.org>"
_HOW = (
    "a bare repository; a blob per child in a tree of 256 folders by a hash of the key (measured faster than 16 "
    "folders or one); a change edits the two trees on its way, kept in memory; loose objects, not synced; one commit "
    "per change; every commit kept"
)


class Git(ABC):
    """What both libraries have in common: a change writes its blob, its folder's tree, the top tree and a commit."""

    name: str
    settings: str

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._blobs: dict[str, Any] = {}  # key: blob id

    def fill(self, whole: Any) -> None:
        self.update_many([Edit(message.id, "", message) for message in whole.devices])

    def update(self, edit: Edit) -> None:
        blob = self._blobs[edit.key] = self._write_blob(edit.message.SerializeToString())
        self._commit({_fan(edit.key): {edit.key: blob}})

    add = update

    def remove(self, edit: Edit) -> None:
        del self._blobs[edit.key]
        self._commit({_fan(edit.key): {edit.key: None}})

    def update_many(self, edits: Sequence[Edit]) -> None:
        changes: dict[str, dict[str, Any]] = defaultdict(dict)
        for edit in edits:
            blob = self._blobs[edit.key] = self._write_blob(edit.message.SerializeToString())
            changes[_fan(edit.key)][edit.key] = blob
        self._commit(changes)

    def get(self, edit: Edit) -> Any:
        return parse(self._read_blob(self._blobs[edit.key]))

    def page(self, key: str) -> list[str]:
        return sorted(found for found in self._blobs if found >= key)[:PAGE]

    def read_all(self) -> Any:
        return Fleet(devices=[parse(self._read_blob(self._blobs[key])) for key in sorted(self._blobs)])

    def size_bytes(self) -> int:
        return folder_bytes(self._folder)

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def _write_blob(self, data: bytes) -> Any: ...

    @abstractmethod
    def _read_blob(self, blob: Any) -> bytes: ...

    @abstractmethod
    def _commit(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Commit by folder and key the new blobs; None takes one out."""


class Pygit2(Git):
    """Through libgit2."""

    name = PYGIT2
    settings = f"libgit2, without its check that what a tree names exists; {_HOW}"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        pygit2.option(pygit2.enums.Option.ENABLE_STRICT_OBJECT_CREATION, False)
        self._repo: Any = pygit2.init_repository(str(folder), bare=True)
        self._trees: dict[str, Any] = {}  # folder: tree id
        self._top: Any = None
        self._parents: list[Any] = []

    def close(self) -> None:
        self._repo.free()

    def _write_blob(self, data: bytes) -> Any:
        return self._repo.create_blob(data)

    def _read_blob(self, blob: Any) -> bytes:
        data: bytes = self._repo[blob].data
        return data

    def _commit(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        top = self._builder(self._top)
        for where, blobs in changes.items():
            folder = self._builder(self._trees.get(where))
            for key, blob in blobs.items():
                if blob is None:
                    folder.remove(key)
                else:
                    folder.insert(key, blob, pygit2.enums.FileMode.BLOB)
            self._trees[where] = folder.write()
            top.insert(where, self._trees[where], pygit2.enums.FileMode.TREE)
        self._top = top.write()
        who = pygit2.Signature("benchmarks", "benchmarks@example.org")
        self._parents = [self._repo.create_commit(_BRANCH, who, who, "", self._top, self._parents)]

    def _builder(self, tree: Any) -> Any:
        return self._repo.TreeBuilder() if tree is None else self._repo.TreeBuilder(self._repo[tree])


class Dulwich(Git):
    """In Python."""

    name = DULWICH
    settings = f"dulwich, in Python with its compiled helpers; {_HOW}"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._repo: Any = Repo.init_bare(str(folder), mkdir=True)
        self._trees: dict[str, Tree] = defaultdict(Tree)
        self._top = Tree()
        self._head: Any = None

    def close(self) -> None:
        self._repo.close()

    def _write_blob(self, data: bytes) -> Any:
        return self._write(Blob.from_string(data))

    def _read_blob(self, blob: Any) -> bytes:
        data: bytes = self._repo.object_store[blob].as_raw_string()
        return data

    def _commit(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        for where, blobs in changes.items():
            folder = self._trees[where]
            for key, blob in blobs.items():
                if blob is None:
                    del folder[key.encode()]
                else:
                    folder[key.encode()] = (0o100644, blob)
            self._top[where.encode()] = (0o40000, self._write(folder))
        commit: Any = Commit()
        commit.tree = self._write(self._top)
        commit.parents = [] if self._head is None else [self._head]
        commit.author = commit.committer = _WHO.encode()
        commit.author_time = commit.commit_time = int(time.time())
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = b""
        new = self._write(commit)
        self._repo.refs.set_if_equals(_BRANCH.encode(), self._head, new)
        self._head = new

    def _write(self, made: Any) -> Any:
        self._repo.object_store.add_object(made)
        return made.id


def _fan(key: str) -> str:
    return md5(key.encode(), usedforsecurity=False).hexdigest()[:2]
