"""The servers that `servers.py run` started, told to its command in environment variables.

TREERING_TEST_REDIS=127.0.0.1:PORT with TREERING_TEST_REDIS_VERSION and _PID; or TREERING_TEST_REDIS_ABSENT=the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tools.server.absent import Absent
from tools.server.process import Server


@dataclass(frozen=True, slots=True)
class SharedServer:
    """A server that another process started and will stop."""

    name: str
    address: str
    version: str
    pid: int

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


def variables_of(server: Server) -> dict[str, str]:
    variable = _variable(server.name)
    return {variable: server.address, f"{variable}_VERSION": server.version, f"{variable}_PID": str(server.pid)}


def variables_of_absent(name: str, reason: str) -> dict[str, str]:
    return {f"{_variable(name)}_ABSENT": reason}


def find_shared(name: str, environment: Mapping[str, str]) -> SharedServer | None:
    """The running server of this name. Raises Absent where the runner could not have one."""
    variable = _variable(name)
    if reason := environment.get(f"{variable}_ABSENT"):
        raise Absent(reason)
    if variable not in environment:
        return None
    # An address alone will do: the user may name a server of their own.
    version, pid = environment.get(f"{variable}_VERSION", "?"), environment.get(f"{variable}_PID", "0")
    return SharedServer(name, environment[variable], version, int(pid))


def _variable(name: str) -> str:
    return f"TREERING_TEST_{name.upper()}"
