"""Every error that treering raises, in one tree.

The message of an error is static text; what varies stands in attributes (and behind the message when it is printed), so
that logs group well and programs never parse prose. ``retry`` says what a caller can do: NEVER (the input is wrong),
RERUN (the transaction, on what is there now), REPEAT (the same call, later), ASK (the outcome is unknown: look first).
"""

from __future__ import annotations

import enum
from typing import Any, ClassVar


class Retry(enum.Enum):
    """What a program may do after an error."""

    NEVER = "never"
    RERUN = "rerun"
    REPEAT = "repeat"
    ASK = "ask"


class Error(Exception):
    """The root of the tree. ``message`` is static; keyword arguments become attributes and ``facts``."""

    retry: ClassVar[Retry] = Retry.NEVER

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
        for name, value in facts.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        if not self.facts:
            return self.message
        return f"{self.message} ({', '.join(f'{name}={_shown(value)}' for name, value in self.facts.items())})"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.facts)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 300 else text[:297] + "..."


def _rebuild(kind: type[Error], message: str, facts: dict[str, object]) -> Error:
    return kind(message, **facts)


class NotFound(Error, KeyError):
    """What was asked for is not there."""

    __str__ = Error.__str__


class PathNotFound(NotFound):
    """The path names nothing in this tree. ``path``."""


class NameNotFound(NotFound):
    """No branch, tag or commit answers to this name. ``name``."""


class SnapshotPruned(NotFound):
    """The commit was pruned while it was being read."""


class Compacted(NotFound):
    """The commit a watch wanted to go on from was pruned. ``oldest``: the oldest one kept."""


class Refused(Error, ValueError):
    """The input cannot be accepted; nothing has changed."""

    __str__ = Error.__str__


class SchemaError(Refused):
    """The schema's annotations do not fit its messages."""


class SchemaMismatch(Refused):
    """The schema given is not one that can read what the store holds."""


class InvalidPath(Refused):
    """Not a path, or not one that this call takes. ``path``."""


class InvalidName(Refused):
    """Not a name that a branch or a tag can have. ``name``."""


class WrongType(Refused):
    """The message is not of the type that belongs at this path. ``expected``, ``given``."""


class AlreadyExists(Refused):
    """A child with this key, or a tag or branch with this name, is there already."""


class KeyChanged(Refused):
    """The message's key is not the key of the node it should replace."""


class ReadOnlyField(Refused):
    """A strict update changes a field that is READ_ONLY. ``field``."""


class ChildInUpdate(Refused):
    """An update carries children; it takes a node's own fields only. ``field``."""


class MissingField(Refused):
    """A required field (proto2) is not set. ``fields``."""


class NotAContainer(Refused):
    """The path does not name a container of children. ``path``."""


class TooLarge(Refused):
    """A value is beyond what the format or the store can hold. ``size_bytes``, ``limit_bytes``."""


class TooDeep(Refused):
    """The tree would nest deeper than protobuf can parse. ``depth``, ``limit``."""


class AmbiguousName(Refused):
    """More than one commit answers to this name. ``name``."""


class ProxyTaken(Refused):
    """An exclusive proxy of this node is open. ``path``."""


class NotAStore(Refused):
    """There is no treering store here, or something else is in its place. ``store``."""


class InvalidStoreURL(Refused):
    """Not a URL that names a store, or an option its store does not take. ``url`` (no credential), ``option``."""


class FormatUnsupported(Refused):
    """The store was written in a format this release does not know. ``format``."""


class MergeConflict(Error):
    """The head changed under a transaction in a way that cannot be merged.

    ``conflicts``: a tuple of `Conflict`, one for each thing that both sides changed.
    """

    retry = Retry.RERUN
    conflicts: tuple[Any, ...]


class TransactionClosed(Error):
    """The transaction has already been committed or cancelled."""


class ForkedProcess(Error):
    """This handle was opened before a fork; open the store again in the child."""


class Corruption(Error):
    """Stored bytes are not what was written. ``location``, ``problem``."""


class DanglingReference(Corruption):
    """An object that another one points to is not in the store."""


class Unavailable(Error):
    """The store did not answer within the deadline, or cannot be reached. Nothing was changed."""

    retry = Retry.REPEAT


class StoreFull(Error):
    """The store has no room. Nothing was changed."""

    retry = Retry.REPEAT


class StoreRolledBack(Error):
    """The store's root went back in time: an older copy was put in its place."""

    retry = Retry.RERUN


class OutcomeUnknown(Error):
    """It could not be learned whether the commit was applied. ``commit``: the id to look for."""

    retry = Retry.ASK


class MissingDependency(Error, ImportError):
    """An optional library is not installed. ``extra``: what to install."""

    def __init__(self, message: str, **facts: object) -> None:
        Error.__init__(self, message, **facts)

    __str__ = Error.__str__
