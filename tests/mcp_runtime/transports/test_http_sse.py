"""HTTP+SSE of 2024-11-05 over real sockets and two workers: the stream at one, the messages posted to the other."""

import asyncio
import re

import httpx
import pytest

from mcp_runtime.protocol import errors
from tests.mcp_runtime.conftest import Probe, Stage
from tests.mcp_runtime.driving import BOUND_SECONDS, request
from tests.mcp_runtime.sockets import sse

VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
SAMPLED = {"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m"}


def _sse(path: str) -> str:
    return f"{path.removesuffix('mcp')}sse"


@pytest.mark.requirement("sse-endpoint-event")
async def test_the_first_event_says_where_to_post_and_answers_come_as_events(
    stage: Stage, origin: str, other_origin: str
) -> None:
    async with sse(origin, stage.at("sse"), stage.key, posts_to=other_origin) as client:
        path, _, query = client.messages.partition("?")
        assert path == stage.at("messages")
        assert re.fullmatch(r"session_id=[0-9a-f]{16}\.[0-9a-f]{32}\.[0-9a-f]{64}", query)
        met = await client.initialize()
        assert met["protocolVersion"] == "2024-11-05"
        assert met["serverInfo"] == {"name": stage.endpoint.slug, "version": "5"}
        assert set(met["capabilities"]) == {"logging", "prompts", "resources", "tools"}
        tools = (await client.ask("tools/list"))["result"]["tools"]
        assert [set(tool) for tool in tools] == [{"name", "inputSchema"}] * 3
        called = await client.ask("tools/call", {"name": "echo", "arguments": {"a": 1}}, "x")
        assert called["result"] == {"content": [{"type": "text", "text": "{'a': 1}"}], "isError": False}
        assert (await client.ask("ping", identifier=-7))["result"] == {}
        assert client.heard == []


@pytest.mark.requirement("sse-posts-are-accepted")
async def test_a_posted_message_is_accepted_without_a_body(stage: Stage, origin: str, other_origin: str) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client:
        for client.posts_to in (origin, other_origin):
            accepted = await client.post(request("ping"))
            assert (accepted.status_code, accepted.content) == (202, b"")
            assert (await client.answer(1))["result"] == {}


@pytest.mark.requirement("sse-newer-revisions", revisions=VERSIONS)
@pytest.mark.parametrize(
    ("asked", "given"),
    [*((version, version) for version in VERSIONS), ("2026-07-28", "2025-11-25"), ("1", "2025-11-25")],
)
async def test_any_revision_with_a_handshake_may_be_negotiated(
    stage: Stage, origin: str, other_origin: str, asked: str, given: str
) -> None:
    async with sse(origin, stage.at("sse"), stage.key, posts_to=other_origin) as client:
        assert (await client.initialize(asked))["protocolVersion"] == given
        result = (await client.ask("tools/call", {"name": "echo", "arguments": {}}))["result"]
        assert ("structuredContent" in result) == (given >= "2025-06-18")


async def test_one_connection_is_initialized_once(stage: Stage, origin: str) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client:
        await client.initialize()
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
        assert (await client.ask("initialize", params, 2))["error"]["code"] == errors.INVALID_REQUEST


async def test_errors_have_the_codes_of_the_first_revision(path: str, origin: str) -> None:
    async with sse(origin, _sse(path)) as client:
        await client.initialize()
        asked = {
            "unknown method": ("server/discover", None, errors.METHOD_NOT_FOUND),
            "unknown tool": ("tools/call", {"name": "no"}, errors.INVALID_PARAMS),
            "bad arguments": ("tools/call", {"name": "test_simple_text", "arguments": {"x": 1}}, errors.INVALID_PARAMS),
            "bad cursor": ("tools/list", {"cursor": "no"}, errors.INVALID_PARAMS),
            "missing resource": ("resources/read", {"uri": "test://no"}, errors.RESOURCE_NOT_FOUND),
            "unknown prompt": ("prompts/get", {"name": "no"}, errors.INVALID_PARAMS),
        }
        for identifier, (method, params, code) in asked.items():
            assert (await client.ask(method, params, identifier))["error"]["code"] == code


async def test_what_the_newer_era_puts_into_the_body_means_nothing_here(stage: Stage, origin: str) -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    async with sse(origin, stage.at("sse"), stage.key) as client:
        answer = await client.ask("server/discover", {"_meta": meta})
        assert answer["error"]["code"] == errors.METHOD_NOT_FOUND


async def test_a_sound_comes_as_an_embedded_resource(path: str, origin: str) -> None:
    async with sse(origin, _sse(path)) as client:
        await client.initialize()
        (block,) = (await client.ask("tools/call", {"name": "test_audio_content"}))["result"]["content"]
        assert (block["type"], block["resource"]["mimeType"]) == ("resource", "audio/wav")


@pytest.mark.requirement("sse-server-requests")
async def test_the_server_asks_on_the_stream_and_any_worker_takes_the_answer(
    path: str, origin: str, other_origin: str
) -> None:
    async with sse(origin, _sse(path)) as client:
        await client.initialize(sampling={}, roots={})
        for tool, answer, said in (
            ("test_input_required_result_sampling", SAMPLED, "The model says: Paris"),
            ("test_input_required_result_list_roots", {"roots": [{"uri": "file:///a"}]}, "You have 1 roots."),
        ):
            for client.posts_to in (origin, other_origin):
                await client.post(request("tools/call", {"name": tool}, tool))
                question = await client.message()
                assert question["method"] in ("sampling/createMessage", "roots/list")
                answered = {"jsonrpc": "2.0", "id": question["id"], "result": answer}
                assert (await client.post(answered)).status_code == 202
                result = (await client.answer(tool))["result"]
                assert result["content"] == [{"type": "text", "text": said}]


async def test_the_first_revision_is_asked_for_no_form_even_if_its_client_offers_it(path: str, origin: str) -> None:
    asking = {"name": "test_input_required_result_elicitation"}
    async with sse(origin, _sse(path)) as client:
        await client.initialize(elicitation={"form": {}})
        result = (await client.ask("tools/call", asking))["result"]
        assert result["isError"]
        assert "elicitation" in result["content"][0]["text"]
    async with sse(origin, _sse(path)) as client:
        await client.initialize("2025-06-18", elicitation={})
        await client.post(request("tools/call", asking))
        assert (await client.message())["method"] == "elicitation/create"


async def test_a_question_is_answered_by_its_own_connection_alone(path: str, origin: str) -> None:
    async with sse(origin, _sse(path)) as client, sse(origin, _sse(path)) as stranger:
        await client.initialize(sampling={})
        await stranger.initialize(sampling={})
        await client.post(request("tools/call", {"name": "test_input_required_result_sampling"}))
        question = await client.message()
        forged = {**SAMPLED, "content": {"type": "text", "text": "Rome"}}
        await stranger.post({"jsonrpc": "2.0", "id": question["id"], "result": forged})
        assert (await stranger.ask("ping"))["result"] == {}
        await client.post({"jsonrpc": "2.0", "id": question["id"], "result": SAMPLED})
        assert (await client.answer(1))["result"]["content"][0]["text"] == "The model says: Paris"


@pytest.mark.requirement("sse-notifications")
async def test_progress_and_log_messages_come_before_the_answer(path: str, origin: str, other_origin: str) -> None:
    async with sse(origin, _sse(path), posts_to=other_origin) as client:
        await client.initialize()
        params = {"name": "test_tool_with_progress", "_meta": {"progressToken": 7}}
        assert "result" in await client.ask("tools/call", params)
        reports = [message["params"] for message in client.heard]
        assert reports == [{"progressToken": 7, "progress": done, "total": 100} for done in (0, 50, 100)]
        client.heard.clear()
        await client.ask("tools/call", {"name": "test_tool_with_logging"})
        assert {message["method"] for message in client.heard} == {"notifications/message"}
        client.heard.clear()
        assert (await client.ask("logging/setLevel", {"level": "error"}))["result"] == {}
        await client.ask("tools/call", {"name": "test_tool_with_logging"})
        assert client.heard == []


@pytest.mark.requirement("sse-notifications")
async def test_changes_are_told_on_the_stream_whichever_worker_hears_of_them(
    path: str, origin: str, other_origin: str
) -> None:
    async with sse(origin, _sse(path)) as client, sse(other_origin, _sse(path)) as other:
        await client.initialize()
        await other.initialize()
        await other.ask("tools/call", {"name": "test_trigger_prompt_change"})
        assert [message["method"] for message in other.heard] == ["notifications/prompts/list_changed"]
        assert await client.message() == {"jsonrpc": "2.0", "method": "notifications/prompts/list_changed"}


async def test_a_calls_cancellation_may_reach_another_worker(
    stage: Stage, probe: Probe, origin: str, other_origin: str
) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client:
        await client.initialize()
        await client.post(request("tools/call", {"name": "wait"}, "w"))
        await _until(probe.started)
        client.posts_to = other_origin
        for identifier in ("other", None, "w"):
            params = {"requestId": identifier}
            cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
            assert (await client.post(cancelled)).status_code == 202
        await _until(probe.cancelled)
        assert (await client.ask("ping"))["result"] == {}
        assert client.heard == []


@pytest.mark.requirement("sse-ends-with-its-connection")
async def test_a_client_that_leaves_cancels_its_calls(stage: Stage, probe: Probe, origin: str) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client:
        await client.initialize()
        await client.post(request("tools/call", {"name": "wait"}))
        await _until(probe.started)
    await _until(probe.cancelled)


async def test_requests_run_side_by_side_and_an_id_is_used_by_one_at_a_time(
    stage: Stage, probe: Probe, origin: str
) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client:
        await client.initialize()
        await client.post(request("tools/call", {"name": "wait"}, "w"))
        await _until(probe.started)
        assert "result" in await client.ask("tools/call", {"name": "echo"}, "e")
        again = await client.ask("tools/call", {"name": "echo"}, "w")
        assert again["error"]["code"] == errors.INVALID_REQUEST
        probe.go_on.set()
        assert (await client.answer("w"))["result"]["content"] == [{"type": "text", "text": "went on"}]


async def test_a_batch_is_taken_in_2025_03_26_alone(stage: Stage, origin: str) -> None:
    batch = [request("ping", identifier=1), request("tools/call", {"name": "echo"}, 2)]
    async with sse(origin, stage.at("sse"), stage.key) as client:
        await client.initialize("2025-03-26")
        assert (await client.post(batch)).status_code == 202
        _, data = await client.event()
        assert [part["id"] for part in httpx.Response(200, content=data).json()] == [1, 2]
    async with sse(origin, stage.at("sse"), stage.key) as client:
        await client.initialize("2024-11-05")
        await client.post(batch)
        assert (await client.message())["error"]["code"] == errors.INVALID_REQUEST


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", errors.PARSE_ERROR),
        (b"{", errors.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping"}', errors.PARSE_ERROR),
        (b"[" * 100 + b"]" * 100, errors.PARSE_ERROR),
        (b"7", errors.INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', errors.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', errors.INVALID_REQUEST),
    ],
)
async def test_what_is_no_message_is_refused_where_it_was_posted(
    stage: Stage, origin: str, body: bytes, code: int
) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client:
        answer = await client.post(body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
        assert (await client.ask("ping"))["result"] == {}
        assert client.heard == []


async def _until(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), BOUND_SECONDS)
