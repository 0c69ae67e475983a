"""Limits of keys and tools: exact over all workers, refused with a reason and a time, and nobody else's concern."""

import asyncio
import os
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import CallBudget, Tool
from mcp_runtime.quota.leases import Leases
from mcp_runtime.quota.quotas import Quotas
from mcp_runtime.quota.rates import IDLE_REVIEWS, Rate
from mcp_runtime.services.rates import budgets_purge
from mcp_runtime.services.tools import tool_update
from mcp_runtime.sources.contract import ToolDraft
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Answer, eventually, in_console
from tests.mcp_runtime.quota.test_quotas import NOWHERE

ECHO = {"name": "echo", "arguments": {}}
HOUR_AGO = timedelta(hours=1)


@pytest.fixture
async def workers() -> AsyncIterator[list[Quotas]]:
    """Four workers' quotas."""
    made = [Quotas(Leases(os.environ["DATABASE_URL"], secrets.token_hex(8)), time.monotonic) for _ in range(4)]
    yield made
    for quotas in made:
        await quotas.close()


@pytest.fixture
def tenant_id() -> str:
    """Of nobody: buckets are by id alone."""
    return str(uuid.uuid4())


async def entered(rate: Rate, per_minute: int) -> bool:
    try:
        await rate.enter(per_minute)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("per_minute", [1, 5, 20])
async def test_a_race_over_all_workers_admits_no_more_than_the_limit(
    workers: list[Quotas], tenant_id: str, per_minute: int
) -> None:
    rates = [quotas.rates.of(tenant_id, "key:one") for quotas in workers]
    began = time.monotonic()
    won = await asyncio.gather(*(entered(rate, per_minute) for rate in rates for _ in range(50)))
    dripped = (time.monotonic() - began) * per_minute / 60
    # What one of them borrowed and did not need may lie there: nothing is lent that is not there.
    assert per_minute - 4 * (per_minute // 16 + 1) <= sum(won) <= per_minute + dripped + 1


async def test_buckets_are_apart(workers: list[Quotas], tenant_id: str) -> None:
    rates = workers[0].rates
    assert [await entered(rates.of(tenant_id, "key:one"), 1) for _ in range(2)] == [True, False]
    assert await entered(rates.of(tenant_id, "key:two"), 1)
    assert await entered(rates.of(tenant_id, "tool:one"), 1)
    assert await entered(rates.of(str(uuid.uuid4()), "key:one"), 1)


async def test_what_is_not_used_goes_back(workers: list[Quotas], tenant_id: str) -> None:
    one, other = workers[:2]
    per_minute = 160
    assert await entered(one.rates.of(tenant_id, "tool:one"), per_minute)
    assert one.rates.of(tenant_id, "tool:one").calls == 9
    for _ in range(IDLE_REVIEWS + 1):
        await one.rates.review()
    assert one.rates.of(tenant_id, "tool:one").calls == 0
    budget = await in_console(lambda: CallBudget.objects.get(tenant_id=tenant_id))
    assert budget.tokens == pytest.approx(159, abs=0.01)
    assert await entered(other.rates.of(tenant_id, "tool:one"), per_minute)


async def test_calls_go_on_within_their_limit_while_the_database_is_away(tenant_id: str) -> None:
    quotas = Quotas(Leases(NOWHERE, secrets.token_hex(8)), time.monotonic)
    rate = quotas.rates.of(tenant_id, "key:one")
    won = [await entered(rate, 160) for _ in range(30)]
    assert sum(won) == 10
    await quotas.close()


async def refusal_of(answer: Answer) -> tuple[int, str, str, int]:
    error = answer.json["error"]
    return answer.status, answer.headers["retry-after"], error["data"]["refusal"], error["code"]


async def test_a_key_at_its_limit_is_told_and_another_key_is_not(stage: Stage, worker: Worker) -> None:
    _, secret = await in_console(lambda: stage.issue_key(calls_per_minute=2))
    limited, free = stage.client(worker, key=secret), stage.client(worker)

    async def known() -> bool:
        return (await limited.modern("tools/list")).status == 200

    await eventually(known)
    answers = [await limited.modern("tools/call", ECHO) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert await refusal_of(answers[-1]) == (429, "30", "key_rate_limited", 1108)
    assert answers[-1].json["error"]["data"]["retryAfterSeconds"] == 30
    # What takes no time, and other keys, are none of this limit's concern.
    assert (await limited.modern("tools/list")).status == 200
    assert (await free.modern("tools/call", ECHO)).status == 200


async def test_a_tool_at_its_limit_is_told_whoever_calls_it(stage: Stage, worker: Worker) -> None:
    await in_console(lambda: stage.add_tool("dear", calls_per_minute=1))
    _, secret = await in_console(stage.issue_key)
    one, other = stage.client(worker), stage.client(worker, key=secret)
    dear: dict[str, Any] = {"name": "dear", "arguments": {}}

    async def known() -> bool:
        tools = (await other.modern("tools/list")).json["result"]["tools"]
        return "dear" in [tool["name"] for tool in tools]

    await eventually(known)
    assert (await one.modern("tools/call", dear)).status == 200
    assert await refusal_of(await other.modern("tools/call", dear)) == (429, "60", "tool_rate_limited", 1109)
    assert (await other.modern("tools/call", ECHO)).status == 200


async def test_a_session_s_call_beyond_the_limit_is_refused_in_its_revision(stage: Stage, worker: Worker) -> None:
    _, secret = await in_console(lambda: stage.issue_key(calls_per_minute=1))
    client = stage.client(worker, key=secret)
    await client.initialize()
    call = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": ECHO}
    assert (await client.post(call)).status == 200
    refused = await client.post(call)
    assert (refused.status, refused.json["id"]) == (429, 7)
    assert refused.json["error"]["data"]["refusal"] == "key_rate_limited"


@pytest.mark.parametrize("wrong", [0, -1, 1_000_001, True, "many", 1.5])
def test_a_limit_that_means_nothing_is_refused(stage: Stage, wrong: Any) -> None:
    with pytest.raises(Refused) as caught:
        stage.issue_key(calls_per_minute=wrong)
    assert list(caught.value.data["fields"]) == ["calls_per_minute"]
    with pytest.raises(Refused) as caught:
        stage.add_tool("wrong", calls_per_minute=wrong)
    assert list(caught.value.data["fields"]) == ["calls_per_minute"]


async def test_a_limit_that_is_changed_holds_within_moments(stage: Stage, worker: Worker) -> None:
    await in_console(lambda: stage.add_tool("dear", calls_per_minute=1))
    client = stage.client(worker)
    dear: dict[str, Any] = {"name": "dear", "arguments": {}}

    def lift() -> None:
        with tenant_context(stage.tenant.id):
            tool = Tool.objects.get(name="dear")
            draft = ToolDraft(name="dear", input_schema=tool.input_schema, config=tool.config)
            tool_update(actor=stage.actor, endpoint_slug=stage.endpoint.slug, tool_id=tool.pk, draft=draft)

    await client.modern("tools/call", dear)
    assert (await client.modern("tools/call", dear)).status == 429
    await in_console(lift)

    async def lifted() -> bool:
        return (await client.modern("tools/call", dear)).status == 200

    await eventually(lifted)


async def test_buckets_that_nobody_uses_are_forgotten(workers: list[Quotas], tenant_id: str) -> None:
    await entered(workers[0].rates.of(tenant_id, "key:old"), 5)
    await entered(workers[0].rates.of(tenant_id, "key:new"), 5)

    def purge() -> list[str]:
        rows = CallBudget.objects.filter(tenant_id=tenant_id)
        rows.filter(name="key:old").update(refilled_at=timezone.now() - HOUR_AGO)
        budgets_purge()
        return [budget.name for budget in rows]

    assert await in_console(purge) == ["key:new"]


async def test_who_asks_in_the_moment_that_a_loan_in_vain_ends_does_not_stop_the_worker() -> None:
    answered = asyncio.get_running_loop().create_future()
    asked = 0

    class Counting(Rate):
        def take(self) -> bool:
            nonlocal asked
            asked += 1
            assert asked < 1_000, "the worker stands still"
            return super().take()

    async def lend(_per_minute: int, _portion: int) -> float:
        await asyncio.shield(answered)
        return 0.0

    rate = Counting(lend, refusals.KEY_RATE_LIMITED, lambda: 0.0)

    async def later() -> bool:
        await asyncio.shield(answered)
        return await entered(rate, 1)

    first = asyncio.ensure_future(entered(rate, 1))
    for _ in range(3):
        await asyncio.sleep(0)

    second = asyncio.ensure_future(later())
    await asyncio.sleep(0)
    answered.set_result(None)
    assert not any(await asyncio.gather(first, second))
