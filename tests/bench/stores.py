"""Workloads over real stores: the bus between workers, a durable queue, connections to PostgreSQL, sessions."""

import asyncio
import os
import sys
import time
from pathlib import Path

import redis.asyncio
import uvloop
from kombu.connection import Connection

from mcp_runtime.bus import Bus
from mcp_runtime.lines import Line
from mcp_runtime.protocol.served import Principal
from mcp_runtime.protocol.sessions import SessionTokens, digest
from mcp_runtime.transports.session_state import SessionState
from tests.bench.database import Endpoint
from tests.bench.dialogue import Dialogue, talking
from tests.bench.findings import Finding
from tests.bench.in_process import endpoint_numbered
from tests.bench.servers.hearing import KIND

PART = "workloads"
# So many messages are on their way to the other worker at a time.
IN_FLIGHT = 64
WAITERS = (1, 8, 64)


def run(operations: int, made: Endpoint, broker: str, scratch: Path) -> list[Finding]:
    """R2, Q1, P1 and S1."""
    # Sessions are signed with the platform's key, which the measured runtime has from its environment.
    os.environ.setdefault("ARMSTRONG_SECRET_KEY", made.environment["ARMSTRONG_SECRET_KEY"])
    command = (sys.executable, "-m", "tests.bench.servers.hearing", broker)
    with talking(command, scratch / "hearing.log", {}) as other:
        shared = uvloop.run(registry_shared(operations, broker, other))
    pools = [uvloop.run(pool(operations, waiters, made.environment["DATABASE_URL"])) for waiters in WAITERS]
    return [shared, queue(operations, broker), *pools, uvloop.run(sessions(operations, broker))]


async def registry_shared(operations: int, url: str, other: Dialogue) -> Finding:
    """R2: from this worker to another."""
    name = other.answer()["worker"]
    bus = Bus(url)
    other.say(count=operations)
    other.answer()
    began = time.monotonic()
    for _ in range(0, operations, IN_FLIGHT):
        await asyncio.gather(*(bus.tell(name, KIND, {"request": 7}) for _ in range(IN_FLIGHT)))
    seconds = other.answer()["at"] - began
    await bus.close()
    one = "a message from one worker to another over Valkey, told and heard"
    return Finding(
        PART, "R2 registry, between workers", operations / seconds, "/s", one, beside=f"{operations:,} of them"
    )


def queue(operations: int, url: str) -> Finding:
    """Q1: durable, as jobs travel."""
    with Connection(url) as connection, connection.SimpleQueue("bench") as jobs:
        began = time.monotonic()
        for number in range(operations):
            jobs.put({"number": number})
        for _ in range(operations):
            jobs.get(timeout=5).ack()
        seconds = time.monotonic() - began
    one = (
        "a job into Valkey's append-only file, out of it and acknowledged (kombu, as Celery does it), one after another"
    )
    beside = "published: 971,000, of a queue in memory"
    return Finding(PART, "Q1 queue, durable", operations / seconds, "jobs/s", one, beside=beside)


async def pool(operations: int, waiters: int, url: str) -> Finding:
    """P1: the data plane's one connection to PostgreSQL, and so many who want it."""
    line, left = Line(url), operations

    async def wait() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            async with line.transaction() as connection:
                await connection.execute("SELECT 1")

    async with line.transaction():
        pass
    began = time.monotonic()
    await asyncio.gather(*(wait() for _ in range(waiters)))
    seconds = time.monotonic() - began
    await line.close()
    one = "the connection taken, a transaction with SELECT 1 on PostgreSQL, the connection given back"
    beside = "published: 149,000, without a database"
    return Finding(PART, f"P1 pool, {waiters} waiting", operations / seconds, "/s", one, beside=beside)


async def sessions(operations: int, url: str) -> Finding:
    """S1: what a session costs from its beginning to its end."""
    client = redis.asyncio.Redis.from_url(url)
    state, tokens, endpoint, principal = SessionState(client), SessionTokens(), endpoint_numbered(1), Principal("key:1")
    before = (await client.info("memory"))["used_memory"]
    names, began = [], time.monotonic()
    for _ in range(operations):
        token = tokens.mint(endpoint, principal, "2025-11-25", {})
        tokens.read(token, endpoint, principal, ())
        names.append(digest(token))
        await state.set_level(names[-1], "info")
        await state.level(names[-1])
    seconds = time.monotonic() - began
    each = ((await client.info("memory"))["used_memory"] - before) / operations
    await client.aclose()
    one = "a session made (a signed token), verified, its log level stored in Valkey to expire with it, and read again"
    beside = f"{each:.0f} bytes each in Valkey, none in the worker; published: 242,000, of a dictionary"
    return Finding(PART, "S1 session", operations / seconds, "/s", one, beside=beside)
