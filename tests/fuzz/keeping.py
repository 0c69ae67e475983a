"""Tasks that no database keeps: one of each status, which is everybody's."""

from typing import Any

from mcp_runtime.protocol.questions import NotAnAnswer
from mcp_runtime.protocol.tasks import (
    CANCELLED,
    COMPLETED,
    FAILED,
    INPUT_REQUIRED,
    WORKING,
    Call,
    TaskScope,
    TaskState,
)

MOMENT = "2026-11-22T00:00:00Z"
QUESTION = {"step1": {"method": "roots/list", "params": {}}}
OUTCOMES = {COMPLETED: b'{"content":[]}', FAILED: b'{"code":-1,"message":"no"}'}
STATUSES = (WORKING, INPUT_REQUIRED, COMPLETED, FAILED, CANCELLED)


class Keeper:
    """Knows a task by the name of its status."""

    async def create(self, scope: TaskScope, call: Call, answers: dict[str, Any]) -> TaskState:
        """One that works."""
        return _state(WORKING)

    async def get(self, scope: TaskScope, task_id: str) -> TaskState | None:
        """The task whose status is its id."""
        return _state(task_id) if task_id in STATUSES else None

    async def answer(self, scope: TaskScope, task_id: str, answers: dict[str, Any]) -> bool:
        """Takes answers that are objects."""
        if any(type(answer) is not dict for answer in answers.values()):
            raise NotAnAnswer("An answer is an object.")
        return task_id in STATUSES

    async def cancel(self, scope: TaskScope, task_id: str) -> bool:
        """Cancels nothing."""
        return task_id in STATUSES

    async def owned(self, scope: TaskScope, task_ids: frozenset[str]) -> frozenset[str]:
        """Those that there are."""
        return task_ids & frozenset(STATUSES)


def _state(status: str) -> TaskState:
    questions = QUESTION if status == INPUT_REQUIRED else {}
    return TaskState(status, status, MOMENT, MOMENT, 60_000, "", questions, OUTCOMES.get(status, b""))
