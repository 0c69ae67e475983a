"""An upstream that behaves as upstreams do when they are not well; each way has a path, and a tool of that name."""

import asyncio
from collections.abc import Awaitable, Callable

from core.embedded.postgres import HOST

# Where the tools that are made for the probe find it; without it there are none of them.
VARIABLE = "CHAOS_UPSTREAM"
GOOD = b'{"ok": true}'
SLOW_SECONDS = 30.0
READ_SECONDS = 5.0
HUGE_BYTES = 8 * 1024 * 1024

type Writer = asyncio.StreamWriter
type Behaviour = Callable[[Writer, int], Awaitable[None]]


def _answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def well(writer: Writer, _: int) -> None:
    """Answers."""
    writer.write(_answer("200 OK", GOOD))


async def slow(writer: Writer, _: int) -> None:
    """Answers, but long after anybody waits for it."""
    await asyncio.sleep(SLOW_SECONDS)
    writer.write(_answer("200 OK", GOOD))


async def half_open(_writer: Writer, _: int) -> None:
    """Takes the request and never says anything."""
    await asyncio.sleep(SLOW_SECONDS)


async def garbage(writer: Writer, _: int) -> None:
    """Says something that is no HTTP."""
    writer.write(b"\x00\xff\x16\x03\x01 HTTP? \r\n" * 64)


async def flapping(writer: Writer, number: int) -> None:
    """Answers every other time, and else hangs up."""
    if number % 2:
        writer.write(_answer("200 OK", GOOD))
    else:
        writer.transport.abort()


async def mid_stream(writer: Writer, _: int) -> None:
    """Hangs up in the middle of its answer."""
    writer.write(_answer("200 OK", GOOD * 100)[:200])
    await writer.drain()
    writer.transport.abort()


async def busy(writer: Writer, _: int) -> None:
    """Says that it has too much to do."""
    writer.write(_answer("429 Too Many Requests", b"{}", "Retry-After: 1"))


async def failing(writer: Writer, _: int) -> None:
    """Fails with a page for people."""
    writer.write(_answer("500 Internal Server Error", b"<html><h1>Oops</h1></html>"))


async def huge(writer: Writer, _: int) -> None:
    """Answers with more than anybody wants."""
    writer.write(_answer("200 OK", b"[" + b"1," * (HUGE_BYTES // 2) + b"1]"))


async def dripping(writer: Writer, _: int) -> None:
    """Sends its answer a byte at a time."""
    for byte in _answer("200 OK", GOOD * 20):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.2)


BEHAVIOURS: dict[str, Behaviour] = {
    each.__name__: each
    for each in (well, slow, half_open, garbage, flapping, mid_stream, busy, failing, huge, dripping)
}


class Upstream:
    """The server, on a loopback port of its own."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._requests = 0

    async def start(self) -> int:
        """Listens; the port."""
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Ends, and hangs up on everybody."""
        if self._server is not None:
            self._server.close()
            self._server.close_clients()

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            while head := await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), READ_SECONDS):
                self._requests += 1
                behaviour = BEHAVIOURS[head.split(b" ", 2)[1].strip(b"/").decode()]
                await behaviour(writer, self._requests)
                await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
