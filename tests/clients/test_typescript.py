"""The official TypeScript clients, unchanged: version 1, and version 2 in both eras."""

from pathlib import Path

import pytest

from mcp_runtime.sources.builtin.catalogue import CATALOGUE
from tests.clients.conftest import Demo
from tests.clients.typescript_driver import CLIENTS, driver


@pytest.mark.parametrize("client", CLIENTS, ids=" ".join)
async def test_it_lists_and_calls_the_demo_tools(folder: Path, demo: Demo, client: tuple[str, str]) -> None:
    async with driver(folder, demo, client) as driven:
        assert (await driven.ask("connected"))["version"] == CLIENTS[client]
        assert await driven.names() == set(CATALOGUE)
        echoed = await driven.ask("call", name="echo", arguments={"text": "Hello, Joe. Hello, Mike."})
        assert echoed["content"] == [{"type": "text", "text": "Hello, Joe. Hello, Mike."}]
        calculated = await driven.ask("call", name="calculate", arguments={"expression": "6 * 7"})
        assert calculated["structuredContent"] == {"result": 42}
        failed = await driven.ask("call", name="calculate", arguments={"expression": "1 / 0"})
        assert failed["isError"] is True


@pytest.mark.parametrize("client", CLIENTS, ids=" ".join)
async def test_it_calls_a_tool_made_while_it_is_connected(folder: Path, demo: Demo, client: tuple[str, str]) -> None:
    async with driver(folder, demo, client) as driven:
        assert "made_just_now" not in await driven.names()
        await demo.make_tool("made_just_now", "echo")
        while "made_just_now" not in await driven.names():
            pass
        # The other worker may hear of it a moment later than the one that has listed it.
        while "error" in (answer := await driven.answer("call", name="made_just_now", arguments={"text": "already"})):
            pass
        assert answer["value"]["content"] == [{"type": "text", "text": "already"}]


@pytest.mark.parametrize("client", CLIENTS, ids=" ".join)
async def test_it_is_told_when_its_key_is_wrong(folder: Path, demo: Demo, client: tuple[str, str]) -> None:
    async with driver(folder, demo, client, key="wrong") as driven:
        # The SSE transport does not read what a refusal says.
        assert ("401" if client[1] == "sse" else "invalid_credentials") in await driven.failure()
