"""Quotas: exact over all workers, refused with a reason, and never in the way of what is open."""

import asyncio
import datetime as dt
import math
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable

import pytest
from django.utils import timezone

from core.refusals import Refused
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.models import ConnectionLease, RequestBudget
from mcp_runtime.quota.leases import BLOCK, Leases, Loan, Need
from mcp_runtime.quota.quotas import Quota, Quotas
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.entitled import entitle_outside
from tests.mcp_runtime.conftest import Probe, Stage
from tests.mcp_runtime.driving import eventually, in_console

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"

type Limit = Callable[[int | None], None]


@pytest.fixture
def limit(cast: Cast) -> Limit:
    """Sets how many connections Alice's tenant may have."""
    return lambda number: entitle_outside(cast.tenant.id, connections=number)


async def _made(url: str) -> Quotas:
    return Quotas(Leases(url, secrets.token_hex(8)), time.monotonic)


@pytest.fixture
async def workers(cast: Cast) -> AsyncIterator[list[Quota]]:
    """The quotas of Alice's tenant at four workers."""
    made = [await _made(os.environ["DATABASE_URL"]) for _ in range(4)]
    yield [quotas.of(str(cast.tenant.id)) for quotas in made]
    for quotas in made:
        await quotas.close()


async def _entered(quota: Quota) -> bool:
    try:
        await quota.enter()
    except Refused:
        return False
    return True


async def _in_use(quotas: list[Quota]) -> int:
    return sum(quota.in_use for quota in quotas)


@pytest.mark.parametrize("number", [1, 10, 100])
async def test_a_race_at_the_limit_admits_as_many_as_there_are(number: int, workers: list[Quota], limit: Limit) -> None:
    await in_console(lambda: limit(number))
    first = workers[0]
    for _ in range(number - 1):
        await first.enter()
    won = await asyncio.gather(*(_entered(quota) for quota in workers for _ in range(50)))
    assert number - 1 + sum(won) <= number

    async def full() -> bool:
        for quota in workers:
            await quota.review()
            while await _entered(quota):
                pass
        assert await _in_use(workers) <= number
        return await _in_use(workers) == number

    await eventually(full)


async def test_a_burst_below_the_limit_is_admitted_whole(workers: list[Quota], limit: Limit) -> None:
    await in_console(lambda: limit(10_000))
    won = await asyncio.gather(*(_entered(workers[0]) for _ in range(5 * BLOCK)))
    assert all(won)


async def test_what_is_closed_can_be_opened_elsewhere(workers: list[Quota], limit: Limit) -> None:
    await in_console(lambda: limit(2))
    one, other = workers[:2]
    await one.enter()
    await one.enter()
    assert not await _entered(other)
    one.leave()

    async def admitted() -> bool:
        await one.borrow_again()
        return await _entered(other)

    # `one` keeps a spare of its own where it may: only what it returns is another's.
    one.leave()
    await eventually(admitted)
    assert one.in_use + other.in_use <= 2


async def test_a_lowered_limit_closes_nothing_and_opens_nothing(workers: list[Quota], limit: Limit) -> None:
    quota = workers[0]
    for _ in range(30):
        await quota.enter()
    await in_console(lambda: limit(5))
    await quota.borrow_again()
    assert (quota.in_use, quota.granted) == (30, 30)
    assert not await _entered(quota)
    for _ in range(26):
        quota.leave()

    async def admitted() -> bool:
        return await _entered(quota)

    await eventually(admitted)
    assert quota.in_use == 5


async def test_a_plan_below_what_is_open_closes_nothing_and_opens_nothing(workers: list[Quota], cast: Cast) -> None:
    await in_console(lambda: entitle_outside(cast.tenant.id, "professional"))
    quota = workers[0]
    for _ in range(10):
        await quota.enter()
    await in_console(lambda: entitle_outside(cast.tenant.id, "developer", connections=3))
    for each in workers:
        await each.borrow_again()
    assert quota.in_use == 10
    for each in workers:
        with pytest.raises(Refused) as caught:
            await each.enter()
        assert caught.value.refusal.name == "connection_limit_reached"


async def test_a_raised_limit_is_seen_by_who_was_refused(workers: list[Quota], limit: Limit) -> None:
    await in_console(lambda: limit(1))
    quota = workers[0]
    assert [await _entered(quota), await _entered(quota)] == [True, False]
    await in_console(lambda: limit(50))

    async def admitted() -> bool:
        return await _entered(quota)

    await eventually(admitted)


async def test_what_lies_idle_is_returned(workers: list[Quota], cast: Cast) -> None:
    quota = workers[0]
    held = [await _entered(quota) for _ in range(3 * BLOCK)]
    assert all(held)
    for _ in held:
        quota.leave()

    async def returned() -> bool:
        await quota.review()
        lease = await in_console(lambda: ConnectionLease.objects.filter(tenant_id=cast.tenant.id).get())
        return bool(lease.slots == quota.granted < BLOCK)

    await eventually(returned)


async def test_what_a_dead_worker_held_comes_back(workers: list[Quota], cast: Cast, limit: Limit) -> None:
    await in_console(lambda: limit(1))
    dead, living = workers[:2]
    await dead.enter()
    assert not await _entered(living)
    long_ago = timezone.now()
    await in_console(lambda: ConnectionLease.objects.filter(tenant_id=cast.tenant.id).update(expires_at=long_ago))

    async def admitted() -> bool:
        return await _entered(living)

    await eventually(admitted)


async def test_a_worker_that_ends_returns_everything(cast: Cast) -> None:
    quotas = await _made(os.environ["DATABASE_URL"])
    await quotas.of(str(cast.tenant.id)).enter()
    assert await in_console(ConnectionLease.objects.filter(tenant_id=cast.tenant.id).exists)
    await quotas.close()
    assert not await in_console(ConnectionLease.objects.filter(tenant_id=cast.tenant.id).exists)


async def test_nobody_waits_for_a_database_that_is_known_to_be_away() -> None:
    answers = asyncio.Queue[Loan | None]()

    async def borrow(need: Need) -> Loan:
        loan = await answers.get()
        if loan is None:
            raise DatabaseAway
        return loan

    quota = Quota(borrow, time.monotonic)
    answers.put_nowait(None)
    await quota.enter()
    # From here on the database does not even say that it is away.
    async with asyncio.timeout(1):
        for _ in range(5 * BLOCK):
            await quota.enter()
    answers.put_nowait(Loan(quota.in_use, 1.0))
    await eventually(lambda: asyncio.sleep(0, not quota.take()))
    answers.put_nowait(Loan(quota.in_use, 0.0))
    with pytest.raises(Refused):
        await quota.enter()


async def test_known_tenants_go_on_while_the_database_is_away() -> None:
    quotas = await _made(NOWHERE)
    quota = quotas.of("0" * 32)
    assert await _entered(quota)
    assert math.isfinite(quota.granted)
    await quotas.close()


async def test_an_unlimited_plan_asks_for_nothing_more(workers: list[Quota], cast: Cast) -> None:
    await in_console(lambda: entitle_outside(cast.tenant.id, "unlimited"))
    quota = workers[0]
    for _ in range(10 * BLOCK):
        await quota.enter()
    assert (quota.granted, quota.requests) == (math.inf, math.inf)
    assert not await in_console(ConnectionLease.objects.filter(tenant_id=cast.tenant.id).exists)


async def test_requests_are_limited_over_all_workers(
    workers: list[Quota], cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So slow a bucket that nothing drips into it while the test runs.
    await in_console(lambda: entitle_outside(cast.tenant.id, requests_per_second=1))
    monkeypatch.setattr("mcp_runtime.quota.leases.BURST_SECONDS", 20)
    admitted = 0
    for _ in range(30):
        for quota in workers:
            if await _entered(quota):
                quota.leave()
                admitted += 1
    assert 20 <= admitted <= 25
    with pytest.raises(Refused) as caught:
        await workers[0].enter()
    assert caught.value.refusal.name == "rate_limited"


async def test_a_tenant_at_its_limit_is_told_so(stage: Stage, worker: Worker, probe: Probe, limit: Limit) -> None:
    await in_console(lambda: limit(1))
    client = stage.client(worker)
    waiting = client.open_modern("tools/call", {"name": "wait", "arguments": {}})
    await asyncio.wait_for(probe.started.wait(), 5)
    for method, params in (
        ("tools/call", {"name": "echo", "arguments": {}}),
        ("subscriptions/listen", {"notifications": {"toolsListChanged": True}}),
    ):
        answer = await client.modern(method, params)
        assert answer.status == 429
        assert answer.headers["retry-after"] == "1"
        error = answer.json["error"]
        assert error["data"]["refusal"] == "connection_limit_reached"
    # What takes no time is not behind what does.
    assert (await client.modern("tools/list")).status == 200
    probe.go_on.set()
    assert await waiting.start() == 200

    async def admitted() -> bool:
        return (await client.modern("tools/call", {"name": "echo", "arguments": {}})).status == 200

    await eventually(admitted)


@pytest.fixture
def unreviewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks again by itself."""
    monkeypatch.setattr("mcp_runtime.quota.quotas.REVIEW_SECONDS", math.inf)


@pytest.mark.usefixtures("unreviewed")
@pytest.mark.parametrize("knows", ["while it has something open", "while it has nothing open"])
async def test_a_limit_is_heard_by_workers_that_knew_of_none(
    stage: Stage, worker: Worker, probe: Probe, limit: Limit, knows: str
) -> None:
    await in_console(lambda: entitle_outside(stage.tenant.id, "unlimited"))
    client = stage.client(worker)
    assert (await client.modern("tools/call", {"name": "echo", "arguments": {}})).status == 200
    waiting = client.open_modern("tools/call", {"name": "wait", "arguments": {}})
    if knows == "while it has something open":
        await asyncio.wait_for(probe.started.wait(), 5)
        await in_console(lambda: limit(1))
    else:
        await in_console(lambda: limit(1))
        await asyncio.wait_for(probe.started.wait(), 5)

    async def refused() -> bool:
        return (await client.modern("tools/call", {"name": "echo", "arguments": {}})).status == 429

    await eventually(refused)
    probe.go_on.set()
    assert await waiting.start() == 200


async def test_an_open_stream_is_a_connection(stage: Stage, worker: Worker, limit: Limit) -> None:
    await in_console(lambda: limit(1))
    client = stage.client(worker)
    stream = client.open_modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    assert await stream.start() == 200
    assert (await client.modern("tools/call", {"name": "echo", "arguments": {}})).status == 429
    await stream.leave()

    async def admitted() -> bool:
        return (await client.modern("tools/call", {"name": "echo", "arguments": {}})).status == 200

    await eventually(admitted)


async def test_a_months_requests_are_limited_over_all_workers(workers: list[Quota], cast: Cast) -> None:
    await in_console(lambda: entitle_outside(cast.tenant.id, requests=100))
    admitted = 0
    for _ in range(110):
        for quota in workers:
            if await _entered(quota):
                quota.leave()
                admitted += 1
    assert admitted == 100
    with pytest.raises(Refused) as caught:
        await workers[0].enter()
    assert caught.value.refusal.name == "monthly_requests_reached"


async def test_a_months_requests_are_limited_where_a_second_has_no_limit(workers: list[Quota], cast: Cast) -> None:
    await in_console(lambda: entitle_outside(cast.tenant.id, "unlimited", requests=5))
    assert [await _entered(workers[0]) for _ in range(6)] == [True] * 5 + [False]


async def test_another_month_and_another_plan_have_requests_again(workers: list[Quota], cast: Cast) -> None:
    await in_console(lambda: entitle_outside(cast.tenant.id, requests=1))
    quota = workers[0]
    assert [await _entered(quota), await _entered(quota)] == [True, False]
    budget = RequestBudget.objects.filter(tenant_id=cast.tenant.id)
    await in_console(lambda: budget.update(month=dt.date(2026, 1, 1)))

    async def admitted() -> bool:
        return await _entered(quota)

    await eventually(admitted)
    assert not await _entered(quota)
    await in_console(lambda: entitle_outside(cast.tenant.id, "enterprise"))
    await eventually(admitted)
