"""Stores written by earlier releases: read for ever, and written the same, byte for byte."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import lmdb
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from tests.format_reader import Store
from tests.golden.scenario import FOLDER, ROOT_KEY, SCENARIOS, describe_log, encode

import treering
from treering.testing.entropy import FixedEntropy

CODEC_OFFSET, HEADER_BYTES, CHECKSUM_BYTES = 1, 10, 4  # docs/format.md, "Frame"


@pytest.fixture(params=sorted(path.stem for path in FOLDER.glob("*.json")))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def golden(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def mapping(golden: Any) -> dict[str, bytes]:
    objects = {f"treering/o/{key}": bytes.fromhex(value) for key, value in golden["objects"].items()}
    return {"treering/root": bytes.fromhex(golden["root"]), **objects}


@pytest.fixture
def folder(golden: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    with lmdb.open(str(folder)) as environment, environment.begin(write=True) as transaction:
        transaction.put(ROOT_KEY, bytes.fromhex(golden["root"]))
        for key, value in golden["objects"].items():
            transaction.put(bytes.fromhex(key), bytes.fromhex(value))
    return folder


@pytest.fixture(params=["mapping", "lmdb"])
def place(request: pytest.FixtureRequest) -> Any:
    value = request.getfixturevalue("mapping" if request.param == "mapping" else "folder")
    return f"lmdb:{value}" if isinstance(value, Path) else value


def parse(document: dict[str, Any], like: Message) -> Message:
    pool: Any = like.DESCRIPTOR.file.pool  # the stubs know two classes of pool
    return json_format.ParseDict(document, type(like)(), descriptor_pool=pool)


def without_unknown_fields(message: Message) -> Message:
    """JSON has no place for them."""
    message.DiscardUnknownFields()
    return message


def test_every_scenario_has_its_file():
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(SCENARIOS)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 200_000


@pytest.mark.parametrize("typed", [True, False])
def test_treering_reads_it(name: str, golden: Any, place: Any, typed: bool):
    with treering.open(place, SCENARIOS[name].schema if typed else None) as repo:
        assert list(describe_log(repo)) == golden["log"]
        assert {tag: commit.id for tag, commit in repo.tags.items()} == golden["tags"]
        for commit, document in golden["messages"].items():
            message = without_unknown_fields(repo.get("/", deep=True, at=commit))
            assert message == parse(document, message)
        report = repo.verify()
        assert (report.problems, report.objects + report.unreachable) == ((), len(golden["objects"]))


def test_treering_goes_on_from_it(name: str, golden: Any, place: Any):
    with treering.open(place) as repo:
        root = repo.get("/")
        root.name = "later"
        commit = repo.update("/", root)
        assert commit.parents == (golden["log"][0]["id"],)
        assert list(describe_log(repo))[1:] == golden["log"]
        document = {**golden["messages"][golden["log"][0]["id"]], "name": "later"}
        message = without_unknown_fields(repo.get("/", deep=True))
        assert message == parse(document, message)
        assert repo.verify().ok


def test_the_page_reads_it(golden: Any, mapping: dict[str, bytes]):
    store = Store.of_mapping(mapping)
    assert {tag: pointer.hash.hex() for tag, pointer in store.tags.items()} == golden["tags"]
    log = store.log(store.branches["main"])
    assert [commit.id for commit in log] == [entry["id"] for entry in golden["log"]]
    assert [commit.tree_id for commit in log] == [entry["tree_id"] for entry in golden["log"]]
    for commit in log:
        message = without_unknown_fields(store.message(commit))
        if commit.id in golden["messages"]:
            assert message == parse(golden["messages"][commit.id], message)


def test_treering_writes_it(name: str, golden: Any, tmp_path: Path):
    written = SCENARIOS[name].write(tmp_path / "store")
    if SCENARIOS[name].compress:  # another release of the compressor may find another encoding of the same bytes
        golden["objects"], written["objects"] = inflated(golden["objects"]), inflated(written["objects"])
    assert encode(written) == encode(golden)


def test_another_run_writes_the_same_store(name: str, tmp_path: Path):
    first, second = (SCENARIOS[name].write(tmp_path / run) for run in ("first", "second"))
    assert first == second


def test_fixed_entropy_is_fixed():
    first, second, other = FixedEntropy(1), FixedEntropy(1), FixedEntropy(2)
    assert [first.random(size) for size in (6, 8, 0, 100)] == [second.random(size) for size in (6, 8, 0, 100)]
    assert first.random(16) not in {first.random(16), other.random(16)}
    clock = FixedEntropy(start_microseconds=5, step_microseconds=3)
    assert [clock.now() for _ in range(3)] == [5, 8, 11]


def inflated(objects: dict[str, str]) -> dict[str, str]:
    """Return the values with what is compressed in the clear."""
    values = {}
    for location, text in objects.items():
        value = bytes.fromhex(text)
        if value[CODEC_OFFSET]:
            body = zlib.decompress(value[HEADER_BYTES:-CHECKSUM_BYTES])
            value = value[:HEADER_BYTES] + body + value[-CHECKSUM_BYTES:]
        values[location] = value.hex()
    return values
