"""Changes that a server tells of reach whoever listens, in every era, as long as somebody does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from aiohttp import web

from mcp_runtime.sources.mcp.source import OpenMcp
from tests.mcp_runtime.sources.mcp.hostile import DISCOVERED, INITIALIZED, events, result, serving
from tests.mcp_runtime.sources.mcp.opening import Opened, opened

CAPABILITIES = {"tools": {"listChanged": True}, "resources": {"subscribe": True}}
URI = "notes://today"
UPDATED = {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": URI}}
LISTS = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


@asynccontextmanager
async def listening(upstream: Opened) -> AsyncIterator[OpenMcp]:
    """The upstream, listened to as a worker would."""
    server = cast("OpenMcp", upstream.upstream)
    task = asyncio.ensure_future(server.listening.run())
    try:
        yield server
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_modern_server_is_asked_for_what_is_wanted() -> None:
    filters: asyncio.Queue[Any] = asyncio.Queue()

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if message["method"] == "server/discover":
            return result(message, DISCOVERED | {"capabilities": CAPABILITIES})
        wanted = message["params"]["notifications"]
        filters.put_nowait(wanted)
        told = [UPDATED] if "resourceSubscriptions" in wanted else [LISTS]
        response = await events(request, *told, close=False)
        await asyncio.sleep(30)
        return response

    async with serving(serve) as served, opened(served.url) as upstream, listening(upstream) as server:
        assert await filters.get() == {"toolsListChanged": True}
        assert await upstream.changes.get() == ("tools", "")
        server.listening.watch(URI)
        assert await filters.get() == {"toolsListChanged": True, "resourceSubscriptions": [URI]}
        assert await upstream.changes.get() == ("resource", URI)
        server.listening.unwatch(URI)
        assert await filters.get() == {"toolsListChanged": True}


async def test_an_earlier_server_is_heard_on_its_own_stream() -> None:
    asked: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if request.method == "GET":
            response = await events(request, LISTS, UPDATED, close=False)
            await asyncio.sleep(30)
            return response
        if message is None or "id" not in message:
            return web.Response(status=202)
        if message["method"] == "initialize":
            return result(message, INITIALIZED | {"capabilities": CAPABILITIES})
        if message["method"].startswith("resources/"):
            asked.put_nowait((message["method"], message["params"]["uri"]))
        return result(message, {})

    async with serving(serve) as served, opened(served.url, "session") as upstream, listening(upstream) as server:
        assert await upstream.changes.get() == ("tools", "")
        assert await upstream.changes.get() == ("resource", URI)
        server.listening.watch(URI)
        assert await asked.get() == ("resources/subscribe", URI)
        server.listening.unwatch(URI)
        assert await asked.get() == ("resources/unsubscribe", URI)


async def test_after_a_pause_everything_counts_as_changed() -> None:
    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if message["method"] == "server/discover":
            return result(message, DISCOVERED)
        return await events(request, {"jsonrpc": "2.0", "id": message["id"], "result": {"resultType": "complete"}})

    async with serving(serve) as served, opened(served.url) as upstream, listening(upstream):
        changes = {await upstream.changes.get() for _kind in range(3)}
        assert changes == {("tools", ""), ("prompts", ""), ("resources", "")}
