"""Trace context in `_meta`: what is well-formed is carried in every revision, and the rest is left out."""

import json
from typing import Any

import pytest

from core import outbound
from mcp_runtime.protocol import errors
from mcp_runtime.trace_context import TraceContext, read_trace
from mcp_runtime.worker import Worker
from tests.core.outbound.upstreams import LOOPBACK, upstream
from tests.mcp_runtime.conftest import Probe, Stage
from tests.mcp_runtime.driving import Client, whole
from tests.mcp_runtime.features.conftest import open_able
from tests.mcp_runtime.sources.calling import compiled, context, text_of
from tests.mcp_runtime.sources.http.drafts import http_draft
from tests.mcp_runtime.sources.http.test_source import seen

PARENT = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
BAGGAGE = "userId=alice,region=eu;secret=no"
WHOLE = {"traceparent": PARENT, "tracestate": STATE, "baggage": BAGGAGE}


@pytest.mark.parametrize(
    "parent",
    [
        PARENT,
        PARENT.replace("-01", "-ff"),
        "01" + PARENT[2:],
        "cc" + PARENT[2:] + "-what-comes-later",
    ],
)
def test_a_parent_is_carried(parent: str) -> None:
    assert read_trace({"traceparent": parent}) == TraceContext(parent)


@pytest.mark.parametrize(
    "parent",
    [
        "",
        None,
        7,
        [PARENT],
        PARENT.upper(),
        PARENT[:-1],
        PARENT + "0",
        PARENT + "-more",
        "ff" + PARENT[2:],
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        PARENT + "\n",
        "01" + PARENT[2:] + "-x\r\nX-Injected: 1",
        "01" + PARENT[2:] + "-" + "x" * 5000,
    ],
)
def test_without_a_well_formed_parent_there_is_no_trace(parent: Any) -> None:
    assert read_trace({"traceparent": parent, "tracestate": STATE}) is None


@pytest.mark.parametrize("state", [STATE, "a=1, b=2", "a=1,,b=2", "tenant@system=x", "a=" + "x" * 256])
def test_a_state_is_carried_with_its_parent(state: str) -> None:
    assert read_trace({"traceparent": PARENT, "tracestate": state}) == TraceContext(PARENT, state)


@pytest.mark.parametrize(
    "state",
    [
        7,
        "a",
        "A=1",
        "a=1,a=2",
        "a=b=c",
        "a=\r\nX: 1",
        "a=ü",
        "a=" + "x" * 257,
        ",".join(f"k{number}=1" for number in range(33)),
        ",".join(f"k{number}={'x' * 100}" for number in range(6)),
    ],
)
def test_a_broken_state_is_dropped_alone(state: Any) -> None:
    assert read_trace({"traceparent": PARENT, "tracestate": state}) == TraceContext(PARENT)


def test_baggage_is_carried_with_or_without_a_trace() -> None:
    assert read_trace(WHOLE) == TraceContext(PARENT, STATE, BAGGAGE)
    assert read_trace({"baggage": BAGGAGE}) == TraceContext("", "", BAGGAGE)
    for broken in ("no value", "a=b,", "a=\x00", "a=" + "x" * 9000, 7):
        assert read_trace({"baggage": broken}) is None
    nothing: tuple[Any, ...] = (None, [], {}, {"other": 1})
    assert [read_trace(meta) for meta in nothing] == [None] * 4


@pytest.mark.requirement("trace-context")
async def test_a_call_of_either_era_carries_it(stage: Stage, worker: Worker, probe: Probe) -> None:
    modern = stage.client(worker)
    message = {"name": "echo", "arguments": {}, "_meta": WHOLE}
    answer = await whole(open_able(modern, "tools/call", message))
    assert answer.status == 200
    legacy = stage.client(worker)
    for version in ("2024-11-05", "2025-03-26", "2025-11-25"):
        await legacy.initialize(version)
        await legacy.legacy("tools/call", message)
    await legacy.legacy("tools/call", {"name": "echo"})
    assert [context.trace for context in probe.contexts] == [TraceContext(PARENT, STATE, BAGGAGE)] * 4 + [None]


async def test_a_service_hears_of_the_trace_and_never_of_the_baggage(monkeypatch: pytest.MonkeyPatch) -> None:
    async with upstream(seen) as port:
        monkeypatch.setenv("OUTBOUND_ALLOW", f"{LOOPBACK}:{port}")
        await _forwards(f"http://{LOOPBACK}:{port}/seen")


async def _forwards(url: str) -> None:
    async with outbound.Client() as client:
        for configured, expected in (({}, PARENT), ({"traceparent": "mine"}, "mine")):
            draft = http_draft(url, headers=configured)
            _, handler = compiled("http", draft, client)
            result = await handler(context(trace=TraceContext(PARENT, STATE, BAGGAGE)), {})
            headers = {name.lower(): value for name, value in json.loads(text_of(result))["headers"].items()}
            assert (headers["traceparent"], headers["tracestate"]) == (expected, STATE)
            assert "baggage" not in headers


@pytest.mark.parametrize("token", [None, 1.5, True, [], {"a": 1}])
async def test_a_progress_token_is_a_string_or_an_integer(
    path: str, worker: Worker, legacy: Client, token: Any
) -> None:
    params = {"name": "test_simple_text", "_meta": {"progressToken": token}}
    modern = await whole(open_able(Client(worker, path), "tools/call", params))
    assert (modern.status, modern.json["error"]["code"]) == (400, errors.INVALID_PARAMS)
    assert (await legacy.legacy("tools/call", params)).json["error"]["code"] == errors.INVALID_PARAMS


async def test_meta_is_an_object_and_a_log_level_is_a_level(path: str, worker: Worker, legacy: Client) -> None:
    answer = await legacy.legacy("tools/list", {"_meta": []})
    assert answer.json["error"]["code"] == errors.INVALID_PARAMS
    levels: tuple[Any, ...] = ("loud", 7, [])
    for level in levels:
        params = {"name": "test_simple_text", "_meta": {"io.modelcontextprotocol/logLevel": level}}
        refused = await whole(open_able(Client(worker, path), "tools/call", params))
        assert refused.json["error"]["code"] == errors.INVALID_PARAMS
