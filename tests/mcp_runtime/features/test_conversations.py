"""One handler, two eras: a question is a request on the stream, or a result that asks to be called again."""

import json
from typing import Any

import pytest

from mcp_runtime.protocol import errors
from mcp_runtime.worker import Worker
from tests.mcp_runtime.driving import Client, Exchange, request, whole
from tests.mcp_runtime.features.conftest import EVERYTHING, message_of, open_able

ASKING = "test_input_required_result_elicitation"
ASK: dict[str, Any] = {"name": ASKING, "arguments": {}}
ACCEPTED = {"action": "accept", "content": {"name": "Alice"}}


async def _call(client: Client, params: dict[str, Any], **capabilities: Any) -> Any:
    return await whole(open_able(client, "tools/call", params, **capabilities))


def _call_in_session(client: Client, name: str, identifier: Any = 1, **members: Any) -> Exchange:
    message = request("tools/call", {"name": name, "arguments": {}, **members}, identifier)
    return client.open(body=json.dumps(message).encode())


async def test_a_question_asks_to_be_called_again_and_the_answer_completes_the_call(path: str, worker: Worker) -> None:
    client = Client(worker, path)
    asked = (await _call(client, ASK)).json["result"]
    assert asked["resultType"] == "input_required"
    assert asked["inputRequests"]["user_name"]["method"] == "elicitation/create"
    assert {"ttlMs", "cacheScope"}.isdisjoint(asked)
    retry = {**ASK, "inputResponses": {"user_name": ACCEPTED, "other": 1}, "requestState": asked["requestState"]}
    done = (await _call(client, retry)).json["result"]
    assert (done["resultType"], done["content"][0]["text"]) == ("complete", "Hello, Alice!")


@pytest.mark.parametrize(
    "answer",
    [
        12345,
        None,
        {"action": "maybe"},
        {"action": []},
        {"action": {"accept": True}},
        {"action": "accept", "content": {"name": 1}},
    ],
)
async def test_what_is_no_answer_is_asked_again(path: str, worker: Worker, answer: object) -> None:
    client = Client(worker, path)
    again = (await _call(client, {**ASK, "inputResponses": {"user_name": answer}})).json["result"]
    assert again["resultType"] == "input_required"


@pytest.mark.parametrize(
    "change",
    [
        {"requestState": "{state}x"},
        {"requestState": ""},
        {"requestState": 7},
        {"arguments": {"other": "call"}},
        {"name": "test_input_required_result_request_state"},
        {"inputResponses": None},
        {"inputResponses": []},
    ],
)
async def test_a_state_is_good_for_its_own_call_alone(path: str, worker: Worker, change: dict[str, Any]) -> None:
    client = Client(worker, path)
    state = (await _call(client, ASK)).json["result"]["requestState"]
    altered = {
        name: value.replace("{state}", state) if isinstance(value, str) else value for name, value in change.items()
    }
    answer = await _call(client, {**ASK, "inputResponses": {}, "requestState": state, **altered})
    expected = "isError" if "arguments" in change else "error"
    if expected == "error":
        assert (answer.status, answer.json["error"]["code"]) == (400, errors.INVALID_PARAMS)
    else:
        assert answer.json["result"]["isError"]


async def test_a_state_of_another_tenants_endpoint_is_refused(path: str, worker: Worker, open_stage: Any) -> None:
    state = (await _call(Client(worker, path), ASK)).json["result"]["requestState"]
    stranger = Client(worker, open_stage.path)
    params = {"name": "echo", "arguments": {}, "requestState": state, "inputResponses": {}}
    assert (await _call(stranger, params)).json["error"]["code"] == errors.INVALID_PARAMS


async def test_a_client_that_cannot_be_asked_is_told_what_is_needed(path: str, worker: Worker) -> None:
    answer = await _call(Client(worker, path), {"name": "test_missing_capability"}, roots={})
    assert answer.status == 400
    error = answer.json["error"]
    assert error["code"] == errors.MISSING_CLIENT_CAPABILITY
    assert error["data"] == {"requiredCapabilities": {"sampling": {}}}


async def test_only_what_the_client_can_answer_is_asked(path: str, worker: Worker) -> None:
    params = {"name": "test_input_required_result_capabilities"}
    asked = (await _call(Client(worker, path), params, sampling={})).json["result"]["inputRequests"]
    assert [question["method"] for question in asked.values()] == ["sampling/createMessage"]


async def test_rounds_remember_their_answers_in_the_state(path: str, worker: Worker) -> None:
    client = Client(worker, path)
    params = {"name": "test_input_required_result_multi_round", "arguments": {}}
    first = (await _call(client, params)).json["result"]
    answers: dict[str, Any] = {"step1": ACCEPTED}
    second = (await _call(client, {**params, "inputResponses": answers, "requestState": first["requestState"]})).json[
        "result"
    ]
    assert list(second["inputRequests"]) == ["step2"]
    assert second["requestState"] != first["requestState"]
    answers = {"step2": {"action": "accept", "content": {"color": "blue"}}}
    third = (await _call(client, {**params, "inputResponses": answers, "requestState": second["requestState"]})).json[
        "result"
    ]
    assert third["content"][0]["text"] == "Alice likes blue."


async def test_in_a_session_the_question_is_a_request_and_another_worker_may_take_the_answer(
    legacy: Client, other_worker: Worker
) -> None:
    elsewhere = Client(other_worker, legacy.path, session=legacy.session)
    call = _call_in_session(legacy, ASKING)
    assert await call.start() == 200
    assert await call.frame()  # the priming event
    question = message_of(await call.frame())
    assert question["method"] == "elicitation/create"
    answer = {"jsonrpc": "2.0", "id": question["id"], "result": ACCEPTED}
    assert (await elsewhere.post(answer)).status == 202
    assert message_of(await call.frame())["result"]["content"][0]["text"] == "Hello, Alice!"


async def test_another_session_cannot_answer_the_question(legacy: Client, worker: Worker) -> None:
    stranger = Client(worker, legacy.path)
    await stranger.initialize(**EVERYTHING)
    call = _call_in_session(legacy, ASKING)
    await call.start()
    await call.frame()
    question = message_of(await call.frame())
    forged = {"action": "accept", "content": {"name": "Mallory"}}
    assert (await stranger.post({"jsonrpc": "2.0", "id": question["id"], "result": forged})).status == 202
    assert (await legacy.post({"jsonrpc": "2.0", "id": question["id"], "result": ACCEPTED})).status == 202
    assert message_of(await call.frame())["result"]["content"][0]["text"] == "Hello, Alice!"


async def test_a_client_that_answers_with_an_error_fails_the_tool_and_no_more(legacy: Client) -> None:
    call = _call_in_session(legacy, ASKING)
    await call.start()
    await call.frame()
    question = message_of(await call.frame())
    refusal = {"code": -1, "message": "User rejected"}
    await legacy.post({"jsonrpc": "2.0", "id": question["id"], "error": refusal})
    result = message_of(await call.frame())["result"]
    assert result["isError"]
    assert "User rejected" in result["content"][0]["text"]


async def test_a_session_without_the_capability_hears_what_it_lacks(path: str, worker: Worker) -> None:
    client = Client(worker, path)
    await client.initialize()
    result = (await client.legacy("tools/call", ASK)).json["result"]
    assert result["isError"]
    assert "elicitation" in result["content"][0]["text"]


async def test_a_cancelled_call_gets_no_answer_whichever_worker_hears_of_it(
    legacy: Client, other_worker: Worker
) -> None:
    elsewhere = Client(other_worker, legacy.path, session=legacy.session)
    call = _call_in_session(legacy, ASKING, identifier="c-1")
    await call.start()
    await call.frame()
    assert message_of(await call.frame())["method"] == "elicitation/create"
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "c-1"}}
    assert (await elsewhere.post(cancelled)).status == 202
    assert await call.chunk() is None


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])
async def test_progress_rises_before_the_answer_for_those_who_ask(path: str, worker: Worker, version: str) -> None:
    client = Client(worker, path)
    params = {"name": "test_tool_with_progress", "arguments": {}, "_meta": {"progressToken": "p"}}
    if version == "2026-07-28":
        call = open_able(client, "tools/call", params)
    else:
        await client.initialize(version)
        call = client.open(body=json.dumps(request("tools/call", params)).encode())
    await call.start()
    if version == "2025-11-25":
        assert (await call.frame()).startswith("id: ")
    heard = [message_of(await call.frame()) for _ in range(4)]
    assert [message["params"]["progress"] for message in heard[:3]] == [0, 50, 100]
    assert {message["params"]["progressToken"] for message in heard[:3]} == {"p"}
    assert all(("message" in message["params"]) == (version != "2024-11-05") for message in heard[:3])
    assert heard[3]["result"]["content"][0]["text"] == "The work is done."


async def test_log_messages_go_to_those_who_asked_for_their_level(path: str, worker: Worker, legacy: Client) -> None:
    silent = await _call(Client(worker, path), {"name": "test_tool_with_logging"})
    assert silent.headers["content-type"] == "application/json"
    meta = {"io.modelcontextprotocol/logLevel": "debug"}
    loud = open_able(Client(worker, path), "tools/call", {"name": "test_tool_with_logging", "_meta": meta})
    await loud.start()
    assert message_of(await loud.frame())["method"] == "notifications/message"
    assert (await legacy.legacy("logging/setLevel", {"level": "error"})).json["result"] == {}
    quiet = await legacy.legacy("tools/call", {"name": "test_tool_with_logging"})
    assert quiet.headers["content-type"] == "application/json"
    assert (await legacy.legacy("logging/setLevel", {"level": "loud"})).json["error"]["code"] == errors.INVALID_PARAMS


async def test_a_client_that_was_let_go_comes_back_for_its_answer_to_another_worker(
    legacy: Client, other_worker: Worker
) -> None:
    call = _call_in_session(legacy, "test_reconnection")
    await call.start()
    primed = await call.frame()
    assert (await call.frame()).startswith("retry: ")
    last = primed.splitlines()[0].removeprefix("id: ")
    headers: dict[str, str | None] = {"accept": "text/event-stream", "last-event-id": last}
    elsewhere = Client(other_worker, legacy.path, session=legacy.session)
    rest = elsewhere.open("GET", headers=headers)
    assert await rest.start() == 200
    assert message_of(await rest.frame())["result"]["content"][0]["text"] == "You came back for this answer."


async def test_a_stream_of_another_session_cannot_be_resumed(legacy: Client, worker: Worker) -> None:
    call = _call_in_session(legacy, "test_reconnection")
    await call.start()
    last = (await call.frame()).splitlines()[0].removeprefix("id: ")
    stranger = Client(worker, legacy.path)
    await stranger.initialize()
    for event_id in (last, "0" * 16 + ".1", "nonsense"):
        headers: dict[str, str | None] = {"accept": "text/event-stream", "last-event-id": event_id}
        assert (await stranger.send("GET", headers=headers)).status == 404
