"""What only an administrator does to etcd, through its JSON gateway."""

from __future__ import annotations

import base64
import json
from typing import Any

from tools.server.web import ask
from tools.servers import Server

PASSWORD = "correct horse"  # of servers that live for one test


def gateway(server: Server, path: str, token: str = "", **body: object) -> Any:
    headers = {"Authorization": token} if token else {}
    return ask(server, "POST", f"/v3/{path}", body=json.dumps(body).encode(), headers=headers)


def enable_users(server: Server) -> None:
    """``root`` may do anything, ``writer`` what is under ``/store``; both have the one password."""
    key_range = [base64.b64encode(name).decode() for name in (b"store/", b"store0")]
    gateway(server, "auth/role/add", name="root")
    gateway(server, "auth/role/add", name="storing")
    permission = {"permType": "READWRITE", "key": key_range[0], "range_end": key_range[1]}
    gateway(server, "auth/role/grant", name="storing", perm=permission)
    for user, role in (("root", "root"), ("writer", "storing")):
        gateway(server, "auth/user/add", name=user, password=PASSWORD)
        gateway(server, "auth/user/grant", user=user, role=role)
    gateway(server, "auth/enable")
