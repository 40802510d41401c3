"""Where downloads are kept: outside the checkout, once for all of them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "treering-servers"


def cached(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder of this name in the cache; fill makes its content, once, even where several processes ask at once."""
    cache = cache_folder()
    folder = cache / name
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            # Filled beside its place and renamed when whole: an interrupted download leaves nothing that looks right.
            unfinished = Path(tempfile.mkdtemp(prefix=f"{name}.unfinished-", dir=cache))
            try:
                fill(unfinished)
                unfinished.chmod(0o755)
                unfinished.rename(folder)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(unfinished)
    return folder
