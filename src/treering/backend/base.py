"""The contract between treering and a key-value store: bytes under keys, and one root that moves by compare-and-set.

A backend knows keys and bytes, nothing of messages, trees or hashes. Keys are 1 to 64 bytes, made by treering, and
an object's key is written once and never again. A store that holds objects holds a root, except while its first commit
is being written and is too large for one request. Everything above is the same for every store; what differs between
stores is said in ``Limits``.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


class Durability(enum.Enum):
    """What has happened when ``publish`` returns."""

    NONE = "none"  # in this process's memory
    ASYNC = "async"  # handed to the operating system or to the server's memory
    FSYNC = "fsync"  # on this machine's disk
    QUORUM = "quorum"  # on the disks of a majority


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may carry. Sizes in bytes; None: no limit that matters.

    The caller of ``publish`` keeps to all of them, the root counted as one of the batch; ``read_many``, ``write_many``
    and ``delete_many`` take any number of keys, and the backend makes as many requests of them as it must. Bytes of a
    batch are those of its keys, its values and the new root; the backend has left room for whatever else its requests
    carry. A limit is never below 10 kB, so that a root record fits, nor below 16 keys.
    """

    durability: Durability
    atomic: bool  # publish writes objects and root in one step, or none of them
    remote: bool = False  # a call is a round trip: nothing is asked that is known or that publish will find out
    max_value_bytes: int | None = None
    max_batch_count: int | None = None
    max_batch_bytes: int | None = None


Entry = tuple[bytes, bytes]  # key, value


@runtime_checkable
class Backend(Protocol):
    """One store. Thread-safe: every method may be called by several threads at once.

    Every method raises ``treering.Unavailable`` when the store cannot be reached within its deadline or was closed,
    ``StoreFull`` when it has no room, ``ForkedProcess`` in a child process where a handle does not survive a fork, and
    never lets a client library's own exception out. Opening an adapter neither creates nor changes a root. What is
    given in is copied or written before the call returns; what comes out is ``bytes`` of the caller's own.
    """

    @property
    def url(self) -> str:
        """Where this is, for messages and logs: never with a credential."""
        ...

    @property
    def limits(self) -> Limits:
        """What one request may carry, and how durable it is."""
        ...

    def read_root(self) -> bytes | None:
        """Return the root record as it is now (linearizable), or None where there is none yet."""
        ...

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values under ``keys``, in their order; None for a key that is not there."""
        ...

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        """Write ``objects``, then move the root from ``expected`` to ``root``; acknowledge when durable.

        Returns False, with the root untouched, when it is not byte for byte ``expected`` (None: no root yet); the
        objects may then have been written or not. Raises with the root untouched, or ``OutcomeUnknown`` when that is
        not certain.
        """
        ...

    def write_many(self, objects: Sequence[Entry]) -> None:
        """Write ``objects`` under keys never used before, without touching the root."""
        ...

    def delete_many(self, keys: Sequence[bytes]) -> None:
        """Delete ``keys``; one that is not there is not an error.

        A store with a ``max_value_bytes`` deletes with each key the parts of its value: every key that begins with it
        and ``/``.
        """
        ...

    def list_keys(self) -> Iterator[bytes]:
        """Yield the key of every object (not the root), lazily, in no promised order."""
        ...

    def close(self) -> None:
        """Let go of the store. Twice is fine."""
        ...


@runtime_checkable
class Syncing(Backend, Protocol):
    """A backend that may acknowledge before its data is safe (``Durability.ASYNC``) and can be told to make it safe."""

    def sync(self) -> None:
        """Return when all that was acknowledged is on disk; ``Unavailable`` when it may not be."""
        ...


@runtime_checkable
class Watching(Backend, Protocol):
    """A backend whose store can say that the root has moved, so that nobody has to ask again and again."""

    def wait_for_root(self, known: bytes | None, timeout_seconds: float) -> None:
        """Return as soon as the root may be another than ``known``, and after ``timeout_seconds`` at the latest.

        A hint and no more: it may return early, and the caller reads the root. Raises ``Unavailable`` where the store
        cannot be asked or was closed; a ``close`` by another thread ends it within a second, either way.
        """
        ...
