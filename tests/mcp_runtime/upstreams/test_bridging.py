"""Old and new servers behind an endpoint, asked for by old and new clients: every question reaches its person.

Real ones on both sides: servers and clients of the official SDK.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Client as RawClient
from tests.mcp_runtime.driving import in_console, modern
from tests.mcp_runtime.sockets import at_socket
from tests.mcp_runtime.sources.mcp.opening import serving
from tests.mcp_runtime.sources.mcp.sdk_server import Made, make_server
from tests.mcp_runtime.upstreams.people import CLIENTS, connected, text_of
from tests.mcp_runtime.upstreams.servers import imported

pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")

SERVERS = {"old server": "session", "oldest server": "http_sse", "new server": "stateless"}
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
        await in_console(lambda: imported(stage, {"url": url, "transport": transport}))
        yield Bridge(stage, made)


@pytest.mark.parametrize("mode", CLIENTS)
async def test_whatever_the_server_asks_reaches_the_person(bridge: Bridge, mode: str) -> None:
    async with at_socket(Worker()) as host, connected(bridge.stage, host, CLIENTS[mode]) as client:
        for tool, (arguments, answer) in QUESTIONS.items():
            text = text_of(await client.call_tool(f"sdk_{tool}", arguments))
            assert text.startswith(answer), (tool, text)


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
