"""What a built-in function is: a definition for the catalogue and what answers its calls."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mcp_runtime.sources.contract import ToolResult


def _pure() -> dict[str, Any]:
    return {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False}


@dataclass(frozen=True, slots=True)
class Function:
    """One entry of the catalogue. Unless it says otherwise, a function is pure, and its annotations say so."""

    name: str
    title: str
    description: str
    input_schema: dict[str, Any]
    answer: Callable[[dict[str, Any]], ToolResult]
    output_schema: dict[str, Any] | None = None
    annotations: dict[str, Any] = field(default_factory=_pure)


def object_schema(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """The JSON Schema of an object that has these properties and no other."""
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | {"required": list(required)} if required else schema


def structured_result(value: dict[str, Any]) -> ToolResult:
    """A result as structured content, and as JSON text for clients that do not read that."""
    text = msgspec.json.encode(value).decode()
    return ToolResult(content=[{"type": "text", "text": text}], structured=value, has_structured=True)
