"""The recorded history of a switch fleet as commits: real input, real changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import treering
from switch_fleet.history import Change, iter_fleets, load_device
from switch_fleet.switch_fleet_pb2 import Device, Fleet

Opener = Callable[[], treering.Repository]


@pytest.fixture
def folder(shared_data: Path) -> Path:
    return shared_data / "stratum"


@pytest.fixture
def history(folder: Path) -> list[tuple[Change, Fleet]]:
    return list(iter_fleets(folder))


@pytest.fixture(params=["dict", "lmdb"])
def open_fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    mapping: dict[str, bytes] = {}
    store = mapping if request.param == "dict" else f"lmdb:{tmp_path}/fleet"
    return lambda: treering.open(store, Fleet)


def _commit_all(repo: treering.Repository, history: list[tuple[Change, Fleet]]) -> list[treering.Commit]:
    return [repo.replace("/", fleet, author="stratum", note=change.subject) for change, fleet in history]


def test_the_history_is_whole(history: list[tuple[Change, Fleet]], folder: Path) -> None:
    assert [change.seq for change, _ in history] == list(range(1, 16))
    assert sum(len(change.changed) for change, _ in history) == len(list(folder.glob("*/*.pb.txt"))) == 53


def test_every_commit_reads_as_its_files_before_and_after_reopening(
    history: list[tuple[Change, Fleet]], open_fleet: Opener
) -> None:
    with open_fleet() as repo:
        first = repo.head
        commits = _commit_all(repo, history)
        assert [commit.seq for commit in commits] == list(range(1, 16))
        assert list(repo.log()) == [*reversed(commits), first]
        assert [repo.get("/", deep=True, at=commit) for commit in commits] == [fleet for _, fleet in history]
    with open_fleet() as repo:
        assert list(repo.log()) == [*reversed(commits), first]
        assert repo.get("/", deep=True, at=first) == Fleet()
        for commit, (change, fleet) in zip(commits, history, strict=True):
            assert repo.get("/", deep=True, at=commit.name) == fleet
            assert repo.resolve(commit.id).note == change.subject
        report = repo.verify()
        assert (report.problems, report.unreachable) == ((), 0)


def test_the_log_of_a_device_names_the_changes_that_touched_it(
    history: list[tuple[Change, Fleet]], open_fleet: Opener
) -> None:
    touched: dict[str, list[int]] = {}
    before = Fleet()
    for change, fleet in history:  # a file may have been touched without a difference in what it says
        old = {device.file: device for device in before.devices}
        for device in fleet.devices:
            if device != old.get(device.file):
                touched.setdefault(device.file, []).append(change.seq)
        before = fleet
    with open_fleet() as repo:
        _commit_all(repo, history)
        for name, expected in touched.items():
            log = repo.log(path=treering.Path("devices", name))
            assert [commit.seq for commit in log] == expected[::-1]
    assert touched["x86-64-accton-wedge100bf-32x-r0"] == [1, 12, 14, 15]


def test_the_diff_of_a_change_names_its_devices_only(history: list[tuple[Change, Fleet]], open_fleet: Opener) -> None:
    with open_fleet() as repo:
        before = repo.head
        for change, fleet in history:
            commit = repo.replace("/", fleet)
            assert {difference.path.segments[1] for difference in repo.diff(before, commit)} <= set(change.changed)
            before = commit
        renaming = list(repo.diff("main~4", "main~3"))
    assert len(renaming) == 13
    for difference in renaming:
        assert difference.kind == "update"
        assert isinstance(difference.old, Device)
        assert isinstance(difference.new, Device)
        assert difference.old.chassis.platform != difference.new.chassis.platform


def test_the_same_content_has_the_same_tree_ids_everywhere(
    history: list[tuple[Change, Fleet]], open_fleet: Opener
) -> None:
    with open_fleet() as repo:
        commits = _commit_all(repo, history)
    for (_, fleet), commit in zip(history, commits, strict=True):
        with treering.open({}, Fleet) as other:  # in one step, not fifteen
            assert other.replace("/", fleet).tree_id == commit.tree_id


def test_an_old_state_put_back_has_its_tree_id_again(history: list[tuple[Change, Fleet]], open_fleet: Opener) -> None:
    with open_fleet() as repo:
        commits = _commit_all(repo, history)
        back = repo.replace("/", repo.get("/", deep=True, at=commits[2]))
        assert back.tree_id == commits[2].tree_id
        assert repo.verify().ok


def test_a_port_given_twice_is_refused(folder: Path, open_fleet: Opener) -> None:
    device = load_device(folder, 10, "x86-64-netberg-aurora-750-r0")
    assert [port.port for port in device.singleton_ports if port.id == 0] == [57, 58]  # a fault of the real file
    with open_fleet() as repo:
        repo.add("/devices", device)
        head = repo.head
        device.singleton_ports.add().CopyFrom(device.singleton_ports[0])
        with pytest.raises(treering.AlreadyExists):
            repo.replace(treering.Path("devices", device.file), device)
        device.file = "another"
        with pytest.raises(treering.AlreadyExists):
            repo.add("/devices", device)
        assert repo.head == head
