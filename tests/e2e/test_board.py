"""The board in a browser: it shows what changed without being asked, on a desk and on a phone, in both themes."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvicorn
from django.db import connection
from django.test.utils import override_settings
from django.utils import timezone
from playwright.sync_api import expect

from config.asgi_console import console
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, HealthEvent, Upstream, Watch
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.stopping import endpoint_stop
from tests.conftest import Cast
from tests.e2e.conftest import Look
from tests.e2e.test_pages import sign_in

pytestmark = pytest.mark.e2e
SECONDS = 30
STATES = {
    "Billing": ("ok", ""),
    "Calendar": ("degraded", "It answers when it is looked at, but calls to it fail."),
    "Files": ("down", "It refuses connections."),
    "Mail": ("needs_login", "The token was revoked."),
    "Payroll": ("denied", "It knows who asks, and refuses."),
}


@pytest.fixture
def console_url() -> Iterator[str]:
    """The console with its WebSockets, which the server of the other tests has not."""
    server = uvicorn.Server(
        uvicorn.Config(console, port=0, log_level="warning", lifespan="off", ws="websockets-sansio")
    )
    sockets = [server.config.bind_socket()]
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets)), daemon=True)
    thread.start()
    url = f"http://localhost:{sockets[0].getsockname()[1]}"
    with override_settings(CONSOLE_URL=url):
        yield url
    server.should_exit = True
    thread.join(10)


def _furnish(cast: Cast) -> Endpoint:
    with tenant_context(cast.tenant.id):
        actor = cast.acting_inside(cast.alice, cast.tenant)
        endpoint = endpoint_create(actor=actor, slug="office", name="Office")
        endpoint_create(actor=actor, slug="weather", name="Weather")
        for name, (health, reason) in STATES.items():
            _upstream(endpoint, name, health, reason)
        Upstream.objects.filter(name="Files").update(quarantined_at=timezone.now())
    return endpoint


def _upstream(endpoint: Endpoint, name: str, health: str, reason: str) -> None:
    ours = {"tenant_id": endpoint.tenant_id}
    upstream = Upstream.objects.create(
        **ours, endpoint=endpoint, slug=name.lower(), name=name, kind="openapi", health=health, health_reason=reason
    )
    Watch.objects.create(**ours, upstream=upstream, looked_at=timezone.now(), took_ms=42)
    if health != "ok":
        changed = {"before": "ok", "after": health, "reason": reason, "evidence": "probe", "seconds": 60}
        HealthEvent.objects.create(**ours, upstream=upstream, at=timezone.now(), **changed)


def _stop(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        actor = cast.acting_inside(cast.alice, cast.tenant)
        endpoint_stop(actor=actor, endpoint_slug="office", message="Moving house until noon.")
    connection.close()


def test_it_shows_what_changed_by_itself(cast: Cast, look: Look) -> None:
    _furnish(cast)
    sign_in(look, cast)
    page = look.page
    look.open(f"/t/{cast.tenant.slug}/live/")
    status = page.get_by_role("status").first
    expect(status).to_have_text("Live")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 800})
            look.keep(f"board-{width}-{scheme}")
    page.set_viewport_size({"width": 1280, "height": 800})
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_stop, cast).result(SECONDS)
    expect(page.get_by_text("Moving house until noon.")).to_be_visible()
    look.keep("board-stopped")
    page.get_by_role("button", name="Let it go on").click()
    expect(page.get_by_text("Endpoint Office goes on.")).to_be_visible()
    page.get_by_role("link", name="Alerts").click()
    page.wait_for_url("**/alerts/")
    look.keep("alerts-empty")
    page.get_by_role("link", name="New alert").click()
    page.get_by_label("Name").fill("On call")
    look.keep("alert-new")
    page.get_by_role("button", name="Add alert").click()
    expect(page.get_by_text("On call is told from now on.")).to_be_visible()
    look.keep("alerts")
