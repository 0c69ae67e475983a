"""The tools, prompts and resources that the suite looks for, by the names it looks for."""

from typing import Any

from mcp_runtime.sources.conformance import asking, lasting, plain
from mcp_runtime.sources.conformance.mcp_app import CLOCK
from mcp_runtime.sources.conformance.media import PNG
from mcp_runtime.sources.conformance.schemas import HEADER, JSON_SCHEMA_2020_12, NOTHING, SECONDS, strings
from mcp_runtime.sources.conformance.skills import SKILL_FILES
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft, ToolHandler

TOOLS: dict[str, tuple[ToolHandler, dict[str, Any]]] = {
    "test_simple_text": (plain.simple_text, NOTHING),
    "test_image_content": (plain.image_content, NOTHING),
    "test_audio_content": (plain.audio_content, NOTHING),
    "test_embedded_resource": (plain.embedded_resource, NOTHING),
    "test_multiple_content_types": (plain.multiple_content_types, NOTHING),
    "test_error_handling": (plain.error_handling, NOTHING),
    "test_tool_with_progress": (plain.with_progress, NOTHING),
    "test_tool_with_logging": (plain.with_logging, NOTHING),
    "test_logging_tool": (plain.with_logging, NOTHING),
    "test_reconnection": (plain.reconnection, NOTHING),
    "test_mcp_app": (plain.clock, NOTHING),
    "json_schema_2020_12_tool": (plain.schema_2020_12, JSON_SCHEMA_2020_12),
    "test_header_argument": (plain.header_echo, HEADER),
    "test_sampling": (asking.sampling, strings("prompt")),
    "test_elicitation": (asking.elicitation, strings("message")),
    "test_elicitation_url": (asking.elicitation_url, NOTHING),
    "test_elicitation_sep1034_defaults": (asking.elicitation_defaults, NOTHING),
    "test_elicitation_sep1330_enums": (asking.elicitation_enums, NOTHING),
    "test_input_required_result_elicitation": (asking.required_elicitation, NOTHING),
    "test_input_required_result_sampling": (asking.required_sampling, NOTHING),
    "test_input_required_result_list_roots": (asking.required_roots, NOTHING),
    "test_input_required_result_request_state": (asking.request_state, NOTHING),
    "test_input_required_result_multiple_inputs": (asking.multiple_inputs, NOTHING),
    "test_input_required_result_multi_round": (asking.multi_round, NOTHING),
    "test_input_required_result_tampered_state": (asking.request_state, NOTHING),
    "test_input_required_result_capabilities": (asking.capabilities, NOTHING),
    "test_missing_capability": (asking.missing_capability, NOTHING),
    "test_streaming_elicitation": (asking.required_elicitation, NOTHING),
    "greet": (lasting.greet, strings("name")),
    "slow_compute": (lasting.slow_compute, SECONDS),
    "failing_job": (lasting.failing_job, NOTHING),
    "protocol_error_job": (lasting.protocol_error_job, NOTHING),
    "confirm_delete": (lasting.confirm_delete, strings("filename")),
    "multi_input": (lasting.multi_input, NOTHING),
    "test_tool_with_task": (lasting.with_task, NOTHING),
}
# Tools whose calls may, or must, become tasks.
TASKS = {
    "slow_compute": "optional",
    "failing_job": "required",
    "protocol_error_job": "optional",
    "confirm_delete": "optional",
    "multi_input": "optional",
    "test_tool_with_task": "required",
}
METAS = {"test_mcp_app": {"ui": {"resourceUri": CLOCK.uri, "visibility": ["model", "app"]}}}
# Tools that have every listener told that a list changed, though none did.
TRIGGERS = {"test_trigger_tool_change": "tools", "test_trigger_prompt_change": "prompts"}


def _message(content: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _text(text: str) -> dict[str, Any]:
    return _message({"type": "text", "text": text})


PROMPTS = (
    PromptDraft(
        name="test_simple_prompt",
        description="A prompt without arguments.",
        config={"messages": [_text("This is a simple prompt for testing.")]},
    ),
    PromptDraft(
        name="test_prompt_with_arguments",
        description="A prompt with two arguments.",
        arguments=[
            {"name": "arg1", "description": "The first.", "required": True},
            {"name": "arg2", "description": "The second.", "required": True},
        ],
        config={
            "messages": [_text("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")],
            "completions": {"arg1": ["paris", "park", "party"]},
        },
    ),
    PromptDraft(
        name="test_prompt_with_embedded_resource",
        description="A prompt that embeds a resource.",
        arguments=[{"name": "resourceUri", "description": "The resource's URI.", "required": True}],
        config={
            "messages": [
                _message(
                    {
                        "type": "resource",
                        "resource": {
                            "uri": "{resourceUri}",
                            "mimeType": "text/plain",
                            "text": "Embedded resource content for testing.",
                        },
                    }
                ),
                _text("Please process the embedded resource above."),
            ]
        },
    ),
    PromptDraft(
        name="test_prompt_with_image",
        description="A prompt with an image.",
        config={
            "messages": [
                _message({"type": "image", "data": PNG, "mimeType": "image/png"}),
                _text("Please analyze the image above."),
            ]
        },
    ),
)

RESOURCES = (
    ResourceDraft(
        uri="test://static-text",
        name="Static text",
        description="A text that does not change.",
        mime_type="text/plain",
        config={"text": "This is the content of the static text resource."},
    ),
    ResourceDraft(
        uri="test://static-binary",
        name="Static binary",
        description="An image of one pixel.",
        mime_type="image/png",
        config={"blob": PNG},
    ),
    ResourceDraft(
        uri="test://watched-resource",
        name="Watched resource",
        description="A resource to subscribe to.",
        mime_type="text/plain",
        config={"text": "Nothing has changed yet."},
    ),
    ResourceDraft(
        uri="test://template/{id}/data",
        name="Data by id",
        description="Made for whatever id is asked for.",
        mime_type="application/json",
        is_template=True,
        config={"text": '{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}'},
    ),
    *SKILL_FILES,
    CLOCK,
)
