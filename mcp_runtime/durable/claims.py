"""The runners' side of tasks: claiming one for a while, and writing how it ended.

A claim is a lease and a number: who comes late, because its lease ran out and another began, writes nothing.
"""

from typing import Any

import msgspec

from mcp_runtime.durable.changing import announce, hold
from mcp_runtime.lines import ENTER, Connection, Line
from mcp_runtime.protocol.tasks import COMPLETED, FAILED, INPUT_REQUIRED, WORKING, Call
from mcp_runtime.snapshots.structs import EndpointSnapshot, ToolSnapshot, decode

LEASE_SECONDS = 15
MAXIMUM_ATTEMPTS = 20
AT_ONCE = 100

_DUE = """
    UPDATE mcp_runtime_taskschedule SET wake_at = now() + %s * interval '1 s'
    WHERE task_id IN (
        SELECT task_id FROM mcp_runtime_taskschedule WHERE wake_at <= now() AND leased_until <= now()
        ORDER BY wake_at LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING tenant_id::text, task_id::text
"""
_LEASE = """
    UPDATE mcp_runtime_taskschedule SET leased_until = now() + %(lease)s * interval '1 s',
                                        wake_at = now() + %(lease)s * interval '1 s'
    WHERE task_id = %(task)s AND tenant_id = %(tenant)s AND leased_until <= now() RETURNING 1
"""
_READ = """
    SELECT t.endpoint_id::text, t.principal, t.call, t.answers, t.attempt, t.running, t.status,
           t.expires_at <= now(), p.document,
           CASE WHEN starts_with(t.principal, 'member:') THEN NOT EXISTS (
                    SELECT FROM tenants_membership m WHERE m.tenant_id = t.tenant_id
                    AND 'member:' || m.user_id = t.principal AND m.deactivated_at IS NULL)
                WHEN starts_with(t.principal, 'client:') THEN NOT EXISTS (
                    SELECT FROM tenants_mcpclient c WHERE c.tenant_id = t.tenant_id
                    AND 'client:' || c.client_id = t.principal)
                ELSE false END
    FROM mcp_runtime_task t
    LEFT JOIN mcp_runtime_publishedendpoint p ON p.tenant_id = t.tenant_id AND p.endpoint_id = t.endpoint_id
    WHERE t.tenant_id = %s AND t.id = %s FOR UPDATE OF t
"""
_BEGIN = """
    UPDATE mcp_runtime_task SET attempt = attempt + 1, running = true, updated_at = now()
    WHERE tenant_id = %s AND id = %s
"""
_RENEW = """
    UPDATE mcp_runtime_taskschedule s SET leased_until = now() + %(lease)s * interval '1 s',
                                          wake_at = now() + %(lease)s * interval '1 s'
    FROM mcp_runtime_task t
    WHERE s.task_id = %(task)s AND t.tenant_id = %(tenant)s AND t.id = s.task_id
      AND t.attempt = %(attempt)s AND t.running AND t.status = 'working' RETURNING 1
"""
_END = """
    UPDATE mcp_runtime_task SET running = false, status = %(status)s, message = %(message)s, outcome = %(outcome)s,
                                questions = %(questions)s, updated_at = now()
    WHERE tenant_id = %(tenant)s AND id = %(task)s AND attempt = %(attempt)s AND status = 'working' RETURNING 1
"""
_REST = """
    UPDATE mcp_runtime_taskschedule s SET leased_until = now(), wake_at = t.expires_at
    FROM mcp_runtime_task t WHERE s.task_id = %s AND t.tenant_id = %s AND t.id = s.task_id
"""
_FORGET = ("DELETE FROM mcp_runtime_task WHERE tenant_id = %s AND id = %s",
           "DELETE FROM mcp_runtime_taskschedule WHERE tenant_id = %s AND task_id = %s")  # fmt: skip


GONE = "Who asked for this is no longer here."


class Claim(msgspec.Struct, frozen=True):
    """A task that is this runner's to run, for as long as it renews its lease."""

    tenant_id: str
    task_id: str
    endpoint_id: str
    principal: str
    attempt: int
    call: Call
    answers: dict[str, Any]
    snapshot: EndpointSnapshot
    tool: ToolSnapshot


class Ending(msgspec.Struct, frozen=True):
    """How a run ended: completed or failed with an encoded `outcome`, or waiting for answers to `questions`."""

    status: str
    outcome: bytes = b""
    message: str = ""
    questions: dict[str, Any] = {}


class Claims:
    """What runners ask and tell the database. Each raises DatabaseAway."""

    def __init__(self, url: str) -> None:
        self._line = Line(url)

    async def close(self) -> None:
        """Closes its connection."""
        await self._line.close()

    async def due(self, patience_seconds: float) -> list[tuple[str, str]]:
        """Tenant and id of tasks that have to be looked at; nobody else hears of them for `patience_seconds`."""
        async with self._line.transaction() as connection:
            rows = await (await connection.execute(_DUE, (patience_seconds, AT_ONCE))).fetchall()
        return [(tenant_id, task_id) for tenant_id, task_id in rows]

    async def claim(self, tenant_id: str, task_id: str) -> Claim | None:
        """The task, if it can be run now; one that cannot be any more is ended or forgotten."""
        named = {"lease": LEASE_SECONDS, "task": task_id, "tenant": tenant_id}
        async with self._line.transaction() as connection:
            await connection.execute(ENTER, (tenant_id,))
            if await (await connection.execute(_LEASE, named)).fetchone() is None:
                return None
            row = await (await connection.execute(_READ, (tenant_id, task_id))).fetchone()
            if row is None or row[7]:
                for statement in _FORGET:
                    await connection.execute(statement, (tenant_id, task_id))
                return None
            return await self._begin(connection, tenant_id, task_id, row)

    async def _begin(self, connection: Connection, tenant_id: str, task_id: str, row: tuple[Any, ...]) -> Claim | None:
        endpoint_id, principal, call, answers, attempt, running, status, _, document, is_gone = row
        if status != WORKING:
            await connection.execute(_REST, (task_id, tenant_id))
            return None
        asked = msgspec.json.decode(call, type=Call)
        snapshot = decode(document) if document else None
        tool = next((tool for tool in snapshot.tools if tool.name == asked.tool), None) if snapshot else None
        refusal = GONE if is_gone else _refusal(snapshot, tool, principal, attempt if running else 0)
        if snapshot is None or tool is None or refusal:
            ending = Ending(FAILED, failure(refusal), refusal)
            await self._end(connection, (tenant_id, task_id, endpoint_id), attempt, ending)
            return None
        await connection.execute(_BEGIN, (tenant_id, task_id))
        given = msgspec.json.decode(answers)
        return Claim(tenant_id, task_id, endpoint_id, principal, attempt + 1, asked, given, snapshot, tool)

    async def renew(self, claim: Claim) -> bool:
        """Whether the run may go on: it is still its own, and nobody cancelled."""
        named = {"lease": LEASE_SECONDS, "task": claim.task_id, "tenant": claim.tenant_id, "attempt": claim.attempt}
        async with self._line.transaction() as connection:
            await connection.execute(ENTER, (claim.tenant_id,))
            return await (await connection.execute(_RENEW, named)).fetchone() is not None

    async def end(self, claim: Claim, ending: Ending) -> None:
        """Writes how the run ended, unless the task was cancelled or is another's by now."""
        async with self._line.transaction() as connection:
            await connection.execute(ENTER, (claim.tenant_id,))
            await hold(connection, claim.task_id)
            names = (claim.tenant_id, claim.task_id, claim.endpoint_id)
            await self._end(connection, names, claim.attempt, ending)

    @staticmethod
    async def _end(connection: Connection, names: tuple[str, str, str], attempt: int, ending: Ending) -> None:
        tenant_id, task_id, endpoint_id = names
        named = {
            "tenant": tenant_id,
            "task": task_id,
            "attempt": attempt,
            "status": ending.status,
            "message": ending.message,
            "outcome": ending.outcome.decode(),
            "questions": msgspec.json.encode(ending.questions).decode(),
        }
        if await (await connection.execute(_END, named)).fetchone() is not None:
            await connection.execute(_REST, (task_id, tenant_id))
            await announce(connection, tenant_id, endpoint_id, task_id)


def failure(message: str, code: int = -32603) -> bytes:
    """The encoded JSON-RPC error of a failed task."""
    return msgspec.json.encode({"code": code, "message": message})


def completed(result: bytes) -> Ending:
    """The ending with a result, which may say that the tool failed."""
    return Ending(COMPLETED, result)


def asking(questions: dict[str, Any]) -> Ending:
    """The ending that waits for answers."""
    return Ending(INPUT_REQUIRED, message="Waiting for answers.", questions=questions)


def _refusal(snapshot: EndpointSnapshot | None, tool: ToolSnapshot | None, principal: str, interrupted: int) -> str:
    """Why a task cannot be run; `interrupted` is how many runs of it were, the last among them. Empty if it can."""
    if snapshot is None or tool is None:
        return "The tool is not there any more."
    keys = {f"key:{key.id}" for key in snapshot.keys}
    if principal.startswith("key:") and snapshot.access != "open" and principal not in keys:
        return "The key that asked for this was revoked."
    if interrupted >= MAXIMUM_ATTEMPTS:
        return f"It was interrupted {interrupted} times."
    if interrupted and not (tool.annotations.get("idempotentHint") or tool.annotations.get("readOnlyHint")):
        return "It was interrupted, and its tool does not say that it may be called twice (idempotentHint)."
    return ""
