"""Makes a tool of a draft and calls it the way a worker does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from core import outbound
from mcp_runtime import schemas
from mcp_runtime.snapshots.structs import ToolSnapshot
from mcp_runtime.sources.contract import CallContext, ToolDraft, ToolHandler, ToolResult, Workshop
from mcp_runtime.sources.registry import SOURCES
from mcp_runtime.trace_context import TraceContext

type Call = Callable[..., Awaitable[ToolResult]]

SECONDS = 30.0


def snapshot_of(source: str, draft: ToolDraft) -> ToolSnapshot:
    """The tool that a worker reads after the control plane has checked and published the draft."""
    schemas.require_object_schema(draft.input_schema)
    return ToolSnapshot(
        id="tool",
        name=draft.name,
        source=source,
        input_schema=draft.input_schema,
        output_schema=draft.output_schema,
        config=draft.config,
    )


def compiled(source: str, draft: ToolDraft, client: outbound.Client) -> tuple[ToolDraft, ToolHandler]:
    """The checked draft and the handler that a worker would call."""
    checked = SOURCES[source].check(draft)
    handler = SOURCES[source].compile(snapshot_of(source, checked), checked.secrets, Workshop(http=client))
    return checked, handler


async def call_tool(source: str, draft: ToolDraft, arguments: dict[str, Any], seconds: float = SECONDS) -> ToolResult:
    """Checks, compiles and calls; what is returned as structured content must satisfy the output schema."""
    async with outbound.Client() as client:
        checked, handler = compiled(source, draft, client)
        result = await handler(context(seconds), arguments)
    if checked.output_schema is not None and not result.is_error:
        assert result.has_structured
        assert not schemas.describe_errors(schemas.compile_schema(checked.output_schema), result.structured)
    return result


def context(seconds: float = SECONDS, trace: TraceContext | None = None) -> CallContext:
    """A call that has this many seconds left."""
    deadline = asyncio.get_running_loop().time() + seconds
    return CallContext(tenant_id="t", endpoint_id="e", principal="p", request_id="r", deadline=deadline, trace=trace)


def text_of(result: ToolResult) -> str:
    """The one text block of a result."""
    (block,) = result.content
    assert block["type"] == "text"
    text = block["text"]
    assert isinstance(text, str)
    return text
