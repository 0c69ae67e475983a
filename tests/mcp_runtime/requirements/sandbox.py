"""A source whose tools, prompts and resources do what the requirements are about: ask, wait, report, answer oddly."""

import asyncio
import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from mcp_runtime.snapshots.structs import PromptSnapshot, ResourceSnapshot, ToolSnapshot
from mcp_runtime.sources.contract import (
    CallContext,
    CompiledPrompt,
    CompiledResource,
    PromptDraft,
    PromptResult,
    ResourceDraft,
    ToolDraft,
    ToolHandler,
    ToolResult,
    Workshop,
    text_result,
)
from mcp_runtime.sources.conversation import Elicit, ElicitUrl, ListRoots, Question, Sample

KIND = "sandbox"
ANYTHING: dict[str, Any] = {"type": "object"}
NAME_FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
CHOICES_FORM: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Name", "default": "Joe", "minLength": 1},
        "age": {"type": "integer", "minimum": 0, "default": 30},
        "sure": {"type": "boolean", "default": True},
        "plain": {"type": "string", "enum": ["a", "b"], "default": "a"},
        "named": {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]},
        "titled": {"type": "string", "oneOf": [{"const": "a", "title": "A"}, {"const": "b", "title": "B"}]},
        "several": {
            "type": "array",
            "description": "Pick.",
            "items": {"type": "string", "enum": ["a", "b"]},
            "minItems": 1,
            "default": ["a"],
        },
        "titles": {
            "type": "array",
            "items": {"anyOf": [{"const": "a", "title": "A"}, {"const": "b", "title": "B"}]},
        },
    },
    "required": ["name", "several"],
}
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
MESSAGE = {"role": "user", "content": {"type": "text", "text": "What is the capital of Norway?"}}
USE = {"tools": [{"name": "look_up", "inputSchema": {"type": "object"}}]}
META = {"com.example/x": 1}
ICON = {"src": "data:image/png;base64,AA==", "mimeType": "image/png"}
HEADERS = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "limit": {"type": "integer", "x-mcp-header": "Limit"},
        "dry": {"type": "boolean", "x-mcp-header": "Dry-Run"},
    },
}
ANNOTATIONS = {"audience": ["user"], "priority": 1, "lastModified": "2025-01-01T00:00:00Z"}
# A block of every kind, with every member that any revision knows.
RICH: list[dict[str, Any]] = [
    {"type": "text", "text": "t", "annotations": ANNOTATIONS, "_meta": META},
    {"type": "image", "data": "AA==", "mimeType": "image/png", "annotations": ANNOTATIONS, "_meta": {}},
    {"type": "audio", "data": "AA==", "mimeType": "audio/wav", "annotations": ANNOTATIONS, "_meta": {}},
    {
        "type": "resource",
        "resource": {"uri": "notes://x", "mimeType": "text/plain", "text": "x", "_meta": META},
        "annotations": ANNOTATIONS,
        "_meta": {},
    },
    {
        "type": "resource_link", "uri": "notes://x", "name": "x", "title": "X", "description": "An x", "size": 1,
        "mimeType": "text/plain", "icons": [ICON], "annotations": ANNOTATIONS, "_meta": {},
    },
]  # fmt: skip

_numbers = itertools.count(1)


@dataclass
class Room:
    """What one test waits for, and counts; tools find it by the name that they are called with."""

    name: str = field(default_factory=lambda: f"room-{next(_numbers)}")
    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    counted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        ROOMS[self.name] = self


ROOMS: dict[str, Room] = {}


async def _echo(_context: CallContext, arguments: dict[str, Any]) -> ToolResult:
    return ToolResult([], structured=arguments, has_structured=True)


async def _wait(_context: CallContext, arguments: dict[str, Any]) -> ToolResult:
    room = ROOMS[arguments["room"]]
    room.started.set()
    try:
        await room.go_on.wait()
    except asyncio.CancelledError:
        room.cancelled.set()
        raise
    return text_result("went on")


async def _crash(_context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    raise RuntimeError("a detail that stays here")


async def _progress(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    for step in (0, 1, 1, 0.5, 2):
        await context.conversation.progress(step, 2, f"Step {step}")
    return text_result("done")


async def _log(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    for level in ("debug", "info", "error"):
        await context.conversation.log(level, {"said": level}, "sandbox")
    return text_result("logged")


async def _release(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
    await context.conversation.release()
    await ROOMS[arguments["room"]].go_on.wait()
    return text_result("came back")


async def _pay(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
    """Counts how often it starts, and how often it does what must happen once."""
    room = ROOMS[arguments["room"]]
    room.counted["started"] += 1
    await context.conversation.ask({"name": Elicit("Who pays?", NAME_FORM)})
    await context.conversation.ask({"again": Elicit("Really?", NAME_FORM)})
    room.counted["paid"] += 1
    return text_result("paid")


def _asking(**questions: Question) -> ToolHandler:
    """A tool that asks, and answers with the answers."""

    async def ask(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
        return text_result(json.dumps(await context.conversation.ask(questions)))

    return ask


def _answering(result: ToolResult) -> ToolHandler:
    async def answer(_context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
        return result

    return answer


def _structured(value: Any) -> ToolHandler:
    return _answering(ToolResult([], structured=value, has_structured=True))


FORM = Elicit("What is your name?", NAME_FORM)
LINK = ElicitUrl("Sign in.", "https://example.com/sign-in")
MODEL = Sample({"messages": [MESSAGE], "maxTokens": 10})
MODEL_WITH_TOOLS = Sample({"messages": [MESSAGE], "maxTokens": 10, **USE})

TOOLS: dict[str, tuple[ToolHandler, dict[str, Any]]] = {
    "echo": (_echo, ANYTHING),
    "typed": (_echo, NUMBER),
    "headers": (_echo, HEADERS),
    "wait": (_wait, ANYTHING),
    "crash": (_crash, ANYTHING),
    "progress": (_progress, ANYTHING),
    "log": (_log, ANYTHING),
    "release": (_release, ANYTHING),
    "pay": (_pay, ANYTHING),
    "ask_form": (_asking(name=FORM), ANYTHING),
    "ask_choices": (_asking(form=Elicit("Choose.", CHOICES_FORM)), ANYTHING),
    "ask_model_at_length": (
        _asking(
            model=Sample({"messages": [{"role": "user", "content": [MESSAGE["content"]] * 2}], "maxTokens": 10}),
        ),
        ANYTHING,
    ),
    "ask_link": (_asking(link=LINK), ANYTHING),
    "ask_model": (_asking(model=MODEL), ANYTHING),
    "ask_model_with_tools": (_asking(model=MODEL_WITH_TOOLS), ANYTHING),
    "ask_roots": (_asking(roots=ListRoots()), ANYTHING),
    "ask_all": (
        _asking(name=FORM, link=LINK, model=MODEL, model_with_tools=MODEL_WITH_TOOLS, roots=ListRoots()),
        ANYTHING,
    ),
    "rich": (_answering(ToolResult(RICH)), ANYTHING),
    "number": (_structured(7), ANYTHING),
    "list": (_structured([{"n": 1}]), ANYTHING),
    "null": (_structured(None), ANYTHING),
    "promising": (_structured({"n": 1}), ANYTHING),
    "lying": (_structured({"n": "one"}), ANYTHING),
}
OUTPUT_SCHEMAS = {"promising": NUMBER, "lying": NUMBER}


class SandboxTools:
    """Tools by the names above; `announce` says that something changed."""

    kind = KIND
    title = "Sandbox"

    def check(self, draft: ToolDraft) -> ToolDraft:
        """Takes anything."""
        return draft

    def compile(self, tool: ToolSnapshot, secrets: dict[str, str], workshop: Workshop) -> ToolHandler:
        """The handler of the tool's name; tools that a test makes are echoes."""
        if tool.name == "announce":
            return _announcing(workshop)
        return TOOLS.get(tool.name, TOOLS["echo"])[0]


def _announcing(workshop: Workshop) -> ToolHandler:
    async def announce(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        await workshop.announce(context, arguments.get("kind", ""), arguments.get("uri", ""))
        return text_result("told")

    return announce


class SandboxPrompts:
    """Prompts that ask for a name before they are written; content of every kind."""

    kind = KIND
    title = "Sandbox"

    def check(self, draft: PromptDraft) -> PromptDraft:
        """Takes anything."""
        return draft

    def compile(self, prompt: PromptSnapshot, workshop: Workshop) -> CompiledPrompt:
        """One that asks, or one of rich content."""

        async def ask(context: CallContext, _arguments: dict[str, str]) -> PromptResult:
            await context.conversation.ask({"name": FORM})
            return PromptResult([MESSAGE])

        async def rich(_context: CallContext, _arguments: dict[str, str]) -> PromptResult:
            return PromptResult([{"role": "user", "content": block} for block in RICH])

        return CompiledPrompt({"ask": ask, "rich": rich}[prompt.name], _completing)


async def _completing(_argument: str, typed: str, given: dict[str, str]) -> list[str]:
    """A hundred and fifty values, or what was given already."""
    return [f"{typed}{number}" for number in range(150)] if not given else sorted(given.values())


class SandboxResources:
    """Resources that ask for a name before they are read."""

    kind = KIND
    title = "Sandbox"

    def check(self, draft: ResourceDraft) -> ResourceDraft:
        """Takes anything."""
        return draft

    def compile(self, resource: ResourceSnapshot, workshop: Workshop) -> CompiledResource:
        """One that asks."""

        async def read(context: CallContext, uri: str, _variables: dict[str, str]) -> list[dict[str, Any]]:
            await context.conversation.ask({"name": FORM})
            return [{"uri": uri, "mimeType": "text/plain", "text": "read", "_meta": META}]

        return CompiledResource(read)
