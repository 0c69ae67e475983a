"""Upstreams are probed by a Celery worker that a real beat tells to, each a process as in production."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from core.embedded.postgres import free_port
from core.tenancy import tenant_context
from mcp_runtime.models import HealthEvent, Upstream, UpstreamSchedule
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create
from mcp_runtime.sources.upstream import UpstreamDraft
from tests.conftest import Cast, unique
from tests.mcp_runtime.driving import in_console
from tests.mcp_runtime.sources.mcp.hostile import modern, result
from tests.processes import eventually

SECONDS = 90.0  # on a machine that is busy otherwise
STOP_SECONDS = 20.0
NOTHING = {"resultType": "complete", "tools": [], "ttlMs": 0, "cacheScope": "private"}


@pytest.fixture
def roles(tmp_path: Path) -> Iterator[None]:
    """The jobs and the beat of this run's databases."""
    environment = os.environ | {"OUTBOUND_ALLOW": "127.0.0.1/32", "ARMSTRONG_STATE": str(tmp_path)}
    with ExitStack() as processes:
        for role in ("jobs", "beat"):
            command = [sys.executable, "-P", "-m", "config.cli", "serve", role]
            log = processes.enter_context((tmp_path / f"{role}.log").open("wb"))
            process = processes.enter_context(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
            processes.callback(_end, process)
        yield


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _upstream(cast: Cast, port: int) -> Upstream:
    fields = UpstreamFields("Late", draft=UpstreamDraft(config={"url": f"http://127.0.0.1:{port}/mcp"}))
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        slug = endpoint_create(actor=actor, slug=unique("e"), name="Demo").slug
        upstream = upstream_create(actor=actor, endpoint_slug=slug, slug="late", kind="mcp", fields=fields)
    # What earlier tests left to be probed would be probed first.
    UpstreamSchedule.objects.exclude(upstream_id=upstream.pk).delete()
    return upstream


def _becomes(upstream: Upstream, state: str) -> bool:
    """Whether it is in a state; has it looked at without waiting for its turn."""
    UpstreamSchedule.objects.filter(upstream_id=upstream.pk).update(wake_at=upstream.created_at)
    with tenant_context(upstream.tenant_id):
        return bool(Upstream.objects.get(pk=upstream.pk).health == state)


async def _serve(port: int) -> web.AppRunner:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await modern(say)(request, await request.json())

    async def say(_request: web.Request, message: Any) -> web.StreamResponse:
        return result(message, NOTHING)

    application = web.Application()
    application.router.add_route("*", "/mcp", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


@pytest.mark.deploy
@pytest.mark.timeout(300)
async def test_an_outage_and_its_end_are_found_without_anybody_asking(
    cast: Cast, roles: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBOUND_ALLOW", "127.0.0.1/32")
    port = free_port()
    upstream = await in_console(lambda: _upstream(cast, port))
    await in_console(lambda: eventually(lambda: _becomes(upstream, "down"), SECONDS))
    runner = await _serve(port)
    try:
        await in_console(lambda: eventually(lambda: _becomes(upstream, "ok"), SECONDS))
    finally:
        await runner.cleanup()
    changes = await in_console(lambda: _changes(upstream))
    assert changes[0] == ("ok", "down", "probe")
    assert changes[-1][1:] == ("ok", "probe")


def _changes(upstream: Upstream) -> list[tuple[str, str, str]]:
    with tenant_context(upstream.tenant_id):
        rows = HealthEvent.objects.filter(upstream_id=upstream.pk).order_by("at")
        return list(rows.values_list("before", "after", "evidence"))
