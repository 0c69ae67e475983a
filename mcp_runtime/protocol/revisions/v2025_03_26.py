"""MCP 2025-03-26: batches; tools have annotations, and no titles, output schemas or structured content."""

from typing import Any

from mcp_runtime.protocol.features import lifecycle, tools
from mcp_runtime.protocol.revision import Content, Revision, Structured

_LATER_FIELDS = frozenset({"_meta", "icons"})


def content_of_first_kinds(content: Content) -> Content:
    """Content blocks as this revision knows them: a resource link, which came later, becomes text."""
    return [_block(block) for block in content]


def _block(block: dict[str, Any]) -> dict[str, Any]:
    if block.get("type") == "resource_link":
        return {"type": "text", "text": f"{block.get('name', 'Resource')}: {block.get('uri', '')}"}
    known = {name: value for name, value in block.items() if name not in _LATER_FIELDS}
    if isinstance(known.get("annotations"), dict):
        known["annotations"] = {
            name: value for name, value in known["annotations"].items() if name in ("audience", "priority")
        }
    return known


REVISION = Revision(
    version="2025-03-26",
    stateless=False,
    methods={
        "initialize": lifecycle.initialize,
        "ping": lifecycle.ping,
        "tools/list": tools.list_tools,
        "tools/call": tools.call_tool,
    },
    tool_fields=("description", "annotations"),
    implementation_fields=("name", "version"),
    capabilities={"tools": {"listChanged": True}},
    structured=Structured.NOTHING,
    invalid_arguments_are_results=False,
    batches=True,
    content=content_of_first_kinds,
)
