"""The Consul backend: its URL, its handle, and what each call asks of the agent."""

from __future__ import annotations

import binascii
import json
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from treering.backend.base import Durability, Entry, Limits
from treering.backend.consul.http import Address, Answer, Client, ReplyLost, printable
from treering.backend.tls import take_tls
from treering.backend.url import StoreURL
from treering.errors import Corruption, InvalidStoreURL, NotAStore, OutcomeUnknown, Refused, TooLarge, Unavailable

MAX_OPERATIONS = 64  # of one transaction; a constant of Consul's
MAX_REQUEST_BYTES = 512 << 10  # of one transaction's JSON, values in base64; txn_max_req_len may raise it
MAX_VALUE_BYTES = 256 << 10
_OPERATION_BYTES = 160 + 64  # JSON around one value: braces, the longest key in hex, rounding; without the prefix
_MAX_WAIT_SECONDS = 300.0  # Consul cuts a blocking query at ten minutes
_PREFIX = re.compile(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*\Z")
_MAX_PREFIX_LENGTH = 200
# answers 500 that come before anything was proposed to the servers
_CERTAINLY_NOT_DONE = ("No cluster leader", "No path to datacenter")

_Operation = dict[str, dict[str, object]]


def open_url(url: StoreURL, *, deadline_seconds: float, create: bool) -> ConsulBackend:
    """Open ``consul://HOST[:8500][/PREFIX]``: the store in the keys below ``PREFIX/`` (``treering``).

    Nothing is asked of the server before the first call, so ``create=False`` has no say. Options:

    - ``dc=NAME``: the datacenter whose store it is; the agent's own when not given.
    - ``token_env=VARIABLE`` or ``token_file=PATH``: where the ACL token is.
    - ``tls=true`` speaks HTTPS and checks the server's certificate, with the system's authorities or those of
      ``ca_file=PATH``; ``cert_file=PATH`` and ``key_file=PATH`` show one of one's own.
    """
    del create
    (host, *others), prefix = url.split_hosts(8500)
    if others:
        raise InvalidStoreURL("a Consul store has one host: an agent, which knows the servers", url=url.shown)
    prefix = prefix or "treering"
    if not _PREFIX.match(prefix) or len(prefix) > _MAX_PREFIX_LENGTH:
        message = "the prefix is names of letters, digits and . _ ~ - with a slash between, 200 characters at most"
        raise InvalidStoreURL(message, url=url.shown)
    datacenter = url.take_text("dc")
    address = _read_address(url, host)
    url.finish()
    return ConsulBackend(address, prefix, datacenter=datacenter, deadline_seconds=deadline_seconds)


class ConsulBackend:
    """The store below ``prefix/`` in the datacenter's key-value store, through the agent at ``address``.

    Atomic, and on the disks of a majority of the servers when ``publish`` returns. The root is compared by its
    ModifyIndex: the handle remembers that of the bytes it read or published last, and asks for that of others. Roots
    are read with ``?consistent``. Objects, which never change, are read from the leader without asking the others
    whether it still leads; one that seems not to be there is asked for again with ``?consistent``.

    ``deadline_seconds`` bounds each request. A ``list_keys`` holds all keys in memory at once.
    """

    def __init__(
        self, address: Address, prefix: str, *, datacenter: str | None = None, deadline_seconds: float = 10.0
    ) -> None:
        self._url = f"{address.shown}/{prefix}"
        self._root_key = f"{prefix}/root"
        self._object_prefix = f"{prefix}/o/"
        self._client = Client(address, deadline_seconds)
        self._deadline_seconds = deadline_seconds
        self._at = f"dc={quote(datacenter, safe='')}" if datacenter else ""
        self._known: tuple[bytes, int] | None = None  # a root and its ModifyIndex
        overhead = MAX_OPERATIONS * (_OPERATION_BYTES + len(self._object_prefix))
        self._batch_bytes = (MAX_REQUEST_BYTES - overhead) // 4 * 3
        self._limits = Limits(
            durability=Durability.QUORUM,
            atomic=True,
            remote=True,
            max_value_bytes=MAX_VALUE_BYTES,
            max_batch_count=MAX_OPERATIONS,
            max_batch_bytes=self._batch_bytes,
        )

    @property
    def url(self) -> str:
        """``consul://``, host, port and prefix."""
        return self._url

    @property
    def limits(self) -> Limits:
        """64 operations and what of 512 KiB is left without base64 and JSON; a value is at most 256 KiB."""
        return self._limits

    def read_root(self) -> bytes | None:
        """Return the root record, as the leader has it after asking a majority whether it leads. One request."""
        found, _ = self._ask_root()
        return found[0] if found else None

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values under ``keys``. One request for each 64 of them, and two more where one is missing."""
        found: dict[str, bytes] = {}
        names = [self._name(key) for key in keys]
        different = list(dict.fromkeys(names))
        for start in range(0, len(different), MAX_OPERATIONS):
            missing = self._read_batch(different[start : start + MAX_OPERATIONS], found, "")
            if missing:
                self._read_batch(missing, found, "consistent&")
        self._client.check_open()
        return [found.get(name) for name in names]

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        """Write ``objects`` and move the root in one transaction: one request where the index of ``expected`` is known.

        A refusal is False only when the root was read and is another: where other writers brought the same bytes back,
        it is tried again. ``OutcomeUnknown`` when the request was sent and its answer was lost, or was an error of the
        servers that does not say whether the transaction was applied.
        """
        root = bytes(root)
        operations = [_set(self._name(key), value) for key, value in objects]
        known = self._known
        index = 0 if expected is None else known[1] if known and known[0] == expected else None
        end = time.monotonic() + self._deadline_seconds
        while True:
            if index is None:
                found, _ = self._ask_root()
                if found is None or found[0] != expected:
                    return False
                index = found[1]
            move = {"KV": {"Verb": "cas", "Key": self._root_key, "Value": _encode(root), "Index": index}}
            answer = self._send_publish(_body([*operations, move]))
            if answer.status == 200:
                self._known = root, _reply(answer, self._url)["Results"][-1]["KV"]["ModifyIndex"]
                return True
            self._check_refusal(answer, at_fault=len(operations))
            if index == 0:
                return False
            if time.monotonic() > end:
                raise Unavailable("other writers kept moving the root until the deadline", store=self._url)
            index = None

    def write_many(self, objects: Sequence[Entry]) -> None:
        """Write ``objects``, in transactions as large as they may be, one after the other."""
        self._client.check_open()
        batch: list[_Operation] = []
        size = 0
        for _, value in objects:
            if len(value) > MAX_VALUE_BYTES:
                message = "a value is larger than this store takes"
                raise TooLarge(message, store=self._url, size_bytes=len(value), limit_bytes=MAX_VALUE_BYTES)
        for key, value in objects:
            if len(batch) == MAX_OPERATIONS or size + len(value) > self._batch_bytes:
                self._write(batch)
                batch, size = [], 0
            batch.append(_set(self._name(key), value))
            size += len(value)
        self._write(batch)

    def delete_many(self, keys: Sequence[bytes]) -> None:
        """Delete ``keys`` and the parts of their values, 32 keys in a transaction."""
        self._client.check_open()
        step = MAX_OPERATIONS // 2
        for start in range(0, len(keys), step):
            batch: list[_Operation] = []
            for key in keys[start : start + step]:
                batch.append({"KV": {"Verb": "delete", "Key": self._name(key)}})
                batch.append({"KV": {"Verb": "delete-tree", "Key": self._name(key + b"/")}})
            self._write(batch)

    def list_keys(self) -> Iterator[bytes]:
        """Yield the objects' keys, all of one moment: one request, whose answer is about 60 bytes a key."""
        target = f"/v1/kv/{self._object_prefix}?keys&consistent&{self._at}"
        answer = self._client.request("GET", target, repeatable=True, long=True)
        if answer.status == 404 and answer.index is not None:
            return
        self._check(answer)
        start = len(self._object_prefix)
        for name in _reply(answer, self._url, list):
            try:
                yield bytes.fromhex(name[start:])
            except ValueError:  # not written by treering
                continue

    def wait_for_root(self, known: bytes | None, timeout_seconds: float) -> None:
        """Wait with a blocking query on the root's key. One request, and one more where the index is not known."""
        end = time.monotonic() + timeout_seconds
        remembered = self._known
        if known is not None and remembered and remembered[0] == known:
            index = remembered[1]
        else:
            found, index = self._ask_root()
            if (found[0] if found else None) != known:
                return
        seconds = min(end - time.monotonic(), _MAX_WAIT_SECONDS) * 16 / 17  # Consul adds up to a sixteenth
        if seconds > 0:
            milliseconds = max(1, int(seconds * 1000))
            target = f"/v1/kv/{self._root_key}?index={max(index, 1)}&wait={milliseconds}ms&{self._at}"
            self._client.wait(target, seconds)

    def close(self) -> None:
        """Let go of the connections; a ``wait_for_root`` of another thread ends. Twice is fine."""
        self._client.close()

    def _name(self, key: bytes) -> str:
        return self._object_prefix + key.hex()

    def _ask_root(self) -> tuple[tuple[bytes, int] | None, int]:
        """Return the root with its ModifyIndex, or None, and the index that a blocking query would wait from."""
        answer = self._client.request("GET", f"/v1/kv/{self._root_key}?consistent&{self._at}", repeatable=True)
        if answer.status == 404 and answer.index is not None:
            return None, answer.index
        self._check(answer)
        (entry,) = _reply(answer, self._url, list)
        root, index = _decode(entry["Value"], self._root_key), entry["ModifyIndex"]
        self._known = root, index
        return (root, index), index

    def _read_batch(self, names: Sequence[str], found: dict[str, bytes], options: str) -> list[str]:
        """Read ``names`` into ``found`` and return those that are not there.

        A transaction that gets a missing key fails and names all missing ones; then the others are asked for alone.
        """
        missing: list[str] = []
        while True:
            if not names:
                return missing
            body = _body([{"KV": {"Verb": "get", "Key": name}} for name in names])
            answer = self._client.request("PUT", f"/v1/txn?{options}{self._at}", body, repeatable=True)
            if answer.status != 409:
                break
            absent = {error["OpIndex"] for error in self._errors(answer) if error["What"].endswith("doesn't exist")}
            if not absent:
                self._check(answer)
            missing += [name for index, name in enumerate(names) if index in absent]
            names = [name for index, name in enumerate(names) if index not in absent]
        self._check(answer)
        for result in _reply(answer, self._url)["Results"]:
            entry = result["KV"]
            found[entry["Key"]] = _decode(entry["Value"], entry["Key"])
        for name in names:
            if name not in found:
                raise Refused("the ACL token may not read all of the store's keys", store=self._url)
        return missing

    def _send_publish(self, body: bytes) -> Answer:
        try:
            answer = self._client.request("PUT", f"/v1/txn?{self._at}", body, repeatable=False)
        except ReplyLost as error:
            raise OutcomeUnknown("the answer to a commit was lost", **error.facts) from error
        if answer.status >= 500 and not _reason(answer).startswith(_CERTAINLY_NOT_DONE):
            raise OutcomeUnknown("the servers failed while a commit was decided", **self._facts(answer))
        if answer.status != 409:
            self._check(answer)
        return answer

    def _write(self, batch: Sequence[_Operation]) -> None:
        if batch:
            self._check(self._client.request("PUT", f"/v1/txn?{self._at}", _body(batch), repeatable=True))

    def _check_refusal(self, answer: Answer, *, at_fault: int) -> None:
        """Return when the transaction failed by its operation number ``at_fault`` alone: the root has another index."""
        errors = self._errors(answer)
        if any(error["OpIndex"] != at_fault or "stale" not in error["What"] for error in errors) or not errors:
            self._check(answer)

    def _errors(self, answer: Answer) -> list[dict[str, Any]]:
        errors: list[dict[str, Any]] = _reply(answer, self._url)["Errors"] or []
        return errors

    def _check(self, answer: Answer) -> None:
        """Return when the answer is 200, else raise what it means: nothing was done."""
        if answer.status == 200:
            return
        reason, facts = _reason(answer), self._facts(answer)
        if answer.status in {401, 403} or (answer.status == 409 and "ermission denied" in reason):
            raise Refused("the ACL token may not do this, or is not known", **facts)
        if answer.status == 413:
            raise TooLarge("the request is larger than the server takes", **facts)
        raise Unavailable("the server refuses", **facts)

    def _facts(self, answer: Answer) -> dict[str, object]:
        return {"store": self._url, "status": answer.status, "reason": _reason(answer)}


def _read_address(url: StoreURL, host: tuple[str, int]) -> Address:
    name, port = host
    shown = f"consul://[{name}]:{port}" if ":" in name else f"consul://{name}:{port}"
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "treering"}
    token = url.take_secret("token")
    if token is not None:
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise InvalidStoreURL("the token is not one that a header can carry", url=url.shown, option="token")
        headers["X-Consul-Token"] = token
    return Address(name, port, shown, headers, take_tls(url))


def _set(name: str, value: bytes) -> _Operation:
    return {"KV": {"Verb": "set", "Key": name, "Value": _encode(value)}}


def _encode(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def _decode(text: str | None, name: str) -> bytes:
    try:
        return binascii.a2b_base64(text or "", strict_mode=True)  # no text: an empty value
    except ValueError as error:
        raise Corruption("the server sent a value that is not base64", location=name, problem=str(error)) from error


def _body(operations: Sequence[_Operation]) -> bytes:
    return json.dumps(operations, separators=(",", ":")).encode("ascii")


def _reply(answer: Answer, store: str, kind: type[Any] = dict) -> Any:
    try:
        reply = json.loads(answer.body)
    except ValueError:
        reply = None
    if not isinstance(reply, kind):
        raise NotAStore("what answers there is not Consul", store=store, status=answer.status)
    return reply


def _reason(answer: Answer) -> str:
    return printable(answer.body[:300].decode("utf-8", "replace"))
