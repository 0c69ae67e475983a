"""From an account to the first tool call."""

import pytest
from django.test import Client
from pytest_django import Settings

from core.tenancy import tenant_context
from mcp_runtime.models import AccessKey, Endpoint, Tool
from tenants.access import memberships_of
from tenants.models import Tenant, User
from tests.conftest import Cast, make_user
from tests.console.conftest import signed_in


@pytest.fixture
def newcomer() -> User:
    """Somebody who has just signed up."""
    return make_user("nora")


@pytest.fixture
def browser(newcomer: User) -> Client:
    """The newcomer's browser."""
    return signed_in(newcomer)


@pytest.fixture
def steps(browser: Client) -> str:
    """Where the welcome goes on once the tenant is named."""
    return browser.post("/welcome/", {"name": "Nora's tools"})["Location"]


def _tenant(user: User) -> Tenant:
    return memberships_of(user)[0].tenant


def test_a_newcomer_is_welcomed_wherever_they_begin(browser: Client) -> None:
    assert browser.get("/home/")["Location"] == "/welcome/"
    assert browser.get("/t/")["Location"] == "/welcome/"


def test_who_has_one_tenant_goes_there(bob: Client, base: str) -> None:
    assert bob.get("/home/")["Location"] == f"{base}/"


def test_who_was_invited_is_not_a_newcomer(bob: Client, alice: Client, base: str) -> None:
    assert bob.get("/welcome/")["Location"] == "/home/"
    assert alice.get("/welcome/")["Location"] == f"{base}/welcome/"


def test_naming_a_tenant_makes_an_endpoint_with_tools(newcomer: User, steps: str) -> None:
    tenant = _tenant(newcomer)
    assert steps == f"/t/{tenant.slug}/welcome/"
    with tenant_context(tenant.id):
        assert list(Endpoint.objects.values_list("slug", flat=True)) == ["first"]
        assert set(Tool.objects.values_list("name", flat=True)) == {"echo", "time", "calculate"}


def test_a_name_is_needed(newcomer: User, browser: Client) -> None:
    assert browser.post("/welcome/", {"name": " "}).status_code == 422
    assert memberships_of(newcomer) == []


def test_a_second_post_makes_no_second_tenant(newcomer: User, browser: Client, steps: str) -> None:
    assert browser.post("/welcome/", {"name": "Again"})["Location"] == steps
    assert len(memberships_of(newcomer)) == 1


def test_one_click_makes_the_first_call_and_a_reload_keeps_it(browser: Client, runtime: str, steps: str) -> None:
    assert "After the first call" in browser.get(steps).text
    called = browser.post(f"{steps}call/").text
    assert "Succeeded" in called
    assert "Hello, Joe." in called
    reloaded = browser.get(steps).text
    assert "Succeeded" in reloaded
    assert "Make a key" in reloaded


def test_the_answer_swaps_in_without_the_page(browser: Client, runtime: str, steps: str) -> None:
    part = browser.post(f"{steps}call/", headers={"hx-request": "true"}).text
    assert "Succeeded" in part
    assert "Make a key" in part
    assert "<html" not in part


def test_it_ends_with_a_key_shown_once_and_a_way_to_the_endpoint(
    newcomer: User, browser: Client, runtime: str, steps: str
) -> None:
    browser.post(f"{steps}call/")
    page = browser.post(f"{steps}key/")
    secret = page.context["secret"]
    assert page.text.count(secret) > 3
    assert "Open First endpoint" in page.text
    assert "no-store" in page["Cache-Control"]
    with tenant_context(_tenant(newcomer).id):
        prefix = AccessKey.objects.get().prefix
    again = browser.get(steps).text
    assert secret not in again
    assert prefix in again


def test_a_runtime_that_is_away_is_said_and_can_be_tried_again(browser: Client, settings: Settings, steps: str) -> None:
    settings.RUNTIME_INTERNAL_URL = "http://127.0.0.1:1"
    page = browser.post(f"{steps}call/").text
    assert "The runtime cannot be reached" in page
    assert "Call it" in page
    assert "After the first call" in page


def test_without_its_endpoint_the_welcome_is_over(cast: Cast, alice: Client, base: str) -> None:
    assert alice.get(f"{base}/welcome/")["Location"] == f"{base}/"
    assert alice.post(f"{base}/welcome/call/")["Location"] == f"{base}/"
    assert alice.post(f"{base}/welcome/key/")["Location"] == f"{base}/"


def test_it_is_nobody_elses(charlie: Client, viewer: Client, steps: str) -> None:
    assert charlie.get(steps).status_code == 404
    assert charlie.post(f"{steps}key/").status_code == 404
