"""POST hooks: once each, after the commit is durable, in commit order."""

from __future__ import annotations

import logging
import threading
from itertools import pairwise
from typing import Any

import pytest
from tests.engine.place import Place
from tests.engine.trees import device
from tests.hooks.ear import Ear
from tests.proto import engine_pb2 as pb

import treering
from treering import POST_ADD, POST_REMOVE, POST_UPDATE, Repository
from treering.backend.open import open_backend
from treering.testing.faults import FaultyBackend

DEEPEST = 16


@pytest.fixture
def net(repo: Repository) -> Repository:
    repo.replace("/", pb.Network(devices=[device("d1"), device("d2")]))
    return repo


def _vendor(name: str, vendor: object) -> pb.Device:
    return pb.Device(name=name, vendor=str(vendor))


def test_the_commit_is_durable_when_a_hook_hears_of_it(net: Repository, store: Place) -> None:
    seen: list[tuple[str, int]] = []

    def look(message: pb.Device) -> None:
        with treering.open(store.target) as other:  # through a handle of its own
            seen.append((other.get(treering.Path("devices", message.name)).vendor, other.head.seq))

    net.proxy("/devices/d1").on(POST_UPDATE, look)
    net.update("/devices/d1", _vendor("d1", "one"))
    with net.transaction() as tx:
        tx.update("/devices/d1", _vendor("d1", "two"))
        tx.add("/devices", device("d3"))
        assert len(seen) == 1
    assert seen == [("one", 2), ("two", 3)]


def test_a_cancelled_transaction_is_not_told(net: Repository) -> None:
    ear = Ear(net, "/", "/devices/d1", kinds=[POST_ADD, POST_UPDATE, POST_REMOVE])
    tx = net.transaction()
    tx.update("/devices/d1", _vendor("d1", 1))
    tx.cancel()
    with pytest.raises(RuntimeError), net.transaction() as tx:
        tx.remove("/devices/d1")
        raise RuntimeError
    tx = net.transaction()
    tx.remove("/devices/d1")
    del tx
    net.add("/devices", device("d3"))
    assert ear.told() == [("post_add", "/")]


def test_a_conflict_is_not_told(net: Repository) -> None:
    ear = Ear(net, "/", "/devices/d1", kinds=[POST_ADD, POST_UPDATE])
    tx = net.transaction()
    tx.update("/devices/d1", _vendor("d1", "mine"))
    tx.add("/devices", device("d3"))
    net.update("/devices/d1", _vendor("d1", "theirs"))
    assert ear.told() == [("post_update", "/devices/d1")]
    with pytest.raises(treering.MergeConflict):
        tx.commit()
    assert ear.told() == []


@pytest.mark.parametrize("moment", ["before", "during"])
def test_a_failed_publication_is_not_told(net: Repository, store: Place, moment: Any) -> None:
    store.close()
    backend = FaultyBackend(open_backend(store.target)[0])
    with treering.open(backend, pb.Network) as faulty:
        ear = Ear(faulty, "/", "/devices/d1")
        faulty.update("/", pb.Network(name="first"))  # takes a session
        ear.heard.clear()
        head = faulty.head
        backend.fail("publish", moment=moment)
        with pytest.raises(treering.Unavailable):
            faulty.update("/devices/d1", _vendor("d1", "failed"))
        tx = faulty.transaction()
        tx.add("/devices", device("d3"))
        backend.fail("publish", moment=moment)
        with pytest.raises(treering.Unavailable):
            tx.commit()
        assert faulty.head == head
        assert ear.told() == [("pre_update", "/devices/d1"), ("pre_add", "/")]
        faulty.update("/devices/d1", _vendor("d1", "done"))
        assert ear.told() == [("pre_update", "/devices/d1"), ("post_update", "/devices/d1")]


def test_a_refused_validation_is_not_told(net: Repository) -> None:
    ear = Ear(net, "/")

    @net.validator
    def refuse(snapshot: treering.Snapshot, diff: treering.Diff) -> None:
        raise ValueError

    with pytest.raises(ValueError):
        net.add("/devices", device("d3"))
    assert ear.told() == [("pre_add", "/")]


def test_commits_of_another_handle_are_not_told(net: Repository, store: Place) -> None:
    ear = Ear(net, "/", "/devices/d1")
    other = store.open()
    other.update("/devices/d1", _vendor("d1", "other"))
    other.add("/devices", device("d3"))
    assert net.count("/devices") == 3
    net.update("/", pb.Network(name="own"))
    assert ear.told() == [("pre_update", "/"), ("post_update", "/")]


def test_a_hook_that_writes(net: Repository) -> None:
    order: list[str] = []

    def note(message: pb.Device) -> None:
        order.append(f"{message.name} came")
        commit = net.update("/", pb.Network(name=message.name))
        assert commit == net.head
        order.append(f"noted at {commit.seq}")

    root = net.proxy("/")
    root.on(POST_ADD, note)
    root.on(POST_ADD, lambda message: order.append(f"and {message.name} again"))
    root.on(POST_UPDATE, lambda message: order.append(f"note of {message.name}"))
    net.add("/devices", device("d3"))
    assert order == ["d3 came", "noted at 3", "and d3 again", "note of d3"]
    assert net.get().name == "d3"
    order.clear()
    with net.transaction() as tx:
        tx.add("/devices", device("d4"))
        tx.add("/devices", device("d5"))
    assert order == [
        "d4 came",
        "noted at 5",
        "and d4 again",
        "d5 came",
        "noted at 6",
        "and d5 again",
        "note of d4",
        "note of d5",
    ]


def test_a_hook_that_writes_by_a_transaction_a_proxy_and_run(net: Repository) -> None:
    devices = net.proxy("/devices/d1")

    def write(message: pb.Device) -> None:
        with net.transaction() as tx:
            tx.update("/", pb.Network(name=message.name))
        devices.update("/ports/0", pb.Port(number=0, label=message.name))
        net.run(lambda tx: tx.update("/devices/d2", _vendor("d2", message.name)))

    net.proxy("/").on(POST_ADD, write)
    net.add("/devices", device("d3"))
    assert net.hooks.failures == 0
    assert (net.get().name, net.get("/devices/d1/ports/0").label, net.get("/devices/d2").vendor) == ("d3", "d3", "d3")
    assert net.head.seq == 5


def test_a_hook_that_raises(net: Repository, caplog: pytest.LogCaptureFixture) -> None:
    ear = Ear(net, "/", kinds=[POST_ADD])

    def fail(message: pb.Device) -> None:
        raise treering.MergeConflict(message.name)

    net.proxy("/").on(POST_ADD, fail)
    after = Ear(net, "/", kinds=[POST_ADD])
    with caplog.at_level(logging.ERROR, logger="treering.hooks"):
        commit = net.add("/devices", device("d3"))
        with net.transaction() as tx:
            tx.add("/devices", device("d4"))
            tx.add("/devices", device("d5"))
    assert commit.seq == 2
    assert net.keys("/devices") == ["d1", "d2", "d3", "d4", "d5"]
    assert net.hooks.failures == 3
    assert len(caplog.records) == 3
    assert all(record.exc_info and record.exc_info[0] is treering.MergeConflict for record in caplog.records)
    assert [message.name for message in ear.messages()] == ["d3", "d4", "d5"]
    assert [message.name for message in after.messages()] == ["d3", "d4", "d5"]


def test_an_interrupt_in_a_hook_is_not_swallowed_and_the_next_commit_tells_the_rest(net: Repository) -> None:
    proxy = net.proxy("/")

    def interrupt(message: pb.Device) -> None:
        proxy.off(POST_ADD, interrupt)
        raise KeyboardInterrupt

    proxy.on(POST_ADD, interrupt)
    ear = Ear(net, "/", kinds=[POST_ADD])
    tx = net.transaction()
    tx.add("/devices", device("d3"))
    tx.add("/devices", device("d4"))
    with pytest.raises(KeyboardInterrupt):
        tx.commit()
    assert net.exists("/devices/d4")
    net.add("/devices", device("d5"))
    assert [message.name for message in ear.messages()] == ["d4", "d5"]
    assert net.hooks.failures == 0


def test_an_endless_chain_is_cut(net: Repository, caplog: pytest.LogCaptureFixture) -> None:
    errors: list[treering.Error] = []

    def again(message: pb.Device) -> None:
        try:
            net.update("/devices/d1", _vendor("d1", int(message.vendor) + 1))
        except treering.TooDeep as error:
            errors.append(error)
            raise

    net.proxy("/devices/d1").on(POST_UPDATE, again)
    with caplog.at_level(logging.ERROR, logger="treering.hooks"):
        for start in (1, 101):
            first = net.update("/devices/d1", _vendor("d1", start))
            assert net.get("/devices/d1").vendor == str(start + DEEPEST - 1)
            assert net.head.seq == first.seq + DEEPEST - 1
    assert net.hooks.failures == 2
    assert len(errors) == 2
    assert any("deeper than 16" in record.message for record in caplog.records)


def test_an_endless_chain_of_transactions_is_cut(net: Repository) -> None:
    def again(message: pb.Device) -> None:
        with net.transaction() as tx:
            tx.update("/devices/d1", _vendor("d1", int(message.vendor) + 1))

    net.proxy("/devices/d1").on(POST_UPDATE, again)
    net.update("/devices/d1", _vendor("d1", 1))
    assert net.get("/devices/d1").vendor == str(DEEPEST)
    assert net.hooks.failures == 1
    net.add("/devices", device("d3"))  # and nothing is stuck


def test_a_long_row_of_writes_by_one_hook_is_no_chain(net: Repository) -> None:
    def many(message: pb.Device) -> None:
        for number in range(DEEPEST * 3):
            net.update("/devices/d2", _vendor("d2", number))

    net.proxy("/").on(POST_ADD, many)
    net.add("/devices", device("d3"))
    assert net.hooks.failures == 0
    assert net.get("/devices/d2").vendor == str(DEEPEST * 3 - 1)


def test_two_hooks_that_undo_each_other_end_too(net: Repository) -> None:
    net.proxy("/devices/d1").on(POST_UPDATE, lambda _: net.update("/devices/d2", _vendor("d2", net.head.seq)))
    net.proxy("/devices/d2").on(POST_UPDATE, lambda _: net.update("/devices/d1", _vendor("d1", net.head.seq)))
    net.update("/devices/d1", _vendor("d1", "start"))
    assert net.hooks.failures == 1
    assert net.head.seq == 1 + DEEPEST


def test_threads_hear_everything_once_in_commit_order(net: Repository) -> None:
    heard: list[str] = []
    net.proxy("/").on(POST_ADD, lambda message: heard.append(message.name))
    names = [f"t{number}" for number in range(8)]

    def work(name: str) -> None:
        for number in range(15):
            if number % 3:
                net.add("/devices", pb.Device(name=f"{name}-{number}"))
            else:
                net.run(lambda tx, n=number: tx.add("/devices", pb.Device(name=f"{name}-{n}")))

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert net.hooks.failures == 0
    commits = list(net.log())[::-1][1:]
    added = [change.new.name for a, b in pairwise(commits) for change in net.diff(a, b)]
    assert heard == added
    assert len(added) == len(set(added)) == 8 * 15


def test_a_hook_that_waits_for_another_threads_commit_does_not_hang(net: Repository) -> None:
    heard: list[str] = []

    def wait(message: pb.Device) -> None:
        heard.append(message.name)
        if message.name == "d3":
            thread = threading.Thread(target=net.add, args=("/devices", device("d4")))
            thread.start()
            thread.join(20)
            assert not thread.is_alive()

    net.proxy("/").on(POST_ADD, wait)
    net.add("/devices", device("d3"))
    assert heard == ["d3", "d4"]
    assert net.hooks.failures == 0


def test_hooks_may_come_and_go_while_hooks_run(net: Repository) -> None:
    root = net.proxy("/")
    heard: list[str] = []

    def once(message: pb.Device) -> None:
        heard.append(f"once {message.name}")
        assert root.off(POST_ADD, once)
        root.on(POST_ADD, always)

    def always(message: pb.Device) -> None:
        heard.append(f"always {message.name}")

    root.on(POST_ADD, once)
    net.add("/devices", device("d3"))
    net.add("/devices", device("d4"))
    assert heard == ["once d3", "always d4"]


def test_off_before_the_commit_is_in_time(net: Repository) -> None:
    ear = Ear(net, "/", kinds=[POST_ADD])
    tx = net.transaction()
    tx.add("/devices", device("d3"))
    net.proxy("/").off(POST_ADD, ear.hear)
    tx.commit()
    assert ear.told() == []


def test_what_a_process_told_is_not_told_again_after_a_restart(store: Place) -> None:
    repo = store.open()
    ear = Ear(repo, "/")
    repo.add("/devices", device("d1"))
    assert len(ear.told()) == 2
    again = store.reopen()
    ear = Ear(again, "/")
    again.update("/devices/d1", _vendor("d1", 1))
    assert ear.told() == []
