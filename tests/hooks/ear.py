"""Hooks that note what they are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

import treering
from treering import HookKind

EDITS = [kind for kind in HookKind if kind is not treering.GET]


class Ear:
    """Hooks of several nodes, and what they heard: (kind, node, message)."""

    def __init__(self, repo: treering.Repository, *paths: str, kinds: Iterable[HookKind] = EDITS) -> None:
        self.heard: list[tuple[HookKind, str, Any]] = []
        kinds = list(kinds)
        for path in paths:
            proxy = repo.proxy(path)
            for kind in kinds:
                proxy.on(kind, self.hear, kind, path)
            proxy.close()

    def hear(self, message: Message, kind: HookKind, path: str) -> None:
        self.heard.append((kind, path, message))

    def told(self) -> list[tuple[str, str]]:
        """Return what was heard since the last call, without the messages."""
        told = [(kind.value, path) for kind, path, _ in self.heard]
        self.heard.clear()
        return told

    def messages(self) -> list[Any]:
        """Return the messages heard since the last call."""
        messages = [message for _, _, message in self.heard]
        self.heard.clear()
        return messages


def both(kind: str, path: str) -> list[tuple[str, str]]:
    """Return what PRE and POST hooks of a node are told of one edit."""
    return [(f"pre_{kind}", path), (f"post_{kind}", path)]
