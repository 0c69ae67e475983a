"""An upstream whose every byte is scripted, one list of actions for each connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.core.outbound.upstreams import LOOPBACK

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

type Script = Callable[["Heard"], Awaitable[None]]


@dataclass(slots=True)
class Heard:
    """One connection: what came over it, and the means to answer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: list[bytes] = field(default_factory=list)

    async def request(self) -> bytes:
        """The next head; raises IncompleteReadError where the client left."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        return head

    async def say(self, *pieces: bytes) -> None:
        """Sends each piece in a segment of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def left(self) -> None:
        """Returns when the client has closed its side."""
        try:
            while await self.reader.read(65_536):
                pass
        except ConnectionResetError:
            pass


@dataclass(slots=True)
class Upstream:
    """`connections` in the order in which they came."""

    port: int
    connections: list[Heard] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self.port}/"


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[Upstream]:
    """Serves the first connection by the first script, and so on; the last serves all that come after it."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        heard = Heard(reader, writer)
        upstream.connections.append(heard)
        try:
            await scripts[min(len(upstream.connections), len(scripts)) - 1](heard)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, LOOPBACK, 0, limit=1024 * 1024)
    upstream = Upstream(server.sockets[0].getsockname()[1])
    try:
        yield upstream
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def answering(*pieces: bytes, close: bool = False) -> Script:
    """Answers each request with the same bytes; closes after the first if told so."""

    async def script(heard: Heard) -> None:
        while True:
            await heard.request()
            await heard.say(*pieces)
            if close:
                return

    return script
