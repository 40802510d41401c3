"""One server process with a folder for its data."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import ssl
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

from tools.server.certificate import Certificate
from tools.server.launch import launch


class NotStarted(RuntimeError):
    """A server that is there and does not run. Its text ends with the end of the server's log."""


class Server(ABC):
    """One server on loopback, with a port and a folder of its own; not started until start().

    It listens on the same port after every start. It ends when this process ends, however that happens, unless
    ends_with_us is set to False before start().
    """

    name: str
    ports_needed = 1
    ready_within_seconds = 30.0
    stopped_within_seconds = 10.0

    def __init__(self, folder: Path, program: list[str], version: str, certificate: Certificate | None = None) -> None:
        self.folder = folder
        self.version = version
        self.certificate = certificate
        self.ports = [free_port() for _ in range(self.ports_needed)]
        self.ends_with_us = True
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Where its clients connect."""
        return self.ports[0]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @abstractmethod
    def _arguments(self) -> list[str]:
        """What follows the program on its command line."""

    def _prepare(self) -> None:
        """Write what it reads when it starts."""
        self.folder.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it serves requests. May raise OSError or ValueError, which mean no."""

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def start(self) -> None:
        """Start it and wait until it serves requests."""
        if self.running:
            raise RuntimeError(f"{self.name} is running")
        self._prepare()
        with self.log.open("ab") as log:
            self._process = launch(
                [*self._program, *self._arguments()],
                ends_with_us="KILL" if self.ends_with_us else None,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for the tests, not for their servers
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it as a crash would, with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(self.stopped_within_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        """Freeze it: its connections stay open and nothing answers, until resume()."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def connect(self) -> socket.socket:
        """A connection to its port, within TLS if it speaks that."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        if self.certificate is None:
            return connection
        context = ssl.create_default_context(cafile=str(self.certificate.authority))
        try:
            return context.wrap_socket(connection, server_hostname="127.0.0.1")
        except BaseException:
            connection.close()
            raise

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.ready_within_seconds
        pause_seconds = 0.005
        while time.monotonic() < deadline:
            if not self.running:
                raise NotStarted(f"{self.name} ended while starting:\n{self._last_words()}")
            with contextlib.suppress(OSError, ValueError):
                if self._answers():
                    return
            time.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 1.5, 0.1)
        raise NotStarted(f"{self.name} not ready after {self.ready_within_seconds:.0f} s:\n{self._last_words()}")

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


def free_port() -> int:
    """A port where nothing listens, below those that the kernel hands to clients.

    A client's port would do for now, but while a killed server is away another client might be given it.
    """
    for _ in range(100):
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port between 15000 and 32000")
