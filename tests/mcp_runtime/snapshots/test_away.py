"""The database goes away and comes back: what is held is served on, and nothing that happened meanwhile is missed."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from mcp_runtime.services.access_keys import access_key_revoke
from mcp_runtime.worker import Worker
from tests.conftest import Cast, unique
from tests.mcp_runtime.conftest import Probe, Stage, add_tool, make_stage
from tests.mcp_runtime.driving import Client, eventually, serving
from tests.mcp_runtime.snapshots.proxy import Proxy, proxying

EVENTS: dict[str, str | None] = {"accept": "text/event-stream"}


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A way to the database that can be cut."""
    async with proxying(os.environ["DATABASE_URL"]) as proxy:
        yield proxy


@pytest.fixture
async def client(stage: Stage, proxy: Proxy) -> AsyncIterator[Client]:
    """A client of a worker behind the proxy, which holds the endpoint."""
    async with serving(Worker(database_url=proxy.url)) as worker:
        client = stage.client(worker)
        assert (await client.modern("tools/call", {"name": "echo"})).status == 200
        yield client


async def test_what_is_held_is_served_while_the_database_is_away(client: Client, proxy: Proxy) -> None:
    await client.initialize()
    await proxy.cut()
    assert (await client.modern("tools/call", {"name": "echo"})).status == 200
    assert (await client.legacy("tools/list")).status == 200


async def test_what_is_not_held_is_said_to_be_unavailable_rather_than_absent(client: Client, proxy: Proxy) -> None:
    await proxy.cut()
    answers = [await client.send(body=b"{}", path=f"/t/{unique('t')}/e/mcp") for _ in range(2)]
    for answer in answers:
        assert answer.status == 503
        assert answer.json["error"]["data"]["refusal"] == "temporarily_unavailable"
        assert "retry-after" in answer.headers
    await proxy.mend()

    async def absent() -> bool:
        return (await client.send(body=b"{}", path=f"/t/{unique('t')}/e/mcp")).status == 404

    await eventually(absent)


async def test_a_session_cannot_be_ended_while_the_database_is_away(client: Client, proxy: Proxy) -> None:
    await client.initialize()
    await proxy.cut()
    answer = await client.send("DELETE")
    assert answer.status == 503
    assert (await client.legacy("ping")).status == 200


async def test_a_change_made_meanwhile_is_served_once_the_database_is_back(
    stage: Stage, client: Client, proxy: Proxy
) -> None:
    await client.initialize()
    stream = client.open("GET", headers=EVENTS)
    assert await stream.start() == 200
    await proxy.cut()
    await stage.change(lambda actor: add_tool(actor, stage.endpoint.slug, "fresh"))
    await proxy.mend()
    assert "list_changed" in await stream.frame()
    assert (await client.legacy("tools/call", {"name": "fresh"})).json["result"]["isError"] is False
    await stream.leave()


async def test_a_key_revoked_meanwhile_is_refused_once_the_database_is_back(
    stage: Stage, client: Client, proxy: Proxy
) -> None:
    await proxy.cut()
    slug, key = stage.endpoint.slug, stage.access_key.pk
    await stage.change(lambda actor: access_key_revoke(actor=actor, endpoint_slug=slug, access_key_id=key))
    await proxy.mend()

    async def refused() -> bool:
        return (await client.modern("tools/list")).status == 401

    await eventually(refused)


async def test_a_worker_starts_while_the_database_is_away(stage: Stage, proxy: Proxy) -> None:
    await proxy.cut()
    async with serving(Worker(database_url=proxy.url), listening=False) as worker:
        client = stage.client(worker)
        assert (await client.modern("tools/list")).status == 503
        await proxy.mend()

        async def served() -> bool:
            return (await client.modern("tools/list")).status == 200

        await eventually(served)


@pytest.fixture
def stages(cast: Cast, probe: Probe) -> list[Stage]:
    """Three endpoints."""
    return [make_stage(cast.tenant, cast.alice) for _ in range(3)]


async def test_what_a_worker_holds_is_bounded_and_the_longest_idle_goes_first(
    stages: list[Stage], proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.snapshots.store.MAXIMUM_HELD", 1)
    async with serving(Worker(database_url=proxy.url)) as worker:
        clients = [stage.client(worker) for stage in stages]
        for client in clients:
            assert (await client.modern("tools/list")).status == 200
        await proxy.cut()
        # The third pushed the first two out: by then neither had been asked for since it was spared.
        assert [(await client.modern("tools/list")).status for client in clients] == [503, 503, 200]
        await proxy.mend()
        for client in clients:
            assert (await client.modern("tools/list")).status == 200


async def test_those_who_ask_for_the_same_endpoint_at_once_are_all_served(stage: Stage, worker: Worker) -> None:
    answers = await asyncio.gather(*(stage.client(worker).modern("tools/list") for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
