"""Somebody closes their account: they are put out of every tenant, and nothing of theirs names them any more."""

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Cause, Deprovision, Membership, Role, User
from tenants.services.api_keys import actor_for_api_key, api_key_issue
from tenants.services.closing import DOMAIN, account_close, closings_finish
from tests.conftest import Cast
from tests.console.visitor import PASSWORD, Visitor, confirmed, signed_up

PAGE = "/account/close/"


def _joined(cast: Cast, email: str, role: Role = Role.ADMIN) -> tuple[User, str]:
    user = User.objects.get(email=email)
    for tenant in (cast.tenant, cast.elsewhere):
        with tenant_context(tenant.id):
            Membership.objects.create(tenant=tenant, user=user, role=role)
    with tenant_context(cast.tenant.id):
        _, secret = api_key_issue(actor=cast.acting_inside(user, cast.tenant), name="deploys", role=Role.VIEWER)
    return user, secret


def test_an_account_is_closed_with_all_that_its_person_held(cast: Cast) -> None:
    visitor, email = confirmed("Dora")
    user, secret = _joined(cast, email)
    closed = visitor.post(PAGE, {"confirmation": email})
    assert "Your account is closed." in closed.content.decode()
    assert visitor.whoami() is None
    for tenant in (cast.tenant, cast.elsewhere):
        with tenant_context(tenant.id):
            receipt = Deprovision.objects.get(user=user)
            assert (receipt.cause, receipt.email) == (Cause.ACCOUNT_CLOSED, email)
            assert not Membership.objects.filter(user=user).exists()
    with pytest.raises(Refused):
        actor_for_api_key(secret)
    user.refresh_from_db()
    assert (user.email, user.name, user.is_active) == (f"{user.pk}@{DOMAIN}", "Closed account", False)
    assert not EmailAddress.objects.filter(user=user).exists()
    assert not UserSession.objects.filter(user=user).exists()
    assert Visitor().sign_in(email).status_code == 200  # the form again: whether there was an account is not told


def test_the_address_can_make_a_new_account(cast: Cast) -> None:
    visitor, email = confirmed("Dora")
    visitor.post(PAGE, {"confirmation": email})
    again = Visitor()
    again.post("/account/signup/", {"name": "Dora", "email": email, "password1": PASSWORD})
    assert User.objects.filter(email=email).count() == 1


def test_who_did_not_just_show_that_it_is_them_is_asked_first(cast: Cast) -> None:
    visitor, email = signed_up("Dora")
    UserSession.objects.filter(user__email=email).update(last_seen_at=timezone.now())
    session = visitor.client.session
    session["account_authentication_methods"] = [{"method": "password", "at": 0, "email": email}]
    session.save()
    assert visitor.client.get(PAGE)["Location"].startswith("/account/reauthenticate/")
    assert visitor.client.get(PAGE, follow=True).status_code == 200
    assert User.objects.get(email=email).is_active


@pytest.mark.parametrize("typed", ["", "somebody@example.com", " ", "\0"])
def test_another_name_closes_nothing(cast: Cast, typed: str) -> None:
    visitor, email = confirmed("Dora")
    assert visitor.post(PAGE, {"confirmation": typed}).status_code == 422
    assert User.objects.get(email=email).is_active


def test_who_owns_a_tenant_transfers_it_first(cast: Cast) -> None:
    visitor, email = confirmed("Dora")
    visitor.post("/t/new/", {"name": "Hers"})
    refused = visitor.post(PAGE, {"confirmation": email})
    assert refused.status_code == 422
    assert "You own Hers" in refused.content.decode()
    user = User.objects.get(email=email)
    assert user.is_active
    with pytest.raises(Refused) as refusal:
        account_close(user=user)
    assert refusal.value.refusal is refusals.CONFLICT


def test_strangers_close_nothing() -> None:
    assert "/account/login/" in Visitor().client.get(PAGE)["Location"]
    assert Visitor().client.post(PAGE, {"confirmation": "x"}).status_code == 403  # without the token of a form


def test_a_sweep_finishes_what_was_cut_short(cast: Cast) -> None:
    _visitor, email = signed_up("Dora")
    user, _ = _joined(cast, email)
    User.objects.filter(pk=user.pk).update(closed_at=timezone.now(), is_active=False)
    assert closings_finish() >= 1
    user.refresh_from_db()
    assert user.email.endswith(f"@{DOMAIN}")
    with tenant_context(cast.tenant.id):
        assert not Membership.objects.filter(user=user).exists()
    assert closings_finish() == 0
