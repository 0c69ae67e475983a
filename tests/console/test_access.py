"""Who sees a tenant's pages, and what everybody else gets instead."""

import re

import pytest
from django.test import Client

from core.tenancy import tenant_context
from tenants.services.tenants import tenant_rename
from tests.conftest import Cast, unique


def test_it_lets_members_in(alice: Client, bob: Client, viewer: Client, base: str) -> None:
    assert {client.get(f"{base}/").status_code for client in (alice, bob, viewer)} == {200}


def test_strangers_and_unknown_tenants_look_alike(charlie: Client, base: str) -> None:
    foreign, unknown = charlie.get(f"{base}/endpoints/"), charlie.get(f"/t/{unique('nobody')}/endpoints/")
    assert (foreign.status_code, unknown.status_code) == (404, 404)


def test_it_asks_the_signed_out_to_sign_in_and_brings_them_back(client: Client, base: str) -> None:
    response = client.get(f"{base}/endpoints/?q=x")
    assert response.status_code == 302
    assert response["Location"] == f"/account/login/?next={base}/endpoints/%3Fq%3Dx"


def test_a_write_while_signed_out_does_not_come_back_to_itself(client: Client, base: str) -> None:
    response = client.post(f"{base}/settings/restore/")
    assert response["Location"] == "/account/login/?next=/"


def test_a_partial_while_signed_out_sends_the_whole_page_to_the_login(client: Client, base: str) -> None:
    here = f"http://testserver{base}/endpoints/"
    response = client.get(f"{base}/endpoints/?q=x", headers={"hx-request": "true", "hx-current-url": here})
    assert response["HX-Redirect"] == f"/account/login/?next={base}/endpoints/"


def test_a_former_address_leads_to_the_current_one(cast: Cast, alice: Client, base: str) -> None:
    slug = unique("renamed")
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        tenant_rename(actor=actor, name="Renamed", slug=slug)
    response = alice.get(f"{base}/endpoints/?q=a&page=2")
    assert (response.status_code, response["Location"]) == (302, f"/t/{slug}/endpoints/?q=a&page=2")


def test_a_former_address_tells_strangers_nothing(cast: Cast, charlie: Client, base: str) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        tenant_rename(actor=actor, name="Renamed", slug=unique("renamed"))
    assert charlie.get(f"{base}/").status_code == 404


def test_a_viewer_gets_403_where_the_role_does_not_reach(viewer: Client, base: str) -> None:
    assert viewer.get(f"{base}/new-endpoint/").status_code == 403
    assert viewer.get(f"{base}/settings/api-keys/").status_code == 403


def test_a_post_needs_its_token(cast: Cast, base: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.alice)
    assert strict.post(f"{base}/new-endpoint/", {"name": "x"}).status_code == 403


def test_a_page_answers_head(alice: Client, base: str) -> None:
    response = alice.head(f"{base}/endpoints/")
    assert (response.status_code, response.content) == (200, b"")


def test_a_write_by_get_is_refused(alice: Client, base: str) -> None:
    assert alice.get(f"{base}/settings/restore/").status_code == 405


def test_the_rail_shows_what_the_role_reaches(alice: Client, viewer: Client, base: str) -> None:
    link = f'href="{base}/settings/api-keys/"'
    assert link in alice.get(f"{base}/").text
    assert link not in viewer.get(f"{base}/").text


@pytest.mark.parametrize(
    ("page", "section"),
    [
        ("", ""),
        ("alerts/", "live/"),
        ("alerts/new/", "live/"),
        ("uptime/", "live/"),
        ("live/", "live/"),
        ("usage/", "usage/"),
        ("hosts/", "settings/"),
        ("new-endpoint/", "endpoints/"),
        ("trusted-issuers/new/", "sso/"),
        ("settings/audit/", "settings/audit/"),
        ("settings/networks/", "settings/"),
    ],
)
def test_the_rail_tells_where_one_is(alice: Client, base: str, page: str, section: str) -> None:
    current = re.findall(rf'<a href="{base}/([^"]*)" aria-current="page"', alice.get(f"{base}/{page}").text)
    assert current == [section]
