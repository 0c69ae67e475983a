"""Messages of the protocol's extensions, which the published schemas leave out: tasks and skills on 2026-07-28."""

import functools
from typing import Any

import jsonschema_rs

REVISION = "2026-07-28"
_META = {"type": "object"}
_COMPLETE: dict[str, Any] = {"resultType": {"const": "complete"}, "_meta": _META}
_CACHED: dict[str, Any] = {
    **_COMPLETE,
    "ttlMs": {"type": "integer", "minimum": 0},
    "cacheScope": {"enum": ["public", "private"]},
}
# ext-tasks, 2026-07-28: a task is flat, and all its numbers are integers.
_STATUSES = ("working", "input_required", "completed", "failed", "cancelled")
_OPTIONAL = ("pollIntervalMs", "statusMessage")
_TASK: dict[str, Any] = {
    "taskId": {"type": "string", "minLength": 1},
    "status": {"enum": list(_STATUSES)},
    "createdAt": {"type": "string", "format": "date-time"},
    "lastUpdatedAt": {"type": "string", "format": "date-time"},
    "ttlMs": {"type": ["integer", "null"], "minimum": 0},
    "pollIntervalMs": {"type": "integer", "minimum": 0},
    "statusMessage": {"type": "string"},
}
_OUTCOMES: dict[str, Any] = {
    "completed": {"result": {"type": "object", "required": ["resultType"]}},
    "failed": {
        "error": {
            "type": "object",
            "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
            "required": ["code", "message"],
        }
    },
    "input_required": {"inputRequests": {"type": "object", "minProperties": 1}},
}
# ext-skills, stable: an entry names every file of the skill with its digest, or says that there is no telling.
_SKILL_FILE = {
    "type": "object",
    "properties": {
        "uri": {"type": "string", "minLength": 1},
        "digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "size": {"type": "integer", "minimum": 0},
    },
    "required": ["uri", "digest", "size"],
    "additionalProperties": False,
}
_SKILL = {
    "type": "object",
    "properties": {
        "uri": {"type": "string", "minLength": 1},
        "frontmatter": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "description": {"type": "string"}},
            "required": ["name", "description"],
        },
        "resources": {"anyOf": [{"const": "dynamic"}, {"type": "array", "items": _SKILL_FILE, "minItems": 1}]},
        "_meta": _META,
    },
    "required": ["uri", "frontmatter", "resources"],
    "additionalProperties": False,
}


def _exactly(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    required = sorted(set(properties) - {"_meta", *optional})
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _detailed(extra: dict[str, Any], *optional: str) -> dict[str, Any]:
    """A task with what its status brings along, and nothing else."""
    by_status = [
        _exactly({**_TASK, **_OUTCOMES.get(status, {}), "status": {"const": status}, **extra}, *optional, *_OPTIONAL)
        for status in _STATUSES
    ]
    return {"anyOf": by_status}


_CREATED = _exactly({**_TASK, "resultType": {"const": "task"}, "_meta": _META}, *_OPTIONAL)
_RESULTS = {
    "tasks/get": _detailed(_COMPLETE),
    "tasks/update": _exactly(_COMPLETE),
    "tasks/cancel": _exactly(_COMPLETE),
    "skills/list": _exactly(
        {**_CACHED, "skills": {"type": "array", "items": _SKILL}, "nextCursor": {"type": "string"}}, "nextCursor"
    ),
    "skills/get": _exactly({**_CACHED, "skill": _SKILL}),
    "resources/directory/read": _exactly(
        {**_COMPLETE, "resources": {"type": "array"}, "nextCursor": {"type": "string"}}, "nextCursor"
    ),
}
# The acknowledgement is the protocol's own, and tasks add a member to what it honours.
_HONOURED = {
    "toolsListChanged": {"const": True},
    "promptsListChanged": {"const": True},
    "resourcesListChanged": {"const": True},
    "resourceSubscriptions": {"type": "array", "items": {"type": "string"}},
    "taskIds": {"type": "array", "items": {"type": "string"}},
}
_NOTIFICATIONS = {
    "notifications/tasks": _detailed({"_meta": _META}),
    "notifications/subscriptions/acknowledged": {
        **_exactly({"notifications": _exactly(_HONOURED, *_HONOURED), "_meta": _META}),
        "required": ["notifications", "_meta"],
    },
}


@functools.cache
def _validator(table: str, name: str) -> jsonschema_rs.Validator:
    tables: dict[str, dict[str, Any]] = {
        "results": _RESULTS,
        "notifications": _NOTIFICATIONS,
        "created": {"task": _CREATED},
    }
    return jsonschema_rs.Draft202012Validator(tables[table][name], offline=True, validate_formats=True)


def result(version: str, method: str, value: Any) -> jsonschema_rs.Validator | None:
    """What holds an extension's result to its shape; None for a result of the protocol's own."""
    if version != REVISION:
        return None
    if method == "tools/call" and isinstance(value, dict) and value.get("resultType") == "task":
        return _validator("created", "task")
    return _validator("results", method) if method in _RESULTS else None


def notification(version: str, method: str) -> jsonschema_rs.Validator | None:
    """What holds the params of an extension's notification to their shape; None for one of the protocol's own."""
    return _validator("notifications", method) if version == REVISION and method in _NOTIFICATIONS else None
