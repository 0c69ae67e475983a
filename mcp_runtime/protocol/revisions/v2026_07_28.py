"""MCP 2026-07-28: stateless; every request says its version and capabilities, and headers mirror the body."""

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.features import completion, lifecycle, prompts, resources, subscriptions, tools
from mcp_runtime.protocol.revision import Revision, Structured

REVISION = Revision(
    version="2026-07-28",
    stateless=True,
    methods={
        "server/discover": lifecycle.discover,
        "tools/list": tools.list_tools,
        "tools/call": tools.call_tool,
        "prompts/list": prompts.list_prompts,
        "prompts/get": prompts.get_prompt,
        "resources/list": resources.list_resources,
        "resources/templates/list": resources.list_templates,
        "resources/read": resources.read_resource,
        "completion/complete": completion.complete,
        "subscriptions/listen": subscriptions.listen,
    },
    tool_fields=("title", "description", "outputSchema", "annotations", "icons", "_meta"),
    prompt_fields=("title", "description", "arguments", "icons", "_meta"),
    argument_fields=("name", "title", "description", "required"),
    resource_fields=("title", "description", "mimeType", "icons", "_meta"),
    resource_not_found=errors.INVALID_PARAMS,
    implementation_fields=("name", "title", "version", "description", "icons", "websiteUrl"),
    capabilities={
        "completions": {},
        "logging": {},
        "prompts": {"listChanged": True},
        "resources": {"listChanged": True, "subscribe": True},
        "tools": {"listChanged": True},
    },
    structured=Structured.ANYTHING,
    invalid_arguments_are_results=True,
    # basic/transports/streamable-http: an unknown method is 404; a fault of ours stays an answer.
    error_status={errors.METHOD_NOT_FOUND: 404, errors.INTERNAL_ERROR: 200},
    default_error_status=400,
    mirrored={
        "tools/call": "name",
        "prompts/get": "name",
        "resources/read": "uri",
    },
    annotated_results=True,
)
