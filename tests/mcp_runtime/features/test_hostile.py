"""What hostile clients put into messages that are well-formed: each is refused with its code, others are served."""

import asyncio
import json
from typing import Any

import pytest

from mcp_runtime.protocol import errors
from mcp_runtime.services.content import prompt_create
from mcp_runtime.sources.contract import PromptDraft
from mcp_runtime.transports.limits import Limits
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Client, request, serving, whole
from tests.mcp_runtime.features.conftest import EVERYTHING, message_of, open_able
from tests.mcp_runtime.transports.test_doors import refusal_of

ASKING = "test_input_required_result_elicitation"
CALL = json.dumps(request("tools/call", {"name": ASKING})).encode()
LOG_LEVEL = "io.modelcontextprotocol/logLevel"
EVENTS: dict[str, str | None] = {"accept": "text/event-stream"}


@pytest.mark.requirement("progress-tokens")
@pytest.mark.parametrize("token", [None, 1.5, True, [], {"a": 1}])
async def test_a_progress_token_is_a_string_or_an_integer(
    path: str, worker: Worker, legacy: Client, token: object
) -> None:
    params = {"name": "test_tool_with_progress", "arguments": {}, "_meta": {"progressToken": token}}
    modern = await whole(open_able(Client(worker, path), "tools/call", params))
    assert (modern.status, modern.json["error"]["code"]) == (400, errors.INVALID_PARAMS)
    assert (await legacy.legacy("tools/call", params)).json["error"]["code"] == errors.INVALID_PARAMS


@pytest.mark.requirement("log-level-on-request")
@pytest.mark.parametrize("level", ["loud", "", None, 7, [], {"debug": 1}])
async def test_a_log_level_is_one_that_there_is(path: str, worker: Worker, level: object) -> None:
    params = {"name": "test_tool_with_logging", "_meta": {LOG_LEVEL: level}}
    answer = await whole(open_able(Client(worker, path), "tools/call", params))
    assert (answer.status, answer.json["error"]["code"]) == (400, errors.INVALID_PARAMS)


@pytest.mark.parametrize(
    "identifier", [0, -1, "", ".", "x.1", "0123456789abcdef.1", "0123456789abcdef.1" * 50, "../../é\x00.1", 2**53]
)
async def test_an_answer_to_what_was_never_asked_is_taken_and_dropped(legacy: Client, identifier: object) -> None:
    for response in ({"result": {"action": "accept"}}, {"error": {"code": 2**70, "message": []}}):
        answer = await legacy.post({"jsonrpc": "2.0", "id": identifier, **response})
        assert (answer.status, answer.body) == (202, b"")
    assert (await legacy.legacy("ping")).json["result"] == {}


async def test_an_answer_with_numbers_of_any_size_reaches_another_worker(legacy: Client, other_worker: Worker) -> None:
    elsewhere = Client(other_worker, legacy.path, session=legacy.session)
    call = legacy.open(body=CALL)
    await call.start()
    await call.frame()
    question = message_of(await call.frame())
    result = {"action": "accept", "content": {"name": "Alice", "age": 2**70}, "_meta": {"n": -(2**90)}}
    answer = await elsewhere.post({"jsonrpc": "2.0", "id": question["id"], "result": result})
    assert (answer.status, answer.body) == (202, b"")
    assert message_of(await call.frame())["result"]["content"][0]["text"] == "Hello, Alice!"


async def test_a_prompt_does_not_grow_beyond_its_limit(stage: Stage, worker: Worker) -> None:
    message = {"role": "user", "content": {"type": "text", "text": "{a}" * 5_000}}
    draft = PromptDraft(name="bomb", arguments=[{"name": "a"}], config={"messages": [message]})
    slug = stage.endpoint.slug
    await stage.change(lambda actor: prompt_create(actor=actor, endpoint_slug=slug, source="static", draft=draft))
    client = stage.client(worker)
    await client.initialize()
    small = await client.legacy("prompts/get", {"name": "bomb", "arguments": {"a": "abc"}})
    assert small.json["result"]["messages"][0]["content"]["text"] == "abc" * 5_000
    refused = await client.legacy("prompts/get", {"name": "bomb", "arguments": {"a": "x" * 1_000}}, identifier="b")
    assert refused.status == 413
    assert (refused.json["id"], refused.json["error"]["data"]["refusal"]) == ("b", "body_too_large")
    assert (await client.legacy("ping")).status == 200


async def test_arguments_are_not_quoted_back_at_length(path: str, legacy: Client) -> None:
    params = {"name": "test_sampling", "arguments": {"prompt": ["x" * 100] * 10_000}}
    answer = await legacy.legacy("tools/call", params)
    assert answer.json["result"]["isError"]
    assert len(answer.body) < 2_000


async def test_listening_takes_so_many_characters_of_uris_and_no_more(path: str, worker: Worker) -> None:
    uris = [f"test://{'a' * 90}{number}" for number in range(400)]
    wanted = {"notifications": {"resourceSubscriptions": uris}}
    answer = await whole(open_able(Client(worker, path), "subscriptions/listen", wanted))
    assert (answer.status, answer.json["error"]["code"]) == (400, errors.INVALID_PARAMS)


async def test_streams_that_are_resumed_count_as_streams(path: str) -> None:
    async with serving(Worker(limits=Limits(streams=1))) as worker:
        client = Client(worker, path)
        await client.initialize(**EVERYTHING)
        call = client.open(body=CALL)
        await call.start()
        last = (await call.frame()).splitlines()[0].removeprefix("id: ")
        question = message_of(await call.frame())
        first = client.open("GET", headers={**EVENTS, "last-event-id": last})
        assert await first.start() == 200
        refused = await client.send("GET", headers={**EVENTS, "last-event-id": last})
        assert refusal_of(refused) == (503, "overloaded")
        assert refusal_of(await client.send("GET", headers=EVENTS)) == (503, "overloaded")
        await client.post({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "cancel"}})
        await asyncio.wait_for(asyncio.shield(first.task), 5)
        again = client.open("GET", headers=EVENTS)
        assert await again.start() == 200
        await again.leave()


@pytest.mark.requirement("batches-are-bounded")
async def test_a_batch_has_a_bound(path: str, worker: Worker) -> None:
    client = Client(worker, path)
    await client.initialize("2025-03-26")
    batch: list[Any] = [request("ping", identifier=number) for number in range(100)]
    full = await client.post(batch)
    assert [part["id"] for part in full.json] == list(range(100))
    refused = await client.post([*batch, request("ping")])
    assert (refused.status, refused.json["error"]["code"]) == (400, errors.INVALID_REQUEST)
