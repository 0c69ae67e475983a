"""What a tenant asks of its members' sessions, and where they are sent who lack it."""

import time

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Membership, Role, User
from tenants.sso.policy import policy_set
from tests.conftest import Cast, unique
from tests.console.conftest import signed_in
from tests.console.sso.conftest import Desk


def _set(cast: Cast, **wanted: bool) -> None:
    usual = {"requires_sso": False, "requires_mfa": False, "sso_counts_as_mfa": True}
    with tenant_context(cast.tenant.id):
        policy_set(actor=Cast.acting_inside(cast.alice, cast.tenant), **(usual | wanted))


def _with_second_step(user: User) -> Client:
    """A browser in which somebody has just used a second step of theirs."""
    browser = signed_in(user)
    session = browser.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods"] += [{"method": "mfa", "at": time.time(), "type": "totp"}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return browser


def test_a_password_session_is_sent_to_single_sign_on(sso: Desk) -> None:
    bob, base = signed_in(sso.cast.bob), f"/t/{sso.cast.tenant.slug}/"
    assert bob.get(base).status_code == 200
    _set(sso.cast, requires_sso=True)
    answer = bob.get(f"{base}team/?q=a")
    assert (answer.status_code, answer["Location"]) == (302, f"{sso.start}?next=%2Ft%2F{base[3:-1]}%2Fteam%2F%3Fq%3Da")
    assert bob.post(f"{base}new-endpoint/")["Location"].startswith(sso.start)
    partial = bob.get(base, headers={"HX-Request": "true"})
    assert partial["HX-Redirect"].startswith(sso.start)


def test_whoever_comes_by_it_enters(sso: Desk) -> None:
    _set(sso.cast, requires_sso=True)
    browser = Client()
    onward = sso.log_in(browser, f"{unique('d')}@{sso.domain}")["Location"]
    assert browser.get(onward).status_code == 200


def test_a_session_of_another_tenants_provider_is_not_one_of_this(sso: Desk) -> None:
    """A member of both, who came by Alice's provider, enters Alice's tenant and not Charlie's."""
    browser, email = Client(), f"{unique('d')}@{sso.domain}"
    sso.log_in(browser, email)
    with tenant_context(sso.cast.elsewhere.id):
        user = User.objects.get(email=email)
        Membership.objects.create(tenant=sso.cast.elsewhere, user=user, role=Role.VIEWER)
    theirs = f"/t/{sso.cast.elsewhere.slug}/"
    assert browser.get(theirs).status_code == 200
    with tenant_context(sso.cast.elsewhere.id):
        tenant = sso.cast.elsewhere
        tenant.requires_sso = True
        tenant.save()
    assert browser.get(theirs)["Location"].startswith(f"/sso/{sso.cast.elsewhere.slug}/")


def test_the_owner_may_break_the_glass_with_a_second_step(sso: Desk) -> None:
    _set(sso.cast, requires_sso=True)
    base = f"/t/{sso.cast.tenant.slug}/"
    answer = signed_in(sso.cast.alice).get(base)
    assert (answer.status_code, answer["Location"]) == (302, "/account/2fa/")
    assert _with_second_step(sso.cast.alice).get(base).status_code == 200
    assert _with_second_step(sso.cast.bob).get(base)["Location"].startswith(sso.start)


def test_members_without_a_second_step_are_sent_to_set_one_up(sso: Desk) -> None:
    _set(sso.cast, requires_mfa=True)
    base = f"/t/{sso.cast.tenant.slug}/"
    assert signed_in(sso.cast.bob).get(base)["Location"] == "/account/2fa/"
    assert _with_second_step(sso.cast.bob).get(base).status_code == 200
    Authenticator.objects.create(user=sso.cast.bob, type=Authenticator.Type.TOTP, data={"secret": "x"})
    answer = signed_in(sso.cast.bob).get(base)
    assert answer["Location"].startswith("/account/2fa/reauthenticate/?next=")


@pytest.mark.parametrize("counts", [True, False])
def test_single_sign_on_is_a_second_step_where_the_tenant_says_so(sso: Desk, *, counts: bool) -> None:
    _set(sso.cast, requires_mfa=True, sso_counts_as_mfa=counts)
    browser = Client()
    onward = sso.log_in(browser, f"{unique('d')}@{sso.domain}")["Location"]
    assert (browser.get(onward).status_code == 200) is counts


def test_nobody_is_locked_out_by_a_provider_that_is_not_there(cast: Cast) -> None:
    with pytest.raises(Refused) as refused:
        _set(cast, requires_sso=True)
    assert refused.value.refusal is refusals.CONFLICT


def test_the_owner_alone_says_what_members_need(sso: Desk) -> None:
    admin = sso.cast.join("ada", Role.ADMIN)
    page = f"/t/{sso.cast.tenant.slug}/sso/policy/"
    assert signed_in(admin).post(page, {"requires_mfa": "on"}).status_code == 403
    assert signed_in(sso.cast.alice).post(page, {"requires_mfa": "on"}).status_code == 302
    with tenant_context(sso.cast.tenant.id):
        assert type(sso.cast.tenant).objects.get().requires_mfa


def test_discovery_tells_of_the_domain_and_of_no_account(sso: Desk) -> None:
    known, unknown = f"{unique('d')}@{sso.domain}", f"{unique('d')}@{sso.domain}"
    sso.log_in(Client(), known)
    pages = [Client().post("/sso/", {"email": email}) for email in (known, unknown)]
    assert [page.status_code for page in pages] == [200, 200]
    assert all("http-equiv" in page.content.decode() for page in pages)
    elsewhere = Client().post("/sso/", {"email": sso.cast.alice.email})
    assert elsewhere.status_code == 422
    assert "Nobody has set up single sign-on" in elsewhere.content.decode()
    assert Client().post("/sso/", {"email": "nobody"}).status_code == 422
