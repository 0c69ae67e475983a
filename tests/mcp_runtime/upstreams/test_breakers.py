"""Calls to an upstream that keeps failing are refused at once, at every worker; what is no failure counts as none."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mcp_runtime.health.breaker import LIMITS
from mcp_runtime.models import Upstream, UpstreamSchedule
from mcp_runtime.services.endpoints import changing_unasked
from mcp_runtime.services.probing import probes_perform
from mcp_runtime.sources.contract import PromptDraft
from mcp_runtime.sources.upstream import Discovery, Health, UpstreamFailed
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Client, eventually, in_console
from tests.mcp_runtime.upstreams.conftest import Desk
from tests.mcp_runtime.upstreams.paper import tool

REFUSES = UpstreamFailed("It refuses connections.")


@pytest.fixture
def ready(desk: Desk) -> Desk:
    """A desk whose upstream serves a tool and a prompt."""
    desk.paper.discovery = Discovery([tool("a")], [PromptDraft("greet")])
    desk.create()
    desk.run(approves_clean=True)
    return desk


async def _call(client: Client) -> tuple[bool, str]:
    """Whether a call failed, and what it said."""
    answer = await client.modern("tools/call", {"name": "pets_a", "arguments": {"id": 1}})
    result = answer.json["result"]
    return result["isError"], result["content"][0]["text"]


async def _trip(desk: Desk, client: Client) -> None:
    desk.paper.failure = REFUSES
    for _ in range(LIMITS.in_a_row):
        assert (await _call(client))[1] == "Pets: It refuses connections."


async def test_a_tool_answers_at_once_why_since_when_and_when_it_is_tried_again(ready: Desk, worker: Worker) -> None:
    client = ready.stage.client(worker)
    await _trip(ready, client)
    asked = ready.paper.asked
    failed, told = await _call(client)
    assert failed
    assert told.startswith("Pets keeps failing: It refuses connections. Calls to it are held back since ")
    assert "UTC; the next one is tried in " in told
    assert ready.paper.asked == asked


async def test_prompts_are_refused_with_a_name_and_when_to_try_again(ready: Desk, worker: Worker) -> None:
    client = ready.stage.client(worker)
    ready.paper.failure = REFUSES
    first = await client.modern("prompts/get", {"name": "pets_greet"})
    assert (first.status, first.json["error"]["data"]["refusal"]) == (502, "upstream_failed")
    ready.paper.failure = None
    assert not (await _call(client))[0]
    await _trip(ready, client)
    answer = await client.modern("prompts/get", {"name": "pets_greet"})
    assert (answer.status, answer.json["error"]["data"]["refusal"]) == (503, "upstream_held_back")
    assert int(answer.headers["retry-after"]) >= 1


async def test_other_workers_hear_of_it_and_of_its_end(ready: Desk, worker: Worker, other_worker: Worker) -> None:
    here, there = ready.stage.client(worker), ready.stage.client(other_worker)
    assert not (await _call(there))[0]
    await _trip(ready, here)

    async def is_held_back() -> bool:
        return "held back" in (await _call(there))[1]

    await eventually(is_held_back)
    ready.paper.failure = None

    await eventually(lambda: _is_answered(there))
    await eventually(lambda: _is_answered(here))


async def _is_answered(client: Client) -> bool:
    return not (await _call(client))[0]


async def test_an_opened_breaker_has_the_upstream_looked_at_now(ready: Desk, worker: Worker) -> None:
    def schedule() -> UpstreamSchedule:
        return UpstreamSchedule.objects.get(tenant_id=ready.stage.tenant.id)

    upstream_id = (await in_console(schedule)).upstream_id
    await in_console(lambda: probes_perform([(ready.stage.tenant.id, upstream_id)]))
    assert (await in_console(schedule)).wake_at > timezone.now()
    await _trip(ready, ready.stage.client(worker))

    async def is_due() -> bool:
        row = await in_console(schedule)
        return row.wake_at <= timezone.now() and row.calls_failed_at is not None

    await eventually(is_due)


@pytest.mark.parametrize("health", [Health.NEEDS_LOGIN, Health.DENIED])
async def test_who_needs_a_login_answered_and_is_looked_at_now(ready: Desk, worker: Worker, health: Health) -> None:
    client = ready.stage.client(worker)
    ready.paper.failure = UpstreamFailed("The token was revoked.", health)
    await in_console(
        lambda: UpstreamSchedule.objects.filter(tenant_id=ready.stage.tenant.id).update(
            wake_at=timezone.now() + timedelta(hours=1)
        )
    )
    for _ in range(2 * LIMITS.in_a_row):
        assert "or call connect_pets where it is listed" in (await _call(client))[1]

    async def is_due() -> bool:
        rows = UpstreamSchedule.objects.filter(tenant_id=ready.stage.tenant.id, wake_at__lte=timezone.now())
        return await in_console(rows.exists)

    await eventually(is_due)


async def test_what_a_tool_says_and_clients_that_leave_are_no_failures(ready: Desk, worker: Worker) -> None:
    client = ready.stage.client(worker)
    ready.paper.says_error = True
    for _ in range(2 * LIMITS.in_a_row):
        assert await _call(client) == (True, "wrong")
    ready.paper.says_error = False
    ready.paper.hangs = True
    for _ in range(2 * LIMITS.in_a_row):
        exchange = client.open_modern("tools/call", {"name": "pets_a", "arguments": {"id": 1}})
        await asyncio.wait_for(ready.paper.hanging.wait(), 5)
        ready.paper.hanging.clear()
        await exchange.leave()
    ready.paper.hangs = False
    assert not (await _call(client))[0]


async def test_good_news_of_a_probe_close_it(ready: Desk, worker: Worker) -> None:
    client = ready.stage.client(worker)
    upstream = await ready.stage.change(lambda _actor: Upstream.objects.get())
    wanted = [(upstream.tenant_id, upstream.pk)]
    ready.paper.failure = REFUSES
    await in_console(lambda: probes_perform(wanted) + probes_perform(wanted))
    await _trip(ready, client)
    ready.paper.failure = None
    await in_console(lambda: UpstreamSchedule.objects.filter(upstream_id=upstream.pk).update(calls_failed_at=None))
    await in_console(lambda: probes_perform(wanted) + probes_perform(wanted))
    await eventually(lambda: _is_answered(client))


async def test_while_out_of_service_it_is_never_asked_and_lists_say_so(ready: Desk, worker: Worker) -> None:
    client = ready.stage.client(worker)
    assert not (await _call(client))[0]
    await _take_out(ready.stage)

    async def is_out() -> bool:
        return (await _call(client))[1] == "Pets is out of service until somebody puts it back. It fell."

    await eventually(is_out)
    listed = (await client.modern("tools/list")).json["result"]
    note = listed["_meta"]["com.armstrong/upstreams"][0]
    assert (note["upstream"], note["state"], note["reason"]) == ("pets", "quarantined", "It fell.")
    tools: dict[str, Any] = {item["name"]: item for item in listed["tools"]}
    assert tools["pets_a"]["_meta"]["com.armstrong/stale"] == {"upstream": "pets", "state": "quarantined"}
    assert tools["connect_pets"]["description"].startswith("Pets is out of service. It fell.")
    answer = await client.modern("prompts/get", {"name": "pets_greet"})
    assert answer.json["error"]["data"]["refusal"] == "upstream_out_of_service"


async def _take_out(stage: Stage) -> None:
    def take_out(_actor: object) -> None:
        with changing_unasked(tenant_id=stage.tenant.id, endpoint_slug=stage.endpoint.slug):
            Upstream.objects.update(quarantined_at=timezone.now(), health="down", health_reason="It fell.")

    await stage.change(take_out)
