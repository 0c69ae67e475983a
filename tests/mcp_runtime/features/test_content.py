"""Prompts, resources, templates, completion: the same for every revision, but for what a revision does not know."""

from typing import Any

import pytest

from mcp_runtime.protocol import errors
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.content import prompt_create, prompt_update, resource_create, resource_delete
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Client, eventually, whole
from tests.mcp_runtime.features.conftest import open_able

VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


async def _asked(client: Client, method: str, params: dict[str, Any]) -> Any:
    return (await whole(open_able(client, method, params))).json


@pytest.mark.parametrize("version", VERSIONS)
async def test_prompts_and_resources_are_listed_and_read_in_a_session(path: str, worker: Worker, version: str) -> None:
    client = Client(worker, path)
    await client.initialize(version)
    prompts = (await client.legacy("prompts/list")).json["result"]["prompts"]
    assert [prompt["name"] for prompt in prompts] == sorted(prompt["name"] for prompt in prompts)
    arguments = {"arg1": "a", "arg2": "{arg1}"}
    got = await client.legacy("prompts/get", {"name": "test_prompt_with_arguments", "arguments": arguments})
    text = got.json["result"]["messages"][0]["content"]["text"]
    assert text == "Prompt with arguments: arg1='a', arg2='{arg1}'"
    listed = (await client.legacy("resources/list")).json["result"]["resources"]
    assert "test://static-text" in [resource["uri"] for resource in listed]
    read = (await client.legacy("resources/read", {"uri": "test://template/a%20b/data"})).json["result"]["contents"]
    assert '"id":"a b"' in read[0]["text"]
    assert read[0]["uri"] == "test://template/a%20b/data"


async def test_results_of_2026_say_how_long_they_hold(path: str, worker: Worker) -> None:
    client = Client(worker, path)
    for method, params in (
        ("prompts/list", {}),
        ("resources/list", {}),
        ("resources/templates/list", {}),
        ("resources/read", {"uri": "test://static-text"}),
    ):
        result = (await _asked(client, method, params))["result"]
        assert (result["resultType"], result["cacheScope"]) == ("complete", "private")
        assert isinstance(result["ttlMs"], int)


async def test_a_missing_resource_has_the_code_of_its_revision(path: str, worker: Worker, legacy: Client) -> None:
    params = {"uri": "test://nothing-here"}
    modern = (await _asked(Client(worker, path), "resources/read", params))["error"]
    assert (modern["code"], modern["data"]) == (errors.INVALID_PARAMS, params)
    old = (await legacy.legacy("resources/read", params)).json["error"]
    assert (old["code"], old["data"]) == (errors.RESOURCE_NOT_FOUND, params)


@pytest.mark.parametrize(
    "params",
    [
        {"name": "no_such_prompt"},
        {"name": "test_prompt_with_arguments", "arguments": {"arg1": "only"}},
        {"name": "test_prompt_with_arguments", "arguments": {"arg1": 1, "arg2": "b"}},
        {"name": "test_prompt_with_arguments", "arguments": []},
        {"name": 7},
        {},
    ],
)
async def test_a_prompt_that_cannot_be_got_is_an_error(legacy: Client, params: dict[str, Any]) -> None:
    assert (await legacy.legacy("prompts/get", params)).json["error"]["code"] == errors.INVALID_PARAMS


async def test_completion_proposes_what_begins_with_what_was_typed(legacy: Client) -> None:
    reference = {"type": "ref/prompt", "name": "test_prompt_with_arguments"}
    argument = {"name": "arg1", "value": "PAR"}
    answer = await legacy.legacy("completion/complete", {"ref": reference, "argument": argument})
    assert answer.json["result"]["completion"] == {"values": ["paris", "park", "party"], "total": 3, "hasMore": False}
    for wrong in ({"type": "ref/prompt", "name": "x"}, {"type": "ref/resource", "uri": "x://{y}"}, {"type": "?"}, None):
        refused = await legacy.legacy("completion/complete", {"ref": wrong, "argument": {"name": "a", "value": ""}})
        assert refused.json["error"]["code"] == errors.INVALID_PARAMS


async def test_a_key_for_certain_tools_reads_nothing_else(stage: Stage, worker: Worker) -> None:
    draft = ResourceDraft(uri="notes://today", name="Today", config={"text": "secret"})
    await stage.change(
        lambda actor: resource_create(actor=actor, endpoint_slug=stage.endpoint.slug, source="static", draft=draft)
    )
    _, scoped = await stage.change(
        lambda actor: access_key_issue(actor=actor, endpoint_slug=stage.endpoint.slug, name="echo", tools=["echo"])
    )
    for key, visible in ((stage.key, True), (scoped, False)):
        client = stage.client(worker, key=key)
        await client.initialize()
        listed = (await client.legacy("resources/list")).json["result"]["resources"]
        assert bool(listed) is visible
        read = (await client.legacy("resources/read", {"uri": "notes://today"})).json
        assert ("result" in read) is visible


async def test_a_change_of_a_prompt_is_served_within_a_moment(stage: Stage, worker: Worker) -> None:
    slug = stage.endpoint.slug
    message = {"role": "user", "content": {"type": "text", "text": "Hello {who}"}}
    draft = PromptDraft(name="greet", arguments=[{"name": "who"}], config={"messages": [message]})
    prompt = await stage.change(
        lambda actor: prompt_create(actor=actor, endpoint_slug=slug, source="static", draft=draft)
    )
    client = stage.client(worker)
    await client.initialize()
    got = (await client.legacy("prompts/get", {"name": "greet"})).json["result"]
    assert got["messages"][0]["content"]["text"] == "Hello "
    draft.description = "Greets."
    await stage.change(
        lambda actor: prompt_update(actor=actor, endpoint_slug=slug, prompt_id=prompt.pk, draft=draft, enabled=False)
    )

    async def gone() -> bool:
        return "error" in (await client.legacy("prompts/get", {"name": "greet"})).json

    await eventually(gone)
    resource = await stage.change(
        lambda actor: resource_create(
            actor=actor,
            endpoint_slug=slug,
            source="static",
            draft=ResourceDraft(uri="n://{day}", name="Day", is_template=True, config={"text": "{day}"}),
        )
    )
    await stage.change(lambda actor: resource_delete(actor=actor, endpoint_slug=slug, resource_id=resource.pk))
    assert (await stage.change(lambda _actor: endpoint_for(slug))).version > prompt.endpoint.version
