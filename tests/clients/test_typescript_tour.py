"""The official TypeScript clients through all their features, in both eras, on an open and on a protected endpoint."""

from pathlib import Path
from typing import Any

import pytest

from mcp_runtime.sources.conformance.media import PNG, WAV
from tests.clients.everything import INSTRUCTIONS, PAGES, WATCHED, Everything
from tests.clients.typescript_driver import CLIENTS, Driver, driver

MODERN = "2026-07-28"
LOG_LEVEL = "io.modelcontextprotocol/logLevel"
CHANGES = {"notifications/tools/list_changed", "notifications/resources/updated"}
# The fourth of CLIENTS differs from the third in how it finds its revision, the fifth from the first in its transport.
TOURISTS = list(CLIENTS)[:3]

pytestmark = [pytest.mark.peers, pytest.mark.parametrize("client", TOURISTS, ids=" ".join)]


async def use(driven: Driver, method: str, *parameters: Any) -> Any:
    """What a method of the client returns."""
    return await driven.ask("use", method=method, parameters=parameters)


async def text_of(driven: Driver, name: str, **arguments: Any) -> str:
    """The one text that a tool answers."""
    (block,) = (await driven.ask("call", name=name, arguments=arguments))["content"]
    return str(block["text"])


async def test_they_meet(folder: Path, everything: Everything, client: tuple[str, str]) -> None:
    async with driver(folder, everything, client) as driven:
        met = await driven.ask("connected")
        assert (met["version"], met["instructions"]) == (CLIENTS[client], INSTRUCTIONS)
        assert (met["server"]["name"], met["server"]["title"]) == ("conformance", "Everything")
        assert {"tools", "prompts", "resources", "completions"} <= set(met["capabilities"])
        if CLIENTS[client] != MODERN:
            assert await use(driven, "ping") == {}
            await use(driven, "sendRootsListChanged")


async def test_tools_answer_with_every_kind_of_content(
    folder: Path, everything: Everything, client: tuple[str, str]
) -> None:
    async with driver(folder, everything, client) as driven:
        assert {"echo", "test_simple_text", "test_elicitation"} <= await driven.names()
        assert await text_of(driven, "echo", text="Hällo ✓") == "Hällo ✓"
        image = await driven.ask("call", name="test_image_content", arguments={})
        assert image["content"] == [{"type": "image", "data": PNG, "mimeType": "image/png"}]
        sound = await driven.ask("call", name="test_audio_content", arguments={})
        assert sound["content"] == [{"type": "audio", "data": WAV, "mimeType": "audio/wav"}]
        mixed = await driven.ask("call", name="test_multiple_content_types", arguments={})
        assert [block["type"] for block in mixed["content"]] == ["text", "image", "resource"]
        calculated = await driven.ask("call", name="calculate", arguments={"expression": "6 * 7"})
        assert calculated["structuredContent"] == {"result": 42}
        assert await text_of(driven, "test_header_argument", region="Île-de-France") == "Île-de-France"


async def test_what_fails_says_so(folder: Path, everything: Everything, client: tuple[str, str]) -> None:
    async with driver(folder, everything, client) as driven:
        failed = await driven.ask("call", name="test_error_handling", arguments={})
        assert failed["isError"] is True
        assert (await driven.ask("call", name="echo", arguments={"text": 7}))["isError"] is True
        unknown = await driven.answer("call", name="no_such_tool", arguments={})
        assert "Unknown tool" in unknown["error"]["message"]
        for method, parameters, sentence in (
            ("getPrompt", {"name": "no_such_prompt"}, "Unknown prompt"),
            ("readResource", {"uri": "test://no-such-resource"}, "Resource not found"),
            ("listResources", {"cursor": "forged"}, "Invalid cursor"),
        ):
            refused = await driven.answer("use", method=method, parameters=[parameters])
            assert sentence in refused["error"]["message"]


async def test_prompts_are_listed_got_and_completed(
    folder: Path, everything: Everything, client: tuple[str, str]
) -> None:
    async with driver(folder, everything, client) as driven:
        names = {prompt["name"] for prompt in (await use(driven, "listPrompts"))["prompts"]}
        assert {"test_simple_prompt", "test_prompt_with_arguments"} <= names
        wanted = {"name": "test_prompt_with_arguments", "arguments": {"arg1": "one", "arg2": "two"}}
        (message,) = (await use(driven, "getPrompt", wanted))["messages"]
        assert message["content"]["text"] == "Prompt with arguments: arg1='one', arg2='two'"
        reference = {"type": "ref/prompt", "name": "test_prompt_with_arguments"}
        argument = {"name": "arg1", "value": "par"}
        completed = await use(driven, "complete", {"ref": reference, "argument": argument})
        assert completed["completion"]["values"] == ["paris", "park", "party"]


async def test_resources_are_listed_in_pages_and_read(
    folder: Path, everything: Everything, client: tuple[str, str]
) -> None:
    async with driver(folder, everything, client) as driven:
        uris: list[str] = []
        page = await use(driven, "listResources")
        while True:
            uris += [resource["uri"] for resource in page["resources"]]
            if "nextCursor" not in page:
                break
            page = await use(driven, "listResources", {"cursor": page["nextCursor"]})
        assert len(uris) == len(set(uris)) > PAGES
        templates = (await use(driven, "listResourceTemplates"))["resourceTemplates"]
        assert "test://template/{id}/data" in [each["uriTemplate"] for each in templates]
        (binary,) = (await use(driven, "readResource", {"uri": "test://static-binary"}))["contents"]
        assert binary["blob"] == PNG
        (made,) = (await use(driven, "readResource", {"uri": "test://template/a%20b/data"}))["contents"]
        assert '"id":"a b"' in made["text"]


async def test_log_messages_and_progress_are_heard(
    folder: Path, everything: Everything, client: tuple[str, str]
) -> None:
    async with driver(folder, everything, client) as driven:
        meta = {LOG_LEVEL: "debug"} if CLIENTS[client] == MODERN else None
        if meta is None:
            assert await use(driven, "setLoggingLevel", "debug") == {}
        await driven.ask("call", name="test_tool_with_logging", arguments={}, meta=meta)
        heard = [each["params"]["data"] for each in await driven.ask("heard")]
        assert heard == ["Tool execution started", "Tool processing data", "Tool execution completed"]
        watched = await driven.ask("watch", name="test_tool_with_progress")
        assert [each["progress"] for each in watched["reported"]] == [0, 50, 100]
        assert {each["total"] for each in watched["reported"]} == {100}
        assert watched["value"]["content"][0]["text"] == "The work is done."


async def test_the_person_the_model_and_the_roots_are_asked(
    folder: Path, everything: Everything, client: tuple[str, str]
) -> None:
    async with driver(folder, everything, client) as driven:
        assert "'username': 'alice'" in await text_of(driven, "test_elicitation", message="Who are you?")
        assert await text_of(driven, "test_elicitation_url") == "The person said: accept"
        assert await text_of(driven, "test_sampling", prompt="What is the capital of France?") == "LLM response: Paris"
        form, page, prompt = await driven.ask("asked")
        assert (form["message"], page["url"]) == ("Who are you?", "https://example.com/sign-in")
        assert prompt["messages"][0]["content"]["text"] == "What is the capital of France?"
        assert await text_of(driven, "test_input_required_result_list_roots") == "You have 2 roots."
        several = await text_of(driven, "test_input_required_result_multiple_inputs")
        assert several == "Answered: client_roots, greeting, user_name"
        assert await text_of(driven, "test_input_required_result_multi_round") == "Alice likes red."
        asking = await use(driven, "getPrompt", {"name": "test_input_required_result_prompt"})
        assert asking["messages"]


async def test_a_call_that_is_given_up_leaves_the_client_at_work(
    folder: Path, everything: Everything, client: tuple[str, str]
) -> None:
    async with driver(folder, everything, client) as driven:
        assert await driven.ask("giveUp", name="slow_compute", arguments={"seconds": 60}) == "given up"
        assert await text_of(driven, "echo", text="still here") == "still here"


async def test_changes_are_heard_by_who_listens(folder: Path, everything: Everything, client: tuple[str, str]) -> None:
    async with driver(folder, everything, client) as driven:
        if CLIENTS[client] == MODERN:
            wanted = {"toolsListChanged": True, "resourceSubscriptions": [WATCHED]}
            assert await driven.ask("listen", filter=wanted) == wanted
        else:
            assert await use(driven, "subscribeResource", {"uri": WATCHED}) == {}
        heard: dict[str, Any] = {}
        # A session's stream may open a moment after the session began.
        while not heard.keys() >= CHANGES:
            await driven.ask("call", name="test_trigger_tool_change", arguments={})
            await everything.change_watched()
            heard |= {each["method"]: each.get("params", {}) for each in await driven.ask("heard")}
        assert heard["notifications/resources/updated"]["uri"] == WATCHED
        if CLIENTS[client] != MODERN:
            assert await use(driven, "unsubscribeResource", {"uri": WATCHED}) == {}


async def test_a_call_that_let_its_client_go_is_picked_up_again(
    folder: Path, everything: Everything, client: tuple[str, str]
) -> None:
    async with driver(folder, everything, client) as driven:
        assert await text_of(driven, "test_reconnection") == "You came back for this answer."
