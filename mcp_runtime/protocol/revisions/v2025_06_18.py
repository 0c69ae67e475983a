"""MCP 2025-06-18: titles, output schemas, structured content and resource links; no batches any more."""

from mcp_runtime.protocol.features import lifecycle, tools
from mcp_runtime.protocol.revision import Content, Revision, Structured


def content_without_icons(content: Content) -> Content:
    """Content blocks as this revision knows them: icons of resource links came later."""
    return [{name: value for name, value in block.items() if name != "icons"} for block in content]


REVISION = Revision(
    version="2025-06-18",
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
    invalid_arguments_are_results=False,
    content=content_without_icons,
)
