"""The folder that the demo's stores live in. It is made anew at every run, and nothing else is ever deleted."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

STORES = ("network", "apis", "fleet")  # one LMDB directory holds one tree
MARKER = ".treering-demo"
_MARK = "Made by treering's demo, which empties this folder's stores at every run.\n"


class Refused(Exception):
    """The demo may not use the folder; the text says why."""


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make ``folder`` ready, without the stores of an earlier run, and keep other runs out while the block lasts.

    Raises `Refused` where the folder is not one that the demo made, and OSError where it may not be written.
    """
    try:
        names = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        folder.mkdir()
        names = set()
    except NotADirectoryError:
        raise Refused(f"{folder} is not a folder; move it away, or name another one with --store") from None
    if names and MARKER not in names:
        raise Refused(f"{folder} holds something the demo did not put there; move it away, or use --store")
    with (folder / MARKER).open("a", encoding="utf-8") as marker:
        _lock(marker, folder)
        marker.truncate(0)  # marked before anything is put in, so that a run cut short is known as well
        marker.write(_MARK)
        marker.flush()
        for name in STORES:
            _delete(folder / name)
        yield


def store_url(folder: Path, name: str) -> str:
    """Return the URL of one of the demo's stores."""
    return f"lmdb:{quote(str(folder / name))}"


def size_on_disk(folder: Path, name: str) -> int:
    """Return how many bytes a store takes on disk."""
    return sum(
        path.stat().st_blocks * 512 if sys.platform != "win32" else path.stat().st_size
        for path in (folder / name).iterdir()
    )


def _lock(marker: IO[str], folder: Path) -> None:
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)  # released when the file is closed
        except BlockingIOError:
            raise Refused(f"another run of the demo is using {folder}") from None


def _delete(store: Path) -> None:
    if store.is_symlink():
        store.unlink()
    elif store.exists():
        shutil.rmtree(store)
