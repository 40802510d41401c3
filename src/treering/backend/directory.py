"""What stands at the path of a store that keeps itself in a directory, found out before anything is touched."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from treering.errors import NotAStore, Unavailable

PRIVATE_MODE = 0o700  # a tree of configuration may hold secrets; who wants to share it opens it up by hand


def prepare_directory(path: str, *, data_file: str, lock_file: str, create: bool) -> bool:
    """Return True when the directory at ``path`` holds ``data_file``, False when it is empty and may be filled.

    With ``create`` a missing directory is made, readable and writable by its owner only (0700), its parents as the
    umask says. Without it, and where there is a file or a directory of other things: ``NotAStore``, nothing touched.
    What the process may not see or make is ``Unavailable``.
    """
    directory = Path(path)
    try:
        names = _list_names(directory)
        if names is None and create:
            with suppress(FileExistsError):  # another process was quicker
                directory.mkdir(PRIVATE_MODE, parents=True)
            names = _list_names(directory)
    except NotADirectoryError as error:
        raise NotAStore("there is a file where the store's directory should be", store=path) from error
    except OSError as error:
        raise Unavailable("the store's directory cannot be used", store=path, reason=error.strerror) from error
    if names is None:
        raise NotAStore("there is no store here", store=path)
    if data_file in names:
        return True
    if names - {lock_file}:
        raise NotAStore("the directory holds other things and no store", store=path)
    if not create:
        raise NotAStore("the directory is empty", store=path)
    return False


def _list_names(directory: Path) -> set[str] | None:
    try:
        return {entry.name for entry in directory.iterdir()}
    except FileNotFoundError:
        return None


def has_no_room(path: str, size_bytes: int) -> bool:
    """Say whether the file system, or a limit on file sizes, leaves little more than ``size_bytes`` for ``path``.

    For telling a full disk from a broken one after a short write, so a generous guess is the right one.
    """
    wanted = 2 * size_bytes + (1 << 20)
    with suppress(OSError, AttributeError):  # no statvfs on Windows
        room = os.statvfs(path)
        if room.f_bavail * room.f_frsize < wanted:
            return True
    with suppress(OSError, ImportError):
        import resource  # Unix only

        largest = max(entry.stat().st_size for entry in Path(path).iterdir())
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        return limit != resource.RLIM_INFINITY and largest + wanted > limit
    return False
