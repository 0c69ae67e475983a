"""Who may open a WebSocket, how many may, and what ends one."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from mcp_runtime.services.access_keys import access_key_revoke
from mcp_runtime.services.content import resource_create, resource_update
from mcp_runtime.services.endpoints import endpoint_delete
from mcp_runtime.sources.contract import ResourceDraft
from mcp_runtime.transports.bounded_http import Bounds
from mcp_runtime.transports.limits import Limits
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Probe, Stage, add_tool
from tests.mcp_runtime.driving import BOUND_SECONDS, request
from tests.mcp_runtime.sockets import SocketClient, at_socket, framed, websocket
from tests.mcp_runtime.transports.test_doors import refusal_of

VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
SAMPLED = {"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m"}
ASKING = {"name": "test_input_required_result_elicitation", "arguments": {}}
ACCEPTED = {"action": "accept", "content": {"name": "Alice"}}


async def _until(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), BOUND_SECONDS)


async def _refused(at: str, path: str, key: str | None = None, **options: Any) -> tuple[int | None, str | None]:
    async with websocket(at, path, key, **options) as client:
        return await client.closed()


async def test_a_key_is_needed_in_the_header_or_from_a_browser_as_a_subprotocol(stage: Stage, origin: str) -> None:
    path = stage.at("ws")
    assert await _refused(origin, path) == (4401, "authentication_required")
    assert await _refused(origin, path, "wrong") == (4401, "invalid_credentials")
    assert await _refused(origin, path, subprotocols=["mcp", "mcp.bearer.wrong"]) == (4401, "invalid_credentials")
    twice = ["mcp", f"mcp.bearer.{stage.key}", f"mcp.bearer.{stage.key}x"]
    assert await _refused(origin, path, subprotocols=twice) == (4401, "invalid_credentials")
    assert await _refused(origin, path, stage.key, subprotocols=["mcp.bearer.x"]) == (4401, "invalid_credentials")
    assert await _refused(origin, f"{path}?access_token={stage.key}") == (4400, "token_in_query")
    assert await _refused(origin, f"{path}?{stage.key}", stage.key) == (4400, "token_in_query")
    async with websocket(origin, path, subprotocols=["mcp", f"mcp.bearer.{stage.key}"]) as client:
        assert client.socket.subprotocol == "mcp"
        assert (await client.ask("ping"))["result"] == {}
    async with websocket(origin, path, stage.key) as client:
        assert client.socket.subprotocol is None
        assert (await client.ask("ping"))["result"] == {}


async def test_no_cookie_lets_anyone_in(stage: Stage, origin: str) -> None:
    cookies = f"sessionid={stage.key}; authorization=Bearer {stage.key}"
    refused = await _refused(origin, stage.at("ws"), headers={"Cookie": cookies})
    assert refused == (4401, "authentication_required")


async def test_a_foreign_page_is_refused_and_an_allowed_one_is_not(open_stage: Stage, origin: str) -> None:
    path = open_stage.at("ws")
    for foreign in ("https://evil.example.com", "null"):
        assert await _refused(origin, path, page=foreign) == (4403, "origin_not_allowed")
    for allowed in ("https://app.example.com", "http://localhost:8100"):
        async with websocket(origin, path, page=allowed, subprotocols=["mcp"]) as client:
            assert (await client.ask("ping"))["result"] == {}


async def test_another_host_name_is_refused(stage: Stage, origin: str) -> None:
    port = int(origin.rpartition(":")[2])
    refused = await _refused("evil.example.com", stage.at("ws"), stage.key, host="127.0.0.1", port=port)
    assert refused == (4421, "host_not_allowed")


async def test_what_does_not_exist_or_is_no_socket_is_not_found(stage: Stage, origin: str) -> None:
    tenant, endpoint = stage.tenant.slug, stage.endpoint.slug
    paths = [
        f"/t/{tenant}/nothing/ws", f"/t/nobody/{endpoint}/ws", f"/t/{tenant}/{endpoint}/mcp", "/ws", "/",
        f"/t/{tenant}/{endpoint}/ws/", f"/t/{tenant}/{endpoint}/sse", f"/t/{'x' * 5_000}/{endpoint}/ws",
    ]  # fmt: skip
    for path in paths:
        assert await _refused(origin, path, stage.key) == (4404, "not_found")


async def test_plain_http_is_told_to_upgrade(stage: Stage, worker: Worker) -> None:
    client = stage.client(worker, path=stage.at("ws"))
    answer = await client.send("GET")
    assert refusal_of(answer) == (426, "upgrade_required")
    assert answer.headers["upgrade"] == "websocket"
    for verb in ("POST", "DELETE", "HEAD"):
        answer = await client.send(verb)
        assert refusal_of(answer) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET"


async def test_a_principal_limited_to_some_tools_sees_no_others(stage: Stage, scoped_key: str, origin: str) -> None:
    async with websocket(origin, stage.at("ws"), scoped_key) as client:
        listed = (await client.modern("tools/list"))["result"]["tools"]
        assert [tool["name"] for tool in listed] == ["echo"]
        assert "error" in await client.modern("tools/call", {"name": "wait"}, 2)


@pytest.fixture
def scoped_key(stage: Stage) -> str:
    """A key for echo alone."""
    return stage.issue_key(tools=["echo"])[1]


async def test_connections_are_bounded_in_number(stage: Stage) -> None:
    async with at_socket(Worker(limits=Limits(streams=2))) as origin:
        async with websocket(origin, stage.at("ws"), stage.key) as client:
            await client.send(framed("subscriptions/listen", {"notifications": {}}, "a"))
            await client.message()
            refused = await client.modern("subscriptions/listen", {"notifications": {}}, "b")
            assert refused["error"]["data"]["refusal"] == "overloaded"
            assert await _refused(origin, stage.at("ws"), stage.key) == (4429, "overloaded")
        async with asyncio.timeout(BOUND_SECONDS):
            while await _is_refused(origin, stage):
                pass


async def _is_refused(origin: str, stage: Stage) -> bool:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        try:
            await client.ask("ping")
        except ConnectionClosed:
            return True
    return False


async def test_a_client_that_does_not_read_is_let_go_and_others_go_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.transports.bounded_websocket.LINGER_SECONDS", 0.05)
    monkeypatch.setattr("mcp_runtime.transports.websocket.SEND_SECONDS", 0.05)
    monkeypatch.setattr("mcp_runtime.transports.connections.SEND_SECONDS", 0.05)
    large = framed("tools/call", {"name": "echo", "arguments": {"x": "y" * 500_000}})
    async with (
        at_socket(Worker(limits=Limits(streams=2))) as origin,
        websocket(origin, stage.at("ws"), stage.key) as reader,
        websocket(origin, stage.at("ws"), stage.key, max_queue=1) as deaf,
    ):
        assert await _is_refused(origin, stage)
        sending = asyncio.ensure_future(_send_all(deaf, [{**large, "id": number} for number in range(1_000)]))
        async with asyncio.timeout(BOUND_SECONDS):
            while await _is_refused(origin, stage):
                pass
        sending.cancel()
        await deaf.closed()
        assert (await reader.ask("ping"))["result"] == {}


async def _send_all(client: SocketClient, messages: list[Any]) -> None:
    for message in messages:
        await client.send(message)
        await asyncio.sleep(0)  # the library buffers without end, and would give the server no turn


async def test_a_flood_of_notifications_is_taken_at_our_pace_and_kept_nowhere(stage: Stage, origin: str) -> None:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        await client.initialize()
        for number in range(2_000):
            await client.send({"jsonrpc": "2.0", "method": f"notifications/{number}", "params": {"requestId": number}})
        assert (await client.ask("ping"))["result"] == {}
        assert client.heard == []


async def test_a_connection_outlives_the_time_for_its_head(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    async with (
        at_socket(Worker(), bounds=Bounds(head_seconds=0.02)) as origin,
        websocket(origin, stage.at("ws"), stage.key) as client,
    ):
        until = loop.time() + 0.1
        while loop.time() < until:
            assert (await client.ask("ping"))["result"] == {}


async def test_a_revoked_key_closes_its_connections_and_no_others(
    stage: Stage, scoped_key: str, probe: Probe, origin: str, other_origin: str
) -> None:
    slug, key = stage.endpoint.slug, stage.access_key.pk
    async with (
        websocket(origin, stage.at("ws"), stage.key) as client,
        websocket(other_origin, stage.at("ws"), stage.key) as elsewhere,
        websocket(origin, stage.at("ws"), scoped_key) as stays,
    ):
        await client.send(request("tools/call", {"name": "wait"}))
        await _until(probe.started)
        await elsewhere.ask("ping")
        await stage.change(lambda actor: access_key_revoke(actor=actor, endpoint_slug=slug, access_key_id=key))
        assert (await client.closed())[0] == 4401
        assert (await elsewhere.closed())[0] == 4401
        await _until(probe.cancelled)
        assert (await stays.ask("ping"))["result"] == {}


@pytest.fixture
def brief_key(stage: Stage) -> str:
    """A key that expires in a moment."""
    return stage.issue_key(expires_at=timezone.now() + timedelta(seconds=1))[1]


async def test_a_connection_ends_with_its_keys_time(stage: Stage, brief_key: str, origin: str) -> None:
    assert (await _refused(origin, stage.at("ws"), brief_key))[0] == 4401


async def test_a_deleted_endpoint_closes_and_says_so_to_whoever_listens(stage: Stage, origin: str) -> None:
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        await client.send(framed("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, "l"))
        await client.message()
        await stage.change(lambda actor: endpoint_delete(actor=actor, endpoint_slug=stage.endpoint.slug))
        assert (await client.closed())[0] == 1001
        cancelled, result = client.heard
        assert cancelled["method"] == "notifications/cancelled"
        assert (result["id"], result["result"]["resultType"]) == ("l", "complete")
    assert await _refused(origin, stage.at("ws"), stage.key) == (4404, "not_found")


async def test_a_worker_that_shuts_down_says_that_it_goes(stage: Stage) -> None:
    worker = Worker()
    async with at_socket(worker) as origin, websocket(origin, stage.at("ws"), stage.key) as client:
        await client.ask("ping")
        worker.end_streams()
        assert (await client.closed())[0] == 1001
        assert await _refused(origin, stage.at("ws"), stage.key) == (4503, "temporarily_unavailable")


async def test_changes_of_tools_and_of_subscribed_resources_are_told(stage: Stage, origin: str) -> None:
    slug = stage.endpoint.slug
    draft = ResourceDraft(uri="notes://today", name="Today", config={"text": "one"})
    resource = await stage.change(
        lambda actor: resource_create(actor=actor, endpoint_slug=slug, source="static", draft=draft)
    )
    async with websocket(origin, stage.at("ws"), stage.key) as client:
        await client.initialize()
        assert (await client.ask("resources/subscribe", {"uri": "notes://today"}))["result"] == {}
        await stage.change(lambda actor: add_tool(actor, slug, "fresh"))
        assert (await client.message())["method"] == "notifications/tools/list_changed"
        draft.config = {"text": "two"}
        await stage.change(
            lambda actor: resource_update(actor=actor, endpoint_slug=slug, resource_id=resource.pk, draft=draft)
        )
        assert (await client.message())["params"] == {"uri": "notes://today"}
