"""A worker that cannot do everything at once: whose turn it is, what waits, what is refused, and what never waits."""

import asyncio
import uuid
from typing import Any

import pytest

from core.refusals import Refused
from mcp_runtime.quota import fairness, shedding
from mcp_runtime.quota.fairness import ALONE, AMONG_OTHERS, Turns
from mcp_runtime.quota.quotas import Quota
from mcp_runtime.quota.shedding import LoopLag
from mcp_runtime.transports.limits import Limits
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Probe, Stage, make_stage
from tests.mcp_runtime.driving import Client, eventually, serving

FLOOD = 150
ECHO: dict[str, Any] = {"name": "echo", "arguments": {}}
WAIT: dict[str, Any] = {"name": "wait", "arguments": {}}


@pytest.fixture
def quiet_stage(cast: Cast, probe: Probe) -> Stage:
    """Charlie's endpoint, of another tenant than Alice's."""
    return make_stage(cast.elsewhere, cast.charlie)


def quota() -> Quota:
    return Quota(None, lambda: 0.0)


def turns(calls: int = 1000, of_tenant: int = 1000, waiting: int = 1000) -> Turns:
    return Turns(calls=calls, of_tenant=of_tenant, waiting=waiting)


async def run(turns: Turns, order: list[str], name: str, quota: Quota) -> None:
    """A call that is over at once."""
    if not turns.take(quota):
        await turns.wait(quota)
    order.append(name)


async def test_one_tenant_alone_begins_many_calls_at_once() -> None:
    found, one = turns(), quota()
    assert [found.take(one) for _ in range(ALONE + 1)] == [True] * ALONE + [False]
    await asyncio.sleep(0)
    assert found.take(one)


async def test_a_flood_waits_behind_itself_and_others_come_in_turn() -> None:
    found, loud, quiet, third = turns(), quota(), quota(), quota()
    order: list[str] = []
    await asyncio.gather(run(found, order, "loud", loud), run(found, order, "quiet", quiet))
    await asyncio.gather(
        *(run(found, order, "loud", loud) for _ in range(FLOOD)),
        *(run(found, order, "quiet", quiet) for _ in range(3)),
        run(found, order, "third", third),
    )
    flood = order[2:]
    assert len(flood) == FLOOD + 4
    # In the first turn whoever came first; then one of each, for as long as each has any.
    assert flood[:AMONG_OTHERS] == ["loud"] * AMONG_OTHERS
    assert flood[AMONG_OTHERS : AMONG_OTHERS + 7] == ["loud", "quiet", "third", "loud", "quiet", "loud", "quiet"]


async def test_a_line_is_bounded_and_who_leaves_it_takes_no_turn() -> None:
    found, loud, quiet = turns(calls=1, waiting=2), quota(), quota()
    assert found.take(loud)
    found.begin(loud)
    waiting = [asyncio.create_task(found.wait(loud)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Refused) as caught:
        await found.wait(loud)
    assert caught.value.refusal.name == "overloaded"
    other = asyncio.create_task(found.wait(quiet))
    waiting[0].cancel()
    await asyncio.sleep(0)
    found.end(loud)
    await asyncio.wait_for(other, 5)
    found.begin(quiet)
    found.end(quiet)
    await asyncio.wait_for(waiting[1], 5)


async def test_who_waits_for_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "WAITING_SECONDS", 0.01)
    found, one = turns(calls=1), quota()
    found.begin(one)
    assert not found.take(one)
    with pytest.raises(Refused):
        await found.wait(one)
    found.end(one)
    await asyncio.sleep(0)
    assert found.take(one)


def test_a_single_pause_sheds_nothing_and_an_overload_does_until_it_is_over() -> None:
    lag = LoopLag()
    late = 2 * shedding.LATE_SECONDS
    seen = []
    for seconds in (0.0, late, 0.0, late, late, late, 0.0):
        lag.note(seconds)
        seen.append(lag.is_shedding)
    assert seen == [False, False, False, False, True, True, False]


async def test_the_loop_s_lag_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shedding, "SAMPLE_SECONDS", 0.001)
    monkeypatch.setattr(shedding, "LATE_SECONDS", -1.0)
    lag = LoopLag()
    running = asyncio.create_task(lag.run())

    async def measured() -> bool:
        await asyncio.sleep(0)
        return lag.is_shedding

    await eventually(measured)
    running.cancel()


async def test_a_flood_of_one_tenant_leaves_another_its_turns(
    stage: Stage, quiet_stage: Stage, worker: Worker, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "OTHERS_SECONDS", 600.0)
    loud, quiet = stage.client(worker), quiet_stage.client(worker)
    for client in (loud, quiet):
        assert (await client.modern("tools/call", ECHO)).status == 200
    probe.contexts.clear()
    flood = [loud.open_modern("tools/call", ECHO) for _ in range(FLOOD)]
    last = quiet.open_modern("tools/call", ECHO)
    assert await last.start() == 200
    assert {await exchange.start() for exchange in flood} == {200}
    whose = [context.tenant_id for context in probe.contexts]
    assert len(whose) == FLOOD + 1
    assert whose.index(str(quiet_stage.tenant.id)) < FLOOD - AMONG_OTHERS


async def said(client: Client) -> list[int]:
    """The status of everything that is no call."""
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}}
    answers = [
        await client.post(ping),
        await client.post(cancel),
        await client.modern("server/discover"),
        await client.modern("tools/list"),
        await client.send("DELETE"),
    ]
    return [answer.status for answer in answers]


async def test_a_full_worker_lets_calls_wait_and_everything_else_through(
    stage: Stage, quiet_stage: Stage, probe: Probe, tmp_path: Any
) -> None:
    limits = Limits(worker_calls=2, tenant_calls=2)
    async with serving(Worker(limits=limits, journal=tmp_path)) as worker:
        loud, quiet, session = stage.client(worker), quiet_stage.client(worker), stage.client(worker)
        await session.initialize()
        assert (await quiet.modern("tools/call", ECHO)).status == 200
        held = [loud.open_modern("tools/call", WAIT) for _ in range(2)]
        await asyncio.wait_for(probe.started.wait(), 5)
        queued = [client.open_modern("tools/call", ECHO) for client in (loud, loud, quiet)]
        assert await said(session) == [200, 202, 200, 200, 204]
        await (fresh := stage.client(worker)).initialize()
        assert fresh.session
        assert all(exchange.outgoing.empty() for exchange in queued)
        probe.go_on.set()
        assert [await exchange.start() for exchange in (*held, *queued)] == [200] * 5


async def test_a_tenant_s_part_of_a_worker_is_bounded(
    stage: Stage, quiet_stage: Stage, probe: Probe, tmp_path: Any
) -> None:
    async with serving(Worker(limits=Limits(tenant_calls=1), journal=tmp_path)) as worker:
        loud, quiet = stage.client(worker), quiet_stage.client(worker)
        waiting = loud.open_modern("tools/call", WAIT)
        await asyncio.wait_for(probe.started.wait(), 5)
        refused = await loud.modern("tools/call", ECHO)
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert refused.json["error"]["data"]["refusal"] == "overloaded"
        assert (await quiet.modern("tools/call", ECHO)).status == 200
        probe.go_on.set()
        assert await waiting.start() == 200
        assert (await loud.modern("tools/call", ECHO)).status == 200


async def test_a_late_loop_sheds_calls_and_nothing_else(
    stage: Stage, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = stage.client(worker)
    await client.initialize()
    call = {"jsonrpc": "2.0", "id": str(uuid.uuid4()), "method": "tools/call", "params": ECHO}
    assert (await client.post(call)).status == 200
    monkeypatch.setattr(shedding, "LATE_SECONDS", -1.0)

    async def shedding_calls() -> bool:
        return (await client.post(call)).status == 503

    await eventually(shedding_calls)
    refused = await client.modern("tools/call", ECHO)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert refused.json["error"]["data"]["refusal"] == "overloaded"
    await (fresh := stage.client(worker)).initialize()
    assert await said(fresh) == [200, 202, 200, 200, 204]
    monkeypatch.setattr(shedding, "LATE_SECONDS", 600.0)

    async def taking_calls() -> bool:
        return (await client.post(call)).status == 200

    await eventually(taking_calls)
