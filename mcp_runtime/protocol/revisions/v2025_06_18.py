"""MCP 2025-06-18: titles, output schemas, structured content and resource links; no batches any more."""

from mcp_runtime.protocol.features import completion, lifecycle, logging, prompts, resources, subscriptions, tools
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
    tool_fields=("title", "description", "outputSchema", "annotations", "_meta"),
    prompt_fields=("title", "description", "arguments", "_meta"),
    argument_fields=("name", "title", "description", "required"),
    resource_fields=("title", "description", "mimeType", "_meta"),
    elicitation_has_modes=False,
    plain_questions=True,
    client_capabilities={"elicitation": frozenset(), "roots": frozenset({"listChanged"}), "sampling": frozenset()},
    implementation_fields=("name", "title", "version"),
    capabilities={
        "completions": {},
        "logging": {},
        "prompts": {"listChanged": True},
        "resources": {"listChanged": True, "subscribe": True},
        "tools": {"listChanged": True},
    },
    structured=Structured.OBJECT,
    invalid_arguments_are_results=False,
    content=content_without_icons,
)
