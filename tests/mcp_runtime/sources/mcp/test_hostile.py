"""Servers that lie, stammer, hang, drip and never end: bounded in time and bytes, and said in a sentence."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from mcp_runtime.sources.conversation import Answer, Question
from mcp_runtime.sources.mcp import discovery
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tests.mcp_runtime.sources.calling import text_of
from tests.mcp_runtime.sources.mcp.hostile import (
    DISCOVERED,
    Serve,
    events,
    legacy,
    modern,
    result,
    serving,
    text,
)
from tests.mcp_runtime.sources.mcp.opening import Client, heedless, opened

DEEP = b'{"jsonrpc":"2.0","id":2,"result":' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}"
TWICE = b'{"jsonrpc":"2.0","id":2,"result":{"content":[]},"result":{"content":[]}}'


def raw(body: bytes) -> Serve:
    async def serve(_request: web.Request, _message: Any) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    return serve


def answering(value: Any) -> Serve:
    async def serve(_request: web.Request, message: Any) -> web.StreamResponse:
        return result(message, value)

    return serve


async def failure_of(serve: Serve, *, seconds: float = 5, transport: str = "auto") -> UpstreamFailed:
    """How a call of such a server fails."""
    async with serving(serve) as served, opened(served.url, transport) as upstream:
        with pytest.raises(UpstreamFailed) as failed:
            await upstream.call("echo", seconds=seconds)
        return failed.value


@pytest.mark.parametrize(
    ("serve", "sentence"),
    [
        (raw(b"<html>"), "not valid JSON"),
        (raw(b'{"jsonrpc":"2.0","id":2,"res'), "not valid JSON"),
        (raw(DEEP), "nested deeper"),
        (raw(TWICE), "twice"),
        (raw(b'{"jsonrpc":"2.0","id":77,"result":{"content":[]}}'), "a request that was not sent"),
        (raw(b'{"jsonrpc":"2.0","result":{"content":[]}}'), "a request that was not sent"),
        (raw(b'[{"jsonrpc":"2.0","id":2,"result":{"content":[]}}]'), "not a message"),
        (raw(b'{"jsonrpc":"2.0","id":2,"result":[]}'), "not an object"),
        (raw(b'{"jsonrpc":"2.0","id":2,"error":"no"}'), "without a code"),
        (raw(b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}'), "did not answer"),
        (answering({"content": "words"}), "not a list"),
        (answering({"content": [{"type": "dance"}]}), "kind that is not known"),
        (answering({"content": [{"type": "image", "data": 7, "mimeType": "image/png"}]}), "not whole"),
        (answering({"content": [], "isError": "no"}), "whether the tool failed"),
        (answering({"resultType": "task", "taskId": "1"}), "kind of result"),
        (answering({"resultType": "input_required"}), "does not say for what"),
        (answering({"resultType": "input_required", "requestState": "x" * 100_000}), "too much at once"),
        (answering({"resultType": "input_required", "inputRequests": {"a": {"method": "x"}}}), "cannot be asked"),
        (answering({"resultType": "input_required", "requestState": "again"}), "stop asking|in time"),
    ],
)
async def test_what_is_no_answer_is_named(serve: Serve, sentence: str) -> None:
    failed = await failure_of(modern(serve))
    assert any(part in str(failed) for part in sentence.split("|")), str(failed)
    assert failed.health is Health.DEGRADED


async def test_an_answer_of_twenty_megabytes_is_not_taken() -> None:
    assert "larger than" in str(await failure_of(modern(answering(text("x" * 20_000_000)))))


async def test_neither_is_one_in_an_event() -> None:
    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: ")
        try:
            for _time in range(300):
                await response.write(b"x" * 65_536)
        except ConnectionError:
            pass
        return response

    assert "an event of more than" in str(await failure_of(modern(serve)))


async def test_a_server_that_hangs_is_given_up_in_time() -> None:
    async def serve(_request: web.Request, _message: Any) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    assert "did not answer within" in str(await failure_of(modern(serve), seconds=0.3))


async def test_a_server_that_drips_is_given_up_in_time() -> None:
    async def serve(request: web.Request, _message: Any) -> web.StreamResponse:
        response = await events(request, close=False)
        while True:
            await response.write(b": drip\n\n")
            await asyncio.sleep(0.02)

    assert "in time" in str(await failure_of(modern(serve), seconds=0.5))


async def test_a_stream_without_an_answer_is_named() -> None:
    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        return await events(request, {"jsonrpc": "2.0", "method": "notifications/x"})

    assert "before it had answered" in str(await failure_of(modern(serve)))


async def test_a_request_where_the_revision_has_none_is_named() -> None:
    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        return await events(request, {"jsonrpc": "2.0", "id": 1, "method": "ping"})

    assert "which this revision has none of" in str(await failure_of(modern(serve)))


class Thinking(Client):
    """A person who never answers."""

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        await asyncio.Event().wait()
        raise AssertionError


async def test_questions_with_one_id_are_named() -> None:
    ask = {"jsonrpc": "2.0", "id": 5, "method": "roots/list"}

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if message is None:
            return web.Response(status=405)
        if "method" not in message:
            await asyncio.Event().wait()
        return await events(request, ask, ask)

    async with serving(legacy(serve)) as served, opened(served.url) as upstream:
        client = Thinking()
        with pytest.raises(UpstreamFailed, match="used the id of a request twice"):
            await upstream.call("echo", client=client)


@pytest.mark.parametrize(
    ("version", "sentence"),
    [("2031-01-01", "speaks MCP 2031-01-01"), (7, "speaks MCP"), ("2026-07-28", "speaks MCP 2026-07-28")],
)
async def test_a_revision_that_does_not_exist_in_a_handshake_is_named(version: Any, sentence: str) -> None:
    serve = legacy(answering(text("never")), version=version)
    assert sentence in str(await failure_of(serve))


async def test_a_server_that_lies_about_its_revisions_is_spoken_to_as_it_can_be() -> None:
    inner = legacy(answering(text("ok")))

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if message is not None and message["method"] == "server/discover":
            return result(message, DISCOVERED | {"supportedVersions": ["2099-01-01", "2025-11-25"]})
        return await inner(request, message)

    async with serving(serve) as served, opened(served.url) as upstream:
        assert text_of(await upstream.call("echo")) == "ok"


async def test_something_that_is_no_mcp_server_is_named() -> None:
    async def serve(_request: web.Request, _message: Any) -> web.StreamResponse:
        return web.Response(text="<html>Not here</html>", content_type="text/html", status=404)

    failed = await failure_of(serve)
    assert "does not speak MCP at this address" in str(failed)


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_server_that_fails_is_down(status: int) -> None:
    async def serve(_request: web.Request, _message: Any) -> web.StreamResponse:
        return web.Response(status=status)

    failed = await failure_of(serve)
    assert (failed.health, f"status {status}" in str(failed)) == (Health.DOWN, True)


async def test_a_server_that_takes_no_more_is_degraded() -> None:
    async def serve(_request: web.Request, _message: Any) -> web.StreamResponse:
        return web.Response(status=429)

    assert (await failure_of(serve)).health is Health.DEGRADED


async def test_an_endless_list_ends() -> None:
    pages = 0

    async def serve(_request: web.Request, message: Any) -> web.StreamResponse:
        nonlocal pages
        pages += 1
        return result(message, {"tools": [], "nextCursor": str(pages)})

    async with serving(modern(serve)) as served, opened(served.url) as upstream:
        with pytest.raises(UpstreamFailed, match="does not end"):
            await upstream.upstream.discover(heedless)
    assert pages == discovery.MAXIMUM_PAGES


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ({"tools": [], "nextCursor": "same"}, "does not end"),
        ({"tools": [], "nextCursor": 7}, "does not end"),
        ({"tools": {}}, "not a list"),
        ({"tools": [{}] * (discovery.MAXIMUM_ENTRIES + 1)}, "more than"),
    ],
)
async def test_a_list_that_is_none_is_named(page: Any, sentence: str) -> None:
    async with serving(modern(answering(page))) as served, opened(served.url) as upstream:
        with pytest.raises(UpstreamFailed, match=sentence):
            await upstream.upstream.discover(heedless)


async def test_a_session_whose_name_cannot_be_sent_is_refused() -> None:
    failed = await failure_of(legacy(answering(text("x")), session="a b"))
    assert "cannot be sent" in str(failed)


@pytest.mark.parametrize(
    ("endpoint", "sentence"),
    [
        ("https://evil.example/post", "another server"),
        ("http://127.0.0.1:1/post", "another server"),
        ("http://[", "an address that is none"),
    ],
)
async def test_messages_are_posted_to_the_servers_own_origin_alone(endpoint: str, sentence: str) -> None:
    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        return await events(request, f"event: endpoint\ndata: {endpoint}\n\n".encode(), close=False)

    assert sentence in str(await failure_of(serve, transport="http_sse"))


async def test_answers_to_questions_that_were_never_asked_end_an_old_session() -> None:
    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if request.method == "GET":
            response = await events(request, b"event: endpoint\ndata: /post\n\n", close=False)
            await response.write(b'data: {"jsonrpc":"2.0","id":999,"result":{}}\n\n')
            await asyncio.sleep(5)
        return web.Response(status=202)

    assert "a request that was not sent" in str(await failure_of(serve, transport="http_sse"))


async def test_errors_that_hold_control_characters_are_made_harmless() -> None:
    async def serve(_request: web.Request, message: Any) -> web.StreamResponse:
        body = {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -1, "message": "\x1b[31mred" + "x" * 9_000}}
        return web.json_response(body)

    async with serving(modern(serve)) as served, opened(served.url) as upstream:
        answer = await upstream.call("echo")
    assert answer.is_error
    assert text_of(answer).isprintable()
    assert len(text_of(answer)) < 600


async def test_one_hostile_server_leaves_others_alone() -> None:
    async def hang(_request: web.Request, _message: Any) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with (
        serving(modern(hang)) as bad,
        serving(modern(answering(text("well")))) as good,
        opened(bad.url) as stuck,
        opened(good.url) as fine,
    ):
        hanging = [asyncio.ensure_future(stuck.call("echo", seconds=3)) for _number in range(50)]
        assert text_of(await fine.call("echo")) == "well"
        for call in hanging:
            call.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
