"""Prune frees what only the dropped commits held, and never anything else."""

from __future__ import annotations

import random

import pytest
from tests.engine.place import Place
from tests.proto import engine_pb2 as pb
from tests.prune import marking
from tests.prune.changing import Changer, large_network

import treering


def keys_of_fresh_store(message: pb.Network) -> int:
    """Return how many keys a dict has after the same content was put into it and nothing else."""
    mapping: dict[str, bytes] = {}
    with treering.open(mapping, pb.Network) as repo:
        repo.replace("/", message)
        repo.prune()
    return len(mapping)


def test_as_many_keys_as_a_fresh_dict() -> None:
    mapping: dict[str, bytes] = {}
    with treering.open(mapping, pb.Network) as repo:
        repo.replace("/", large_network())
        changer = Changer(3)
        for number in range(200):
            changer.change(repo)
            if number % 40 == 0:
                repo.tag(f"t{number}")
        repo.delete_tag(*repo.tags)
        repo.prune()
        assert len(mapping) == keys_of_fresh_store(repo.get(deep=True))


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_rounds_of_change_and_prune(seed: int) -> None:
    mapping: dict[str, bytes] = {}
    changer, chance = Changer(seed), random.Random(seed)
    with treering.open(mapping, pb.Network) as repo:
        for number in range(1_000):
            for _ in range(chance.choice([1, 1, 1, 3])):
                changer.change(repo)
            if chance.random() < 0.1:
                repo.tag(f"t{number}", chance.choice(list(repo.log(limit=3))))
            if repo.tags and chance.random() < 0.1:
                repo.delete_tag(chance.choice(list(repo.tags)))
            before = repo.get(deep=True) if number % 50 == 0 else None
            repo.prune(keep_last=chance.choice([1, 1, 1, 2, 4]) if seed else 1)
            if number % 10 == 0:
                marking.check_all_gone(repo)
            if before is not None:
                assert repo.get(deep=True) == before
        repo.delete_tag(*repo.tags)
        repo.prune()
        marking.check_all_gone(repo)
        assert len(mapping) == keys_of_fresh_store(repo.get(deep=True))


def test_equal_children_at_several_places(repo: treering.Repository) -> None:
    def device(name: str) -> pb.Device:
        made = pb.Device(name=name, image=b"i" * 900)
        made.settings.banner = "b" * 700
        made.ports.extend(pb.Port(number=number, label="p" * 600) for number in range(40))
        return made

    for name in "abc":
        repo.add("/devices", device(name))
    repo.prune()
    repo.remove("/devices/a")
    repo.prune()
    marking.check_all_gone(repo)
    assert repo.get("/devices/b", deep=True) == device("b")
    repo.update("/devices/b/ports/7", pb.Port(number=7))
    repo.tag("changed")
    repo.replace("/devices/b", device("b"))
    repo.add("/devices", device("a"))
    repo.prune()
    marking.check_all_gone(repo)
    assert [repo.get(("devices", name), deep=True) == device(name) for name in "abc"] == [True] * 3
    repo.delete_tag("changed")
    repo.prune()
    marking.check_all_gone(repo)
    assert [repo.get(("devices", name), deep=True) == device(name) for name in "abc"] == [True] * 3


def test_content_that_returns(store: Place, repo: treering.Repository) -> None:
    repo.replace("/", large_network())
    first = repo.head
    repo.tag("first")
    for _ in range(5):
        repo.replace("/devices/d007", pb.Device(name="d007"))
        repo.update("/settings", pb.Settings())
        repo.remove("/devices/d030")
        repo.replace("/", large_network())
        assert repo.head.tree_id == first.tree_id
        repo.prune()
        marking.check_all_gone(repo)
    repo.delete_tag("first")
    repo.prune()
    marking.check_all_gone(repo)
    assert store.reopen().get(deep=True) == large_network()


def test_content_put_back_from_a_tag_outlives_the_tag(store: Place, repo: treering.Repository) -> None:
    repo.replace("/", large_network())
    repo.tag("good")
    repo.replace("/", pb.Network(name="empty"))
    repo.prune()
    repo.replace("/", repo.get(deep=True, at="good"))
    repo.delete_tag("good")
    repo.prune()
    marking.check_all_gone(repo)
    assert store.reopen().get(deep=True) == large_network()


def test_containers_that_grow_and_shrink_by_levels(repo: treering.Repository) -> None:
    """The root page of one tree may stand lower in the next."""
    for size in (3, 400, 5, 60, 0, 400, 399, 20, 1):
        message = pb.Network()
        message.devices.extend(pb.Device(name=f"d{number:04}", vendor="v" * 30) for number in range(size))
        repo.replace("/", message)
        if size in {400, 20}:
            repo.tag(f"size-{size}", move=True)
        repo.prune(keep_last=2)
        marking.check_all_gone(repo)
        assert repo.count("/devices") == size


def test_many_tags_and_many_gaps(store: Place, repo: treering.Repository) -> None:
    """Names and grafts beyond 2 KiB stand in objects of their own, which must not be left behind."""
    for number in range(120):
        repo.update("/", pb.Network(name=str(number)))
        if number % 2:
            repo.tag(f"tag-{number}")
    repo.prune()
    marking.check_all_gone(repo)
    assert [commit.seq for commit in repo.log()] == list(range(120, 0, -2))
    for number in range(1, 100, 2):
        repo.delete_tag(f"tag-{number}")
        repo.prune()
        marking.check_all_gone(repo)
    repo = store.reopen()
    assert [commit.seq for commit in repo.log()] == list(range(120, 100, -2))
    repo.delete_tag(*repo.tags)
    repo.prune()
    marking.check_all_gone(repo)
    assert len(store.content()) == 3  # root, commit, schema


def test_a_dead_list_too_large_for_the_root(store: Place, repo: treering.Repository) -> None:
    repo.replace("/", large_network(1_000))
    repo.replace("/", pb.Network(name="small"))
    assert repo.prune().objects > 2048 // 16
    marking.check_all_gone(repo)
    assert len(store.content()) == 3


def test_a_thousand_commits_at_once(repo: treering.Repository) -> None:
    for number in range(1_000):
        repo.update("/", pb.Network(name=str(number)))
    assert repo.prune(keep_last=2).commits == 999
    marking.check_all_gone(repo)


def test_another_schema_in_the_middle(store: Place) -> None:
    """A schema object is freed with the last commit that names it."""
    from tests.engine.versions import network_of, without  # here: it makes descriptor pools

    old = network_of(without("Network", "notes"))
    repo = store.open(old)
    repo.update("/", old(name="old"))
    repo.tag("old")
    repo = store.reopen()
    repo.update("/", pb.Network(name="new"))
    repo.prune()
    marking.check_all_gone(repo)
    assert store.reopen().get(at="old").name == "old"
    repo = store.reopen()
    repo.delete_tag("old")
    repo.prune()
    marking.check_all_gone(repo)
    assert len(store.content()) == 3
