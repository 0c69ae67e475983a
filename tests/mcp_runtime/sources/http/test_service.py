"""A service that is asked whether it is well: what its answers mean, what may be configured, and where secrets go."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import Health, UpstreamDraft, UpstreamFailed
from tests.mcp_runtime.sources.upstreams import HeldCredentials, discover, opened

HOST = "127.0.0.1"


@asynccontextmanager
async def _service(monkeypatch: pytest.MonkeyPatch, status: int = 200) -> AsyncIterator[tuple[str, list[web.Request]]]:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(status=status, text="well")

    application = web.Application()
    application.router.add_route("*", "/health", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    port = runner.addresses[0][1]
    monkeypatch.setenv("OUTBOUND_ALLOW", f"{HOST}:{port}")
    try:
        yield f"http://{HOST}:{port}/health", asked
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "expects", "state"),
    [
        (200, "2xx", None),
        (204, "2xx", None),
        (302, "2xx", Health.DOWN),
        (302, "2xx or 3xx", None),
        (404, "2xx or 3xx", Health.DOWN),
        (404, "anything but 5xx", None),
        (401, "2xx", Health.NEEDS_LOGIN),
        (403, "2xx", Health.DENIED),
        (429, "anything but 5xx", Health.DEGRADED),
        (500, "anything but 5xx", Health.DOWN),
    ],
)
async def test_what_an_answer_says(
    monkeypatch: pytest.MonkeyPatch, status: int, expects: str, state: Health | None
) -> None:
    async with (
        _service(monkeypatch, status) as (url, _asked),
        opened("http", {"url": url, "expects": expects}) as upstream,
    ):
        if state is None:
            await upstream.probe()
            return
        with pytest.raises(UpstreamFailed) as failed:
            await upstream.probe()
        assert failed.value.health is state


async def test_the_configured_request_is_made_and_nothing_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldCredentials({"X-Key": "secret"}, bearer="token")
    async with (
        _service(monkeypatch) as (url, asked),
        opened("http", {"url": url, "method": "HEAD", "headers": {"X-Region": "eu"}}, credentials=held) as upstream,
    ):
        found = await discover(upstream)
    assert (found.tools, found.prompts, found.resources, found.speaks) == ([], [], [], "HTTP")
    [request] = asked
    assert request.method == "HEAD"
    sent = {name: request.headers[name] for name in ("X-Region", "X-Key", "Authorization")}
    assert sent == {"X-Region": "eu", "X-Key": "secret", "Authorization": "Bearer token"}


async def test_a_login_that_is_refused_is_told_to_the_vault(monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldCredentials(bearer="old")
    async with _service(monkeypatch, 401) as (url, _asked), opened("http", {"url": url}, credentials=held) as upstream:
        with pytest.raises(UpstreamFailed):
            await upstream.probe()
    assert held.rejections == [("old", "")]


async def test_a_service_that_is_not_there_is_down() -> None:
    async with opened("http", {"url": "https://service.invalid/health"}) as upstream:
        with pytest.raises(UpstreamFailed) as failed:
            await upstream.probe()
    assert failed.value.health is Health.DOWN


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "config"),
        ({"url": ""}, "config.url"),
        ({"url": "file:///etc/passwd"}, "config.url"),
        ({"url": "http://169.254.169.254/latest"}, "config.url"),
        ({"url": "https://x.example", "method": "POST"}, "config.method"),
        ({"url": "https://x.example", "expects": "anything"}, "config.expects"),
        ({"url": "https://x.example", "headers": {"X\r\nY": "z"}}, "config.headers"),
        ({"url": "https://x.example", "headers": {"Authorization": "Bearer x"}}, "config.headers"),
        ({"url": "https://x.example", "more": 1}, "config"),
    ],
)
def test_a_wrong_configuration_is_named(config: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        UPSTREAM_SOURCES["http"].check(UpstreamDraft(config))
    assert all(name.startswith(field) for name in refused.value.fields)


def test_there_is_nothing_to_upload_and_secrets_are_headers() -> None:
    draft = UpstreamDraft({"url": "https://x.example"}, {"bad name": "x"}, b"file")
    with pytest.raises(InvalidConfig) as refused:
        UPSTREAM_SOURCES["http"].check(draft)
    assert refused.value.fields.keys() == {"secrets.bad name", "material"}


def test_a_header_is_secret_or_it_is_not() -> None:
    draft = UpstreamDraft({"url": "https://x.example", "headers": {"X-Key": "plain"}}, {"x-key": "secret"})
    with pytest.raises(InvalidConfig) as refused:
        UPSTREAM_SOURCES["http"].check(draft)
    assert refused.value.fields == {"config.headers.X-Key": "This header is a secret one too."}
