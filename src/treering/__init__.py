"""treering: a versioned, transactional store for trees of Protobuf messages, on any key-value store.

Start with `open`; what it returns is a `Repository`.
"""

from __future__ import annotations

from importlib.metadata import version as _version
from pathlib import Path as _FilePath

from treering.backend.base import Backend, Durability, Limits
from treering.difference import Diff
from treering.errors import (
    AlreadyExists,
    AmbiguousName,
    ChildInUpdate,
    Compacted,
    Corruption,
    DanglingReference,
    Error,
    ForkedProcess,
    FormatUnsupported,
    InvalidName,
    InvalidPath,
    InvalidStoreURL,
    KeyChanged,
    MergeConflict,
    MissingDependency,
    MissingField,
    NameNotFound,
    NotAContainer,
    NotAStore,
    NotFound,
    OutcomeUnknown,
    PathNotFound,
    ProxyTaken,
    ReadOnlyField,
    Refused,
    Retry,
    SchemaError,
    SchemaMismatch,
    SnapshotPruned,
    StoreFull,
    StoreRolledBack,
    TooDeep,
    TooLarge,
    TransactionClosed,
    Unavailable,
    WrongType,
)
from treering.history.commit import Commit
from treering.hooks import HookKind
from treering.opening import open  # noqa: A004 - treering.open, as gzip.open
from treering.path import Path
from treering.proxy import Proxy
from treering.repository import Repository
from treering.schema.schema import Schema
from treering.snapshot import Snapshot
from treering.store.prune import PruneReport
from treering.store.verify import VerifyReport
from treering.transaction import Transaction
from treering.tree.diff import Change
from treering.tree.merge import Conflict
from treering.watch import CommitEvent, Watch

GET = HookKind.GET
PRE_ADD = HookKind.PRE_ADD
POST_ADD = HookKind.POST_ADD
PRE_UPDATE = HookKind.PRE_UPDATE
POST_UPDATE = HookKind.POST_UPDATE
PRE_REMOVE = HookKind.PRE_REMOVE
POST_REMOVE = HookKind.POST_REMOVE

__version__ = _version("treering")


def proto_path() -> str:
    """Return the folder to give to protoc as ``-I``, so that ``import "treering/v1/options.proto"`` is found."""
    package = _FilePath(__file__).resolve().parent
    checkout = package.parents[1] / "proto"  # an editable install
    return str(checkout if (checkout / "treering/v1/options.proto").is_file() else package.parent)


__all__ = [
    "GET",
    "POST_ADD",
    "POST_REMOVE",
    "POST_UPDATE",
    "PRE_ADD",
    "PRE_REMOVE",
    "PRE_UPDATE",
    "AlreadyExists",
    "AmbiguousName",
    "Backend",
    "Change",
    "ChildInUpdate",
    "Commit",
    "CommitEvent",
    "Compacted",
    "Conflict",
    "Corruption",
    "DanglingReference",
    "Diff",
    "Durability",
    "Error",
    "ForkedProcess",
    "FormatUnsupported",
    "HookKind",
    "InvalidName",
    "InvalidPath",
    "InvalidStoreURL",
    "KeyChanged",
    "Limits",
    "MergeConflict",
    "MissingDependency",
    "MissingField",
    "NameNotFound",
    "NotAContainer",
    "NotAStore",
    "NotFound",
    "OutcomeUnknown",
    "Path",
    "PathNotFound",
    "Proxy",
    "ProxyTaken",
    "PruneReport",
    "ReadOnlyField",
    "Refused",
    "Repository",
    "Retry",
    "Schema",
    "SchemaError",
    "SchemaMismatch",
    "Snapshot",
    "SnapshotPruned",
    "StoreFull",
    "StoreRolledBack",
    "TooDeep",
    "TooLarge",
    "Transaction",
    "TransactionClosed",
    "Unavailable",
    "VerifyReport",
    "Watch",
    "WrongType",
    "open",
    "proto_path",
]
