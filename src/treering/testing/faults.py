"""A backend that counts what goes through it and fails when it is told to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

from treering.errors import OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from treering.backend.base import Backend, Entry, Limits

Method = Literal["read_root", "read_many", "publish", "write_many", "delete_many", "list_keys"]
Moment = Literal["before", "during", "after", "lost", "late"]


class SimulatedCrash(BaseException):
    """The process died here. Not an ``Exception``, so that no code under test can live on by catching it."""


@dataclass(slots=True)
class _Fault:
    method: Method
    calls_left: int
    moment: Moment
    error: BaseException
    until: Method


class FaultyBackend:
    """``inner`` with counters and planned faults.

    ``calls`` counts per method; ``keys_read``, ``bytes_read``, ``keys_written`` and ``bytes_written`` add up what was
    asked for and found, and what was given to be written, roots included. A planned fault fires once, at the n-th call
    of its method from when it was planned; several may be planned. Counting is exact with one thread.
    """

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.crashed = False
        self.arrivals: list[bool] = []  # of late publications: whether they moved the root
        self._faults: list[_Fault] = []
        self._late: list[tuple[Method, Sequence[Entry], bytes | None, bytes]] = []
        self.reset_counts()

    def reset_counts(self) -> None:
        """Start counting from nothing."""
        self.calls: Counter[str] = Counter()
        self.keys_read = self.bytes_read = self.keys_written = self.bytes_written = 0

    def fail(
        self,
        method: Method,
        *,
        on_call: int = 1,
        moment: Moment = "before",
        error: BaseException | None = None,
        until: Method = "read_root",
    ) -> None:
        """Let the ``on_call``-th call of ``method`` raise ``error``.

        ``before``: nothing was done. ``during``: a ``publish`` has written its objects and not moved the root; a
        ``write_many`` or ``delete_many`` has done the first half. ``after``: it was done and the reply is lost.
        ``lost``: it was not, and the caller cannot tell. ``late`` (a ``publish``): it is on its way, and arrives when
        the next call of ``until`` has been answered. The default error is ``Unavailable``; where a publish may have
        been done, ``OutcomeUnknown``.
        """
        if error is None:
            unknown = moment in {"after", "lost", "late"} and method == "publish"
            error = OutcomeUnknown("a planned fault") if unknown else Unavailable("a planned fault")
        self._faults.append(_Fault(method, on_call, moment, error, until))

    def crash(self, method: Method, *, on_call: int = 1, moment: Moment = "before") -> None:
        """Let the ``on_call``-th call of ``method`` raise ``SimulatedCrash``, and all calls after it but ``close``."""
        self.fail(method, on_call=on_call, moment=moment, error=SimulatedCrash())

    @property
    def url(self) -> str:
        return self.inner.url

    @property
    def limits(self) -> Limits:
        return self.inner.limits

    def read_root(self) -> bytes | None:
        fault = self._enter("read_root")
        root = self.inner.read_root()
        self.keys_read += 1
        self.bytes_read += len(root or b"")
        self._arrive("read_root")
        self._leave(fault)
        return root

    def read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        fault = self._enter("read_many")
        values = self.inner.read_many(keys)
        self.keys_read += len(keys)
        self.bytes_read += sum(len(value) for value in values if value is not None)
        self._leave(fault)
        return values

    def publish(self, objects: Sequence[Entry], expected: bytes | None, root: bytes) -> bool:
        fault = self._enter("publish")
        self._count_written(objects)
        self.keys_written += 1
        self.bytes_written += len(root)
        if fault is not None and fault.moment == "during":
            self.inner.write_many(objects)
            self._raise(fault)
        if fault is not None and fault.moment == "late":
            self._late.append((fault.until, tuple(objects), expected, root))
            self._raise(fault)
        moved = self.inner.publish(objects, expected, root)
        self._arrive("publish")
        self._leave(fault)
        return moved

    def write_many(self, objects: Sequence[Entry]) -> None:
        fault = self._enter("write_many")
        self._count_written(objects)
        self.inner.write_many(_half(objects, fault))
        self._leave(fault)

    def delete_many(self, keys: Sequence[bytes]) -> None:
        fault = self._enter("delete_many")
        self.inner.delete_many(_half(keys, fault))
        self._leave(fault)

    def list_keys(self) -> Iterator[bytes]:
        fault = self._enter("list_keys")
        yield from self.inner.list_keys()
        self._leave(fault)

    def sync(self) -> None:
        """Sync the inner backend, if it can."""
        sync = getattr(self.inner, "sync", None)
        if sync is not None:
            sync()

    def close(self) -> None:
        self.inner.close()

    def _count_written(self, objects: Sequence[Entry]) -> None:
        self.keys_written += len(objects)
        self.bytes_written += sum(len(value) for _, value in objects)

    def _enter(self, method: Method) -> _Fault | None:
        if self.crashed:
            raise SimulatedCrash
        self.calls[method] += 1
        due = None
        for fault in list(self._faults):
            if fault.method == method:
                fault.calls_left -= 1
                if fault.calls_left == 0:
                    self._faults.remove(fault)
                    due = fault
        if due is not None and due.moment in {"before", "lost"}:
            self._raise(due)
        return due

    def _arrive(self, method: Method) -> None:
        """Let the late publications arrive that waited for this method."""
        due = [request for request in self._late if request[0] == method]
        for request in due:
            self._late.remove(request)
            self.arrivals.append(self.inner.publish(*request[1:]))

    def _leave(self, fault: _Fault | None) -> None:
        if fault is not None:
            self._raise(fault)

    def _raise(self, fault: _Fault) -> NoReturn:
        self.crashed = isinstance(fault.error, SimulatedCrash)
        raise fault.error


def _half(items: Sequence[Entry] | Sequence[bytes], fault: _Fault | None) -> Sequence:  # type: ignore[type-arg]
    return items[: len(items) // 2] if fault is not None and fault.moment == "during" else items
