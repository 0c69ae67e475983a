"""The official Python client through all its features, in both eras, on an open and on a protected endpoint."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import MCPError
from mcp.client import Client, ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ListenNotSupportedError, ResourceUpdated, ToolsListChanged
from pydantic import FileUrl

from mcp_runtime.sources.conformance.media import PNG, WAV
from tests.clients.everything import INSTRUCTIONS, PAGES, WATCHED, Everything

BOUND_SECONDS = 20
MODERN = "2026-07-28"
MODES = {"legacy": "2025-11-25", "auto": MODERN, MODERN: MODERN}
ANSWERS: dict[str, Any] = {
    "name": "Alice",
    "color": "red",
    "username": "alice",
    "email": "alice@example.com",
    "ok": True,
    "context": "a letter",
}
# What 2026-07-28 will remove is toured too.
pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")


@dataclass
class Tourist:
    """What a client's person answers when asked, and what it heard."""

    heard: list[Any] = field(default_factory=list)
    logged: list[Any] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def elicit(
        self, context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult | types.ErrorData:
        """Fills forms in with whatever they ask for, and visits pages."""
        self.asked.append(params)
        if isinstance(params, types.ElicitRequestURLParams):
            return types.ElicitResult(action="accept")
        wanted = params.requested_schema["properties"]
        return types.ElicitResult(action="accept", content={name: ANSWERS[name] for name in wanted})

    async def sample(
        self, context: ClientRequestContext, params: types.CreateMessageRequestParams
    ) -> types.CreateMessageResult:
        """Answers like a model."""
        self.asked.append(params)
        return types.CreateMessageResult(
            role="assistant", content=types.TextContent(type="text", text="Paris"), model="test"
        )

    async def list_roots(self, context: ClientRequestContext) -> types.ListRootsResult:
        """Has two."""
        return types.ListRootsResult(
            roots=[types.Root(uri=FileUrl("file:///work"), name="Work"), types.Root(uri=FileUrl("file:///home"))]
        )

    async def log(self, params: types.LoggingMessageNotificationParams) -> None:
        """Keeps what it is told."""
        self.logged.append(params)

    async def hear(self, message: Any) -> None:
        """Keeps what comes outside of answers."""
        self.heard.append(message)
        self.news.set()

    async def until(self, kind: type) -> Any:
        """The first message of a kind."""
        while True:
            for message in self.heard:
                if isinstance(message, kind):
                    return message
            self.news.clear()
            await self.news.wait()


@pytest.fixture
def tourist() -> Tourist:
    """Somebody new."""
    return Tourist()


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """How the client negotiates."""
    return str(request.param)


@asynccontextmanager
async def visiting(everything: Everything, mode: str, tourist: Tourist, **options: Any) -> AsyncIterator[Client]:
    """The client, connected, with a person who answers."""
    async with (
        asyncio.timeout(BOUND_SECONDS),
        httpx2.AsyncClient(headers=everything.headers, timeout=BOUND_SECONDS) as http,
        Client(
            streamable_http_client(everything.url, http_client=http),
            mode=mode,
            elicitation_callback=tourist.elicit,
            sampling_callback=tourist.sample,
            list_roots_callback=tourist.list_roots,
            logging_callback=tourist.log,
            message_handler=tourist.hear,
            **options,
        ) as client,
    ):
        yield client


def text_of(result: types.CallToolResult) -> str:
    """The text of a result that has one."""
    (block,) = result.content
    assert isinstance(block, types.TextContent)
    return block.text


async def test_they_meet(everything: Everything, mode: str, tourist: Tourist) -> None:
    async with visiting(everything, mode, tourist) as client:
        assert client.protocol_version == MODES[mode]
        if mode == MODERN:
            return  # pinned, it asks nothing before its first request
        server = client.server_info
        assert server is not None
        assert (server.name, server.title) == ("conformance", "Everything")
        assert client.instructions == INSTRUCTIONS
        capabilities = client.server_capabilities
        assert capabilities.tools is not None
        assert capabilities.prompts is not None
        assert capabilities.resources is not None
        assert capabilities.resources.subscribe
        assert capabilities.completions is not None
        if mode == "legacy":
            assert (await client.send_ping()).model_dump(exclude_none=True) == {}


async def test_tools_answer_with_every_kind_of_content(everything: Everything, mode: str, tourist: Tourist) -> None:
    async with visiting(everything, mode, tourist) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert names == sorted(names)
        assert {"echo", "test_simple_text", "test_elicitation"} <= set(names)
        assert text_of(await client.call_tool("echo", {"text": "Hällo ✓"})) == "Hällo ✓"
        image = (await client.call_tool("test_image_content")).content
        assert image == [types.ImageContent(type="image", data=PNG, mime_type="image/png")]
        sound = (await client.call_tool("test_audio_content")).content
        assert sound == [types.AudioContent(type="audio", data=WAV, mime_type="audio/wav")]
        (embedded,) = (await client.call_tool("test_embedded_resource")).content
        assert isinstance(embedded, types.EmbeddedResource)
        mixed = (await client.call_tool("test_multiple_content_types")).content
        assert [block.type for block in mixed] == ["text", "image", "resource"]
        assert (await client.call_tool("calculate", {"expression": "6 * 7"})).structured_content == {"result": 42}
        assert text_of(await client.call_tool("test_header_argument", {"region": "Île-de-France"})) == "Île-de-France"


async def test_what_fails_says_so(everything: Everything, mode: str, tourist: Tourist) -> None:
    async with visiting(everything, mode, tourist) as client:
        failed = await client.call_tool("test_error_handling")
        assert failed.is_error
        assert "intentionally" in text_of(failed)
        wrong = await client.call_tool("echo", {"text": 7})
        assert wrong.is_error
        with pytest.raises(MCPError, match="Unknown tool"):
            await client.call_tool("no_such_tool")
        with pytest.raises(MCPError, match="Unknown prompt"):
            await client.get_prompt("no_such_prompt")
        with pytest.raises(MCPError, match="Resource not found"):
            await client.read_resource("test://no-such-resource")
        with pytest.raises(MCPError, match="Invalid cursor"):
            await client.list_resources(cursor="forged")


async def test_prompts_are_listed_got_and_completed(everything: Everything, mode: str, tourist: Tourist) -> None:
    async with visiting(everything, mode, tourist) as client:
        prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        arguments = prompts["test_prompt_with_arguments"].arguments or []
        assert [argument.name for argument in arguments] == ["arg1", "arg2"]
        got = await client.get_prompt("test_prompt_with_arguments", {"arg1": "one", "arg2": "two"})
        (message,) = got.messages
        assert message.content == types.TextContent(type="text", text="Prompt with arguments: arg1='one', arg2='two'")
        kinds = [message.content.type for message in (await client.get_prompt("test_prompt_with_image")).messages]
        assert kinds == ["image", "text"]
        reference = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
        completed = await client.complete(reference, {"name": "arg1", "value": "par"}, {"arg2": "x"})
        assert completed.completion.values == ["paris", "park", "party"]
        template = types.ResourceTemplateReference(type="ref/resource", uri="test://template/{id}/data")
        assert (await client.complete(template, {"name": "id", "value": ""})).completion.values == []


async def test_resources_are_listed_in_pages_and_read(everything: Everything, mode: str, tourist: Tourist) -> None:
    async with visiting(everything, mode, tourist) as client:
        uris: list[str] = []
        cursor: str | None = None
        pages = 0
        while pages == 0 or cursor is not None:
            page = await client.list_resources(cursor=cursor)
            uris += [resource.uri for resource in page.resources]
            cursor, pages = page.next_cursor, pages + 1
        assert pages > 1
        assert len(uris) == len(set(uris)) > PAGES
        templates = [each.uri_template for each in (await client.list_resource_templates()).resource_templates]
        assert "test://template/{id}/data" in templates
        (text,) = (await client.read_resource("test://static-text")).contents
        assert isinstance(text, types.TextResourceContents)
        (blob,) = (await client.read_resource("test://static-binary")).contents
        assert isinstance(blob, types.BlobResourceContents)
        assert blob.blob == PNG
        (made,) = (await client.read_resource("test://template/a%20b/data")).contents
        assert isinstance(made, types.TextResourceContents)
        assert '"id":"a b"' in made.text


async def test_log_messages_come_at_the_level_asked_for(everything: Everything, mode: str, tourist: Tourist) -> None:
    async with visiting(everything, mode, tourist, log_level="debug" if mode != "legacy" else None) as client:
        if mode == "legacy":
            await client.set_logging_level("debug")
        await client.call_tool("test_tool_with_logging")
        assert [entry.data for entry in tourist.logged] == [
            "Tool execution started", "Tool processing data", "Tool execution completed",
        ]  # fmt: skip
        if mode == "legacy":
            await client.set_logging_level("error")
            await client.call_tool("test_tool_with_logging")
            assert len(tourist.logged) == 3


async def test_progress_is_reported(everything: Everything, mode: str, tourist: Tourist) -> None:
    reported: list[tuple[float, float | None, str | None]] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        reported.append((progress, total, message))

    async with visiting(everything, mode, tourist) as client:
        done = await client.call_tool("test_tool_with_progress", progress_callback=report)
    assert text_of(done) == "The work is done."
    assert reported == [(number, 100, f"Completed {number} of 100") for number in (0, 50, 100)]


async def test_the_person_the_model_and_the_roots_are_asked(
    everything: Everything, mode: str, tourist: Tourist
) -> None:
    async with visiting(everything, mode, tourist) as client:
        form = await client.call_tool("test_elicitation", {"message": "Who are you?"})
        assert "action=accept, content={'username': 'alice'" in text_of(form)
        assert tourist.asked[0].message == "Who are you?"
        page = await client.call_tool("test_elicitation_url")
        assert text_of(page) == "The person said: accept"
        assert tourist.asked[1].url == "https://example.com/sign-in"
        sampled = await client.call_tool("test_sampling", {"prompt": "What is the capital of France?"})
        assert text_of(sampled) == "LLM response: Paris"
        assert tourist.asked[2].messages[0].content.text == "What is the capital of France?"
        roots = await client.call_tool("test_input_required_result_list_roots")
        assert text_of(roots) == "You have 2 roots."
        everyone = await client.call_tool("test_input_required_result_multiple_inputs")
        assert text_of(everyone) == "Answered: client_roots, greeting, user_name"
        rounds = await client.call_tool("test_input_required_result_multi_round")
        assert text_of(rounds) == "Alice likes red."
        prompt = await client.get_prompt("test_input_required_result_prompt")
        assert prompt.messages
        if mode == "legacy":
            await client.send_roots_list_changed()


async def test_a_call_that_is_given_up_leaves_the_client_at_work(
    everything: Everything, mode: str, tourist: Tourist
) -> None:
    async with visiting(everything, mode, tourist) as client:
        given_up = asyncio.ensure_future(client.call_tool("slow_compute", {"seconds": 60}))
        with pytest.raises(MCPError, match=r"(?i)time"):
            await client.call_tool("slow_compute", {"seconds": 60}, read_timeout_seconds=0.2)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert text_of(await client.call_tool("echo", {"text": "still here"})) == "still here"


async def test_changes_are_heard_by_who_listens(everything: Everything, mode: str, tourist: Tourist) -> None:
    async with visiting(everything, mode, tourist) as client:
        if mode == "legacy":
            with pytest.raises(ListenNotSupportedError):
                await client.listen(tools_list_changed=True).__aenter__()
            await client.subscribe_resource(WATCHED)
            await _change_until(tourist, everything, client)
            await client.unsubscribe_resource(WATCHED)
            return
        async with client.listen(tools_list_changed=True, resource_subscriptions=[WATCHED]) as listening:
            await client.call_tool("test_trigger_tool_change")
            assert isinstance(await anext(listening), ToolsListChanged)
            await everything.change_watched()
            assert await anext(listening) == ResourceUpdated(uri=WATCHED)
            (read,) = (await client.read_resource(WATCHED, cache_mode="bypass")).contents
            assert isinstance(read, types.TextResourceContents)


async def _change_until(tourist: Tourist, everything: Everything, client: Client) -> None:
    """Changes a list and a resource until both were heard of: the stream may open a moment after the session began."""
    while not {types.ToolListChangedNotification, types.ResourceUpdatedNotification} <= set(map(type, tourist.heard)):
        await client.call_tool("test_trigger_tool_change")
        await everything.change_watched()
        tourist.news.clear()
        await tourist.news.wait()


async def test_a_call_that_let_its_client_go_is_picked_up_again(everything: Everything, tourist: Tourist) -> None:
    async with visiting(everything, "legacy", tourist) as client:
        assert text_of(await client.call_tool("test_reconnection")) == "You came back for this answer."
