"""Connections in the console: found, logged into, shown, disconnected, and nobody else's."""

import html
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from core.tenancy import tenant_context
from mcp_runtime.models import Upstream, UpstreamSchedule, Watch
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create
from mcp_runtime.sources.upstream import UpstreamDraft
from tenants.models import Connection, ConnectionState, Login, Role
from tenants.vault.errands import errands_run
from tests.conftest import Cast
from tests.connecting import _upstream, upstream
from tests.console.conftest import MakesEndpoint, signed_in
from tests.oidc_provider.process import Upstream as Provider
from tests.stored_connection import stored_connection

__all__ = ["_upstream", "upstream"]  # fixtures


@pytest.fixture
def pets(cast: Cast, make_endpoint: MakesEndpoint, upstream: Provider) -> Upstream:
    """An upstream of Alice's that wants a login."""
    endpoint = make_endpoint()
    with tenant_context(cast.tenant.id):
        return upstream_create(
            actor=Cast.acting_inside(cast.alice, cast.tenant),
            endpoint_slug=endpoint.slug,
            slug="pets",
            kind="mcp",
            fields=UpstreamFields("Pets", draft=UpstreamDraft(config={"url": upstream.mcp})),
        )


def _text(response: HttpResponseBase) -> str:
    return html.unescape(b"".join(response).decode())


def _form(upstream: Upstream, **said: str) -> dict[str, str]:
    return {"upstream": str(upstream.pk), "whose": "tenant", "grant_type": "authorization_code"} | said


def _prepared(browser: Client, base: str, upstream: Upstream, **said: str) -> str:
    """The page on which the login is asked for."""
    answer = browser.post(f"{base}/connections/new/", _form(upstream, **said))
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def _sent_to(browser: Client, page: str) -> str:
    """Where the browser is led on to."""
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', browser.post(page).content.decode())
    assert found is not None
    return html.unescape(found[1])


def _back(provider: Provider, url: str) -> str:
    parts = urlsplit(provider.log_in(url))
    return f"{parts.path}?{parts.query}"


def _source(base: str, upstream: Upstream) -> str:
    return f"{base}/endpoints/{upstream.endpoint.slug}/sources/{upstream.slug}/"


def _connected(browser: Client, base: str, upstream: Upstream, provider: Provider) -> None:
    page = _prepared(browser, base, upstream)
    answer = browser.get(_back(provider, _sent_to(browser, page)))
    assert answer["Location"] == _source(base, upstream)


def _only(cast: Cast) -> Connection:
    with tenant_context(cast.tenant.id):
        return Connection.objects.select_related("client").get()


def test_an_upstream_is_connected_in_four_steps(
    cast: Cast, alice: Client, base: str, pets: Upstream, upstream: Provider
) -> None:
    page = _prepared(alice, base, pets)
    asked = _text(alice.get(page))
    assert upstream.issuer in asked
    assert "mcp:read" in asked
    answer = alice.get(_back(upstream, _sent_to(alice, page)), follow=True)
    assert "You are connected at" in _text(answer)
    assert "Connected" in _text(answer)
    assert _only(cast).state == ConnectionState.CONNECTED


def test_an_upstream_is_looked_at_as_soon_as_somebody_logged_in(
    alice: Client, base: str, pets: Upstream, upstream: Provider
) -> None:
    far = timezone.now() + timedelta(hours=1)
    UpstreamSchedule.objects.filter(upstream_id=pets.pk).update(wake_at=far)
    _connected(alice, base, pets, upstream)
    assert UpstreamSchedule.objects.get(upstream_id=pets.pk).wake_at < far - timedelta(minutes=59)


def test_a_source_that_needs_a_login_has_it_one_click_away(
    cast: Cast, alice: Client, base: str, pets: Upstream, upstream: Provider
) -> None:
    connect, viewer = _prepared(alice, base, pets), signed_in(cast.join("vera", Role.VIEWER))
    with tenant_context(cast.tenant.id):
        Upstream.objects.update(health="needs_login", health_reason="The token was revoked.")
    button = f'<form method="post" action="{connect}">'
    for page in (_source(base, pets), f"{base}/connections/"):
        assert button in _text(alice.get(page))
        assert button not in _text(viewer.get(page))
    alice.get(_back(upstream, _sent_to(alice, connect)))
    shown = _text(alice.get(_source(base, pets)))
    assert "Looking at Pets" in shown
    assert button not in shown
    part, by_page = f"{_source(base, pets)}?part=health", {"HX-Request": "true"}
    assert "Looking at Pets" in _text(alice.get(part, headers=by_page))
    with tenant_context(cast.tenant.id):
        Watch.objects.create(tenant=cast.tenant, upstream=pets, looked_at=timezone.now())
    assert alice.get(part, headers=by_page)["HX-Refresh"] == "true"


def test_what_an_upstream_wants_beyond_its_login_is_shown_and_asked_for(
    cast: Cast, alice: Client, base: str, pets: Upstream, upstream: Provider
) -> None:
    _connected(alice, base, pets, upstream)
    with tenant_context(cast.tenant.id):
        Connection.objects.update(further_scopes="mcp:write <b>")
    connect = f"{base}/connections/{_only(cast).pk}/connect/"
    for page in (_source(base, pets), f"{base}/connections/", connect):
        shown = alice.get(page).content.decode()
        assert "mcp:write &lt;b&gt;" in shown
        assert "Log in at 127.0.0.1" in shown
    assert "scope=mcp%3Aread+offline_access+mcp%3Awrite" in _sent_to(alice, connect)


def test_no_login_begins_without_a_form_of_our_own(cast: Cast, alice: Client, base: str, pets: Upstream) -> None:
    page = _prepared(alice, base, pets)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.alice)
    assert "refresh" not in _text(strict.get(page))
    assert strict.post(page).status_code == 403
    assert strict.post(page, headers={"Origin": "https://evil.example.com"}).status_code == 403
    with tenant_context(cast.tenant.id):
        assert not Login.objects.exists()


def test_nobody_logs_in_for_the_calls_of_another(
    cast: Cast, alice: Client, bob: Client, base: str, pets: Upstream
) -> None:
    page = _prepared(bob, base, pets, whose="me")
    assert "they log in themselves" in _text(alice.get(page))
    assert alice.post(page).status_code == 403
    assert f'action="{page}"' not in _text(alice.get(f"{base}/connections/"))
    assert f'action="{page}"' in _text(bob.get(f"{base}/connections/"))


def test_a_provider_that_forgot_us_is_registered_at_anew(
    cast: Cast, alice: Client, base: str, pets: Upstream, upstream: Provider
) -> None:
    page = _prepared(alice, base, pets)
    before = _only(cast).client.client_id
    assert alice.post(page.replace("/connect/", "/register/"))["Location"] == page
    assert _only(cast).client.client_id != before
    assert alice.get(_back(upstream, _sent_to(alice, page)))["Location"] == _source(base, pets)
    assert _only(cast).state == ConnectionState.CONNECTED


def test_an_answer_in_another_browser_or_of_another_person_is_refused(
    cast: Cast, alice: Client, base: str, pets: Upstream, upstream: Provider
) -> None:
    back = _back(upstream, _sent_to(alice, _prepared(alice, base, pets)))
    for person in (cast.alice, cast.bob, cast.charlie):
        assert signed_in(person).get(back).status_code == 400
    assert Client().get(back)["Location"].startswith("/account/login/")
    assert _only(cast).state == ConnectionState.NEEDS_LOGIN
    assert alice.get(back).status_code == 302
    assert alice.get(back).status_code == 400


def test_an_answer_whose_parameters_stand_twice_is_refused(
    cast: Cast, alice: Client, base: str, pets: Upstream, upstream: Provider
) -> None:
    back = _back(upstream, _sent_to(alice, _prepared(alice, base, pets)))
    assert alice.get(f"{back}&code=another").status_code == 400
    assert _only(cast).state == ConnectionState.NEEDS_LOGIN


def test_an_error_page_repeats_nothing_of_the_answer(alice: Client, base: str, pets: Upstream) -> None:
    _sent_to(alice, _prepared(alice, base, pets))
    answer = alice.get("/connections/callback?code=stolen-code&state=forged-state&error=%3Cscript%3E")
    assert answer.status_code == 400
    assert not re.search("stolen-code|forged-state|<script>", _text(answer))


def test_a_provider_that_is_away_leaves_the_form_as_it_was_typed(
    alice: Client, base: str, pets: Upstream, upstream: Provider
) -> None:
    upstream.ask(away=True)
    said = _form(pets, label="work account", client_id="ours", client_secret="typed-secret")
    answer = alice.post(f"{base}/connections/new/", said)
    assert "typed-secret" not in _text(answer)
    assert answer.status_code == 422
    assert "work account" in _text(answer)
    assert "127.0.0.1" in _text(answer)


def test_what_is_disconnected_has_a_receipt(
    cast: Cast, alice: Client, base: str, pets: Upstream, upstream: Provider
) -> None:
    _connected(alice, base, pets, upstream)
    page = f"{base}/connections/{_only(cast).pk}/disconnect/"
    assert alice.get(page).status_code == 200
    assert "Waiting for the provider" in _text(alice.post(page, follow=True))
    errands_run(tenant_id=cast.tenant.id)
    assert "Revoked at the provider" in _text(alice.get(f"{base}/connections/receipts/"))
    assert "Revoked" in _text(alice.get(f"{base}/connections/"))


def test_everything_is_revoked_in_one_act(cast: Cast, alice: Client, base: str) -> None:
    with tenant_context(cast.tenant.id):
        for number in range(3):
            stored_connection(cast.tenant, f"https://127.0.0.1:9/{number}", f"account {number}")
    page = f"{base}/connections/revoke/"
    assert alice.post(page, {"what": "provider https://elsewhere.example.com"}).status_code == 422
    alice.post(page, {"what": "provider https://127.0.0.1:9/1"})
    assert _states(cast) == ["connected", "connected", "revoked"]
    alice.post(page, {"what": "tenant"})
    assert _states(cast) == ["revoked"] * 3


def _states(cast: Cast) -> list[str]:
    with tenant_context(cast.tenant.id):
        return sorted(Connection.objects.values_list("state", flat=True))


def test_a_viewer_sees_and_changes_nothing(cast: Cast, viewer: Client, base: str) -> None:
    with tenant_context(cast.tenant.id):
        connection = stored_connection(cast.tenant, "https://127.0.0.1:9/a", "an account")
    shown = _text(viewer.get(f"{base}/connections/"))
    assert "an account" in shown
    assert "Disconnect" not in shown
    for act in ("connect", "choose", "disconnect", "delete"):
        assert viewer.post(f"{base}/connections/{connection.pk}/{act}/").status_code == 403
    assert _states(cast) == ["connected"]


def test_no_page_shows_a_token(cast: Cast, alice: Client, base: str) -> None:
    with tenant_context(cast.tenant.id):
        connection = stored_connection(cast.tenant, "https://127.0.0.1:9/a", "an-account")
    own = f"{base}/connections/{connection.pk}"
    for page in (f"{base}/connections/", f"{own}/connect/", f"{own}/disconnect/", f"{base}/connections/receipts/"):
        assert not re.search("access-an-account|refresh-an-account", _text(alice.get(page)))


def test_our_client_document_is_public_and_says_where_it_is() -> None:
    answer = Client().get("/connections/client.json")
    assert answer.json() == {
        "client_id": "http://localhost:8000/connections/client.json",
        "client_name": "Joe Armstrong AGI MCP",
        "redirect_uris": ["http://localhost:8000/connections/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    assert "public" in answer["Cache-Control"]
