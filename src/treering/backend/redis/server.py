"""What a server says of itself when a store is opened: how durable it is, and whether it keeps what it is given."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from treering.backend.base import Durability
from treering.backend.redis.client import Client
from treering.backend.redis.failure import translated
from treering.errors import NotAStore, Refused, Unavailable

_LARGEST_VALUE_BYTES = 512 << 20  # what a Redis takes unless told otherwise
_SETTINGS = ("appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory-policy", "proto-max-bulk-len")
_ORDER = (Durability.NONE, Durability.ASYNC, Durability.FSYNC)


class NotDurableWarning(UserWarning):
    """A store was opened whose server loses acknowledged commits when it stops, and the URL does not say so."""


@dataclass(frozen=True, slots=True)
class Server:
    """What matters of it."""

    durability: Durability
    max_value_bytes: int


def examine(client: Client, root_key: bytes, *, store: str, stated: Durability | None, create: bool) -> Server:
    """Ask the server, in one round trip, whether it can hold a store, and how well.

    Raises ``Refused`` for one that evicts keys without an expiry time, or is less durable than ``stated``;
    ``Unavailable`` for a replica; ``NotAStore`` where there is none and none may be made.
    """
    found, info, *settings = client.ask_all(
        [("TYPE", root_key), ("INFO",), *[("CONFIG", "GET", name) for name in _SETTINGS]]
    )
    if isinstance(found, ResponseError):
        raise translated(found, store) from found
    if found not in {b"none", b"string"}:
        raise NotAStore("the store's key holds something else", store=store, type=found.decode())
    if found == b"none" and not create:
        raise NotAStore("there is no store under this prefix", store=store)
    said = {} if isinstance(info, ResponseError) else _info(info)
    said |= {name: reply[1].decode() for name, reply in zip(_SETTINGS, settings, strict=True) if _is_pair(reply)}
    if said.get("role") == "slave":
        raise Unavailable("the server is a replica, which cannot be written: name its master", store=store)
    policy = said.get("maxmemory-policy") or said.get("maxmemory_policy", "noeviction")
    if policy.startswith("allkeys"):
        message = "the server throws keys away when it is full: set its maxmemory-policy to noeviction"
        raise Refused(message, store=store, policy=policy)
    return Server(
        durability=_judge_durability(_durability(said), stated, store),
        max_value_bytes=int(said.get("proto-max-bulk-len", _LARGEST_VALUE_BYTES)),
    )


def _judge_durability(measured: Durability | None, stated: Durability | None, store: str) -> Durability:
    if measured is None and stated is None:
        message = f"{store} does not say whether commits survive a restart: state it in the URL, as in durability=async"
        warnings.warn(message, NotDurableWarning, stacklevel=2)
        return Durability.NONE
    if stated is None:
        assert measured is not None
        if measured is Durability.NONE:
            message = f"{store} loses commits when it stops: set appendonly, or say durability=none in the URL"
            warnings.warn(message, NotDurableWarning, stacklevel=2)
        return measured
    if measured is not None and _ORDER.index(measured) < _ORDER.index(stated):
        message = "the server is less durable than the URL says"
        raise Refused(message, store=store, stated=stated.value, server=measured.value)
    return stated


def _durability(said: dict[str, str]) -> Durability | None:
    """Return what the append-only file promises; None where the server would not say."""
    if said.get("appendonly") == "no" or said.get("aof_enabled") == "0":
        return Durability.NONE
    fsync = said.get("appendfsync")
    if fsync == "always":
        # with this set, nothing is synced while the file is being rewritten
        return Durability.ASYNC if said.get("no-appendfsync-on-rewrite") == "yes" else Durability.FSYNC
    return {"everysec": Durability.ASYNC, "no": Durability.NONE}.get(fsync or "")


def _info(text: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in text.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def _is_pair(reply: Any) -> bool:
    return isinstance(reply, list) and len(reply) == 2
