"""Completion: completion/complete proposes values for arguments of prompts and variables of templates."""

from dataclasses import dataclass
from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.protocol.wire import wire_of
from mcp_runtime.sources.contract import CallContext, Completer

SECONDS = 10.0
MAXIMUM_VALUES = 100  # server/utilities/completion


def complete(exchange: Exchange) -> "Completion":
    """The proposals, to be made. Raises RpcError(INVALID_PARAMS) for what it does not know."""
    argument = exchange.params.get("argument")
    if type(argument) is not dict:
        raise RpcError(errors.INVALID_PARAMS, "params.argument is an object.")
    name, typed = argument.get("name"), argument.get("value")
    if type(name) is not str or type(typed) is not str:
        raise RpcError(errors.INVALID_PARAMS, "params.argument has a name and a value, both strings.")
    return Completion(exchange, _completer(exchange), name, typed, _given(exchange.params))


def _completer(exchange: Exchange) -> Completer:
    reference = exchange.params.get("ref")
    kind = reference.get("type") if type(reference) is dict else None
    endpoint = exchange.endpoint
    open_to_caller = exchange.principal.tools is None
    if type(reference) is dict and kind == "ref/prompt":
        prompt = endpoint.prompts.get(str(reference.get("name"))) if open_to_caller else None
        if prompt is not None:
            return prompt.compiled.complete
    if type(reference) is dict and kind == "ref/resource":
        template = endpoint.templates.get(str(reference.get("uri"))) if open_to_caller else None
        if template is not None:
            return template.compiled.complete
    raise RpcError(errors.INVALID_PARAMS, "params.ref names a prompt or a resource template of this server.")


def _given(params: dict[str, Any]) -> dict[str, str]:
    context = params.get("context", {})
    given = context.get("arguments", {}) if type(context) is dict else None
    if type(given) is not dict or any(type(value) is not str for value in given.values()):
        raise RpcError(errors.INVALID_PARAMS, "params.context.arguments maps names to strings.")
    return given


@dataclass(slots=True)
class Completion:
    """A request for proposals that passed every check."""

    exchange: Exchange
    completer: Completer
    argument: str
    typed: str
    given: dict[str, str]
    seconds: float = SECONDS

    async def run(self, _context: CallContext) -> bytes:
        """Asks for the values, and encodes as many as the protocol allows."""
        values = await self.completer(self.argument, self.typed, self.given)
        shown = values[:MAXIMUM_VALUES]
        completion = {"values": shown, "total": len(values), "hasMore": len(values) > len(shown)}
        closing = wire_of(self.exchange.endpoint, self.exchange.revision).closing
        return b'{"completion":%b%b' % (encode(completion), closing)

    def failed(self, _sentence: str) -> bytes:
        """No proposals in time are no proposals."""
        closing = wire_of(self.exchange.endpoint, self.exchange.revision).closing
        return b'{"completion":{"values":[]}%b' % closing
