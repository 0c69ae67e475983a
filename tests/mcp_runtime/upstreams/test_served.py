"""Upstreams at a worker: called with their secrets, named when they are not well, and closed when they go."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from mcp_runtime.models import Upstream
from mcp_runtime.services.endpoints import changing, endpoint_delete
from mcp_runtime.services.upstreams import upstream_switch
from mcp_runtime.sources.upstream import Discovery, Health, UpstreamFailed
from mcp_runtime.worker import Worker
from tenants.access import Actor
from tests.mcp_runtime.driving import CAPABILITIES, Client, eventually, in_console, modern
from tests.mcp_runtime.upstreams.conftest import SLUG, Desk
from tests.mcp_runtime.upstreams.paper import Paper, tool

UPSTREAMS = "com.armstrong/upstreams"


async def _offered(desk: Desk, paper: Paper, **draft: Any) -> None:
    def work() -> None:
        paper.discovery = Discovery([tool("find"), tool("feed")])
        desk.create(**draft)
        desk.run(approves_clean=True)

    await in_console(work)


async def _list(client: Client) -> dict[str, Any]:
    result: dict[str, Any] = (await client.modern("tools/list")).json["result"]
    return result


async def _call(client: Client, name: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
    params = {"name": name, "arguments": {"id": 1} if arguments is None else arguments}
    result: dict[str, Any] = (await client.modern("tools/call", params)).json["result"]
    return result


async def _set_health(desk: Desk, health: Health, reason: str) -> None:
    def work(actor: Actor) -> None:
        with changing(actor=actor, endpoint_slug=desk.stage.endpoint.slug):
            Upstream.objects.filter(slug=SLUG).update(health=health, health_reason=reason)

    await desk.stage.change(work)


async def test_a_call_reaches_the_upstream_with_its_secrets(desk: Desk, paper: Paper, worker: Worker) -> None:
    await _offered(desk, paper, secrets={"token": "s3cr3t-value"})
    client = desk.stage.client(worker)
    result = await _call(client, "pets_find")
    assert result["structuredContent"] == {"operation": {"do": "find"}, "arguments": {"id": 1}}
    assert paper.secrets == [{"token": "s3cr3t-value"}]


async def test_secrets_do_not_follow_an_upstream_that_moves(desk: Desk, paper: Paper, worker: Worker) -> None:
    await _offered(desk, paper, secrets={"token": "s3cr3t-value"})
    await in_console(lambda: desk.update(config={"url": "https://evil.example.com"}))
    assert not (await _call(desk.stage.client(worker), "pets_find"))["isError"]
    assert paper.secrets == [{}]


@pytest.mark.parametrize("moved_by_hand", [False, True])
async def test_a_secret_opens_nowhere_but_where_it_was_given_for(
    desk: Desk, paper: Paper, worker: Worker, *, moved_by_hand: bool
) -> None:
    await _offered(desk, paper, secrets={"token": "s3cr3t-value"})
    if moved_by_hand:

        def work(actor: Actor) -> None:
            with changing(actor=actor, endpoint_slug=desk.stage.endpoint.slug):
                Upstream.objects.filter(slug=SLUG).update(config={"url": "https://evil.example.com"})

        await desk.stage.change(work)
    result = await _call(desk.stage.client(worker), "pets_find")
    assert result["isError"] is moved_by_hand
    assert ("given for another address" in str(result)) is moved_by_hand
    assert "s3cr3t" not in str(result)


async def test_an_upstream_that_needs_a_login_is_named_and_offers_a_way(
    desk: Desk, paper: Paper, worker: Worker
) -> None:
    await _offered(desk, paper)
    client = desk.stage.client(worker)
    before = await _list(client)
    assert UPSTREAMS not in before["_meta"]
    await _set_health(desk, Health.NEEDS_LOGIN, "The token was revoked.")
    await eventually(lambda: _has_notes(client))
    listed = await _list(client)
    (note,) = listed["_meta"][UPSTREAMS]
    assert (note["upstream"], note["state"], note["reason"]) == (SLUG, "needs_login", "The token was revoked.")
    assert note["connect"] == "connect_pets"
    assert note["url"].endswith(f"/endpoints/{desk.stage.endpoint.slug}/sources/pets")
    names = [item["name"] for item in listed["tools"]]
    assert {"connect_pets", "pets_find", "pets_feed", "echo"} <= set(names)
    stale = next(item for item in listed["tools"] if item["name"] == "pets_find")
    assert stale["_meta"]["com.armstrong/stale"] == {"upstream": SLUG, "state": "needs_login"}
    prompts = (await client.modern("prompts/list")).json["result"]
    assert prompts["_meta"][UPSTREAMS] == listed["_meta"][UPSTREAMS]


async def test_the_connect_tool_says_where_to_go(desk: Desk, paper: Paper, worker: Worker) -> None:
    await _offered(desk, paper)
    await _set_health(desk, Health.DENIED, "It refuses this account.")
    client = desk.stage.client(worker)
    text = (await _call(client, "connect_pets", {}))["content"][0]["text"]
    assert "It refuses this account." in text
    assert "/sources/pets" in text


async def test_the_connect_tool_opens_the_page_where_the_client_can(desk: Desk, paper: Paper, worker: Worker) -> None:
    await _offered(desk, paper)
    await _set_health(desk, Health.NEEDS_LOGIN, "")
    client = desk.stage.client(worker)
    message, headers = modern("tools/call", {"name": "connect_pets", "arguments": {}})
    message["params"]["_meta"][CAPABILITIES] = {"elicitation": {"url": {}}}
    asked = (await client.send(body=json.dumps(message).encode(), headers=headers)).json["result"]
    assert asked["resultType"] == "input_required"
    (question,) = asked["inputRequests"].values()
    assert question["params"]["mode"] == "url"
    assert question["params"]["url"].endswith("/sources/pets")


async def test_one_upstreams_failure_hides_nothing_of_another(desk: Desk, paper: Paper, worker: Worker) -> None:
    await _offered(desk, paper)

    def other() -> None:
        paper.discovery = Discovery([tool("find")])
        desk.create("birds")
        desk.run("birds", approves_clean=True)

    await in_console(other)
    await _set_health(desk, Health.DOWN, "Nobody answers.")
    client = desk.stage.client(worker)
    names = {item["name"] for item in (await _list(client))["tools"]}
    assert {"pets_find", "birds_find", "connect_pets"} <= names
    assert "connect_birds" not in names


async def test_a_failure_is_an_answer_that_says_what_to_do(desk: Desk, paper: Paper, worker: Worker) -> None:
    await _offered(desk, paper)
    paper.failure = UpstreamFailed("The token was revoked.", Health.NEEDS_LOGIN)
    result = await _call(desk.stage.client(worker), "pets_find")
    assert result["isError"]
    assert result["content"][0]["text"].startswith("Pets: The token was revoked. Open http")


async def test_an_upstream_that_did_not_change_stays_open(desk: Desk, paper: Paper, worker: Worker) -> None:
    await _offered(desk, paper)
    client = desk.stage.client(worker)
    await _call(client, "pets_find")
    opened = paper.opened
    await in_console(lambda: desk.curate("find", {"description": "Finds."}))
    await eventually(lambda: _described(client, "Finds."))
    assert (paper.opened, paper.closed) == (opened, opened - 1)  # the import closed its own


async def test_one_that_changed_is_opened_again_and_the_old_one_closed(
    desk: Desk, paper: Paper, worker: Worker
) -> None:
    await _offered(desk, paper)
    client = desk.stage.client(worker)
    await _call(client, "pets_find")
    opened = paper.opened
    await in_console(lambda: desk.update(config={"note": "changed"}))
    await eventually(lambda: _is(lambda: paper.opened == opened + 1 and paper.closed == opened))
    assert not (await _call(client, "pets_find"))["isError"]


async def test_one_that_is_switched_off_is_not_seen(desk: Desk, paper: Paper, worker: Worker) -> None:
    await _offered(desk, paper)
    client = desk.stage.client(worker)
    assert "pets_find" in {item["name"] for item in (await _list(client))["tools"]}
    slug = desk.stage.endpoint.slug
    await desk.stage.change(lambda actor: upstream_switch(actor=actor, endpoint_slug=slug, slug=SLUG, enabled=False))

    async def is_gone() -> bool:
        return not any(item["name"].startswith("pets_") for item in (await _list(client))["tools"])

    await eventually(is_gone)


async def test_an_endpoint_that_goes_closes_its_upstreams(desk: Desk, paper: Paper, worker: Worker) -> None:
    await _offered(desk, paper)
    await _call(desk.stage.client(worker), "pets_find")
    slug = desk.stage.endpoint.slug
    await desk.stage.change(lambda actor: endpoint_delete(actor=actor, endpoint_slug=slug))
    await eventually(lambda: _is(lambda: paper.closed == paper.opened))


async def _has_notes(client: Client) -> bool:
    return UPSTREAMS in (await _list(client))["_meta"]


async def _described(client: Client, description: str) -> bool:
    return any(item.get("description") == description for item in (await _list(client))["tools"])


async def _is(check: Callable[[], bool]) -> bool:
    await asyncio.sleep(0)
    return check()


async def test_a_key_for_some_tools_hears_why_they_do_not_work(desk: Desk, paper: Paper, worker: Worker) -> None:
    await _offered(desk, paper)
    await _set_health(desk, Health.DOWN, "Nobody answers.")
    _key, secret = await in_console(lambda: desk.stage.issue_key(tools=["pets_find"]))
    client = desk.stage.client(worker, key=secret)
    names = {item["name"] for item in (await _list(client))["tools"]}
    assert names == {"pets_find", "connect_pets"}
    assert "Nobody answers." in str(await _call(client, "connect_pets", {}))
