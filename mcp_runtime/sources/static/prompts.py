"""Prompts written down: messages with a place for each argument, and values to propose for arguments."""

from typing import Any

import msgspec

from mcp_runtime.snapshots.structs import PromptSnapshot
from mcp_runtime.sources.configuration import converted
from mcp_runtime.sources.contract import (
    CallContext,
    CompiledPrompt,
    InvalidConfig,
    PromptDraft,
    PromptResult,
    Workshop,
)
from mcp_runtime.sources.static.blocks import require_messages
from mcp_runtime.sources.static.placeholders import beginning_with, fill, is_name, require_proposals


class StaticPromptConfig(msgspec.Struct, forbid_unknown_fields=True):
    """`messages` are PromptMessages; `completions` are the values proposed for an argument."""

    messages: list[dict[str, Any]]
    completions: dict[str, list[str]] = {}


class StaticPromptSource:
    """Prompts whose messages are in their configuration."""

    kind = "static"
    title = "Written messages"

    def check(self, draft: PromptDraft) -> PromptDraft:
        config = converted(draft.config, StaticPromptConfig)
        require_messages(config.messages)
        names = [str(argument.get("name")) for argument in draft.arguments]
        unfit = [name for name in names if not is_name(name)]
        if unfit:
            sentence = f"{unfit[0]}: use letters, digits and underscores, so that {{name}} can stand for it."
            raise InvalidConfig({"arguments": sentence})
        require_proposals(config.completions, names)
        return draft

    def compile(self, prompt: PromptSnapshot, workshop: Workshop) -> CompiledPrompt:
        config = converted(prompt.config, StaticPromptConfig)
        optional = {argument["name"]: "" for argument in prompt.arguments}

        async def messages(_context: CallContext, arguments: dict[str, str]) -> PromptResult:
            return PromptResult(fill(config.messages, optional | arguments), prompt.description)

        async def complete(argument: str, typed: str, _given: dict[str, str]) -> list[str]:
            return beginning_with(typed, config.completions.get(argument, []))

        return CompiledPrompt(messages, complete)
