"""MCP 2024-11-05, the first: text, images and embedded resources; its own transport is HTTP+SSE."""

from typing import Any

from mcp_runtime.protocol.features import completion, lifecycle, logging, prompts, resources, subscriptions, tools
from mcp_runtime.protocol.revision import Content, Revision, Structured
from mcp_runtime.protocol.revisions.v2025_03_26 import content_of_first_kinds


def content_without_audio(content: Content) -> Content:
    """Content blocks as this revision knows them: a sound, which came later, becomes an embedded resource."""
    blocks = content_of_first_kinds(content)
    return [_embedded(block, number) if block.get("type") == "audio" else block for number, block in enumerate(blocks)]


def _embedded(audio: dict[str, Any], number: int) -> dict[str, Any]:
    # The schema wants a URI; what it names is a part of this very message (RFC 2392).
    resource = {"uri": f"cid:audio-{number}@content", "mimeType": audio["mimeType"], "blob": audio["data"]}
    kept = {name: value for name, value in audio.items() if name == "annotations"}
    return {"type": "resource", "resource": resource, **kept}


REVISION = Revision(
    version="2024-11-05",
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
    tool_fields=("description",),
    prompt_fields=("description", "arguments"),
    argument_fields=("name", "description", "required"),
    resource_fields=("description", "mimeType"),
    has_meta=False,
    progress_has_message=False,
    elicitation_has_modes=False,
    plain_questions=True,
    client_capabilities={"roots": frozenset({"listChanged"}), "sampling": frozenset()},
    implementation_fields=("name", "version"),
    # completion/complete is there, but nothing that declares it.
    capabilities={
        "logging": {},
        "prompts": {"listChanged": True},
        "resources": {"listChanged": True, "subscribe": True},
        "tools": {"listChanged": True},
    },
    structured=Structured.NOTHING,
    invalid_arguments_are_results=False,
    content=content_without_audio,
)
