"""The pages of a person's tenants, and of a tenant's settings."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from core.tenancy import tenant_context
from tenants.access import memberships_of
from tenants.models import ApiKey, Tenant
from tests.conftest import Cast, make_user, unique
from tests.console.conftest import signed_in

SCRIPT = "<script>alert(1)</script>"


def _tenant(cast: Cast) -> Tenant:
    with tenant_context(cast.tenant.id):
        return Tenant.objects.get()


def test_it_lists_my_tenants_and_no_others(cast: Cast, bob: Client) -> None:
    page = bob.get("/t/").text
    assert f"/t/{cast.tenant.slug}/" in page
    assert cast.elsewhere.slug not in page


def test_it_makes_a_tenant_that_i_own(cast: Cast, charlie: Client) -> None:
    slug = unique("new")
    response = charlie.post("/t/new/", {"name": "New", "slug": slug})
    assert response["Location"] == f"/t/{slug}/"
    assert [row.role for row in memberships_of(cast.charlie) if row.tenant.slug == slug] == ["owner"]


@pytest.mark.parametrize("slug", ["new", "admin", "-x", "Ä", "a" * 41])
def test_it_rejects_addresses_that_cannot_be(charlie: Client, slug: str) -> None:
    response = charlie.post("/t/new/", {"name": "My name", "slug": slug})
    assert response.status_code == 422
    assert 'value="My name"' in response.text


def test_it_rejects_an_address_of_others(cast: Cast, charlie: Client) -> None:
    response = charlie.post("/t/new/", {"name": "Mine", "slug": cast.tenant.slug})
    assert response.status_code == 422
    assert "taken" in response.text


def test_it_renames_and_the_former_address_leads_on(cast: Cast, alice: Client, base: str) -> None:
    slug = unique("renamed")
    response = alice.post(f"{base}/settings/rename/", {"name": "Renamed", "slug": slug}, follow=True)
    assert response.redirect_chain == [(f"/t/{slug}/settings/", 302)]
    assert alice.get(f"{base}/settings/")["Location"] == f"/t/{slug}/settings/"


def test_a_refused_name_stays_typed(cast: Cast, alice: Client, base: str) -> None:
    response = alice.post(f"{base}/settings/rename/", {"name": "Renamed", "slug": cast.elsewhere.slug})
    assert response.status_code == 422
    assert 'value="Renamed"' in response.text
    assert _tenant(cast).name == "Acme"


def test_a_developer_does_not_rename(cast: Cast, bob: Client, base: str) -> None:
    assert bob.post(f"{base}/settings/rename/", {"name": "Bob's", "slug": unique("bobs")}).status_code == 403
    assert _tenant(cast).name == "Acme"


def test_deletion_asks_for_the_name_and_can_be_taken_back(cast: Cast, alice: Client, base: str) -> None:
    assert alice.post(f"{base}/settings/delete/", {"confirmation": "acme"}).status_code == 422
    assert _tenant(cast).delete_after is None
    page = alice.post(f"{base}/settings/delete/", {"confirmation": cast.tenant.slug}, follow=True)
    assert "is being deleted" in page.text
    assert f'action="{base}/settings/restore/"' in page.text
    assert _tenant(cast).delete_after is not None
    page = alice.post(f"{base}/settings/restore/", follow=True)
    assert "is being deleted" not in page.text
    assert _tenant(cast).delete_after is None


def test_only_the_owner_deletes_or_restores(cast: Cast, alice: Client, bob: Client, base: str) -> None:
    assert bob.post(f"{base}/settings/delete/", {"confirmation": cast.tenant.slug}).status_code == 403
    alice.post(f"{base}/settings/delete/", {"confirmation": cast.tenant.slug})
    page = bob.get(f"{base}/")
    assert "is being deleted" in page.text
    assert "settings/restore/" not in page.text
    assert bob.post(f"{base}/settings/restore/").status_code == 403


def test_a_tenant_that_is_being_deleted_takes_no_changes_and_says_why(cast: Cast, alice: Client, base: str) -> None:
    alice.post(f"{base}/settings/delete/", {"confirmation": cast.tenant.slug})
    response = alice.post(f"{base}/new-endpoint/", {"name": "Late", "access": "key"})
    assert response.status_code == 409
    assert "being deleted" in response.text


def test_an_api_key_is_shown_once_and_never_again(cast: Cast, alice: Client, base: str) -> None:
    typed = {"name": "Pipeline", "role": "developer", "expires_at": "30"}
    created = alice.post(f"{base}/settings/api-keys/new/", typed)
    with tenant_context(cast.tenant.id):
        key = ApiKey.objects.get()
    secret = created.context["secret"]
    assert secret in created.text
    assert "no-store" in created["Cache-Control"]
    assert secret not in alice.get(f"{base}/settings/api-keys/").text
    assert key.prefix in alice.get(f"{base}/settings/api-keys/").text
    assert key.expires_at is not None
    assert abs(key.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)


def test_an_api_key_is_revoked_after_asking(cast: Cast, alice: Client, base: str) -> None:
    alice.post(f"{base}/settings/api-keys/new/", {"name": "Pipeline", "role": "viewer", "expires_at": ""})
    with tenant_context(cast.tenant.id):
        key = ApiKey.objects.get()
    url = f"{base}/settings/api-keys/{key.pk}/revoke/"
    assert "Revoke key Pipeline" in alice.get(url).text
    assert "Revoked" in alice.post(url, follow=True).text
    assert alice.post(url).status_code == 404


def test_nobody_makes_a_key_above_their_role(cast: Cast, base: str) -> None:
    admin = signed_in(cast.join("adam", "admin"))  # type: ignore[arg-type]
    response = admin.post(f"{base}/settings/api-keys/new/", {"name": "Up", "role": "owner", "expires_at": ""})
    assert response.status_code == 422
    with tenant_context(cast.tenant.id):
        assert not ApiKey.objects.exists()


def test_it_escapes_names(cast: Cast, base: str) -> None:
    owner = make_user("eve")
    browser = signed_in(owner)
    slug = unique("xss")
    browser.post("/t/new/", {"name": f"T{SCRIPT}", "slug": slug})
    for page in (
        "/t/",
        *(f"/t/{slug}/{path}" for path in ("", "settings/", "settings/delete/", "team/", "team/leave/")),
    ):
        text = browser.get(page).text
        assert SCRIPT not in text, page
        assert "&lt;script&gt;" in text, page
