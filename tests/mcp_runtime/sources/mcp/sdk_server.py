"""A server made with the official Python SDK, with one of everything: what an upstream of a tenant may be."""

import asyncio
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp_types import (
    Annotations,
    CallToolResult,
    Completion,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    ResourceLink,
    SamplingMessage,
    TextContent,
    ToolAnnotations,
)
from pydantic import BaseModel

INSTRUCTIONS = "Ask before you leap."
FORM: dict[str, Any] = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


class Name(BaseModel):
    """What a form asks for."""

    name: str


@dataclass
class Made:
    """A server, whether its tool `hang` was called, and whether that call has ended."""

    server: MCPServer
    hanging: asyncio.Event
    ended: asyncio.Event
    greetings: int = 0


def make_server() -> Made:
    """A fresh one."""
    server = MCPServer("everything", instructions=INSTRUCTIONS, log_level="CRITICAL")
    made = Made(server, asyncio.Event(), asyncio.Event())
    _add_plain_tools(made)
    _add_asking_tools(made)
    _add_thinking_tools(server)
    _add_rooted_tools(server)
    _add_content(server)
    return made


def _add_plain_tools(made: Made) -> None:
    server = made.server

    @server.tool(annotations=ToolAnnotations(read_only_hint=True), title="Echo")
    def echo(text: str) -> str:
        """Returns what it is given."""
        return text

    @server.tool()
    def fail() -> str:
        """Fails."""
        raise ValueError("It was not to be.")

    @server.tool()
    async def count(ctx: Context[Any, Any], to: int) -> str:
        """Counts, and says so on the way."""
        for number in range(1, to + 1):
            await ctx.report_progress(number, to, f"at {number}")
            await ctx.info(f"counted {number}")
        return f"counted to {to}"

    @server.tool()
    async def hang() -> str:
        """Never answers; what becomes of it is kept."""
        made.hanging.set()
        try:
            await asyncio.Event().wait()
        finally:
            made.ended.set()
        return ""

    @server.tool(structured_output=False)
    def mixed() -> CallToolResult:
        """Answers with several kinds of content."""
        return CallToolResult(
            content=[
                TextContent(type="text", text="one", annotations=Annotations(priority=0.5), _meta={"a.example/b": 1}),
                ImageContent(type="image", data="AAAA", mime_type="image/png"),
                ResourceLink(type="resource_link", uri="notes://today", name="today"),
            ],
            structured_content={"found": 2},
        )


def _add_asking_tools(made: Made) -> None:
    server = made.server

    @server.tool()
    async def greet(ctx: Context[Any, Any]) -> str | InputRequiredResult:
        """Asks for a name, in whichever way its client has."""
        if is_modern(ctx):
            if ctx.input_responses is None:
                asked = ElicitRequest(params=ElicitRequestFormParams(message="Who?", requested_schema=FORM))
                return InputRequiredResult(input_requests={"who": asked}, request_state="s1")
            answer = ctx.input_responses["who"]
            assert isinstance(answer, ElicitResult)
            assert answer.content is not None
            return f"Hello, {answer.content['name']} ({ctx.request_state})"
        made.greetings += 1
        try:
            elicited = await ctx.elicit("Who?", Name)
        except asyncio.CancelledError:
            made.ended.set()
            raise
        return f"Hello, {elicited.data.name}" if elicited.action == "accept" else elicited.action


def _add_thinking_tools(server: MCPServer) -> None:
    @server.tool()
    async def think(ctx: Context[Any, Any], about: str) -> str | InputRequiredResult:
        """Asks the client's model."""
        message = SamplingMessage(role="user", content=TextContent(type="text", text=about))
        if is_modern(ctx):
            if ctx.input_responses is None:
                params = CreateMessageRequestParams(messages=[message], max_tokens=10)
                return InputRequiredResult(input_requests={"thought": CreateMessageRequest(params=params)})
            result = ctx.input_responses["thought"]
        else:
            result = await ctx.session.create_message([message], max_tokens=10, related_request_id=ctx.request_id)
        assert isinstance(result, CreateMessageResult)
        assert isinstance(result.content, TextContent)
        return result.content.text


def _add_rooted_tools(server: MCPServer) -> None:
    @server.tool()
    async def roots(ctx: Context[Any, Any]) -> str | InputRequiredResult:
        """Asks for the client's roots."""
        if is_modern(ctx):
            if ctx.input_responses is None:
                return InputRequiredResult(input_requests={"roots": ListRootsRequest()})
            result = ctx.input_responses["roots"]
        else:
            result = await ctx.session.list_roots()
        assert isinstance(result, ListRootsResult)
        return ", ".join(str(root.uri) for root in result.roots)


def is_modern(ctx: Context[Any, Any]) -> bool:
    """Whether the client has no sessions, and so is asked by `input_required`."""
    return (ctx.protocol_version or "") >= "2026-07-28"


def _add_content(server: MCPServer) -> None:
    @server.prompt(title="Review")
    def review(language: str) -> str:
        """Reviews code."""
        return f"Review this {language}."

    @server.resource("notes://today", mime_type="text/plain")
    def today() -> str:
        """What there is to do."""
        return "Everything."

    @server.resource("notes://{day}", mime_type="text/plain")
    def on(day: str) -> str:
        """What there was to do."""
        return f"Nothing on {day}."

    @server.completion()  # type: ignore[no-untyped-call,untyped-decorator]  # the SDK has none here
    async def complete(ref: Any, argument: Any, context: Any) -> Any:

        return Completion(values=[f"{argument.value}ython"])
