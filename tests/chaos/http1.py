"""A keep-alive HTTP/1.1 connection of the probe: one request at a time, each wait bounded."""

import asyncio
from dataclasses import dataclass

from core.embedded.postgres import HOST
from tests.chaos.network import socket_in

HEAD_END = b"\r\n\r\n"


class Lost(Exception):
    """The connection could not be made, broke, or nothing came in time; the message says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """Made when it is needed, and again when it broke. `space` is the network namespace of the client."""

    def __init__(self, port: int, space: str = "") -> None:
        self._port = port
        self._space = space
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes, seconds: float) -> Answer:
        """The answer to one request; raises Lost, after `seconds` at most."""
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await self._ready()
                writer.write(request)
                return await _whole(reader)
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError) as error:
            self.close()
            raise Lost(type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    async def _ready(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await dial(self._port, self._space)
        return self._streams

    def close(self) -> None:
        """Closes it at once, whatever is in flight."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()


async def dial(port: int, space: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a loopback port of a network namespace, or of our own; raises OSError."""
    if not space:
        return await asyncio.open_connection(HOST, port)
    made = socket_in(space)
    try:
        await asyncio.get_running_loop().sock_connect(made, (HOST, port))
        return await asyncio.open_connection(sock=made)
    except BaseException:
        made.close()
        raise


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Status and headers (names in lower case); raises EOFError, ValueError."""
    lines = (await reader.readuntil(HEAD_END)).decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines[1:] if line)
    return int(lines[0].split()[1]), {name.lower(): value.strip() for name, value in pairs}


async def _whole(reader: asyncio.StreamReader) -> Answer:
    status, headers = await read_head(reader)
    if headers.get("transfer-encoding") == "chunked":
        return Answer(status, headers, await _chunks(reader))
    return Answer(status, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(parts)


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A whole request."""
    lines = [f"{method} {path} HTTP/1.1", f"Content-Length: {len(body)}", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
