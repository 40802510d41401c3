"""A root on a server that is not the one this process knows: put back, replaced, of a newer format, of another type."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.proto import engine_pb2 as pb
from tests.stores.places import KINDS, STORES, new_store

import treering
from treering.backend import open_backend

if TYPE_CHECKING:
    from tools.servers import Server

SERVERS = ["redis", "etcd", "consul", "cassandra"]


@pytest.mark.parametrize("kind", ["redis", "etcd"])
def test_a_server_put_back_to_an_older_copy(kind: str, private_server: Callable[..., Server], tmp_path: Path) -> None:
    """Each handle that saw more is told once; then what is there is used, and nothing of the lost ids comes back."""
    server = private_server(kind)
    url = STORES[kind](tmp_path, lambda: server)
    with treering.open(url, pb.Network) as writer, treering.open(url, pb.Network) as reader:
        writer.add("/devices", pb.Device(name="kept"))
        kept = writer.head
        server.stop()
        shutil.copytree(server.folder, tmp_path / "copy")
        server.start()
        for number in range(5):
            writer.add("/devices", pb.Device(name=f"lost {number}"))
        lost = reader.head
        assert lost == writer.head
        server.stop()
        shutil.rmtree(server.folder)
        (tmp_path / "copy").rename(server.folder)
        server.start()
        for repo in (writer, reader):
            with pytest.raises(treering.StoreRolledBack):
                repo.get("/", deep=True)
            assert repo.head == kept
            with pytest.raises(treering.NameNotFound):
                repo.resolve(lost.id)
        reader.add("/devices", pb.Device(name="new"))
        writer.add("/devices", pb.Device(name="newer"))
        assert reader.keys("/devices") == ["kept", "new", "newer"]
        assert writer.verify(sweep=True).problems == ()


@pytest.mark.parametrize("kind", SERVERS)
def test_a_newer_format_is_refused(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = new_store(kind, tmp_path, request)
    with treering.open(url, pb.Network) as repo:
        repo.add("/devices", pb.Device(name="d"))
        backend, _ = open_backend(url)
        try:
            root = backend.read_root()
            assert root is not None
            newer = root[:8] + struct.pack("<H", 2) + root[10:]
            assert backend.publish([], root, newer)
            for call in (lambda: treering.open(url, pb.Network), lambda: repo.get("/"), repo.prune):
                with pytest.raises(treering.FormatUnsupported) as caught:
                    call()
                assert "2" in str(caught.value)
            assert backend.read_root() == newer
            assert backend.publish([], newer, root)
        finally:
            backend.close()
        assert repo.keys("/devices") == ["d"]


@pytest.mark.parametrize("kind", SERVERS)
def test_another_type_of_root_is_refused(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = new_store(kind, tmp_path, request)
    with treering.open(url, pb.Network) as repo:
        head = repo.head
        with pytest.raises(treering.SchemaMismatch):
            treering.open(url, pb.Device)
        assert repo.head == head
        assert repo.verify().problems == ()


@pytest.mark.parametrize("kind", KINDS)
def test_two_that_make_a_store_at_once_share_one(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = new_store(kind, tmp_path, request)
    with ThreadPoolExecutor(4) as pool:
        repos = list(pool.map(lambda _: treering.open(url, pb.Network), range(4)))
    for number, repo in enumerate(repos):
        repo.add("/devices", pb.Device(name=f"d{number}"))
    assert [len(list(repo.log())) for repo in repos] == [5] * 4
    assert repos[0].verify(sweep=True).problems == ()
    for repo in repos:
        repo.close()


@pytest.mark.parametrize("kind", SERVERS)
def test_another_store_in_its_place(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A store was removed, and another one made under the same prefix: nothing of the two is mixed."""
    url, elsewhere = new_store(kind, tmp_path, request), new_store(kind, tmp_path, request)
    with treering.open(url, pb.Network) as repo, treering.open(elsewhere, pb.Network) as other:
        repo.add("/devices", pb.Device(name="first"))
        for number in range(5):
            other.add("/devices", pb.Device(name=f"other {number}"))
        _replace(url, elsewhere)
        with pytest.raises(treering.StoreRolledBack):
            repo.get("/")
        assert repo.keys("/devices") == other.keys("/devices")
        repo.add("/devices", pb.Device(name="more"))
        assert repo.verify(sweep=True).problems == ()
        assert repo.count("/devices") == 6


def _replace(url: str, by: str) -> None:
    """Put a copy of another store where one is."""
    (here, _), (there, _) = open_backend(url), open_backend(by)
    try:
        here.delete_many(list(here.list_keys()))
        keys = list(there.list_keys())
        values = there.read_many(keys)
        here.write_many([(key, value) for key, value in zip(keys, values, strict=True) if value is not None])
        root = there.read_root()
        assert root is not None
        assert here.publish([], here.read_root(), root)
    finally:
        here.close()
        there.close()
