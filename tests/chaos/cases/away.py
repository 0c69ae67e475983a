"""The database or Valkey is away: hung, refusing, hanging up on everybody, there and away in turns."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator

import psycopg
import redis.asyncio
from psycopg import sql

from tests.chaos.calls import headers_of, tool_of
from tests.chaos.cases.stops import stall
from tests.chaos.http1 import Answer, Connection, Lost, request
from tests.chaos.scene import Case, Load, Scene, Strike, Trial

GROUP = "away"
OUTAGE_SECONDS, SHORT_OUTAGE_SECONDS = 60.0, 10.0
FLAPS = 10
STRANGER_SECONDS = 15.0
APPLICATION = ("armstrong_app", "armstrong_owner")
_CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)"


def with_a_stranger(strike: Strike) -> Strike:
    """Has somebody ask for an endpoint that no worker knows meanwhile: that is refused in JSON, and in time."""

    async def both(scene: Scene, trial: Trial) -> None:
        striking = asyncio.ensure_future(strike(scene, trial))
        await asyncio.sleep(1.0)
        try:
            answer = await ask_for_unknown(scene)
        except Lost as lost:
            trial.broken.append(f"who asked for an endpoint that is not held was not answered: {lost}")
        else:
            if answer.status < 400 or not answer.body.startswith(b"{"):
                trial.broken.append(f"who asked for an endpoint that is not held was told {answer.status}")
            trial.notes.append(f"an endpoint that is not held: {answer.status}")
        await striking

    return both


async def ask_for_unknown(scene: Scene) -> Answer:
    """The answer to a call at an endpoint that is nowhere; raises Lost."""
    account = scene.house.accounts[0]
    headers = headers_of(account, f"localhost:{scene.house.port}", tool_of(0))
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}).encode()
    connection = Connection(scene.house.port)
    try:
        return await connection.ask(request("POST", "/t/nobody/nothing/mcp", headers, body), STRANGER_SECONDS)
    finally:
        connection.close()


def refusing(seconds: float) -> Strike:
    """Has the database refuse connections, and end those there are."""

    async def strike(scene: Scene, trial: Trial) -> None:
        scene.hit(trial)
        await _allow(scene, is_allowed=False)
        try:
            await _cut(scene)
            await asyncio.sleep(seconds)
        finally:
            await _allow(scene, is_allowed=True)
        scene.healed(trial)

    return strike


async def flapping(scene: Scene, trial: Trial) -> None:
    """Ends all of the platform's connections to the database, again and again."""
    scene.hit(trial)
    for _ in range(FLAPS):
        await _cut(scene)
        await asyncio.sleep(0.5)
    scene.healed(trial)


async def _allow(scene: Scene, *, is_allowed: bool) -> None:
    statement = sql.SQL("ALTER DATABASE armstrong ALLOW_CONNECTIONS {}").format(sql.Literal(is_allowed))
    async with await psycopg.AsyncConnection.connect(scene.house.admin_url("postgres"), autocommit=True) as connection:
        await connection.execute(statement)


async def _cut(scene: Scene) -> None:
    async with await psycopg.AsyncConnection.connect(scene.house.admin_url("postgres"), autocommit=True) as connection:
        await connection.execute(_CUT, (list(APPLICATION),))


def with_valkey(act: Callable[["redis.asyncio.Redis"], Awaitable[None]]) -> Strike:
    """Does something to Valkey."""

    async def strike(scene: Scene, trial: Trial) -> None:
        client = redis.asyncio.Redis.from_url(scene.house.redis_url())
        scene.hit(trial)
        try:
            await act(client)
        finally:
            await client.aclose()
        scene.healed(trial)

    return strike


async def hang_up(client: "redis.asyncio.Redis") -> None:
    """Ends everybody's connections, again and again."""
    for _ in range(FLAPS):
        for kind in ("normal", "pubsub"):
            await client.client_kill_filter(_type=kind, skipme=True)
        await asyncio.sleep(0.5)


async def fill(client: "redis.asyncio.Redis") -> None:
    """Leaves no memory: every write is refused (policy noeviction)."""
    await client.config_set("maxmemory", "1mb")
    try:
        await asyncio.sleep(SHORT_OUTAGE_SECONDS)
    finally:
        await client.config_set("maxmemory", "0")


async def forget(client: "redis.asyncio.Redis") -> None:
    """Loses everything that it holds."""
    await client.flushall()


def cases() -> Iterator[Case]:
    """All of them."""
    hung = with_a_stranger(stall(("postgres",), OUTAGE_SECONDS))
    yield _case("the database hangs for 60 s", hung, ("postgres",), Load.STREAMS)
    yield _case("the database hangs for 10 s", stall(("postgres",), SHORT_OUTAGE_SECONDS), ("postgres",), short=1)
    yield _case("the database refuses everybody for 60 s", with_a_stranger(refusing(OUTAGE_SECONDS)), ("postgres",))
    yield _case("the database refuses everybody for 10 s", refusing(SHORT_OUTAGE_SECONDS), ("postgres",))
    yield _case(f"the database hangs up on everybody {FLAPS} times", flapping, ("postgres",))
    yield _case("Valkey hangs for 20 s", stall(("valkey",), 20.0), ("valkey",), Load.STREAMS)
    yield _case(f"Valkey hangs up on everybody {FLAPS} times", with_valkey(hang_up), ("valkey",))
    yield _case("Valkey's memory is full for 10 s", with_valkey(fill), ("valkey",))
    yield _case("Valkey forgets everything", with_valkey(forget), ("valkey",))
    both = stall(("postgres", "valkey"), SHORT_OUTAGE_SECONDS)
    yield _case("database and Valkey hang for 10 s", both, ("postgres", "valkey"))


def _case(name: str, strike: Strike, roles: tuple[str, ...], load: Load = Load.CALLS, *, short: int = 0) -> Case:
    # Known endpoints are served from memory: none of this may be felt.
    return Case(name, GROUP, load, strike, (*roles, "runtime-1"), 60.0, trials=1, short=short, goes_on=True)
