"""redis-server, writing every command to disk before it answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tools.server.certificate import make_certificate
from tools.server.debian import environment_for, find_program, program_version, unpacked
from tools.server.process import Server

PACKAGES = ["redis-server", "redis-tools", "libatomic1", "libjemalloc2", "liblzf1", "libssl3"]


class Redis(Server):
    name = "redis"

    def __init__(
        self, folder: Path, *, password: str | None = None, tls: bool = False, extra: Sequence[str] = ()
    ) -> None:
        found = find_program("redis-server", minimum=(6, 2), version_argument="--version")
        if found is None:
            program = unpacked("bookworm", PACKAGES) / "usr/bin/redis-server"
            found = program, program_version(program, "--version")
        program, version = found
        super().__init__(folder, [str(program)], version, make_certificate(folder / "tls") if tls else None)
        self.password = password
        self._extra = list(extra)

    def _environment(self) -> dict[str, str]:
        return environment_for(Path(self._program[0]))

    def _arguments(self) -> list[str]:
        arguments = [
            "--bind", "127.0.0.1", "--dir", str(self.folder), "--daemonize", "no", "--loglevel", "warning",
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
        ]  # fmt: skip
        if self.certificate is None:
            arguments += ["--port", str(self.port)]
        else:
            arguments += [
                "--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no",
                "--tls-cert-file", str(self.certificate.certificate), "--tls-key-file", str(self.certificate.key),
                "--tls-ca-cert-file", str(self.certificate.authority),
            ]  # fmt: skip
        if self.password is not None:
            arguments += ["--requirepass", self.password]
        return arguments + self._extra

    def _answers(self) -> bool:
        login = b"" if self.password is None else _request("AUTH", self.password)
        expected = b"+PONG\r\n" if self.password is None else b"+OK\r\n+PONG\r\n"
        with self.connect() as connection:
            connection.sendall(login + _request("PING"))
            answer = b""
            while len(answer) < len(expected) and (received := connection.recv(1024)):
                answer += received
        return answer == expected


def _request(*words: str) -> bytes:
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
