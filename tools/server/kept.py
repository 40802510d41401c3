"""Servers that stay until they are stopped, one of each name, with what to find them by again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.server.cache import cache_folder
from tools.server.made import make


@dataclass(frozen=True, slots=True)
class Kept:
    name: str
    version: str
    pid: int
    born: str
    """When the process started, as the kernel counts: a pid alone may belong to another process by now."""
    ports: list[int]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.ports[0]}"

    @property
    def running(self) -> bool:
        return _born(self.pid) == self.born


def folder_of(name: str) -> Path:
    return cache_folder() / "kept" / name


def find_kept(name: str) -> Kept | None:
    """The server of this name that was started last, running or not."""
    try:
        return Kept(**json.loads(_record(name).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def start_kept(name: str) -> Kept:
    """The running server of this name, on the data and the ports that it had before."""
    before = find_kept(name)
    if before is not None and before.running:
        return before
    server = make(name, folder_of(name))
    if before is not None:
        server.ports = before.ports
    server.ends_with_us = False
    server.start()
    now = Kept(name, server.version, server.pid, _born(server.pid), server.ports)
    _record(name).write_text(json.dumps(asdict(now)), encoding="utf-8")
    return now


def stop_kept(kept: Kept) -> None:
    """Ask it to end, and insist after half a minute."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(kept.pid, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while kept.running and time.monotonic() < deadline:
            time.sleep(0.02)
        if kept.running:
            os.kill(kept.pid, signal.SIGKILL)


def _record(name: str) -> Path:
    return folder_of(name) / "kept.json"


def _born(pid: int) -> str:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]
