"""What the golden stores hold: edits that write each store the same, byte for byte, at every run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lmdb
from google.protobuf import json_format
from tests.golden import garden
from tests.golden.garden import Bed, Box, Garden, Gate, Label, Level, Note, Plot, Shed, Shelf, Tool, Valve, Work

from treering import Repository, Schema
from treering.opening import open_with
from treering.testing.entropy import FixedEntropy

FOLDER = Path(__file__).parent / "format-1"
ROOT_KEY = b"\xff" * 65


@dataclass(frozen=True)
class Scenario:
    """``edits`` run in turn, each on a handle of its own; the head and the tagged commits are kept as messages too."""

    schema: Schema
    edits: tuple[Callable[[Repository], object], ...]
    compress: str = ""

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the store at a path where nothing is, and return what its golden file says."""
        url = f"lmdb:{folder}" + (f"?compress={self.compress}" if self.compress else "")
        for seed, edit in enumerate(self.edits):
            with self._open(url, seed) as repo:
                edit(repo)
        with self._open(url, len(self.edits)) as repo:
            described = _describe(repo)
        with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
            objects = {key.hex(): value.hex() for key, value in transaction.cursor()}
        return {"root": objects.pop(ROOT_KEY.hex()), "objects": objects, **described}

    def _open(self, url: str, seed: int) -> Repository:
        entropy = FixedEntropy(seed, start_microseconds=1_700_000_000_000_000 + seed * 1_000_000)
        return open_with(
            url, self.schema, branch="main", author=f"author {seed}", create=True, deadline_seconds=60, entropy=entropy
        )


def _describe(repo: Repository) -> dict[str, Any]:
    tags = {name: commit.id for name, commit in repo.tags.items()}
    kept = {repo.head.id, *tags.values()}
    return {
        "tags": tags,
        "log": list(describe_log(repo)),
        "messages": {
            commit.id: json_format.MessageToDict(repo.get("/", deep=True, at=commit), preserving_proto_field_name=True)
            for commit in repo.log()
            if commit.id in kept
        },
    }


def describe_log(repo: Repository) -> Iterator[dict[str, Any]]:
    """Yield what a golden file says of each commit, newest first."""
    for commit in repo.log():
        yield {
            "id": commit.id,
            "tree_id": commit.tree_id,
            "seq": commit.seq,
            "parents": list(commit.parents),
            "time": commit.time.isoformat(),
            "author": commit.author,
            "note": commit.note,
        }


def encode(golden: dict[str, Any]) -> str:
    """Return a golden file's text: one line for each object, commit and message, so that a change shows where it is."""
    sections = []
    for name, value in sorted(golden.items()):
        if isinstance(value, dict):
            lines = [f"{_line(key)}: {_line(entry)}" for key, entry in sorted(value.items())]
        else:
            lines = [_line(entry) for entry in value] if isinstance(value, list) else []
        start, end = "{}" if isinstance(value, dict) else "[]"
        text = start + ",".join(f"\n  {line}" for line in lines) + f"\n {end}" if lines else _line(value)
        sections.append(f" {_line(name)}: {text}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def _line(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _keys(repo: Repository) -> None:
    for height in (0, 1, -1, 255, 256, -255, -256, 2**63 - 1, -(2**63)):
        repo.add("/levels", Level(height=height, points=7))
    for text in ("a/b", "a", "a\0", "é", "\1"):
        repo.add("/tools", Tool(kind=text), key=text)
        repo.add("/labels", Label(code=text.encode() + b"\xff"))
    repo.add("/drawers", Tool(kind="saw"), key=-3)
    for truth in (True, False):
        repo.add("/valves", Valve(main=truth, flow=0.25))
        repo.add("/sides", Gate(open=truth), key=truth)
    for season in (4, 0, -1):
        repo.add("/works", Work(season=season, task="prune"))
    for row, column in ((2, "b"), (-2, "b"), (-2, "a")):
        repo.add("/plots", Plot(row=row, column=column, survey=b"\0", area=1.5))
    repo.tag("all-kinds-of-keys")


def _shapes(repo: Repository) -> None:
    repo.update("/", Garden(name="Kew", rows=[1, 2, 3], colours={"rose": "red"}), note="own fields")
    for text in ("second", "first", "second", ""):
        repo.add("/notes", Note(text=text))
    repo.update("/gate", Gate(open=True))
    repo.update("/gate/inner", Gate())
    repo.add("/gate/inner/signs", Note(text="s" * 600))
    repo.add("/beds", Bed(no=1, beds=[Bed(no=2, beds=[Bed(no=3, plant="deep")])]))
    for size in (505, 520):  # about as large as what still stands in its parent, and larger
        repo.add("/beds", Bed(no=size, soil=b"s" * size))
    repo.tag("shapes", move=False)
    repo.clear("/gate")
    repo.remove("/beds/505")
    repo.add("/beds", Bed(no=505), note="back, at the end")
    repo.add("/beds/1/beds/2/beds", Bed.FromString(b"\x08\x04\xa2\x1f\x03abc"), note="with an unknown field")


def _many_beds(repo: Repository) -> None:
    repo.replace("/", Garden(beds=[Bed(no=number * 37 % 503, plant=f"p{number % 7}") for number in range(500)]))


def _edit_many_beds(repo: Repository) -> None:
    repo.update("/beds/300", Bed(no=300, plant="new"))
    repo.remove("/beds/37")
    repo.add("/beds", Bed(no=1_000))
    repo.update("/", Garden(name="many", rows=[1]), note="the containers stay")


def _many_tags(repo: Repository) -> None:
    for number in range(40):
        repo.tag(f"tag-{number:02}", at="main~1" if number % 2 else None)


def _shed(repo: Repository) -> None:
    message = Shed(name="tools", shelf=[Shelf(id=text, boxes=[Box(no=-1), Box(no=0)]) for text in "ba"])
    message.Extensions[garden.ATTIC].append("rope")
    message.door.locked = False
    repo.replace("/", message)
    repo.add("/shelf/a/boxes", Box(no=5, content="nails"))


def _compressed(repo: Repository) -> None:
    beds = [Bed(no=number, plant="rose" * 12, soil=b"s" * (1_500 if number % 20 == 9 else 0)) for number in range(60)]
    repo.replace("/", Garden(beds=beds))


def _grown(repo: Repository) -> None:
    for number in range(8):
        repo.add("/beds", Bed(no=number, soil=b"s" * 40 * number))
        if number in {3, 5}:
            repo.tag(f"kept-{number}")


def _pruned(repo: Repository) -> None:
    repo.prune(keep_last=2)
    repo.update("/beds/7", Bed(no=7, plant="after"), note="on top of what prune left")
    repo.delete_tag("kept-3")
    repo.prune(keep_last=2)


SCENARIOS = {
    "keys": Scenario(garden.GARDEN, (_keys,)),
    "shapes": Scenario(garden.GARDEN, (_shapes,)),
    "pages": Scenario(garden.GARDEN, (_many_beds, _edit_many_beds)),
    "tags": Scenario(garden.GARDEN, (lambda repo: repo.add("/beds", Bed(no=1)), _many_tags)),
    "proto2": Scenario(garden.SHED, (_shed,)),
    "pruned": Scenario(garden.GARDEN, (_grown, _pruned)),
    "zlib": Scenario(garden.GARDEN, (_compressed, lambda repo: repo.update("/beds/7", Bed(no=7))), "zlib"),
}
