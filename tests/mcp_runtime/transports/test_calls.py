"""Listing and calling tools, on every revision, through a worker."""

import pytest

from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import CAPABILITIES, VERSION

HANDSHAKE = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


async def test_a_stateless_client_lists_and_calls(stage: Stage, worker: Worker) -> None:
    client = stage.client(worker)
    listed = (await client.modern("tools/list")).json["result"]
    assert [tool["name"] for tool in listed["tools"]] == ["crash", "echo", "wait"]
    assert (listed["resultType"], listed["cacheScope"]) == ("complete", "private")
    called = await client.modern("tools/call", {"name": "echo", "arguments": {"a": 1}}, identifier="x")
    assert called.status == 200
    assert called.json == {
        "jsonrpc": "2.0",
        "id": "x",
        "result": {
            "content": [{"type": "text", "text": "{'a': 1}"}],
            "structuredContent": {"a": 1},
            "isError": False,
            "resultType": "complete",
            "_meta": {
                "io.modelcontextprotocol/serverInfo": {"name": stage.endpoint.slug, "title": "Demo", "version": "5"}
            },
        },
    }


@pytest.mark.parametrize("version", HANDSHAKE)
async def test_a_client_with_a_session_lists_and_calls(stage: Stage, worker: Worker, version: str) -> None:
    client = stage.client(worker)
    met = await client.initialize(version)
    assert met.json["result"]["protocolVersion"] == version
    initialized = await client.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (initialized.status, initialized.body) == (202, b"")
    listed = (await client.legacy("tools/list")).json["result"]
    assert [tool["name"] for tool in listed["tools"]] == ["crash", "echo", "wait"]
    called = (await client.legacy("tools/call", {"name": "echo", "arguments": {"a": 1}})).json["result"]
    assert called["content"] == [{"type": "text", "text": "{'a': 1}"}]
    assert ("structuredContent" in called) == (version >= "2025-06-18")
    assert "resultType" not in called
    assert (await client.legacy("ping")).json["result"] == {}


async def test_discover_says_what_is_served(stage: Stage, worker: Worker) -> None:
    found = (await stage.client(worker).modern("server/discover")).json["result"]
    assert found["supportedVersions"] == ["2026-07-28"]
    assert set(found["capabilities"]) == {"completions", "logging", "prompts", "resources", "tools"}
    assert {VERSION, CAPABILITIES}.isdisjoint(found["_meta"])
