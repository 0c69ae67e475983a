"""MCP Apps: a tool names the HTML its results are shown in, in every revision that has `_meta`."""

from typing import Any

import pytest

from core.refusals import Refused
from mcp_runtime.services.content import prompt_create, resource_create
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft, ToolDraft
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Client, whole
from tests.mcp_runtime.features.conftest import open_able

ID = "io.modelcontextprotocol/ui"
CLOCK = "ui://conformance/clock"
HTML = "text/html;profile=mcp-app"
ICON = {"src": "https://example.com/i.png", "mimeType": "image/png", "sizes": ["48x48"], "theme": "dark"}
PIXEL = {"src": "data:image/png;base64,iVBORw0KGgo=", "sizes": ["any"]}


async def _result(client: Client, method: str, **params: Any) -> Any:
    return (await whole(open_able(client, method, params))).json["result"]


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [entry for entry in entries if entry["name"] == name]
    return found


@pytest.mark.requirement("apps")
async def test_a_client_finds_the_app_of_a_tool_and_an_answer_in_words(path: str, worker: Worker) -> None:
    client = Client(worker, path)
    declared = (await _result(client, "server/discover"))["capabilities"]["extensions"]
    assert declared[ID] == {"mimeTypes": [HTML]}
    tool = _named((await _result(client, "tools/list"))["tools"], "test_mcp_app")
    assert tool["_meta"]["ui"] == {"resourceUri": CLOCK, "visibility": ["model", "app"]}
    (content,) = (await _result(client, "resources/read", uri=CLOCK))["contents"]
    assert content["mimeType"] == HTML
    assert content["text"].startswith("<!DOCTYPE html>")
    assert content["_meta"]["ui"]["prefersBorder"] is True
    answered = await _result(client, "tools/call", name="test_mcp_app")
    assert answered["content"][0]["text"] == f"It is {answered['structuredContent']['now']}."


@pytest.mark.requirement("apps-in-sessions")
@pytest.mark.parametrize(
    ("version", "knows"), [("2024-11-05", False), ("2025-03-26", False), ("2025-06-18", True), ("2025-11-25", True)]
)
async def test_sessions_know_it_from_the_first_revision_with_meta(
    path: str, worker: Worker, version: str, *, knows: bool
) -> None:
    client = Client(worker, path)
    begun = await client.initialize(version)
    assert "extensions" not in begun.json["result"]["capabilities"]
    tool = _named((await client.legacy("tools/list")).json["result"]["tools"], "test_mcp_app")
    assert ("_meta" in tool) is knows
    (content,) = (await client.legacy("resources/read", {"uri": CLOCK})).json["result"]["contents"]
    assert (content["mimeType"], "_meta" in content) == (HTML, knows)
    answered = (await client.legacy("tools/call", {"name": "test_mcp_app"})).json["result"]
    assert answered["content"][0]["text"].startswith("It is ")


async def test_an_endpoint_without_apps_does_not_declare_them(stage: Stage, worker: Worker) -> None:
    assert ID not in (await _result(stage.client(worker), "server/discover"))["capabilities"].get("extensions", {})


async def _tool(stage: Stage, **members: Any) -> None:
    draft = ToolDraft(name="further", config={"do": "echo"}, **members)
    await stage.change(
        lambda actor: tool_create(actor=actor, endpoint_slug=stage.endpoint.slug, source="probe", draft=draft)
    )


async def _resource(stage: Stage, uri: str, **members: Any) -> None:
    draft = ResourceDraft(**{"uri": uri, "name": "Page", "config": {"text": "<!DOCTYPE html>"}, **members})
    await stage.change(
        lambda actor: resource_create(actor=actor, endpoint_slug=stage.endpoint.slug, source="static", draft=draft)
    )


@pytest.mark.parametrize(
    "meta",
    [
        {"ui": "ui://x/y"},
        {"ui": {"resourceUri": "https://example.com"}},
        {"ui": {"resourceUri": "ui://"}},
        {"ui": {"resourceUri": "ui://a b"}},
        {"ui": {"resourceUri": 7}},
        {"ui": {"visibility": []}},
        {"ui": {"visibility": ["nobody"]}},
        {"ui": {"resource_uri": "ui://x/y"}},
        {"ui": {"csp": {}}},
        {"ui/resourceUri": "ui://x/y"},
        {"io.modelcontextprotocol/x": 1},
        {"dev.mcp/x": 1},
        {"com.mcp.tools/x": 1},
        {"mcp/x": 1},
        {"com.armstrong/unavailable": []},
        {"io.modelcontextprotocol.skills/x": 1},
        {"progressToken": 1},
        {"traceparent": "x"},
        {"": 1},
        {"a b": 1},
        {"-a": 1},
        {"1a.b/c": 1},
        {"a..b/c": 1},
        {"a/b/c": 1},
        {"x" * 201: 1},
        {"x": "y" * 17_000},
        {"x": float("nan")},
        {"x": "\0"},
    ],
)
async def test_metadata_that_is_no_authors_is_not_stored(stage: Stage, meta: Any) -> None:
    with pytest.raises(Refused) as refused:
        await _tool(stage, meta=meta)
    assert list(refused.value.data["fields"]) == ["meta"]


@pytest.mark.parametrize(
    "ui",
    [
        [],
        {"csp": {"connectDomains": "https://a.example"}},
        {"csp": {"connectDomains": ["*"]}},
        {"csp": {"connectDomains": ["https://*"]}},
        {"csp": {"connectDomains": ["http://a.example"]}},
        {"csp": {"connectDomains": ["https://a.example/path"]}},
        {"csp": {"connectDomains": ["https://u:p@a.example"]}},
        {"csp": {"connectDomains": ["https://-a.example"]}},
        {"csp": {"scriptDomains": []}},
        {"csp": {"resourceDomains": ["https://a.example; script-src *"]}},
        {"csp": {"frameDomains": ["'unsafe-eval'"]}},
        {"csp": {"baseUriDomains": ["data:"]}},
        {"csp": {"frameDomains": ["https://a.example"] * 51}},
        {"permissions": {"camera": True}},
        {"permissions": {"usb": {}}},
        {"domain": "a b"},
        {"prefersBorder": "yes"},
        {"resourceUri": "ui://x/y"},
    ],
)
async def test_what_a_host_could_not_enforce_is_not_stored(stage: Stage, ui: Any) -> None:
    with pytest.raises(Refused) as refused:
        await _resource(stage, "ui://x/y", meta={"ui": ui})
    assert list(refused.value.data["fields"]) == ["meta"]


async def test_an_app_is_html_below_its_own_scheme(stage: Stage, worker: Worker) -> None:
    with pytest.raises(Refused, match="text/html;profile=mcp-app"):
        await _resource(stage, "ui://x/y", mime_type="text/html")
    with pytest.raises(Refused, match="ui://"):
        await _resource(stage, "test://x", meta={"ui": {}})
    prompt = PromptDraft(name="p", meta={"ui": {}}, config={"messages": [{"role": "user", "content": {}}]})
    with pytest.raises(Refused, match="ui:"):
        await stage.change(
            lambda actor: prompt_create(actor=actor, endpoint_slug=stage.endpoint.slug, source="static", draft=prompt)
        )
    domains = [
        "https://api.example.com",
        "https://*.cdn.example.com:8443",
        "wss://live.example.com",
        "http://localhost:5",
    ]
    granted: dict[str, Any] = {"camera": {}, "microphone": {}, "geolocation": {}, "clipboardWrite": {}}
    ui = {"csp": {"connectDomains": domains}, "permissions": granted, "domain": "a.example.com", "prefersBorder": False}
    await _resource(stage, "ui://x/y", meta={"ui": ui, "com.example/note": [1]})
    (content,) = (await _result(stage.client(worker), "resources/read", uri="ui://x/y"))["contents"]
    assert (content["mimeType"], content["_meta"]) == (HTML, {"ui": ui, "com.example/note": [1]})
