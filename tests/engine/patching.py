"""RFC 6902, as far as treering writes it, and the JSON that its patches are about."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message


def to_json(message: Message) -> Any:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def apply_patch(document: Any, operations: list[dict[str, Any]]) -> Any:
    """Return what the operations make of a document; each must fit it to the letter."""
    top = {"": json.loads(json.dumps(document))}
    for operation in operations:
        assert operation.keys() == ({"op", "path"} if operation["op"] == "remove" else {"op", "path", "value"})
        parent: Any = top
        *way, name = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")]
        for step in way:
            parent = parent[int(step)] if isinstance(parent, list) else parent[step]
        if isinstance(parent, list):
            at = len(parent) if name == "-" else int(name)
            assert 0 <= at < len(parent) + (operation["op"] == "add")
            parent[at : at + (operation["op"] != "add")] = [operation["value"]] if "value" in operation else []
        else:
            assert operation["op"] == "add" or name in parent
            if operation["op"] == "remove":
                del parent[name]
            else:
                parent[name] = json.loads(json.dumps(operation["value"]))
    return top.get("")


def same_json(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
