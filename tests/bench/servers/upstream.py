"""What a proxied call is sent on to: a server on uvloop, without ASGI, that echoes `{"text": …}` and does no more.

python -m tests.bench.servers.upstream PORT
"""

import asyncio
import sys
from typing import cast

import httptools
import msgspec
import uvloop

from core.embedded.postgres import HOST


class Body(msgspec.Struct):
    """What our tool of the http source sends."""

    text: str


decode = msgspec.json.Decoder(Body).decode
encode = msgspec.json.Encoder().encode
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Echo(asyncio.Protocol):
    """One keep-alive connection; httptools calls the `on_…` methods."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        answer = encode({"text": decode(self.body).text if self.body else ""})
        self.body = b""
        self.transport.write(HEAD % len(answer) + answer)


async def serve(port: int) -> None:
    """Serves until it is ended."""
    server = await asyncio.get_running_loop().create_server(Echo, HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
