"""The upstream itself: its configuration, its document, and whether it is well."""

import json
from typing import Any

import pytest

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.openapi.source import OpenApiSource
from mcp_runtime.sources.upstream import Health, UpstreamDraft, UpstreamFailed
from tests.mcp_runtime.sources.openapi.service import ANSWERS, OAUTH, OBJECT, SECRET
from tests.mcp_runtime.sources.openapi.serving import Hand, called, document_with, opened, unheard


@pytest.mark.parametrize(
    ("config", "health"),
    [
        ({}, None),
        ({"probe": "/me"}, None),
        ({"probe": "/huge"}, None),
        ({"probe": "/nowhere"}, Health.DOWN),
        ({"probe": "/denied"}, Health.DENIED),
        ({"probe": "/failing"}, Health.DOWN),
        ({"probe": "/unauthorized"}, Health.NEEDS_LOGIN),
    ],
)
async def test_a_probe_tells_how_the_service_is(base: str, config: dict[str, Any], health: Health | None) -> None:
    async with opened({"server": base} | config) as opened_upstream:
        if health is None:
            await opened_upstream.probe()
            return
        with pytest.raises(UpstreamFailed) as failed:
            await opened_upstream.probe()
    assert failed.value.health is health


async def test_a_probe_can_be_an_operation_with_its_credentials(base: str) -> None:
    document = document_with({"security": [{"o": []}]}, path="/oauth", components={"securitySchemes": OAUTH})
    async with opened({"server": base}, json.dumps(document).encode()) as upstream:
        (tool,) = (await upstream.discover(unheard)).tools
    async with opened({"server": base, "probe": tool.config}, hand=Hand(tokens=["fresh-token"])) as upstream:
        await upstream.probe()
    async with opened({"server": base, "probe": tool.config}, hand=Hand(tokens=["stale"])) as upstream:
        with pytest.raises(UpstreamFailed) as failed:
            await upstream.probe()
    assert failed.value.health is Health.NEEDS_LOGIN


async def test_a_refusal_to_strangers_says_nothing_of_secrets_that_have_no_place_yet(base: str) -> None:
    async with opened({"server": f"{base}/unauthorized"}, hand=Hand({"key": SECRET})) as upstream:
        await upstream.probe()
    async with opened({"server": f"{base}/unauthorized"}) as upstream:
        with pytest.raises(UpstreamFailed):
            await upstream.probe()


async def test_a_document_is_fetched_from_its_address(base: str) -> None:
    document = document_with({"responses": OBJECT}, path="/me", servers=[{"url": "/"}])
    ANSWERS["openapi.json"] = {"text": json.dumps(document)}
    async with opened({"url": f"{base}/openapi.json"}) as upstream:
        discovery = await upstream.discover(unheard)
        (tool,) = discovery.tools
        assert tool.config["server"] == base
    result = await called(base, document, "call", {})
    assert result.structured == {"id": 1}


@pytest.mark.parametrize(
    ("path", "health", "sentence"),
    [
        ("/nowhere", Health.DOWN, "answered 404 when it was asked for the OpenAPI document"),
        ("/unauthorized", Health.NEEDS_LOGIN, "answered 401"),
        ("/denied", Health.DENIED, "answered 403"),
        ("/text", Health.DOWN, "is not a mapping"),
        ("/moved", Health.DOWN, "169.254.169.254 is not at a public address"),
    ],
)
async def test_a_document_that_is_not_there_is_said_so(base: str, path: str, health: Health, sentence: str) -> None:
    async with opened({"url": base + path}) as upstream:
        with pytest.raises(UpstreamFailed, match=sentence) as failed:
            await upstream.discover(unheard)
    assert failed.value.health is health


def test_secrets_are_for_the_server_or_else_for_the_document_s_origin() -> None:
    source = OpenApiSource()
    assert source.destination({"url": "https://a.example.com/x.json"}) == "https://a.example.com"
    assert source.destination({"url": "https://a.example.com/", "server": "https://b.example.com:8443/v1"}) == (
        "https://b.example.com:8443"
    )
    uploaded = source.check(UpstreamDraft(material=json.dumps(document_with({})).encode()))
    assert uploaded.config == {"server": "https://api.example.com"}


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (UpstreamDraft({"url": "file:///etc/passwd"}), "config.url"),
        (UpstreamDraft({"server": "http://169.254.169.254/"}), "config.server"),
        (UpstreamDraft({"server": "http://[::ffff:169.254.169.254]/"}), "config.server"),
        (UpstreamDraft({"server": "http://user:pw@example.com/"}), "config.server"),
        (UpstreamDraft({"server": "https://example.com/a/../b"}), "config.server"),
        (UpstreamDraft({"server": "https://example.com/?q=1"}), "config.server"),
        (UpstreamDraft({"probe": "me"}), "config.probe"),
        (UpstreamDraft({"probe": "/%2e%2e/admin"}), "config.probe"),
        (UpstreamDraft({"probe": {"method": "DELETE", "server": "https://x.example", "path": "/"}}), "config.probe"),
        (UpstreamDraft({"probe": {"method": "GET"}}), "config.probe.server"),
        (UpstreamDraft({"schemes": {"x": {"type": "mutualTLS"}}}), "config.schemes"),
        (UpstreamDraft({"timeout": 0}), "config.timeout"),
        (UpstreamDraft({"nonsense": 1}), "config.nonsense"),
        (UpstreamDraft(secrets={"key": "a\r\nHost: evil"}), "secrets.key"),
        (UpstreamDraft(secrets={str(n): "x" for n in range(30)}), "secrets"),
        (UpstreamDraft(material=b"no"), "material"),
        (UpstreamDraft(material=b'{"openapi": "3.0.0", "servers": [{"url": "/v1"}]}'), "config.server"),
    ],
)
def test_a_wrong_configuration_is_refused_by_field(draft: UpstreamDraft, field: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        OpenApiSource().check(draft)
    assert list(refused.value.fields) == [field]
