"""etcd, one member, with elections short enough for a member that is alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tools.server.certificate import make_certificate
from tools.server.debian import find_program, program_version, unpacked
from tools.server.process import Server
from tools.server.web import ask


class Etcd(Server):
    name = "etcd"
    ports_needed = 2

    def __init__(self, folder: Path, *, tls: bool = False, extra: Sequence[str] = ()) -> None:
        # 3.5.0 to 3.5.2 can lose committed transactions when killed (etcd issue 13766).
        found = find_program("etcd", minimum=(3, 5, 3), version_argument="--version")
        if found is None:
            program = unpacked("trixie", ["etcd-server"]) / "usr/bin/etcd"
            found = program, program_version(program, "--version")
        program, version = found
        super().__init__(folder, [str(program)], version, make_certificate(folder / "tls") if tls else None)
        self._extra = list(extra)

    def _arguments(self) -> list[str]:
        clients = f"{'http' if self.certificate is None else 'https'}://{self.address}"
        peers = f"http://127.0.0.1:{self.ports[1]}"
        arguments = [
            "--name", "one", "--data-dir", str(self.folder / "data"), "--log-level", "error",
            "--listen-client-urls", clients, "--advertise-client-urls", clients,
            "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"one={peers}",
            "--heartbeat-interval", "10", "--election-timeout", "100",
        ]  # fmt: skip
        if self.certificate is not None:
            arguments += ["--cert-file", str(self.certificate.certificate), "--key-file", str(self.certificate.key)]
        return arguments + self._extra

    def _answers(self) -> bool:
        return bool(ask(self, "GET", "/health").get("health") == "true")
