"""A TCP proxy that loses, delays and cuts what passes through it, when a test says so."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from tools.server.process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable


class CuttingProxy:
    """Passes bytes on between its clients and one server, until told otherwise. A context manager.

    A fault holds for all connections, those that are open as well, until the next call; `pass_all` ends it. Each call
    returns once it holds: what a client sends afterwards meets it.
    """

    def __init__(self, target_address: str) -> None:
        host, _, port = target_address.rpartition(":")
        self._target = host, int(port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cutting proxy", daemon=True)
        self._thread.start()
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None
        self._requests: Literal["pass", "drop", "hold"] = "pass"
        self._replies: Literal["pass", "hang", "reset"] = "pass"
        self._delay_seconds = 0.0
        self.port = free_port()
        self.dropped_request_bytes = 0
        self.dropped_reply_bytes = 0
        self.held_request_bytes = 0
        self.late_reply_bytes = 0  # to clients that had gone
        self._set(self._listen)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return sum(not link.client_gone for link in tuple(self._links))

    def pass_all(self) -> None:
        """End every fault. What was held is delivered, what was dropped stays lost."""

        def act() -> None:
            self._requests, self._replies, self._delay_seconds = "pass", "pass", 0.0
            self._deliver_held()
            self._listen()

        self._set(act)

    def drop_requests(self) -> None:
        """Swallow what clients send; the connection stays open and silent."""
        self._set(lambda: setattr(self, "_requests", "drop"))

    def drop_replies(self, then: Literal["hang", "reset"] = "reset") -> None:
        """Let requests reach the server and swallow its replies: the client is reset on the first, or left waiting.

        The server's side of a client that was reset stays open, so the server does its work to the end.
        """
        self._set(lambda: setattr(self, "_replies", then))

    def hold_requests(self) -> None:
        """Keep what clients send until release(), also of clients that go away meanwhile."""
        self._set(lambda: setattr(self, "_requests", "hold"))

    def release(self) -> None:
        """Deliver what was held, late, and pass requests on again."""

        def act() -> None:
            self._requests = "pass"
            self._deliver_held()

        self._set(act)

    def keep_held(self) -> None:
        """Reset the clients whose requests are held, and pass on what is sent from now on; release() is still to come.

        So a request is late: its client has given it up, and has the server's ear again.
        """

        def act() -> None:
            self._requests = "pass"
            for link in self._links:
                if link.held:
                    link.cut_client()

        self._set(act)

    def delay(self, seconds: float) -> None:
        """Pass every piece on this much later, in both directions."""
        self._set(lambda: setattr(self, "_delay_seconds", seconds))

    def refuse(self) -> None:
        """Refuse new connections; those that are open stay."""
        self._set(self._stop_listening)

    def reset(self) -> None:
        """Reset all connections now, on both sides. New ones are welcome."""

        self._set(self._cut_all)

    def wait_until(self, holds: Callable[[Self], bool], timeout_seconds: float = 30) -> None:
        """Wait for something to be true of this proxy, as `proxy.wait_until(lambda p: p.dropped_reply_bytes > 0)`."""
        deadline = time.monotonic() + timeout_seconds
        while not holds(self):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the proxy waited {timeout_seconds} s in vain")
            time.sleep(0.005)

    def close(self) -> None:
        """Stop listening and reset all connections."""
        if self._loop.is_closed():
            return

        async def act() -> None:
            self._stop_listening()
            await asyncio.sleep(0)  # a task that is cancelled before its first step closes nothing
            self._cut_all()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for _ in range(3):
                await asyncio.sleep(0)  # transports are closed in the rounds after their end

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _set(self, act: Callable[[], None]) -> None:
        async def run() -> None:
            act()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listener.setblocking(False)
            self._loop.add_reader(self._listener, self._accept, self._listener)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection, _ = listener.accept()
            task = self._loop.create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _cut_all(self) -> None:
        for link in self._links:
            link.cut_client()
            _cut(link.to_server)

    def _deliver_held(self) -> None:
        for link in self._links:
            if link.held and not link.to_server.is_closing():
                link.to_server.write(b"".join(link.held))
            link.held.clear()
            if link.client_ended:
                link.end_server()
        self.held_request_bytes = 0

    async def _serve(self, connection: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            from_client, to_client = await asyncio.open_connection(sock=connection)
            stack.callback(to_client.close)
            try:
                from_server, to_server = await asyncio.open_connection(*self._target)
            except OSError:
                _cut(to_client)  # as near to a refusal as a client can get that is connected already
                return
            stack.callback(to_server.close)
            link = _Link(to_client, to_server)
            self._links.add(link)
            stack.callback(self._links.discard, link)
            await asyncio.gather(self._pass_requests(from_client, link), self._pass_replies(from_server, link))

    async def _pass_requests(self, from_client: asyncio.StreamReader, link: _Link) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await from_client.read(65_536):
                await asyncio.sleep(self._delay_seconds)
                if self._requests == "drop":
                    self.dropped_request_bytes += len(piece)
                elif self._requests == "hold":
                    link.held.append(piece)
                    self.held_request_bytes += len(piece)
                else:
                    link.to_server.write(piece)
                    await link.to_server.drain()
        link.client_ended, link.client_gone = not link.client_gone, True
        # The server must not learn that a client left before it has what that client sent.
        if link.client_ended and not link.held:
            link.end_server()

    async def _pass_replies(self, from_server: asyncio.StreamReader, link: _Link) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await from_server.read(65_536):
                await asyncio.sleep(self._delay_seconds)
                if self._replies != "pass":
                    self.dropped_reply_bytes += len(piece)
                    if self._replies == "reset":
                        link.cut_client()
                elif link.to_client.is_closing():
                    self.late_reply_bytes += len(piece)
                else:
                    link.to_client.write(piece)
                    await link.to_client.drain()
        link.to_client.close()


@dataclass(eq=False, slots=True)
class _Link:
    to_client: asyncio.StreamWriter
    to_server: asyncio.StreamWriter
    held: list[bytes] = field(default_factory=list)
    client_gone: bool = False
    client_ended: bool = False  # gone of its own accord, so the server is to hear of it

    def end_server(self) -> None:
        """Tell the server, once, that the client sends no more."""
        self.client_ended = False
        if not self.to_server.is_closing():
            with contextlib.suppress(OSError):
                self.to_server.write_eof()

    def cut_client(self) -> None:
        self.client_gone = True
        _cut(self.to_client)


def _cut(writer: asyncio.StreamWriter) -> None:
    """Close with a reset rather than an orderly end."""
    if not writer.is_closing():
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
