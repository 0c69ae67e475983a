"""A request that was sent, until its response has come: the messages that concern it, in order."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from core.outbound import FetchFailed, Response, Stream
from core.outbound.event_stream import EventReader, EventTooLarge
from mcp_runtime.protocol.jsonrpc import Kind, Message
from mcp_runtime.sources.mcp.link import EVENT_BYTES
from mcp_runtime.sources.mcp.messages import broken, read_messages
from mcp_runtime.sources.mcp.talk import Talk
from mcp_runtime.sources.upstream import Health, UpstreamFailed

MAXIMUM_RESUMPTIONS = 100
USUAL_PAUSE_SECONDS = 0.5
MAXIMUM_WAITING = 1_000

# Takes the id of the last event; returns the stream that goes on after it. Raises UpstreamFailed.
type Resume = Callable[[bytes], Awaitable[Stream]]
# Sends the request; returns what answers it.
type Send = Callable[[], Awaitable[Response]]


class Running(Protocol):
    """One request's messages. `is_parked` while nobody is there to be asked."""

    is_parked: bool

    async def begin(self) -> None:
        """Sends the request."""

    async def next(self) -> Message:
        """The next message. Raises UpstreamFailed where none can come any more."""

    def push(self, message: Message) -> None:
        """Takes a message for it that came another way."""

    def close(self) -> None:
        """Wants no more."""


class Posted:
    """What answers a POST: messages that are there, or a stream of them, which may be resumed."""

    def __init__(self, send: Send, *, batches: bool = False, resume: Resume | None = None) -> None:
        self.is_parked = False
        self._send = send
        self._stream: Stream | None = None
        self._batches = batches
        self._resume = resume
        self._resumed = 0
        self._reader = EventReader(EVENT_BYTES)
        self._messages: deque[Message] = deque()

    async def begin(self) -> None:
        response = await self._send()
        self._stream = response.stream
        if response.stream is None:
            self._messages.extend(read_messages(response.body, batches=self._batches))

    async def next(self) -> Message:
        while not self._messages:
            if self._stream is None:
                raise broken("The server did not answer the request.")
            await self._read(self._stream)
        return self._messages.popleft()

    def push(self, message: Message) -> None:
        if len(self._messages) >= MAXIMUM_WAITING:
            raise broken("The server does not stop talking.")
        self._messages.append(message)
        if self._stream is not None:
            self._stream.poke()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    async def _read(self, stream: Stream) -> None:
        try:
            piece = await stream.read()
        except FetchFailed as failure:
            await self._go_on(str(failure))
            return
        if piece:
            self._messages.extend(messages_in(self._reader, piece, batches=self._batches))
        elif stream.is_over:
            await self._go_on("The server closed the stream before it had answered.")

    async def _go_on(self, why: str) -> None:
        """Comes back for the rest, after the pause that the server asked for (2025-11-25, basic/transports)."""
        self.close()
        self._resumed += 1
        if self._resume is None or not self._reader.id or self._resumed > MAXIMUM_RESUMPTIONS:
            raise UpstreamFailed(why, Health.DEGRADED)
        last, retry = self._reader.id, self._reader.retry
        await asyncio.sleep(USUAL_PAUSE_SECONDS if retry is None else retry / 1000)
        self._stream = await self._resume(last)
        self._reader = EventReader(EVENT_BYTES)
        self._reader.id, self._reader.retry = last, retry


def messages_in(reader: EventReader, piece: bytes, *, batches: bool) -> list[Message]:
    """The messages of the events that end in `piece`. Raises UpstreamFailed."""
    try:
        events = reader.feed(piece)
    except EventTooLarge:
        raise broken(f"The server sent an event of more than {EVENT_BYTES // 1024} KiB.") from None
    found: list[Message] = []
    for event in events:
        # An event without data is there for its id alone.
        if event.data and event.name == b"message":
            found += read_messages(event.data, batches=batches)
    return found


async def converse(running: Running, identifier: bytes, talk: Talk) -> Message:
    """The response to the request; what comes before it is heard.

    Raises UpstreamFailed, and whatever asking the client raises.
    """
    try:
        async with asyncio.timeout_at(talk.caller.deadline) as budget, asyncio.TaskGroup() as group:
            talk.go_on(group, budget)
            while True:
                message = await running.next()
                if message.kind is Kind.RESPONSE:
                    talk.end()
                    return _ours(message, identifier)
                await talk.hear(message, group, budget)
    except TimeoutError:
        raise late() from None
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


def late() -> UpstreamFailed:
    """The failure of a server that took too long."""
    return UpstreamFailed("The server did not answer in time.", Health.DEGRADED)


def _ours(message: Message, identifier: bytes) -> Message:
    # An error without an id answers what was asked here, since nothing else was.
    if message.id not in (identifier, b"") or (not message.id and "error" not in message.params):
        raise broken("The server answered a request that was not sent.")
    return message
