"""Changes that a server tells of reach whoever listens, in every era, as long as somebody does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from aiohttp import web

from mcp_runtime.sources.mcp import listening as listening_module
from mcp_runtime.sources.mcp.source import OpenMcp
from tests.mcp_runtime.sources.mcp.hostile import (
    DISCOVERED,
    INITIALIZED,
    Serve,
    error,
    events,
    legacy,
    result,
    serving,
    text,
)
from tests.mcp_runtime.sources.mcp.opening import Opened, opened

CAPABILITIES = {"tools": {"listChanged": True}, "resources": {"subscribe": True}}
URI = "notes://today"
UPDATED = {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": URI}}
LISTS = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


@asynccontextmanager
async def listening(upstream: Opened) -> AsyncIterator[OpenMcp]:
    """The upstream, listened to as a worker would."""
    server = cast("OpenMcp", upstream.upstream)
    task = asyncio.ensure_future(server.listening.run(lambda uri: upstream.changes.put_nowait(("resource", uri))))
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


def _ending(streams: "asyncio.Queue[int]", *, told: Any = LISTS) -> Serve:
    """A server that ends each stream at once, after it told of something."""

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if message["method"] == "server/discover":
            return result(message, DISCOVERED)
        streams.put_nowait(1)
        last = {"jsonrpc": "2.0", "id": message["id"], "result": {"resultType": "complete"}}
        return await events(request, told, last)

    return serve


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams are opened again without a pause."""
    monkeypatch.setattr(listening_module, "PAUSES", (0.0, 0.0))


@pytest.mark.usefixtures("at_once")
async def test_when_it_is_heard_again_everything_counts_as_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening_module, "HEARD_SECONDS", 0.0)
    async with serving(_ending(asyncio.Queue())) as served, opened(served.url) as upstream:
        cast("OpenMcp", upstream.upstream).listening.watch(URI)
        async with listening(upstream):
            changes = [await upstream.changes.get() for _change in range(5)]
    assert changes == [("tools", ""), ("tools", ""), ("prompts", ""), ("resources", ""), ("resource", URI)]


@pytest.mark.usefixtures("at_once")
async def test_what_was_never_really_heard_misses_nothing() -> None:
    streams: asyncio.Queue[int] = asyncio.Queue()
    async with serving(_ending(streams)) as served, opened(served.url) as upstream, listening(upstream):
        for _stream in range(3):
            await streams.get()
        assert {upstream.changes.get_nowait() for _change in range(upstream.changes.qsize())} == {("tools", "")}


async def test_a_server_that_tells_of_nothing_is_left_alone_until_something_is_wanted() -> None:
    discovered = asyncio.Event()

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if message["method"] == "server/discover":
            discovered.set()
            return result(message, DISCOVERED | {"capabilities": {"resources": {"subscribe": True}}})
        response = await events(request, UPDATED, close=False)
        await asyncio.sleep(30)
        return response

    async with serving(serve) as served, opened(served.url) as upstream, listening(upstream) as server:
        await discovered.wait()
        server.listening.watch(URI)
        assert await upstream.changes.get() == ("resource", URI)
        filters = [message["params"]["notifications"] for _headers, message in served.messages("subscriptions/listen")]
        assert filters == [{"resourceSubscriptions": [URI]}]


async def test_a_resource_that_it_does_not_tell_of_keeps_none_from_being_heard() -> None:
    asked: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if request.method == "GET":
            response = await events(request, close=False)
            await asyncio.sleep(30)
            return response
        if message is None or "id" not in message:
            return web.Response(status=202)
        if message["method"] == "initialize":
            return result(message, INITIALIZED | {"capabilities": CAPABILITIES})
        if message["method"].startswith("resources/"):
            asked.put_nowait((message["method"], message["params"]["uri"]))
            return error(message, -32602)
        return result(message, {})

    async with serving(serve) as served, opened(served.url, "session") as upstream:
        server = cast("OpenMcp", upstream.upstream)
        for uri in ("notes://a", "notes://b"):
            server.listening.watch(uri)
        async with listening(upstream):
            assert [await asked.get(), await asked.get()] == [
                ("resources/subscribe", "notes://a"),
                ("resources/subscribe", "notes://b"),
            ]


async def test_who_listens_no_more_leaves_no_session_behind() -> None:
    ended, subscribed = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request, message: Any) -> web.StreamResponse:
        if request.method == "DELETE":
            ended.set()
            return web.Response(status=204)
        if request.method == "GET":
            response = await events(request, close=False)
            await asyncio.sleep(30)
            return response
        if message["method"] == "resources/subscribe":
            subscribed.set()
        return result(message, {})

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if message is not None and message.get("method") == "initialize":
            answered = result(message, INITIALIZED | {"capabilities": CAPABILITIES})
            answered.headers["Mcp-Session-Id"] = "s-1"
            return answered
        return await legacy(answer)(request, message)

    async with serving(serve) as served, opened(served.url, "session") as upstream:
        cast("OpenMcp", upstream.upstream).listening.watch(URI)
        async with listening(upstream):
            await subscribed.wait()
            assert not ended.is_set()
        await ended.wait()


async def test_what_a_callers_own_session_hears_of_is_told_to_nobody_else() -> None:
    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405)
        answered = {"jsonrpc": "2.0", "id": message["id"], "result": text("done")}
        return await events(request, UPDATED, LISTS, answered)

    async with serving(legacy(serve)) as served, opened(served.url, "session") as upstream:
        await upstream.call("anything")
        assert [upstream.changes.get_nowait() for _change in range(upstream.changes.qsize())] in ([], [("tools", "")])


async def test_no_more_is_watched_than_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening_module, "MAXIMUM_URIS", 1)
    async with opened("https://127.0.0.1:9/mcp") as upstream:
        server = cast("OpenMcp", upstream.upstream)
        assert server.listening.watch("notes://a")
        assert not server.listening.watch("notes://b")
        assert server.listening.watch("notes://a")
        server.listening.unwatch("notes://a")
        assert server.listening.watch("notes://b")
