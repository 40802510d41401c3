"""Consul, one server that elects itself."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from tools.server.certificate import make_certificate
from tools.server.debian import find_program, program_version, unpacked
from tools.server.process import Server
from tools.server.web import ask


class Consul(Server):
    """With acl=True nothing is allowed without a token; `token` is the one that may do everything."""

    name = "consul"
    ports_needed = 3

    def __init__(self, folder: Path, *, acl: bool = False, tls: bool = False, extra: Sequence[str] = ()) -> None:
        found = find_program("consul", minimum=(1, 8), version_argument="version")
        if found is None:
            program = unpacked("bullseye", ["consul"]) / "usr/bin/consul"
            found = program, program_version(program, "version")
        program, version = found
        super().__init__(folder, [str(program)], version, make_certificate(folder / "tls") if tls else None)
        self.token = str(uuid.uuid4()) if acl else None
        self._extra = list(extra)

    def _arguments(self) -> list[str]:
        settings = "disable_update_check = true performance { raft_multiplier = 1 }"
        if self.certificate is None:
            settings += f" ports {{ grpc = -1 http = {self.port} }}"
        else:
            settings += (
                f' ports {{ grpc = -1 http = -1 https = {self.port} }} ca_file = "{self.certificate.authority}"'
                f' cert_file = "{self.certificate.certificate}" key_file = "{self.certificate.key}"'
            )
        if self.token is not None:
            # Its name was changed in 1.11.
            newer = tuple(int(part) for part in self.version.split(".")) >= (1, 11)
            token = f'{"initial_management" if newer else "master"} = "{self.token}"'
            settings += f' acl {{ enabled = true default_policy = "deny" tokens {{ {token} }} }}'
        return [
            "agent", "-server", "-bootstrap-expect=1", f"-data-dir={self.folder / 'data'}", "-node=one",
            "-bind=127.0.0.1", "-client=127.0.0.1", "-dns-port=-1", f"-server-port={self.ports[1]}",
            f"-serf-lan-port={self.ports[2]}", "-serf-wan-port=-1", "-log-level=warn", "-hcl", settings,
            *self._extra,
        ]  # fmt: skip

    def _answers(self) -> bool:
        headers = {} if self.token is None else {"X-Consul-Token": self.token}
        # A leader may be known for a moment before it takes writes.
        return bool(
            ask(self, "GET", "/v1/status/leader", headers=headers)
            and ask(self, "PUT", "/v1/kv/ready", body=b"yes", headers=headers) is True
        )
