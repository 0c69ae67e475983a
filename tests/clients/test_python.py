"""The official Python client, unchanged, in both eras."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp import MCPError
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

from mcp_runtime.sources.builtin.catalogue import CATALOGUE
from tests.clients.conftest import Demo

BOUND_SECONDS = 10
MODES = {"auto": "2026-07-28", "2026-07-28": "2026-07-28", "legacy": "2025-11-25"}


@asynccontextmanager
async def connected(demo: Demo, mode: str, key: str | None = None) -> AsyncIterator[Client]:
    """The client, connected with the endpoint's key or another."""
    headers = {"Authorization": f"Bearer {demo.key if key is None else key}"}
    async with (
        asyncio.timeout(BOUND_SECONDS),
        httpx2.AsyncClient(headers=headers, timeout=BOUND_SECONDS) as http,
        Client(streamable_http_client(demo.url, http_client=http), mode=mode) as client,
    ):
        yield client


async def names_of(client: Client) -> set[str]:
    return {tool.name for tool in (await client.list_tools(cache_mode="refresh")).tools}


async def answer_of(client: Client, tool: str, text: str) -> str:
    """What the tool answers; the other worker may hear of it a moment later than the one that has listed it."""
    while True:
        try:
            (block,) = (await client.call_tool(tool, {"text": text})).content
        except MCPError:
            continue
        assert isinstance(block, TextContent)
        return block.text


@pytest.mark.parametrize("mode", MODES)
async def test_it_lists_and_calls_the_demo_tools(demo: Demo, mode: str) -> None:
    async with connected(demo, mode) as client:
        assert client.protocol_version == MODES[mode]
        assert await names_of(client) == set(CATALOGUE)
        echoed = await client.call_tool("echo", {"text": "Hello, Joe. Hello, Mike."})
        assert echoed.content == [TextContent(type="text", text="Hello, Joe. Hello, Mike.")]
        calculated = await client.call_tool("calculate", {"expression": "6 * 7"})
        assert calculated.structured_content == {"result": 42}
        failed = await client.call_tool("calculate", {"expression": "1 / 0"})
        assert failed.is_error


@pytest.mark.parametrize("mode", MODES)
async def test_it_calls_a_tool_made_while_it_is_connected(demo: Demo, mode: str) -> None:
    async with connected(demo, mode) as client:
        assert "made_just_now" not in await names_of(client)
        await demo.make_tool("made_just_now", "echo")
        while "made_just_now" not in await names_of(client):
            pass
        assert await answer_of(client, "made_just_now", "already") == "already"


@pytest.mark.parametrize("mode", MODES)
async def test_it_is_told_when_its_key_is_wrong(demo: Demo, mode: str) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with connected(demo, mode, key="wrong") as client:
            await client.list_tools()
    assert caught.group_contains(MCPError)
