"""Access keys' pages."""

from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import AccessKey, Endpoint, Tool
from tests.conftest import Cast

TYPED = {"name": "Laptop", "scope": "all", "expires_at": "90"}


def _key(cast: Cast) -> AccessKey:
    with tenant_context(cast.tenant.id):
        return AccessKey.objects.get()


def test_the_secret_is_shown_once_with_the_lines_filled_in(
    cast: Cast, alice: Client, base: str, endpoint: Endpoint
) -> None:
    here = f"{base}/endpoints/{endpoint.slug}/keys/"
    created = alice.post(f"{here}new/", TYPED)
    secret = created.context["secret"]
    assert created.text.count(secret) > 3
    assert "YOUR_KEY" not in created.text
    assert "no-store" in created["Cache-Control"]
    for page in (here, f"{base}/endpoints/{endpoint.slug}/", f"{here}{_key(cast).pk}/revoke/"):
        assert secret not in alice.get(page).text
    assert _key(cast).digest not in alice.get(here).text


def test_it_limits_a_key_to_the_tools_that_were_chosen(
    cast: Cast, alice: Client, base: str, endpoint: Endpoint, tool: Tool
) -> None:
    url = f"{base}/endpoints/{endpoint.slug}/keys/new/"
    assert alice.post(url, TYPED | {"scope": "some"}).status_code == 422
    assert alice.post(url, TYPED | {"scope": "some", "tools": ["foreign"]}).status_code == 422
    assert alice.post(url, TYPED | {"scope": "some", "tools": [tool.name]}).status_code == 200
    assert _key(cast).tools == [tool.name]


def test_tools_that_were_ticked_by_mistake_do_not_limit_a_key_for_all(
    cast: Cast, alice: Client, base: str, endpoint: Endpoint, tool: Tool
) -> None:
    alice.post(f"{base}/endpoints/{endpoint.slug}/keys/new/", TYPED | {"tools": [tool.name]})
    assert _key(cast).tools is None


def test_it_keeps_what_was_typed(alice: Client, base: str, endpoint: Endpoint) -> None:
    response = alice.post(f"{base}/endpoints/{endpoint.slug}/keys/new/", TYPED | {"expires_at": "12345"})
    assert response.status_code == 422
    assert 'value="Laptop"' in response.text


def test_it_asks_and_then_revokes(cast: Cast, bob: Client, base: str, endpoint: Endpoint) -> None:
    here = f"{base}/endpoints/{endpoint.slug}/keys/"
    bob.post(f"{here}new/", TYPED | {"expires_at": ""})
    url = f"{here}{_key(cast).pk}/revoke/"
    assert "Revoke key Laptop" in bob.get(url).text
    assert _key(cast).revoked_at is None
    assert "Revoked" in bob.post(url, follow=True).text
    assert _key(cast).revoked_at is not None
    assert bob.post(url).status_code == 404


def test_a_viewer_sees_keys_and_makes_none(
    cast: Cast, alice: Client, viewer: Client, base: str, endpoint: Endpoint
) -> None:
    here = f"{base}/endpoints/{endpoint.slug}/keys/"
    alice.post(f"{here}new/", TYPED)
    assert "Laptop" in viewer.get(here).text
    assert viewer.post(f"{here}new/", TYPED).status_code == 403
    assert viewer.post(f"{here}{_key(cast).pk}/revoke/").status_code == 403
    assert _key(cast).revoked_at is None


def test_it_hides_keys_from_strangers(
    alice: Client, charlie: Client, cast: Cast, base: str, endpoint: Endpoint
) -> None:
    here = f"{base}/endpoints/{endpoint.slug}/keys/"
    alice.post(f"{here}new/", TYPED)
    assert charlie.get(here).status_code == 404
    assert charlie.post(f"{here}{_key(cast).pk}/revoke/").status_code == 404
    assert charlie.post(f"/t/{cast.elsewhere.slug}/endpoints/{endpoint.slug}/keys/new/", TYPED).status_code == 404


def test_it_limits_how_often_a_key_may_call(cast: Cast, alice: Client, base: str, endpoint: Endpoint) -> None:
    here = f"{base}/endpoints/{endpoint.slug}/keys/"
    for wrong in ("0", "-1", "1000001", "many"):
        assert alice.post(f"{here}new/", TYPED | {"calls_per_minute": wrong}).status_code == 422
    assert alice.post(f"{here}new/", TYPED | {"calls_per_minute": "1200"}).status_code == 200
    assert _key(cast).calls_per_minute == 1200
    assert "1,200 calls a minute" in alice.get(here).text
