"""Servers that answer as a test says: one function from a message to what is sent for it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.core.outbound.upstreams import upstream

type Message = dict[str, Any]
# Gets the HTTP request and its message (None for a GET or DELETE).
type Serve = Callable[[web.Request, Any], Awaitable[web.StreamResponse]]

DISCOVERED = {
    "resultType": "complete",
    "supportedVersions": ["2026-07-28"],
    "capabilities": {"tools": {"listChanged": True}, "prompts": {}, "resources": {"subscribe": True}},
    "ttlMs": 0,
    "cacheScope": "private",
}
INITIALIZED = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "test", "version": "1"},
}


@dataclass
class Served:
    """A server, and what was asked of it."""

    url: str = ""
    heard: list[tuple[dict[str, str], Message]] = field(default_factory=list)

    def messages(self, method: str) -> list[tuple[dict[str, str], Message]]:
        """Headers and bodies of the messages with this method."""
        return [(headers, message) for headers, message in self.heard if message.get("method") == method]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[Served]:
    """Has `serve` answer everything."""
    served = Served()

    async def answer(request: web.Request) -> web.StreamResponse:
        message = json.loads(await request.read()) if request.method == "POST" else None
        headers = {name.lower(): value for name, value in request.headers.items()}
        served.heard.append((headers, message or {"method": request.method}))
        return await serve(request, message)

    async with upstream(answer) as port:
        served.url = f"http://127.0.0.1:{port}/mcp"
        yield served


def result(message: Message, value: Any) -> web.Response:
    """A JSON answer with this result."""
    return web.json_response({"jsonrpc": "2.0", "id": message["id"], "result": value})


def error(message: Message, code: int, status: int = 200, **further: Any) -> web.Response:
    """A JSON answer with an error."""
    body = {"jsonrpc": "2.0", "id": message.get("id"), "error": {"code": code, "message": "No.", **further}}
    return web.json_response(body, status=status)


async def events(request: web.Request, *messages: Any, close: bool = True) -> web.StreamResponse:
    """An event stream: messages as JSON, and bytes as they are."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for message in messages:
        frame = message if isinstance(message, bytes) else b"data: " + json.dumps(message).encode() + b"\n\n"
        await response.write(frame)
    if close:
        await response.write_eof()
    return response


def text(words: str) -> dict[str, Any]:
    """A CallToolResult."""
    return {"resultType": "complete", "content": [{"type": "text", "text": words}]}


def modern(serve_call: Serve) -> Serve:
    """A server of 2026-07-28 that answers calls as `serve_call` does."""

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if message is None:
            return web.Response(status=405)
        if message["method"] == "server/discover":
            return result(message, DISCOVERED)
        return await serve_call(request, message)

    return serve


def legacy(serve_call: Serve, version: str = "2025-11-25", session: str = "s-1") -> Serve:
    """A server with sessions that answers calls as `serve_call` does."""

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if message is None or ("id" in message and "method" not in message):
            return await serve_call(request, message)
        if message["method"] == "initialize":
            answer = result(message, INITIALIZED | {"protocolVersion": version})
            answer.headers["Mcp-Session-Id"] = session
            return answer
        if request.headers.get("Mcp-Session-Id") is None:
            return error(message | {"id": None}, -32000, 400)
        if "id" not in message:
            return web.Response(status=202)
        return result(message, {}) if message["method"] == "ping" else await serve_call(request, message)

    return serve
