from __future__ import annotations

import subprocess
import sys
from collections import UserDict
from pathlib import Path

import pytest

from treering.backend import Backend, Durability, StoreOptions, open_backend
from treering.backend.url import StoreURL
from treering.errors import InvalidStoreURL, MissingDependency, NotAStore, Refused
from treering.testing import FaultyBackend, MemoryBackend


def test_a_dict_is_a_store() -> None:
    mapping: dict[str, bytes] = {}
    backend, options = open_backend(mapping)
    assert options == StoreOptions(compress=None, cache_bytes=None)
    assert backend.publish([(b"k", b"v")], None, b"root")
    assert mapping == {"treering/root": b"root", "treering/o/6b": b"v"}


def test_any_mutable_mapping_is_a_store() -> None:
    backend, _ = open_backend(UserDict())
    assert backend.url == "mapping:UserDict"


def test_a_backend_is_returned_as_it_is() -> None:
    backend = FaultyBackend(MemoryBackend())
    assert open_backend(backend) == (backend, StoreOptions())


def test_memory_is_fresh_at_every_open() -> None:
    first, _ = open_backend("memory:")
    assert first.publish([], None, b"root")
    second, _ = open_backend("memory:")
    assert second.read_root() is None
    assert (first.url, first.limits.durability) == ("memory:", Durability.NONE)


def test_memory_cannot_be_opened_without_creating_it() -> None:
    with pytest.raises(NotAStore):
        open_backend("memory:", create=False)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("memory:", StoreOptions()),
        ("memory:?compress=zlib", StoreOptions(compress="zlib")),
        ("memory:?cache_bytes=64M&compress=zstd", StoreOptions(compress="zstd", cache_bytes=64 << 20)),
        ("memory:?cache_bytes=0", StoreOptions(cache_bytes=0)),
        ("memory:?%63ompress=%7Alib", StoreOptions(compress="zlib")),
    ],
)
def test_options_of_the_store_floor(url: str, options: StoreOptions) -> None:
    assert open_backend(url)[1] == options


@pytest.mark.parametrize(
    "url",
    [
        "",
        "demo.treering",
        "./demo.treering",
        "/var/lib/store",
        "LMDB:store",
        "C:\\store",
        "nosuch:store",
        "lmdb:",
        "lmdb://host/store",
        "lmdb:st%00re",
        "memory:name",
        "memory:?compress",
        "memory:?compress=",
        "memory:?compress=lzma",
        "memory:?compress=zlib&compress=zlib",
        "memory:?=zlib",
        "memory:?cache_bytes=-1",
        "memory:?cache_bytes=many",
        "memory:?cache_bytes=1.5G",
        "memory:?cache_bytes=99999999999999999999999",
        "memory:?map_size=1M",
        "memory:?compress=zlib&",
        "lmdb:store?colour=red",
        "lmdb:store?durability=always",
        "lmdb:store?map_size=0",
        "lmdb:store?map_size=2G&max_map_size=1G",
        "lmdb:store?max_readers=0",
        "lmdb:store?max_readers=1K",
        "lmdb:store?readonly=yes",
        "lmdb:store?lock=false",
    ],
)
def test_a_bad_url_is_refused_and_nothing_is_made(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidStoreURL) as caught:
        open_backend(url)
    assert isinstance(caught.value, Refused | ValueError)
    assert list(tmp_path.iterdir()) == []


def test_no_secret_is_shown() -> None:
    for url in ("nosuch://user:hunter2@host/x?password=hunter2", "memory:?password=hunter2", "x://:hunter2@h:1"):
        with pytest.raises(InvalidStoreURL) as caught:
            open_backend(url)
        assert "hunter2" not in str(caught.value)
        assert "hunter2" not in repr(caught.value.facts)


def test_a_wrong_value_says_what_is_right() -> None:
    with pytest.raises(InvalidStoreURL, match="option=compress, value=lzma, expected=one of zlib, zstd"):
        open_backend("memory:?compress=lzma")


@pytest.mark.parametrize("store", [None, 7, b"memory:", ["lmdb:x"], object()])
def test_what_is_no_store_is_refused(store: object) -> None:
    with pytest.raises(InvalidStoreURL):
        open_backend(store)  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_deadline_is_positive(seconds: float) -> None:
    with pytest.raises(InvalidStoreURL):
        open_backend("memory:", deadline_seconds=seconds)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("lmdb:a/b", "a/b"),
        ("lmdb:/a", "/a"),
        ("lmdb:a%3Fb%20c", "a?b c"),
        ("lmdb:a#b+c", "a#b+c"),
        ("lmdb:C:/a", "C:/a"),
    ],
)
def test_the_body_is_decoded(text: str, body: str) -> None:
    assert StoreURL.parse(text).body == body


def test_lmdb_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.startswith("treering.backend.lmdb")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(MissingDependency) as caught:
        open_backend(f"lmdb:{tmp_path}/store")
    assert isinstance(caught.value, ImportError)
    assert caught.value.facts == {"extra": "lmdb"}
    assert list(tmp_path.iterdir()) == []


def test_client_libraries_are_imported_when_asked_for() -> None:
    code = "import sys, treering.backend; treering.backend.open_backend('memory:'); sys.exit('lmdb' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_protocol_refuses_half_a_backend() -> None:
    class Half:
        url = "half:"

        def read_root(self) -> bytes | None:
            return None

    assert not isinstance(Half(), Backend)
