"""Tools that answer without asking: every kind of content, errors, progress, log messages, polling."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from mcp_runtime.sources.conformance.media import PNG, WAV
from mcp_runtime.sources.contract import CallContext, ToolResult, text_result

PAUSE_SECONDS = 0.05


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _resource(uri: str, mime_type: str, text: str) -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime_type, "text": text}}


_IMAGE = {"type": "image", "data": PNG, "mimeType": "image/png"}
_AUDIO = {"type": "audio", "data": WAV, "mimeType": "audio/wav"}


async def simple_text(_context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Returns one text."""
    return text_result("This is a simple text response for testing.")


async def image_content(_context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Returns one image."""
    return ToolResult([_IMAGE])


async def audio_content(_context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Returns one sound."""
    return ToolResult([_AUDIO])


async def embedded_resource(_context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Returns one embedded resource."""
    return ToolResult([_resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")])


async def multiple_content_types(_context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Returns a text, an image and a resource."""
    data = '{"test":"data","value":123}'
    resource = _resource("test://mixed-content-resource", "application/json", data)
    return ToolResult([_text("Multiple content types test:"), _IMAGE, resource])


async def clock(_context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Tells the time, in an MCP App where the client shows those and in words everywhere."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return ToolResult([_text(f"It is {now}.")], structured={"now": now}, has_structured=True)


async def error_handling(_context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Always fails."""
    return text_result("This tool intentionally returns an error for testing", is_error=True)


async def with_progress(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Reports its progress three times."""
    for progress in (0, 50, 100):
        await context.conversation.progress(progress, 100, f"Completed {progress} of 100")
        await asyncio.sleep(PAUSE_SECONDS)
    return text_result("The work is done.")


async def with_logging(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Sends three log messages."""
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.conversation.log("info", message)
        await asyncio.sleep(PAUSE_SECONDS)
    return text_result("The messages were sent.")


async def reconnection(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Lets the client go, and answers when it has come back."""
    await context.conversation.release()
    await asyncio.sleep(PAUSE_SECONDS)
    return text_result("You came back for this answer.")


async def schema_2020_12(_context: CallContext, arguments: dict[str, Any]) -> ToolResult:
    """Takes arguments that its schema describes with every keyword of JSON Schema 2020-12."""
    return text_result(f"Valid: {', '.join(sorted(arguments)) or 'nothing given'}")


async def header_echo(_context: CallContext, arguments: dict[str, Any]) -> ToolResult:
    """Returns an argument that travels in a header too."""
    return text_result(str(arguments.get("region", "")))
