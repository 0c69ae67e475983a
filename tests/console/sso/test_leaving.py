"""A provider's word that somebody is gone, and their login that is under way: whoever comes first, nobody stays in."""

from typing import Any

import pytest
from django.test import Client

from core import refusals
from core.tenancy import tenant_context
from tenants.models import Cause, Deprovision, Membership, SsoSession, User
from tenants.scim.connections import scim_connection_create, scim_token_issue
from tenants.services.deprovisioning import second_look
from tests.conftest import Cast
from tests.console.sso.conftest import Desk, person_in
from tests.console.test_scim import Provider
from tests.races import at_once

GONE = {"op": "Replace", "path": "active", "value": "False"}


@pytest.fixture
def provider(sso: Desk) -> Provider:
    """Who tells of the tenant's people."""
    with tenant_context(sso.cast.tenant.id):
        actor = Cast.acting_inside(sso.cast.alice, sso.cast.tenant)
        connection = scim_connection_create(actor=actor, name="Directory")
        _, token = scim_token_issue(actor=actor, connection_id=connection.pk)
    return Provider(connection, token)


def _told(provider: Provider, scim_id: str, word: str) -> Any:
    """The provider says that somebody is gone."""
    path = f"/Users/{scim_id}"
    return provider.send("DELETE", path) if word == "deleted" else provider.patch(path, GONE)


def _is_in(sso: Desk, browser: Client) -> bool:
    return bool(browser.get(f"/t/{sso.cast.tenant.slug}/").status_code == 200)


def _nothing_lives(sso: Desk, browser: Client, email: str) -> None:
    assert not _is_in(sso, browser)
    with tenant_context(sso.cast.tenant.id):
        assert not SsoSession.objects.filter(identity__user__email=email).exists()
        assert not Membership.objects.active().filter(user__email=email).exists()
        receipts = list(Deprovision.objects.filter(email=email))
    for receipt in receipts:
        second_look(tenant_id=sso.cast.tenant.id, deprovision_id=receipt.pk)
    assert person_in(browser) is None


@pytest.mark.parametrize("word", ["inactive", "deleted"])
def test_a_login_that_was_under_way_lets_nobody_back_in(sso: Desk, provider: Provider, word: str) -> None:
    email, browser = f"dora@{sso.domain}", Client()
    scim_id = provider.user(email)
    asked = sso.begun(browser)
    sso.provider.issues(asked["nonce"], email=email, sub="dora")
    assert _told(provider, scim_id, word).status_code == 204
    assert sso.back(browser).status_code == refusals.LOGIN_REFUSED.http_status
    _nothing_lives(sso, browser, email)


@pytest.mark.parametrize("word", ["inactive", "deleted"])
def test_whichever_comes_first_nobody_stays_in(sso: Desk, provider: Provider, word: str) -> None:
    email, browser = f"dora@{sso.domain}", Client()
    scim_id = provider.user(email)
    asked = sso.begun(browser)
    sso.provider.issues(asked["nonce"], email=email, sub="dora")
    at_once(lambda: sso.back(browser).status_code, lambda: int(_told(provider, scim_id, word).status_code))
    _nothing_lives(sso, browser, email)


def test_a_password_login_at_that_moment_sees_nothing_of_the_tenant(sso: Desk, provider: Provider) -> None:
    email, browser = f"dora@{sso.domain}", Client()
    scim_id = provider.user(email)
    user = User.objects.get(email=email)

    def sign_in() -> int:
        browser.force_login(user)
        return browser.get("/account/sessions/").status_code

    at_once(sign_in, lambda: int(_told(provider, scim_id, "inactive").status_code))
    _nothing_lives(sso, browser, email)


def test_who_comes_back_later_is_let_in_by_a_login_of_later(sso: Desk, provider: Provider) -> None:
    email, browser = f"dora@{sso.domain}", Client()
    scim_id = provider.user(email)
    sso.log_in(browser, email)
    assert _is_in(sso, browser)
    provider.send("DELETE", f"/Users/{scim_id}")
    _nothing_lives(sso, browser, email)
    with tenant_context(sso.cast.tenant.id):
        assert Deprovision.objects.get(email=email).cause == Cause.SCIM_DELETED
    sso.log_in(browser, email)
    assert _is_in(sso, browser)
    # And what was theirs before they left is not theirs again.
    with tenant_context(sso.cast.tenant.id):
        assert SsoSession.objects.filter(identity__user__email=email).count() == 1
