"""How the story ends: what is in the stores, and what to type next."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import treering
from story import fleet
from story.folder import size_on_disk, store_url
from story.page import Page


def tell(page: Page, folder: Path, stores: Sequence[str]) -> None:
    """Say what ``stores`` hold, and print commands that work from here."""
    page.chapter("What is there now")
    rows = []
    for name in stores:
        with treering.open(store_url(folder, name)) as repo:
            kibibytes = size_on_disk(folder, name) / 1024
            report = repo.verify()
            objects = f"{report.objects:,}, {'all sound' if report.ok else 'DAMAGED'}"
            rows.append((name, repo.head.name, ", ".join(repo.tags), objects, f"{kibibytes:,.0f} KiB"))
    page.say(f"In {folder}, one LMDB directory for each:")
    page.table(("store", "head", "tags", "objects", "on disk"), rows, numbers=("on disk",))
    page.say("They stay until the next run, or make clean. To go on (paste as it is):")
    page.show(_command("-i ", _open(folder, "network"), 'print(repo.keys("/olts"), repo.get("/profiles/gigabit"))'))
    if "fleet" in stores:
        lines = (f'for commit in repo.log(path="{fleet.DEVICE}"):', "    print(commit.name, commit.note)")
        page.show(_command("", _open(folder, "fleet"), *lines))
    lines = ('for change in repo.diff("imported"):', "    print(change.kind, change.path)")
    page.show(_command("", _open(folder, "apis"), *lines))
    page.say("The first leaves you at a prompt with repo. For more: docs/tutorial.md.")


def _open(folder: Path, name: str) -> str:
    return f'repo = treering.open("{store_url(folder, name)}")'


def _command(options: str, *lines: str) -> str:
    code = "\n".join(("", "import treering", *lines, ""))
    return f"{shlex.quote(_python())} {options}-c {shlex.quote(code)}"


def _python() -> str:
    """Return this Python as one would type it here: from this folder where it is below, else in full."""
    here = os.path.relpath(sys.executable)
    return sys.executable if here.startswith(os.pardir) else here
