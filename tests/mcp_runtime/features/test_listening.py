"""Hearing of changes: subscriptions of sessions, and streams of 2026-07-28 that say what they belong to."""

import asyncio
from typing import Any

import pytest

from mcp_runtime.protocol import errors
from mcp_runtime.worker import Worker
from tests.mcp_runtime.driving import Client, Exchange, whole
from tests.mcp_runtime.features.conftest import message_of, open_able

SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
URI = "test://watched-resource"


async def _listen(client: Client, **wanted: Any) -> tuple[Exchange, dict[str, Any]]:
    stream = open_able(client, "subscriptions/listen", {"notifications": wanted})
    assert await stream.start() == 200
    return stream, message_of(await stream.frame())


async def test_the_first_message_says_what_is_honoured(path: str, worker: Worker) -> None:
    wanted = {"toolsListChanged": True, "promptsListChanged": False, "resourceSubscriptions": [URI, "test://gone"]}
    stream, first = await _listen(Client(worker, path), **wanted)
    assert first["method"] == "notifications/subscriptions/acknowledged"
    assert first["params"]["_meta"] == {SUBSCRIPTION: 1}
    assert first["params"]["notifications"] == {"toolsListChanged": True, "resourceSubscriptions": [URI]}
    await stream.leave()


async def test_a_stream_hears_of_what_it_asked_for_alone_and_from_any_worker(
    path: str, worker: Worker, other_worker: Worker
) -> None:
    prompts, _ = await _listen(Client(worker, path), promptsListChanged=True)
    tools, _ = await _listen(Client(worker, path), toolsListChanged=True)
    elsewhere = Client(other_worker, path)
    for name in ("test_trigger_tool_change", "test_trigger_prompt_change"):
        await whole(open_able(elsewhere, "tools/call", {"name": name}))
    assert message_of(await tools.frame())["method"] == "notifications/tools/list_changed"
    heard = message_of(await prompts.frame())
    assert heard["method"] == "notifications/prompts/list_changed"
    assert heard["params"]["_meta"] == {SUBSCRIPTION: 1}
    for stream in (prompts, tools):
        await stream.leave()


async def test_a_stream_that_the_server_ends_says_so(path: str, worker: Worker) -> None:
    stream, _ = await _listen(Client(worker, path), toolsListChanged=True)
    worker.end_streams()
    last = await asyncio.wait_for(stream.outgoing.get(), 5)
    cancelled, result = [message_of(frame) for frame in last["body"].decode().strip().split("\n\n")]
    assert cancelled["method"] == "notifications/cancelled"
    assert result["result"]["_meta"][SUBSCRIPTION] == 1


@pytest.mark.parametrize(
    "wanted", [{"toolsListChanged": 1}, {"resourceSubscriptions": "x"}, {"resourceSubscriptions": [1]}]
)
async def test_malformed_wishes_are_refused(path: str, worker: Worker, wanted: dict[str, Any]) -> None:
    answer = await whole(open_able(Client(worker, path), "subscriptions/listen", {"notifications": wanted}))
    assert (answer.status, answer.json["error"]["code"]) == (400, errors.INVALID_PARAMS)


async def test_a_session_subscribes_and_unsubscribes(legacy: Client) -> None:
    assert (await legacy.legacy("resources/subscribe", {"uri": URI})).json["result"] == {}
    assert (await legacy.legacy("resources/unsubscribe", {"uri": URI})).json["result"] == {}
    missing = (await legacy.legacy("resources/subscribe", {"uri": "test://gone"})).json["error"]
    assert missing["code"] == errors.RESOURCE_NOT_FOUND


@pytest.mark.parametrize("method", ["initialize", "ping", "logging/setLevel", "resources/subscribe"])
async def test_what_2026_removed_is_unknown_there(path: str, worker: Worker, method: str) -> None:
    answer = await whole(open_able(Client(worker, path), method, {}))
    assert (answer.status, answer.json["error"]["code"]) == (404, errors.METHOD_NOT_FOUND)
