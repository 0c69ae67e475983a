"""Workloads within one process: the routing table, a queue in memory, JSON. There is no socket in them."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import msgspec

from mcp_runtime.protocol import jsonrpc
from mcp_runtime.protocol.served import Principal, ServedEndpoint, ServedTool
from mcp_runtime.snapshots.held import Held
from tests.bench.findings import Finding, Goal

PART = "workloads"
PASSES = 5
ENDPOINTS = 10_000
SHORT_MESSAGE = "96 bytes"
SIZES = {SHORT_MESSAGE: 96, "4 KB": 4_096}
# The sizes of the messages without their text.
ENVELOPE = 84


def run(operations: int) -> list[Finding]:
    """R1, Q1 in memory, and J1."""
    return [registry(operations), queue(operations), *(found for size in SIZES for found in json(size, operations))]


def registry(operations: int) -> Finding:
    """R1: what the data plane does to find a tool, and handing the message over."""
    table, tool, principal = _table(), object(), Principal("key:1")
    for held in table.values():
        held.served.tools["echo"] = tool  # type: ignore[assignment]  # any object is found the same way
    paths = [f"/t/tenant-{number % ENDPOINTS}/echo/mcp" for number in range(operations)]
    inbox: deque[ServedTool | None] = deque()

    def work() -> None:
        for path in paths:
            inbox.append(table[path].served.tool_for(principal, "echo"))
            inbox.popleft()

    one = f"finding tenant, endpoint and tool among {ENDPOINTS:,} and handing the message to a queue that is emptied"
    return _beside(_rated("R1 registry, in one process", one, operations, work), 553_000)


def queue(operations: int) -> Finding:
    """Q1 in memory: nothing is durable here."""
    waiting: deque[bytes] = deque()

    def work() -> None:
        for _ in range(operations):
            waiting.append(b"job")
        for _ in range(operations):
            waiting.popleft()

    one = "into a queue in memory and out of it; nothing is durable"
    return _beside(_rated("Q1 queue, in memory", one, operations, work), 971_000)


def json(size: str, operations: int) -> list[Finding]:
    """J1: our strict decoder, which refuses duplicate names and too deep values, and the encoder."""
    value: dict[str, Any] = {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": {"name": "echo", "text": "x" * (SIZES[size] - ENVELOPE)},
    }
    body = msgspec.json.encode(value)

    def decoding() -> None:
        for _ in range(operations):
            jsonrpc.decode(body)

    def encoding() -> None:
        for _ in range(operations):
            jsonrpc.encode(value)

    decode = f"a JSON-RPC request of {len(body):,} bytes, with every check of the protocol's decoder"
    encode = f"a JSON-RPC request of {len(body):,} bytes (msgspec {msgspec.__version__})"
    found = [
        _rated(f"J1 JSON decode, {size}", decode, operations, decoding),
        _rated(f"J1 JSON encode, {size}", encode, operations, encoding),
    ]
    # What was published is of short messages.
    return [_beside(one, 2_690_000) for one in found] if size == SHORT_MESSAGE else found


def _rated(what: str, one: str, operations: int, work: Callable[[], None]) -> Finding:
    rates = [operations / _seconds(work) for _ in range(PASSES)]
    return Finding(PART, what, median(rates), "/s", one, beside=f"best of {PASSES} {max(rates):,.0f}", samples=rates)


def _beside(found: Finding, public: int) -> Finding:
    """The same, beside what was published for the same thing."""
    goal = Goal(public, at_least=True)
    return replace(found, goal=goal, beside=f"{found.beside}; published: {public:,}")


def _seconds(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return max(time.process_time() - began, 1e-9)


def _table() -> dict[str, Held]:
    return {f"/t/tenant-{number}/echo/mcp": Held(endpoint_numbered(number)) for number in range(ENDPOINTS)}


def endpoint_numbered(number: int) -> ServedEndpoint:
    """An endpoint without tools."""
    return ServedEndpoint(
        tenant_id=str(number),
        endpoint_id=str(number),
        slug="echo",
        name="Echo",
        version=1,
        instructions="",
        is_open=False,
        allowed_origins=frozenset(),
        tools={},
        unavailable=(),
        principals={},
    )
