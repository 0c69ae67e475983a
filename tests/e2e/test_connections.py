"""An account connected in the browser: from the form to a real provider's login page and back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.db import connection as database
from playwright.sync_api import expect

from core.tenancy import tenant_context
from mcp_runtime.models import Upstream as Pets
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.probing import probes_perform
from mcp_runtime.services.publish import upstream_snapshot
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create
from mcp_runtime.sources.upstream import UpstreamDraft
from tenants.models import Connection, ConnectionState
from tenants.vault.clients import registration_of
from tenants.vault.keyrings import keyring_for_opening
from tenants.vault.token_sets import tokens_of
from tests.conftest import Cast
from tests.e2e.conftest import Look
from tests.e2e.test_pages import sign_in
from tests.oidc_provider.process import Upstream, upstream_running

pytestmark = pytest.mark.e2e
SECONDS = 30


def _wants_a_login(cast: Cast, provider: Upstream) -> Pets:
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        endpoint = endpoint_create(actor=actor, slug="weather", name="Weather")
        fields = UpstreamFields("Pets", draft=UpstreamDraft(config={"url": provider.mcp}))
        return upstream_create(actor=actor, endpoint_slug=endpoint.slug, slug="pets", kind="mcp", fields=fields)


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
        _log_in_at_the_provider(look)
        page.get_by_text("You are connected at").wait_for()
        look.open(f"/t/{cast.tenant.slug}/connections/")
        look.keep("connections")
        with tenant_context(cast.tenant.id):
            assert Connection.objects.get().state == ConnectionState.CONNECTED
        page.get_by_role("link", name="Disconnect").click()
        page.get_by_role("button", name="Disconnect").click()
        page.get_by_text("Waiting for the provider").wait_for()
        look.keep("receipts")


def _elsewhere[T](work: Callable[[], T]) -> T:
    """In a thread of its own, since Playwright keeps a loop in this one."""

    def run() -> T:
        try:
            return work()
        finally:
            database.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(SECONDS)


def _state_after_one_probe(pets: Pets) -> str:
    def work() -> str:
        probes_perform([(pets.tenant_id, pets.pk)])
        with tenant_context(pets.tenant_id):
            return Pets.objects.get(pk=pets.pk).health

    return _elsewhere(work)


def _revoke_at_the_provider(cast: Cast, provider: Upstream) -> None:
    """What the person does on the provider's own page of connected applications."""
    with tenant_context(cast.tenant.id):
        keyring = keyring_for_opening(cast.tenant.id)
        connection = Connection.objects.select_related("client").get()
        tokens, client = tokens_of(keyring, connection), registration_of(keyring, connection.client)
    for token in (tokens.refresh_token, tokens.access_token):
        said = {"token": token, "client_id": client.client_id, "client_secret": client.secret}
        httpx.post(f"{provider.issuer}/token/revocation", data=said).raise_for_status()
    assert provider.call(tokens.access_token).status_code == 401


def _where_clients_are_told_to_go(pets: Pets) -> str:
    with tenant_context(pets.tenant_id):
        return upstream_snapshot(Pets.objects.select_related("tenant", "endpoint").get(pk=pets.pk)).connect_url


def test_one_click_repairs_what_was_revoked_at_the_provider(
    look: Look, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    with upstream_running() as provider:
        monkeypatch.setenv("OUTBOUND_ALLOW", provider.allowed)
        pets, page = _wants_a_login(cast, provider), look.page
        sign_in(look, cast)
        look.open(f"/t/{cast.tenant.slug}/connections/new/")
        page.get_by_role("button", name="Find the provider").click()
        page.get_by_role("button", name="Log in at").click()
        _log_in_at_the_provider(look)
        page.get_by_text("You are connected at").wait_for()
        assert _state_after_one_probe(pets) == "ok"
        _revoke_at_the_provider(cast, provider)
        assert _state_after_one_probe(pets) == "needs_login"
        page.goto(_where_clients_are_told_to_go(pets))
        expect(page.get_by_text("Pets: needs login")).to_be_visible()
        look.keep("source-needs-login")
        # The one click; what follows is the provider's own page.
        page.locator("#health").get_by_role("button", name="Log in at 127.0.0.1").click()
        page.get_by_role("button", name="Continue").click()
        page.get_by_text("You are connected at").wait_for()
        expect(page.get_by_text("Looking at Pets")).to_be_visible()
        look.keep("source-looked-at")
        assert _state_after_one_probe(pets) == "ok"
        # The page asks again by itself.
        expect(page.get_by_text("Looking at Pets")).to_be_hidden()
        expect(page.get_by_text("Needs login")).to_be_hidden()
