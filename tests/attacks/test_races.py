"""What is good once, tried by several at one moment."""

import re

from django.test import Client

from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import ClientGrant, Membership, RefreshToken, Role
from tenants.services.tenants import tenant_transfer
from tests.attacks.conftest import Stage
from tests.conftest import Cast, unique
from tests.console.conftest import signed_in
from tests.console.oauth.flows import Flow, question_on
from tests.console.sso.conftest import Desk
from tests.console.test_scim import provider_of
from tests.races import at_once

AT_ONCE = 4


def test_a_stampede_of_refreshes_brings_one_successor(flow: Flow, person: Client) -> None:
    token = flow.tokens(person)["refresh_token"]
    answers = at_once(*[lambda: flow.refresh(token)] * AT_ONCE)
    bodies = [answer.json() for answer in answers if not isinstance(answer, Refused)]
    assert len({body["refresh_token"] for body in bodies}) == 1
    with flow.inside():
        assert RefreshToken.objects.filter(grant__client__client_id=flow.client_id).count() == 2
    assert flow.refresh(bodies[0]["refresh_token"]).status_code == 200


def test_a_code_that_several_bring_at_once_lets_one_in_and_then_nobody(flow: Flow, person: Client) -> None:
    code = flow.code(person)
    answers = at_once(*[lambda: flow.redeem(code)] * AT_ONCE)
    good = [answer.json() for answer in answers if not isinstance(answer, Refused) and answer.status_code == 200]
    assert len(good) == 1
    assert flow.refresh(good[0]["refresh_token"]).status_code == 400


def test_a_question_that_is_answered_several_times_at_once_counts_once(flow: Flow, person: Client) -> None:
    said = {"question": question_on(flow.asked(person)), "answer": "allow"}
    browsers = [Client() for _ in range(AT_ONCE)]
    for browser in browsers:
        browser.cookies = person.cookies
    answers = at_once(*[lambda one=one: one.post(f"{flow.base}/consent", said) for one in browsers])
    assert sorted(answer.status_code for answer in answers if not isinstance(answer, Refused)) == [200, 410, 410, 410]
    with flow.inside():
        assert ClientGrant.objects.filter(client__client_id=flow.client_id).count() == 1


def test_a_logout_token_that_several_bring_at_once_counts_once(stage: Stage) -> None:
    said = {"logout_token": stage.sso.provider.logout_token(sid="a-session")}
    answers = at_once(*[lambda: Client().post(f"{stage.sso.base}/backchannel-logout", said)] * AT_ONCE)
    assert sorted(answer.status_code for answer in answers if not isinstance(answer, Refused)) == [200, 400, 400, 400]


def test_an_answer_of_a_provider_that_comes_twice_at_once_lets_one_session_in(sso: Desk) -> None:
    browser, email = Client(), f"{unique('dora')}@{sso.domain}"
    asked = sso.begun(browser)
    sso.provider.issues(asked["nonce"], email=email, sub="a-subject")
    twin = Client()
    twin.cookies = browser.cookies
    answers = at_once(lambda: sso.back(browser), lambda: sso.back(twin))
    assert all(isinstance(answer, Refused) or answer.status_code in {302, 400, 409} for answer in answers)
    with tenant_context(sso.cast.tenant.id):
        assert Membership.objects.filter(user__email=email).count() == 1


def test_a_tenant_has_an_owner_whatever_comes_at_once(cast: Cast) -> None:
    """The console hands the tenant to somebody whom the provider puts out at that moment."""
    provider = provider_of(cast)
    known = provider.user(cast.bob.email)
    actor = cast.acting(cast.alice)

    def hand_over() -> None:
        with tenant_context(cast.tenant.id):
            tenant_transfer(actor=actor, to_user_id=cast.bob.pk)

    at_once(hand_over, lambda: provider.send("DELETE", f"/Users/{known}"))
    with tenant_context(cast.tenant.id):
        assert [one.deactivated_at for one in Membership.objects.filter(role=Role.OWNER)] == [None]


def test_a_session_is_another_after_signing_in(sso: Desk) -> None:
    """Session fixation: what somebody planted in a browser is worth nothing once its owner has signed in."""
    browser = Client()
    sso.begun(browser)
    planted = browser.session.session_key
    email = f"{unique('dora')}@{sso.domain}"
    sso.provider.issues(sso.asked["nonce"], email=email, sub="a-subject")
    assert sso.back(browser).status_code == 302
    assert browser.session.session_key != planted
    thief = Client()
    thief.cookies["sessionid"] = str(planted)
    assert thief.get("/home/").status_code == 302


def test_a_consent_page_stands_in_no_frame(flow: Flow, person: Client) -> None:
    page = flow.asked(person)
    assert re.search(r"frame-ancestors 'none'", page["Content-Security-Policy"])
    assert page["X-Frame-Options"] == "DENY"
    assert "no-store" in page["Cache-Control"]


def test_a_question_that_another_member_stole_is_not_theirs_to_answer(cast: Cast, flow: Flow, person: Client) -> None:
    said = {"question": question_on(flow.asked(person)), "answer": "allow"}
    assert signed_in(cast.alice).post(f"{flow.base}/consent", said).status_code == 410
