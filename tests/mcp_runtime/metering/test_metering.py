"""Every call becomes one row that says what it was, whose, how it ended and whether it is billed."""

import json
from typing import Any

import pytest

from billing.ledger.models import UsageEvent
from core.tenancy import tenant_context
from mcp_runtime.transports.heads import RequestHead
from mcp_runtime.transports.limits import Limits
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import in_console, modern, serving
from tests.mcp_runtime.metering.conftest import rows_of, shipped


async def _call(stage: Stage, worker: Worker, tool: str, **arguments: Any) -> UsageEvent:
    await stage.client(worker).modern("tools/call", {"name": tool, "arguments": arguments})
    return (await shipped(stage, 1))[0]


async def test_a_call_is_one_row(stage: Stage, metered: Worker) -> None:
    found = await _call(stage, metered, "echo", text="hello")
    assert (found.method, found.name, found.revision) == ("tools/call", "echo", "2026-07-28")
    assert (found.outcome, found.billable) == ("ok", True)
    assert (found.endpoint_id, found.principal) == (stage.endpoint.pk, f"key:{stage.access_key.pk}")
    assert 0 < found.microseconds < 5_000_000
    assert found.bytes_in > 100
    assert found.bytes_out > 100
    assert found.request_id


async def test_both_shells_write_the_same_down(stage: Stage, metered: Worker) -> None:
    client = stage.client(metered)
    message = {"name": "echo", "arguments": {}}
    slow = await client.modern("tools/call", message)
    body, raw = _raw(stage, message)
    reply = metered.answer_now(RequestHead(stage.path, raw), body)
    metered.departures.leave()
    assert getattr(reply, "body", None) == slow.body
    first, second = await shipped(stage, 2)
    for name in ("principal", "method", "name", "outcome", "billable", "bytes_in", "bytes_out", "revision"):
        assert getattr(first, name) == getattr(second, name)


def _raw(stage: Stage, params: dict[str, Any]) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    message, headers = modern("tools/call", params)
    everything = {
        "host": "localhost:8100",
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "authorization": f"Bearer {stage.key}",
        **{name: value for name, value in headers.items() if value is not None},
    }
    return _encoded(message), [(name.encode(), value.encode()) for name, value in everything.items()]


def _encoded(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()


@pytest.mark.parametrize(
    ("tool", "outcome"),
    [("crash", "failed"), ("nothing", "refused:-32602"), ("picky", "refused:invalid_arguments")],
)
async def test_what_is_no_answer_of_a_tool_is_recorded_and_not_billed(
    stage: Stage, metered: Worker, tool: str, outcome: str
) -> None:
    schema = {"type": "object", "required": ["needed"]}
    await in_console(lambda: stage.add_tool("picky", input_schema=schema))
    found = await _call(stage, metered, tool)
    assert (found.name, found.outcome, found.billable) == (tool, outcome, False)


async def test_a_tool_that_fails_costs_nothing(stage: Stage, metered: Worker) -> None:
    await in_console(lambda: stage.add_tool("promise", do="echo", output_schema={"type": "object", "required": ["x"]}))
    found = await _call(stage, metered, "promise")
    assert (found.outcome, found.billable) == ("tool_error", False)


async def test_a_call_whose_client_leaves_is_cancelled(stage: Stage, metered: Worker, probe: Any) -> None:
    exchange = stage.client(metered).open_modern("tools/call", {"name": "wait", "arguments": {}})
    await probe.started.wait()
    await exchange.leave()
    (found,) = await shipped(stage, 1)
    assert (found.outcome, found.billable, found.bytes_out) == ("cancelled", False, 0)


async def test_a_question_is_not_billed_and_its_answer_is(stage: Stage, metered: Worker) -> None:
    await in_console(lambda: stage.add_tool("ask", do="ask"))
    message, headers = modern("tools/call", {"name": "ask", "arguments": {}})
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = {"elicitation": {"form": {}}}
    client = stage.client(metered)
    first = await client.send(body=_encoded(message), headers=headers)
    asked = first.json["result"]
    message["params"] |= {
        "requestState": asked["requestState"],
        "inputResponses": {"name": {"action": "accept", "content": {"name": "Ann"}}},
    }
    await client.send(body=_encoded(message), headers=headers)
    rows = await shipped(stage, 2)
    assert [(row.outcome, row.billable) for row in rows] == [("input_required", False), ("ok", True)]


async def test_requests_that_get_to_no_call_are_recorded_within_bounds(stage: Stage, metered: Worker) -> None:
    stranger = stage.client(metered, key="amk_wrong")
    for _ in range(100):
        assert (await stranger.modern("tools/call", {"name": "echo", "arguments": {}})).status == 401
    await stage.client(metered).modern("tools/call", {"name": "echo", "arguments": {}})

    def settled() -> list[UsageEvent]:
        return rows_of(stage.tenant.id)

    await metered.shutdown()
    rows = await in_console(settled)
    refused = [row for row in rows if row.outcome == "refused:invalid_credentials"]
    assert 20 <= len(refused) < 100
    assert {(row.principal, row.method, row.billable) for row in refused} == {("", "", False)}
    assert len(rows) == len(refused) + 1


async def test_a_call_that_finds_no_room_is_refused_and_recorded(stage: Stage, tmp_path: Any, probe: Any) -> None:
    async with serving(Worker(limits=Limits(calls=1), journal=tmp_path)) as worker:
        client = stage.client(worker)
        waiting = client.open_modern("tools/call", {"name": "wait", "arguments": {}})
        await probe.started.wait()
        assert (await client.modern("tools/call", {"name": "echo", "arguments": {}})).status == 503
        (found,) = await shipped(stage, 1)
        assert (found.name, found.outcome, found.billable) == ("echo", "refused:overloaded", False)
        await waiting.leave()


async def test_names_are_stored_as_they_are_whatever_is_in_them(stage: Stage, metered: Worker) -> None:
    name = "a\ttab, a \\ and a\nline \\N \u00e4\u20ac"
    message, headers = modern("tools/call", {"name": name, "arguments": {}}, version="2026-07-28")
    headers["mcp-name"] = None
    session = stage.client(metered)
    await session.initialize()
    message["params"].pop("_meta")
    await session.post(message)
    (found,) = await shipped(stage, 1)
    assert (found.name, found.revision) == (name, "2025-11-25")


async def test_other_methods_are_no_calls(stage: Stage, metered: Worker) -> None:
    client = stage.client(metered)
    await client.modern("tools/list")
    await client.modern("tools/call", {"name": "echo", "arguments": {}})
    await metered.shutdown()
    assert [row.method for row in await in_console(lambda: rows_of(stage.tenant.id))] == ["tools/call"]


async def test_a_neighbour_sees_none_of_it(stage: Stage, metered: Worker, cast: Cast) -> None:
    await _call(stage, metered, "echo")

    def seen() -> int:
        with tenant_context(cast.elsewhere.id):
            return UsageEvent.objects.count()

    assert await in_console(seen) == 0
    assert await in_console(UsageEvent.objects.count) == 0
