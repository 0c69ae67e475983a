"""What the control plane changes is what every worker serves, within a moment and without a restart."""

import asyncio

import pytest

from mcp_runtime.services.access_keys import access_key_issue, access_key_revoke
from mcp_runtime.services.endpoints import endpoint_create, endpoint_delete
from mcp_runtime.services.tools import tool_delete
from mcp_runtime.worker import Worker
from tenants.access import Actor
from tenants.services.tenants import tenant_delete, tenant_rename, tenant_restore
from tests.conftest import unique
from tests.mcp_runtime.conftest import Probe, Stage, add_tool
from tests.mcp_runtime.driving import BOUND_SECONDS, Client, eventually, whole


async def _answers(client: Client, status: int, name: str = "") -> None:
    """Until the list, or a call of the tool `name`, is answered with `status`."""

    async def does() -> bool:
        answer = await (client.modern("tools/call", {"name": name}) if name else client.modern("tools/list"))
        return answer.status == status

    await eventually(does)


@pytest.fixture
async def clients(stage: Stage, worker: Worker, other_worker: Worker) -> list[Client]:
    """The same client at two workers, both of which hold the endpoint already."""
    clients = [stage.client(worker), stage.client(other_worker)]
    for client in clients:
        assert (await client.modern("tools/list")).status == 200
    return clients


async def test_a_revoked_key_is_refused_everywhere(stage: Stage, clients: list[Client]) -> None:
    slug, key = stage.endpoint.slug, stage.access_key.pk
    await stage.change(lambda actor: access_key_revoke(actor=actor, endpoint_slug=slug, access_key_id=key))
    for client in clients:
        await _answers(client, 401)


async def test_a_new_key_opens_everywhere(stage: Stage, clients: list[Client]) -> None:
    slug = stage.endpoint.slug
    _, key = await stage.change(lambda actor: access_key_issue(actor=actor, endpoint_slug=slug, name="new"))
    for client in clients:
        client.key = key
        await _answers(client, 200)


async def test_a_new_tool_can_be_called_and_a_deleted_one_cannot(stage: Stage, clients: list[Client]) -> None:
    slug = stage.endpoint.slug
    await stage.change(lambda actor: add_tool(actor, slug, "fresh"))
    for client in clients:
        await _answers(client, 200, "fresh")
    await stage.change(lambda actor: _delete_tool(stage, actor, "echo"))
    for client in clients:
        await _answers(client, 400, "echo")
        await _answers(client, 200, "fresh")


def _delete_tool(stage: Stage, actor: Actor, name: str) -> None:
    tool = stage.endpoint.tools.get(name=name)
    tool_delete(actor=actor, endpoint_slug=stage.endpoint.slug, tool_id=tool.pk)


async def test_an_address_that_was_asked_for_too_early_works_once_it_exists(
    stage: Stage, clients: list[Client]
) -> None:
    slug = unique("later")
    for client in clients:
        client.path, client.key = f"/t/{stage.tenant.slug}/{slug}/mcp", None
        await _answers(client, 404)
    await stage.change(lambda actor: endpoint_create(actor=actor, slug=slug, name="Later", access="open"))
    for client in clients:
        await _answers(client, 200)


async def test_an_endpoint_that_took_the_place_of_a_deleted_one_is_another(stage: Stage, clients: list[Client]) -> None:
    key = await stage.change(lambda actor: _replace(stage, actor))
    for client in clients:
        await _answers(client, 401)
        client.key = key
        await _answers(client, 200)


def _replace(stage: Stage, actor: Actor) -> str:
    """A new endpoint of the same slug which, after as many changes, has the same version."""
    slug = stage.endpoint.slug
    endpoint_delete(actor=actor, endpoint_slug=slug)
    endpoint_create(actor=actor, slug=slug, name="Another")
    for name in ("a", "b", "c"):
        add_tool(actor, slug, name)
    return access_key_issue(actor=actor, endpoint_slug=slug, name="new")[1]


async def test_a_deleted_tenant_is_gone_and_comes_back_when_restored(stage: Stage, clients: list[Client]) -> None:
    await stage.change(lambda actor: tenant_delete(actor=actor))
    for client in clients:
        await _answers(client, 404)
    await stage.change(lambda actor: tenant_restore(actor=actor))
    for client in clients:
        await _answers(client, 200)


async def test_a_renamed_tenant_is_reached_by_both_names(stage: Stage, clients: list[Client]) -> None:
    former, slug = stage.path, unique("renamed")
    await stage.change(lambda actor: tenant_rename(actor=actor, name="Renamed", slug=slug))
    for client in clients:
        for path in (f"/t/{slug}/{stage.endpoint.slug}/mcp", former):
            client.path = path
            await _answers(client, 200)
    await stage.change(lambda actor: add_tool(actor, stage.endpoint.slug, "fresh"))
    for client in clients:
        for path in (f"/t/{slug}/{stage.endpoint.slug}/mcp", former):
            client.path = path
            await _answers(client, 200, "fresh")


async def test_a_call_that_runs_is_not_disturbed_by_a_change(stage: Stage, probe: Probe, clients: list[Client]) -> None:
    exchange = clients[0].open_modern("tools/call", {"name": "wait"})
    await asyncio.wait_for(probe.started.wait(), BOUND_SECONDS)
    await stage.change(lambda actor: _delete_tool(stage, actor, "wait"))
    await stage.change(lambda actor: add_tool(actor, stage.endpoint.slug, "after"))
    await _answers(clients[0], 200, "after")
    await _answers(clients[0], 400, "wait")
    probe.go_on.set()
    assert (await whole(exchange)).json["result"]["content"] == [{"type": "text", "text": "went on"}]
