"""Chapter 2: two operators at work on the network at once, the rules that hold for both, and a history cut short."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from google.protobuf.message import Message

import treering
from access_network import access_network_pb2 as model
from story.folder import size_on_disk, store_url
from story.page import Page, timed

PROFILES = treering.Path("profiles")
SUBSCRIBERS = treering.Path("olts", "olt-1", "pon_ports", 1, "onus")
VLANS = range(1, 4095)


def tell(page: Page, folder: Path) -> None:
    """Let two operators change the network, each through a handle of their own."""
    page.chapter("2. Two operators")
    url = store_url(folder, "network")
    with (
        treering.open(url, model.Network, author="ada") as ada,
        treering.open(url, model.Network, author="grace") as grace,
    ):
        _work_side_by_side(page, ada, grace)
        _meet(page, ada, grace)
        _guard(page, ada)
        _roll_back(page, ada)
        _prune(page, ada, folder)


def _work_side_by_side(page: Page, ada: treering.Repository, grace: treering.Repository) -> None:
    page.say(
        "Ada and Grace have each opened the store. A transaction gathers edits that nobody else sees until it is",
        "committed. Both begin on the same commit and change the same OLT: Ada its firmware, Grace two of its ports.",
    )
    tx_ada = ada.transaction(note="firmware 4.3")
    tx_grace = grace.transaction(note="ports 1 and 2 off")
    tx_ada.update("/olts/olt-1", model.Olt(firmware="4.3.0"), mask=["firmware"])
    for port in (1, 2):
        tx_grace.update(
            ("olts", "olt-1", "pon_ports", port), model.PonPort(admin_state=model.DISABLED), mask=["admin_state"]
        )
    unseen = ada.get("/olts/olt-1").firmware, tx_ada.get("/olts/olt-1").firmware
    before = ada.head
    commits = [tx_grace.commit(), tx_ada.commit()]
    page.say(
        f"Until then Ada reads firmware {unseen[1]} in her transaction, everyone else {unseen[0]}. Both are committed:",
        "a node and its children are different nodes, so the second merges with the first. What the two made:",
    )
    page.changes(ada.diff(before), ada.schema)
    page.table(
        ("commit", "author", "note"), [(commit.name, commit.author, commit.note) for commit in reversed(commits)]
    )


def _meet(page: Page, ada: treering.Repository, grace: treering.Repository) -> None:
    gigabit = PROFILES / "gigabit"
    tx_ada, tx_grace = ada.transaction(), grace.transaction()
    tx_ada.update(gigabit, model.ServiceProfile(upstream_bps=600 * 10**6), mask=["upstream_bps"])
    tx_grace.update(gigabit, model.ServiceProfile(downstream_bps=1200 * 10**6), mask=["downstream_bps"])
    tx_ada.commit()
    page.say("Then both change one profile, Ada first. Grace's commit raises MergeConflict, changes nothing, and says:")
    rows = []
    try:
        tx_grace.commit()
    except treering.MergeConflict as conflict:
        found = conflict.conflicts
        rows = [(one.path, *map(_speeds, (one.base, one.mine, one.theirs))) for one in found]
    page.table(("path", "base (down/up)", "mine", "theirs"), rows)

    def raise_speed(tx: treering.Transaction) -> int:
        profile = tx.get(gigabit)
        profile.downstream_bps += 200 * 10**6
        tx.update(gigabit, profile)
        return int(profile.downstream_bps)

    speed = grace.run(raise_speed)
    page.say(
        f"repo.run(function) would have done it again on what is there then; it gives {speed // 10**6:,} Mbit/s down.",
        f"The profile is now {_speeds(grace.get(gigabit))}. With merge='field' a transaction compares single fields.",
    )


def _guard(page: Page, repo: treering.Repository) -> None:
    page.say(
        "A hook belongs to a node, and a PRE hook may refuse an edit by raising. One here looks at the VLAN of every",
        "profile that is added (PRE_ADD, told to the node around) or updated (PRE_UPDATE, told to the profile itself).",
        "A validator looks at the whole result instead: an ONU may only name a profile that is there.",
    )
    told: list[str] = []
    with repo.proxy("/") as root:
        root.on(treering.PRE_ADD, check_vlan)
        root.on(treering.POST_ADD, lambda message: told.append(message.DESCRIPTOR.name))
    for name in repo.keys(PROFILES):
        with repo.proxy(PROFILES / name) as profile:
            profile.on(treering.PRE_UPDATE, check_vlan)
    repo.validator(check_profiles)
    onu = SUBSCRIBERS / repo.keys(SUBSCRIBERS, limit=1)[0]
    platinum = model.ServiceProfile(name="platinum", downstream_bps=2 * 10**9, upstream_bps=10**9, vlan_id=400)
    wrong = model.ServiceProfile(name="wrong", vlan_id=4095)

    def use() -> object:
        return repo.update(onu, model.Onu(profile="platinum"), mask=["profile"])

    def add_and_use() -> object:
        with repo.transaction(note="platinum, and its first customer") as tx:
            tx.add(PROFILES, platinum)
            tx.update(onu, model.Onu(profile="platinum"), mask=["profile"])
        return repo.head

    attempts: list[tuple[str, Callable[[], object]]] = [
        ("add a profile with VLAN 4095", lambda: repo.add(PROFILES, wrong)),
        ("give 'basic' VLAN 0", lambda: repo.update(PROFILES / "basic", model.ServiceProfile(), mask=["vlan_id"])),
        ("an ONU to 'platinum'", use),
        ("add 'platinum', then that", add_and_use),
        ("remove 'platinum'", lambda: repo.remove(PROFILES / "platinum")),
    ]
    page.table(("attempt", "outcome"), [(title, _outcome(attempt)) for title, attempt in attempts], wrap="outcome")
    page.say(f"A POST_ADD hook of the same node, called when a commit is on disk, heard of: {', '.join(told)}.")


def check_vlan(message: Message) -> None:
    """Refuse a profile with a VLAN that Ethernet does not have."""
    if isinstance(message, model.ServiceProfile) and message.vlan_id not in VLANS:
        raise ValueError(f"VLAN {message.vlan_id} is not from {VLANS[0]} to {VLANS[-1]}")


def check_profiles(snapshot: treering.Snapshot, diff: treering.Diff) -> None:
    """Refuse a tree in which an ONU names a profile that is not there. Looks only at what changed."""
    for change in diff:
        if isinstance(change.new, model.Onu) and not snapshot.exists(PROFILES / change.new.profile):
            raise LookupError(f"{change.new.serial} has profile {change.new.profile!r}, which is not there")
        if change.kind == "remove" and isinstance(change.old, model.ServiceProfile):
            for olt in snapshot.get("/olts", deep=True):
                if any(onu.profile == change.old.name for port in olt.pon_ports for onu in port.onus):
                    raise LookupError(f"profile {change.old.name!r} is in use in {olt.name}")


def _roll_back(page: Page, repo: treering.Repository) -> None:
    tagged = repo.tag("good")
    with repo.transaction(note="a script goes wrong") as tx:
        for port in tx.keys("/olts/olt-3/pon_ports"):
            path = treering.Path("olts", "olt-3", "pon_ports", port)
            for serial in tx.keys(path / "onus", start="ACME", limit=10):
                tx.remove(path / "onus" / serial)
        tx.remove("/sites/harbour")
    damage = sum(1 for _ in repo.diff("good"))
    before = repo.at("good")
    commit, took = timed(lambda: repo.replace("/", before.get("/", deep=True), note="roll back the maintenance"))
    same = "the same" if commit.tree_id == tagged.tree_id else "ANOTHER"
    page.say(
        f"Rolling back: a script removes {damage} nodes in one commit. The tag 'good' still has them, so",
        "repo.replace('/', repo.at('good').get('/', deep=True)) puts them back, as one more commit,",
        f"{commit.name}, in {took:.1f} ms. It has {same} tree_id as the tag, {tagged.tree_id[:8]}.",
    )


def _prune(page: Page, repo: treering.Repository, folder: Path) -> None:
    for number in range(500):
        state = model.UP if number % 2 else model.DOWN
        port = model.PonPort(oper_state=state)
        repo.update("/olts/olt-5/pon_ports/1", port, mask=["oper_state"], author="monitoring")
    page.say("Monitoring writes 500 commits more. Nobody will want them all, so the history is cut to the last ten:")
    rows = [_measure(repo, folder, "before")]
    foreseen = repo.prune(keep_last=10, dry_run=True)
    report, took = timed(lambda: repo.prune(keep_last=10))
    rows.append(_measure(repo, folder, f"after {took:.0f} ms"))
    page.table(("prune", "commits", "keys", "on disk"), rows, numbers=("commits", "keys", "on disk"))
    kept = ", ".join(repo.tags)
    page.say(
        f"{report.commits} commits and {report.objects:,} objects are gone, as dry_run=True had foreseen"
        f"{'' if foreseen == report else ', OR NOT'}. What a tag names stays, and can be read: {kept}.",
        "LMDB reuses the room and keeps the file's size.",
    )
    then = repo.get(PROFILES / "gigabit", at="commissioned")
    page.say(f"The gigabit profile when commissioned: {_speeds(then)}. verify() finds {_problems(repo)}.")


def _measure(repo: treering.Repository, folder: Path, title: str) -> tuple[str, ...]:
    report = repo.verify()
    keys = report.objects + report.unreachable + 1  # and the root record
    kibibytes = size_on_disk(folder, "network") / 1024
    return title, f"{sum(1 for _ in repo.log()):,}", f"{keys:,}", f"{kibibytes:,.0f} KiB"


def _problems(repo: treering.Repository) -> str:
    report = repo.verify()
    return f"{report.objects:,} objects, {'all sound' if report.ok else 'and PROBLEMS'}"


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        commit = attempt()
    except (ValueError, LookupError) as error:
        return f"{type(error).__name__}: {error}"
    return f"commit {commit.name}" if isinstance(commit, treering.Commit) else "done"


def _speeds(profile: model.ServiceProfile) -> str:
    return f"{profile.downstream_bps // 10**6:,}/{profile.upstream_bps // 10**6:,} Mbit/s"
