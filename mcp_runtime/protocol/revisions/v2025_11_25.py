"""MCP 2025-11-25: the last with a handshake; invalid arguments became tool results (SEP-1303)."""

from mcp_runtime.protocol.features import completion, lifecycle, logging, prompts, resources, subscriptions, tools
from mcp_runtime.protocol.revision import Revision, Structured

REVISION = Revision(
    version="2025-11-25",
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
    tool_fields=("title", "description", "outputSchema", "annotations", "icons", "_meta"),
    prompt_fields=("title", "description", "arguments", "icons", "_meta"),
    argument_fields=("name", "title", "description", "required"),
    resource_fields=("title", "description", "mimeType", "icons", "_meta"),
    elicitation_has_ids=True,
    client_capabilities={
        "elicitation": frozenset({"form", "url"}),
        "roots": frozenset({"listChanged"}),
        "sampling": frozenset({"context", "tools"}),
    },
    primes_streams=True,
    implementation_fields=("name", "title", "version", "description", "icons", "websiteUrl"),
    capabilities={
        "completions": {},
        "logging": {},
        "prompts": {"listChanged": True},
        "resources": {"listChanged": True, "subscribe": True},
        "tools": {"listChanged": True},
    },
    structured=Structured.OBJECT,
    invalid_arguments_are_results=True,
)
