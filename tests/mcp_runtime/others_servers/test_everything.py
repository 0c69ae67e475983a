"""npm's server-everything behind an endpoint, as it is: all that it offers, for clients of both eras."""

import mcp_types as types
import pytest

from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import in_console
from tests.mcp_runtime.upstreams.people import CLIENTS, NAME, ROOT, THOUGHT, text_of, visiting
from tests.mcp_runtime.upstreams.servers import imported

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")]

# What it offers who has said at the handshake that it can be asked for everything.
TOOLS = {
    "echo", "get-annotated-message", "get-env", "get-resource-links", "get-resource-reference", "get-roots-list",
    "get-structured-content", "get-sum", "get-tiny-image", "gzip-file-as-resource", "toggle-simulated-logging",
    "toggle-subscriber-updates", "trigger-elicitation-request",
    "trigger-long-running-operation", "trigger-sampling-request", "trigger-url-elicitation",
}  # fmt: skip
PROMPTS = {"simple-prompt", "args-prompt", "completable-prompt", "resource-prompt"}
TASK = "simulate-research-query"
NO_TASKS = "It runs only as a task of 2025-11-25, which an endpoint does not begin at its upstreams."
PAGE = "https://example.com/sign-in"


@pytest.fixture
async def served(stage: Stage, everything_url: str, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Alice's endpoint, which has the server behind it."""
    monkeypatch.setenv("OUTBOUND_ALLOW", "127.0.0.1/32")
    run = await in_console(lambda: imported(stage, {"url": everything_url}))
    assert run.state == "done"
    # Said by name, rather than offered and never working.
    assert run.refused == [{"name": TASK, "reason": NO_TASKS}]
    return stage


@pytest.fixture(params=CLIENTS)
def mode(request: pytest.FixtureRequest) -> str:
    """How a client of either era negotiates."""
    return CLIENTS[request.param]


async def test_all_that_it_offers_is_listed(served: Stage, mode: str) -> None:
    async with visiting(served, mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {f"sdk_{name}" for name in TOOLS} <= set(tools)
        assert tools["sdk_get-sum"].title == "Get Sum Tool"
        assert tools["sdk_get-sum"].annotations is not None
        assert tools["sdk_get-sum"].annotations.read_only_hint
        assert tools["sdk_get-structured-content"].output_schema is not None
        assert {prompt.name for prompt in (await client.list_prompts()).prompts} == {f"sdk_{name}" for name in PROMPTS}
        assert len((await client.list_resources()).resources) == 7
        assert len((await client.list_resource_templates()).resource_templates) == 2


async def test_its_tools_are_called(served: Stage, mode: str) -> None:
    async with visiting(served, mode) as client:
        await client.list_tools()
        assert text_of(await client.call_tool("sdk_get-sum", {"a": 40, "b": 2})) == "The sum of 40 and 2 is 42."
        weather = await client.call_tool("sdk_get-structured-content", {"location": "Chicago"})
        assert weather.structured_content == {"temperature": 36, "conditions": "Light rain / drizzle", "humidity": 82}
        image = await client.call_tool("sdk_get-tiny-image", {})
        assert [block.type for block in image.content] == ["text", "image", "text"]
        links = await client.call_tool("sdk_get-resource-links", {"count": 2})
        assert [block.type for block in links.content] == ["text", "resource_link", "resource_link"]
        wrong = await client.call_tool("sdk_get-sum", {"a": "forty", "b": 2})
        assert wrong.is_error


async def test_its_prompts_and_resources_are_read(served: Stage, mode: str) -> None:
    async with visiting(served, mode) as client:
        got = await client.get_prompt("sdk_args-prompt", {"city": "Stockholm"})
        (message,) = got.messages
        assert message.content == types.TextContent(type="text", text="What's weather in Stockholm?")
        reference = types.PromptReference(type="ref/prompt", name="sdk_completable-prompt")
        completed = await client.complete(reference, {"name": "name", "value": "A"}, {"department": "Engineering"})
        assert completed.completion.values == ["Alice"]
        (page,) = (await client.read_resource("demo://resource/static/document/features.md")).contents
        assert isinstance(page, types.TextResourceContents)
        assert "## Tools" in page.text
        (made,) = (await client.read_resource("demo://resource/dynamic/blob/7")).contents
        assert isinstance(made, types.BlobResourceContents)


async def test_it_says_how_far_it_is(served: Stage, mode: str) -> None:
    async with visiting(served, mode) as client:
        reported: list[tuple[float, float | None]] = []

        async def report(progress: float, total: float | None, message: str | None) -> None:
            reported.append((progress, total))

        name, arguments = "sdk_trigger-long-running-operation", {"duration": 0.2, "steps": 4}
        done = await client.call_tool(name, arguments, progress_callback=report)
        assert text_of(done) == "Long running operation completed. Duration: 0.2 seconds, Steps: 4."
        assert reported == [(number, 4) for number in (1, 2, 3, 4)]


async def test_whatever_it_asks_reaches_the_person(served: Stage, mode: str) -> None:
    async with visiting(served, mode) as client:
        form = await client.call_tool("sdk_trigger-elicitation-request", {})
        # What the person left out, the SDK's client filled in with the form's defaults.
        assert _texts(form)[1].startswith(f"User inputs:\n- Name: {NAME}\n- Favorite Integer: 42")
        page = await client.call_tool("sdk_trigger-url-elicitation", {"url": PAGE})
        assert "User completed the URL elicitation flow" in _texts(page)[0]
        thought = await client.call_tool("sdk_trigger-sampling-request", {"prompt": "everything"})
        assert f'"text": "{THOUGHT}"' in text_of(thought)
        assert f"URI: {ROOT}" in text_of(await client.call_tool("sdk_get-roots-list", {}))


def _texts(result: object) -> list[str]:
    assert isinstance(result, types.CallToolResult)
    return [block.text for block in result.content if isinstance(block, types.TextContent)]
