"""Chapter 1: an access network, modelled with treering's options in ``access_network.proto``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import treering
from access_network import access_network_pb2 as model
from story.folder import store_url
from story.page import Page, timed

OLTS, PORTS, ONUS = 5, 8, 50
PORT = treering.Path("olts", "olt-2", "pon_ports", 3)
SUBSCRIBERS = PORT / "onus"


def tell(page: Page, folder: Path) -> None:
    """Provision the network, change it, look back, and open it again."""
    page.chapter("1. An access network")
    page.say(
        f"{OLTS} OLTs with {PORTS} PON ports each and {ONUS} ONUs on a port: {OLTS * PORTS * ONUS:,} ONUs.",
        "examples/access_network/access_network.proto says which fields hold children and what keys them;",
        "each child becomes a node with a path of its own. Every change is a commit, on disk when the call returns.",
    )
    with treering.open(store_url(folder, "network"), model.Network, author="ada") as repo:
        _provision(page, repo)
        noon = _change(page, repo)
        _refuse(page, repo)
        _look_back(page, repo, noon)
    _open_again(page, folder)


def _provision(page: Page, repo: treering.Repository) -> None:
    steps: list[tuple[Callable[[], treering.Commit], str]] = [
        (lambda: repo.replace("/", _base(), note="sites, service profiles"), "sites, service profiles"),
    ]
    for number in range(1, OLTS + 1):
        olt = _olt(number)
        note = f"{olt.name} with {PORTS * ONUS} ONUs"
        steps.append((lambda olt=olt, note=note: repo.add("/olts", olt, note=note), note))  # type: ignore[misc]
    rows = []
    for step, note in steps:
        commit, milliseconds = timed(step)
        rows.append((commit.name, note, f"{milliseconds:.1f}"))
    page.table(("commit", "note", "ms"), rows, numbers=("ms",))
    repo.tag("commissioned")
    page.say("This state gets a tag: repo.tag('commissioned').")


def _change(page: Page, repo: treering.Repository) -> datetime:
    """Make a day's changes; return a moment in the middle of them."""
    first, second = repo.keys(SUBSCRIBERS, limit=2)
    moved = model.Onu(profile="gigabit")
    repo.update(SUBSCRIBERS / first, moved, mask=["profile"], author="grace", note="faster line for subscriber 2-3-1")
    repo.remove(SUBSCRIBERS / second, note="contract ended")
    noon = datetime.now(UTC)
    repo.add(SUBSCRIBERS, _onu(2, 3, ONUS + 1), note="new subscriber")
    enabled = repo.get("/olts/olt-4/pon_ports/8")
    disabled = repo.get("/olts/olt-4/pon_ports/8")
    disabled.admin_state = model.DISABLED
    before = repo.head
    repo.update("/olts/olt-4/pon_ports/8", disabled, author="grace", note="fibre cut")
    after = repo.update("/olts/olt-4/pon_ports/8", enabled, author="grace", note="fibre mended")
    repo.clear("/olts/olt-5/uplink", note="uplink goes to another team")
    hall = model.Site(address="7 Harbour Road", latitude=53.54, longitude=9.98)
    repo.add("/sites", hall, key="harbour", note="a new site")
    page.say(
        "Then a day's work: an update of one field of an ONU, one removed, one added, a PON port disabled (its 50 ONUs",
        "stay as they are) and enabled again, a singular child cleared, a map entry added. Since the tag:",
    )
    page.changes(repo.diff("commissioned"), repo.schema)
    same = "the same" if after.tree_id == before.tree_id else "ANOTHER"
    page.say(
        f"The port that was disabled and enabled again does not show: the tree has {same} tree_id as before,",
        f"{after.tree_id[:8]}. The history has all of it:",
    )
    rows = [
        (commit.name, f"{commit.time:%H:%M:%S.%f}"[:-3], commit.author, commit.note) for commit in repo.log(limit=7)
    ]
    page.table(("commit", "time", "author", "note"), rows, cut="note")
    return noon


def _refuse(page: Page, repo: treering.Repository) -> None:
    """Try what is not allowed, and show what it says."""
    path = SUBSCRIBERS / repo.keys(SUBSCRIBERS, limit=1)[0]
    onu = repo.get(path)
    measured = model.Onu()
    measured.CopyFrom(onu)
    measured.levels.received_dbm = -31
    renamed = model.Onu()
    renamed.CopyFrom(onu)
    renamed.serial = "ACME999999"
    attempts: list[tuple[str, Callable[[], object]]] = [
        ("add an ONU twice", lambda: repo.add(SUBSCRIBERS, onu)),
        ("strictly set READ_ONLY", lambda: repo.update(path, measured, strict=True)),
        ("change a key", lambda: repo.update(path, renamed)),
        ("a port for an ONU", lambda: repo.update(path, model.PonPort(number=1))),
        ("read olt-9", lambda: repo.get("/olts/olt-9")),
    ]
    head = repo.head
    rows = []
    for title, attempt in attempts:
        try:
            attempt()
        except treering.Error as error:
            rows.append((title, type(error).__name__, error.message))
    assert repo.head == head
    page.say("What is refused says why and changes nothing:")
    page.table(("attempt", "error", "message"), rows, wrap="message")


def _look_back(page: Page, repo: treering.Repository, noon: datetime) -> None:
    path = SUBSCRIBERS / repo.keys(SUBSCRIBERS, limit=1)[0]
    changed = next(iter(repo.log(path=path)))
    names: list[tuple[str, str | datetime]] = [
        ("the head", "main"),
        ("a tag", "commissioned"),
        ("a commit's name", changed.name),
        ("one before it", f"{changed.name}~1"),
        ("a time", noon),
    ]
    page.say(f"Every commit can be read. The profile of {path}, and how many ONUs its port had, at:")
    rows = []
    for title, name in names:
        then = repo.at(name)
        shown = name if isinstance(name, str) else f"{name:%H:%M:%S.%f}"[:-3]
        profile = repo.get(path, at=name).profile
        rows.append((title, shown, then.commit.name, profile, then.count(SUBSCRIBERS)))
    page.table(("by", "name", "commit", "profile", "ONUs"), rows, numbers=("ONUs",))
    log = ", ".join(f"{commit.name} ({commit.note})" for commit in repo.log(path=path))
    page.say(f"The commits that touched it: {log}.")


def _open_again(page: Page, folder: Path) -> None:
    page.say("Closed, and opened again without naming a type: the store knows its schema.")
    repo, opening = timed(lambda: treering.open(store_url(folder, "network")))
    with repo:
        olt, reading = timed(lambda: repo.get("/olts/olt-3"))
        everything, deep_reading = timed(lambda: repo.get("/", deep=True))
        report, verifying = timed(repo.verify)
        onus = sum(len(port.onus) for olt in everything.olts for port in olt.pon_ports)
        rows = [
            ("open", f"{repo.head.seq + 1} commits, tags: {', '.join(repo.tags)}", f"{opening:.1f}"),
            ("get /olts/olt-3", f"{olt.vendor} {olt.model}, in {olt.site}", f"{reading:.1f}"),
            ("get / with everything below", f"{len(everything.olts)} OLTs, {onus:,} ONUs", f"{deep_reading:.1f}"),
            ("verify", f"{report.objects:,} objects, {_problems(report)}", f"{verifying:.1f}"),
        ]
    page.table(("call", "result", "ms"), rows, numbers=("ms",), cut="result")


def _problems(report: treering.VerifyReport) -> str:
    return "all sound" if report.ok else f"PROBLEMS: {'; '.join(report.problems)}"


def _base() -> model.Network:
    network = model.Network(name="north", ntp_servers=["192.0.2.10", "192.0.2.11"])
    for name, down, up, vlan in (("basic", 100, 40, 100), ("family", 300, 100, 200), ("gigabit", 1000, 500, 300)):
        network.profiles.add(name=name, downstream_bps=down * 10**6, upstream_bps=up * 10**6, vlan_id=vlan)
    network.sites["market"].CopyFrom(model.Site(address="2 Market Square", latitude=53.55, longitude=10.0))
    network.sites["station"].CopyFrom(model.Site(address="1 Station Street", latitude=53.56, longitude=10.01))
    network.maintenance.add(weekday="Tuesday", start="02:00", end="04:00")
    network.maintenance.add(weekday="Sunday", start="01:00", end="05:00")
    return network


def _olt(number: int) -> model.Olt:
    olt = model.Olt(
        name=f"olt-{number}",
        vendor="Acme",
        model="X-8",
        firmware="4.2.1",
        site="market" if number % 2 else "station",
        management_address=f"198.51.100.{number}",
        enable_password=f"secret-{number}",
        admin_state=model.ENABLED,
        oper_state=model.UP,
        uplink=model.Uplink(interfaces=["xe-0", "xe-1"], speed_bps=20 * 10**9, lacp=True),
    )
    for port in range(1, PORTS + 1):
        olt.pon_ports.add(
            number=port,
            technology=model.XGS_PON if port > PORTS // 2 else model.GPON,
            admin_state=model.ENABLED,
            oper_state=model.UP,
            onus=[_onu(number, port, onu) for onu in range(1, ONUS + 1)],
        )
    return olt


_PROFILES = ("basic", "family", "basic", "family", "gigabit")


def _onu(olt: int, port: int, number: int) -> model.Onu:
    serial = ((olt - 1) * PORTS + port - 1) * 64 + number
    return model.Onu(
        serial=f"ACME{serial:06}",
        onu_id=number,
        subscriber=f"subscriber {olt}-{port}-{number}",
        profile=_PROFILES[(number - 1) % len(_PROFILES)],
        admin_state=model.ENABLED,
        oper_state=model.UP,
        levels=model.OpticalLevels(received_dbm=-18 - number % 7, transmitted_dbm=2 + number % 3),
        customer_vlans=[1000 + number],
    )
