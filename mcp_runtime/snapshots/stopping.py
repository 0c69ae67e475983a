"""An endpoint that was stopped: every call is answered with the message that somebody left for its callers.

Handlers are exchanged when the endpoint is compiled, so that an endpoint in service pays nothing for it.
"""

from dataclasses import replace
from typing import Any, NoReturn

from core import refusals
from core.refusals import Refused
from mcp_runtime import schemas
from mcp_runtime.protocol.served import ServedEndpoint, ServedPrompt, ServedResource, ServedTool
from mcp_runtime.sources.contract import (
    CallContext,
    CompiledPrompt,
    CompiledResource,
    InstantHandler,
    refused_result,
)


def stopped(served: ServedEndpoint, message: str, since: float) -> ServedEndpoint:
    """The endpoint, whose lists say that it was stopped and whose calls are answered with `message`.

    `since` is in seconds since the epoch.
    """
    served.tools = {name: _tool(tool, message) for name, tool in served.tools.items()}
    served.prompts = {name: _prompt(prompt, message) for name, prompt in served.prompts.items()}
    served.resources = {uri: _resource(resource, message) for uri, resource in served.resources.items()}
    served.templates = {uri: _resource(resource, message) for uri, resource in served.templates.items()}
    served.stopped = {"message": message, "since": since}
    return served


def _sentence(message: str) -> str:
    return f"This endpoint was stopped: {message}"


def _tool(tool: ServedTool, message: str) -> ServedTool:
    refused = refused_result(_sentence(message))
    # Whatever the arguments are: correcting them would not help.
    anything = schemas.compile_schema({})
    handler = InstantHandler(lambda _arguments: refused)
    return replace(tool, handler=handler, validator=anything, output_validator=None, mirrored=())


def _refuse(message: str) -> NoReturn:
    raise Refused(refusals.ENDPOINT_STOPPED, _sentence(message))


def _prompt(prompt: ServedPrompt, message: str) -> ServedPrompt:
    async def handle(_context: CallContext, _arguments: dict[str, str]) -> Any:
        _refuse(message)

    return replace(prompt, compiled=CompiledPrompt(handle), required=())


def _resource(resource: ServedResource, message: str) -> ServedResource:
    async def handle(_context: CallContext, _uri: str, _variables: dict[str, str]) -> Any:
        _refuse(message)

    return replace(resource, compiled=CompiledResource(handle))
