"""The Cassandra backend: its handle, and the statements behind each call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from treering.backend.base import Durability, Entry, Limits
from treering.backend.cassandra.session import CassandraSession, TookTooLong
from treering.errors import TooLarge

# A column of some megabytes makes a server work hard, and a mutation beyond half a commit log segment (16 MiB as it
# comes) is refused; with 1 MiB, a call's requests that are on their way together take 32 MiB of a server's memory.
MAX_VALUE_BYTES = 1 << 20
_LOCATION_BYTES = 16

_READ_ROOT = "SELECT root FROM $keyspace.treering_roots WHERE store = ?"
_CREATE_ROOT = "INSERT INTO $keyspace.treering_roots (store, root) VALUES (?, ?) IF NOT EXISTS"
_MOVE_ROOT = "UPDATE $keyspace.treering_roots SET root = ? WHERE store = ? IF root = ?"
_READ = "SELECT value FROM $keyspace.treering_objects WHERE store = ? AND location = ? AND part = ?"
_WRITE = "INSERT INTO $keyspace.treering_objects (store, location, part, value) VALUES (?, ?, ?, ?) USING TIMESTAMP 1"
_DELETE_WHOLE = "DELETE FROM $keyspace.treering_objects USING TIMESTAMP 2 WHERE store = ? AND location = ?"
_DELETE_SOME = f"{_DELETE_WHOLE} AND part >= ? AND part < ?"
_DELETE_ONE = f"{_DELETE_WHOLE} AND part = ?"
_LIST = (
    "SELECT token(store, location), location, part FROM $keyspace.treering_objects"
    " WHERE store = ? AND token(store, location) > ? AND token(store, location) <= ? ALLOW FILTERING"
)
_FIRST_TOKEN, _LAST_TOKEN = -(1 << 63), (1 << 63) - 1  # of the Murmur3 partitioner; nothing has the first
_LISTING_ATTEMPTS = 4


class CassandraBackend:
    """The store ``store`` in the keyspace of ``session``, whose two tables are there.

    Not atomic: ``publish`` writes the objects, several at once, waits until a quorum has acknowledged each, and then
    moves the root by a lightweight transaction, which the driver never repeats. The root is read at the serial
    consistency, objects at a quorum: who sees a root sees its objects. Each request has ``deadline_seconds``.
    """

    def __init__(self, session: CassandraSession, url: str, store: str) -> None:
        self._url = url
        self._session = session
        self._store = store
        self._limits = Limits(durability=Durability.QUORUM, atomic=False, remote=True, max_value_bytes=MAX_VALUE_BYTES)

    @property
    def url(self) -> str:
        """``cassandra://``, hosts, keyspace and store."""
        return self._url

    @property
    def limits(self) -> Limits:
        """A value is at most 1 MiB; each is a request of its own, so a batch has no limit."""
        return self._limits

    def read_root(self) -> bytes | None:
        """Return the root record; a move of it that is under way is brought to its end first."""
        rows = self._session.ask_root(_READ_ROOT, (self._store,))
        return bytes(rows[0][0]) if rows else None

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values under ``keys``. A request for each, 32 at once."""
        self._session.check_open()
        found = self._session.run(_READ, ((self._store, *_split(key)) for key in keys))
        return [bytes(rows[0][0]) if rows else None for rows in found]

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        """Write ``objects``, then move the root. ``OutcomeUnknown`` for what goes wrong once the move was sent."""
        self.write_many(objects)
        if expected is None:
            return self._session.move_root(_CREATE_ROOT, (self._store, bytes(root)))
        return self._session.move_root(_MOVE_ROOT, (bytes(root), self._store, expected))

    def write_many(self, objects: Sequence[Entry]) -> None:
        """Write ``objects``, 32 at once, and return when a quorum has each."""
        self._session.check_open()
        for _, value in objects:
            if len(value) > MAX_VALUE_BYTES:
                message = "a value is larger than this store takes"
                raise TooLarge(message, store=self._url, size_bytes=len(value), limit_bytes=MAX_VALUE_BYTES)
        self._run_all(_WRITE, ((self._store, *_split(key), bytes(value)) for key, value in objects))

    def delete_many(self, keys: Sequence[bytes]) -> None:
        """Delete ``keys`` with the parts of their values: for a location, one request; 32 at once."""
        self._session.check_open()
        whole, some, one = [], [], []
        for key in keys:
            location, part = _split(key)
            if part:
                one.append((self._store, location, part))
                some.append((self._store, location, part + b"/", part + b"0"))  # "0" comes after "/"
            else:
                whole.append((self._store, location))
        self._run_all(_DELETE_WHOLE, whole)
        self._run_all(_DELETE_SOME, some)
        self._run_all(_DELETE_ONE, one)

    def list_keys(self) -> Iterator[bytes]:
        """Yield keys in no order, in pages of 1,000. The servers go through the keys of all stores in the keyspace.

        And through those of deleted objects, until their tombstones are compacted away. Where that takes them too long
        for one request, smaller parts of the ring are asked for.
        """
        self._session.check_open()
        position, width, failures = _FIRST_TOKEN, _LAST_TOKEN - _FIRST_TOKEN, 0
        newest, listed = _FIRST_TOKEN, set[bytes]()  # the last token that was seen, and its keys that were yielded
        while position < _LAST_TOKEN:
            end = min(position + width, _LAST_TOKEN)
            try:
                for token, location, part in self._session.iterate(_LIST, (self._store, position, end)):
                    if token != newest:
                        newest, failures = token, 0
                        listed.clear()
                    key = location + part
                    if key not in listed:
                        listed.add(key)
                        yield key
            except TookTooLong:
                failures += 1
                if failures == _LISTING_ATTEMPTS:
                    raise
                position, width = max(position, newest - 1), max(width // 16, 1)
            else:
                position, width = end, 2 * width

    def close(self) -> None:
        """End the connections and the driver's threads. Twice is fine."""
        self._session.close()

    def _run_all(self, text: str, all_arguments: Sequence[Sequence[object]] | Iterator[Sequence[object]]) -> None:
        for _ in self._session.run(text, all_arguments):
            pass


def _split(key: bytes) -> tuple[bytes, bytes]:
    """Return the location that ``key`` belongs to and its part: what begins with the first slash behind a location.

    So one partition holds an object and the parts of its value, and nothing else.
    """
    slash = key.find(b"/", _LOCATION_BYTES)
    return (key, b"") if slash < 0 else (key[:slash], key[slash:])
