"""HTTP+SSE (2024-11-05): one stream from the server, which is the session, and an address to post to."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

from core.outbound import FetchFailed, Stream, StreamLimits
from core.outbound.destination import parse
from core.outbound.event_stream import EventReader, EventTooLarge
from core.refusals import Refused
from mcp_runtime.protocol.jsonrpc import Message
from mcp_runtime.sources.mcp.conduit import SessionGone
from mcp_runtime.sources.mcp.hearing import SILENT_SECONDS
from mcp_runtime.sources.mcp.link import ENDLESS_BYTES, EVENT_BYTES, RESPONSE_BYTES, STREAM_BYTES, Link, Sent
from mcp_runtime.sources.mcp.messages import broken, read_messages
from mcp_runtime.sources.mcp.requests import Caller, EraChanged
from mcp_runtime.sources.mcp.running import MAXIMUM_WAITING, Running
from mcp_runtime.sources.mcp.tasks import Tasks
from mcp_runtime.sources.upstream import Health, UpstreamFailed

OPEN_SECONDS = 10.0
POST_SECONDS = 10.0
FAREWELL_SECONDS = 0.0
_SUCCESS = range(200, 300)


class Inbox:
    """The messages of one request, which come over the stream of all."""

    def __init__(self, send: Callable[[], Awaitable[None]], others: "set[Inbox]") -> None:
        self.is_parked = False
        self._send = send
        self._others = others
        self._messages: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._failure: UpstreamFailed | None = None

    async def begin(self) -> None:
        self._others.add(self)
        await self._send()

    async def next(self) -> Message:
        while not self._messages:
            if self._failure is not None:
                raise self._failure
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.popleft()

    def push(self, message: Message) -> None:
        if len(self._messages) >= MAXIMUM_WAITING:
            raise broken("The server does not stop talking.")
        self._messages.append(message)
        self._arrived.set()

    def fail(self, failure: UpstreamFailed) -> None:
        """No more will come."""
        self._failure = failure
        self._arrived.set()

    def close(self) -> None:
        self._others.discard(self)


class HttpSse:
    """The transport of one session."""

    def __init__(self, link: Link, hear: Callable[[Message], bytes | None]) -> None:
        self._link = link
        self._hear = hear
        self._address = ""
        self._stream: Stream | None = None
        self._inboxes: set[Inbox] = set()
        self._tasks = Tasks("mcp stream")
        self._caller: Caller | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, caller: Caller) -> None:
        """Opens the stream and waits for the address. Raises EraChanged where there is no such stream."""
        self._caller = caller
        limits = StreamLimits(min(OPEN_SECONDS, caller.seconds), RESPONSE_BYTES, ENDLESS_BYTES, SILENT_SECONDS)
        response = await self._link.send(Sent("GET", {"Accept": "text/event-stream"}, None, caller.principal), limits)
        if response.stream is None:
            raise EraChanged
        self._stream = response.stream
        reader = EventReader(EVENT_BYTES)
        try:
            async with asyncio.timeout(min(OPEN_SECONDS, caller.seconds)):
                rest = await self._find_address(self._stream, reader)
        except TimeoutError:
            raise broken("The server did not say where to post to.") from None
        self._reading = self._tasks.begin(self._read(self._stream, reader, rest))

    async def _find_address(self, stream: Stream, reader: EventReader) -> list[bytes]:
        """Takes the address; returns the data of events that came with it."""
        while piece := await self._piece(stream):
            events = _events(reader, piece)
            for number, (name, data) in enumerate(events):
                if name != b"endpoint":
                    raise EraChanged
                self._address = self._checked(data)
                return [data for _name, data in events[number + 1 :]]
        raise EraChanged

    async def _piece(self, stream: Stream) -> bytes:
        try:
            return await stream.read()
        except FetchFailed as failure:
            raise UpstreamFailed(str(failure)) from None

    def _checked(self, data: bytes) -> str:
        """The address in full: on the server's own origin, so that credentials go nowhere else."""
        here = parse(self._link.url)
        try:
            there = here.joined(data.decode("ascii"))
        except (Refused, UnicodeError):
            raise broken("The server named an address that is none.") from None
        if there.origin != here.origin:
            raise broken("The server wants messages posted to another server.")
        return f"{there.origin.scheme}://{there.origin.authority}{there.target}"

    async def _read(self, stream: Stream, reader: EventReader, waiting: list[bytes]) -> None:
        """Hears the server until its stream ends, and says so to who waits."""
        why = "The server closed its stream."
        try:
            await self._take(waiting)
            while piece := await stream.read():
                await self._take([data for name, data in _events(reader, piece) if name == b"message"])
        except (FetchFailed, UpstreamFailed) as failure:
            why = str(failure)
        finally:
            self._stream = None
            stream.close()
            for inbox in self._inboxes:
                inbox.fail(UpstreamFailed(why, Health.DEGRADED))

    async def _take(self, found: list[bytes]) -> None:
        for data in found:
            for message in read_messages(data, batches=False) if data else ():
                answer = self._hear(message)
                if answer is not None and self._caller is not None:
                    await self._post(answer, self._caller)

    def established(self, version: str) -> None:
        """Messages do not name the version."""

    async def hear_requests(self) -> None:
        """Everything comes over the one stream."""

    @property
    def is_heard(self) -> bool:
        return self._stream is not None

    async def heard_out(self) -> None:
        if self._reading is not None:
            await asyncio.wait({self._reading})
        raise SessionGone

    def request(self, body: bytes, caller: Caller) -> Running:
        return Inbox(partial(self._post, body, caller), self._inboxes)

    async def tell(self, body: bytes, caller: Caller) -> None:
        await self._post(body, caller)

    async def _post(self, body: bytes, caller: Caller) -> None:
        if self._stream is None:
            raise SessionGone
        limits = StreamLimits(min(POST_SECONDS, caller.seconds), RESPONSE_BYTES, STREAM_BYTES, POST_SECONDS)
        headers = {"Content-Type": "application/json"}
        response = await self._link.send(Sent("POST", headers, body, caller.principal, self._address), limits)
        if response.stream is not None:
            response.stream.close()
        if response.status == 404:
            raise SessionGone
        if response.status not in _SUCCESS:
            raise broken(f"The server did not take a message: HTTP status {response.status}.")

    async def end(self) -> None:
        """Closes the stream, which ends the session."""
        await self._tasks.end(FAREWELL_SECONDS)
        if self._stream is not None:
            self._stream.close()


def _events(reader: EventReader, piece: bytes) -> list[tuple[bytes, bytes]]:
    try:
        return [(event.name, event.data) for event in reader.feed(piece)]
    except EventTooLarge:
        raise broken(f"The server sent an event of more than {EVENT_BYTES // 1024} KiB.") from None
