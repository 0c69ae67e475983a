"""Calls that take time: clients that leave, deadlines, crashes, crowds."""

import asyncio
import json
import logging

import pytest

from mcp_runtime.transports.limits import Limits
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Probe, Stage
from tests.mcp_runtime.driving import BOUND_SECONDS, request, serving, whole

CALL = {"name": "wait", "arguments": {}}


async def _until(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), BOUND_SECONDS)


async def test_a_stateless_client_that_leaves_cancels_its_call(stage: Stage, probe: Probe, worker: Worker) -> None:
    exchange = stage.client(worker).open_modern("tools/call", CALL)
    await _until(probe.started)
    await exchange.leave()
    assert probe.cancelled.is_set()
    assert exchange.outgoing.empty()


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_a_client_with_a_session_that_leaves_does_not(
    stage: Stage, probe: Probe, worker: Worker, version: str
) -> None:
    client = stage.client(worker)
    await client.initialize(version)
    exchange = client.open(body=json.dumps(request("tools/call", CALL)).encode())
    await _until(probe.started)
    exchange.incoming.put_nowait({"type": "http.disconnect"})
    probe.go_on.set()
    answer = await whole(exchange)
    assert not probe.cancelled.is_set()
    assert answer.json["result"]["content"] == [{"type": "text", "text": "went on"}]


async def test_a_call_that_waits_is_answered_when_it_is_done(stage: Stage, probe: Probe, worker: Worker) -> None:
    exchange = stage.client(worker).open_modern("tools/call", CALL)
    await _until(probe.started)
    assert (await stage.client(worker).modern("tools/call", {"name": "echo"})).status == 200
    probe.go_on.set()
    assert (await whole(exchange)).json["result"]["content"] == [{"type": "text", "text": "went on"}]


@pytest.fixture
def impatient(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An endpoint with a tool that has hardly any time."""
    monkeypatch.setattr("mcp_runtime.snapshots.compile.GRACE_SECONDS", 0)
    stage.add_tool("late", "wait", config={"timeout": 0.01})
    return stage


@pytest.mark.requirement("call-timeouts", revisions=("2025-11-25", "2026-07-28"))
async def test_a_call_past_its_deadline_is_cancelled_and_says_so(
    impatient: Stage, probe: Probe, worker: Worker
) -> None:
    client = impatient.client(worker)
    modern = (await client.modern("tools/call", {"name": "late"})).json["result"]
    assert probe.cancelled.is_set()
    probe.cancelled.clear()
    await client.initialize()
    legacy = (await client.legacy("tools/call", {"name": "late"})).json["result"]
    assert probe.cancelled.is_set()
    for result in (modern, legacy):
        assert result["isError"] is True
        assert result["content"][0]["text"] == "The call did not answer within 0.01 seconds."


async def test_a_source_is_told_who_calls_and_until_when(stage: Stage, probe: Probe, worker: Worker) -> None:
    await stage.client(worker).modern("tools/call", {"name": "echo"})
    context = probe.contexts[-1]
    left = context.deadline - asyncio.get_running_loop().time()
    assert (context.tenant_id, context.endpoint_id) == (str(stage.tenant.id), str(stage.endpoint.pk))
    assert context.principal == f"key:{stage.access_key.pk}"
    assert 0 < left <= 60


async def test_a_crash_is_logged_and_tells_the_client_its_number_alone(
    stage: Stage, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    client = stage.client(worker)
    await client.initialize()
    answers = [
        await client.modern("tools/call", {"name": "crash"}),
        await client.legacy("tools/call", {"name": "crash"}),
    ]
    for answer in answers:
        assert answer.status == 200
        error = answer.json["error"]
        assert (error["code"], error["message"]) == (-32603, "Internal error")
        assert b"detail" not in answer.body
        record = next(record for record in caplog.records if error["data"]["request_id"] in record.getMessage())
        assert record.levelno == logging.ERROR
        assert record.exc_info is not None
        assert "a detail that stays here" in str(record.exc_info[1])


@pytest.mark.requirement("overload")
async def test_a_full_endpoint_refuses_at_once_and_others_are_served(
    stage: Stage, open_stage: Stage, probe: Probe
) -> None:
    async with serving(Worker(limits=Limits(calls=1))) as worker:
        client = stage.client(worker)
        exchange = client.open_modern("tools/call", CALL)
        await _until(probe.started)
        refused = await client.modern("tools/call", {"name": "echo"}, identifier=7)
        assert refused.status == 503
        assert (refused.json["id"], refused.json["error"]["data"]["refusal"]) == (7, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert (await client.modern("tools/list")).status == 200
        assert (await open_stage.client(worker).modern("tools/call", {"name": "echo"})).status == 200
        probe.go_on.set()
        await whole(exchange)
        assert (await client.modern("tools/call", {"name": "echo"})).status == 200


async def test_a_call_that_was_cancelled_makes_room(stage: Stage, probe: Probe) -> None:
    async with serving(Worker(limits=Limits(calls=1))) as worker:
        exchange = stage.client(worker).open_modern("tools/call", CALL)
        await _until(probe.started)
        await exchange.leave()
        assert (await stage.client(worker).modern("tools/call", {"name": "echo"})).status == 200


async def test_the_calls_of_a_batch_run_side_by_side(stage: Stage, probe: Probe, worker: Worker) -> None:
    client = stage.client(worker)
    await client.initialize("2025-03-26")
    batch = [request("tools/call", {"name": name}, identifier=name) for name in ("wait", "echo", "crash")]
    exchange = client.open(body=json.dumps(batch).encode())
    await _until(probe.started)
    probe.go_on.set()
    answer = await whole(exchange)
    assert [part["id"] for part in answer.json] == ["wait", "echo", "crash"]
    assert answer.json[0]["result"]["content"] == [{"type": "text", "text": "went on"}]
    assert answer.json[2]["error"]["code"] == -32603


async def test_secrets_reach_the_source_in_clear(stage: Stage, secret_tool: None, worker: Worker) -> None:
    answer = await stage.client(worker).modern("tools/call", {"name": "secretive"})
    assert answer.json["result"]["structuredContent"] == {"token": "s3cret"}


@pytest.fixture
def secret_tool(stage: Stage) -> None:
    """A tool with a secret."""
    stage.add_tool("secretive", secrets={"token": "s3cret"})
