"""An account connected in the browser: from the form to a real provider's login page and back."""

import pytest

from core.tenancy import tenant_context
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create
from mcp_runtime.sources.upstream import UpstreamDraft
from tenants.models import Connection, ConnectionState
from tests.conftest import Cast
from tests.e2e.conftest import Look
from tests.e2e.test_pages import sign_in
from tests.oidc_provider.process import Upstream, upstream_running

pytestmark = pytest.mark.e2e


def _wants_a_login(cast: Cast, provider: Upstream) -> None:
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        endpoint = endpoint_create(actor=actor, slug="weather", name="Weather")
        fields = UpstreamFields("Pets", draft=UpstreamDraft(config={"url": provider.mcp}))
        upstream_create(actor=actor, endpoint_slug=endpoint.slug, slug="pets", kind="mcp", fields=fields)


def _log_in_at_the_provider(look: Look) -> None:
    page = look.page
    page.locator('input[name="login"]').fill("alice")
    page.locator('input[name="password"]').fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_an_account_is_connected_and_disconnected(look: Look, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    with upstream_running() as provider:
        monkeypatch.setenv("OUTBOUND_ALLOW", provider.allowed)
        _wants_a_login(cast, provider)
        sign_in(look, cast)
        page = look.page
        look.open(f"/t/{cast.tenant.slug}/connections/")
        look.keep("connections-empty")
        page.get_by_role("link", name="Connect an upstream").click()
        page.wait_for_url("**/connections/new/**")
        look.keep("connection-new")
        page.get_by_role("button", name="Find the provider").click()
        page.get_by_role("button", name="Log in at").wait_for()
        look.keep("connection-asked")
        page.get_by_role("button", name="Log in at").click()
        page.get_by_role("link", name="Go to 127.0.0.1").click()
        _log_in_at_the_provider(look)
        page.get_by_text("You are connected at").wait_for()
        look.keep("connections")
        with tenant_context(cast.tenant.id):
            assert Connection.objects.get().state == ConnectionState.CONNECTED
        page.get_by_role("link", name="Disconnect").click()
        page.get_by_role("button", name="Disconnect").click()
        page.get_by_text("Waiting for the provider").wait_for()
        look.keep("receipts")
