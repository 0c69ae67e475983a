"""An empty process that answers GET: what its event loop alone takes for a probe on this machine, under this load.

python -m tests.bench.servers.idle PORT
"""

import asyncio
import sys

from core.embedded.postgres import HOST

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads a head, answers, closes."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    await writer.drain()
    writer.close()


async def main(port: int) -> None:
    """Serves until it is killed."""
    server = await asyncio.start_server(answer, HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
