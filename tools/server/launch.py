"""Starting processes that do not outlive this one, however it ends."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# Linux ends a child when the thread that started it ends, so one thread starts them all and stays.
_STARTER = ThreadPoolExecutor(1, thread_name_prefix="starter")


def launch(command: list[str], *, ends_with_us: str | None = "KILL", **options: Any) -> subprocess.Popen[bytes]:
    """Start a process; where this one dies, even by SIGKILL, Linux sends it the named signal (None: it lives on)."""
    setpriv = shutil.which("setpriv")
    if ends_with_us and setpriv:
        command = [setpriv, "--pdeathsig", ends_with_us, "--", *command]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, **options)

    return _STARTER.submit(start).result()


def output_of(command: list[str], **options: Any) -> tuple[int, str]:
    """Run a command to its end: its exit status, and what it wrote."""
    process = launch(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    written, _ = process.communicate()
    return process.returncode, written.decode(errors="replace")
