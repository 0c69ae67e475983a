"""People at clients of the official SDK, in both eras: what they are asked, they answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import mcp_types as types
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from pydantic import FileUrl

from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.sockets import at_socket

BOUND_SECONDS = 20
CLIENTS = {"old client": "legacy", "new client": "2026-07-28"}
NAME = "Joe"
THOUGHT = "42"
ROOT = "file:///home"


async def _elicited(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
    if isinstance(params, types.ElicitRequestURLParams):
        return types.ElicitResult(action="accept")
    wanted = params.requested_schema.get("required", [])
    return types.ElicitResult(action="accept", content=dict.fromkeys(wanted, NAME))


async def _sampled(context: Any, params: Any) -> types.CreateMessageResult:
    return types.CreateMessageResult(role="assistant", content=types.TextContent(type="text", text=THOUGHT), model="m")


async def _rooted(context: Any) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri=FileUrl(ROOT))])


@asynccontextmanager
async def connected(stage: Stage, host: str, mode: str) -> AsyncIterator[Client]:
    """The SDK's client at an endpoint, with a person who answers."""
    headers = {"Authorization": f"Bearer {stage.key}"}
    async with (
        asyncio.timeout(BOUND_SECONDS),
        httpx2.AsyncClient(headers=headers, timeout=BOUND_SECONDS) as http,
        Client(
            streamable_http_client(f"http://{host}{stage.path}", http_client=http),
            mode=mode,
            elicitation_callback=_elicited,
            sampling_callback=_sampled,
            list_roots_callback=_rooted,
        ) as client,
    ):
        yield client


@asynccontextmanager
async def visiting(stage: Stage, mode: str) -> AsyncIterator[Client]:
    """The same, with a worker of its own that serves the endpoint."""
    async with at_socket(Worker()) as host, connected(stage, host, mode) as client:
        yield client


def text_of(result: object) -> str:
    """The text of a result that has one."""
    assert isinstance(result, types.CallToolResult)
    (block,) = result.content
    assert isinstance(block, types.TextContent)
    return block.text
