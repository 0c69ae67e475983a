"""Prompts written down: messages with a place for each argument, and values to propose for arguments."""

from typing import Any

import msgspec

from mcp_runtime.snapshots.structs import PromptSnapshot
from mcp_runtime.sources.contract import (
    CallContext,
    CompiledPrompt,
    InvalidConfig,
    PromptDraft,
    PromptResult,
    Workshop,
)
from mcp_runtime.sources.static.placeholders import beginning_with, fill

ROLES = ("user", "assistant")


class StaticPromptConfig(msgspec.Struct, forbid_unknown_fields=True):
    """`messages` are PromptMessages; `completions` are the values proposed for an argument."""

    messages: list[dict[str, Any]]
    completions: dict[str, list[str]] = {}


class StaticPromptSource:
    """Prompts whose messages are in their configuration."""

    kind = "static"
    title = "Written messages"

    def check(self, draft: PromptDraft) -> PromptDraft:
        config = _config(draft.config)
        if not config.messages:
            raise InvalidConfig({"config": "messages: write at least one."})
        for message in config.messages:
            if message.get("role") not in ROLES or not isinstance(message.get("content"), dict):
                raise InvalidConfig({"config": "messages: each has a role (user or assistant) and a content block."})
        unknown = set(config.completions) - {argument.get("name") for argument in draft.arguments}
        if unknown:
            raise InvalidConfig({"config": f"completions: {', '.join(sorted(unknown))}: no such argument."})
        return draft

    def compile(self, prompt: PromptSnapshot, workshop: Workshop) -> CompiledPrompt:
        config = _config(prompt.config)
        optional = {argument["name"]: "" for argument in prompt.arguments}

        async def messages(_context: CallContext, arguments: dict[str, str]) -> PromptResult:
            return PromptResult(fill(config.messages, optional | arguments), prompt.description)

        async def complete(argument: str, typed: str, _given: dict[str, str]) -> list[str]:
            return beginning_with(typed, config.completions.get(argument, []))

        return CompiledPrompt(messages, complete)


def _config(config: dict[str, Any]) -> StaticPromptConfig:
    try:
        return msgspec.convert(config, StaticPromptConfig)
    except msgspec.ValidationError as error:
        raise InvalidConfig({"config": str(error)}) from None
