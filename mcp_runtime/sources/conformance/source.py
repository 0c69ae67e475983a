"""The sources of what the conformance suite asks for: tools, and the one prompt that asks."""

from typing import Any

from mcp_runtime.snapshots.structs import PromptSnapshot, ToolSnapshot
from mcp_runtime.sources.conformance.asking import CONTEXT_FORM
from mcp_runtime.sources.conformance.catalogue import TASKS, TOOLS, TRIGGERS
from mcp_runtime.sources.conformance.schemas import NOTHING
from mcp_runtime.sources.contract import (
    CallContext,
    CompiledPrompt,
    InvalidConfig,
    PromptDraft,
    PromptResult,
    ToolDraft,
    ToolHandler,
    ToolResult,
    Workshop,
    text_result,
)
from mcp_runtime.sources.conversation import Elicit

ASKING_PROMPT = "test_input_required_result_prompt"


class ConformanceSource:
    """Tools by the suite's names; the description of each is its function's own."""

    kind = "conformance"
    title = "Conformance suite"

    def check(self, draft: ToolDraft) -> ToolDraft:
        if draft.secrets:
            raise InvalidConfig({"secrets": "These tools take no secrets."})
        if draft.name in TRIGGERS:
            draft.description = draft.description or f"Tells every listener that the {TRIGGERS[draft.name]} changed."
            draft.input_schema = NOTHING
            return draft
        handler, schema = _tool(draft.name)
        draft.description = draft.description or (handler.__doc__ or "").strip()
        draft.input_schema = schema
        draft.task = TASKS.get(draft.name, "forbidden")
        # Whatever these do may be done twice.
        draft.annotations = draft.annotations or ({"idempotentHint": True} if draft.name in TASKS else {})
        return draft

    def compile(self, tool: ToolSnapshot, secrets: dict[str, str], workshop: Workshop) -> ToolHandler:
        if tool.name in TRIGGERS:
            return _trigger(TRIGGERS[tool.name], workshop)
        return _tool(tool.name)[0]


def _tool(name: str) -> tuple[ToolHandler, dict[str, Any]]:
    if name not in TOOLS:
        raise InvalidConfig({"name": f"The conformance suite knows no tool {name}."})
    return TOOLS[name]


def _trigger(kind: str, workshop: Workshop) -> ToolHandler:
    async def announce(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
        await workshop.announce(context, kind, "")
        return text_result(f"Every listener hears that the {kind} changed.")

    return announce


class ConformancePromptSource:
    """The prompt that asks for a name before it is written."""

    kind = "conformance"
    title = "Conformance suite"

    def check(self, draft: PromptDraft) -> PromptDraft:
        if draft.name != ASKING_PROMPT:
            raise InvalidConfig({"name": f"The one prompt of this source is {ASKING_PROMPT}."})
        return draft

    def compile(self, prompt: PromptSnapshot, workshop: Workshop) -> CompiledPrompt:
        async def messages(context: CallContext, _arguments: dict[str, str]) -> PromptResult:
            answers = await context.conversation.ask({"user_context": Elicit("What is it about?", CONTEXT_FORM)})
            text = f"Write to {answers['user_context'].get('content', {})}."
            return PromptResult([{"role": "user", "content": {"type": "text", "text": text}}])

        return CompiledPrompt(messages)
