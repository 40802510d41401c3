"""A command that runs with servers of its own, which end with it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.server.absent import Absent
from tools.server.launch import launch
from tools.server.made import make
from tools.server.process import NotStarted, Server
from tools.server.shared import variables_of, variables_of_absent

PREFIX = "treering-servers-"


def run(names: list[str], command: list[str]) -> int:
    """Start the servers, run the command with their addresses in its environment, and end them: the exit status.

    They end with the command, on SIGINT, SIGTERM and SIGHUP, and where this process is killed as well.
    """
    _remove_left_behind()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    in_use = os.open(folder, os.O_RDONLY)
    fcntl.flock(in_use, fcntl.LOCK_EX)
    started: list[Server] = []

    def end() -> None:
        for server in started:
            server.kill()  # their data goes with them
        shutil.rmtree(folder, ignore_errors=True)

    def start(name: str) -> dict[str, str]:
        try:
            server = make(name, folder / name)
            started.append(server)
            server.start()
        except Absent as reason:
            return variables_of_absent(name, str(reason))
        except NotStarted as reason:
            return variables_of_absent(name, f"it did not start: {reason}")
        return variables_of(server)

    def give_up(number: int) -> None:
        end()
        os._exit(128 + number)  # at once: downloads in other threads end with this process

    _on_signals(give_up)
    print(f"starting {', '.join(names)} (the first time they are downloaded)", file=sys.stderr, flush=True)
    try:
        environment = dict(os.environ)
        with ThreadPoolExecutor() as pool:
            for variables in pool.map(start, names):
                environment |= variables
        # Without its servers the command has no use: it is told to end where this process is killed.
        child = launch(command, ends_with_us="TERM", env=environment)
        _on_signals(lambda number: _pass_on(number, child))
        status = child.wait()
    finally:
        end()
    return status if status >= 0 else 128 - status


def _remove_left_behind() -> None:
    """Remove the data of runners that were killed: it is nobody's once its lock is free."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            handle = os.open(folder, os.O_RDONLY)
        except OSError:  # another user's, or gone meanwhile
            continue
        try:
            if time.time() - os.fstat(handle).st_mtime > 60:  # a younger one may be about to be locked
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(handle)


def _on_signals(act: Callable[[int], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A command started with nohup goes on ignoring that its terminal went away.
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda received, _: act(received))


def _pass_on(number: int, child: subprocess.Popen[bytes]) -> None:
    if number == signal.SIGINT and _in_foreground():
        return  # Ctrl-C: the terminal told the child already, and twice would cut its own tidying short
    child.send_signal(number)


def _in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
