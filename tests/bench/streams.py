"""Measures streams that clients hold open: memory, opening, telling all of them, and holding very many."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from core.embedded.postgres import HOST
from tests.bench import rows
from tests.bench.cores import Cores
from tests.bench.database import Endpoint, endpoint
from tests.bench.dialogue import Dialogue, author, holder
from tests.bench.findings import Finding, Goal
from tests.bench.load import LoadFailed
from tests.bench.processes import Row, Server, serving
from tests.bench.wire import CLIENT, STATELESS

PART = "streams"
# So many connections are being opened at a time.
PARALLEL = 64
CHANGED = "notifications/tools/list_changed"
HEAR_SECONDS = 30.0
# Above what any process here can open, so that descriptors and not this decide.
MAXIMUM_STREAMS = 100_000
TOLD = "a tool's change, told to each stream"
ONE = "a subscriptions/listen of 2026-07-28, authenticated, counted, acknowledged"


@dataclass(frozen=True)
class Plan:
    """Streams at one worker and broadcasts to them; processes with so many each, held for so many seconds."""

    streams: int
    broadcasts: int
    processes: int
    each: int
    hold_seconds: float


FULL = Plan(streams=10_000, broadcasts=7, processes=3, each=17_000, hold_seconds=600)
SHORT = Plan(streams=500, broadcasts=3, processes=2, each=200, hold_seconds=2)


@dataclass(frozen=True)
class Open:
    """Streams that are open at a server."""

    server: Server
    client: Dialogue


def run(plan: Plan, cores: Cores, scratch: Path) -> list[Finding]:
    """The figures. Raises ServerFailed, LoadFailed or WrongAnswer."""
    with endpoint(scratch) as made, author(made, scratch) as person:
        return [*one_worker(plan, cores, scratch, made, person), *many(plan, cores, scratch, made, person)]


def one_worker(plan: Plan, cores: Cores, scratch: Path, made: Endpoint, person: Dialogue) -> list[Finding]:
    """Memory, opening and broadcast at one worker, pinned to the servers' core."""
    with opened(worker(made), cores, scratch, made, "one") as one:
        # What the first streams of a process cost once (code, buffers, the heap's growth) is not what a stream costs.
        open_streams(one, max(plan.streams // 20, 10))
        before, cpu = one.server.resident_megabytes(), one.server.cpu_seconds()
        seen = open_streams(one, plan.streams)
        spent = one.server.cpu_seconds() - cpu
        each = (one.server.resident_megabytes() - before) * 1e6 / plan.streams / 1024
        told = [broadcast([one], person, number) for number in range(plan.broadcasts)]
    best = f"best {min(told):.0f}, worst {max(told):.0f}; from the change's commit in PostgreSQL"
    rate = plan.streams / seen
    return [
        Finding(PART, "memory of an idle stream", each, "KiB", f"{ONE}; growth of the worker's RSS", Goal(12)),
        Finding(PART, "opening streams", rate, "/s", ONE, Goal(4_000, at_least=True),
                beside=f"{spent / plan.streams * 1e6:.0f} µs of the worker's CPU each"),
        Finding(PART, f"broadcast to {plan.streams:,} streams, last byte", sorted(told)[len(told) // 2], "ms",
                TOLD, Goal(300), beside=best, samples=told),
    ]  # fmt: skip


def many(plan: Plan, cores: Cores, scratch: Path, made: Endpoint, person: Dialogue) -> list[Finding]:
    """As many streams as descriptors allow, over several processes on the servers' core."""
    with ExitStack() as stack:
        # All of a fleet listen on ports of their own: the descriptors of a process, not its port, are what is short.
        fleet = [
            stack.enter_context(opened(worker(made), cores, scratch, made, f"many-{number}"))
            for number in range(plan.processes)
        ]
        for one in fleet:
            open_streams(one, plan.each)
        total = sum(one.server.resident_megabytes() for one in fleet)
        told = broadcast(fleet, person, 1_000)
        for one in fleet:
            one.client.say(do="hold", seconds=plan.hold_seconds)
        held = [one.client.answer() for one in fleet]
    streams = plan.processes * plan.each
    dropped = streams - sum(answer["open"] for answer in held)
    alive = sum(answer["kept_alive"] for answer in held)
    return [
        Finding(PART, f"{streams:,} streams over {plan.processes} processes", total, "MB",
                "RSS of all workers together", Goal(700)),
        Finding(PART, f"of these dropped in {plan.hold_seconds / 60:g} minutes", dropped, "streams", ONE, Goal(0),
                beside=f"{alive:,} were sent a keep-alive meanwhile"),
        Finding(PART, f"broadcast to {streams:,} streams, last byte", told, "ms", TOLD,
                beside="one change, all workers on one core"),
    ]  # fmt: skip


@contextmanager
def opened(row: Row, cores: Cores, scratch: Path, made: Endpoint, name: str) -> Iterator[Open]:
    """A worker, and a client that will hold its streams."""
    with (
        serving(row, core=cores.server, logs=scratch) as server,
        holder(request(made, server.port), cores.load, scratch, name) as client,
    ):
        yield Open(server, client)


def worker(made: Endpoint) -> Row:
    """Ours, with room for that many streams on one endpoint."""
    row = rows.ours(made)
    return replace(row, environment=row.environment | {"RUNTIME_MAX_STREAMS": str(MAXIMUM_STREAMS)})


def open_streams(one: Open, count: int) -> float:
    """How many seconds it took. Raises LoadFailed unless all were opened."""
    seen = one.client.ask(do="open", port=one.server.port, count=count, parallel=PARALLEL)
    if seen["failed"]:
        raise LoadFailed(f"{seen['failed']} of {count} streams were not opened: {seen['refused']}")
    return float(seen["seconds"])


def broadcast(fleet: list[Open], person: Dialogue, number: int) -> float:
    """Milliseconds from a change's commit until the last stream has heard of it. Raises LoadFailed if any did not."""
    for one in fleet:
        one.client.say(do="hear", mark=CHANGED, seconds=HEAR_SECONDS)
    for one in fleet:
        one.client.answer()
    changed: float = person.ask(do="change", description=f"Says what it is told, {number} {time.time()}")["at"]
    answers = [one.client.answer() for one in fleet]
    if any(answer["missed"] for answer in answers):
        raise LoadFailed(f"{sum(answer['missed'] for answer in answers)} streams did not hear of a change")
    last: float = max(max(answer["moments"]) for answer in answers)
    return (last - changed) * 1000


def request(made: Endpoint, port: int) -> bytes:
    """The request that opens a stream, whole."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": CLIENT,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"notifications": {"toolsListChanged": True}, "_meta": meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}).encode()
    lines = [
        f"POST {made.path} HTTP/1.1",
        f"Host: {HOST}:{port}",
        f"Authorization: Bearer {made.key}",
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        f"MCP-Protocol-Version: {STATELESS}",
        "Mcp-Method: subscriptions/listen",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
