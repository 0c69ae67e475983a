"""MCP 2025-11-25: the last with a handshake; invalid arguments became tool results (SEP-1303)."""

from mcp_runtime.protocol.features import lifecycle, tools
from mcp_runtime.protocol.revision import Revision, Structured

REVISION = Revision(
    version="2025-11-25",
    stateless=False,
    methods={
        "initialize": lifecycle.initialize,
        "ping": lifecycle.ping,
        "tools/list": tools.list_tools,
        "tools/call": tools.call_tool,
    },
    tool_fields=("title", "description", "outputSchema", "annotations"),
    implementation_fields=("name", "title", "version"),
    capabilities={"tools": {"listChanged": True}},
    structured=Structured.OBJECT,
    invalid_arguments_are_results=True,
)
