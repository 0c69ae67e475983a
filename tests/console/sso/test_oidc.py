"""Coming in at an OpenID provider: whoever it vouches for, and nobody by a token that is not quite right."""

import base64
import hashlib
import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from core.tenancy import tenant_context
from tenants.models import AuditEvent, Group, Membership, Role, SsoIdentity, User
from tenants.sso.refreshing import refreshed
from tests.conftest import make_user, unique
from tests.console.sso.conftest import Desk, person_in
from tests.sso_provider import KEY, OTHER_KEY, OpenId, connection_made, domain_held, signed


def _text(response: HttpResponse) -> str:
    return response.content.decode()


def _email(sso: Desk) -> str:
    return f"{unique('dora')}@{sso.domain}"


def test_somebody_new_becomes_a_member(sso: Desk) -> None:
    browser, email = Client(), _email(sso)
    answer = sso.log_in(browser, email, name="Dora", email_verified=True)
    assert (answer.status_code, answer["Location"]) == (302, f"/t/{sso.cast.tenant.slug}/")
    assert person_in(browser) == User.objects.get(email=email)
    assert User.objects.get(email=email).name == "Dora"
    assert not User.objects.get(email=email).has_usable_password()
    membership = sso.membership(email)
    assert membership is not None
    assert membership.role == Role.VIEWER
    assert EmailAddress.objects.get(email=email).verified
    assert browser.get(f"/t/{sso.cast.tenant.slug}/").status_code == 200
    assert sso.refreshed().last_login_at is not None


def test_it_is_in_the_audit_log_of_that_tenant(sso: Desk) -> None:
    email = _email(sso)
    sso.log_in(Client(), email)
    with tenant_context(sso.cast.tenant.id):
        event = AuditEvent.objects.get(action="session.began")
        assert (event.target_name, event.changes) == (email, [["provider", None, sso.connection.name]])
        assert (event.actor_kind, event.actor_name) == ("member", email)


def test_the_request_is_what_openid_connect_asks_for(sso: Desk) -> None:
    asked = sso.begun(Client())
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "openid email profile"
    assert asked["redirect_uri"].endswith(f"{sso.base}/callback")
    assert len(asked["nonce"]) == len(asked["state"]) == 43


def test_whoever_comes_again_is_the_same_whatever_the_provider_calls_them_now(sso: Desk) -> None:
    email = _email(sso)
    sso.log_in(Client(), email, sub="stays")
    browser = Client()
    sso.log_in(browser, _email(sso), sub="stays")
    assert person_in(browser) == User.objects.get(email=email)


def test_a_member_who_was_there_before_is_linked_by_their_address(sso: Desk) -> None:
    user = make_user("erin")
    user.email = _email(sso)
    user.set_password("a password of somebody's")
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    with tenant_context(sso.cast.tenant.id):
        Membership.objects.create(tenant=sso.cast.tenant, user=user, role=Role.DEVELOPER)
    browser = Client()
    sso.log_in(browser, user.email.upper())
    assert person_in(browser) == user
    membership = sso.membership(user.email)
    assert membership is not None
    assert membership.role == Role.DEVELOPER
    assert User.objects.get(pk=user.pk).has_usable_password()


def test_whoever_signed_up_with_an_address_and_never_proved_it_keeps_no_way_in(sso: Desk) -> None:
    squatter = make_user("mallory")
    squatter.email = _email(sso)
    squatter.set_password("known to the squatter")
    squatter.save()
    EmailAddress.objects.create(user=squatter, email=squatter.email, verified=False, primary=True)
    sso.log_in(Client(), squatter.email)
    assert not User.objects.get(pk=squatter.pk).has_usable_password()
    assert EmailAddress.objects.get(user=squatter).verified


def test_the_page_that_somebody_wanted_comes_after(sso: Desk) -> None:
    wanted = f"/t/{sso.cast.tenant.slug}/team/?q=a"
    assert sso.log_in(Client(), _email(sso), onward=wanted)["Location"] == wanted


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:1"])
def test_nobody_is_led_elsewhere_after_signing_in(sso: Desk, elsewhere: str) -> None:
    assert sso.log_in(Client(), _email(sso), onward=elsewhere)["Location"] == f"/t/{sso.cast.tenant.slug}/"


def test_roles_follow_the_groups_up_and_down(sso: Desk) -> None:
    roles = [{"group": "ops", "role": "admin"}, {"group": "dev", "role": "developer"}]
    with tenant_context(sso.cast.tenant.id):
        sso.connection.roles = roles
        sso.connection.save()
    email = _email(sso)
    for groups, role in ((["dev", "ops"], "admin"), ("dev", "developer"), (["none"], "viewer"), (["ops"], "admin")):
        sso.log_in(Client(), email, groups=groups)
        membership = sso.membership(email)
        assert membership is not None
        assert membership.role == role
    with tenant_context(sso.cast.tenant.id):
        assert [group.name for group in Group.objects.filter(members__membership__user__email=email)] == ["ops"]
        assert SsoIdentity.objects.get(user__email=email).groups == ["ops"]


def test_no_group_makes_an_owner_and_the_owner_stays_one(sso: Desk) -> None:
    sso.cast.alice.email = _email(sso)
    sso.cast.alice.save()
    with tenant_context(sso.cast.tenant.id):
        sso.connection.roles = [{"group": "ops", "role": "admin"}]
        sso.connection.save()
    sso.log_in(Client(), sso.cast.alice.email, groups=["ops"])
    membership = sso.membership(sso.cast.alice.email)
    assert membership is not None
    assert membership.role == Role.OWNER


def test_claims_that_the_id_token_lacks_come_from_userinfo(sso: Desk) -> None:
    browser, email = Client(), _email(sso)
    asked = sso.begun(browser)
    sso.provider.issues(asked["nonce"], sub="u-1")
    sso.provider.says("/userinfo", {"sub": "u-1", "email": email, "groups": ["a"], "iss": "https://evil.example"})
    assert sso.back(browser).status_code == 302
    assert person_in(browser) == User.objects.get(email=email)


def test_userinfo_of_somebody_else_is_refused(sso: Desk) -> None:
    browser = Client()
    asked = sso.begun(browser)
    sso.provider.issues(asked["nonce"], sub="u-1")
    sso.provider.says("/userinfo", {"sub": "u-2", "email": _email(sso)})
    assert sso.back(browser).status_code == 400
    assert person_in(browser) is None


NOW = int(time.time())
WRONG: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "issuer": {"iss": "https://evil.example"},
    "issuer, but for a slash": {"iss": "{issuer}/"},
    "no issuer": {"iss": None},
    "audience": {"aud": "another-client"},
    "no audience": {"aud": None},
    "authorized party": {"azp": "another-client"},
    "several audiences and no party": {"aud": ["armstrong", "another-client"]},
    "expired": {"exp": NOW - 3600},
    "no expiry": {"exp": None},
    "expiry that is a text": {"exp": "tomorrow"},
    "issued long ago": {"iat": NOW - 7200},
    "issued tomorrow": {"iat": NOW + 86400},
    "no subject": {"sub": None},
    "empty subject": {"sub": ""},
    "subject that is a number": {"sub": 7},
    "subject with a null": {"sub": "a\0b"},
    "hash of another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "another key": {"key": OTHER_KEY},
    "unverified address": {"email_verified": False},
    "unverified address, as a text": {"email_verified": "false"},
    "no address": {"email": None},
    "what is no address": {"email": "dora"},
    "address with a line break": {"email": "dora@{domain}\nbcc: x"},
    "address at another domain": {"email": "ceo@other.example"},
    "address that hides another": {"email": "ceo@other.example@{domain}"},
    "address of a subdomain": {"email": "dora@sub.{domain}"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_token_that_is_not_quite_right_lets_nobody_in(sso: Desk, wrong: dict[str, Any]) -> None:
    def filled(value: Any) -> Any:
        return value.format(issuer=sso.provider.issuer, domain=sso.domain) if isinstance(value, str) else value

    browser, before = Client(), User.objects.count()
    answer = sso.log_in(browser, _email(sso), **{name: filled(value) for name, value in wrong.items()})
    assert answer.status_code == 400
    assert person_in(browser) is None
    assert User.objects.count() == before
    assert sso.refreshed().last_error


def test_the_right_half_of_an_access_tokens_hash_is_taken(sso: Desk) -> None:
    half = base64.urlsafe_b64encode(hashlib.sha256(b"opaque").digest()[:16]).rstrip(b"=").decode()
    assert sso.log_in(Client(), _email(sso), at_hash=half).status_code == 302


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_a_token_without_a_key_pairs_signature_lets_nobody_in(sso: Desk, alg: str) -> None:
    browser = Client()
    asked = sso.begun(browser)
    token = sso.provider.issues(asked["nonce"], email=_email(sso))
    body = token.split(".")[1]
    head = base64.urlsafe_b64encode(f'{{"alg":"{alg}"}}'.encode()).rstrip(b"=").decode()
    sso.provider.says("/token", {"token_type": "Bearer", "access_token": "a", "id_token": f"{head}.{body}."})
    assert sso.back(browser).status_code == 400
    assert person_in(browser) is None


ANSWERS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer, though it promises one": {"iss": None},
    "no code": {"code": None},
    "an error": {"code": None, "error": "access_denied"},
    "another state": {"state": "another"},
    "no state": {"state": None},
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_that_is_not_quite_right_lets_nobody_in(sso: Desk, answer: dict[str, Any]) -> None:
    browser = Client()
    asked = sso.begun(browser)
    sso.provider.issues(asked["nonce"], email=_email(sso))
    assert sso.back(browser, **answer).status_code == 400
    assert person_in(browser) is None


def test_an_answer_counts_once_and_in_the_browser_that_asked(sso: Desk) -> None:
    browser, stranger = Client(), Client()
    asked = sso.begun(browser)
    sso.provider.issues(asked["nonce"], email=_email(sso))
    assert sso.back(stranger).status_code == 400
    assert person_in(stranger) is None
    assert sso.back(browser).status_code == 302
    assert sso.back(browser).status_code == 400


def test_an_answer_that_says_something_twice_is_refused(sso: Desk) -> None:
    browser = Client()
    asked = sso.begun(browser)
    sso.provider.issues(asked["nonce"], email=_email(sso))
    answer = browser.get(f"{sso.base}/callback?state={asked['state']}&code=a&code=b&iss={sso.provider.issuer}")
    assert answer.status_code == 400


def test_an_answer_for_one_connection_does_not_do_at_another(sso: Desk) -> None:
    other = connection_made(sso.cast, "oidc", sso.provider.draft)
    browser = Client()
    begun = browser.get(f"{sso.start}{sso.connection.pk}/").content.decode()
    state = begun.partition("state=")[2].partition("&")[0]
    answer = browser.get(f"/sso/connections/{sso.cast.tenant.id}/{other.pk}/callback?state={state}&code=a")
    assert answer.status_code == 400


def test_a_tenant_speaks_for_its_own_domains_alone(sso: Desk) -> None:
    """Charlie's provider vouches for a person at Alice's domain, and for an account that is there already."""
    charlies = domain_held(sso.cast.elsewhere)
    victim = _email(sso)
    sso.log_in(Client(), victim)
    connection = connection_made(
        sso.cast, "oidc", sso.provider.draft, owner=sso.cast.charlie, tenant=sso.cast.elsewhere
    )
    theirs = Desk(_elsewhere(sso), sso.provider, charlies, connection)
    for email in (victim, _email(sso), sso.cast.alice.email):
        browser = Client()
        assert theirs.log_in(browser, email, email_verified=True).status_code == 400
        assert person_in(browser) is None


def _elsewhere(sso: Desk) -> Any:
    return type(sso.cast)(sso.cast.elsewhere, sso.cast.tenant, sso.cast.charlie, sso.cast.bob, sso.cast.alice)


def test_who_is_linked_stays_out_when_the_tenant_gives_their_domain_up(sso: Desk) -> None:
    email = _email(sso)
    sso.log_in(Client(), email, sub="linked")
    user = User.objects.get(email=email)
    user.email = f"{unique('private')}@other.example"
    user.save()
    browser = Client()
    assert sso.log_in(browser, email, sub="linked").status_code == 400
    assert person_in(browser) is None


def test_a_member_who_was_deactivated_stays_out(sso: Desk) -> None:
    email = _email(sso)
    sso.log_in(Client(), email)
    with tenant_context(sso.cast.tenant.id):
        Membership.objects.filter(user__email=email).update(deactivated_at=timezone.now())
    browser = Client()
    assert sso.log_in(browser, email).status_code == 400
    assert person_in(browser) is None


def test_a_connection_that_makes_no_members_lets_members_in_alone(sso: Desk) -> None:
    with tenant_context(sso.cast.tenant.id):
        sso.connection.makes_members = False
        sso.connection.save()
    email = _email(sso)
    answer = sso.log_in(Client(), email)
    assert answer.status_code == 400
    assert "invite them" in _text(answer)
    assert not User.objects.filter(email=email).exists()


def test_a_connection_that_is_off_lets_nobody_in(sso: Desk) -> None:
    browser = Client()
    asked = sso.begun(browser)
    sso.provider.issues(asked["nonce"], email=_email(sso))
    with tenant_context(sso.cast.tenant.id):
        sso.connection.is_enabled = False
        sso.connection.save()
    assert sso.back(browser).status_code == 404
    assert Client().get(sso.start).status_code == 404
    assert Client().get(f"{sso.start}{sso.connection.pk}/").status_code == 404
    assert person_in(browser) is None


def test_a_session_of_before_is_not_carried_into_the_one_that_begins(sso: Desk) -> None:
    browser = Client()
    sso.begun(browser)
    before = browser.session.session_key
    sso.provider.issues(sso.asked["nonce"], email=_email(sso))
    sso.back(browser)
    assert browser.session.session_key != before


def test_a_new_key_of_the_providers_is_looked_up(sso: Desk) -> None:
    sso.log_in(Client(), _email(sso))
    sso.provider.has_keys(KEY, OTHER_KEY)
    assert sso.log_in(Client(), _email(sso), key=OTHER_KEY).status_code == 302


def test_a_provider_that_is_away_is_named(sso: Desk) -> None:
    browser = Client()
    sso.begun(browser)
    sso.provider.says("/token", {}, status=503)
    answer = sso.back(browser)
    assert answer.status_code == 400
    assert "127.0.0.1 answered 503" in _text(answer)


def test_the_secret_stands_on_no_page_and_in_no_row_as_it_is(sso: Desk) -> None:
    row = sso.refreshed()
    assert "a secret" not in f"{row.config}{row.sealed}"


def test_the_token_endpoint_is_asked_with_proof_and_secret(sso: Desk) -> None:
    sso.log_in(Client(), _email(sso))
    assert f"{sso.provider.issuer.removeprefix(sso.provider.host.origin)}/token" in sso.provider.host.asked


def test_two_providers_are_a_choice(sso: Desk) -> None:
    second = connection_made(sso.cast, "oidc", OpenId.at(sso.provider.host).draft)
    page = _text(Client().get(f"{sso.start}?next=/t/"))  # type: ignore[arg-type]
    assert f"{sso.start}{second.pk}/?next=/t/" in page
    assert second.name in page


def test_a_token_for_another_use_is_none(sso: Desk) -> None:
    browser = Client()
    asked = sso.begun(browser)
    sso.provider.says("/token", {"token_type": "Bearer", "access_token": "a", "id_token": signed({"sub": "s"})})
    assert asked
    assert sso.back(browser).status_code == 400


def test_what_the_provider_says_of_itself_is_looked_at_again(sso: Desk) -> None:
    tenant_id = sso.cast.tenant.id
    assert not refreshed(tenant_id, sso.connection.pk)
    sso.provider.publishes(end_session_endpoint=None)
    assert refreshed(tenant_id, sso.connection.pk)
    assert "end_session_endpoint" not in sso.refreshed().config["provider"]
    sso.provider.publishes(issuer="https://evil.example")
    assert not refreshed(tenant_id, sso.connection.pk)
    assert "another issuer" in sso.refreshed().last_error
    assert sso.log_in(Client(), _email(sso)).status_code == 302
