"""Messages that nobody should send: to the jobs, to the tasks, to those who listen, and a journal that is torn."""

import asyncio
import base64
import json
import re
import secrets
import time
import uuid
from collections.abc import Iterator, Sequence

import psycopg
import redis.asyncio

from core.channels import ENDPOINTS_CHANNEL, TASKS_CHANNEL
from mcp_runtime.bus import EVERYONE, PREFIX
from mcp_runtime.durable.thread import QUEUE, RUN_TASK
from mcp_runtime.metering.records import record
from tests.chaos.house import OURS
from tests.chaos.scene import Case, Load, Scene, Strike, Trial

GROUP = "message"
JOBS = "celery"  # Celery's own name for the queue of those who name none
WATCHED_SECONDS = 5.0
NOTIFICATIONS = ("", "nonsense", "{}", '{"tenant_id": 7}', "[" * 3_000, json.dumps({"x": "y" * 7_000}))
TORN_RECORDS = 20
TOOL = "torn"
REPLAY_SECONDS = 30.0
_SHIPPED = "SELECT count(*), count(DISTINCT sequence) FROM billing_usageevent WHERE boot = %s AND name = %s"
_DAMAGED = re.compile(r"a journal is damaged in (\d+) places: (\d+) calls are missing")


def envelope(task: str, body: object, content_type: str = "application/json") -> bytes:
    """A message as Celery writes it to Redis (protocol 2)."""
    name = str(uuid.uuid4())
    made = {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": content_type,
        "headers": {"lang": "py", "task": task, "id": name, "root_id": name, "argsrepr": "()", "kwargsrepr": "{}"},
        "properties": {
            "correlation_id": name,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": JOBS},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": name,
        },
    }
    return json.dumps(made).encode()


POISON = (
    b"nonsense",
    b"\xff\xfe\x00",
    b"{}",
    b"[1, 2]",
    envelope("no.such.task", [[], {}, {}]),
    envelope("billing.usage_sum", "not what it should be"),
    envelope(RUN_TASK, [["not", "enough", "or", "too", "many"], {}, {}]),
    envelope(RUN_TASK, [["no tenant", "no task"], {}, {}]),
    envelope("no.such.task", [[], {}, {}], "application/x-python-serialize"),
)


def poisoned(queue: str, role: str) -> Strike:
    """Puts all of them into a queue: who reads it may fall over it once, and not again and again."""

    async def strike(scene: Scene, trial: Trial) -> None:
        client = redis.asyncio.Redis.from_url(scene.house.redis_url())
        before = (await scene.house.children())[role]["restarts"]
        scene.hit(trial)
        try:
            for message in POISON:
                await client.lpush(queue, message)
            await asyncio.sleep(WATCHED_SECONDS)
            left = await client.llen(queue)
        finally:
            await client.aclose()
        scene.healed(trial)
        restarts = (await scene.house.children())[role]["restarts"] - before
        if restarts > 1 or left:
            trial.broken.append(f"{role} was restarted {restarts} times, and {left} messages are left")
        trial.notes.append(f"{role}: {restarts} restarts")

    return strike


async def notified(scene: Scene, trial: Trial) -> None:
    """Notifies the workers of what no service would."""
    scene.hit(trial)
    async with await psycopg.AsyncConnection.connect(scene.house.admin_url(), autocommit=True) as connection:
        for payload in NOTIFICATIONS:
            for channel in (ENDPOINTS_CHANNEL, TASKS_CHANNEL):
                await connection.execute("SELECT pg_notify(%s, %s)", (channel, payload))
    scene.healed(trial)


async def whispered(scene: Scene, trial: Trial) -> None:
    """Sends the workers what no worker would."""
    client = redis.asyncio.Redis.from_url(scene.house.redis_url())
    scene.hit(trial)
    try:
        channel = f"{PREFIX}__group__{EVERYONE}"
        heard = [
            await client.publish(channel, message) for message in (b"", b"nonsense", b"\xc1", b"\x80", b"\x93\x01\x02")
        ]
    finally:
        await client.aclose()
    if not all(heard):
        trial.broken.append("no worker heard the poisoned message: the injector is out of date")
    scene.healed(trial)


async def torn(scene: Scene, trial: Trial) -> None:
    """Leaves the journal of a dead worker: a record damaged in the middle, the last one torn in two."""
    boot, tenant = secrets.randbits(62), scene.house.accounts[0].tenant_id
    records = [record(number, _payload(tenant)) for number in range(1, TORN_RECORDS + 1)]
    records[5] = records[5][:-3] + b"???"
    records[-1] = records[-1][:-10]
    scene.hit(trial)
    (scene.house.journal / f"{boot:016x}-00000000.journal").write_bytes(b"".join(records))
    whole = TORN_RECORDS - 2
    found = await _replayed(scene, boot, whole)
    scene.healed(trial)
    if found != (whole, whole):
        trial.broken.append(f"of {whole} whole records {found[0]} are in the ledger")
    told = _DAMAGED.findall(scene.house.platform.printed())
    if not told:
        trial.broken.append("nobody said that a journal is damaged")
    trial.notes.append(f"damaged places and missing calls, as told: {told}")


async def _replayed(scene: Scene, boot: int, wanted: int) -> tuple[int, int]:
    limit = time.monotonic() + REPLAY_SECONDS
    while True:
        async with await psycopg.AsyncConnection.connect(scene.house.admin_url()) as connection:
            row = await (await connection.execute(_SHIPPED, (boot, TOOL))).fetchone()
        found = (int(row[0]), int(row[1])) if row else (0, 0)
        if found[0] >= wanted or time.monotonic() > limit:
            return found
        await asyncio.sleep(0.2)


def _payload(tenant: str) -> bytes:
    columns: Sequence[str] = (
        str(time.time_ns() // 1000), tenant, str(uuid.uuid4()), "key:torn", "tools/call", TOOL, "2026-07-28", "ok", "t",
        "10", "1", "1", "torn",
    )  # fmt: skip
    return "\t".join(columns).encode() + b"\n"


def cases() -> Iterator[Case]:
    """All of them."""
    yield _case("poisoned messages for the jobs", poisoned(JOBS, "jobs"), short=1)
    yield _case("poisoned messages for the tasks", poisoned(QUEUE, "tasks"))
    yield _case("poisoned notifications", notified, short=1)
    yield _case("poisoned messages between workers", whispered)
    yield _case("a torn journal", torn, short=1)


def _case(name: str, strike: Strike, *, short: int = 0) -> Case:
    return Case(name, GROUP, Load.CALLS, strike, OURS, 60.0, trials=2, short=short, goes_on=True)
