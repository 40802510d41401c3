from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from unittest import mock

import pytest
from tests.engine.place import Place
from tests.engine.trees import device, network
from tests.proto import engine_pb2 as pb

import treering
from treering import AlreadyExists, AmbiguousName, InvalidName, NameNotFound, PathNotFound, WrongType
from treering.store.entropy import Entropy
from treering.tree.diff import touches


@pytest.fixture
def seven(store: Place) -> treering.Repository:
    """Commits 0 to 7; commit n has the name n."""
    repo = store.open(author="someone")
    for number in range(1, 8):
        repo.update("/", pb.Network(name=str(number)), note=f"note {number}")
    return repo


def test_a_commit_says_what_it_is(store: Place) -> None:
    before = datetime.now(UTC)
    repo = store.open(author="ann")
    first = repo.head
    second = repo.update("/", pb.Network(name="x"), author="bob", note="why")
    third = repo.update("/", pb.Network(name="y"))
    assert (first.seq, first.parents, first.author, first.note) == (0, (), "ann", "")
    assert (second.seq, second.parents, second.author, second.note) == (1, (first.id,), "bob", "why")
    assert (third.seq, third.parents, third.author) == (2, (second.id,), "ann")
    for commit in (first, second, third):
        assert len(commit.id) == len(commit.tree_id) == 64
        assert bytes.fromhex(commit.id)
        assert commit.name == f"{commit.seq}-{commit.id[:8]}"
        assert commit.time.utcoffset() == timedelta()
        assert before - timedelta(seconds=1) < commit.time < datetime.now(UTC) + timedelta(seconds=1)
    assert first.time <= second.time <= third.time
    assert repo.head == third
    assert repo.resolve(second.id) == second
    assert len({first, repo.resolve(first.id)}) == 1
    assert "bob" in repr(second)


def test_commit_0_is_the_default_message(store: Place) -> None:
    repo = store.open()
    assert repo.head.seq == 0
    assert repo.get(deep=True) == pb.Network()
    assert store.open().head == repo.head


def test_an_old_revision_stays_whole(repo: treering.Repository, store: Place) -> None:
    kept = repo.replace("/", network())
    repo.tag("v1")
    repo.remove("/devices/d1")
    repo.update("/devices/d2", pb.Device(name="d2"))
    repo.clear("/settings")
    repo.replace("/", pb.Network(name="nothing left"))
    again = repo
    for _ in range(2):
        for name in ("v1", kept, kept.id, kept.id[:8], kept.name, "main~4", kept.time):
            assert again.get(deep=True, at=name) == network()
            assert again.at(name).get(deep=True) == network()
        assert again.get("/devices/d1/ports/1/flows/1", at="v1").match == "any"
        assert again.get(deep=True) == pb.Network(name="nothing left")
        again = store.reopen()


def test_names_of_commits(seven: treering.Repository) -> None:
    commits = list(seven.log())
    assert [commit.seq for commit in commits] == [7, 6, 5, 4, 3, 2, 1, 0]
    by_seq = {commit.seq: commit for commit in commits}
    for seq, commit in by_seq.items():
        for name in (commit, commit.id, commit.id[:8], commit.id[:20], commit.name, f"main~{7 - seq}", commit.time):
            assert seven.resolve(name) == commit
        assert seven.resolve(f"{commit.name}~0") == commit
    assert seven.resolve("main") == seven.head
    assert seven.resolve(f"{by_seq[5].id[:8]}~2") == by_seq[3]
    assert seven.resolve("main~1~2") == by_seq[4]
    seven.tag("v5", "main~2")
    assert seven.resolve("v5") == by_seq[5]
    assert seven.resolve("v5~1") == by_seq[4]


@pytest.mark.parametrize(
    "name",
    [
        "nope",
        "main~8",
        "main~99999999999999999999",
        "main~" + "9" * 5000,
        "9" * 5000 + "-deadbeef",
        "nope~1",
        "0" * 64,
        "deadbeef",
        "7-deadbeef",
        "",
        "~1",
        "main~",
        "main~x",
        "/",
    ],
)
def test_unknown_names(seven: treering.Repository, name: str) -> None:
    for call in (
        seven.resolve,
        seven.at,
        seven.diff,
        lambda name: seven.get(at=name),
        lambda name: seven.tag("t", name),
    ):
        with pytest.raises(NameNotFound) as caught:
            call(name)
        assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize("name", [7, None, b"main", 1.5, ("main",), datetime(2024, 1, 1)])  # noqa: DTZ001 - refused
def test_what_is_not_a_name(seven: treering.Repository, name: object) -> None:
    with pytest.raises(WrongType):
        seven.resolve(name)  # type: ignore[arg-type]


def test_an_ambiguous_prefix_is_refused(store: Place) -> None:
    repo = store.open()
    found: dict[str, str] = {}
    with mock.patch("treering.history.name._ID", mock.Mock(return_value=True)):  # shorter prefixes meet sooner
        for number in range(40):
            commit = repo.update("/", pb.Network(name=str(number)))
            if commit.id[0] in found:
                with pytest.raises(AmbiguousName) as caught:
                    repo.resolve(commit.id[0])
                assert isinstance(caught.value, ValueError)
                assert commit.id in caught.value.candidates  # type: ignore[attr-defined]
                return
            found[commit.id[0]] = commit.id
    raise AssertionError


def test_a_date_names_the_newest_commit_not_after_it(store: Place) -> None:
    repo = store.open()
    start = repo.head.time
    hour = timedelta(hours=1)
    for number in range(1, 30):
        moment = start + number * hour
        with mock.patch.object(Entropy, "now", return_value=int(moment.timestamp()) * 1_000_000):
            repo.update("/", pb.Network(name=str(number)))
    for number in range(2, 30):
        moment = repo.resolve(f"main~{29 - number}").time
        assert repo.get(at=moment).name == str(number)
        assert repo.get(at=moment + hour / 2).name == str(number)
        assert repo.get(at=moment - timedelta(microseconds=1)).name == str(number - 1)
        assert repo.get(at=(moment + hour / 2).astimezone(timezone(timedelta(hours=-7)))).name == str(number)
    with pytest.raises(NameNotFound):
        repo.get(at=start - timedelta(microseconds=1))


def test_time_never_runs_backwards(store: Place) -> None:
    repo = store.open()
    first = repo.head.time
    with mock.patch.object(Entropy, "now", return_value=1):
        assert repo.update("/", pb.Network(name="x")).time == first


def test_log_from_a_name_and_with_a_limit(seven: treering.Repository) -> None:
    assert [commit.seq for commit in seven.log(limit=3)] == [7, 6, 5]
    assert [commit.seq for commit in seven.log("main~4")] == [3, 2, 1, 0]
    assert [commit.seq for commit in seven.log("main~4", limit=1)] == [3]
    assert list(seven.log(limit=0)) == []
    assert [commit.note for commit in seven.log(limit=1)] == ["note 7"]
    with pytest.raises(NameNotFound):
        list(seven.log("nope"))
    with pytest.raises(PathNotFound):
        list(seven.log(path="/nope"))


def test_log_of_a_path_lists_what_changed_at_or_below_it(repo: treering.Repository, store: Place) -> None:
    repo.add("/devices", device("a"), note="add a")
    repo.add("/devices", device("b"), note="add b")
    repo.update("/", pb.Network(name="x"), note="root")
    repo.update("/devices/a", pb.Device(name="a", vendor="v"), note="own a")
    repo.update("/devices/a/ports/1", pb.Port(number=1, label="l"), note="port a1")
    repo.add("/devices/a/ports", pb.Port(number=9), note="port a9")
    repo.update("/settings", pb.Settings(mtu=1), note="settings")
    repo.remove("/devices/b", note="remove b")
    repo.add("/devices", device("b"), note="add b again")
    repo.clear("/settings", note="clear")

    def notes(path: str) -> list[str]:
        return [commit.note for commit in repo.log(path=path)][::-1]

    for _ in range(2):
        assert notes("/devices/a") == ["add a", "own a", "port a1", "port a9"]
        assert notes("/devices/a/ports") == ["add a", "port a1", "port a9"]
        assert notes("/devices/a/ports/1") == ["add a", "port a1"]
        assert notes("/devices/a/ports/1/flows/1") == ["add a"]
        assert notes("/devices/b") == ["add b", "remove b", "add b again"]
        assert notes("/settings") == ["settings", "clear"]
        assert notes("/devices/never") == []
        assert notes("/rules") == [""]  # commit 0 made the node that has the list
        assert notes("/devices") == [
            "", "add a", "add b", "own a", "port a1", "port a9", "remove b", "add b again",
        ]  # fmt: skip
        assert [commit.note for commit in repo.log("main~5", path="/devices/a", limit=1)] == ["port a1"]
        repo = store.reopen()


def test_log_of_a_path_stops_reading_at_its_limit(seven: treering.Repository) -> None:
    seven.add("/devices", device("a"))
    with mock.patch("treering.history.log.touches", wraps=touches) as looks:
        assert len(list(seven.log(path="/devices/a", limit=1))) == 1
    assert looks.call_count == 1


def test_tags_stay_and_move_on_request(seven: treering.Repository, store: Place) -> None:
    third = seven.resolve("main~4")
    assert seven.tag("v3", "main~4") == third
    assert seven.tag("now") == seven.head
    with store.unchanged():
        assert seven.tag("v3", third) == third
    with store.refuses(AlreadyExists) as caught:
        seven.tag("v3")
    assert isinstance(caught.value, ValueError)
    assert seven.tag("v3", "main~1", move=True) == seven.resolve("main~1")
    seven.update("/", pb.Network(name="8"))
    assert {name: commit.seq for name, commit in seven.tags.items()} == {"now": 7, "v3": 6}
    seven.delete_tag("now")
    assert list(seven.tags) == ["v3"]
    with store.refuses(NameNotFound):
        seven.delete_tag("v3", "now")
    assert list(seven.tags) == ["v3"]
    with pytest.raises(TypeError):
        seven.tags["x"] = third  # type: ignore[index]
    with store.unchanged():
        seven.delete_tag()


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "~", "a~1", "main~1", "7-deadbeef", "deadbeef", "f" * 64, "-x", ".x", "ü", "a" * 201, None, 7],
)
def test_names_that_a_tag_cannot_have(seven: treering.Repository, store: Place, name: str) -> None:
    with store.refuses(InvalidName) as caught:
        seven.tag(name)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("name", ["v1.0", "release/2024-05", "a_b+c", "0", "1234567", "A" * 200, "dead-beef", "7-x"])
def test_names_that_a_tag_can_have(seven: treering.Repository, name: str) -> None:
    seven.tag(name, "main~1")
    assert seven.resolve(name) == seven.resolve("main~1")
    seven.delete_tag(name)


def test_branches_and_tags_share_one_name_space(seven: treering.Repository, store: Place) -> None:
    for move in (False, True):
        with store.refuses(AlreadyExists):
            seven.tag("main", "main~1", move=move)


def test_many_tags(seven: treering.Repository, store: Place) -> None:
    for number in range(60):
        seven.tag(f"release-{number}", f"main~{number % 8}")
    assert len(seven.tags) == 60
    again = store.reopen()
    assert len(again.tags) == 60
    assert again.resolve("release-9").seq == 6
    again.update("/", pb.Network(name="8"))
    again.delete_tag(*(f"release-{number}" for number in range(59)))
    assert list(store.reopen().tags) == ["release-59"]


def test_a_long_history_is_walked_by_jumps(store: Place) -> None:
    repo = store.open()
    for number in range(1, 301):
        repo.update("/", pb.Network(name=str(number)))
    again = store.reopen()
    for back in (0, 1, 2, 3, 5, 8, 64, 127, 255, 256, 299):
        assert again.get(at=f"main~{back}").name == str(300 - back)
    assert again.get(at="main~300") == pb.Network()
    reader = again._store.reader
    with mock.patch.object(reader, "commit", wraps=reader.commit) as read:
        assert again.resolve("main~290").seq == 10
    assert read.call_count < 60
