"""What an error of redis-py's means."""

from __future__ import annotations

import re

from redis import exceptions

from treering.errors import Error, InvalidStoreURL, NotAStore, Refused, StoreFull, Unavailable

_FORBIDDEN = re.compile("executing the script can't|No permissions to access")  # of a user, in the middle of a script
_CODE = re.compile(r"(?:^|-)([A-Z]{3,}) ")

# the first word of a server's error
_MEANINGS: dict[str, tuple[type[Error], str]] = {
    "OOM": (StoreFull, "the server is at its maxmemory"),
    "READONLY": (Unavailable, "the server is a replica, which cannot be written"),
    "MASTERDOWN": (Unavailable, "the server is a replica without its master"),
    "NOREPLICAS": (Unavailable, "the server has fewer replicas than it wants for a write"),
    "LOADING": (Unavailable, "the server is still loading its data"),
    "BUSY": (Unavailable, "the server is busy with another script"),
    "MISCONF": (Unavailable, "the server cannot write to its disk and takes no more"),
    "CLUSTERDOWN": (Unavailable, "the cluster is down"),
    "TRYAGAIN": (Unavailable, "the cluster is moving the store's keys"),
    "MOVED": (Unavailable, "another node of the cluster holds the store's keys: name that one"),
    "ASK": (Unavailable, "the cluster is moving the store's keys"),
    "WRONGTYPE": (NotAStore, "the store's key holds something else"),
    "WRONGPASS": (Refused, "the server refuses user and password"),
    "NOAUTH": (Refused, "the server wants a password"),
    "NOPERM": (Refused, "the user may not do what a store needs"),
}
_CODES: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.TryAgainError, "TRYAGAIN"),
    (exceptions.MovedError, "MOVED"),
    (exceptions.AskError, "ASK"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.BusyLoadingError, "LOADING"),
)
_AUTHENTICATION = (exceptions.AuthenticationError, exceptions.AuthorizationError)
ANSWERS = (exceptions.ResponseError, exceptions.BusyLoadingError, *_AUTHENTICATION)  # said by the server, so certain


def code_of(error: Exception) -> str:
    """Return the word that the server's error begins with, also out of one that a script passes on; or nothing."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    if _FORBIDDEN.search(str(error)):
        return "NOPERM"
    found = _CODE.search(str(error))
    return found[1] if found else ""


def translated(error: Exception, store: str) -> Error:
    """Return the error of treering's for ``error``, where nothing was changed."""
    reason = str(error)
    facts = {"store": store, "reason": reason}
    if isinstance(error, _AUTHENTICATION):
        word = "NOAUTH" if "required" in reason else "WRONGPASS"
        kind, message = _MEANINGS[word]
        return kind(message, **facts)
    if "DB index" in reason or "Invalid Database" in reason:
        return InvalidStoreURL("the server has no such database", url=store, reason=reason)
    code = code_of(error)
    if code == "MISCONF" and "No space left" in reason:
        return StoreFull("the server's disk has no room", **facts)
    if code in _MEANINGS:
        kind, message = _MEANINGS[code]
        return kind(message, **facts)
    if isinstance(error, exceptions.ResponseError):
        return Unavailable("the server answers with an error", **facts)
    if isinstance(error, exceptions.TimeoutError):
        return Unavailable("the server did not answer within the deadline", **facts)
    return Unavailable("the server cannot be reached", **facts)
