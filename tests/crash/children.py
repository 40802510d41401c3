"""What tests of trouble share: processes, children of forks, injected faults, other users."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest

from treering.backend import open_backend

NOBODY = 65534

PRELUDE = """
    import os, sys
    from treering.backend import open_backend
    from treering.errors import *
    from treering.testing.conformance import entries, key

    def tell(*words):
        print(*words, flush=True)

    url = sys.argv[1]
"""

# Publishes until told to stop, and says how that went and what is there afterwards.
FILL = """
    backend, _ = open_backend(url)
    assert backend.publish(entries(10), None, b"0")
    number = 0
    try:
        while True:
            assert backend.publish([(key(number, 2), bytes(9_000))], b"%d" % number, b"%d" % (number + 1))
            number += 1
            if number == 400:
                break
    except Error as error:
        tell(type(error).__name__)
    try:
        tell(backend.read_root() == b"%d" % number)
        tell(len(list(backend.list_keys())) == 10 + number)
    except Error as error:
        tell(type(error).__name__)
    backend.close()
    after, _ = open_backend(url)
    root = after.read_root()
    tell(root in (b"%d" % number, b"%d" % (number + 1)), len(list(after.list_keys())) == 10 + int(root))
    try:
        tell(after.publish([(key(0, 3), b"more")], root, b"more"))
    except Error as error:
        tell(type(error).__name__)
"""


def script(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(PRELUDE) + textwrap.dedent(code)]


def start(code: str, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"}
    return subprocess.Popen(
        [*prefix, *script(code), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def run(code: str, *arguments: str, prefix: tuple[str, ...] = ()) -> list[str]:
    """Run ``code`` in a process of its own and return the lines it told."""
    with start(code, *arguments, prefix=prefix) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output.splitlines()


def line_from(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def in_child(action: Callable[[], object]) -> str:
    """Fork, and return what ``action`` returned or raised there."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            told = str(action())
        except BaseException as error:  # noqa: BLE001 - reported to the parent
            told = f"{type(error).__name__}: {error}"
        os.write(writer, told.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return told


def strace(inject: str) -> tuple[str, ...]:
    """The command that injects a fault into the system calls of what follows it."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    traced = inject.partition(":")[0]
    command = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={traced}", "-e", "signal=none")
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")
    return (*command, "-e", f"inject={inject}")


def as_nobody(action: Callable[[], object]) -> str:
    """Run ``action`` in a child that root's powers have been taken from."""

    def drop_and_act() -> object:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        return action()

    return in_child(drop_and_act)


def read_as_nobody(url: str, *, write: bool = False) -> str:
    def use() -> object:
        backend, _ = open_backend(url, deadline_seconds=1)
        if write:
            backend.publish([], backend.read_root(), b"by nobody")
        return backend.read_root()

    return as_nobody(use)
