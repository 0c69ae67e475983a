"""An endpoint that has everything, made without a database, and the people who reach it."""

from typing import cast

from core.outbound import Client
from mcp_runtime.protocol.served import ANONYMOUS, Principal, ServedEndpoint
from mcp_runtime.snapshots.compile import Compiler, Sources
from mcp_runtime.snapshots.structs import EndpointSnapshot, KeySnapshot, PromptSnapshot, ResourceSnapshot, ToolSnapshot
from mcp_runtime.sources.conformance.catalogue import PROMPTS, RESOURCES, TASKS, TOOLS
from mcp_runtime.sources.conformance.source import ASKING_PROMPT
from mcp_runtime.sources.contract import Workshop
from mcp_runtime.sources.registry import PROMPT_SOURCES, RESOURCE_SOURCES, SOURCES
from tests.mcp_runtime.protocol.stage import Answers, run

# Those that pause between two messages, or last, would make a fuzzer wait.
PAUSING = frozenset({"test_tool_with_progress", "test_reconnection", "test_tool_with_logging", "test_logging_tool"})
USED = {name: schema for name, (_handler, schema) in TOOLS.items() if name not in PAUSING | TASKS.keys()}
INPUT = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region", "pattern": "^(a|aa)*b?$"},
        "count": {"type": "integer", "x-mcp-header": "Count", "minimum": -5, "multipleOf": 3},
        "flag": {"type": "boolean", "x-mcp-header": "Flag"},
        "deep": {"type": "object", "properties": {"er": {"type": "string", "x-mcp-header": "Deep"}}},
        "mail": {"type": "string", "format": "email", "maxLength": 50},
        "tree": {"$ref": "#/$defs/tree"},
        "free": {},
    },
    "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "uniqueItems": True}},
}
OUTPUT = {"type": "object", "properties": {"region": {"type": "string"}}, "required": ["region"]}
TEMPLATES = ("files://{+path}/of/{name}.txt", "notes://{year}-{month}-{day}", "x://{+a}{+b}{c}/{d}")
PEOPLE = (Principal("key:1"), Principal("key:2", tools=frozenset({"echo"})), ANONYMOUS)


def make_endpoint() -> ServedEndpoint:
    """The endpoint, compiled."""
    tools = [
        ToolSnapshot(id="1", name="echo", source="answers", input_schema=INPUT),
        ToolSnapshot(id="2", name="promises", source="answers", input_schema={"type": "object"}, output_schema=OUTPUT),
        ToolSnapshot(id="3", name="broken", source="nowhere", input_schema={"type": "object"}),
        ToolSnapshot(id="4", name="may_last", source="answers", input_schema={"type": "object"}, task="optional"),
        ToolSnapshot(id="5", name="has_to_last", source="answers", input_schema={"type": "object"}, task="required"),
        *(ToolSnapshot(id=name, name=name, source="conformance", input_schema=schema) for name, schema in USED.items()),
    ]
    snapshot = EndpointSnapshot(
        tenant_id="tenant",
        endpoint_id="endpoint",
        endpoint_slug="fuzzed",
        name="Fuzzed",
        version=1,
        access="open",
        tools=tools,
        prompts=_prompts(),
        resources=_resources(),
        keys=[KeySnapshot("1", "11" * 32), KeySnapshot("2", "22" * 32, tools=["echo"])],
    )
    sources = Sources({**SOURCES, "answers": Answers()}, PROMPT_SOURCES, RESOURCE_SOURCES)
    compiler = Compiler(sources, Workshop(http=cast("Client", None)))
    return run(compiler.compile(snapshot, None))


def _prompts() -> list[PromptSnapshot]:
    written = [
        PromptSnapshot(id=draft.name, name=draft.name, source="static", arguments=draft.arguments, config=draft.config)
        for draft in PROMPTS
    ]
    return [*written, PromptSnapshot(id=ASKING_PROMPT, name=ASKING_PROMPT, source="conformance")]


def _resources() -> list[ResourceSnapshot]:
    written = [
        ResourceSnapshot(
            id=draft.uri,
            uri=draft.uri,
            name=draft.name,
            source="static",
            is_template=draft.is_template,
            mime_type=draft.mime_type,
            config=draft.config,
        )
        for draft in RESOURCES
    ]
    templates = [
        ResourceSnapshot(id=uri, uri=uri, name=uri, source="static", is_template=True, config={"text": "{name} {a}"})
        for uri in TEMPLATES
    ]
    return [*written, *templates]
