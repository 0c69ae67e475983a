"""Tools whose upstream is not well: each call ends in time with a result that says so, and nobody else notices."""

import asyncio
import json
import time
from collections.abc import Iterator

import psycopg

from tests.chaos.calls import Account, encoded, headers_of
from tests.chaos.http1 import Connection, Lost, request
from tests.chaos.scene import Case, Load, Scene, Strike, Trial
from tests.chaos.upstream import BEHAVIOURS

GROUP = "upstream"
CALLERS, CALLS_EACH = 8, 4
# The tools have two seconds for their upstream (tests/chaos/cast.py).
ANSWER_SECONDS = 6.0
# What may succeed, and what has to.
MAY = frozenset({"well", "flapping"})
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
SHIPPED_SECONDS = 10.0
_COUNT = "SELECT count(*) FROM billing_usageevent WHERE tenant_id = %s AND name = %s"


def ill(behaviour: str) -> Strike:
    """Calls the tool with this upstream from several clients at once."""

    async def strike(scene: Scene, trial: Trial) -> None:
        account, port = scene.house.accounts[0], scene.house.port
        before = await _counted(scene, behaviour)
        scene.hit(trial)
        told = await asyncio.gather(*(_caller(account, port, behaviour) for _ in range(CALLERS)))
        scene.healed(trial)
        trial.broken += [complaint for complaints in told for complaint in complaints]
        await _compare(scene, trial, behaviour, before)

    return strike


async def _compare(scene: Scene, trial: Trial, behaviour: str, before: int) -> None:
    """Each of these calls was answered, so each is in the ledger."""
    limit, wanted = time.monotonic() + SHIPPED_SECONDS, before + CALLERS * CALLS_EACH
    found = before
    while found < wanted and time.monotonic() < limit:
        await asyncio.sleep(0.2)
        found = await _counted(scene, behaviour)
    if found != wanted:
        trial.broken.append(f"{wanted - before} calls were answered, and {found - before} are in the ledger")


async def _counted(scene: Scene, tool: str) -> int:
    async with await psycopg.AsyncConnection.connect(scene.house.admin_url()) as connection:
        cursor = await connection.execute(_COUNT, (scene.house.accounts[0].tenant_id, tool))
        row = await cursor.fetchone()
        return int(row[0]) if row else 0


async def _caller(account: Account, port: int, tool: str) -> list[str]:
    """What was wrong with the answers, a sentence each."""
    headers = headers_of(account, f"localhost:{port}", tool)
    body = encoded(1, "tools/call", {"name": tool, "arguments": {}, "_meta": META})
    connection, complaints = Connection(port), []
    for _ in range(CALLS_EACH):
        try:
            answer = await connection.ask(request("POST", account.path, headers, body), ANSWER_SECONDS)
            result = json.loads(answer.body)["result"]
        except (Lost, ValueError, KeyError) as error:
            complaints.append(f"{tool}: no result: {error!r}")
            continue
        failed = bool(result.get("isError"))
        if failed == (tool == "well") and tool != "flapping":
            complaints.append(f"{tool}: a result that should be another: {answer.body[:200]!r}")
    connection.close()
    return complaints


def cases() -> Iterator[Case]:
    """One for each way to be ill, and one for being well."""
    for behaviour in BEHAVIOURS:
        name = f"an upstream that is {behaviour.replace('_', '-')}"
        short = int(behaviour == "garbage")
        yield Case(name, GROUP, Load.CALLS, ill(behaviour), ("runtime-1",), short=short, goes_on=True)
