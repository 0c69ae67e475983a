"""MCP 2025-03-26: batches; tools have annotations, and no titles, output schemas or structured content."""

from typing import Any

from mcp_runtime.protocol.features import completion, lifecycle, logging, prompts, resources, subscriptions, tools
from mcp_runtime.protocol.revision import Content, Revision, Structured

_LATER_FIELDS = frozenset({"_meta", "icons"})


def content_of_first_kinds(content: Content) -> Content:
    """Content blocks as this revision knows them: a resource link, which came later, becomes text."""
    return [_block(block) for block in content]


def _block(block: dict[str, Any]) -> dict[str, Any]:
    if block.get("type") == "resource_link":
        return {"type": "text", "text": f"{block.get('name', 'Resource')}: {block.get('uri', '')}"}
    known = {name: value for name, value in block.items() if name not in _LATER_FIELDS}
    if isinstance(known.get("resource"), dict):
        known["resource"] = {name: value for name, value in known["resource"].items() if name != "_meta"}
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
        "prompts/list": prompts.list_prompts,
        "prompts/get": prompts.get_prompt,
        "resources/list": resources.list_resources,
        "resources/templates/list": resources.list_templates,
        "resources/read": resources.read_resource,
        "resources/subscribe": subscriptions.subscribe,
        "resources/unsubscribe": subscriptions.unsubscribe,
        "completion/complete": completion.complete,
        "logging/setLevel": logging.set_level,
    },
    tool_fields=("description", "annotations"),
    prompt_fields=("description", "arguments"),
    argument_fields=("name", "description", "required"),
    resource_fields=("description", "mimeType"),
    has_meta=False,
    elicitation_has_modes=False,
    plain_questions=True,
    client_capabilities={"roots": frozenset({"listChanged"}), "sampling": frozenset()},
    implementation_fields=("name", "version"),
    capabilities={
        "completions": {},
        "logging": {},
        "prompts": {"listChanged": True},
        "resources": {"listChanged": True, "subscribe": True},
        "tools": {"listChanged": True},
    },
    structured=Structured.NOTHING,
    invalid_arguments_are_results=False,
    batches=True,
    content=content_of_first_kinds,
)
