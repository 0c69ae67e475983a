"""Tasks in the form that clients read (ext-tasks 2026-07-28)."""

from typing import Any

import msgspec

from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.protocol.tasks import COMPLETED, FAILED, INPUT_REQUIRED, TaskState
from mcp_runtime.protocol.wire import SERVER_INFO, wire_of

POLL_INTERVAL_MS = 500


def encode_created(exchange: Exchange, state: TaskState) -> bytes:
    """A CreateTaskResult: flat, and without what only tasks/get tells."""
    meta = {SERVER_INFO: wire_of(exchange.endpoint, exchange.revision).server_info}
    return encode({"resultType": "task", **_described(state), "_meta": meta})


def encode_detailed(exchange: Exchange, state: TaskState) -> bytes:
    """The result of tasks/get: a DetailedTask."""
    return encode(detailed(state))[:-1] + wire_of(exchange.endpoint, exchange.revision).closing


def detailed(state: TaskState) -> dict[str, Any]:
    """A DetailedTask: what it waits for, or how it ended, is part of it."""
    body = _described(state)
    if state.status == INPUT_REQUIRED:
        body["inputRequests"] = state.questions
    elif state.status == COMPLETED:
        body["result"] = msgspec.Raw(state.outcome)
    elif state.status == FAILED:
        body["error"] = msgspec.Raw(state.outcome)
    return body


def _described(state: TaskState) -> dict[str, Any]:
    body: dict[str, Any] = {
        "taskId": state.id,
        "status": state.status,
        "createdAt": state.created_at,
        "lastUpdatedAt": state.updated_at,
        "ttlMs": state.ttl_ms,
        "pollIntervalMs": POLL_INTERVAL_MS,
    }
    return {**body, "statusMessage": state.message} if state.message else body
