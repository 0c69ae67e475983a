"""The official Python client's SSE transport, unchanged, against two workers: its posts reach either."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp.client import Client, ClientRequestContext
from mcp.client.sse import sse_client

from mcp_runtime.sources.builtin.catalogue import CATALOGUE
from tests.clients.conftest import Demo

BOUND_SECONDS = 10


@asynccontextmanager
async def connected(url: str, key: str | None = None, **options: Any) -> AsyncIterator[Client]:
    """The client, connected to an endpoint's `/sse`."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with asyncio.timeout(BOUND_SECONDS), Client(sse_client(url, headers), mode="legacy", **options) as client:
        yield client


def _sse(url: str) -> str:
    return f"{url.removesuffix('mcp')}sse"


async def test_it_lists_and_calls_the_demo_tools(demo: Demo) -> None:
    async with connected(_sse(demo.url), demo.key) as client:
        assert client.protocol_version == "2025-11-25"
        assert {tool.name for tool in (await client.list_tools()).tools} == set(CATALOGUE)
        echoed = await client.call_tool("echo", {"text": "Hello, Joe. Hello, Mike."})
        assert echoed.content == [types.TextContent(type="text", text="Hello, Joe. Hello, Mike.")]
        assert (await client.call_tool("calculate", {"expression": "6 * 7"})).structured_content == {"result": 42}
        assert (await client.call_tool("calculate", {"expression": "1 / 0"})).is_error


async def test_it_is_told_when_its_key_is_wrong(demo: Demo) -> None:
    with pytest.raises(httpx2.HTTPStatusError, match="401"):
        async with connected(_sse(demo.url), "wrong"):
            pass


async def test_it_answers_what_tools_ask_and_hears_of_progress_and_log_messages(conformance_url: str) -> None:
    reported: list[float] = []
    logged: list[Any] = []

    async def sample(
        _context: ClientRequestContext, _params: types.CreateMessageRequestParams
    ) -> types.CreateMessageResult:
        answer = types.TextContent(type="text", text="Paris")
        return types.CreateMessageResult(role="assistant", content=answer, model="m")

    async def report(progress: float, total: float | None, message: str | None) -> None:
        reported.append(progress)

    async def log(params: types.LoggingMessageNotificationParams) -> None:
        logged.append(params.data)

    async with connected(_sse(conformance_url), sampling_callback=sample, logging_callback=log) as client:
        asked = await client.call_tool("test_input_required_result_sampling", {})
        assert asked.content == [types.TextContent(type="text", text="The model says: Paris")]
        await client.call_tool("test_tool_with_progress", {}, progress_callback=report)
        await client.call_tool("test_tool_with_logging", {})
    assert reported == [0, 50, 100]
    assert logged
