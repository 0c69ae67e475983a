"""What a server speaks is found out, remembered, and found out again when it changes its mind."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from mcp_runtime.sources.upstream import UpstreamFailed
from tests.mcp_runtime.sources.calling import text_of
from tests.mcp_runtime.sources.mcp.hostile import Serve, error, events, legacy, modern, result, serving, text
from tests.mcp_runtime.sources.mcp.opening import Client, context, heedless, opened


def saying(words: str) -> Serve:
    async def serve(_request: web.Request, message: Any) -> web.StreamResponse:
        return web.Response(status=405) if message is None else result(message, text(words))

    return serve


async def test_the_newest_revision_is_spoken_where_it_is_understood() -> None:
    async with serving(modern(saying("new"))) as served, opened(served.url) as upstream:
        for _time in range(2):
            assert text_of(await upstream.call("naïve tool", {"a": 1})) == "new"
    assert [message["method"] for _, message in served.heard] == ["server/discover", "tools/call", "tools/call"]
    headers, message = served.messages("tools/call")[1]
    assert headers["mcp-protocol-version"] == "2026-07-28"
    assert headers["mcp-method"] == "tools/call"
    assert headers["mcp-name"] == "=?base64?bmHDr3ZlIHRvb2w=?="
    meta = message["params"]["_meta"]
    assert meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
    assert meta["io.modelcontextprotocol/clientCapabilities"]["elicitation"] == {"form": {}, "url": {}}
    assert meta["io.modelcontextprotocol/clientInfo"]["name"] == "armstrong"


@pytest.mark.parametrize("version", ["2025-03-26", "2025-06-18", "2025-11-25"])
async def test_earlier_revisions_are_spoken_in_a_session_that_ends(version: str) -> None:
    async with serving(legacy(saying("old"), version)) as served, opened(served.url) as upstream:
        assert text_of(await upstream.call("echo")) == "old"
        assert text_of(await upstream.call("echo")) == "old"
    for headers, _ in [*served.messages("tools/call"), *served.messages("notifications/initialized")]:
        assert (headers["mcp-session-id"], headers["mcp-protocol-version"]) == ("s-1", version)
    assert len(served.messages("tools/call")) == 2
    (ended,) = [headers for headers, message in served.heard if message["method"] == "DELETE"][-1:]
    assert ended["mcp-session-id"] == "s-1"


async def test_a_session_that_is_gone_is_begun_again_once() -> None:
    calls = 0

    async def serve(_request: web.Request, message: Any) -> web.StreamResponse:
        nonlocal calls
        if message is None:
            return web.Response(status=405)
        calls += 1
        return web.Response(status=404) if calls == 1 else result(message, text("again"))

    async with serving(legacy(serve)) as served, opened(served.url, "session") as upstream:
        assert text_of(await upstream.call("echo")) == "again"
        assert len(served.messages("initialize")) == 2


async def test_a_server_that_ends_every_session_is_named() -> None:
    async def serve(_request: web.Request, message: Any) -> web.StreamResponse:
        return web.Response(status=404)

    async with serving(legacy(serve)) as served, opened(served.url, "session") as upstream:
        with pytest.raises(UpstreamFailed, match="ends every session"):
            await upstream.call("echo")


async def test_a_server_that_changes_its_era_is_followed_both_ways() -> None:
    is_new = True

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        return await (modern(saying("new")) if is_new else legacy(saying("old")))(request, message)

    async with serving(serve) as served, opened(served.url) as upstream:
        assert text_of(await upstream.call("echo")) == "new"
        is_new = False
        assert text_of(await upstream.call("echo")) == "old"


async def test_a_server_that_gave_sessions_up_is_followed() -> None:
    is_new = False

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if not is_new:
            return await legacy(saying("old"))(request, message)
        if message is not None and message["method"] in ("initialize", "ping"):
            return error(message, -32601, 404)
        has_session = "Mcp-Session-Id" in request.headers
        return web.Response(status=404) if has_session else await modern(saying("new"))(request, message)

    async with serving(serve) as served, opened(served.url) as upstream:
        assert text_of(await upstream.call("echo")) == "old"
        is_new = True
        assert text_of(await upstream.call("echo")) == "new"


async def test_a_call_without_an_answer_goes_on_after_its_last_event() -> None:
    resumed: list[str | None] = []
    asked: list[int] = []

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if request.method == "GET":
            resumed.append(request.headers.get("Last-Event-ID"))
            if resumed[-1] is None:
                return web.Response(status=405)
            answer = {"jsonrpc": "2.0", "id": asked[-1], "result": text("at last")}
            return await events(request, answer)
        asked.append(message["id"])
        return await events(request, b"id: e1\ndata:\n\n", b"retry: 20\n\n")

    async with serving(legacy(serve)) as served, opened(served.url, "session") as upstream:
        assert text_of(await upstream.call("echo", client=None)) == "at last"
    assert [last for last in resumed if last] == ["e1"]


async def test_a_newest_version_that_is_refused_is_not_insisted_on() -> None:
    inner = legacy(saying("old"), "2025-06-18")

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        asked = message["params"]["protocolVersion"] if message and message["method"] == "initialize" else ""
        if asked == "2025-11-25":
            return error(message, -32602, data={"supported": ["2025-06-18", "2024-11-05"], "requested": asked})
        return await inner(request, message)

    async with serving(serve) as served, opened(served.url, "session") as upstream:
        assert text_of(await upstream.call("echo")) == "old"


async def test_batches_are_understood_where_they_exist() -> None:
    async def serve(_request: web.Request, message: Any) -> web.StreamResponse:
        if message is None:
            return web.Response(status=405)
        note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}
        return web.json_response([note, {"jsonrpc": "2.0", "id": message["id"], "result": text("both")}])

    async with serving(legacy(serve, "2025-03-26")) as served, opened(served.url) as upstream:
        assert text_of(await upstream.call("echo")) == "both"


async def test_mirrored_arguments_are_said_in_headers() -> None:
    to = {"x-mcp-header": "To"}
    schema = {"type": "object", "properties": {"to": {"type": "string", **to}, "n": {"type": "integer"}}}
    bad = {"type": "object", "properties": {"to": {"type": "number", **to}}}

    async def serve(_request: web.Request, message: Any) -> web.StreamResponse:
        if message["method"] == "tools/list":
            offered = {"send": schema, "bad": bad}
            return result(message, {"tools": [{"name": name, "inputSchema": one} for name, one in offered.items()]})
        lists: dict[str, Any] = {"prompts": [], "resources": [], "resourceTemplates": []}
        return result(message, text("sent") if message["method"] == "tools/call" else lists)

    async with serving(modern(serve)) as served, opened(served.url) as upstream:
        found = await upstream.upstream.discover(heedless)
        (send,) = found.tools
        assert [refused.name for refused in found.refused] == ["bad"]
        handler = upstream.upstream.tool(send.config)
        await handler(context(Client()), {"to": "Øslo", "n": 1})
        await handler(context(Client()), {"n": 1})
    (first, _), (second, _) = served.messages("tools/call")
    assert first["mcp-param-to"] == "=?base64?w5hzbG8=?="
    assert "mcp-param-to" not in second


async def test_many_calls_at_once_find_out_once() -> None:
    async with serving(modern(saying("new"))) as served, opened(served.url) as upstream:
        await asyncio.gather(*(upstream.call("echo") for _number in range(20)))
        assert len(served.messages("server/discover")) == 1
