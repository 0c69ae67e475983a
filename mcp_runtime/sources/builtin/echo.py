"""`echo`: the text back, at the least cost that a call can have."""

from typing import Any

from mcp_runtime.sources.builtin.function import Function, object_schema
from mcp_runtime.sources.contract import ToolResult


def _echo(arguments: dict[str, Any]) -> ToolResult:
    return ToolResult([{"type": "text", "text": arguments["text"]}])


ECHO = Function(
    name="echo",
    title="Echo",
    description="Returns the text it is given. Use it to check that the connection works.",
    input_schema=object_schema({"text": {"type": "string", "description": "The text to return."}}, "text"),
    answer=_echo,
)
