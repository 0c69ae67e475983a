"""Real servers of the official SDK, spoken to in every era: whatever they offer works."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mcp_runtime.sources.contract import ResourceMissing
from mcp_runtime.sources.conversation import Answer, ClientCannot, Elicit, ListRoots, Sample
from mcp_runtime.sources.upstream import UpstreamFailed
from tests.mcp_runtime.sources.calling import text_of
from tests.mcp_runtime.sources.mcp.opening import Client, Opened, context, heedless, opened, serving
from tests.mcp_runtime.sources.mcp.sdk_server import INSTRUCTIONS, Made, make_server

# The SDK warns of what 2026-07-28 deprecates, and older servers go on using.
pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")

SPOKEN = {"auto": "MCP 2026-07-28", "session": "MCP 2025-11-25", "http_sse": "MCP 2025-11-25"}
ANSWERS: dict[type, Answer] = {
    Elicit: {"action": "accept", "content": {"name": "Joe"}},
    Sample: {"role": "assistant", "content": {"type": "text", "text": "42"}, "model": "m"},
    ListRoots: {"roots": [{"uri": "file:///home"}]},
}


@pytest.fixture(params=SPOKEN)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, Opened, Made]]:
    """How an SDK server is spoken to, the way to it, and the server."""
    made = make_server()
    app = made.server.sse_app() if request.param == "http_sse" else made.server.streamable_http_app()
    path = "/sse" if request.param == "http_sse" else "/mcp"
    async with serving(app) as origin, opened(origin + path, request.param) as upstream:
        yield request.param, upstream, made


type Server = tuple[str, Opened, Made]


async def test_everything_it_offers_is_found(server: Server) -> None:
    transport, opened_, _ = server
    found = await opened_.upstream.discover(heedless)
    assert found.speaks == SPOKEN[transport]
    assert found.instructions == INSTRUCTIONS
    assert found.refused == []
    assert {"echo", "mixed", "greet"} <= {tool.name for tool in found.tools}
    echo = next(tool for tool in found.tools if tool.name == "echo")
    assert (echo.title, echo.annotations, echo.config) == (
        "Echo",
        {"readOnlyHint": True},
        {"name": "echo", "repeatable": True},
    )
    assert echo.input_schema["required"] == ["text"]
    assert [(prompt.name, prompt.arguments) for prompt in found.prompts] == [
        ("review", [{"name": "language", "required": True}])
    ]
    assert {(resource.uri, resource.is_template) for resource in found.resources} == {
        ("notes://today", False),
        ("notes://{day}", True),
    }
    await opened_.upstream.probe()


async def test_tools_answer_and_fail(server: Server) -> None:
    _, opened_, _ = server
    echoed = await opened_.call("echo", {"text": "Hello, Mike."})
    assert (text_of(echoed), echoed.structured, echoed.is_error) == ("Hello, Mike.", {"result": "Hello, Mike."}, False)
    assert (await opened_.call("fail")).is_error
    unknown = await opened_.call("unheard-of")
    assert unknown.is_error


async def test_content_of_every_kind_comes_through(server: Server) -> None:
    _, opened_, _ = server
    mixed = await opened_.call("mixed")
    assert [block["type"] for block in mixed.content] == ["text", "image", "resource_link"]
    assert mixed.content[0]["_meta"] == {"a.example/b": 1}
    assert mixed.content[0]["annotations"] == {"priority": 0.5}
    assert mixed.structured == {"found": 2}


async def test_progress_and_messages_are_heard_before_the_answer(server: Server) -> None:
    _, opened_, _ = server
    client = Client()
    assert text_of(await opened_.call("count", {"to": 2}, client)) == "counted to 2"
    assert client.heard == [
        ("progress", 1, 2, "at 1"),
        ("log", "info", "counted 1"),
        ("progress", 2, 2, "at 2"),
        ("log", "info", "counted 2"),
    ]


async def test_a_person_is_asked_in_the_middle_of_a_call(server: Server) -> None:
    _, opened_, _ = server
    client = Client(ANSWERS)
    assert text_of(await opened_.call("greet", {}, client)).startswith("Hello, Joe")
    (question,) = client.asked
    assert isinstance(question, Elicit)
    assert question.message == "Who?"


async def test_models_and_roots_are_asked_for(server: Server) -> None:
    _, opened_, _ = server
    client = Client(ANSWERS)
    assert text_of(await opened_.call("think", {"about": "everything"}, client)) == "42"
    assert text_of(await opened_.call("roots", {}, client)) == "file:///home"


async def test_a_client_that_can_be_asked_nothing_is_not_asked(server: Server) -> None:
    _, opened_, _ = server
    client = Client(capabilities={})
    try:
        refused = (await opened_.call("greet", {}, client)).is_error
    except ClientCannot:
        refused = True
    assert refused
    assert client.asked == []


async def test_prompts_and_resources_are_served_and_completed(server: Server) -> None:
    _, opened_, _ = server
    prompt = opened_.upstream.prompt({"name": "review"})
    written = await prompt.handler(context(Client()), {"language": "Erlang"})
    assert written.messages == [{"role": "user", "content": {"type": "text", "text": "Review this Erlang."}}]
    assert await prompt.complete("language", "p", {}) == ["python"]
    template = opened_.upstream.resource({"template": "notes://{day}"})
    (content,) = await template.handler(context(Client()), "notes://monday", {"day": "monday"})
    assert content == {"uri": "notes://monday", "mimeType": "text/plain", "text": "Nothing on monday."}
    assert await template.complete("day", "p", {"month": "May"}) == ["python"]
    with pytest.raises(ResourceMissing):
        await opened_.upstream.resource({"uri": "x://y"}).handler(context(Client()), "x://y", {})


async def test_a_call_that_nobody_waits_for_ends_at_the_server(server: Server) -> None:
    _, opened_, made = server
    calling = asyncio.ensure_future(opened_.call("hang"))
    await made.hanging.wait()
    calling.cancel()
    await made.ended.wait()
    with pytest.raises(asyncio.CancelledError):
        await calling


async def test_a_call_keeps_its_deadline(server: Server) -> None:
    _, opened_, made = server
    await opened_.call("echo", {"text": "warm"})
    with pytest.raises(UpstreamFailed, match=r"in time|within"):
        await opened_.call("hang", seconds=0.3)
    await made.ended.wait()


async def test_callers_do_not_share_a_session(server: Server) -> None:
    _, opened_, _ = server
    both = await asyncio.gather(
        *(opened_.call("echo", {"text": name}, principal=name) for name in ("alice", "bob", "alice"))
    )
    assert [text_of(result) for result in both] == ["alice", "bob", "alice"]
