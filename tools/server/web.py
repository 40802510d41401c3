"""One HTTP request to a server that this tool started."""

from __future__ import annotations

import json
from typing import Any

from tools.server.process import Server


def ask(server: Server, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
    """The JSON of its answer. Raises ValueError where it refuses or answers no JSON."""
    lines = {"Host": server.address, "Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with server.connect() as connection:
        # HTTP/1.0, because its answer ends where the connection does.
        connection.sendall(f"{method} {path} HTTP/1.0\r\n{head}\r\n".encode() + body)
        answer = b""
        while received := connection.recv(65_536):
            answer += received
    status, _, rest = answer.partition(b"\r\n")
    if status.split()[1:2] != [b"200"]:
        raise ValueError(f"{method} {path}: {status.decode(errors='replace')}")
    return json.loads(rest.partition(b"\r\n\r\n")[2])
