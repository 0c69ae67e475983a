"""Servers of FastMCP 4 and of version 1 of the official SDK behind an endpoint, for clients of both eras."""

import mcp_types as types
import pytest

from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import in_console
from tests.mcp_runtime.upstreams.people import CLIENTS, NAME, THOUGHT, text_of, visiting
from tests.mcp_runtime.upstreams.servers import imported

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")]

# A server, and how it is spoken to.
SERVERS = {
    "FastMCP, found out": ("fastmcp_url", "auto"),
    "FastMCP, session": ("fastmcp_url", "session"),
    "SDK 1, found out": ("sdk_v1_url", "auto"),
    "SDK 1, HTTP+SSE": ("sdk_v1_sse_url", "auto"),
}


@pytest.fixture(params=SERVERS)
async def served(request: pytest.FixtureRequest, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Alice's endpoint, with a server behind it."""
    monkeypatch.setenv("OUTBOUND_ALLOW", "127.0.0.1/32")
    fixture, transport = SERVERS[request.param]
    url = request.getfixturevalue(fixture)
    run = await in_console(lambda: imported(stage, {"url": url, "transport": transport}))
    assert (run.state, run.refused) == ("done", [])
    return stage


@pytest.fixture(params=CLIENTS)
def mode(request: pytest.FixtureRequest) -> str:
    """How a client of either era negotiates."""
    return CLIENTS[request.param]


async def test_it_is_served_whole(served: Stage, mode: str) -> None:
    async with visiting(served, mode) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"sdk_add", "sdk_fail", "sdk_count", "sdk_greet"} <= names
        assert (await client.call_tool("sdk_add", {"a": 40, "b": 2})).structured_content == {"sum": 42}
        failed = await client.call_tool("sdk_fail", {})
        assert failed.is_error
        assert "It was not to be." in text_of(failed)
        (prompt,) = (await client.list_prompts()).prompts
        (message,) = (await client.get_prompt(prompt.name, {"language": "Erlang"})).messages
        assert message.content == types.TextContent(type="text", text="Review this Erlang.")
        (resource,) = (await client.list_resources()).resources
        (template,) = (await client.list_resource_templates()).resource_templates
        assert (resource.uri, template.uri_template) == ("notes://today", "notes://{day}")
        read = [(await client.read_resource(f"notes://{day}")).contents for day in ("today", "friday")]
        assert [_text(contents) for contents in read] == ["Everything.", "Nothing on friday."]


async def test_progress_and_questions_come_through(served: Stage, mode: str) -> None:
    async with visiting(served, mode) as client:
        reported: list[tuple[float, float | None]] = []

        async def report(progress: float, total: float | None, message: str | None) -> None:
            reported.append((progress, total))

        counted = await client.call_tool("sdk_count", {"to": 3}, progress_callback=report)
        assert text_of(counted) == "counted to 3"
        assert reported == [(1, 3), (2, 3), (3, 3)]
        assert text_of(await client.call_tool("sdk_greet", {})) == f"Hello, {NAME}"
        if "sdk_think" in {tool.name for tool in (await client.list_tools()).tools}:
            assert text_of(await client.call_tool("sdk_think", {"about": "everything"})) == THOUGHT


def _text(contents: list[types.TextResourceContents | types.BlobResourceContents]) -> str:
    (only,) = contents
    assert isinstance(only, types.TextResourceContents)
    return only.text
