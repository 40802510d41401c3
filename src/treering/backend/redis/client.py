"""Connections to one Redis: taken for one call, given back after it; none is ever used twice for a commit's sake.

Each is redis-py's own, without its pool and its client: these repeat calls, and do not say whether a request that
failed had been sent.
"""

from __future__ import annotations

import enum
import os
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import NoPermissionError, NoScriptError, RedisError, ResponseError

from treering.backend.redis.address import Address, Wire
from treering.backend.redis.failure import ANSWERS, code_of, translated
from treering.errors import Error, ForkedProcess, OutcomeUnknown, Refused, Unavailable

Argument = bytes | str | int


class Effect(enum.Enum):
    """What a call does, which says what a lost connection means."""

    READ = "read"  # may be asked again
    WRITE = "write"  # of objects that nothing names yet
    COMMIT = "commit"


class Client:
    """The connections of one handle, as many as threads ever call at the same moment.

    Closing and forking put in the place of ``_connect`` a function that raises and leave no idle connection, so that a
    call pays for neither check.
    """

    def __init__(self, address: Address, deadline_seconds: float) -> None:
        self._address = address
        self._deadline_seconds = deadline_seconds
        self._idle: list[Wire] = []
        self.open = True
        self._connect: Callable[[], Wire] = self._connect_anew
        _clients.add(self)

    def call(self, *command: Argument, effect: Effect = Effect.READ) -> Any:
        """Send one command and return its reply.

        A lost connection is ``Unavailable``, or ``OutcomeUnknown`` for a commit that had been sent. A read is asked
        once more on another connection, for the old one may have been closed while nobody used it.
        """
        again = effect is Effect.READ
        while True:
            connection = self.take()
            sent = False
            try:
                connection.send_command(*command)
                sent = True
                reply = connection.read_response()
            except ANSWERS as error:
                self._refuse(connection, error)
            except RedisError as error:
                connection.disconnect()
                if again and isinstance(error, LostConnection):
                    again = False
                    self._drop_idle()
                    continue
                if sent and effect is Effect.COMMIT:
                    message = "the connection was lost after the commit was sent"
                    raise OutcomeUnknown(message, store=self._address.shown, reason=str(error)) from error
                raise translated(error, self._address.shown) from error
            except BaseException:
                connection.disconnect()  # a reply may be on its way
                raise
            self.give(connection)
            return reply

    def call_script(self, sha: str, text: str, *arguments: Argument, effect: Effect) -> Any:
        """Run a script by its hash, or whole where the server does not know it yet: then nothing has run."""
        try:
            return self.call("EVALSHA", sha, *arguments, effect=effect)
        except Unavailable as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        return self.call("EVAL", text, *arguments, effect=effect)

    def ask_all(self, commands: Sequence[Sequence[Argument]]) -> list[Any]:
        """Send all commands at once and return their replies; in the place of one that is refused, the exception."""
        connection = self.take()
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            replies: list[Any] = []
            for _ in commands:
                try:
                    replies.append(connection.read_response())
                except ResponseError as error:
                    replies.append(error)
        except RedisError as error:
            connection.disconnect()
            raise translated(error, self._address.shown) from error
        except BaseException:
            connection.disconnect()
            raise
        self.give(connection)
        return replies

    def take(self) -> Wire:
        """Return an idle connection that nothing was heard from, not even its end, or a new one."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._connect()
            try:
                if not connection.can_read(0):
                    return connection
            except RedisError:
                pass  # the server has closed it
            connection.disconnect()

    def give(self, connection: Wire) -> None:
        """Take ``connection`` back."""
        self._idle.append(connection)
        if not self.open:
            self._drop_idle()

    def close(self) -> None:
        """Let go of all connections; calls under way end with their own."""
        if self.open:
            self._stop(Unavailable, "the store was closed")

    def leave_to_parent(self) -> None:
        """After a fork, in the child: refuse every call. What is closed here stays open in the parent."""
        self._stop(ForkedProcess, "this store was opened before the fork; open it again in the child")

    def _connect_anew(self) -> Wire:
        if self._address.sentinel is None:
            return self._connected(self._address.server(None, self._deadline_seconds))
        connection = self._connected(self._address.server(self._find_master(), self._deadline_seconds))
        try:
            connection.send_command("ROLE")
            with suppress(NoPermissionError):
                if connection.read_response()[0] != b"master":
                    connection.disconnect()
                    message = "the server is no longer the master that its sentinels say it is"
                    raise Unavailable(message, store=self._address.shown)
        except RedisError as error:
            connection.disconnect()
            raise translated(error, self._address.shown) from error
        return connection

    def _connected(self, connection: Wire) -> Wire:
        try:
            connection.connect()
        except RedisError as error:
            raise translated(error, self._address.shown) from error
        return connection

    def _find_master(self) -> tuple[str, int]:
        name, reason = self._address.sentinel or "", None
        for connection in self._address.sentinels(self._deadline_seconds):
            try:
                connection.connect()
                connection.send_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
                found = connection.read_response()
                if found:
                    return found[0].decode(), int(found[1])
            except RedisError as error:
                reason = error
            finally:
                connection.disconnect()
        facts = {"store": self._address.shown, "sentinel": name}
        if reason is None:
            raise Refused("no sentinel knows a server of this name", **facts)
        raise Unavailable("no sentinel says which server is the master", reason=str(reason), **facts) from reason

    def _refuse(self, connection: Wire, error: Exception) -> NoReturn:
        if code_of(error) == "READONLY":
            connection.disconnect()
            self._drop_idle()  # the master is another server now
        else:
            self.give(connection)
        raise translated(error, self._address.shown) from error

    def _drop_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().disconnect()

    def _stop(self, kind: type[Error], message: str) -> None:
        def refuse() -> NoReturn:
            raise kind(message, store=self._address.shown)

        self.open = False
        self._connect = refuse
        self._drop_idle()


_clients: weakref.WeakSet[Client] = weakref.WeakSet()


def _leave_to_parent() -> None:
    for client in list(_clients):
        client.leave_to_parent()
    _clients.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_leave_to_parent)
