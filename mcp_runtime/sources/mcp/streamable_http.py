"""Streamable HTTP with sessions (2025-03-26 to 2025-11-25): a POST for each message, and a stream for the rest."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from core.outbound import Response, Stream, StreamLimits
from core.outbound.event_stream import EventReader
from mcp_runtime.protocol.jsonrpc import Message
from mcp_runtime.protocol.revisions import HANDSHAKE
from mcp_runtime.sources.mcp.conduit import SessionGone
from mcp_runtime.sources.mcp.hearing import SILENT_SECONDS, messages_of
from mcp_runtime.sources.mcp.link import ENDLESS_BYTES, EVENT_BYTES, RESPONSE_BYTES, STREAM_BYTES, Link, Sent
from mcp_runtime.sources.mcp.messages import Answered, broken, read_messages, result_of
from mcp_runtime.sources.mcp.parking import PARKED_SECONDS
from mcp_runtime.sources.mcp.requests import Caller, EraChanged, nobody
from mcp_runtime.sources.mcp.running import USUAL_PAUSE_SECONDS, Posted, Running
from mcp_runtime.sources.mcp.tasks import Tasks
from mcp_runtime.sources.upstream import Health, UpstreamFailed

ACCEPT = "application/json, text/event-stream"
TELL_SECONDS = 10.0
# A stream that lasts for less is not opened again at once.
SHORT_SECONDS = 5.0
OPENING_SECONDS = 1.0
END_SECONDS = 2.0
MAXIMUM_SESSION_ID = 4_096
# Servers that lost a session without the 404 that the protocol asks for say so with codes of their own.
_LOST = range(-32_019, -31_999)
_NOT_HERE = frozenset({400, 404, 405})


class StreamableHttp:
    """The transport of one session."""

    def __init__(self, link: Link, hear: Callable[[Message], bytes | None]) -> None:
        self._link = link
        self._hear = hear
        self._headers = {"Accept": ACCEPT, "Content-Type": "application/json"}
        self._session = ""
        self._caller: Caller | None = None
        self._batches = False
        self._hearing: asyncio.Task[None] | None = None
        self._is_heard = asyncio.Event()
        self._stream: Stream | None = None
        self._tasks = Tasks("mcp stream")

    async def open(self, caller: Caller) -> None:
        """Nothing has to be there beforehand."""
        self._caller = caller

    def established(self, version: str) -> None:
        """From 2025-06-18 on each request names the version."""
        self._batches = HANDSHAKE[version].batches
        self._headers["MCP-Protocol-Version"] = version

    async def hear_requests(self) -> None:
        """Opens the stream of what belongs to no request, once.

        Waits for it, since some servers forget what they would have said there; and not for long, since others send
        nothing, not even a head, before they have something to say.
        """
        if self._hearing is None:
            self._hearing = self._tasks.begin(self._keep_hearing())
        if not self._is_heard.is_set():
            await asyncio.wait({self._hearing, self._tasks.begin(self._is_heard_soon())}, return_when="FIRST_COMPLETED")

    async def _is_heard_soon(self) -> None:
        try:
            async with asyncio.timeout(OPENING_SECONDS):
                await self._is_heard.wait()
        except TimeoutError:
            self._is_heard.set()

    @property
    def is_heard(self) -> bool:
        return self._stream is not None

    async def heard_out(self) -> None:
        if self._hearing is None:
            return
        await asyncio.wait({self._hearing})
        if self._hearing.cancelled():
            raise SessionGone
        # The exceptions of that task are this one's to tell.
        self._hearing.result()

    async def _keep_hearing(self) -> None:
        """Hears the server out, and comes back for more where it says how to go on."""
        reader = EventReader(EVENT_BYTES)
        while True:
            stream = await self.listen(self._owner(), reader.id, SILENT_SECONDS, ENDLESS_BYTES)
            self._is_heard.set()
            if stream is None:
                return  # a server need not have one
            self._stream, began = stream, asyncio.get_running_loop().time()
            last, reader = reader, EventReader(EVENT_BYTES)
            reader.id, reader.retry = last.id, last.retry
            try:
                await self._hear_out(stream, reader)
            finally:
                self._stream = None
                stream.close()
            lasted = asyncio.get_running_loop().time() - began
            asked = USUAL_PAUSE_SECONDS if reader.retry is None else reader.retry / 1000
            await asyncio.sleep(asked if lasted > SHORT_SECONDS else max(asked, SHORT_SECONDS))

    async def _hear_out(self, stream: Stream, reader: EventReader) -> None:
        async for message in messages_of(stream, reader, batches=self._batches):
            answer = self._hear(message)
            if answer is not None:
                await self.tell(answer, self._owner())

    def _owner(self) -> Caller:
        """Whose session it is, with time of its own."""
        return replace(nobody(TELL_SECONDS), principal=self._caller.principal if self._caller else "")

    def request(self, body: bytes, caller: Caller) -> Running:
        async def send() -> Response:
            return await self._post(body, caller)

        async def resume(last: bytes) -> Stream:
            return await self._resume(last, caller)

        return Posted(send, batches=self._batches, resume=resume)

    async def _post(self, body: bytes, caller: Caller) -> Response:
        seconds = caller.seconds
        # A call may be parked, and silent meanwhile; what else bounds it is its own deadline.
        limits = StreamLimits(seconds, RESPONSE_BYTES, STREAM_BYTES, idle_seconds=seconds + PARKED_SECONDS)
        is_first = "MCP-Protocol-Version" not in self._headers
        response = await self._link.send(Sent("POST", self._headers, body, caller.principal), limits)
        if response.status != 200:
            self._refused(response, is_first=is_first)
        if is_first:
            self._take_session(response)
        return response

    def _refused(self, response: Response, *, is_first: bool) -> None:
        """Raises what a status other than 200 says, unless the body is the answer."""
        if is_first and response.status in _NOT_HERE:
            raise EraChanged
        if not is_first and response.status == 404:
            raise SessionGone
        try:
            (message,) = read_messages(response.body, batches=False)
            result_of(message)
        except Answered as error:
            if response.status == 400 and not is_first and error.code in _LOST:
                raise SessionGone from None
            return
        except UpstreamFailed:
            pass
        raise broken(f"The server answered with HTTP status {response.status}.")

    def _take_session(self, response: Response) -> None:
        session = response.header("mcp-session-id")
        if session is None:
            return
        if not session.isascii() or not session.isprintable() or " " in session or len(session) > MAXIMUM_SESSION_ID:
            if response.stream is not None:
                response.stream.close()
            raise broken("The server gave its session a name that cannot be sent.")
        self._session = session
        self._headers["Mcp-Session-Id"] = session

    async def _resume(self, last: bytes, caller: Caller) -> Stream:
        """The stream that goes on after an event (2025-11-25, basic/transports "Resumability and Redelivery")."""
        response = await self.listen(caller, last, caller.seconds, STREAM_BYTES)
        if response is None:
            raise UpstreamFailed("The server closed the stream before it had answered.", Health.DEGRADED)
        return response

    async def listen(self, caller: Caller, last: bytes, idle_seconds: float, size: int) -> Stream | None:
        """The stream of what belongs to no request, or of one that goes on; None where there is none."""
        headers = {name: value for name, value in self._headers.items() if name != "Content-Type"}
        headers["Accept"] = "text/event-stream"
        if last:
            headers["Last-Event-ID"] = last.decode("latin-1")
        limits = StreamLimits(TELL_SECONDS, RESPONSE_BYTES, size, idle_seconds)
        response = await self._link.send(Sent("GET", headers, None, caller.principal), limits)
        if response.status == 404 and self._session:
            raise SessionGone
        return response.stream

    async def tell(self, body: bytes, caller: Caller) -> None:
        limits = StreamLimits(TELL_SECONDS, RESPONSE_BYTES, STREAM_BYTES, TELL_SECONDS)
        response = await self._link.send(Sent("POST", self._headers, body, caller.principal), limits)
        if response.stream is not None:
            response.stream.close()
        if response.status == 404 and self._session:
            raise SessionGone
        if response.status >= 300:
            raise broken(f"The server did not take a message: HTTP status {response.status}.")

    async def end(self) -> None:
        """Says that the session is needed no more; a server may not care."""
        await self._tasks.end(0.0)
        if not self._session or self._caller is None:
            return
        headers = {name: value for name, value in self._headers.items() if name != "Content-Type"}
        limits = StreamLimits(END_SECONDS, RESPONSE_BYTES, STREAM_BYTES, END_SECONDS)
        try:
            response = await self._link.send(Sent("DELETE", headers, None, self._caller.principal), limits)
        except UpstreamFailed:
            return
        if response.stream is not None:
            response.stream.close()
