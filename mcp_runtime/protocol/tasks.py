"""Calls that outlive their request, as the protocol sees them: their state, and who keeps them."""

from typing import Any, NamedTuple, Protocol

import msgspec

EXTENSION_ID = "io.modelcontextprotocol/tasks"
WORKING = "working"
INPUT_REQUIRED = "input_required"
COMPLETED = "completed"
FAILED = "failed"
CANCELLED = "cancelled"


class TaskScope(NamedTuple):
    """Whose tasks: every question about one names all three, so that an id alone opens nothing."""

    tenant_id: str
    endpoint_id: str
    principal_id: str


class Call(msgspec.Struct, frozen=True):
    """What was asked, and by what kind of client: all that it takes to run the call later, elsewhere."""

    version: str
    tool: str
    arguments: dict[str, Any]
    capabilities: dict[str, Any]


class TaskState(msgspec.Struct, frozen=True):
    """One task as its client may see it.

    Times are ISO 8601 in UTC; `questions` wait for answers, in wire form by key; `outcome` is the encoded result of a
    completed task, the encoded error of a failed one, and empty for any other.
    """

    id: str
    status: str
    created_at: str
    updated_at: str
    ttl_ms: int
    message: str = ""
    questions: dict[str, Any] = {}
    outcome: bytes = b""


class TaskKeeper(Protocol):
    """Keeps tasks where a killed process cannot lose them. Each raises Refused while they are out of reach."""

    async def create(self, scope: TaskScope, call: Call, answers: dict[str, Any]) -> TaskState:
        """Accepts a call, with the answers that its client gave already; it is durable when this returns.

        Raises Refused(LIMIT_REACHED) when too many of the endpoint's tasks are unfinished.
        """

    async def get(self, scope: TaskScope, task_id: str) -> TaskState | None:
        """The task, if it is theirs and not forgotten."""

    async def answer(self, scope: TaskScope, task_id: str, answers: dict[str, Any]) -> bool:
        """Gives answers; keys that wait for none are ignored. False if there is no such task.

        Raises NotAnAnswer for one that does not answer its question.
        """

    async def cancel(self, scope: TaskScope, task_id: str) -> bool:
        """Cancels a task that is not finished, and leaves a finished one. False if there is no such task."""

    async def owned(self, scope: TaskScope, task_ids: frozenset[str]) -> frozenset[str]:
        """Those of the ids that are theirs."""
