"""Provisioning's pages and receipts, and the same over REST."""

import re

from django.test import Client

from core.tenancy import tenant_context
from tenants.models import ScimConnection
from tests.conftest import Cast
from tests.console.test_scim import Provider


def _connection(cast: Cast) -> ScimConnection:
    with tenant_context(cast.tenant.id):
        return ScimConnection.objects.get()


def _made(cast: Cast, alice: Client, base: str) -> tuple[str, Provider]:
    alice.post(f"{base}/settings/provisioning/", {"name": "Entra", "default_role": "viewer"})
    connection = _connection(cast)
    path = f"{base}/settings/provisioning/{connection.pk}/"
    page = alice.post(f"{path}tokens/", {"expires_at": "365"}).text
    secret = re.search(r"asc_[\w-]{22}_[\w-]+", page)
    assert secret is not None
    return path, Provider(connection, secret[0])


def test_it_makes_a_connection_and_shows_its_token_once(cast: Cast, alice: Client, base: str) -> None:
    path, provider = _made(cast, alice, base)
    page = alice.get(path).text
    assert f"/scim/v2/{provider.connection.pk}" in page
    assert provider.secret not in page
    assert provider.send("GET", "/Users").status_code == 200


def test_two_tokens_work_at_once_and_no_third(cast: Cast, alice: Client, base: str) -> None:
    path, provider = _made(cast, alice, base)
    alice.post(f"{path}tokens/", {"expires_at": ""})
    page = alice.post(f"{path}tokens/", {"expires_at": ""}, follow=True).text
    assert "2 tokens work at once" in page
    first = re.search(rf"{path}tokens/[0-9a-f-]+/revoke/", alice.get(path).text)
    assert first is not None
    alice.post(first[0])
    assert provider.send("GET", "/Users").status_code == 401


def test_it_shows_what_was_asked_and_how_it_ended(cast: Cast, alice: Client, base: str) -> None:
    path, provider = _made(cast, alice, base)
    provider.send("GET", "/Users/nobody")
    for page in (alice.get(path).text, alice.get(f"{path}requests/").text):
        assert "GET /Users/nobody" in page
        assert "404" in page


def test_a_group_is_given_a_role(cast: Cast, alice: Client, base: str) -> None:
    path, provider = _made(cast, alice, base)
    group = provider.group("Administrators", provider.user(cast.bob.email))
    alice.post(f"{path}groups/{group}/role/", {"role": "admin"})
    assert cast.acting(cast.bob).role == "admin"
    assert "Select a valid choice" in alice.post(f"{path}groups/{group}/role/", {"role": "owner"}, follow=True).text


def test_a_connection_is_renamed_and_deleted_and_its_members_stay(cast: Cast, alice: Client, base: str) -> None:
    path, provider = _made(cast, alice, base)
    provider.user(cast.bob.email)
    alice.post(path, {"name": "Okta", "default_role": "developer"})
    assert _connection(cast).name == "Okta"
    assert "Members stay" in alice.get(f"{path}delete/").text
    alice.post(f"{path}delete/")
    assert provider.send("GET", "/Users").status_code == 401
    assert cast.acting(cast.bob).role == "developer"


def test_a_developer_sees_neither_provisioning_nor_receipts(cast: Cast, alice: Client, bob: Client, base: str) -> None:
    path, _provider = _made(cast, alice, base)
    for refused in (f"{base}/settings/provisioning/", path, f"{path}requests/", f"{base}/team/receipts/"):
        assert bob.get(refused).status_code == 403


def test_removing_somebody_shows_what_ended(cast: Cast, alice: Client, base: str) -> None:
    page = alice.post(f"{base}/team/{cast.bob.pk}/remove/", follow=True).text
    assert "Member as developer" in page
    assert "Access tokens" in page
    assert cast.bob.email in alice.get(f"{base}/team/receipts/").text
