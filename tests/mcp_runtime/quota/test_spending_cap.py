"""A hard spending cap at the workers: it refuses further calls, all workers together, and nothing else."""

import asyncio
import datetime as dt
import os
import secrets
import time
from collections.abc import AsyncIterator

import pytest
from django.utils import timezone

from billing.plans.models import Entitlement
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.quota.leases import Leases
from mcp_runtime.quota.quotas import Quota, Quotas
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.entitled import entitle_outside
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import eventually, in_console


def _leave(cast: Cast, calls: int | None, until: dt.timedelta = dt.timedelta(hours=1)) -> None:
    ends = None if calls is None else timezone.now() + until
    entitle_outside(cast.tenant.id, calls_left=calls, calls_until=ends, calls_lent_at=None)


def _lent(cast: Cast, of: int) -> int:
    with tenant_context(cast.tenant.id):
        return of - (Entitlement.objects.get().calls_left or 0)


def _is_lent(cast: Cast) -> bool:
    with tenant_context(cast.tenant.id):
        return Entitlement.objects.get().calls_lent_at is not None


@pytest.fixture
async def workers(cast: Cast) -> AsyncIterator[list[Quota]]:
    """The quotas of Alice's tenant at four workers."""
    made = [Quotas(Leases(os.environ["DATABASE_URL"], secrets.token_hex(8)), time.monotonic) for _ in range(4)]
    yield [quotas.of(str(cast.tenant.id)) for quotas in made]
    for quotas in made:
        await quotas.close()


async def _called(quota: Quota, *, is_billed: bool = True) -> str:
    try:
        await quota.enter_call()
    except Refused as refused:
        return refused.refusal.name
    if is_billed:
        quota.billed()
    quota.leave()
    return "ok"


async def _one_after_another(quota: Quota, number: int) -> list[str]:
    return [await _called(quota) for _ in range(number)]


@pytest.mark.parametrize("number", [0, 1, 10, 300])
async def test_no_more_calls_are_billed_than_are_left(number: int, workers: list[Quota], cast: Cast) -> None:
    await in_console(lambda: _leave(cast, number))
    outcomes = await asyncio.gather(*(_one_after_another(quota, number + 5) for quota in workers))
    served = sum(each.count("ok") for each in outcomes)
    assert served <= number
    lent = await in_console(lambda: _lent(cast, number))
    assert lent - served == sum(quota.calls for quota in workers)
    assert {name for each in outcomes for name in each} <= {"ok", "spending_cap_reached"}
    assert not number or served >= 1


async def test_a_call_that_fails_uses_nothing_up(workers: list[Quota], cast: Cast) -> None:
    await in_console(lambda: _leave(cast, 1))
    quota = workers[0]
    assert [await _called(quota, is_billed=False) for _ in range(20)] == ["ok"] * 20
    assert [await _called(quota), await _called(quota)] == ["ok", "spending_cap_reached"]
    await quota.enter()
    quota.leave()


async def test_without_a_cap_nothing_is_counted(workers: list[Quota], cast: Cast) -> None:
    assert await _one_after_another(workers[0], 100) == ["ok"] * 100
    assert not await in_console(lambda: _is_lent(cast))


async def test_a_cap_of_a_period_that_is_over_refuses_nothing(workers: list[Quota], cast: Cast) -> None:
    await in_console(lambda: _leave(cast, 0, dt.timedelta(seconds=-1)))
    assert await _called(workers[0]) == "ok"


async def test_at_the_cap_calls_are_refused_and_everything_else_is_answered(
    stage: Stage, worker: Worker, cast: Cast
) -> None:
    client = stage.client(worker)
    assert (await client.modern("tools/call", {"name": "echo", "arguments": {"text": "x"}})).status == 200
    await in_console(lambda: _leave(cast, 0))

    async def refused() -> bool:
        answer = await client.modern("tools/call", {"name": "echo", "arguments": {"text": "x"}})
        return answer.status == 429 and answer.json["error"]["data"]["refusal"] == "spending_cap_reached"

    await eventually(refused)
    assert (await client.modern("tools/list", {})).status == 200
    await in_console(lambda: _leave(cast, None))

    async def served() -> bool:
        return (await client.modern("tools/call", {"name": "echo", "arguments": {"text": "x"}})).status == 200

    await eventually(served)
