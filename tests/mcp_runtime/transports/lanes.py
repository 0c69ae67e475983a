"""One worker behind both shells on real sockets, and requests as bytes."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mcp_runtime.protocol.replies import Reply
from mcp_runtime.transports.bounded_http import Bounds
from mcp_runtime.transports.direct_streams import DirectStream
from mcp_runtime.transports.fast_lane import FastLane
from mcp_runtime.transports.heads import RequestHead
from mcp_runtime.transports.pending import InLine, Pending
from mcp_runtime.transports.streamable_http import Now
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import BOUND_SECONDS, modern
from tests.witness.asgi import Witness
from tests.witness.plugin import report

type Response = tuple[int, dict[str, str], bytes]
INITIALIZE = {
    "jsonrpc": "2.0", "id": 0, "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}  # fmt: skip
CALL = {"name": "echo", "arguments": {"text": "hello"}}


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def in_server(worker: Worker, http: Any) -> AsyncIterator[int]:
    """uvicorn with the protocol `http`: its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            Witness(worker, report),
            loop="none",
            http=http,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        task = asyncio.ensure_future(server.serve(sockets=[listening]))
        await asyncio.wait_for(server.up.wait(), BOUND_SECONDS)
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await asyncio.wait_for(task, 2 * BOUND_SECONDS)


class Lanes:
    """One worker behind both shells.

    `taken` counts what the lane answered at once, `waited` what waited in it, and `lined_up` what waited for its turn
    alone; `heard` what arrived by itself; `left` has an entry for each stream in the lane that gave its connection up.
    """

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.departures = worker.departures
        self.ports: dict[str, int] = {}
        self.connections: list[FastLane] = []
        self.taken = self.waited = self.lined_up = 0
        self.streams: list[DirectStream] = []
        self.left: list[int] = []
        self.heard = asyncio.Queue[int]()

    def answer_now(self, head: RequestHead, body: bytes) -> Now:
        """What the worker answers, noted."""
        answer = self.worker.answer_now(head, body)
        self.taken += isinstance(answer, Reply)
        self.waited += isinstance(answer, Pending)
        self.lined_up += isinstance(answer, InLine)
        if isinstance(answer, DirectStream):
            self.streams.append(answer)
            answer.leave = partial(self._note_leaving, answer.leave)
        return answer

    def _note_leaving(self, leave: Callable[[], None]) -> None:
        leave()
        self.left.append(1)

    def lane(self, **arguments: Any) -> FastLane:
        """A connection of the lane's shell."""
        connection = FastLane(lane=self, bounds=Bounds(), **arguments)
        self.connections.append(connection)
        return self._noting(connection)

    def plain(self, **arguments: Any) -> HttpToolsProtocol:
        """A connection of the other's."""
        return self._noting(HttpToolsProtocol(**arguments))

    def _noting[Connection: HttpToolsProtocol](self, connection: Connection) -> Connection:
        hear = connection.data_received

        def data_received(data: bytes) -> None:
            hear(data)
            self.heard.put_nowait(len(data))

        connection.data_received = data_received  # type: ignore[method-assign]
        return connection


def request_bytes(head: str, headers: dict[str, str | None], body: bytes) -> bytes:
    """A request with these headers, those that are not None."""
    lines = [head, *(f"{name}: {value}" for name, value in headers.items() if value is not None), "", ""]
    return "\r\n".join(lines).encode() + body


def post_bytes(stage: Stage, message: Any, *, path: str = "", http: str = "HTTP/1.1", **extra: str | None) -> bytes:
    """A POST of a message to the stage's endpoint; `extra` are headers, in the place of the usual ones."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    usual: dict[str, str | None] = {
        "Host": "localhost:8100",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Authorization": f"Bearer {stage.key}",
        "Content-Length": str(len(body)),
    }
    return request_bytes(f"POST {path or stage.path} {http}", _with(usual, extra), body)


def _with(usual: dict[str, str | None], extra: dict[str, Any]) -> dict[str, str | None]:
    """The usual headers with these in their place, whatever the case of their names."""
    named = {name.replace("_", "-"): value for name, value in extra.items()}
    given = {name.lower() for name in named}
    return {name: value for name, value in usual.items() if name.lower() not in given} | named


def modern_bytes(stage: Stage, method: str, params: dict[str, Any] | None = None, **extra: Any) -> bytes:
    """A request of 2026-07-28; `extra` are headers, its id and further `_meta`."""
    message, headers = modern(method, params, extra.pop("identifier", 1))
    message["params"]["_meta"] |= extra.pop("meta", {})
    shape = {name: extra.pop(name) for name in ("path", "http") if name in extra}
    named: dict[str, Any] = {name.replace("-", "_"): value for name, value in _with(headers, extra).items()}
    return post_bytes(stage, message, **shape, **named)


async def read_response(reader: asyncio.StreamReader) -> Response:
    """The next response."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    status = int(head[0].split()[1])
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        body = await read_chunked(reader)
    else:
        body = b""
    return status, {name: value for name, value in headers.items() if name not in ("date", "server")}, body


async def read_chunked(reader: asyncio.StreamReader) -> bytes:
    """A body in chunks."""
    whole = b""
    while size := int((await reader.readline()).strip(), 16):
        whole += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return whole


@asynccontextmanager
async def in_lanes(worker: Worker) -> AsyncIterator[Lanes]:
    """Both shells, on ports of their own."""
    lanes = Lanes(worker)
    async with in_server(worker, lanes.lane) as one, in_server(worker, lanes.plain) as other:
        lanes.ports = {"lane": one, "plain": other}
        yield lanes
