"""Workers behind real sockets, as uvicorn serves them, and clients of HTTP+SSE and of WebSockets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import httpx
import uvicorn
from uvicorn._types import ASGIApplication
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from mcp_runtime.transports.bounded_http import Bounds
from mcp_runtime.transports.bounded_websocket import BoundedWebSocket
from mcp_runtime.transports.fast_lane import FastLane
from mcp_runtime.transports.limits import Limits
from mcp_runtime.worker import Worker
from tests.mcp_runtime.driving import BOUND_SECONDS, CAPABILITIES, VERSION, request
from tests.witness.asgi import Witness
from tests.witness.plugin import report

MESSAGE_BYTES = Limits().body_bytes
CLIENT = {"name": "test", "version": "1"}


class _Server(uvicorn.Server):
    """Tells when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def at_socket(
    worker: Worker, app: ASGIApplication | None = None, bounds: Bounds | None = None
) -> AsyncIterator[str]:
    """Runs a worker (or an application around it) on a port of its own; its origin's host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        lane = partial(FastLane, bounds=bounds or Bounds(), lane=worker)
        config = uvicorn.Config(
            Witness(app or worker, report),
            loop="none",
            http=cast("type[asyncio.Protocol]", lane),
            lifespan="on",
            log_config=None,
            timeout_graceful_shutdown=1,
            ws=BoundedWebSocket,
            ws_max_size=MESSAGE_BYTES,
            ws_per_message_deflate=False,
        )
        server = _Server(config)
        task = asyncio.ensure_future(server.serve(sockets=[listening]))
        try:
            async with asyncio.timeout(BOUND_SECONDS):
                await server.up.wait()
                await worker.listening()
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            worker.end_streams()
            server.should_exit = True
            await asyncio.wait_for(task, 2 * BOUND_SECONDS)


@dataclass
class SseClient:
    """A client of HTTP+SSE. `posts_to` is the worker that its messages go to, which need not hold the stream."""

    http: httpx.AsyncClient
    response: httpx.Response
    lines: AsyncIterator[str]
    posts_to: str
    messages: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def event(self) -> tuple[str, str]:
        """The next event's name and data."""
        name = "message"
        data: list[str] = []
        async with asyncio.timeout(BOUND_SECONDS):
            async for line in self.lines:
                if not line and data:
                    return name, "\n".join(data)
                key, _, value = line.partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    data.append(value)
        raise EOFError

    async def message(self) -> dict[str, Any]:
        """The next message of the server's."""
        name, data = await self.event()
        assert name == "message"
        message: dict[str, Any] = json.loads(data)
        return message

    async def post(self, message: Any, messages: str | None = None, **headers: str) -> httpx.Response:
        """Posts a message as it is; header names are written with underscores."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        named = {"content-type": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()}
        url = f"http://{self.posts_to}{self.messages if messages is None else messages}"
        return await self.http.post(url, content=body, headers=named)

    async def ask(self, method: str, params: Any = None, identifier: Any = 1) -> dict[str, Any]:
        """A request, and its answer; what is heard meanwhile is kept."""
        assert (await self.post(request(method, params, identifier))).status_code == 202
        return await self.answer(identifier)

    async def answer(self, identifier: Any) -> dict[str, Any]:
        """The answer to a request that was posted."""
        while True:
            message = await self.message()
            if message.get("id") == identifier and "method" not in message:
                return message
            self.heard.append(message)

    async def initialize(self, version: str = "2024-11-05", **capabilities: Any) -> dict[str, Any]:
        """Negotiates."""
        params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": CLIENT}
        answer = await self.ask("initialize", params, 0)
        assert (await self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})).status_code == 202
        result: dict[str, Any] = answer["result"]
        return result

    async def end(self) -> None:
        """Returns when the server has ended the stream."""
        try:
            while True:
                self.heard.append(await self.message())
        except EOFError:
            return


@asynccontextmanager
async def sse(
    origin: str, path: str, key: str | None = None, posts_to: str | None = None, page: str | None = None
) -> AsyncIterator[SseClient]:
    """Opens the stream of `path`, an endpoint's `/sse`, and hears where to post to; `page` is a browser's origin."""
    named = {"Authorization": f"Bearer {key}"} if key else {}
    opening = {"accept": "text/event-stream"} | ({"origin": page} if page else {})
    async with (
        httpx.AsyncClient(headers=named, timeout=BOUND_SECONDS) as http,
        http.stream("GET", f"http://{origin}{path}", headers=opening) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        client = SseClient(http, response, response.aiter_lines(), posts_to or origin)
        name, client.messages = await client.event()
        assert name == "endpoint"
        yield client


@dataclass
class SocketClient:
    """A client of a WebSocket; `heard` is what came while it waited for answers."""

    socket: ClientConnection
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, message: Any) -> None:
        """Sends a message as it is."""
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def message(self) -> Any:
        """The next message of the server's."""
        async with asyncio.timeout(BOUND_SECONDS):
            return json.loads(await self.socket.recv())

    async def answer(self, identifier: Any) -> dict[str, Any]:
        """The answer to a request that was sent."""
        while True:
            message: dict[str, Any] = await self.message()
            if message.get("id") == identifier and "method" not in message:
                return message
            self.heard.append(message)

    async def ask(self, method: str, params: Any = None, identifier: Any = 1) -> dict[str, Any]:
        """A request in the session, and its answer."""
        await self.send(request(method, params, identifier))
        return await self.answer(identifier)

    async def modern(self, method: str, params: Any = None, identifier: Any = 1, **capabilities: Any) -> dict[str, Any]:
        """A request of 2026-07-28, and its answer."""
        await self.send(framed(method, params, identifier, **capabilities))
        return await self.answer(identifier)

    async def initialize(self, version: str = "2025-11-25", **capabilities: Any) -> dict[str, Any]:
        """Negotiates."""
        params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": CLIENT}
        answer = await self.ask("initialize", params, 0)
        await self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        result: dict[str, Any] = answer["result"]
        return result

    async def closed(self) -> tuple[int | None, str | None]:
        """The code and reason with which the server closes, whatever it says before."""
        try:
            while True:
                self.heard.append(await self.message())
        except ConnectionClosed:
            return self.socket.close_code, self.socket.close_reason


def framed(method: str, params: Any = None, identifier: Any = 1, **capabilities: Any) -> dict[str, Any]:
    """A request of 2026-07-28."""
    meta = {**(params or {}).get("_meta", {}), VERSION: "2026-07-28", CAPABILITIES: capabilities}
    return request(method, {**(params or {}), "_meta": meta}, identifier)


@asynccontextmanager
async def websocket(
    origin: str,
    path: str,
    key: str | None = None,
    page: str | None = None,
    headers: dict[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[SocketClient]:
    """Connects to `path`, an endpoint's `/ws`; `page` is a browser's origin; options are those of `websockets`."""
    headers = (headers or {}) | ({"Authorization": f"Bearer {key}"} if key else {}) | ({"Origin": page} if page else {})
    async with connect(
        f"ws://{origin}{path}", additional_headers=headers, **{"open_timeout": BOUND_SECONDS, "proxy": None, **options}
    ) as socket:
        yield SocketClient(socket)
