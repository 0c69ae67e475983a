"""Prompts: prompts/list, prompts/get (server/prompts)."""

from dataclasses import dataclass
from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.protocol.served import ServedPrompt
from mcp_runtime.protocol.wire import wire_of
from mcp_runtime.sources.contract import CallContext

SECONDS = 60.0


def list_prompts(exchange: Exchange) -> bytes:
    """A page of the prompts. Raises RpcError(INVALID_PARAMS) for a cursor of somebody else."""
    return wire_of(exchange.endpoint, exchange.revision).page("prompts", exchange.principal, exchange.params)


def get_prompt(exchange: Exchange) -> "PromptGet":
    """The prompt's messages, to be written. Raises RpcError(INVALID_PARAMS): unknown, or arguments that do not fit."""
    name, arguments = exchange.params.get("name"), exchange.params.get("arguments", {})
    if type(name) is not str or type(arguments) is not dict:
        raise RpcError(errors.INVALID_PARAMS, "params.name is a string, params.arguments an object.")
    prompt = exchange.endpoint.prompts.get(name) if exchange.principal.tools is None else None
    if prompt is None:
        raise RpcError(errors.INVALID_PARAMS, f"Unknown prompt: {name}")
    if any(type(value) is not str for value in arguments.values()):
        raise RpcError(errors.INVALID_PARAMS, "A prompt's arguments are strings.")
    missing = [name for name in prompt.required if name not in arguments]
    if missing:
        raise RpcError(errors.INVALID_PARAMS, f"Missing arguments: {', '.join(missing)}")
    return PromptGet(exchange, prompt, arguments)


@dataclass(slots=True)
class PromptGet:
    """A prompt that passed every check."""

    exchange: Exchange
    prompt: ServedPrompt
    arguments: dict[str, Any]
    seconds: float = SECONDS

    async def run(self, context: CallContext) -> bytes:
        """Writes the messages, and encodes them for the revision."""
        result = await self.prompt.compiled.handler(context, self.arguments)
        convert = self.exchange.revision.content
        messages = [{**message, "content": convert([message["content"]])[0]} for message in result.messages]
        description = b',"description":%b' % encode(result.description) if result.description else b""
        closing = wire_of(self.exchange.endpoint, self.exchange.revision).closing
        return b'{"messages":%b%b%b' % (encode(messages), description, closing)

    def failed(self, sentence: str) -> bytes:
        """There is no result that says it failed, so this is an error."""
        raise RpcError(errors.INTERNAL_ERROR, sentence)
