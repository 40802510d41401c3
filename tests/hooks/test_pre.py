"""PRE hooks: once, at the edit; what they raise goes to the caller, and nothing happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.engine.place import Place
from tests.engine.trees import device
from tests.hooks.ear import Ear
from tests.proto import engine_pb2 as pb

import treering
from treering import PRE_ADD, PRE_REMOVE, PRE_UPDATE, HookKind, Repository


class Vetoed(Exception):
    """What a user's hook raises: nothing of treering's."""


EDITS: list[tuple[str, HookKind, str, Callable[[Any], object]]] = [
    ("add", PRE_ADD, "/", lambda tree: tree.add("/devices", device("d3"))),
    ("add to a list", PRE_ADD, "/", lambda tree: tree.add("/rules", pb.Rule())),
    ("add to a map", PRE_ADD, "/", lambda tree: tree.add("/sites", pb.Site(), key="s")),
    ("update", PRE_UPDATE, "/devices/d1", lambda tree: tree.update("/devices/d1", pb.Device(name="d1"))),
    ("create", PRE_ADD, "/", lambda tree: tree.update("/settings", pb.Settings())),
    ("remove", PRE_REMOVE, "/", lambda tree: tree.remove("/devices/d1")),
    ("clear", PRE_REMOVE, "/devices/d1", lambda tree: tree.clear("/devices/d1/settings")),
    ("replace", PRE_REMOVE, "/devices/d1", lambda tree: tree.replace("/devices/d1", pb.Device(name="d1", vendor="x"))),
    ("replace all", PRE_UPDATE, "/", lambda tree: tree.replace("/", pb.Network(name="x"))),
]


@pytest.fixture
def net(repo: Repository) -> Repository:
    made = pb.Network(devices=[device("d1"), device("d2")])
    made.devices[0].settings.mtu = 1
    repo.replace("/", made)
    return repo


def _veto(message: object, error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(("kind", "path", "edit"), [case[1:] for case in EDITS], ids=[case[0] for case in EDITS])
@pytest.mark.parametrize("through", ["repository", "proxy"])
@pytest.mark.parametrize("error", [Vetoed("no"), treering.PathNotFound("mine"), KeyboardInterrupt(), StopIteration()])
def test_what_a_hook_raises_reaches_the_caller(
    net: Repository,
    store: Place,
    kind: HookKind,
    path: str,
    edit: Callable[[Any], object],
    through: str,
    error: BaseException,
) -> None:
    net.proxy(path).on(kind, _veto, error)
    tree = net if through == "repository" else net.proxy("/")
    with store.unchanged(), pytest.raises(type(error)) as caught:
        edit(tree)
    assert caught.value is error
    assert error.__cause__ is None
    tx = tree.transaction()
    before = tx.get(deep=True)
    with pytest.raises(type(error)) as caught:
        edit(tx)
    assert caught.value is error
    assert tx.get(deep=True) == before
    head = net.head
    assert tx.commit() == head  # wrote nothing


def test_a_veto_leaves_the_rest_of_a_transaction_as_it_is(net: Repository) -> None:
    net.proxy("/").on(PRE_ADD, _veto, Vetoed())
    ear = Ear(net, "/", "/devices/d1")
    with net.transaction() as tx:
        tx.update("/devices/d1", pb.Device(name="d1", vendor="kept"))
        with pytest.raises(Vetoed):
            tx.add("/devices", device("d3"))
        tx.remove("/devices/d2")
    assert net.keys("/devices") == ["d1"]
    assert net.get("/devices/d1").vendor == "kept"
    assert [kind for kind, _ in ear.told()] == ["pre_update", "pre_remove", "post_update", "post_remove"]


def test_a_veto_that_leaves_the_block_cancels_the_transaction(net: Repository, store: Place) -> None:
    error = Vetoed()
    net.proxy("/").on(PRE_ADD, _veto, error)
    ear = Ear(net, "/devices/d1")
    with store.unchanged(), pytest.raises(Vetoed) as caught, net.transaction() as tx:
        tx.update("/devices/d1", pb.Device(name="d1", vendor="lost"))
        tx.add("/devices", device("d3"))
    assert caught.value is error
    assert ear.told() == [("pre_update", "/devices/d1")]


def test_a_veto_ends_run_at_once(net: Repository, store: Place) -> None:
    error = Vetoed()
    net.proxy("/").on(PRE_ADD, _veto, error)
    calls: list[int] = []

    def work(tx: treering.Transaction) -> None:
        calls.append(1)
        tx.add("/devices", device("d3"))

    with store.unchanged(), pytest.raises(Vetoed) as caught:
        net.run(work)
    assert caught.value is error
    assert calls == [1]


def test_the_second_hook_is_not_asked_after_a_veto_of_the_first(net: Repository) -> None:
    net.proxy("/").on(PRE_ADD, _veto, Vetoed())
    ear = Ear(net, "/")
    with pytest.raises(Vetoed):
        net.add("/devices", device("d3"))
    assert ear.told() == []


def test_a_veto_of_the_second_hook_is_enough(net: Repository) -> None:
    ear = Ear(net, "/")
    net.proxy("/").on(PRE_ADD, _veto, Vetoed())
    with pytest.raises(Vetoed):
        net.add("/devices", device("d3"))
    assert ear.told() == [("pre_add", "/")]
    assert not net.exists("/devices/d3")


def test_any_node_of_a_replace_may_veto_it(net: Repository, store: Place) -> None:
    net.proxy("/devices/d2/ports/1").on(PRE_REMOVE, _veto, Vetoed())
    wanted = net.get(deep=True)
    wanted.devices[0].vendor = "x"
    del wanted.devices[1].ports[1].flows[1]
    with store.unchanged(), pytest.raises(Vetoed):
        net.replace("/", wanted)


def test_a_hook_is_asked_once_though_the_edit_runs_again(net: Repository, store: Place) -> None:
    other = store.open()
    moved: list[treering.Commit] = []

    def move(message: object) -> None:  # another writer is faster, between the question and the commit
        moved.append(other.update("/devices/d2", pb.Device(name="d2", vendor=str(len(moved)))))

    net.proxy("/devices/d1").on(PRE_UPDATE, move)
    ear = Ear(net, "/devices/d1")
    commit = net.update("/devices/d1", pb.Device(name="d1", vendor="v"))
    assert commit.parents == (moved[0].id,)
    assert len(moved) == 1
    assert [kind for kind, _ in ear.told()] == ["pre_update", "post_update"]
    with net.transaction() as tx:
        tx.update("/devices/d1", pb.Device(name="d1", vendor="w"))
        other.update("/devices/d2", pb.Device(name="d2"))
    assert len(moved) == 2
    assert [kind for kind, _ in ear.told()] == ["pre_update", "post_update"]


def test_run_asks_at_each_of_its_calls(net: Repository, store: Place) -> None:
    other = store.open()
    ear = Ear(net, "/devices/d1")
    attempts: list[int] = []

    def work(tx: treering.Transaction) -> None:
        vendor = tx.get("/devices/d1").vendor
        attempts.append(1)
        if len(attempts) == 1:
            other.update("/devices/d1", pb.Device(name="d1", vendor="theirs"))
        tx.update("/devices/d1", pb.Device(name="d1", vendor=vendor + "+"))

    net.run(work)
    assert net.get("/devices/d1").vendor == "theirs+"
    assert [kind for kind, _ in ear.told()] == ["pre_update", "pre_update", "post_update"]


def test_hooks_get_copies(net: Repository) -> None:
    def spoil(message: pb.Device) -> None:
        message.vendor = "spoilt"
        del message.ports[:]

    root = net.proxy("/")
    for kind in (PRE_ADD, treering.POST_ADD):
        root.on(kind, spoil)
    ear = Ear(net, "/")
    given = device("d3")
    net.add("/devices", given)
    with net.transaction() as tx:
        tx.add("/devices", device("d4"))
        assert tx.get("/devices/d4", deep=True) == device("d4")
    assert given == net.get("/devices/d3", deep=True) == device("d3")
    assert ear.messages() == [device("d3"), device("d3"), device("d4"), device("d4")]


def test_a_hook_may_read_and_write_before(net: Repository) -> None:
    def count(message: pb.Device) -> None:
        assert not net.exists(treering.Path("devices", message.name))  # nothing happened yet
        net.update("/", pb.Network(name=f"{net.count('/devices')} before {message.name}"))

    net.proxy("/").on(PRE_ADD, count)
    net.add("/devices", device("d3"))
    assert net.get().name == "2 before d3"
    with net.transaction() as tx:
        tx.add("/devices", device("d4"))
        assert net.get().name == "3 before d4"
    assert net.keys("/devices") == ["d1", "d2", "d3", "d4"]


def test_a_hook_that_commits_the_same_edit_is_noticed(net: Repository) -> None:
    proxy = net.proxy("/")

    def overtake(message: pb.Device) -> None:
        proxy.off(PRE_ADD, overtake)
        net.add("/devices", message)

    proxy.on(PRE_ADD, overtake)
    with pytest.raises(treering.AlreadyExists):
        net.add("/devices", device("d3"))
    assert net.get("/devices/d3", deep=True) == device("d3")


@pytest.mark.parametrize("end", ["commit", "cancel"])
def test_a_hook_may_end_the_transaction_it_is_asked_about(net: Repository, end: str) -> None:
    tx = net.transaction()
    tx.update("/devices/d1", pb.Device(name="d1", vendor="v"))
    net.proxy("/").on(PRE_ADD, lambda _: getattr(tx, end)())
    with pytest.raises(treering.TransactionClosed):
        tx.add("/devices", device("d3"))
    assert not net.exists("/devices/d3")
    assert net.get("/devices/d1").vendor == ("v" if end == "commit" else "acme")


def test_hooks_in_threads_do_not_wait_for_each_other(net: Repository) -> None:
    """No lock is held while a hook runs: it may wait for another thread that edits."""
    import threading

    def wait(message: object) -> None:
        thread = threading.Thread(target=net.update, args=("/devices/d2", pb.Device(name="d2", vendor="thread")))
        thread.start()
        thread.join(20)
        assert not thread.is_alive()

    net.proxy("/").on(PRE_ADD, wait)
    net.add("/devices", device("d3"))
    assert net.get("/devices/d2").vendor == "thread"
