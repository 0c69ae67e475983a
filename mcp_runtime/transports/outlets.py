"""Where messages of one request go while it runs: an event stream that begins with the first of them."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Protocol

from mcp_runtime.protocol.replies import HeaderList
from mcp_runtime.transports.asgi import Event, Receive, Send
from mcp_runtime.transports.replay import Memory, ReplayLog

SEND_SECONDS = 30.0
RETRY_MILLISECONDS = 500
EVENT_STREAM: HeaderList = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)


class Outlet(Protocol):
    """Takes the messages that go before a request's answer. `is_open` tells whether any has gone."""

    is_open: bool

    async def send(self, message: bytes) -> None:
        """Sends one JSON-RPC message."""

    async def release(self) -> None:
        """Frees the connection, if the client can come back for the rest."""


def event(message: bytes, identifier: str = "") -> bytes:
    """A server-sent event that carries one message (HTML, section 9.2)."""
    name = b"id: %b\n" % identifier.encode() if identifier else b""
    return b"%bevent: message\ndata: %b\n\n" % (name, message)


class Later:
    """A connection that is not there yet: whoever sends or receives waits until it is.

    `wanted` is called where somebody has to send.
    """

    __slots__ = ("_given", "_receive", "_send", "wanted")

    def __init__(self) -> None:
        self.wanted: Callable[[], None] | None = None
        self._receive: Receive | None = None
        self._send: Send | None = None
        self._given: asyncio.Event | None = None

    def give(self, receive: Receive, send: Send) -> None:
        """The connection is there."""
        self._receive, self._send = receive, send
        if self._given is not None:
            self._given.set()

    async def send(self, event: Event) -> None:
        """Sends on it."""
        while self._send is None:
            if self.wanted is not None:
                self.wanted()
            await self._wait()
        await self._send(event)

    async def receive(self) -> Event:
        """Receives on it."""
        while self._receive is None:
            await self._wait()
        return await self._receive()

    async def _wait(self) -> None:
        self._given = self._given or asyncio.Event()
        await self._given.wait()


class EventOutlet:
    """The response to a POST, turned into an event stream by the first message.

    With a log each event has an id and is remembered, so that a client that lost the stream, or was released from
    it, comes back to any worker for the rest.
    """

    _memory: Memory

    def __init__(self, send: Send, log: ReplayLog | None, session: str, *, primed: bool) -> None:
        self._send = send
        self._log = log
        self._session = session
        self._primed = primed
        self._stream = ""
        self._number = 0
        self._is_connected = True
        self.is_open = False

    async def send(self, message: bytes) -> None:
        """Sends one message, as an event that can be asked for again where there is a log."""
        if not self.is_open:
            await self._open()
        await self._write(event(message, await self._remember(message, is_last=False)))

    async def finish(self, message: bytes) -> None:
        """Sends the answer, and ends the stream; empty for a request that gets none."""
        frame = event(message, await self._remember(message, is_last=True)) if message else b""
        await self._write(frame, more=False)

    async def release(self) -> None:
        """Tells the client when to come back, and closes the connection; what follows waits in the log."""
        if self._log is None or not self._primed:
            return
        if not self.is_open:
            await self._open()
        await self._write(b"retry: %d\n\n" % RETRY_MILLISECONDS, more=False)
        self._is_connected = False

    async def _open(self) -> None:
        self.is_open = True
        await self._send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
        if self._log is not None:
            self._stream = secrets.token_hex(8)
            self._memory = Memory()
            if self._primed:
                identifier = await self._remember(b"", is_last=False)
                await self._write(b"id: %b\ndata:\n\n" % identifier.encode())

    async def _remember(self, message: bytes, *, is_last: bool) -> str:
        if self._log is None:
            return ""
        self._number += 1
        keep = self._memory.after(len(message))
        await self._log.append(self._session, self._stream, self._number, message, keep=keep, is_last=is_last)
        return f"{self._stream}.{self._number}"

    async def _write(self, frame: bytes, *, more: bool = True) -> None:
        """Sends unless the client has gone; one that takes longer than SEND_SECONDS for a frame is not reading."""
        if not self._is_connected:
            return
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._send({"type": "http.response.body", "body": frame, "more_body": more})
        except TimeoutError:
            self._is_connected = False
