"""How a server is reached with credentials, and what its refusals say of the upstream."""

from typing import Any

import pytest
from aiohttp import web

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.mcp.source import McpSource
from mcp_runtime.sources.upstream import Health, UpstreamDraft, UpstreamFailed
from tests.mcp_runtime.sources.calling import text_of
from tests.mcp_runtime.sources.mcp.hostile import Serve, modern, result, serving, text
from tests.mcp_runtime.sources.mcp.opening import Vault, opened

CHALLENGE = 'Bearer error="invalid_token", resource_metadata="https://x.example/.well-known/oauth-protected-resource"'
STEP_UP = 'Bearer error="insufficient_scope", scope="write"'


def guarded(token: str, status: int = 401, challenge: str = CHALLENGE) -> Serve:
    """A server that wants this token."""

    async def serve(request: web.Request, message: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {token}":
            return web.Response(status=status, headers={"WWW-Authenticate": challenge} if challenge else {})
        return result(message, text("come in"))

    inner = modern(serve)

    async def outer(request: web.Request, message: Any) -> web.StreamResponse:
        is_call = message is not None and message["method"] == "tools/call"
        return await (serve if is_call else inner)(request, message)

    return outer


@pytest.mark.parametrize("challenge", [CHALLENGE, ""])
async def test_a_token_that_is_rejected_is_renewed_once(challenge: str) -> None:
    vault = Vault(tokens=["stale", "fresh"])
    async with serving(guarded("fresh", 401, challenge)) as served, opened(served.url, vault=vault) as upstream:
        assert text_of(await upstream.call("echo")) == "come in"
    assert vault.challenges == [challenge]


@pytest.mark.parametrize(
    ("status", "challenge", "health"),
    [
        (401, CHALLENGE, Health.NEEDS_LOGIN),
        (403, STEP_UP, Health.NEEDS_LOGIN),
        (403, "", Health.DENIED),
        (403, 'Bearer error="access_denied"', Health.DENIED),
    ],
)
@pytest.mark.parametrize("tokens", [[], ["stale"], ["stale", "also stale"]])
async def test_what_a_refusal_says_of_the_upstream(
    status: int, challenge: str, health: Health, tokens: list[str]
) -> None:
    vault = Vault(tokens=tokens)
    async with serving(guarded("other", status, challenge)) as served, opened(served.url, vault=vault) as upstream:
        with pytest.raises(UpstreamFailed) as failed:
            await upstream.call("echo")
    assert failed.value.health is health


async def test_secrets_and_headers_go_with_every_request() -> None:
    async def serve(_request: web.Request, message: Any) -> web.StreamResponse:
        return result(message, text("ok"))

    vault = Vault(static={"X-Api-Key": "s3cret"})
    async with (
        serving(modern(serve)) as served,
        opened(served.url, vault=vault, headers={"X-Region": "eu"}) as upstream,
    ):
        await upstream.call("echo")
    assert all((headers["x-api-key"], headers["x-region"]) == ("s3cret", "eu") for headers, _ in served.heard)


async def test_a_token_goes_to_no_other_host_when_redirected() -> None:
    got: list[str | None] = []

    async def thief(request: web.Request, message: Any) -> web.StreamResponse:
        got.append(request.headers.get("Authorization"))
        return web.Response(status=400)

    async with serving(thief) as other:

        async def serve(_request: web.Request, _message: Any) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": other.url})

        async with serving(serve) as served, opened(served.url, vault=Vault(tokens=["mine"])) as upstream:
            with pytest.raises(UpstreamFailed, match="redirects a POST to another host"):
                await upstream.call("echo")
    assert got == []


@pytest.mark.parametrize(
    ("config", "secrets", "field"),
    [
        ({}, {}, "config.url"),
        ({"url": "ftp://x.example"}, {}, "config.url"),
        ({"url": "http://127.0.0.1:8000/mcp"}, {}, "config.url"),
        ({"url": "https://x.example", "transport": "pigeon"}, {}, "config.transport"),
        ({"url": "https://x.example", "headers": {"Mcp-Session-Id": "1"}}, {}, "config.headers.Mcp-Session-Id"),
        ({"url": "https://x.example", "headers": {"Authorization": "x"}}, {}, "config.headers.Authorization"),
        ({"url": "https://x.example", "headers": {"Host": "y"}}, {}, "config.headers.Host"),
        ({"url": "https://x.example", "headers": {"X-A": "1\r\nX-B: 2"}}, {}, "config.headers.X-A"),
        ({"url": "https://x.example"}, {"Mcp-Param-X": "1"}, "secrets.Mcp-Param-X"),
        ({"url": "https://x.example"}, {"X-A": "ü"}, "secrets.X-A"),
        ({"url": "https://x.example", "headers": {"X-A": "1"}}, {"x-a": "2"}, "config.headers.X-A"),
        ({"url": "https://x.example", "surprise": 1}, {}, "config.surprise"),
    ],
)
def test_a_wrong_configuration_names_its_field(config: dict[str, Any], secrets: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        McpSource().check(UpstreamDraft(config, secrets))
    assert field in refused.value.fields


def test_a_configuration_is_completed_and_its_secrets_belong_to_its_origin() -> None:
    source = McpSource()
    checked = source.check(UpstreamDraft({"url": "https://x.example:8443/mcp?a=b"}, {"authorization": "Bearer x"}))
    assert checked.config == {"url": "https://x.example:8443/mcp?a=b", "headers": {}, "transport": "auto"}
    assert checked.secrets == {"Authorization": "Bearer x"}
    assert source.destination(checked.config) == "https://x.example:8443"
    with pytest.raises(InvalidConfig, match="nothing to upload"):
        source.check(UpstreamDraft({"url": "https://x.example"}, material=b"x"))
