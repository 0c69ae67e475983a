"""Tasks: calls that outlive their request (io.modelcontextprotocol/tasks, ext-tasks 2026-07-28, SEP-2663)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.extension import Extension
from mcp_runtime.protocol.questions import NotAnAnswer
from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.protocol.served import ServedEndpoint
from mcp_runtime.protocol.tasks import EXTENSION_ID
from mcp_runtime.protocol.tasks_wire import encode_detailed
from mcp_runtime.protocol.wire import wire_of
from mcp_runtime.sources.contract import CallContext

SECONDS = 10.0


@dataclass(slots=True)
class TaskWork:
    """A request about one task, which its keeper answers."""

    exchange: Exchange
    task_id: str
    act: Callable[[Exchange, str], Awaitable[bytes]]
    seconds: float = SECONDS

    async def run(self, _context: CallContext) -> bytes:
        """Asks the keeper, and encodes what it says."""
        return await self.act(self.exchange, self.task_id)

    def failed(self, sentence: str) -> bytes:
        """There is no result that says it failed, so this is an error."""
        raise RpcError(errors.INTERNAL_ERROR, sentence)


def get(exchange: Exchange) -> TaskWork:
    """How a task stands."""
    return TaskWork(exchange, _task_id(exchange), _get)


def update(exchange: Exchange) -> TaskWork:
    """Answers to what a task asks; some of them, or all. Raises RpcError(INVALID_PARAMS) for what is no object."""
    if type(exchange.params.get("inputResponses")) is not dict:
        raise RpcError(errors.INVALID_PARAMS, "params.inputResponses is an object.")
    return TaskWork(exchange, _task_id(exchange), _update)


def cancel(exchange: Exchange) -> TaskWork:
    """Ends a task that is not finished; a finished one stays as it is."""
    return TaskWork(exchange, _task_id(exchange), _cancel)


def _task_id(exchange: Exchange) -> str:
    task_id = exchange.params.get("taskId")
    if type(task_id) is not str:
        raise RpcError(errors.INVALID_PARAMS, "params.taskId is a string.")
    return task_id


async def _get(exchange: Exchange, task_id: str) -> bytes:
    state = await exchange.tasks.get(exchange.scope, task_id)
    if state is None:
        raise _unknown()
    return encode_detailed(exchange, state)


async def _update(exchange: Exchange, task_id: str) -> bytes:
    answers: dict[str, Any] = exchange.params["inputResponses"]
    try:
        return _acknowledged(exchange, known=await exchange.tasks.answer(exchange.scope, task_id, answers))
    except NotAnAnswer as error:
        raise RpcError(errors.INVALID_PARAMS, str(error)) from None


async def _cancel(exchange: Exchange, task_id: str) -> bytes:
    return _acknowledged(exchange, known=await exchange.tasks.cancel(exchange.scope, task_id))


def _acknowledged(exchange: Exchange, *, known: bool) -> bytes:
    if not known:
        raise _unknown()
    # A result without members of its own: what closes every result, without the comma before it.
    return b"{" + wire_of(exchange.endpoint, exchange.revision).closing[1:]


def _unknown() -> RpcError:
    return RpcError(errors.INVALID_PARAMS, "There is no such task, or it is forgotten by now.")


def _settings(endpoint: ServedEndpoint) -> dict[str, Any] | None:
    """Offered where any tool may run as a task."""
    return {} if any(tool.snapshot.task != "forbidden" for tool in endpoint.tools.values()) else None


EXTENSION = Extension(
    id=EXTENSION_ID,
    version="2026-07-28",
    revisions=frozenset({"2026-07-28"}),
    settings=_settings,
    methods={"tasks/get": get, "tasks/update": update, "tasks/cancel": cancel},
    mirrored={"tasks/get": "taskId", "tasks/update": "taskId", "tasks/cancel": "taskId"},
    must_be_declared=True,
)
