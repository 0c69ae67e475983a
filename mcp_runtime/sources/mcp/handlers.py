"""How operations of a server are served: tools called, prompts got, resources read, arguments completed."""

from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.mirrored import MirroredArgument, argument_headers
from mcp_runtime.sources.contract import (
    CallContext,
    CompiledPrompt,
    CompiledResource,
    InvalidConfig,
    PromptResult,
    ResourceMissing,
    ToolHandler,
    ToolResult,
    text_result,
)
from mcp_runtime.sources.conversation import ElicitUrl
from mcp_runtime.sources.mcp.client import McpClient
from mcp_runtime.sources.mcp.messages import Answered
from mcp_runtime.sources.mcp.questions import NotAQuestion, read_question
from mcp_runtime.sources.mcp.requests import Request, caller_of, nobody
from mcp_runtime.sources.mcp.results import completion_values, prompt_result, resource_contents, tool_result
from mcp_runtime.sources.upstream import Health, UpstreamFailed

COMPLETION_SECONDS = 5.0
# 2025-11-25, client/elicitation "URL Elicitation Required Error": pages to visit before the call can be made.
URL_ELICITATION_REQUIRED = -32042
MAXIMUM_PAGES = 8
_NOT_FOUND = frozenset({errors.RESOURCE_NOT_FOUND, errors.INVALID_PARAMS})


def tool_handler(client: McpClient, operation: dict[str, Any]) -> ToolHandler:
    """Calls a tool. Raises InvalidConfig."""
    name = _named(operation, "name")
    mirrored = tuple(MirroredArgument(header.encode(), tuple(path)) for header, *path in operation.get("mirrored", []))

    is_repeatable = operation.get("repeatable") is True

    async def call(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        headers = argument_headers(mirrored, arguments) if mirrored else {}
        request = Request("tools/call", {"name": name, "arguments": arguments}, name, headers, is_repeatable)
        caller = caller_of(context)
        try:
            return tool_result(await client.request(request, caller))
        except Answered as error:
            pages = _pages(error)
            if not pages:
                return text_result(error.sentence, is_error=True)
        await context.conversation.ask(pages)
        try:
            return tool_result(await client.request(request, caller))
        except Answered as error:
            return text_result(error.sentence, is_error=True)

    return call


def _pages(error: Answered) -> dict[str, ElicitUrl]:
    """The pages that somebody has to visit before the tool can be called; empty for any other error."""
    if error.code != URL_ELICITATION_REQUIRED or type(error.data) is not dict:
        return {}
    asked = error.data.get("elicitations")
    try:
        found = [read_question("elicitation/create", params) for params in asked] if type(asked) is list else []
    except NotAQuestion:
        return {}
    pages = [question for question in found if isinstance(question, ElicitUrl)]
    return {f"page{number}": page for number, page in enumerate(pages[:MAXIMUM_PAGES])}


def prompt(client: McpClient, operation: dict[str, Any]) -> CompiledPrompt:
    """Gets a prompt, and completes its arguments. Raises InvalidConfig."""
    name = _named(operation, "name")

    async def get(context: CallContext, arguments: dict[str, str]) -> PromptResult:
        request = Request("prompts/get", {"name": name, "arguments": arguments}, name, is_repeatable=True)
        try:
            return prompt_result(await client.request(request, caller_of(context)))
        except Answered as error:
            raise UpstreamFailed(f"The server did not write the prompt: {error.sentence}", Health.OK) from None

    async def complete(argument: str, typed: str, given: dict[str, str]) -> list[str]:
        return await completed(client, {"type": "ref/prompt", "name": name}, argument, typed, given)

    return CompiledPrompt(get, complete)


def resource(client: McpClient, operation: dict[str, Any]) -> CompiledResource:
    """Reads a resource or those of a template, and completes its variables. Raises InvalidConfig."""
    template = operation.get("template")
    reference = {"type": "ref/resource", "uri": template or _named(operation, "uri")}

    async def read(context: CallContext, uri: str, _variables: dict[str, str]) -> list[dict[str, Any]]:
        request = Request("resources/read", {"uri": uri}, uri, is_repeatable=True)
        try:
            return resource_contents(await client.request(request, caller_of(context)))
        except Answered as error:
            if error.code in _NOT_FOUND:
                raise ResourceMissing from None
            raise UpstreamFailed(f"The server did not read the resource: {error.sentence}", Health.OK) from None

    async def complete(argument: str, typed: str, given: dict[str, str]) -> list[str]:
        return await completed(client, reference, argument, typed, given)

    return CompiledResource(read, complete)


async def completed(
    client: McpClient, reference: dict[str, Any], argument: str, typed: str, given: dict[str, str]
) -> list[str]:
    """What the server proposes for an argument; nothing where it proposes nothing."""
    params: dict[str, Any] = {"ref": reference, "argument": {"name": argument, "value": typed}}
    if given:
        params["context"] = {"arguments": given}
    try:
        result = await client.request(Request("completion/complete", params), nobody(COMPLETION_SECONDS))
    except Answered:
        return []
    return completion_values(result)


def _named(operation: dict[str, Any], member: str) -> str:
    name = operation.get(member)
    if type(name) is not str or not name:
        raise InvalidConfig({f"config.{member}": "This is needed."})
    return name
