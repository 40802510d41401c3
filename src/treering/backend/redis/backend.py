"""The Redis backend: its URL, its handle, and the commands that each call makes."""

from __future__ import annotations

import hashlib
import re
import time
import weakref
from collections.abc import Iterator, Sequence
from typing import cast

from redis.exceptions import RedisError

from treering.backend.base import Durability, Entry, Limits
from treering.backend.redis.address import Address, Wire
from treering.backend.redis.client import Client, Effect
from treering.backend.redis.failure import translated
from treering.backend.redis.server import examine
from treering.backend.url import StoreURL
from treering.errors import InvalidStoreURL, TooLarge, Unavailable

_BATCH_COUNT = 10_000  # what a script writes while nobody else is served: some 10 ms
_BATCH_BYTES = 64 << 20
_PAGE_COUNT = 1000  # keys in one command that reads, writes, deletes or lists
_PAGE_BYTES = 8 << 20
_LISTEN_SECONDS = 0.25  # how soon one that waits sees that the store was closed
_PREFIX = re.compile(r"[A-Za-z0-9._:/-]{1,64}\Z")  # without what a pattern or a hash tag gives a meaning to

# A script has no rollback, so what could fail comes before the first write or, as the hint may by the rights of the
# user, without raising. What the server has no memory for, it refuses at the first write.
_PUBLISH = """
local root = redis.call('GET', KEYS[1])
if (root and '=' .. root or '') ~= ARGV[1] then return 0 end
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 2]) end
redis.call('SET', KEYS[1], ARGV[2])
redis.pcall('PUBLISH', ARGV[3], '')
return 1
"""
_PUBLISH_SHA = hashlib.sha1(_PUBLISH.encode(), usedforsecurity=False).hexdigest()  # the name Redis gives it


def open_url(url: StoreURL, *, deadline_seconds: float, create: bool) -> RedisBackend:
    """Open ``redis://HOST[:PORT][/DB]``, ``rediss://`` (TLS) or ``redis+unix:///SOCKET``.

    Options:

    - ``prefix=NAME`` (treering): several stores share a database under different ones.
    - ``db=N`` (0): the database's number, where it does not stand after the host.
    - ``sentinel=NAME``: the hosts of the URL are sentinels (port 26379), NAME is what they call the master.
    - ``user=NAME``, and ``password_env=VARIABLE`` or ``password_file=PATH``; for sentinels that want their own,
      ``sentinel_user``, ``sentinel_password_env`` and ``sentinel_password_file``.
    - ``ca_file``, ``cert_file``, ``key_file``: PEM files for ``rediss:``, whose certificate is always checked;
      ``check_hostname=false`` does not compare the host's name with it.
    - ``durability=fsync|async|none``: what the server is known to do. It is asked, too: one that does less is
      ``Refused``, one that must not be asked is believed to do this.
    """
    address = Address.take(url)
    prefix = url.take_text("prefix") or "treering"
    stated = url.take_choice("durability", ("fsync", "async", "none"))
    url.finish()
    if not _PREFIX.match(prefix):
        raise InvalidStoreURL(
            "a prefix has 1 to 64 of A-Z a-z 0-9 . _ : / -", url=url.shown, option="prefix", value=prefix
        )
    return RedisBackend(
        address,
        prefix=prefix,
        stated=Durability(stated) if stated else None,
        deadline_seconds=deadline_seconds,
        create=create,
    )


class RedisBackend:
    """The store under ``prefix`` in one database of a Redis or Valkey server.

    Atomic: a commit is one script, which nothing else runs beside. It is as durable as the server's append-only file:
    ``appendfsync always`` is ``Durability.FSYNC``, ``everysec`` is ``ASYNC`` (a power cut loses about a second), less
    is ``NONE``, with a ``NotDurableWarning`` at open. A fail-over to a replica may lose acknowledged commits whatever
    the file says, because Redis replicates after it has answered.

    No call waits longer for an answer than the deadline. After a fork a handle raises ``ForkedProcess`` in the child.
    """

    def __init__(
        self, address: Address, *, prefix: str, stated: Durability | None, deadline_seconds: float, create: bool
    ) -> None:
        self._url = address.shown
        self._root_key = f"{{{prefix}}}:root".encode()
        self._object_prefix = f"{{{prefix}}}:o:".encode()
        self._channel = f"{{{prefix}}}:moved:{address.database}".encode()
        self._client = Client(address, deadline_seconds)
        self._listening: list[Wire] = []
        self._release = weakref.finalize(self, _release, self._client, self._listening)
        try:
            server = examine(self._client, self._root_key, store=self._url, stated=stated, create=create)
        except BaseException:
            self._release()
            raise
        self._largest = server.max_value_bytes
        self._limits = Limits(
            durability=server.durability,
            atomic=True,
            remote=True,
            max_batch_count=_BATCH_COUNT,
            max_batch_bytes=_BATCH_BYTES,
        )

    @property
    def url(self) -> str:
        """The URL without its options."""
        return self._url

    @property
    def limits(self) -> Limits:
        """A batch is at most 64 MiB and 10,000 keys; a value at most what the server takes, by default 512 MiB."""
        return self._limits

    def read_root(self) -> bytes | None:
        """Return the root record as the server has it, or None. One round trip."""
        return cast("bytes | None", self._client.call("GET", self._root_key))

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values under ``keys``. One round trip for each thousand."""
        prefix, values = self._object_prefix, []
        for at in range(0, len(keys), _PAGE_COUNT):
            values += self._client.call("MGET", *[prefix + key for key in keys[at : at + _PAGE_COUNT]])
        return values

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        """Compare the root, write ``objects`` and move the root, in one script and one round trip.

        It is never sent twice. ``OutcomeUnknown`` when the connection was lost, or the deadline passed, after it was
        sent.
        """
        prefix = self._object_prefix
        values = [self._checked(value) for _, value in objects]
        before = b"" if expected is None else b"=" + expected
        moved = self._client.call_script(
            _PUBLISH_SHA,
            _PUBLISH,
            1 + len(objects),
            self._root_key,
            *[prefix + key for key, _ in objects],
            before,
            bytes(root),
            self._channel,
            *values,
            effect=Effect.COMMIT,
        )
        return bool(moved)

    def write_many(self, objects: Sequence[Entry]) -> None:
        """Write ``objects``, up to a thousand or about 8 MiB in one command."""
        arguments: list[bytes] = []
        size_bytes = 0
        for key, value in objects:
            arguments += (self._object_prefix + key, self._checked(value))
            size_bytes += len(value)
            if len(arguments) >= 2 * _PAGE_COUNT or size_bytes >= _PAGE_BYTES:
                self._client.call("MSET", *arguments, effect=Effect.WRITE)
                arguments, size_bytes = [], 0
        if arguments:
            self._client.call("MSET", *arguments, effect=Effect.WRITE)

    def delete_many(self, keys: Sequence[bytes]) -> None:
        """Delete ``keys``, a thousand in one command; the server frees their memory in the background."""
        prefix = self._object_prefix
        for at in range(0, len(keys), _PAGE_COUNT):
            page = [prefix + key for key in keys[at : at + _PAGE_COUNT]]
            self._client.call("UNLINK", *page, effect=Effect.WRITE)

    def list_keys(self) -> Iterator[bytes]:
        """Yield every key once. The whole database is gone through, and the keys seen are remembered."""
        start = len(self._object_prefix)
        seen: set[bytes] = set()
        cursor = b"0"
        while True:
            cursor, names = self._client.call("SCAN", cursor, "MATCH", self._object_prefix + b"*", "COUNT", _PAGE_COUNT)
            new = {name[start:] for name in names} - seen  # Redis may name a key twice
            yield from new
            seen |= new
            if cursor == b"0":
                return

    def wait_for_root(self, known: bytes | None, timeout_seconds: float) -> None:
        """Wait on the channel that every ``publish`` tells of the move, having looked at the root first.

        The listening connection is kept for the next call, so that one that goes on waiting costs a single look.
        """
        last_moment = time.monotonic() + timeout_seconds
        connection = self._take_listening()
        try:
            if self.read_root() == known:
                self._listen(connection, last_moment)
        except RedisError as error:
            connection.disconnect()
            raise translated(error, self._url) from error
        except BaseException:
            connection.disconnect()
            raise
        self._listening.append(connection)
        if not self._client.open:
            _drop(self._listening)

    def close(self) -> None:
        """Let go of all connections."""
        self._release()

    def _checked(self, value: bytes) -> bytes:
        if len(value) > self._largest:
            message = "the value is larger than the server takes"
            raise TooLarge(message, size_bytes=len(value), limit_bytes=self._largest)
        return bytes(value)

    def _take_listening(self) -> Wire:
        """Return a connection that is subscribed, with nothing old to be heard on it."""
        while True:
            try:
                connection = self._listening.pop()
            except IndexError:
                break
            try:
                while connection.can_read(0):
                    connection.read_response()
                return connection  # noqa: TRY300 - a lost one is let go of
            except RedisError:
                connection.disconnect()
        connection = self._client.take()
        try:
            connection.send_command("SUBSCRIBE", self._channel)
            connection.read_response()
        except RedisError as error:
            connection.disconnect()
            raise translated(error, self._url) from error
        return connection

    def _listen(self, connection: Wire, last_moment: float) -> None:
        while (left := last_moment - time.monotonic()) > 0:
            if not self._client.open:
                raise Unavailable("the store was closed", store=self._url)
            if connection.can_read(min(left, _LISTEN_SECONDS)):
                connection.read_response()
                return


def _release(client: Client, listening: list[Wire]) -> None:
    client.close()
    _drop(listening)


def _drop(connections: list[Wire]) -> None:
    while connections:
        connections.pop().disconnect()
