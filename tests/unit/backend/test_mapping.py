from __future__ import annotations

import errno
import os
import shelve
import threading
import weakref
from collections import UserDict, defaultdict
from pathlib import Path
from typing import Any

import pytest

from treering.backend.mapping import MappingBackend
from treering.errors import Corruption, NotAStore, OutcomeUnknown, StoreFull, Unavailable

ROOT = "treering/root"


class Moody(UserDict[str, bytes]):
    """A mapping whose methods raise ``error`` for the keys in ``broken_*``."""

    def __init__(self) -> None:
        super().__init__()
        self.error: BaseException = RuntimeError("no mood")
        self.broken_writes: set[str] = set()
        self.broken_reads: set[str] = set()
        self.writes_first = False
        self.syncs = 0
        self.sync_error: Exception | None = None

    def __getitem__(self, key: str) -> bytes:
        if key in self.broken_reads:
            raise self.error
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: bytes) -> None:
        if key in self.broken_writes:
            if self.writes_first:
                super().__setitem__(key, value)
            raise self.error
        super().__setitem__(key, value)

    def sync(self) -> None:
        self.syncs += 1
        if self.sync_error is not None:
            raise self.sync_error


@pytest.fixture
def moody() -> Moody:
    mapping = Moody()
    assert MappingBackend(mapping).publish([(b"\x01", b"old")], None, b"one")
    return mapping


def test_foreign_keys_are_left_alone() -> None:
    mapping: dict[Any, Any] = {"mine": 1, 7: "seven", "treering": 2, "treering/other": 3, "treering/o/zz": 4, None: 5}
    before = dict(mapping)
    backend = MappingBackend(mapping)
    assert backend.publish([(b"\x01", b"x"), (b"\x02", b"y")], None, b"root")
    assert list(backend.list_keys()) == [b"\x01", b"\x02"]
    backend.delete_many([b"\x01", b"\x02"])
    del mapping[ROOT]
    assert mapping == before


def test_prefixes_part_stores() -> None:
    mapping: dict[str, bytes] = {}
    first, second = MappingBackend(mapping, prefix="a/"), MappingBackend(mapping, prefix="b/")
    assert first.publish([(b"k", b"1")], None, b"one")
    assert second.read_root() is None
    assert second.publish([(b"k", b"2")], None, b"two")
    assert (first.read_root(), first.read_many([b"k"])) == (b"one", [b"1"])


def test_a_defaultdict_does_not_grow() -> None:
    mapping: defaultdict[str, bytes] = defaultdict(bytes)
    backend = MappingBackend(mapping)
    assert backend.read_root() is None
    assert backend.read_many([b"k"]) == [None]
    assert not mapping


def test_a_root_that_is_not_bytes_is_not_a_store() -> None:
    backend = MappingBackend({ROOT: "text"})
    with pytest.raises(NotAStore):
        backend.read_root()
    with pytest.raises(NotAStore):
        backend.publish([], None, b"root")


def test_an_object_that_is_not_bytes_is_corruption() -> None:
    mapping: dict[str, Any] = {"treering/o/6b": 7}
    with pytest.raises(Corruption):
        MappingBackend(mapping).read_many([b"k"])


def test_failed_write_is_undone(moody: Moody) -> None:
    moody.broken_writes = {"treering/o/03"}
    moody.writes_first = True
    before = dict(moody.data)
    with pytest.raises(Unavailable) as caught:
        MappingBackend(moody).publish([(b"\x02", b"x"), (b"\x03", b"y"), (b"\x04", b"z")], b"one", b"two")
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert moody.data == before


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_store_full(moody: Moody, code: int) -> None:
    moody.broken_writes = {"treering/o/02"}
    moody.error = OSError(code, os.strerror(code))
    backend = MappingBackend(moody)
    with pytest.raises(StoreFull):
        backend.publish([(b"\x02", b"x")], b"one", b"two")
    with pytest.raises(StoreFull):
        backend.write_many([(b"\x05", b"x"), (b"\x02", b"x")])
    assert (backend.read_root(), list(backend.list_keys())) == (b"one", [b"\x01"])


def test_failed_root_write_that_did_nothing(moody: Moody) -> None:
    moody.broken_writes = {ROOT}
    before = dict(moody.data)
    with pytest.raises(Unavailable):
        MappingBackend(moody).publish([(b"\x02", b"x")], b"one", b"two")
    assert moody.data == before


def test_failed_root_write_that_did_it_all_the_same(moody: Moody) -> None:
    moody.broken_writes, moody.writes_first = {ROOT}, True
    backend = MappingBackend(moody)
    assert backend.publish([(b"\x02", b"x")], b"one", b"two") is True
    assert (backend.read_root(), backend.read_many([b"\x02"])) == (b"two", [b"x"])


def test_failed_root_write_that_cannot_be_read_back(moody: Moody, monkeypatch: pytest.MonkeyPatch) -> None:
    moody.broken_writes, moody.writes_first = {ROOT}, True

    def break_reads(self: Moody, key: str, value: bytes) -> None:
        self.broken_reads = {ROOT}
        raise RuntimeError

    backend = MappingBackend(moody)
    monkeypatch.setattr(Moody, "__setitem__", break_reads)
    with pytest.raises(OutcomeUnknown):
        backend.publish([], b"one", b"two")


def test_interrupt_before_the_root_undoes(moody: Moody) -> None:
    moody.broken_writes, moody.error = {ROOT}, KeyboardInterrupt()
    before = dict(moody.data)
    with pytest.raises(KeyboardInterrupt):
        MappingBackend(moody).publish([(b"\x02", b"x")], b"one", b"two")
    assert moody.data == before


def test_interrupt_after_the_root_keeps_the_objects(moody: Moody) -> None:
    moody.broken_writes, moody.error, moody.writes_first = {ROOT}, KeyboardInterrupt(), True
    backend = MappingBackend(moody)
    with pytest.raises(KeyboardInterrupt):
        backend.publish([(b"\x02", b"x")], b"one", b"two")
    assert (backend.read_root(), backend.read_many([b"\x02"])) == (b"two", [b"x"])


def test_failing_reads_are_translated(moody: Moody) -> None:
    moody.broken_reads = {ROOT, "treering/o/01"}
    backend = MappingBackend(moody)
    with pytest.raises(Unavailable):
        backend.read_root()
    with pytest.raises(Unavailable):
        backend.read_many([b"\x01"])


def test_sync_after_every_write_and_at_close(moody: Moody) -> None:
    backend = MappingBackend(moody)
    moody.syncs = 0
    assert backend.publish([], b"one", b"two")
    backend.write_many([(b"\x02", b"x")])
    backend.delete_many([b"\x02"])
    assert moody.syncs == 3
    backend.close()
    backend.close()
    assert moody.syncs == 4


def test_failed_sync_leaves_the_outcome_open(moody: Moody) -> None:
    backend = MappingBackend(moody)
    moody.sync_error = OSError(errno.EIO, "broken")
    with pytest.raises(OutcomeUnknown):
        backend.publish([], b"one", b"two")


def test_shelf_on_disk(tmp_path: Path) -> None:
    with shelve.open(tmp_path / "shelf") as shelf:
        backend = MappingBackend(shelf)
        assert backend.publish([(b"k", b"v")], None, b"root")
        backend.close()
        shelf["mine"] = b"as before"
    with shelve.open(tmp_path / "shelf") as shelf:
        backend = MappingBackend(shelf)
        assert (backend.read_root(), backend.read_many([b"k"])) == (b"root", [b"v"])


def test_closed_shelf_is_unavailable(tmp_path: Path) -> None:
    with shelve.open(tmp_path / "shelf") as shelf:
        backend = MappingBackend(shelf)
    with pytest.raises(Unavailable):
        backend.read_root()


def test_close_lets_go_of_the_mapping() -> None:
    mapping = UserDict[str, bytes]()
    backend = MappingBackend(mapping)
    gone = weakref.ref(mapping)
    backend.close()
    del mapping
    assert gone() is None


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # threads and forks: the very thing tested
def test_locks_are_new_in_a_child_process(moody: Moody) -> None:
    backend = MappingBackend(moody)
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with backend._locked():
            held.set()
            enough.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if backend.publish([], b"one", b"two") else 1
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    enough.set()
    thread.join()
    assert status == 0
    assert backend.read_root() == b"one"
