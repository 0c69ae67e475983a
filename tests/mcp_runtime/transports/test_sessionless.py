"""Requests of the handshake era without a session: what a quick start sends, and what needs more than that."""

import json
from typing import Any

import pytest

from mcp_runtime.protocol import errors
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Answer, Client, request, whole
from tests.mcp_runtime.features.conftest import message_of
from tests.mcp_runtime.transports.test_doors import refusal_of

INITIALIZE = request(
    "initialize",
    {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "curl", "version": "8"}},
)
FORM = "application/x-www-form-urlencoded"
# What `curl URL -d …` sends.
CURL: dict[str, str | None] = {"accept": "*/*", "user-agent": "curl/8.5.0", "content-type": FORM}


async def _curl(client: Client, message: Any, **headers: str | None) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.send(body=json.dumps(message).encode(), headers=CURL | named)


async def test_two_plain_curls_meet_an_open_endpoint_and_list_its_tools(open_stage: Stage, worker: Worker) -> None:
    client = Client(worker, open_stage.path)
    met = await _curl(client, INITIALIZE)
    assert (met.status, met.json["result"]["protocolVersion"]) == (200, "2024-11-05")
    listed = await _curl(client, request("tools/list", identifier=2))
    assert listed.status == 200
    assert [tool["name"] for tool in listed.json["result"]["tools"]] == ["crash", "echo", "wait"]
    called = await _curl(client, request("tools/call", {"name": "echo", "arguments": {"a": 1}}))
    assert called.json["result"]["content"] == [{"type": "text", "text": "{'a': 1}"}]
    assert "mcp-session-id" not in called.headers


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", "text/plain", "Text/Plain", None])
async def test_an_open_endpoint_takes_json_that_does_not_say_so(
    open_stage: Stage, worker: Worker, content_type: str | None
) -> None:
    answer = await _curl(Client(worker, open_stage.path), request("ping"), content_type=content_type)
    assert answer.json["result"] == {}


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "text/html", "application/xml", "x"])
async def test_other_types_are_refused_there_too(open_stage: Stage, worker: Worker, content_type: str) -> None:
    answer = await _curl(Client(worker, open_stage.path), request("ping"), content_type=content_type)
    assert refusal_of(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", [FORM, "text/plain", None])
async def test_a_browsers_page_has_to_say_what_it_sends(
    open_stage: Stage, worker: Worker, content_type: str | None
) -> None:
    """Else a form on any page could call a tool: with these types a browser asks nobody first."""
    client = Client(worker, open_stage.path)
    for origin in ("https://app.example.com", "http://localhost:8100"):
        answer = await _curl(client, request("ping"), content_type=content_type, origin=origin)
        assert refusal_of(answer) == (415, "unsupported_media_type")
    for origin in ("https://evil.example.com", "null"):
        answer = await _curl(client, request("ping"), content_type=content_type, origin=origin)
        assert refusal_of(answer) == (403, "origin_not_allowed")
    answer = await _curl(client, request("ping"), content_type=content_type, sec_fetch_site="cross-site")
    assert refusal_of(answer) == (415, "unsupported_media_type")


async def test_an_endpoint_with_keys_has_to_be_told_the_type(stage: Stage, worker: Worker) -> None:
    client = stage.client(worker)
    assert refusal_of(await _curl(client, request("ping"))) == (415, "unsupported_media_type")
    assert (await _curl(client, request("ping"), content_type="application/json")).json["result"] == {}


async def test_without_a_session_progress_is_heard_and_nothing_can_be_resumed(path: str, worker: Worker) -> None:
    params = {"name": "test_tool_with_progress", "arguments": {}, "_meta": {"progressToken": "p"}}
    call = Client(worker, path).open(body=json.dumps(request("tools/call", params)).encode())
    await call.start()
    frames = [await call.frame() for _ in range(4)]
    assert not any("id: " in frame.partition("data:")[0] for frame in frames)
    assert [message_of(frame)["params"]["progress"] for frame in frames[:3]] == [0, 50, 100]
    assert message_of(frames[3])["result"]["content"][0]["text"] == "The work is done."


async def test_without_a_session_nothing_is_logged(path: str, worker: Worker) -> None:
    answer = await Client(worker, path).legacy("tools/call", {"name": "test_tool_with_logging"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["result"]["content"]


async def test_a_question_needs_a_session(path: str, worker: Worker) -> None:
    answer = await Client(worker, path).legacy("tools/call", {"name": "test_input_required_result_elicitation"})
    error = answer.json["error"]
    assert (answer.status, error["code"], answer.json["id"]) == (400, errors.INVALID_REQUEST, 1)
    assert "needs a session" in error["message"]


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
async def test_a_stream_of_a_session_needs_one(stage: Stage, worker: Worker, verb: str) -> None:
    headers: dict[str, str | None] = {"accept": "text/event-stream", "mcp-protocol-version": "2025-06-18"}
    answer = await stage.client(worker).send(verb, headers=headers)
    assert (answer.status, answer.json["error"]["code"]) == (400, errors.INVALID_REQUEST)
    assert "Mcp-Session-Id" in answer.json["error"]["message"]


async def test_two_clients_without_sessions_may_use_the_same_id_at_once(
    stage: Stage, probe: Any, worker: Worker
) -> None:
    client = stage.client(worker)
    body = json.dumps(request("tools/call", {"name": "wait"}, identifier=1)).encode()
    calls = [client.open(body=body), client.open(body=body)]
    await probe.started.wait()
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    assert (await client.post(cancelled)).status == 202
    probe.go_on.set()
    for call in calls:
        assert (await whole(call)).json["result"]["content"] == [{"type": "text", "text": "went on"}]


async def test_a_batch_without_a_session_is_answered(open_stage: Stage, worker: Worker) -> None:
    batch = [request("ping", identifier=1), request("tools/list", identifier=2)]
    answer = await _curl(Client(worker, open_stage.path), batch)
    assert [part["id"] for part in answer.json] == [1, 2]


async def test_no_cookie_is_read_or_set(stage: Stage, worker: Worker) -> None:
    """A credential that browsers add by themselves would let any page act in its visitor's place."""
    cookies = f"sessionid={stage.key}; authorization=Bearer {stage.key}; key={stage.key}; mcp-session-id=x"
    stranger = stage.client(worker, key=None)
    for message in (INITIALIZE, request("tools/list")):
        assert refusal_of(await stranger.post(message, cookie=cookies)) == (401, "authentication_required")
    answers = [
        await stage.client(worker).post(INITIALIZE, cookie="sessionid=other; csrftoken=x"),
        await stage.client(worker).modern("tools/list", cookie="sessionid=other"),
    ]
    assert {answer.status for answer in answers} == {200}
    assert not any("set-cookie" in answer.headers for answer in answers)
