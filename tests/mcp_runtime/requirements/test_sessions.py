"""Sessions (up to 2025-11-25): how they begin, what names them, who may use them, how they end; batches."""

import json
from typing import Any

import pytest

from mcp_runtime.protocol import errors
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Answer, Client, request
from tests.mcp_runtime.requirements.conftest import Meet
from tests.mcp_runtime.requirements.sandbox import Room
from tests.mcp_runtime.requirements.speaking import (
    EVENTS,
    EVERYTHING,
    SESSION_REVISIONS,
    VERSIONS,
    Speaker,
    messages_of,
    result_of,
    since,
    told,
)

requirement = pytest.mark.requirement
NOT_FOUND = "session_not_found"
CLIENT = {"name": "test", "version": "1"}
BAD_REQUEST = (400, errors.INVALID_REQUEST, 1)


def _refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["error"]["data"]["refusal"]


@requirement("initialize", "session-id")
@SESSION_REVISIONS
async def test_the_version_asked_for_is_agreed_on_and_a_session_given(
    sandbox: Stage, worker: Worker, version: str
) -> None:
    client = sandbox.client(worker)
    met = await client.initialize(version)
    result = result_of(met)
    assert result["protocolVersion"] == version
    assert result["serverInfo"]["name"] == sandbox.endpoint.slug
    assert client.session is not None
    assert all(0x21 <= ord(character) <= 0x7E for character in client.session)
    again = sandbox.client(worker)
    await again.initialize(version)
    assert again.session != client.session


@requirement("initialize-falls-back")
@pytest.mark.parametrize("asked", ["2026-07-28", "1.0", "", "2024-10-07"])
async def test_a_version_without_a_handshake_is_answered_with_the_newest_that_has_one(
    sandbox: Stage, worker: Worker, asked: str
) -> None:
    assert result_of(await sandbox.client(worker).initialize(asked))["protocolVersion"] == "2025-11-25"


@requirement("initialize")
@SESSION_REVISIONS
async def test_a_malformed_initialize_gives_no_session(sandbox: Stage, worker: Worker, version: str) -> None:
    wrong: list[Any] = [
        None, {}, {"protocolVersion": 1, "capabilities": {}, "clientInfo": CLIENT},
        {"protocolVersion": version, "clientInfo": CLIENT}, {"protocolVersion": version, "capabilities": {}},
        {"protocolVersion": version, "capabilities": [], "clientInfo": CLIENT},
        {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test"}},
    ]  # fmt: skip
    for params in wrong:
        answer = await sandbox.client(worker).post(request("initialize", params))
        assert told(answer) == (200, errors.INVALID_PARAMS, 1), params
        assert "mcp-session-id" not in answer.headers


@requirement("capabilities")
@SESSION_REVISIONS
async def test_what_is_declared_is_what_the_revision_can_declare(sandbox: Stage, worker: Worker, version: str) -> None:
    capabilities = result_of(await sandbox.client(worker).initialize(version))["capabilities"]
    completions = {"completions"} if version >= "2025-03-26" else set()
    assert set(capabilities) == {"logging", "prompts", "resources", "tools"} | completions
    assert capabilities["resources"] == {"listChanged": True, "subscribe": True}


@requirement("ping")
@SESSION_REVISIONS
async def test_a_ping_is_answered_with_nothing(speaker: Speaker) -> None:
    assert result_of(await speaker.ask("ping")) == {}


@requirement("before-initialized")
@SESSION_REVISIONS
async def test_a_client_that_has_not_said_initialized_is_served(sandbox: Stage, worker: Worker, version: str) -> None:
    client = sandbox.client(worker)
    await client.initialize(version)
    assert result_of(await client.legacy("tools/list"))["tools"]


@requirement("initialized", "roots-list-changed")
@SESSION_REVISIONS
async def test_notifications_are_taken_and_answered_with_nothing(speaker: Speaker) -> None:
    for method, params in (
        ("notifications/initialized", {}),
        ("notifications/roots/list_changed", {}),
        ("notifications/cancelled", {"requestId": "of nothing"}),
        ("notifications/progress", {"progressToken": "of nothing", "progress": 1}),
        ("notifications/made_up", {}),
    ):
        taken = await speaker.tell({"jsonrpc": "2.0", "method": method, "params": params})
        assert (taken.status, taken.body) == (202, b"")


@requirement("session-unknown")
@SESSION_REVISIONS
async def test_a_session_that_is_none_is_not_found(speaker: Speaker) -> None:
    for session in ("x", "a b", "eyJ9.eyJ9", f"{speaker.client.session}x", (speaker.client.session or "")[:-1]):
        answer = await speaker.ask("ping", mcp_session_id=session)
        assert _refusal(answer) == (404, NOT_FOUND)
        assert answer.json["id"] == 1
        for verb in ("GET", "DELETE"):
            gone = await speaker.client.send(verb, headers={**EVENTS, "mcp-session-id": session})
            assert _refusal(gone) == (404, NOT_FOUND)


@requirement("session-missing")
@SESSION_REVISIONS
async def test_what_is_kept_for_later_needs_a_session(speaker: Speaker) -> None:
    for method, params in (
        ("logging/setLevel", {"level": "info"}),
        ("resources/subscribe", {"uri": "notes://today"}),
        ("resources/unsubscribe", {"uri": "notes://today"}),
    ):
        answer = await speaker.ask(method, params, mcp_session_id=None, mcp_protocol_version=speaker.version)
        assert told(answer) == BAD_REQUEST
    for verb in ("GET", "DELETE"):
        headers = {**EVENTS, "mcp-session-id": None, "mcp-protocol-version": speaker.version}
        assert told(await speaker.client.send(verb, headers=headers)) == (400, errors.INVALID_REQUEST, "none")


@requirement("session-owner")
@SESSION_REVISIONS
async def test_a_session_of_somebody_else_is_not_found(
    speaker: Speaker, sandbox: Stage, neighbour: Stage, colleague: str, worker: Worker
) -> None:
    session = speaker.client.session
    for path, key in ((sandbox.path, colleague), (neighbour.path, neighbour.key)):
        stranger = Client(worker, path, key, session)
        assert _refusal(await stranger.legacy("ping")) == (404, NOT_FOUND)
        for verb in ("GET", "DELETE"):
            assert _refusal(await stranger.send(verb, headers=EVENTS)) == (404, NOT_FOUND)
    assert result_of(await speaker.ask("ping")) == {}


@requirement("session-end")
@SESSION_REVISIONS
async def test_a_session_that_was_ended_is_not_found(speaker: Speaker) -> None:
    ended = await speaker.client.send("DELETE")
    assert (ended.status, ended.body) == (204, b"")
    assert _refusal(await speaker.ask("ping")) == (404, NOT_FOUND)
    assert _refusal(await speaker.client.send("DELETE")) == (404, NOT_FOUND)
    assert _refusal(await speaker.client.send("GET", headers=EVENTS)) == (404, NOT_FOUND)


@requirement("version-header-in-sessions")
@SESSION_REVISIONS
async def test_the_version_header_may_be_left_out_or_say_what_was_agreed(speaker: Speaker) -> None:
    for version in (None, speaker.version, f" {speaker.version}\t"):
        assert result_of(await speaker.ask("ping", mcp_protocol_version=version)) == {}


@requirement("version-header-in-sessions")
@SESSION_REVISIONS
async def test_another_version_than_the_agreed_one_is_refused(speaker: Speaker) -> None:
    others = [version for version in VERSIONS if version not in (speaker.version, "2026-07-28")]
    for version in others:
        assert told(await speaker.ask("ping", mcp_protocol_version=version)) == BAD_REQUEST
    for version in ("bogus", "v999.0.0"):
        assert (await speaker.ask("ping", mcp_protocol_version=version)).status == 400


@requirement("no-batches")
@pytest.mark.parametrize("version", [version for version in VERSIONS if version not in ("2025-03-26", "2026-07-28")])
async def test_an_array_is_refused_where_there_are_no_batches(speaker: Speaker) -> None:
    message, _headers = speaker.framed("ping")
    for body in ([], [message], [message, message]):
        answer = await speaker.client.post(body)
        assert told(answer) == (400, errors.INVALID_REQUEST, "none")


@requirement("batches", "initialize-is-not-in-a-batch")
@since("2025-03-26", "2025-03-26")
async def test_a_batch_is_answered_whole_and_each_part_for_itself(speaker: Speaker) -> None:
    hello = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": CLIENT}
    answer = await speaker.client.post([
        request("ping", identifier="a"),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        request("tools/call", {"name": "echo", "arguments": {"x": 1}}, identifier=2),
        {"jsonrpc": "2.0", "id": 9, "result": {}},
        request("initialize", hello, identifier=3),
        request("no/such", identifier=4),
        {"jsonrpc": "2.0", "id": None, "method": "ping"},
    ])  # fmt: skip
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    parts = {part.get("id", "none"): part for part in answer.json}
    assert set(parts) == {"a", 2, 3, 4, "none"}
    assert parts["a"]["result"] == {}
    assert parts[2]["result"]["content"][0]["text"] == '{"x":1}'
    codes = {name: parts[name]["error"]["code"] for name in (3, 4, "none")}
    assert codes == {3: errors.INVALID_REQUEST, 4: errors.METHOD_NOT_FOUND, "none": errors.INVALID_REQUEST}
    assert "mcp-session-id" not in answer.headers


@requirement("batches")
@since("2025-03-26", "2025-03-26")
async def test_a_batch_without_requests_is_taken_and_an_empty_one_is_none(speaker: Speaker) -> None:
    notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    responses = [{"jsonrpc": "2.0", "id": number, "result": {}} for number in range(2)]
    for batch in ([notification] * 2, responses, [*responses, notification]):
        taken = await speaker.client.post(batch)
        assert (taken.status, taken.body) == (202, b"")
    assert told(await speaker.client.post([])) == (400, errors.INVALID_REQUEST, "none")
    assert told(await speaker.client.post([request("ping")] * 101)) == (400, errors.INVALID_REQUEST, "none")


@requirement("cancelling-in-sessions")
@SESSION_REVISIONS
async def test_a_cancelled_call_ends_without_an_answer_whichever_worker_hears_of_it(
    speaker: Speaker, room: Room, other_worker: Worker
) -> None:
    call = speaker.start("wait", {"room": room.name}, "mine")
    await room.started.wait()
    stranger = speaker.elsewhere(other_worker)
    for identifier in ("other", 1, None):
        message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": identifier}}
        assert (await stranger.tell(message)).status == 202
    assert not room.cancelled.is_set()
    message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "mine", "reason": "no"}}
    assert (await stranger.tell(message)).status == 202
    await call.start()
    assert await call.chunk() is None
    assert room.cancelled.is_set()


@requirement("cancelling-in-sessions")
@SESSION_REVISIONS
async def test_another_session_cancels_nothing(meet: Meet, room: Room) -> None:
    mine, other = await meet(), await meet()
    call = mine.start("wait", {"room": room.name}, 1)
    await room.started.wait()
    message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    assert (await other.tell(message)).status == 202
    room.go_on.set()
    assert await call.start() == 200
    assert json.loads(await call.chunk() or b"")["result"]["content"][0]["text"] == "went on"


@requirement("log-level-in-sessions", "log-messages")
@SESSION_REVISIONS
async def test_a_session_hears_messages_from_its_level_on_at_every_worker(
    speaker: Speaker, other_worker: Worker
) -> None:
    heard: dict[str, list[str]] = {}
    for level in ("debug", "error"):
        assert result_of(await speaker.ask("logging/setLevel", {"level": level})) == {}
        call = speaker.elsewhere(other_worker).start("log")
        await call.start()
        said = await messages_of(call, {"debug": 4, "error": 2}[level])
        heard[level] = [message["params"]["level"] for message in said[:-1]]
        assert {message["params"]["logger"] for message in said[:-1]} == {"sandbox"}
        assert said[-1]["id"] == 1
    assert heard == {"debug": ["debug", "info", "error"], "error": ["error"]}


@requirement("answers-are-taken")
@SESSION_REVISIONS
async def test_an_answer_to_a_question_never_asked_is_taken_and_dropped(meet: Meet) -> None:
    speaker = await meet(capabilities=EVERYTHING)
    responses: tuple[dict[str, Any], ...] = ({"result": {}}, {"error": {"code": -1, "message": "no"}})
    for identifier in ("x.1", "0123456789abcdef.1", 7, ""):
        for response in responses:
            taken = await speaker.tell({"jsonrpc": "2.0", "id": identifier, **response})
            assert (taken.status, taken.body) == (202, b"")
