"""The etcd backend: its URL, its handle, and the requests that it makes of each call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic

from treering.backend.base import Durability, Entry, Limits
from treering.backend.etcd import wire_pb2 as wire
from treering.backend.etcd.client import TLS, Client, Login
from treering.backend.etcd.failure import decode
from treering.backend.url import StoreURL
from treering.errors import InvalidStoreURL, NotAStore, OutcomeUnknown, StoreFull, TooLarge, Unavailable

_DEFAULT_PORT = 2379
_MAX_TXN_OPS = 128  # etcd's own defaults
_MAX_REQUEST_BYTES = 3 << 19
_MAX_VALUE_BYTES = 512 << 10  # a third of a request: an entry of etcd's log is better small
_LONGEST_KEY_BYTES = 64 + 16  # of an object, and the number of a part
_OP_BYTES = 32  # a put around its key and its value, in protobuf
_REQUEST_BYTES = 1024  # what etcd puts around a transaction in its log, besides the user's name
_EXPECTED_BYTES = 16 << 10  # room for the root that a transaction compares with
_LEAST_BATCH_BYTES = 32 << 10
_LEAST_TXN_OPS = 16
_PAGE_COUNT = 10_000  # keys listed by one request

_VERSION, _MOD, _VALUE = wire.Compare.VERSION, wire.Compare.MOD, wire.Compare.VALUE


def open_url(url: StoreURL, *, deadline_seconds: float, create: bool) -> EtcdBackend:
    """Open ``etcd://HOST[:PORT][,HOST...][/PREFIX]`` and see that it answers; a prefix that is empty is no error.

    Options:

    - ``user=NAME`` with ``password_env=VARIABLE`` or ``password_file=PATH``: authenticate; the token is renewed.
    - ``tls=true``; with it ``ca_file=PATH`` (who may have signed the servers' certificates; else what gRPC trusts),
      ``cert_file=PATH`` and ``key_file=PATH`` (a client certificate), ``server_name=NAME`` (what the servers'
      certificates are for, when that is not the host in the URL).
    - ``max_txn_ops=N`` (128) and ``max_request_bytes=SIZE`` (1.5 MiB): what the servers were started with.
    """
    del create
    hosts, path = url.split_hosts(_DEFAULT_PORT)
    prefix = path.strip("/").encode()
    if b"o" in prefix.split(b"/"):  # it would lie among the objects of the store above it
        raise InvalidStoreURL("no part of a prefix is named o", url=url.shown)
    user, password = url.take_text("user"), url.take_secret("password")
    if (user is None) != (password is None):
        option = "user" if user is None else "password_file"
        raise InvalidStoreURL("a user and a password go together", url=url.shown, option=option)
    tls = _take_tls(url)
    max_txn_ops = url.take_count("max_txn_ops", least=_LEAST_TXN_OPS) or _MAX_TXN_OPS
    max_request_bytes = url.take_size("max_request_bytes") or _MAX_REQUEST_BYTES
    url.finish()
    overhead = max_txn_ops * (len(prefix) + 3 + _LONGEST_KEY_BYTES + _OP_BYTES) + len((user or "").encode())
    limits = _limits(max_txn_ops, max_request_bytes - overhead - _REQUEST_BYTES - _EXPECTED_BYTES)
    if limits is None:
        raise InvalidStoreURL("so many keys leave no room for values", url=url.shown, option="max_request_bytes")
    client = Client(
        hosts,
        store=url.shown,
        deadline_seconds=deadline_seconds,
        tls=tls,
        login=Login(user, password) if user is not None and password is not None else None,
    )
    backend = EtcdBackend(client, prefix, url=url.shown, limits=limits)
    try:
        backend.read_root()
    except BaseException:
        backend.close()
        raise
    return backend


def _take_tls(url: StoreURL) -> TLS | None:
    tls = url.take_flag("tls", default=False)
    given = {name: url.take_text(name) for name in ("ca_file", "cert_file", "key_file", "server_name")}
    for name, value in given.items():
        if value is not None and not tls:
            raise InvalidStoreURL("the option goes with tls=true only", url=url.shown, option=name)
    if not tls:
        return None
    if (given["cert_file"] is None) != (given["key_file"] is None):
        option = "cert_file" if given["cert_file"] is None else "key_file"
        raise InvalidStoreURL("a client certificate and its key go together", url=url.shown, option=option)
    return TLS(
        authorities=_read_file(url, "ca_file", given["ca_file"]),
        certificate=_read_file(url, "cert_file", given["cert_file"]),
        key=_read_file(url, "key_file", given["key_file"]),
        server_name=given["server_name"],
    )


def _read_file(url: StoreURL, option: str, path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InvalidStoreURL("the file cannot be read", url=url.shown, option=option, value=path) from error
    if b"-----BEGIN " not in content:
        raise InvalidStoreURL("the file holds nothing in PEM form", url=url.shown, option=option, value=path)
    return content


def _limits(max_txn_ops: int, batch_bytes: int) -> Limits | None:
    if batch_bytes < _LEAST_BATCH_BYTES:
        return None
    return Limits(
        durability=Durability.QUORUM,
        atomic=True,
        remote=True,
        max_value_bytes=min(_MAX_VALUE_BYTES, batch_bytes // 2),
        max_batch_count=max_txn_ops,
        max_batch_bytes=batch_bytes,
    )


class EtcdBackend:
    """The store under ``prefix`` in the cluster of ``client``.

    A publish is one transaction, on the disks of a majority when it returns; so is every batch of the other writes.
    The root is read linearizably. Threads share the connections. In a child process a handle raises ``ForkedProcess``.
    """

    def __init__(self, client: Client, prefix: bytes, *, url: str, limits: Limits) -> None:
        self._client = client
        self._url = url
        self._limits = limits
        self._root_key = prefix + b"/root"
        self._object_prefix = prefix + b"/o/"
        self._seen: tuple[bytes, int] | None = None  # a root, and a revision of the cluster at which it was that
        assert limits.max_batch_count is not None
        assert limits.max_batch_bytes is not None
        self._max_count, self._max_bytes = limits.max_batch_count, limits.max_batch_bytes

    @property
    def url(self) -> str:
        """``etcd://``, the hosts and the prefix."""
        return self._url

    @property
    def limits(self) -> Limits:
        """What one transaction may carry; keys and protobuf are accounted for already."""
        return self._limits

    def read_root(self) -> bytes | None:
        """Return the root record as a majority knows it, or None. One round trip."""
        return self._read_root(None)[0]

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values under ``keys``: a round trip for each ``max_txn_ops`` of them.

        An object never changes, so the member that is asked answers without the others. Only what it does not have is
        asked for again, of the majority: it may be behind.
        """
        values = self._read_objects(keys, serializable=True)
        absent = [index for index, value in enumerate(values) if value is None]
        if absent:
            again = self._read_objects([keys[index] for index in absent], serializable=False)
            for index, value in zip(absent, again, strict=True):
                values[index] = value
        return values

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        """Compare the root, write ``objects`` and move the root, in one transaction and one round trip.

        ``OutcomeUnknown`` when the answer was lost, ``StoreFull`` when it is certain that nothing was written.
        """
        txn = wire.TxnRequest()
        compare = txn.compare.add(key=self._root_key)
        if expected is None:
            compare.target, compare.version = _VERSION, 0
        elif len(expected) <= _EXPECTED_BYTES:
            compare.target, compare.value = _VALUE, expected
        else:  # too long to be sent along: the revision that made it stands for it
            now, revision = self._read_root(None)
            if now != expected:
                return False
            compare.target, compare.mod_revision = _MOD, revision
        self._put(txn, objects)
        txn.success.add().request_put.MergeFrom(wire.PutRequest(key=self._root_key, value=bytes(root)))
        try:
            answer = self._client.txn(txn.SerializeToString(), once=True)
        except StoreFull as error:
            return self._settle_full(expected, root, error)
        try:
            reply = decode(wire.TxnResponse(), answer, self._url)
        except NotAStore as error:
            raise OutcomeUnknown("the answer of etcd cannot be read", store=self._url) from error
        if reply.succeeded:
            self._seen = bytes(root), reply.header.revision
        return reply.succeeded

    def write_many(self, objects: Sequence[Entry]) -> None:
        """Write ``objects``, batch by batch."""
        batch: list[Entry] = []
        size = 0
        for entry in objects:
            length = len(entry[1])
            if length > self._max_bytes:
                raise TooLarge("a value does not fit a request", size_bytes=length, limit_bytes=self._max_bytes)
            if len(batch) == self._max_count or size + length > self._max_bytes:
                self._write(batch)
                batch, size = [], 0
            batch.append(entry)
            size += length
        if batch:
            self._write(batch)

    def delete_many(self, keys: Sequence[bytes]) -> None:
        """Delete ``keys`` and the parts of their values: a round trip for each half of ``max_txn_ops`` keys."""
        step = self._max_count // 2
        for start in range(0, len(keys), step):
            txn = wire.TxnRequest()
            for key in keys[start : start + step]:
                name = self._object_prefix + key
                txn.success.add().request_delete_range.key = name
                parts = txn.success.add().request_delete_range
                parts.key, parts.range_end = name + b"/", name + b"0"  # what follows a slash
            self._txn(txn)

    def list_keys(self) -> Iterator[bytes]:
        """Yield keys in order, ten thousand for each round trip: what is written meanwhile may come or not."""
        prefix = self._object_prefix
        request = wire.RangeRequest(key=prefix, range_end=prefix[:-1] + b"0", limit=_PAGE_COUNT, keys_only=True)
        while True:
            reply = decode(wire.RangeResponse(), self._client.range(request.SerializeToString()), self._url)
            for found in reply.kvs:
                yield found.key[len(prefix) :]
            if not reply.more:
                return
            request.key = reply.kvs[-1].key + b"\0"

    def wait_for_root(self, known: bytes | None, timeout_seconds: float) -> None:
        """Watch the root. One round trip, and another where this handle has not read or written ``known`` last."""
        last_moment = monotonic() + timeout_seconds
        seen = self._seen
        after = seen[1] if seen is not None and seen[0] == known else 0
        create = wire.WatchCreateRequest(key=self._root_key, start_revision=after + 1 if after else 0)
        request = wire.WatchRequest(create_request=create).SerializeToString()
        with closing(self._client.watch(request, max(timeout_seconds, 0.001))) as replies:
            for data in replies:
                reply = decode(wire.WatchResponse(), data, self._url)
                if reply.canceled:  # that revision was compacted: the next wait reads the root
                    self._seen = None
                if reply.events or reply.canceled:
                    return
                if not reply.created:
                    continue
                # a lower revision: the store is an older copy of what it was
                if reply.header.revision < after if after else self._may_have_moved(known, last_moment):
                    return

    def close(self) -> None:
        """Let go of the connections; calls and watches under way end. Twice is fine."""
        self._client.close()

    def _may_have_moved(self, known: bytes | None, last_moment: float) -> bool:
        try:
            return self._read_root(max(last_moment - monotonic(), 0.001))[0] != known
        except Unavailable:
            if monotonic() < last_moment:
                raise
            return True  # the time was too short for an answer, which says nothing about the store

    def _read_root(self, seconds: float | None) -> tuple[bytes | None, int]:
        request = wire.RangeRequest(key=self._root_key).SerializeToString()
        reply = decode(wire.RangeResponse(), self._client.range(request, seconds=seconds), self._url)
        if not reply.kvs:
            return None, 0
        root = reply.kvs[0].value
        self._seen = root, reply.header.revision
        return root, reply.kvs[0].mod_revision

    def _read_objects(self, keys: Sequence[bytes], *, serializable: bool) -> list[bytes | None]:
        values: list[bytes | None] = []
        for start in range(0, len(keys), self._max_count):
            txn = wire.TxnRequest()
            for key in keys[start : start + self._max_count]:
                asked = txn.success.add().request_range
                asked.key, asked.serializable = self._object_prefix + key, serializable
            for answer in self._txn(txn).responses:
                found = answer.response_range.kvs
                values.append(found[0].value if found else None)
        return values

    def _settle_full(self, expected: bytes | None, root: bytes, error: StoreFull) -> bool:
        """After an answer that says the quota is reached: etcd gives it before it writes, but also after it did."""
        try:
            now = self.read_root()
        except Exception as second:
            raise OutcomeUnknown("etcd has no room and its root cannot be read", store=self._url) from second
        if now == expected:
            raise error
        if now == root:
            return True
        raise OutcomeUnknown("etcd has no room and its root is another", store=self._url) from error

    def _write(self, objects: Iterable[Entry]) -> None:
        txn = wire.TxnRequest()
        self._put(txn, objects)
        self._txn(txn)

    def _put(self, txn: wire.TxnRequest, objects: Iterable[Entry]) -> None:
        prefix, add = self._object_prefix, txn.success.add
        for key, value in objects:
            put = add().request_put
            put.key = prefix + key
            put.value = bytes(value)

    def _txn(self, txn: wire.TxnRequest) -> wire.TxnResponse:
        return decode(wire.TxnResponse(), self._client.txn(txn.SerializeToString(), once=False), self._url)
