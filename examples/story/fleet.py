"""Chapter 4: the recorded history of a fleet of switches, as commits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import treering
from story.folder import store_url
from story.page import Page, describe, timed
from switch_fleet.history import iter_fleets
from switch_fleet.switch_fleet_pb2 import Fleet

DEVICE = "/devices/x86-64-accton-wedge100bf-32x-r0"


def tell(page: Page, folder: Path, recorded: Path) -> bool:
    """Commit the history change by change and follow one device; False where there is none to tell."""
    page.chapter("4. A fleet of switches and its real history")
    if not (recorded / "history.json").is_file():
        page.say(f"Left out: there is no recorded history at {recorded}.")
        return False
    page.say(
        "Configurations of switch models as the Stratum project published them, from 2019 to 2022. Each recorded",
        "change becomes one commit: replace('/', fleet) writes only what differs. The .proto and the reader of the",
        "text files are in examples/switch_fleet. One of these files gives id 0 to two ports, which treering would",
        "refuse (AlreadyExists) if ports were keyed by id alone, so their key is id and port.",
    )
    with treering.open(store_url(folder, "fleet"), Fleet, author="stratum") as repo:
        rows, importing = timed(lambda: _import(repo, recorded))
        page.table(("commit", "change", "+", "~", "-"), rows, numbers=("+", "~", "-"), cut="change")
        page.say(
            f"{len(rows)} commits in {importing / 1000:.1f} s, with the diff of each (+ added, ~ changed, - removed).",
            f"Now {repo.count('/devices')} devices with {_ports(repo.get('/', deep=True)):,} ports.",
        )
        page.say(f"Only some of them touched one device. repo.log(path={DEVICE!r}):")
        log = list(repo.log(path=DEVICE))
        page.table(("commit", "note"), [(commit.name, commit.note) for commit in log], cut="note")
        renaming = next((commit for commit in log if "platform" in commit.note), None)
        if renaming is not None:
            repo.tag("before-renaming", f"{renaming.name}~1")
            found = repo.diff("before-renaming", renaming, path=DEVICE)
            what = "; ".join(describe(change, repo.schema) for change in found)
            page.say(f"What {renaming.name} did to it, by its diff: {what}.")
        then, reading = timed(lambda: repo.get(DEVICE, deep=True, at=log[-1]))
        page.say(
            f"And as it was first, read in {reading:.1f} ms: {then.chassis.name}, {len(then.singleton_ports)} ports,",
            f"today {repo.count(DEVICE + '/singleton_ports')}.",
        )
    return True


def _import(repo: treering.Repository, recorded: Path) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for change, fleet in iter_fleets(recorded):
        before = repo.head
        commit = repo.replace("/", fleet, note=f"{change.date} {change.subject}")
        kinds = Counter(difference.kind for difference in repo.diff(before, commit))
        rows.append((commit.name, commit.note, *(kinds[kind] or "" for kind in ("add", "update", "remove"))))
    return rows


def _ports(fleet: Fleet) -> int:
    return sum(len(device.singleton_ports) for device in fleet.devices)
