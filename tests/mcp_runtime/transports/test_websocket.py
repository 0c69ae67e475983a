"""MCP over a WebSocket, over real sockets: both eras through one connection, and everything that ends it."""

import asyncio
import contextlib

import pytest
from websockets.exceptions import ConnectionClosed

from mcp_runtime.protocol import errors
from mcp_runtime.transports.connections import MAXIMUM_IN_FLIGHT
from mcp_runtime.transports.limits import Limits
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Probe, Stage
from tests.mcp_runtime.driving import BOUND_SECONDS, request
from tests.mcp_runtime.sockets import at_socket, framed, websocket

VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
SAMPLED = {"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m"}
ASKING = {"name": "test_input_required_result_elicitation", "arguments": {}}
ACCEPTED = {"action": "accept", "content": {"name": "Alice"}}


def _ws(path: str) -> str:
    return f"{path.removesuffix('mcp')}ws"


async def _until(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), BOUND_SECONDS)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_session_is_the_connection(stage: Stage, origin: str, version: str) -> None:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        assert (await client.initialize(version))["protocolVersion"] == version
        tools = (await client.ask("tools/list"))["result"]["tools"]
        assert [tool["name"] for tool in tools] == ["crash", "echo", "wait"]
        called = (await client.ask("tools/call", {"name": "echo", "arguments": {"a": 1}}, "x"))["result"]
        assert called["content"] == [{"type": "text", "text": "{'a': 1}"}]
        assert ("structuredContent" in called) == (version >= "2025-06-18")
        assert (await client.ask("ping", identifier=2))["result"] == {}
        assert (await client.ask("nothing", identifier=3))["error"]["code"] == errors.METHOD_NOT_FOUND


async def test_messages_of_the_stateless_era_say_themselves_what_they_are(stage: Stage, origin: str) -> None:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        found = (await client.modern("server/discover"))["result"]
        assert found["supportedVersions"] == ["2026-07-28"]
        called = (await client.modern("tools/call", {"name": "echo", "arguments": {"a": 1}}, 2))["result"]
        assert (called["resultType"], called["structuredContent"]) == ("complete", {"a": 1})
        assert (await client.modern("ping", None, 3))["error"]["code"] == errors.METHOD_NOT_FOUND
        assert (await client.modern("tools/call", {"name": "no"}, 4))["error"]["code"] == errors.INVALID_PARAMS
        unknown = framed("server/discover", identifier=5)
        unknown["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2099-01-01"
        await client.send(unknown)
        error = (await client.answer(5))["error"]
        assert (error["code"], error["data"]["supported"]) == (errors.UNSUPPORTED_PROTOCOL_VERSION, ["2026-07-28"])


async def test_both_eras_share_a_connection(stage: Stage, origin: str) -> None:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        await client.initialize("2025-06-18")
        assert "resultType" in (await client.modern("tools/list", None, 1))["result"]
        assert "resultType" not in (await client.ask("tools/list", None, 2))["result"]


async def test_where_there_are_no_headers_none_has_to_mirror_the_body(path: str, origin: str) -> None:
    async with websocket(origin, _ws(path)) as client:
        params = {"name": "test_header_argument", "arguments": {"region": "eu"}}
        assert (await client.modern("tools/call", params))["result"]["content"][0]["text"] == "eu"


async def test_in_a_session_a_question_is_asked_and_answered(path: str, origin: str) -> None:
    async with websocket(origin, _ws(path)) as client:
        await client.initialize(elicitation={}, sampling={})
        for tool, answer, said in (
            ("test_input_required_result_elicitation", ACCEPTED, "Hello, Alice!"),
            ("test_input_required_result_sampling", SAMPLED, "The model says: Paris"),
        ):
            await client.send(request("tools/call", {"name": tool}, tool))
            question = await client.message()
            await client.send({"jsonrpc": "2.0", "id": question["id"], "result": answer})
            assert (await client.answer(tool))["result"]["content"][0]["text"] == said


async def test_from_2026_07_28_a_question_is_a_result(path: str, origin: str) -> None:
    async with websocket(origin, _ws(path)) as client:
        asked = (await client.modern("tools/call", ASKING, elicitation={}))["result"]
        assert asked["resultType"] == "input_required"
        retry = {**ASKING, "inputResponses": {"user_name": ACCEPTED}, "requestState": asked["requestState"]}
        done = (await client.modern("tools/call", retry, 2, elicitation={}))["result"]
        assert done["content"][0]["text"] == "Hello, Alice!"
        cannot = await client.modern("tools/call", {"name": "test_missing_capability"}, 3)
        assert cannot["error"]["code"] == errors.MISSING_CLIENT_CAPABILITY


async def test_progress_and_log_messages_come_before_the_answer(path: str, origin: str) -> None:
    async with websocket(origin, _ws(path)) as client:
        meta = {"progressToken": "p", "io.modelcontextprotocol/logLevel": "debug"}
        await client.modern("tools/call", {"name": "test_tool_with_progress", "_meta": meta})
        assert [message["params"]["progress"] for message in client.heard] == [0, 50, 100]
        client.heard.clear()
        await client.modern("tools/call", {"name": "test_tool_with_logging", "_meta": meta}, 2)
        assert {message["method"] for message in client.heard} == {"notifications/message"}
        client.heard.clear()
        await client.modern("tools/call", {"name": "test_tool_with_logging"}, 3)
        assert client.heard == []


async def test_before_initialize_what_needs_no_session_is_served(path: str, origin: str) -> None:
    async with websocket(origin, _ws(path)) as client:
        assert "result" in await client.ask("tools/list")
        refused = await client.ask("logging/setLevel", {"level": "info"}, 2)
        assert refused["error"]["code"] == errors.INVALID_REQUEST
        refused = await client.ask("tools/call", ASKING, 3)
        assert refused["error"]["code"] == errors.INVALID_REQUEST


async def test_changes_are_told_to_the_session_and_to_whoever_listens(
    path: str, origin: str, other_origin: str
) -> None:
    async with websocket(origin, _ws(path)) as session, websocket(other_origin, _ws(path)) as listener:
        await session.initialize()
        wanted = {"notifications": {"promptsListChanged": True}}
        await listener.send(framed("subscriptions/listen", wanted, "l"))
        first = await listener.message()
        assert first["method"] == "notifications/subscriptions/acknowledged"
        assert first["params"]["_meta"] == {SUBSCRIPTION: "l"}
        await session.ask("tools/call", {"name": "test_trigger_tool_change"}, 1)
        await session.ask("tools/call", {"name": "test_trigger_prompt_change"}, 2)
        told = [message["method"] for message in session.heard]
        assert told == ["notifications/tools/list_changed", "notifications/prompts/list_changed"]
        heard = await listener.message()
        assert heard["params"]["_meta"] == {SUBSCRIPTION: "l"}
        assert heard["method"] == "notifications/prompts/list_changed"


async def test_a_subscription_ends_when_its_request_is_cancelled(path: str, origin: str) -> None:
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "l"}}
    async with websocket(origin, _ws(path)) as client:
        await client.send(framed("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, "l"))
        await client.message()
        taken = await client.modern("tools/call", {"name": "test_simple_text"}, "l")
        assert taken["error"]["code"] == errors.INVALID_REQUEST
        await client.send(cancelled)
        await client.modern("tools/call", {"name": "test_trigger_tool_change"}, 2)
        assert client.heard == []
        assert "result" in await client.modern("tools/call", {"name": "test_simple_text"}, "l")


@pytest.mark.parametrize("era", ["session", "stateless"])
async def test_a_cancelled_call_gets_no_answer(stage: Stage, probe: Probe, origin: str, era: str) -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"} if era == "stateless" else {}
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "w", "_meta": meta}}
    call = {"name": "wait", "arguments": {}}
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        if era == "session":
            await client.initialize()
        await client.send(request("tools/call", call, "w") if era == "session" else framed("tools/call", call, "w"))
        await _until(probe.started)
        await client.send(cancelled)
        await _until(probe.cancelled)
        assert "result" in await client.modern("tools/list", None, 2)
        assert client.heard == []


@pytest.mark.parametrize("era", ["session", "stateless"])
async def test_a_client_that_leaves_cancels_its_calls(stage: Stage, probe: Probe, origin: str, era: str) -> None:
    call = {"name": "wait", "arguments": {}}
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        await client.initialize()
        await client.send(request("tools/call", call) if era == "session" else framed("tools/call", call))
        await _until(probe.started)
    await _until(probe.cancelled)


async def test_a_connection_that_breaks_off_cancels_its_calls(stage: Stage, probe: Probe, origin: str) -> None:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        await client.send(request("tools/call", {"name": "wait"}))
        await _until(probe.started)
        client.socket.transport.abort()
        await _until(probe.cancelled)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", errors.PARSE_ERROR),
        ("{", errors.PARSE_ERROR),
        ('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', errors.PARSE_ERROR),
        ("[" * 100 + "]" * 100, errors.PARSE_ERROR),
        ("7", errors.INVALID_REQUEST),
        ("[]", errors.INVALID_REQUEST),
        ('{"jsonrpc":"2.0","id":null,"method":"ping"}', errors.INVALID_REQUEST),
        ('{"jsonrpc":"2.0","id":7,"result":{}}', errors.INVALID_REQUEST),
    ],
)
async def test_what_is_no_message_is_told_so_and_the_connection_goes_on(
    stage: Stage, origin: str, text: str, code: int
) -> None:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        await client.send(text)
        assert (await client.message())["error"]["code"] == code
        assert (await client.ask("ping"))["result"] == {}


async def test_a_batch_is_answered_in_2025_03_26(stage: Stage, origin: str) -> None:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        await client.initialize("2025-03-26")
        await client.send([request("ping", identifier=1), request("tools/call", {"name": "echo"}, 2)])
        assert [part["id"] for part in await client.message()] == [1, 2]


async def test_bytes_are_no_message(stage: Stage, origin: str) -> None:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        await client.send(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
        assert await client.closed() == (1003, "")


async def test_text_is_utf8(stage: Stage, origin: str, caplog: pytest.LogCaptureFixture) -> None:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        await client.socket.send(b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', text=True)
        assert (await client.closed())[0] == 1007
    assert "Traceback" not in caplog.text


async def test_a_message_over_the_limit_closes(stage: Stage) -> None:
    async with at_socket(Worker(limits=Limits(body_bytes=1_000))) as origin:
        async with websocket(origin, stage.at("ws"), stage.key) as client:
            await client.send('{"jsonrpc":"2.0","id":1,"method":"ping"}' + " " * 960)
            assert (await client.answer(1))["result"] == {}
            await client.send(" " * 1_001)
            assert (await client.closed())[0] == 1009
        async with websocket(origin, stage.at("ws"), stage.key) as client:
            with contextlib.suppress(ConnectionClosed):  # it may be told before it has sent all
                await client.send(" " * (5 * 1024 * 1024))
            assert (await client.closed())[0] == 1009


async def test_requests_under_way_are_bounded(stage: Stage, probe: Probe, origin: str) -> None:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        for number in range(MAXIMUM_IN_FLIGHT):
            await client.send(request("tools/call", {"name": "wait"}, number))
        refused = await client.ask("tools/call", {"name": "echo"}, "more")
        assert refused["error"]["data"]["refusal"] == "overloaded"
        probe.go_on.set()
        answered = [await client.message() for _ in range(MAXIMUM_IN_FLIGHT)]
        assert {answer["id"] for answer in answered} == set(range(MAXIMUM_IN_FLIGHT))
        assert {answer["result"]["content"][0]["text"] for answer in answered} == {"went on"}
