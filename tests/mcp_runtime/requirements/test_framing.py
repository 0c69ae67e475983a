"""Requests that describe themselves (from 2026-07-28): headers, `_meta`, and the era that a message is of."""

import asyncio
import base64
import json
from typing import Any

import pytest

from mcp_runtime.protocol import errors
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import BOUND_SECONDS, CAPABILITIES, VERSION, Answer, request, whole
from tests.mcp_runtime.requirements.conftest import Meet
from tests.mcp_runtime.requirements.sandbox import Room
from tests.mcp_runtime.requirements.speaking import (
    EVENTS,
    STATELESS_REVISIONS,
    Speaker,
    encoded,
    messages_of,
    result_of,
    speaking,
    told,
)

requirement = pytest.mark.requirement
pytestmark = STATELESS_REVISIONS
MISMATCH = (400, errors.HEADER_MISMATCH, 1)
INVALID = (400, errors.INVALID_PARAMS, 1)
LATER = "v999.0.0"
# Where each of these mirrors its name.
NAMING: dict[str, dict[str, Any]] = {
    "tools/call": {"name": "echo"},
    "prompts/get": {"name": "greet", "arguments": {"who": "Joe"}},
    "resources/read": {"uri": "notes://today"},
}


async def _raw(speaker: Speaker, message: Any, headers: list[tuple[bytes, bytes]]) -> Answer:
    """A message with its header list as it is."""
    around = [
        (b"host", b"localhost:8100"), (b"accept", b"application/json, text/event-stream"),
        (b"content-type", b"application/json"), (b"authorization", f"Bearer {speaker.client.key}".encode()),
    ]  # fmt: skip
    return await whole(speaker.client.open_raw("POST", json.dumps(message).encode(), [*around, *headers]))


def _pairs(headers: dict[str, str | None]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items() if value is not None]


@requirement("version-header")
async def test_a_body_of_this_era_without_its_header_is_a_mismatch(speaker: Speaker) -> None:
    answer = await speaker.ask("tools/list", {}, mcp_protocol_version=None)
    assert told(answer) == MISMATCH


@requirement("version-header")
async def test_header_and_body_must_say_the_same_version_before_it_is_looked_at(speaker: Speaker) -> None:
    for header, body in ((speaker.version, LATER), (LATER, speaker.version), ("2025-11-25", speaker.version)):
        params = {"_meta": {VERSION: body}}
        assert told(await speaker.ask("tools/list", params, mcp_protocol_version=header)) == MISMATCH


@requirement("unsupported-version", "discover")
async def test_a_version_that_is_not_served_is_told_which_are(speaker: Speaker) -> None:
    discovered = result_of(await speaker.ask("server/discover"))
    answer = await speaker.ask("tools/list", {"_meta": {VERSION: LATER}}, mcp_protocol_version=LATER)
    assert told(answer) == (400, errors.UNSUPPORTED_PROTOCOL_VERSION, 1)
    data = answer.json["error"]["data"]
    assert data["requested"] == LATER
    assert data["supported"]
    assert set(data["supported"]) <= set(discovered["supportedVersions"])
    older = await speaker.ask("tools/list", {"_meta": {VERSION: "2025-11-25"}}, mcp_protocol_version="2025-11-25")
    assert told(older) == (400, errors.UNSUPPORTED_PROTOCOL_VERSION, 1)


@requirement("request-meta")
async def test_what_every_request_says_of_itself_may_not_be_left_out(speaker: Speaker) -> None:
    whole_meta = {VERSION: speaker.version, CAPABILITIES: {}}
    _message, headers = speaker.framed("tools/list", {})
    wrong: list[Any] = [
        {VERSION: speaker.version}, {CAPABILITIES: {}}, {}, None, [], {**whole_meta, VERSION: 7},
        {**whole_meta, CAPABILITIES: []}, {**whole_meta, CAPABILITIES: None},
    ]  # fmt: skip
    for meta in wrong:
        answer = await _raw(speaker, request("tools/list", {"_meta": meta}), _pairs(headers))
        assert told(answer) == INVALID, meta
    without: tuple[Any, ...] = (None, {}, [])
    for params in without:
        assert told(await _raw(speaker, request("tools/list", params), _pairs(headers))) == INVALID, params


@requirement("client-info-is-optional")
async def test_who_asks_need_not_say_so(speaker: Speaker) -> None:
    assert result_of(await speaker.ask("server/discover"))["resultType"] == "complete"


@requirement("method-header")
async def test_the_method_is_said_twice_and_alike(speaker: Speaker) -> None:
    for header in (None, "tools/call", "TOOLS/LIST", "", "tools/list/"):
        assert told(await speaker.ask("tools/list", {}, mcp_method=header)) == MISMATCH, header


@requirement("name-header")
@pytest.mark.parametrize("method", NAMING)
async def test_the_name_is_said_twice_and_alike(speaker: Speaker, method: str) -> None:
    assert result_of(await speaker.ask(method, NAMING[method]))
    name = NAMING[method].get("name") or NAMING[method]["uri"]
    for header in (None, "other", name.upper(), "", encoded(f"{name} "), f"=?base64?{name}?="):
        assert told(await speaker.ask(method, NAMING[method], mcp_name=header)) == MISMATCH, header


@requirement("name-header")
async def test_a_tool_that_the_header_allows_is_not_another_that_the_body_calls(speaker: Speaker) -> None:
    assert told(await speaker.ask("tools/call", {"name": "crash"}, mcp_name="echo")) == MISMATCH


@requirement("header-rules-of-extensions")
async def test_the_name_of_what_is_done_to_a_task_is_its_id(speaker: Speaker) -> None:
    task = {"taskId": "00000000-0000-4000-8000-000000000000"}
    for method in ("tasks/get", "tasks/update", "tasks/cancel"):
        for header in (None, "other"):
            assert told(await speaker.ask(method, task, mcp_name=header)) == MISMATCH, (method, header)


@requirement("name-header-missing-in-body")
async def test_a_name_that_the_body_lacks_too_is_a_matter_of_the_params(speaker: Speaker) -> None:
    for method in NAMING:
        assert told(await speaker.ask(method, {})) == INVALID


@requirement("header-names-and-values")
async def test_names_of_headers_are_read_in_any_case_and_values_trimmed(speaker: Speaker) -> None:
    message, headers = speaker.framed("tools/call", NAMING["tools/call"])
    loose = [(name.upper(), b" \t" + value + b"  ") for name, value in _pairs(headers)]
    # Servers hand header names over in lower case; white space around values is the application's to trim.
    answer = await _raw(speaker, message, [(name.lower(), value) for name, value in loose])
    assert result_of(answer)["isError"] is False


@requirement("duplicate-headers")
async def test_a_header_that_comes_twice_is_refused_even_if_both_agree(speaker: Speaker) -> None:
    call = speaker.framed("tools/call", {"name": "headers", "arguments": {"region": "eu"}})
    message, headers = call
    pairs = _pairs({**headers, "mcp-param-region": "eu"})
    assert result_of(await _raw(speaker, message, pairs))
    for name, value in pairs:
        for second in (value, b"other"):
            assert told(await _raw(speaker, message, [*pairs, (name, second)])) == MISMATCH, name


@requirement("header-encoding", "resource-uris")
async def test_what_ascii_cannot_carry_is_sent_in_base64(speaker: Speaker) -> None:
    for uri in ("notes://day/é", "notes://day/日本語", "notes://day/a b", " notes://x", "=?base64?eA==?="):
        sent = f"=?base64?{base64.b64encode(uri.encode()).decode()}?="
        answer = await speaker.ask("resources/read", {"uri": uri}, mcp_name=sent)
        # The header is right, and then there is no such resource: what is no URI names none.
        assert told(answer) == INVALID
        assert answer.json["error"]["data"] == {"uri": uri}
    plain = base64.b64encode(b"notes://today").decode()
    assert result_of(await speaker.ask("resources/read", {"uri": "notes://today"}, mcp_name=f"=?base64?{plain}?="))
    unknown = await speaker.ask("tools/call", {"name": "日本語"})
    assert told(unknown) == INVALID
    assert unknown.json["error"]["message"] == "Unknown tool: 日本語"


@requirement("header-encoding")
async def test_base64_is_read_strictly_and_half_a_marker_is_a_literal(speaker: Speaker) -> None:
    call = {"name": "headers", "arguments": {"region": "Hello"}}
    right = ("Hello", "=?base64?SGVsbG8=?=")
    wrong = ("=?base64?SGVsbG8?=", "=?base64?SGV%bG8=?=", "SGVsbG8=?=", "=?base64?SGVsbG8=", "=?BASE64?SGVsbG8=?=")
    for value in right:
        assert result_of(await speaker.ask("tools/call", call, mcp_param_region=value))
    for value in wrong:
        assert told(await speaker.ask("tools/call", call, mcp_param_region=value)) == MISMATCH, value
    literal = {"name": "headers", "arguments": {"region": "SGVsbG8=?="}}
    assert result_of(await speaker.ask("tools/call", literal, mcp_param_region="SGVsbG8=?="))


@requirement("parameter-headers")
async def test_arguments_that_are_mirrored_agree_with_their_headers(speaker: Speaker) -> None:
    right: list[tuple[dict[str, Any], dict[str, str | None]]] = [
        ({}, {"mcp_param_other": "ignored"}),
        ({"limit": 42}, {"mcp_param_limit": "42"}),
        ({"limit": 42}, {"mcp_param_limit": "42.0"}),
        ({"dry": True}, {"mcp_param_dry_run": "true"}),
        ({"region": "日本"}, {"mcp_param_region": encoded("日本")}),
        ({"region": ""}, {"mcp_param_region": ""}),
    ]
    wrong: list[tuple[dict[str, Any], dict[str, str | None]]] = [
        ({"limit": 42}, {}),
        ({"limit": 42}, {"mcp_param_limit": "43"}),
        ({"limit": 42}, {"mcp_param_limit": "0x2a"}),
        ({}, {"mcp_param_limit": "42"}),
        ({"limit": None}, {"mcp_param_limit": "null"}),
        ({"dry": True}, {"mcp_param_dry_run": "True"}),
        ({"region": "é"}, {"mcp_param_region": "é"}),
        ({"region": "a\r\nb"}, {"mcp_param_region": "a\r\nb"}),
    ]
    for arguments, headers in right:
        answer = await speaker.ask("tools/call", {"name": "headers", "arguments": arguments}, **headers)
        assert result_of(answer)["isError"] is False, arguments
    for arguments, headers in wrong:
        answer = await speaker.ask("tools/call", {"name": "headers", "arguments": arguments}, **headers)
        assert told(answer) == MISMATCH, (arguments, headers)


@requirement("responses-are-not-posted")
async def test_a_posted_response_is_refused(speaker: Speaker) -> None:
    responses: tuple[dict[str, Any], ...] = ({"result": {}}, {"error": {"code": -1, "message": "no"}})
    for response in responses:
        message = {"jsonrpc": "2.0", "id": 1, **response}
        answer = await speaker.client.post(message, mcp_protocol_version=speaker.version)
        assert told(answer) == (400, errors.INVALID_REQUEST, 1)


@requirement("no-batches")
async def test_an_array_is_refused_without_an_id(speaker: Speaker) -> None:
    message, headers = speaker.framed("tools/list", {})
    for body in ([], [message], [message, message]):
        assert told(await _raw(speaker, body, _pairs(headers))) == (400, errors.INVALID_REQUEST, "none")


@requirement("notifications-are-taken")
async def test_a_notification_is_taken_and_cancels_nothing(speaker: Speaker, room: Room) -> None:
    call = speaker.start("wait", {"room": room.name}, 7)
    await room.started.wait()
    meta = {VERSION: speaker.version, CAPABILITIES: {}}
    for method in ("notifications/cancelled", "notifications/made_up"):
        message = {"jsonrpc": "2.0", "method": method, "params": {"requestId": 7, "_meta": meta}}
        for headers in ({"mcp_protocol_version": speaker.version}, {"mcp_method": method}, {}):
            taken = await speaker.client.post(message, **headers)
            assert (taken.status, taken.body) == (202, b"")
    room.go_on.set()
    assert result_of(await whole(call))["content"][0]["text"] == "went on"


@requirement("unsupported-version")
async def test_a_notification_of_a_version_that_is_not_served_is_refused(speaker: Speaker) -> None:
    message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}}
    answer = await speaker.client.post(message, mcp_protocol_version=LATER)
    assert told(answer) == (400, errors.UNSUPPORTED_PROTOCOL_VERSION, "none")


@requirement("post-only")
async def test_there_is_nothing_to_get_or_delete(speaker: Speaker, sandbox: Stage, worker: Worker) -> None:
    older = await speaking("2025-11-25", worker, sandbox.path, sandbox.key)
    for verb in ("GET", "DELETE"):
        for session in (None, older.client.session):
            headers = {**EVENTS, "mcp-protocol-version": speaker.version, "mcp-session-id": session}
            answer = await speaker.client.send(verb, headers=headers)
            assert answer.status == 405
            assert "POST" in answer.headers["allow"]
            assert answer.json["error"]["data"]["refusal"] == "method_not_allowed"


@requirement("one-url-for-both-eras", "removed-methods")
async def test_both_eras_are_served_at_one_url(speaker: Speaker, sandbox: Stage, worker: Worker) -> None:
    older = await speaking("2025-11-25", worker, sandbox.path, sandbox.key)
    assert result_of(await older.ask("ping")) == {}
    speaker.client.session = older.client.session
    assert told(await speaker.ask("ping", {})) == (404, errors.METHOD_NOT_FOUND, 1)
    assert result_of(await older.ask("ping")) == {}


@requirement("sessions-are-ignored")
async def test_a_session_is_neither_read_nor_given(speaker: Speaker) -> None:
    for session in ("x", "a b", None):
        answer = await speaker.ask("tools/list", {}, mcp_session_id=session, last_event_id="0123456789abcdef.1")
        assert result_of(answer)["tools"]
        assert "mcp-session-id" not in answer.headers


@requirement("stateless-requests")
async def test_nothing_is_remembered_from_one_request_to_the_next(meet: Meet) -> None:
    able, unable = await meet(capabilities={"elicitation": {}}), await meet()
    assert result_of(await able.call("ask_form"))["resultType"] == "input_required"
    refused = await unable.call("ask_form")
    assert told(refused) == (400, errors.MISSING_CLIENT_CAPABILITY, 1)
    assert refused.json["error"]["data"] == {"requiredCapabilities": {"elicitation": {"form": {}}}}


@requirement("errors-before-the-stream-keep-their-status")
async def test_an_error_found_before_the_first_message_keeps_its_status(speaker: Speaker) -> None:
    progress = {"_meta": {"progressToken": "p"}}
    for name, expected in (("ask_form", errors.MISSING_CLIENT_CAPABILITY), ("no_such_tool", errors.INVALID_PARAMS)):
        answer = await speaker.call(name, **progress)
        assert told(answer) == (400, expected, 1)
        assert answer.headers["content-type"] == "application/json"


@requirement("stream-headers", "no-resuming")
async def test_a_stream_is_not_buffered_cached_or_resumable(speaker: Speaker) -> None:
    call = speaker.start("progress", _meta={"progressToken": "p"})
    assert await call.start() == 200
    assert call.headers["content-type"] == "text/event-stream"
    assert call.headers["x-accel-buffering"] == "no"
    assert call.headers["cache-control"] == "no-cache, no-transform"
    frames = [await call.frame() for _ in range(4)]
    assert not [line for frame in frames for line in frame.splitlines() if line.startswith(("id:", "retry:"))]


@requirement("no-server-requests")
async def test_on_a_stream_come_messages_of_its_request_alone_and_the_answer_last(meet: Meet) -> None:
    speaker = await meet(capabilities={"elicitation": {}})
    call = speaker.start("progress", identifier="mine", _meta={"progressToken": 9})
    await call.start()
    *reports, answer = await messages_of(call, 4)
    assert {report["method"] for report in reports} == {"notifications/progress"}
    assert {report["params"]["progressToken"] for report in reports} == {9}
    assert answer["id"] == "mine"
    await asyncio.wait_for(call.task, BOUND_SECONDS)
    assert call.outgoing.empty()
    asked = await speaker.call("ask_form")
    assert asked.headers["content-type"] == "application/json"
