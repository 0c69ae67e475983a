"""Old and new servers behind an endpoint, asked for by old and new clients: every question reaches its person.

Real ones on both sides: servers and clients of the official SDK.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from pydantic import FileUrl

from core.tenancy import tenant_context
from mcp_runtime.services.importing import import_perform
from mcp_runtime.services.imports import import_start
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create
from mcp_runtime.sources.upstream import UpstreamDraft
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Client as RawClient
from tests.mcp_runtime.driving import in_console, modern
from tests.mcp_runtime.sockets import at_socket
from tests.mcp_runtime.sources.mcp.opening import serving
from tests.mcp_runtime.sources.mcp.sdk_server import Made, make_server

pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")

BOUND_SECONDS = 20
SERVERS = {"old server": "session", "oldest server": "http_sse", "new server": "stateless"}
CLIENTS = {"old client": "legacy", "new client": "2026-07-28"}
QUESTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "greet": ({}, "Hello, Joe"),
    "think": ({"about": "everything"}, "42"),
    "roots": ({}, "file:///home"),
}
FORMS: dict[str, Any] = {"elicitation": {"form": {}}}


@dataclass
class Bridge:
    """An endpoint with the server behind it."""

    stage: Stage
    made: Made


@pytest.fixture(params=SERVERS)
async def bridge(
    request: pytest.FixtureRequest, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bridge]:
    """Alice's endpoint with an imported server of the SDK's."""
    monkeypatch.setenv("OUTBOUND_ALLOW", "127.0.0.1/32")
    transport = SERVERS[request.param]
    made = make_server()
    app = made.server.sse_app() if transport == "http_sse" else made.server.streamable_http_app()
    async with serving(app) as origin:
        url = origin + ("/sse" if transport == "http_sse" else "/mcp")
        await in_console(lambda: _imported(stage, {"url": url, "transport": transport}))
        yield Bridge(stage, made)


def _imported(stage: Stage, config: dict[str, Any]) -> None:
    fields = UpstreamFields("SDK", draft=UpstreamDraft(config=config))
    with tenant_context(stage.tenant.id):
        named: Any = {"actor": stage.actor, "endpoint_slug": stage.endpoint.slug}
        upstream_create(**named, slug="sdk", kind="mcp", fields=fields)
        run = import_start(**named, upstream_slug="sdk", approves_clean=True)
    import_perform(run.tenant_id, run.pk)


async def _elicited(context: Any, params: Any) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"name": "Joe"})


async def _sampled(context: Any, params: Any) -> types.CreateMessageResult:
    return types.CreateMessageResult(role="assistant", content=types.TextContent(type="text", text="42"), model="m")


async def _rooted(context: Any) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri=FileUrl("file:///home"))])


@asynccontextmanager
async def connected(bridge: Bridge, host: str, mode: str) -> AsyncIterator[Client]:
    """The SDK's client, with a person who answers."""
    headers = {"Authorization": f"Bearer {bridge.stage.key}"}
    async with (
        asyncio.timeout(BOUND_SECONDS),
        httpx2.AsyncClient(headers=headers, timeout=BOUND_SECONDS) as http,
        Client(
            streamable_http_client(f"http://{host}{bridge.stage.path}", http_client=http),
            mode=mode,
            elicitation_callback=_elicited,
            sampling_callback=_sampled,
            list_roots_callback=_rooted,
        ) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", CLIENTS)
async def test_whatever_the_server_asks_reaches_the_person(bridge: Bridge, mode: str) -> None:
    async with at_socket(Worker()) as host, connected(bridge, host, CLIENTS[mode]) as client:
        for tool, (arguments, answer) in QUESTIONS.items():
            result = await client.call_tool(f"sdk_{tool}", arguments)
            assert isinstance(result, types.CallToolResult)
            (block,) = result.content
            assert isinstance(block, types.TextContent)
            assert block.text.startswith(answer), (tool, block.text)


def _call(params: dict[str, Any], capabilities: dict[str, Any]) -> Callable[[RawClient], Any]:
    message, headers = modern("tools/call", params)
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities

    async def send(client: RawClient) -> Any:
        return (await client.post(message, **{name.replace("-", "_"): value for name, value in headers.items()})).json

    return send


async def test_a_new_client_brings_its_answer_to_another_worker(
    bridge: Bridge, worker: Worker, other_worker: Worker
) -> None:
    first, second = (bridge.stage.client(one) for one in (worker, other_worker))
    call: dict[str, Any] = {"name": "sdk_greet", "arguments": {}}
    asked = (await _call(call, FORMS)(first))["result"]
    assert asked["resultType"] == "input_required"
    (key,) = asked["inputRequests"]
    brought = {key: {"action": "accept", "content": {"name": "Joe"}}}
    retry = {**call, "inputResponses": brought, "requestState": asked["requestState"]}
    answered = (await _call(retry, FORMS)(second))["result"]
    assert answered["content"][0]["text"].startswith("Hello, Joe")
    assert bridge.made.greetings <= 1

    again = await _call(retry, FORMS)(first)
    if bridge.made.greetings:  # where a call waits, it waits for one answer
        assert again["error"]["data"]["refusal"] == "call_lost"
        assert bridge.made.greetings == 1
    else:
        assert again["result"]["content"][0]["text"].startswith("Hello, Joe")


async def test_a_tampered_handle_opens_nothing(bridge: Bridge, worker: Worker) -> None:
    client = bridge.stage.client(worker)
    call: dict[str, Any] = {"name": "sdk_greet", "arguments": {}}
    asked = (await _call(call, FORMS)(client))["result"]
    retry = {**call, "inputResponses": {}, "requestState": asked["requestState"][:-4] + "AAAA"}
    assert (await _call(retry, FORMS)(client))["error"]["code"] == -32602
