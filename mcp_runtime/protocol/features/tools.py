"""Tools: tools/list, tools/call (server/tools)."""

from typing import Any, cast

import msgspec

from mcp_runtime.protocol import errors, tasks
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.extension import is_declared, required
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.mirrored import check_arguments
from mcp_runtime.protocol.revision import Exchange, Revision, Structured
from mcp_runtime.protocol.served import ServedEndpoint, ServedTool
from mcp_runtime.protocol.settled import ErrorResult, HeldBackResult, RefusedResult
from mcp_runtime.protocol.tasks_wire import encode_created
from mcp_runtime.protocol.wire import wire_of
from mcp_runtime.schemas import describe_errors
from mcp_runtime.sources.contract import CallContext, InstantHandler, ToolResult, text_result
from mcp_runtime.sources.conversation import Answer, ClientCannot, Detached


def list_tools(exchange: Exchange) -> bytes:
    """A page of the tools that the caller may use. Raises RpcError(INVALID_PARAMS) for a cursor of somebody else."""
    return wire_of(exchange.endpoint, exchange.revision).tool_list(exchange.principal, exchange.params)


def call_tool(exchange: Exchange) -> "bytes | ToolCall":
    """The call, checked and ready to run.

    Raises RpcError: INVALID_PARAMS for an unknown tool (also one the caller may not use), malformed params and, where
    the revision says so, arguments that do not match the tool's schema; HEADER_MISMATCH.
    """
    name, arguments = _read_params(exchange.params)
    tool = exchange.endpoint.tool_for(exchange.principal, name)
    if tool is None:
        raise RpcError(errors.INVALID_PARAMS, f"Unknown tool: {name}")
    revision = exchange.revision
    if tool.mirrored and revision.mirrored and exchange.headers is not None:
        check_arguments(tool.mirrored, exchange.headers, arguments)
    if not tool.validator.is_valid(arguments):
        complaint = f"Invalid arguments: {'; '.join(describe_errors(tool.validator, arguments))}"
        if not revision.invalid_arguments_are_results:
            raise RpcError(errors.INVALID_PARAMS, complaint)
        return RefusedResult(encode_tool_result(exchange.endpoint, revision, text_result(complaint, is_error=True)))
    return ToolCall(exchange, tool, arguments)


def _read_params(params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    name = params.get("name")
    arguments = params.get("arguments", {})
    if type(name) is not str or type(arguments) is not dict:
        raise RpcError(errors.INVALID_PARAMS, "params.name is a string, params.arguments an object.")
    return name, arguments


class ToolCall(msgspec.Struct, frozen=True):
    """A call that passed every check."""

    exchange: Exchange
    tool: ServedTool
    arguments: dict[str, Any]

    @property
    def seconds(self) -> float:
        return self.tool.seconds

    @property
    def is_instant(self) -> bool:
        """Whether `answer` is all there is to it: no answers of the client's have to be looked at, either."""
        if type(self.tool.handler) is not InstantHandler:
            return False
        params = self.exchange.params
        return "requestState" not in params and "inputResponses" not in params

    def answer(self) -> bytes:
        """The encoded answer of an instant tool."""
        exchange, tool = self.exchange, self.tool
        result = cast("InstantHandler", tool.handler).answer(self.arguments)
        return encode_tool_result(exchange.endpoint, exchange.revision, checked_output(tool, result))

    async def run(self, context: CallContext) -> bytes:
        """Calls the tool's source, and encodes its answer for the revision: a result, or the task it goes on as.

        Raises ClientCannot where the tool runs as a task alone, and the client cannot follow one.
        """
        exchange = self.exchange
        if self.tool.snapshot.task == "required" and not is_declared(tasks.EXTENSION_ID, exchange.capabilities):
            raise ClientCannot(required(tasks.EXTENSION_ID))
        try:
            result = await self.tool.handler(context, self.arguments)
        except Detached as detached:
            return await self._begin_task(detached.answers)
        return encode_tool_result(exchange.endpoint, exchange.revision, checked_output(self.tool, result))

    async def _begin_task(self, answers: dict[str, Answer]) -> bytes:
        exchange = self.exchange
        call = tasks.Call(
            exchange.revision.version, self.tool.snapshot.name, self.arguments, dict(exchange.capabilities)
        )
        return encode_created(exchange, await exchange.tasks.create(exchange.scope, call, answers))

    def failed(self, sentence: str) -> bytes:
        """What the client hears of a tool that could not answer."""
        return encode_tool_result(self.exchange.endpoint, self.exchange.revision, text_result(sentence, is_error=True))


def checked_output(tool: ServedTool, result: ToolResult) -> ToolResult:
    """The result, or an error in its place if it breaks the output schema that clients were promised."""
    if tool.output_validator is None or result.is_error:
        return result
    if not result.has_structured:
        return text_result("The tool answered without the structured content that it promises.", is_error=True)
    if tool.output_validator.is_valid(result.structured):
        return result
    complaints = "; ".join(describe_errors(tool.output_validator, result.structured))
    return text_result(f"The tool's answer does not match its output schema: {complaints}", is_error=True)


def encode_tool_result(endpoint: ServedEndpoint, revision: Revision, result: ToolResult) -> bytes:
    """A CallToolResult in the form of the revision."""
    content = result.content
    if not content and result.has_structured:
        # Clients that do not read structured content see the same as text (server/tools "Structured Content").
        content = [{"type": "text", "text": encode(result.structured).decode()}]
    encoded = b'{"content":%b%b,"isError":%b%b' % (
        encode(revision.content(content)),
        _structured_member(revision.structured, result) if result.has_structured else b"",
        b"true" if result.is_error else b"false",
        wire_of(endpoint, revision).closing,
    )
    if result.is_refusal:
        return HeldBackResult(encoded)
    return ErrorResult(encoded) if result.is_error else encoded


def _structured_member(structured: Structured, result: ToolResult) -> bytes:
    if structured is Structured.NOTHING:
        return b""
    if structured is Structured.OBJECT and not isinstance(result.structured, dict):
        return b""
    return b',"structuredContent":%b' % encode(result.structured)
