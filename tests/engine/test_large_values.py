"""What a store's limits may change: how a tree is stored, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from benchmarks.fleet import SCHEMA, device, device_id, fleet

import treering
from treering.backend.mapping import MappingBackend
from treering.objects.pointer import LOCATION_BYTES
from treering.opening import open_with
from treering.testing import FaultyBackend, LimitedBackend
from treering.testing.entropy import FixedEntropy

LIMITS: list[dict[str, int]] = [
    {},
    {"max_value_bytes": 10_000},
    {"max_batch_count": 16},
    {"max_batch_bytes": 10_000},
    {"max_value_bytes": 10_000, "max_batch_count": 16, "max_batch_bytes": 12_000},
]


@pytest.fixture(params=LIMITS, ids=str)
def limits(request: pytest.FixtureRequest) -> dict[str, int]:
    return dict(request.param)


def open_at(backend: Any) -> treering.Repository:
    return open_with(
        backend, SCHEMA, branch="main", author="", create=True, deadline_seconds=10, entropy=FixedEntropy(1)
    )


def fill(repo: treering.Repository) -> None:
    """Make a history of small and large things: own fields, children, notes, tags."""
    repo.replace("/", fleet(300))
    repo.update(f"/devices/{device_id(7)}", large(70_000))
    repo.update(f"/devices/{device_id(8)}", device(8, 1), note="n" * 30_000)
    with repo.transaction() as transaction:
        for number in range(20):
            changed = device(number)
            changed.serial = random.Random(number).randbytes(2_000).hex()
            transaction.update(f"/devices/{device_id(number)}", changed)
    for number in range(150):
        repo.tag(f"release-{number}-{'long' * 20}")


def test_identity_does_not_depend_on_limits(limits: dict[str, int]) -> None:
    plain, limited = open_at(MappingBackend({})), open_at(LimitedBackend(**limits))
    for repo in (plain, limited):
        fill(repo)
    assert [(commit.id, commit.tree_id) for commit in limited.log()] == [(c.id, c.tree_id) for c in plain.log()]
    assert limited.tags == plain.tags
    assert limited.get("/", deep=True) == plain.get("/", deep=True)
    assert limited.verify().ok
    assert limited.verify().unreachable == plain.verify().unreachable


def test_another_handle_reads_it(limits: dict[str, int]) -> None:
    mapping: dict[str, bytes] = {}
    fill(open_at(LimitedBackend(mapping, **limits)))
    again = treering.open(LimitedBackend(mapping, **limits))
    assert len(again.get(f"/devices/{device_id(7)}").serial) == 4_000
    assert len(again.get(f"/devices/{device_id(7)}", at="main~2").serial) == 70_000
    assert len(again.tags) == 150
    assert again.verify().ok


def test_prune_and_sweep_leave_no_parts(limits: dict[str, int]) -> None:
    backend = LimitedBackend(**limits)
    repo = open_at(backend)
    fill(repo)
    repo.delete_tag(*repo.tags)
    for number in range(5):
        repo.update(f"/devices/{device_id(7)}", large(20_000 + number))
    assert repo.prune().commits > 0
    repo.verify(sweep=True)
    report = repo.verify()
    assert (report.ok, report.unreachable) == (True, 0)
    assert len({key[:LOCATION_BYTES] for key in backend.list_keys()}) == report.objects


def test_a_crash_between_parts_and_root_is_swept() -> None:
    faulty = FaultyBackend(LimitedBackend(max_value_bytes=10_000))
    repo = open_at(faulty)
    repo.replace("/", fleet(10))
    faulty.fail("publish")
    with pytest.raises(treering.Unavailable):
        repo.update(f"/devices/{device_id(7)}", large(50_000))
    assert any(len(key) > LOCATION_BYTES for key in faulty.list_keys())
    assert repo.verify(sweep=True).ok
    assert all(len(key) == LOCATION_BYTES for key in faulty.list_keys())
    assert repo.verify().unreachable == 0


def test_root_stays_small_with_ten_thousand_tags() -> None:
    backend = FaultyBackend(LimitedBackend(max_value_bytes=100_000, max_batch_bytes=200_000))
    repo = open_at(backend)
    head = repo.head.stored.pointer
    names = {f"{'n' * 150}-{number}": head for number in range(10_000)}
    repo._branch.move_names(2, lambda _: names)
    root = backend.read_root()
    assert root is not None
    assert len(root) < 1_000
    assert len(treering.open(backend).tags) == 10_000
    repo.update("/", SCHEMA.root.message_class(owner="after"))
    assert repo.verify().ok


@pytest.mark.parametrize("kind", ["missing", "longer", "shorter", "count", "other head"])
def test_damaged_parts_are_found(kind: str) -> None:
    mapping: dict[str, bytes] = {}
    repo = open_at(LimitedBackend(mapping, max_value_bytes=10_000))
    repo.replace("/", fleet(10))
    repo.update(f"/devices/{device_id(7)}", large(50_000))
    part = sorted(name for name in mapping if "2f" in name[-10:-8] and len(name) > 45)
    head = part[0][:-10]
    damages: dict[str, Callable[[], object]] = {
        "missing": lambda: mapping.pop(part[1]),
        "longer": lambda: mapping.update({part[1]: mapping[part[1]] + b"x"}),
        "shorter": lambda: mapping.update({part[1]: mapping[part[1]][:-1]}),
        "count": lambda: mapping.update({head: mapping[head][:1] + b"\x03" + mapping[head][2:]}),
        "other head": lambda: mapping.update({head: b"+" + mapping[head][1:5] + b"y" + mapping[head][6:]}),
    }
    damages[kind]()
    again = treering.open(LimitedBackend(mapping, max_value_bytes=10_000))
    with pytest.raises(treering.Corruption):
        again.get(f"/devices/{device_id(7)}")
    assert not again.verify().ok


def test_beyond_the_format_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("treering.objects.frame.MAX_CONTENT_BYTES", 100_000)
    repo = open_at(LimitedBackend(max_value_bytes=10_000))
    repo.replace("/", fleet(10))
    with pytest.raises(treering.TooLarge):
        repo.update(f"/devices/{device_id(7)}", large(200_000))


def large(size: int) -> Any:
    """Return the seventh device with a serial number of ``size`` letters."""
    message = device(7)
    message.serial = "x" * size
    return message
