"""What the ancestor (VOLTHA's config core) got wrong about proxies and hooks, each as a test that it is gone."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.engine.trees import device
from tests.proto import engine_pb2 as pb

import treering
from treering import GET, POST_ADD, POST_UPDATE, PRE_ADD, PRE_UPDATE, Repository

PROJECT = Path(__file__).resolve().parents[2]

# A hook that writes, in a process of its own: a deadlock there must not hang the tests.
WRITING_HOOK = """
import treering
from tests.proto import engine_pb2 as pb
repo = treering.open({}, pb.Network)
repo.add("/devices", pb.Device(name="d", ports=[pb.Port(number=1)]))
KIND = treering.%s
root = repo.proxy("/")
port = repo.proxy("/devices/d/ports/1")
def hook(message):
    root.update("/", pb.Network(name=repo.get("/").name + "+"))
port.on(KIND, hook)
port.update("/", pb.Port(number=1, label="one"))
with root.transaction() as tx:
    tx.update("/devices/d/ports/1", pb.Port(number=1, label="two"))
port.get()
port.off(KIND, hook)
print(repo.get("/").name, port.get().label, repo.hooks.failures)
"""


@pytest.fixture
def net(repo: Repository) -> Repository:
    repo.replace("/", pb.Network(name="net", devices=[device("d1"), device("d2")]))
    return repo


@pytest.mark.parametrize("key", [0, 1, 7, (1 << 32) - 1])
def test_proxies_know_integer_keys(net: Repository, key: int) -> None:
    net.replace("/devices/d1", pb.Device(name="d1", ports=[pb.Port(number=key), pb.Port(number=key ^ 2)]))
    proxy = net.proxy(f"/devices/d1/ports/{key}")
    heard: list[pb.Port | pb.Flow] = []
    proxy.on(POST_UPDATE, heard.append)
    proxy.on(POST_ADD, heard.append)
    assert proxy.get() == pb.Port(number=key)
    proxy.update("/", pb.Port(number=key, label="by proxy"))
    proxy.add("/flows", pb.Flow(id=key))
    assert proxy.get(f"/flows/{key}") == pb.Flow(id=key)
    with proxy.transaction() as tx:
        tx.update(("flows", key), pb.Flow(id=key, match="in a transaction"))
    assert heard == [pb.Port(number=key, label="by proxy"), pb.Flow(id=key)]
    assert net.get("/devices/d1", deep=True) == pb.Device(
        name="d1",
        ports=[
            pb.Port(number=key, label="by proxy", flows=[pb.Flow(id=key, match="in a transaction")]),
            pb.Port(number=key ^ 2),
        ],
    )


@pytest.mark.parametrize(
    ("kind", "answer"), [("PRE_UPDATE", "++ two 0"), ("POST_UPDATE", "++ two 0"), ("GET", "+ two 0")]
)
def test_a_hook_that_writes_does_not_lock_up(kind: str, answer: str) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", WRITING_HOOK % kind],
        cwd=PROJECT,
        env={"PYTHONPATH": f"{PROJECT}:{PROJECT / 'src'}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.stderr, result.stdout.strip()) == ("", answer)


def test_hooks_fire_whichever_way_the_change_comes(net: Repository) -> None:
    heard: list[str] = []
    net.proxy("/devices/d1").on(POST_UPDATE, lambda message: heard.append(message.vendor))
    net.update("/devices/d1", pb.Device(name="d1", vendor="root"))
    net.proxy("/").update("/devices/d1", pb.Device(name="d1", vendor="root proxy"))
    net.proxy("/devices/d1").update("/", pb.Device(name="d1", vendor="own proxy"))
    with net.proxy("/").transaction() as tx:
        tx.update("/devices/d1", pb.Device(name="d1", vendor="transaction"))
    with net.proxy("/devices/d1").transaction() as tx:
        tx.update("/", pb.Device(name="d1", vendor="own transaction"))
    wanted = net.get(deep=True)
    wanted.devices[0].vendor = "replace"
    net.replace("/", wanted)
    assert heard == ["root", "root proxy", "own proxy", "transaction", "own transaction", "replace"]


def test_a_transaction_asks_before_and_tells_only_after_its_commit(net: Repository) -> None:
    order: list[str] = []
    root = net.proxy("/")
    root.on(PRE_ADD, lambda message: order.append(f"may {message.name}"))
    root.on(POST_ADD, lambda message: order.append(f"done {message.name}"))
    with root.transaction() as tx:
        tx.add("/devices", pb.Device(name="x"))
        tx.add("/devices", pb.Device(name="y"))
        order.append("commit")
    assert order == ["may x", "may y", "commit", "done x", "done y"]


def test_a_rejected_edit_leaves_no_trace(net: Repository) -> None:
    def reject(message: pb.Device) -> None:
        raise ValueError(message.vendor)

    net.proxy("/devices/d1").on(PRE_UPDATE, reject)
    head = net.head
    with pytest.raises(ValueError, match="bad"):
        net.update("/devices/d1", pb.Device(name="d1", vendor="bad"))
    assert net.head == head
    assert net.get("/devices/d1").vendor == "acme"


def test_a_get_hook_does_not_leak_into_what_others_read(net: Repository) -> None:
    net.proxy("/devices/d1").on(GET, lambda message: message.Clear())
    net.get("/devices/d1")
    assert net.get(deep=True).devices[0] == device("d1")
    assert net.at("main").get("/devices/d1").vendor == "acme"


def test_hooks_that_write_in_many_threads_all_end(net: Repository) -> None:
    def count(message: pb.Device) -> None:
        net.run(lambda tx: tx.update("/", pb.Network(name=tx.get().name + "+")), attempts=1000)

    net.proxy("/").on(POST_ADD, count)
    net.proxy("/devices/d1").on(PRE_UPDATE, count)
    net.update("/", pb.Network())

    def work(number: int) -> None:
        for turn in range(5):
            net.add("/devices", pb.Device(name=f"{number}-{turn}"))
            net.update("/devices/d1", pb.Device(name="d1", vendor=f"{number}-{turn}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert net.hooks.failures == 0
    assert net.get().name == "+" * 60


def test_two_stores_in_one_process_have_their_own_hooks() -> None:
    one, two = (treering.open({}, pb.Network) for _ in range(2))
    heard: list[str] = []
    one.proxy("/").on(POST_UPDATE, lambda _: heard.append("one"))
    two.proxy("/").on(POST_UPDATE, lambda _: heard.append("two"))
    two.update("/", pb.Network(name="x"))
    assert heard == ["two"]
