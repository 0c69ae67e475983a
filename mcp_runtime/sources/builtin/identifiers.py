"""`generate_uuid`: universally unique identifiers (RFC 9562)."""

import os
import time
from typing import Any
from uuid import UUID, uuid4

from mcp_runtime.sources.builtin.function import Function, object_schema, structured_result
from mcp_runtime.sources.contract import ToolResult

MAXIMUM_COUNT = 100


def uuid7() -> UUID:
    """Milliseconds since the epoch, then random bits (RFC 9562 section 5.7)."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def _generate(arguments: dict[str, Any]) -> ToolResult:
    make = uuid7 if arguments.get("version", 4) == 7 else uuid4
    return structured_result({"uuids": [str(make()) for _number in range(int(arguments.get("count", 1)))]})


GENERATE_UUID = Function(
    name="generate_uuid",
    title="UUID generator",
    description="Makes identifiers that nobody else has: random (version 4) or sorting by time (version 7).",
    input_schema=object_schema(
        {
            "version": {"type": "integer", "enum": [4, 7], "default": 4},
            "count": {"type": "integer", "minimum": 1, "maximum": MAXIMUM_COUNT, "default": 1},
        }
    ),
    output_schema=object_schema({"uuids": {"type": "array", "items": {"type": "string", "format": "uuid"}}}, "uuids"),
    annotations={"readOnlyHint": True, "destructiveHint": False, "idempotentHint": False, "openWorldHint": False},
    answer=_generate,
)
