"""The clients of stores by themselves: they put the keys and bytes of a commit, and know nothing of treering.

Each writes what a treering commit wrote a moment before under the same keys, in one transaction where the store has
transactions, beside treering's store and never into it. Nothing is compared: who has the store to themselves need not.
"""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import redis
from cassandra import ConsistencyLevel
from cassandra.cluster import Cluster
from urllib3 import HTTPConnectionPool

from benchmarks.treering_store import Written
from treering.backend.base import Entry
from treering.backend.etcd import wire_pb2 as wire

STORE = "replayed"  # as long as treering's own name, so that the keys are as long


class RawSqlite:
    """Rows of a key and a value in a file of its own."""

    settings = "`sqlite3`: BEGIN IMMEDIATE, one executemany, the root's UPDATE, COMMIT; WAL, synchronous=FULL"

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "raw.sqlite", isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE object (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL)",
            "CREATE TABLE root (id INTEGER PRIMARY KEY, record BLOB NOT NULL)",
            "INSERT INTO root VALUES (1, x'')",
        ):
            self._connection.execute(statement)

    def fill(self, objects: Sequence[Entry], root: bytes) -> None:
        self.put(Written(objects, root))

    def put(self, written: Written) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO object VALUES (?, ?)", written.objects)
        connection.execute("UPDATE root SET record = ? WHERE id = 1", (written.root,))
        connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


class RawRedis:
    """Keys of the same names in another database of the server."""

    settings = "`redis-py` with hiredis: a pipeline with MULTI and EXEC, of a SET for each key"

    def __init__(self, port: int) -> None:
        self._client = redis.Redis(host="127.0.0.1", port=port, db=1)

    def fill(self, objects: Sequence[Entry], root: bytes) -> None:
        self.put(Written(objects, root))

    def put(self, written: Written) -> None:
        with self._client.pipeline(transaction=True) as pipeline:
            for key, value in written.objects:
                pipeline.set(b"{treering}:o:" + key, value)
            pipeline.set(b"{treering}:root", written.root)
            pipeline.execute()

    def close(self) -> None:
        self._client.close()


class RawEtcd:
    """Keys under another prefix."""

    settings = "`grpcio`: one Txn of a put for each key, nothing compared"

    def __init__(self, port: int) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._txn = self._channel.unary_unary(
            "/etcdserverpb.KV/Txn", wire.TxnRequest.SerializeToString, wire.TxnResponse.FromString
        )

    def fill(self, objects: Sequence[Entry], root: bytes) -> None:
        for start in range(0, len(objects), 100):
            self.put(Written(objects[start : start + 100], root))

    def put(self, written: Written) -> None:
        request = wire.TxnRequest()
        for key, value in written.objects:
            request.success.add(request_put=wire.PutRequest(key=b"replayed/o/" + key, value=value))
        request.success.add(request_put=wire.PutRequest(key=b"replayed/root", value=written.root))
        self._txn(request)

    def close(self) -> None:
        self._channel.close()


class RawConsul:
    """Keys under another prefix."""

    settings = "`urllib3`: one PUT to `/v1/txn`, a set for each key"

    def __init__(self, port: int) -> None:
        self._pool = HTTPConnectionPool("127.0.0.1", port, maxsize=1, retries=False)

    def fill(self, objects: Sequence[Entry], root: bytes) -> None:
        batch: list[Entry] = []
        for entry in objects:
            if len(batch) == 63 or sum(len(value) for _, value in batch) + len(entry[1]) > 300_000:
                self.put(Written(batch, root))
                batch = []
            batch.append(entry)
        self.put(Written(batch, root))

    def put(self, written: Written) -> None:
        operations = [_set(f"replayed/o/{key.hex()}", value) for key, value in written.objects]
        operations.append(_set("replayed/root", written.root))
        answer = self._pool.request("PUT", "/v1/txn", body=json.dumps(operations).encode())
        if answer.status != 200:
            raise RuntimeError(f"Consul answered {answer.status}")

    def close(self) -> None:
        self._pool.close()


def _set(key: str, value: bytes) -> dict[str, dict[str, str]]:
    return {"KV": {"Verb": "set", "Key": key, "Value": b64encode(value).decode()}}


class RawCassandra:
    """Rows of treering's tables under another store's name."""

    settings = (
        "`cassandra-driver`: the objects' rows at QUORUM, all on their way at once, then the root's row by a "
        "lightweight transaction; an unlogged batch of the rows was slower"
    )

    def __init__(self, port: int, keyspace: str) -> None:
        self._cluster = Cluster(["127.0.0.1"], port=port, protocol_version=4, compression=False)
        self._session: Any = self._cluster.connect(keyspace)
        self._insert = self._session.prepare(
            "INSERT INTO treering_objects (store, location, part, value) VALUES (?, ?, 0x, ?)"
        )
        self._insert.consistency_level = ConsistencyLevel.QUORUM
        self._move = self._session.prepare("UPDATE treering_roots SET root = ? WHERE store = ? IF root = ?")
        self._root = b""

    def fill(self, objects: Sequence[Entry], root: bytes) -> None:
        for key, value in objects:
            self._session.execute(self._insert, (STORE, key, value))
        self._session.execute("INSERT INTO treering_roots (store, root) VALUES (%s, %s)", (STORE, root))
        self._root = root

    def put(self, written: Written) -> None:
        insert = self._session.execute_async
        for waiting in [insert(self._insert, (STORE, key, value)) for key, value in written.objects]:
            waiting.result()
        if not self._session.execute(self._move, (written.root, STORE, self._root)).was_applied:
            raise RuntimeError("the root was not moved")
        self._root = written.root

    def close(self) -> None:
        self._cluster.shutdown()
