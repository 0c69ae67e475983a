"""Sessions of members as a tenant sees and ends them, and the mail of a browser that is new."""

import re

import pytest
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client
from pytest_django import Settings

from console.devices import COOKIE
from core.tenancy import tenant_context
from tenants.models import AuditEvent, KnownDevice, MemberSession, Membership, Role, User
from tenants.services.devices import MAXIMUM_DEVICES, SUBJECT, device_met
from tests.conftest import Cast, make_user
from tests.console.api.conftest import Keys, keys
from tests.console.conftest import signed_in
from tests.console.visitor import Visitor, signed_up

__all__ = ["keys"]


def _rows(cast: Cast) -> list[MemberSession]:
    with tenant_context(cast.tenant.id):
        return list(MemberSession.objects.all())


def test_who_manages_members_sees_their_sessions_and_ends_them(
    cast: Cast, alice: Client, bob: Client, base: str
) -> None:
    assert bob.get(f"{base}/", headers={"User-Agent": "Firefox/140.0 (Linux)"}).status_code == 200
    page = alice.get(f"{base}/team/sessions/").text
    assert cast.bob.email in page
    assert "Firefox on Linux" in page
    (row,) = [row for row in _rows(cast) if row.user_id == cast.bob.pk]
    assert alice.post(f"{base}/team/sessions/{row.pk}/end/").status_code == 302
    assert "/account/login/" in bob.get(f"{base}/")["Location"]
    assert cast.bob.email not in alice.get(f"{base}/team/sessions/").text
    assert alice.post(f"{base}/team/sessions/{row.pk}/end/").status_code == 404
    with tenant_context(cast.tenant.id):
        assert AuditEvent.objects.filter(action="session.ended", target_name=cast.bob.email).exists()


def test_sessions_that_are_over_are_not_listed(cast: Cast, alice: Client, bob: Client, base: str) -> None:
    bob.get(f"{base}/")
    bob.logout()
    assert cast.bob.email not in alice.get(f"{base}/team/sessions/").text


def test_a_tenant_sees_no_session_that_was_never_in_it(cast: Cast, alice: Client, bob: Client, base: str) -> None:
    with tenant_context(cast.elsewhere.id):
        Membership.objects.create(tenant=cast.elsewhere, user=cast.bob, role=Role.VIEWER)
    assert bob.get(f"/t/{cast.elsewhere.slug}/").status_code == 200
    assert not [row for row in _rows(cast) if row.user_id == cast.bob.pk]
    assert cast.bob.email not in alice.get(f"{base}/team/sessions/").text


def test_a_session_that_ends_here_goes_on_in_other_tenants(
    cast: Cast, alice: Client, charlie: Client, bob: Client, base: str
) -> None:
    """Who manages one tenant has no say in what its members do in others."""
    with tenant_context(cast.elsewhere.id):
        Membership.objects.create(tenant=cast.elsewhere, user=cast.bob, role=Role.VIEWER)
    other = f"/t/{cast.elsewhere.slug}"
    second = signed_in(cast.bob)
    for browser in (bob, second):
        assert [browser.get(f"{each}/").status_code for each in (base, other)] == [200, 200]
    own = UserSession.objects.get(session_key=bob.session.session_key)
    (row,) = [row for row in _rows(cast) if row.session == own.pk]
    assert alice.post(f"{base}/team/sessions/{row.pk}/end/").status_code == 302
    assert alice.post(f"{base}/team/sessions/{row.pk}/end/").status_code == 404
    assert str(row.pk) not in alice.get(f"{base}/team/sessions/").text
    assert charlie.get(f"{other}/team/sessions/").text.count(f"the session of {cast.bob.email}") == 2
    assert bob.get(f"{other}/").status_code == second.get(f"{base}/").status_code == 200
    authorize = f"/oauth/{cast.tenant.pk}/authorize?client_id=x"
    assert bob.get(authorize)["Location"].startswith("/account/login/")
    # Who is asked to sign in again does so once, for everything.
    for place in (f"{base}/", f"{other}/"):
        assert bob.get(place)["Location"].startswith("/account/login/")
    bob.force_login(cast.bob)
    assert [bob.get(f"{each}/").status_code for each in (base, other)] == [200, 200]


def test_others_see_and_end_nothing(cast: Cast, alice: Client, bob: Client, charlie: Client, base: str) -> None:
    alice.get(f"{base}/")
    row = _rows(cast)[0]
    for browser, status in ((bob, 403), (charlie, 404)):
        assert browser.get(f"{base}/team/sessions/").status_code == status
        assert browser.post(f"{base}/team/sessions/{row.pk}/end/").status_code == status
    adam = signed_in(cast.join("adam", Role.ADMIN))
    assert adam.post(f"{base}/team/sessions/{row.pk}/end/").status_code == 403  # the owner's
    assert adam.get(f"{base}/team/sessions/{row.pk}/end/").status_code == 405
    assert alice.get(f"{base}/").status_code == 200


def test_the_same_over_the_api(cast: Cast, keys: Keys, bob: Client, base: str) -> None:
    bob.get(f"{base}/")
    listed = keys.admin.get("/sessions").body["items"]
    (row,) = [row for row in listed if row["email"] == cast.bob.email]
    assert (row["by_sso"], row["address"]) == (False, "127.0.0.1")
    assert keys.developer.get("/sessions").code == "permission_denied"
    assert keys.developer.delete(f"/sessions/{row['id']}").code == "permission_denied"
    assert keys.admin.delete(f"/sessions/{row['id']}").status == 204
    assert keys.admin.delete(f"/sessions/{row['id']}").code == "not_found"
    assert "/account/login/" in bob.get(f"{base}/")["Location"]


def _news(email: str) -> list[str]:
    return [str(message.body) for message in mail.outbox if message.to == [email] and message.subject == SUBJECT]


def test_a_browser_that_is_new_is_told_of_by_mail(settings: Settings) -> None:
    visitor, email = signed_up("Dora")
    assert _news(email) == []  # the first of all
    assert visitor.client.cookies[COOKIE]["httponly"]
    other = Visitor()
    other.sign_in(email)
    (told,) = _news(email)
    assert "Firefox on Linux" in told
    assert re.search(r"From +10\.\d+\.\d+\.\d+", told)
    assert re.search(r"At +\d+ \w+ \d{4}, \d\d:\d\d UTC", told)
    assert f"{settings.CONSOLE_URL}/account/sessions/" in told
    # Neither the same browser again, nor the one from before.
    for known in (other, visitor):
        known.client.post("/account/logout/")
        known.sign_in(email)
    assert len(_news(email)) == 1


@pytest.mark.parametrize("token", ["", "guessed", "x" * 5000, "\N{SNOWMAN}"])
def test_a_token_that_nobody_was_given_is_not_taken_over(token: str) -> None:
    user = make_user("dora")
    device_met(user=user, token="", address="192.0.2.1", browser="A")
    kept = device_met(user=user, token=token, address="192.0.2.1", browser="B")
    assert kept != token
    assert len(_news(user.email)) == 1


def test_one_browser_may_be_two_peoples() -> None:
    one, other = make_user("one"), make_user("other")
    token = device_met(user=one, token="", address="192.0.2.1", browser="A")
    assert device_met(user=other, token=token, address="192.0.2.1", browser="A") == token
    assert device_met(user=one, token=token, address="192.0.2.1", browser="A") == token
    assert _news(one.email) == _news(other.email) == []


def test_devices_are_bounded_and_an_address_may_be_unknown() -> None:
    user = make_user("dora")
    for _ in range(MAXIMUM_DEVICES + 2):
        device_met(user=user, token="", address="", browser="A")
    assert KnownDevice.objects.filter(user=user).count() == MAXIMUM_DEVICES
    assert "an address that nobody can tell" in _news(user.email)[-1]


def test_a_mail_that_cannot_be_sent_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    _visitor, email = signed_up("Dora")

    def away(**_said: object) -> None:
        raise OSError

    monkeypatch.setattr("tenants.services.devices.send_mail", away)
    other = Visitor()
    other.sign_in(email)
    assert other.whoami() == User.objects.get(email=email)
    assert UserSession.objects.filter(user__email=email).count() == 2
