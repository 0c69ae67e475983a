"""An endpoint that was stopped answers every call with what somebody told its callers, and goes on when it may."""

import pytest

from core import refusals
from core.refusals import Refused
from mcp_runtime.services.content import prompt_create, resource_create
from mcp_runtime.services.stopping import endpoint_resume, endpoint_stop
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import eventually

MESSAGE = "We are moving house until noon."
TOLD = f"This endpoint was stopped: {MESSAGE}"


async def _stop(stage: Stage, message: str = MESSAGE) -> None:
    await stage.change(lambda actor: endpoint_stop(actor=actor, endpoint_slug=stage.endpoint.slug, message=message))


@pytest.fixture
async def furnished(stage: Stage) -> Stage:
    """An endpoint with a prompt and a resource, too."""
    content = {"messages": [{"role": "user", "content": {"type": "text", "text": "Hi"}}]}
    prompt = PromptDraft(name="greet", arguments=[{"name": "who", "required": True}], config=content)
    resource = ResourceDraft(uri="notes://a", name="A", config={"text": "a"})
    slug = stage.endpoint.slug
    await stage.change(lambda actor: prompt_create(actor=actor, endpoint_slug=slug, source="static", draft=prompt))
    await stage.change(lambda actor: resource_create(actor=actor, endpoint_slug=slug, source="static", draft=resource))
    return stage


async def test_every_call_is_answered_with_the_message_and_lists_stay(furnished: Stage, worker: Worker) -> None:
    client = furnished.client(worker)
    before = (await client.modern("tools/list")).json["result"]
    assert not (await client.modern("tools/call", {"name": "echo"})).json["result"]["isError"]
    await _stop(furnished)

    async def is_stopped() -> bool:
        result = (await client.modern("tools/call", {"name": "echo"})).json["result"]
        return bool(result["isError"]) and result["content"] == [{"type": "text", "text": TOLD}]

    await eventually(is_stopped)
    asked = await client.modern("prompts/get", {"name": "greet"})
    read = await client.modern("resources/read", {"uri": "notes://a"}, mcp_name="notes://a")
    for answer in (asked, read):
        assert answer.status == refusals.ENDPOINT_STOPPED.http_status
        assert answer.json["error"]["data"]["refusal"] == "endpoint_stopped"
        assert answer.json["error"]["message"] == TOLD
    listed = (await client.modern("tools/list")).json["result"]
    assert listed["tools"] == before["tools"]
    assert listed["_meta"]["com.armstrong/stopped"]["message"] == MESSAGE


async def test_it_goes_on_when_somebody_lets_it(stage: Stage, worker: Worker) -> None:
    client = stage.client(worker)
    await _stop(stage)
    result = (await client.modern("tools/call", {"name": "echo", "arguments": {"a": 1}})).json["result"]
    assert result["isError"]
    await stage.change(lambda actor: endpoint_resume(actor=actor, endpoint_slug=stage.endpoint.slug))

    async def goes_on() -> bool:
        answer = (await client.modern("tools/call", {"name": "echo", "arguments": {"a": 1}})).json["result"]
        return bool(answer.get("structuredContent") == {"a": 1})

    await eventually(goes_on)
    assert "com.armstrong/stopped" not in (await client.modern("tools/list")).json["result"]["_meta"]


@pytest.mark.parametrize("message", ["", "  ", "x" * 501, "a\x00b"])
async def test_a_message_has_to_be_one(stage: Stage, message: str) -> None:
    with pytest.raises(Refused) as refused:
        await _stop(stage, message)
    assert refused.value.refusal is refusals.INVALID_INPUT


async def test_who_pulls_the_cord_again_says_something_else(stage: Stage) -> None:
    slug = stage.endpoint.slug
    first = await stage.change(lambda actor: endpoint_stop(actor=actor, endpoint_slug=slug, message="One."))
    second = await stage.change(lambda actor: endpoint_stop(actor=actor, endpoint_slug=slug, message="Two."))
    assert (second.stopped_message, second.stopped_at) == ("Two.", first.stopped_at)
    assert second.stopped_by == stage.owner
