from __future__ import annotations

from typing import Any

import pytest
from tests.engine.patching import to_json
from tests.engine.place import Place
from tests.engine.versions import network_of
from tests.proto import engine_pb2 as pb

import treering
from treering import TooDeep, TooLarge

LEVELS = 100  # of one message, the outermost included
MAX_OWN_BYTES = 64 << 20


def test_a_large_message_is_kept(repo: treering.Repository, store: Place) -> None:
    image = bytes(range(256)) * (16 << 10)  # 4 MiB
    repo.add("/devices", pb.Device(name="d", image=image))
    assert store.reopen().get("/devices/d").image == image


def test_a_message_over_the_limit_is_refused(repo: treering.Repository, store: Place) -> None:
    repo.add("/devices", pb.Device(name="d"))
    large = pb.Device(name="d", image=bytes(MAX_OWN_BYTES))
    with store.refuses(TooLarge) as caught:
        repo.update("/devices/d", large)
    assert isinstance(caught.value, ValueError)
    facts: Any = caught.value
    assert facts.size_bytes > facts.limit_bytes == MAX_OWN_BYTES
    with store.refuses(TooLarge):
        repo.replace("/devices/d", large)
    large.name = "e"
    with store.refuses(TooLarge):
        repo.add("/devices", large)
    assert repo.keys("/devices") == ["d"]


def _nest(levels: int, top: pb.Nest | None = None) -> pb.Nest:
    """Return a plain message of so many levels. Built in place: protobuf itself cannot copy one beyond the limit."""
    top = current = pb.Nest() if top is None else top
    for _ in range(levels - 1):
        current.inner.SetInParent()
        current = current.inner
    return top


def _folders(levels: int, step: str = "folders", top: pb.Folder | None = None) -> pb.Folder:
    top = current = pb.Folder() if top is None else top
    current.name = "f"
    for _ in range(levels - 1):
        current = current.folders.add() if step == "folders" else current.shortcut
        current.name = "f"
    return top


def _network(levels: int, step: str) -> pb.Network:
    made = pb.Network()
    _folders(levels, step, made.folders.add())
    return made


@pytest.mark.parametrize("step", ["folders", "shortcut"])
def test_the_deepest_tree_reads_deep_and_one_more_is_refused(
    repo: treering.Repository, store: Place, step: str
) -> None:
    deepest = _folders(LEVELS - 1, step)
    with store.refuses(TooDeep) as caught:
        repo.add("/folders", _folders(LEVELS, step))
    assert isinstance(caught.value, ValueError)
    with store.refuses(TooDeep):
        repo.replace("/", _network(LEVELS, step))
    commit = repo.add("/folders", deepest)
    assert repo.get("/folders/f", deep=True) == deepest
    whole = repo.get(deep=True)
    assert whole == pb.Network(folders=[deepest])
    assert pb.Network.FromString(whole.SerializeToString()) == whole
    assert to_json(whole)["folders"]
    assert repo.diff("main~1").json_patch()
    assert repo.replace("/", whole) == commit
    bottom = (
        "/folders/f" + "/folders/f" * (LEVELS - 2) if step == "folders" else "/folders/f" + "/shortcut" * (LEVELS - 2)
    )
    assert repo.get(bottom).name == "f"
    assert store.reopen().get(deep=True) == whole


def test_depth_grows_step_by_step_up_to_the_limit(repo: treering.Repository, store: Place) -> None:
    repo.add("/folders", pb.Folder(name="f"))
    path = "/folders/f"
    for _ in range(LEVELS - 2):
        repo.add(f"{path}/folders", pb.Folder(name="f"))
        path += "/folders/f"
    with store.refuses(TooDeep):
        repo.add(f"{path}/folders", pb.Folder(name="f"))
    with store.refuses(TooDeep):
        repo.update(f"{path}/shortcut", pb.Folder())
    with store.refuses(TooDeep):
        repo.replace(f"{path}/shortcut", pb.Folder())
    with store.refuses(TooDeep):
        repo.update(path, pb.Folder(name="f", nest=pb.Nest()))
    with store.refuses(TooDeep):
        repo.update(path, pb.Folder(nest=pb.Nest()), mask=["nest"])
    repo.update(path, pb.Folder(name="f", text="flat is fine"))
    assert repo.get(path).text == "flat is fine"
    assert pb.Network.FromString(repo.get(deep=True).SerializeToString()) == repo.get(deep=True)


@pytest.mark.parametrize("above", [1, 2, 50, LEVELS - 2])
def test_plain_messages_count_with_the_children_above_them(repo: treering.Repository, store: Place, above: int) -> None:
    path = "/folders/f" + "/folders/f" * (above - 1)
    repo.add("/folders", _folders(above))
    room = LEVELS - 1 - above
    with store.refuses(TooDeep):
        repo.update(path, pb.Folder(name="f", nest=_nest(room + 1)))
    repo.update(path, pb.Folder(name="f", nest=_nest(room)))
    found = repo.get(deep=True)
    assert pb.Network.FromString(found.SerializeToString()) == found


def test_a_map_takes_two_levels() -> None:
    deepest = pb.Network()
    port = deepest.sites["s"].ports.add()
    assert treering.Schema(pb.Network).root.children["sites"].levels == 2
    repo = treering.open({}, pb.Network)
    repo.replace("/", deepest)
    assert repo.get(deep=True) == deepest
    assert not port.number


@pytest.mark.parametrize("levels", [101, 102, 150, 2000])
@pytest.mark.parametrize("step", ["folders", "shortcut"])
def test_an_absurd_depth_is_refused_as_well(repo: treering.Repository, store: Place, levels: int, step: str) -> None:
    with store.refuses(TooDeep):
        repo.add("/folders", _folders(levels, step))
    whole = _network(levels, step)
    with store.refuses(TooDeep):
        repo.replace("/", whole)
    whole.MergeFromString(b"\xd2\x05\x01x")  # a field that the schema does not know
    with store.refuses(TooDeep):
        repo.replace("/", whole)


@pytest.mark.parametrize("levels", [99, 100, 101, 150, 2000])
def test_an_absurd_depth_in_a_plain_message(repo: treering.Repository, store: Place, levels: int) -> None:
    repo.add("/folders", pb.Folder(name="f"))
    given = pb.Folder(name="f", text="new")
    _nest(levels, given.nest)
    with store.refuses(TooDeep):
        repo.update("/folders/f", given)
    with store.refuses(TooDeep):
        repo.update("/folders/f", given, mask=["nest"])
    with store.refuses(TooDeep):
        repo.replace("/folders/f", given)
    _nest(levels, given.nests.add())
    with store.refuses(TooDeep):
        repo.update("/folders/f", given, mask=["nests"])
    repo.update("/folders/f", given, mask=["text"])
    assert repo.get("/folders/f") == pb.Folder(name="f", text="new")
    given.name = "g"
    with store.refuses(TooDeep):
        repo.add("/folders", given)


def test_an_absurd_depth_of_another_pool(repo: treering.Repository, store: Place) -> None:
    folder = network_of(name="Folder")
    top = current = folder(name="f")
    for _ in range(300):
        current = current.folders.add(name="f")
    with store.refuses(TooDeep):
        repo.add("/folders", top)


def test_many_children(repo: treering.Repository, store: Place) -> None:
    tree = pb.Network(devices=[pb.Device(name=str(number * 7919 % 20_000)) for number in range(20_000)])
    repo.replace("/", tree)
    assert repo.count("/devices") == 20_000
    again = store.reopen()
    assert again.get(deep=True) == tree
    assert again.keys("/devices", start="5", limit=3) == ["5", "50", "500"]
