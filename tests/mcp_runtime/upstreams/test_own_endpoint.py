"""An endpoint of ours behind an endpoint of ours, spoken to in each of the ways that we answer."""

from collections.abc import AsyncIterator
from typing import Any

import mcp_types as types
import pytest

from core.tenancy import tenant_context
from mcp_runtime.services.content import prompt_create, resource_create
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Probe, Stage, make_stage
from tests.mcp_runtime.driving import in_console
from tests.mcp_runtime.sockets import at_socket
from tests.mcp_runtime.upstreams.people import CLIENTS, connected, text_of
from tests.mcp_runtime.upstreams.servers import imported

pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")

FACES = {"stateless": "mcp", "session": "mcp", "http_sse": "sse"}
NOTE = "notes://today"


@pytest.fixture
async def host(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """A worker that serves both endpoints."""
    monkeypatch.setenv("OUTBOUND_ALLOW", "127.0.0.1/32")
    async with at_socket(Worker()) as host:
        yield host


@pytest.fixture
def inner(cast: Cast, probe: Probe) -> Stage:
    """The endpoint behind, with a tool that asks, one that reports, a prompt and a resource."""
    stage = make_stage(cast.tenant, cast.alice)
    for name in ("ask", "report"):
        stage.add_tool(name, name)
    with tenant_context(stage.tenant.id):
        named: Any = {"actor": stage.actor, "endpoint_slug": stage.endpoint.slug, "source": "static"}
        messages = [{"role": "user", "content": {"type": "text", "text": "Review this."}}]
        prompt_create(**named, draft=PromptDraft(name="review", config={"messages": messages}))
        resource_create(**named, draft=ResourceDraft(uri=NOTE, name="today", config={"text": "Everything."}))
    return stage


@pytest.mark.parametrize("mode", CLIENTS)
@pytest.mark.parametrize("face", FACES)
async def test_all_of_it_is_served_once_more(stage: Stage, inner: Stage, host: str, face: str, mode: str) -> None:
    config = {"url": f"http://{host}{inner.at(FACES[face])}", "transport": face}
    run = await in_console(lambda: imported(stage, config, {"Authorization": f"Bearer {inner.key}"}))
    assert (run.state, run.refused) == ("done", [])
    reported: list[tuple[float, float | None]] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        reported.append((progress, total))

    async with connected(stage, host, CLIENTS[mode]) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"sdk_echo", "sdk_ask", "sdk_report", "sdk_crash"} <= names
        assert (await client.call_tool("sdk_echo", {"a": 1})).structured_content == {"a": 1}
        assert "accept" in text_of(await client.call_tool("sdk_ask", {}))
        assert text_of(await client.call_tool("sdk_report", {}, progress_callback=report)) == "half done"
        assert reported == [(1, 2)]
        (message,) = (await client.get_prompt("sdk_review", {})).messages
        assert message.content == types.TextContent(type="text", text="Review this.")
        (content,) = (await client.read_resource(NOTE)).contents
        assert isinstance(content, types.TextResourceContents)
        assert content.text == "Everything."


async def test_a_key_that_is_not_good_is_told(stage: Stage, inner: Stage, host: str) -> None:
    config = {"url": f"http://{host}{inner.path}"}
    run = await in_console(lambda: imported(stage, config, {"Authorization": "Bearer wrong"}))
    assert run.state == "failed"
    assert run.error == "127.0.0.1 wants somebody to log in."
