"""Trying Professional from the page of billing: offered once, begun by one button."""

from django.test import Client

from tests.conftest import Cast
from tests.entitled import entitle_outside


def test_it_is_offered_once_and_begun_by_a_button(cast: Cast, alice: Client, base: str) -> None:
    assert "Try Professional" in alice.get(f"{base}/billing/").text
    begun = alice.post(f"{base}/billing/trial/", follow=True)
    assert "You have Professional for 14 days." in begun.text
    assert "on trial until" in begun.text
    assert "Try Professional" not in begun.text
    assert alice.post(f"{base}/billing/trial/").status_code == 409


def test_it_is_not_offered_to_who_has_a_plan(cast: Cast, alice: Client, base: str) -> None:
    entitle_outside(cast.tenant.id, "enterprise")
    assert "Try Professional" not in alice.get(f"{base}/billing/").text
    assert alice.post(f"{base}/billing/trial/").status_code == 409


def test_a_developer_of_the_tenant_begins_none(bob: Client, base: str) -> None:
    assert bob.post(f"{base}/billing/trial/").status_code == 403


def test_the_front_page_compares_what_is_on_sale() -> None:
    page = Client().get("/").text
    for figure in ("5,000,000", "100,000,000", "$499", "With provisioning", "By agreement"):
        assert figure in page
