"""`connect_<upstream>`: a tool for each upstream that is not well, which says why and where to repair it."""

from typing import Any

from mcp_runtime import schemas
from mcp_runtime.protocol.served import ServedTool
from mcp_runtime.snapshots.structs import ToolSnapshot
from mcp_runtime.sources.contract import CallContext, ToolResult, text_result
from mcp_runtime.sources.conversation import ElicitUrl
from mcp_runtime.sources.upstream import Health
from mcp_runtime.upstreams.served import QUARANTINED, ServedUpstream

SECONDS = 300.0
QUESTION = "connect"
_NO_ARGUMENTS: dict[str, Any] = {"type": "object", "additionalProperties": False}
_STATES: dict[str, str] = {
    Health.DEGRADED: "is degraded",
    Health.DOWN: "is down",
    Health.NEEDS_LOGIN: "needs a login",
    Health.DENIED: "denies access",
    QUARANTINED: "is out of service",
}


def connect_tool(upstream: ServedUpstream) -> ServedTool:
    """The tool of one upstream."""
    snapshot = upstream.snapshot
    description = (
        f"{snapshot.name} {_state(upstream)}. {snapshot.reason} Its tools are listed as they were last known. "
        "This tells the person where to connect it again."
    )
    tool = ToolSnapshot(
        id=f"{snapshot.id}/connect",
        name=upstream.connect_tool,
        source="connect",
        title=f"Connect {snapshot.name}",
        description=description,
        input_schema=_NO_ARGUMENTS,
        annotations={"readOnlyHint": False, "openWorldHint": True},
    )
    validator = schemas.compile_schema(_NO_ARGUMENTS)
    return ServedTool(tool, _handler(upstream), validator, None, (), SECONDS)


def _handler(upstream: ServedUpstream) -> Any:
    snapshot = upstream.snapshot
    told = f"{snapshot.name} {_state(upstream)}. {snapshot.reason}".strip()

    async def handle(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
        question = ElicitUrl(f"{told} Open the page to connect it again.", snapshot.connect_url)
        if not context.conversation.understands(question):
            return text_result(f"{told} Open {snapshot.connect_url} to connect it again, then call its tools.")
        answers = await context.conversation.ask({QUESTION: question})
        if answers[QUESTION].get("action") != "accept":
            return text_result(f"{told} It was not connected.", is_error=True)
        return text_result(f"The page to connect {snapshot.name} was opened. When that is done, call its tools.")

    return handle


def _state(upstream: ServedUpstream) -> str:
    return _STATES.get(upstream.state, "is well")
