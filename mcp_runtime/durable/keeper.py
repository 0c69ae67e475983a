"""The workers' side of tasks: accepting them, telling how they stand, passing answers and cancellations on."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from core import refusals
from core.channels import TASKS_CHANNEL
from core.refusals import Refused
from mcp_runtime.durable.changing import announce, hold
from mcp_runtime.lines import ENTER, Connection, DatabaseAway, Line
from mcp_runtime.protocol.questions import decode_question, read_answer
from mcp_runtime.protocol.tasks import INPUT_REQUIRED, WORKING, Call, TaskScope, TaskState

LIFETIME_MS = 24 * 60 * 60 * 1_000
MAXIMUM_UNFINISHED = 1_000  # of one endpoint
# The notification wakes who runs tasks at once; the schedule does where that was not heard.
WAKE_SECONDS = 2

_UNFINISHED = """
    SELECT count(*) FROM mcp_runtime_task
    WHERE tenant_id = %s AND endpoint_id = %s AND status IN ('working', 'input_required')
"""
_CREATE = """
    INSERT INTO mcp_runtime_task (id, tenant_id, endpoint_id, principal, tool, call, status, message, questions,
                                  answers, outcome, attempt, running, created_at, updated_at, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s, 'working', '', '{}', %s, '', 0, false, now(), now(), now() + %s * interval '1 ms')
"""
_SCHEDULE = """
    INSERT INTO mcp_runtime_taskschedule (task_id, tenant_id, wake_at, leased_until)
    VALUES (%s, %s, now() + %s * interval '1 s', now())
"""
_WAKE = "UPDATE mcp_runtime_taskschedule SET wake_at = now() + %s * interval '1 s' WHERE task_id = %s"
_FORGET_LATER = """
    UPDATE mcp_runtime_taskschedule s SET wake_at = t.expires_at
    FROM mcp_runtime_task t WHERE s.task_id = %s AND t.tenant_id = %s AND t.id = s.task_id
"""
_TIME = "to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
_THEIRS = "tenant_id = %s AND id = %s AND endpoint_id = %s AND principal = %s AND expires_at > now()"
_GET = f"""
    SELECT status, {_TIME % "created_at"}, {_TIME % "updated_at"},
           round(extract(epoch FROM expires_at - created_at) * 1000)::bigint, message, questions, answers, outcome
    FROM mcp_runtime_task WHERE {_THEIRS}
"""  # noqa: S608  made of constants
_ANSWER = """
    UPDATE mcp_runtime_task SET questions = %s, answers = %s, status = %s, message = '', updated_at = now()
    WHERE tenant_id = %s AND id = %s
"""
_CANCEL = f"""
    UPDATE mcp_runtime_task SET status = 'cancelled', questions = '{{}}', message = 'Cancelled by the client.',
                                updated_at = now()
    WHERE {_THEIRS} AND status IN ('working', 'input_required')
"""  # noqa: S608  made of constants
_OWNED = """
    SELECT id::text FROM mcp_runtime_task
    WHERE tenant_id = %s AND id = ANY(%s) AND endpoint_id = %s AND principal = %s AND expires_at > now()
"""


class Keeper:
    """A `protocol.tasks.TaskKeeper` over PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._line = Line(url)

    async def close(self) -> None:
        """Closes its connection."""
        await self._line.close()

    @asynccontextmanager
    async def _inside(self, scope: TaskScope) -> AsyncIterator[Connection]:
        """A transaction in the tenant's context. Raises Refused while the database is away."""
        try:
            async with self._line.transaction() as connection:
                await connection.execute(ENTER, (scope.tenant_id,))
                yield connection
        except DatabaseAway:
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE) from None

    async def create(self, scope: TaskScope, call: Call, answers: dict[str, Any]) -> TaskState:
        task_id = str(uuid.uuid4())
        tenant, endpoint, principal = scope
        async with self._inside(scope) as connection:
            counted = await (await connection.execute(_UNFINISHED, (tenant, endpoint))).fetchone()
            if counted is not None and counted[0] >= MAXIMUM_UNFINISHED:
                raise Refused(refusals.LIMIT_REACHED, f"{MAXIMUM_UNFINISHED} tasks of this endpoint are unfinished.")
            row = (task_id, tenant, endpoint, principal, call.tool, _text(call), _text(answers), LIFETIME_MS)
            await connection.execute(_CREATE, row)
            await connection.execute(_SCHEDULE, (task_id, tenant, WAKE_SECONDS))
            await _wake(connection, scope, task_id)
            return await self._require(connection, scope, task_id)

    async def get(self, scope: TaskScope, task_id: str) -> TaskState | None:
        if not _is_id(task_id):
            return None
        async with self._inside(scope) as connection:
            found = await _find(connection, scope, task_id)
        return found[0] if found else None

    async def _require(self, connection: Connection, scope: TaskScope, task_id: str) -> TaskState:
        found = await _find(connection, scope, task_id)
        if found is None:  # written in this very transaction
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE)
        return found[0]

    async def answer(self, scope: TaskScope, task_id: str, answers: dict[str, Any]) -> bool:
        if not _is_id(task_id):
            return False
        async with self._inside(scope) as connection:
            await hold(connection, task_id)
            found = await _find(connection, scope, task_id, lock=True)
            if found is None:
                return False
            state, former = found
            given = {
                key: read_answer(decode_question(state.questions[key]), answers[key])
                for key in state.questions.keys() & answers.keys()
            }
            if state.status == INPUT_REQUIRED and given:
                await self._take(connection, scope, state, former | given)
        return True

    @staticmethod
    async def _take(connection: Connection, scope: TaskScope, state: TaskState, answers: dict[str, Any]) -> None:
        left = {key: question for key, question in state.questions.items() if key not in answers}
        status = INPUT_REQUIRED if left else WORKING
        row = (_text(left), _text(answers), status, scope.tenant_id, state.id)
        await connection.execute(_ANSWER, row)
        if not left:
            await connection.execute(_WAKE, (WAKE_SECONDS, state.id))
            await _wake(connection, scope, state.id)
        await announce(connection, scope.tenant_id, scope.endpoint_id, state.id)

    async def cancel(self, scope: TaskScope, task_id: str) -> bool:
        if not _is_id(task_id):
            return False
        row = (scope.tenant_id, task_id, scope.endpoint_id, scope.principal_id)
        async with self._inside(scope) as connection:
            await hold(connection, task_id)
            found = await _find(connection, scope, task_id)
            if found is not None and found[0].status in (WORKING, INPUT_REQUIRED):
                await connection.execute(_CANCEL, row)
                await connection.execute(_FORGET_LATER, (task_id, scope.tenant_id))
                await announce(connection, scope.tenant_id, scope.endpoint_id, task_id)
        return found is not None

    async def owned(self, scope: TaskScope, task_ids: frozenset[str]) -> frozenset[str]:
        ids = [task_id for task_id in task_ids if _is_id(task_id)]
        row = (scope.tenant_id, ids, scope.endpoint_id, scope.principal_id)
        async with self._inside(scope) as connection:
            return frozenset(found[0] for found in await (await connection.execute(_OWNED, row)).fetchall())


async def _find(
    connection: Connection, scope: TaskScope, task_id: str, *, lock: bool = False
) -> tuple[TaskState, dict[str, Any]] | None:
    """A task as its client sees it, and the answers it has; None for one that is not theirs."""
    asked = (scope.tenant_id, task_id, scope.endpoint_id, scope.principal_id)
    row = await (await connection.execute(_GET + ("FOR UPDATE" if lock else ""), asked)).fetchone()
    if row is None:
        return None
    status, created_at, updated_at, ttl_ms, message, questions, answers, outcome = row
    state = TaskState(
        task_id,
        status,
        created_at,
        updated_at,
        ttl_ms,
        message,
        msgspec.json.decode(questions),
        outcome.encode(),
    )
    return state, msgspec.json.decode(answers)


async def _wake(connection: Connection, scope: TaskScope, task_id: str) -> None:
    """Tells who runs tasks, on commit, that one can be run."""
    await connection.execute("SELECT pg_notify(%s, %s)", (TASKS_CHANNEL, f"{scope.tenant_id}/{task_id}"))


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _is_id(text: str) -> bool:
    """Whether it is an id of ours, in the one spelling that we give out."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
