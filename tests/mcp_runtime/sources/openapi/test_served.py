"""A document's operations as an endpoint's tools: uploaded, imported, approved, and called by an MCP client."""

import json
from typing import Any

from mcp_runtime.models import ImportRun
from mcp_runtime.services.importing import import_perform
from mcp_runtime.services.imports import import_start
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create
from mcp_runtime.sources.upstream import UpstreamDraft
from mcp_runtime.worker import Worker
from tenants.access import Actor
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import in_console
from tests.mcp_runtime.sources.openapi.service import SECRET
from tests.mcp_runtime.sources.openapi.serving import document_with, parameter

KEY = {"type": "apiKey", "in": "header", "name": "X-Key"}


def material(base: str) -> bytes:
    """A document of a service with a key, and one operation that cannot be a tool."""
    operation = {"parameters": [parameter("id", "path", {"type": "string"})], "security": [{"key": []}]}
    document = document_with(operation, path="/seen/{id}", components={"securitySchemes": {"key": KEY}})
    document["servers"] = [{"url": base}]
    document["paths"]["/other"] = {"trace": {"operationId": "other"}}
    return json.dumps(document).encode()


async def imported(stage: Stage, base: str) -> ImportRun:
    """The run that imported the service as the upstream `api`, approving what is clean."""
    slug = stage.endpoint.slug
    draft = UpstreamDraft(secrets={"key": SECRET}, material=material(base))

    def begun(actor: Actor) -> ImportRun:
        fields = UpstreamFields("API", draft=draft)
        upstream_create(actor=actor, endpoint_slug=slug, slug="api", kind="openapi", fields=fields)
        return import_start(actor=actor, endpoint_slug=slug, upstream_slug="api", approves_clean=True)

    run = await stage.change(begun)
    await in_console(lambda: import_perform(run.tenant_id, run.pk))
    return await stage.change(lambda _actor: ImportRun.objects.get(pk=run.pk))


async def test_an_uploaded_document_is_served_to_clients(stage: Stage, base: str, worker: Worker) -> None:
    run = await imported(stage, base)
    assert (run.state, run.counts["new"]) == ("done", 1)
    assert run.refused == [{"name": "other", "reason": "TRACE repeats a request with its credentials; it is not sent."}]
    client = stage.client(worker)
    tools = (await client.modern("tools/list")).json["result"]["tools"]
    tool = next(tool for tool in tools if tool["name"] == "api_call")
    assert tool["inputSchema"]["required"] == ["id"]
    assert tool["annotations"]["readOnlyHint"] is True
    result = await call(client, {"id": "a b"})
    assert result["structuredContent"]["url"] == "/seen/a%20b"
    assert result["structuredContent"]["headers"]["X-Key"] == "[secret]"
    for arguments in ({"id": "../admin"}, {}, {"id": "x", "server": "https://evil.example"}):
        assert (await call(client, arguments))["isError"] is True


async def call(client: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of the one tool."""
    answer = await client.modern("tools/call", {"name": "api_call", "arguments": arguments})
    result: dict[str, Any] = answer.json["result"]
    return result
