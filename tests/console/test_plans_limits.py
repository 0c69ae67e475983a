"""What a plan does not allow is refused where it is made, says what would allow it, and takes nothing that is there."""

import pytest
from django.test import Client

from billing.entitlements import entitlement_grant
from billing.plans.models import Standing
from billing.plans.selling import plan_on_sale
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Invitation, Membership, Role, ScimConnection, SsoConnection
from tenants.services import members
from tests.conftest import Cast, make_user
from tests.console.api.conftest import Keys, keys
from tests.console.sso.conftest import Desk, sso
from tests.console.test_scim import USER, provider_of
from tests.entitled import entitle_outside
from tests.races import at_once, refused_names
from tests.told_host import host

__all__ = ["host", "keys", "sso"]


def _invited(cast: Cast, name: str) -> Invitation:
    actor, person = cast.acting(cast.alice), make_user(name)
    with tenant_context(cast.tenant.id):
        return members.member_invite(actor=actor, email=person.email, role=Role.VIEWER)


def _members(cast: Cast) -> int:
    with tenant_context(cast.tenant.id):
        return Membership.objects.active().count()


def test_rights_that_a_plan_lacks_are_refused_and_the_plan_that_has_them_is_named(cast: Cast, keys: Keys) -> None:
    entitle_outside(cast.tenant.id, "developer")
    target = {"name": "SIEM", "url": "https://siem.example/in"}
    for answer, right, lifted_by in (
        (keys.owner.post("/sso/connections", name="Okta", kind="oidc"), "sso", "professional"),
        (keys.admin.post("/scim-connections", name="Okta"), "scim", "enterprise"),
        (keys.admin.get("/audit-events/export"), "audit_export", "professional"),
        (keys.owner.post("/audit-targets", **target), "audit_export", "professional"),
    ):
        assert (answer.status, answer.code) == (403, "not_in_plan")
        assert answer.body["entitlement"] == {"right": right, "plan": "developer", "lifted_by": lifted_by}
    with tenant_context(cast.tenant.id):
        assert not SsoConnection.objects.exists()
        assert not ScimConnection.objects.exists()


def test_a_page_says_what_the_plan_lacks(cast: Cast, alice: Client, base: str) -> None:
    entitle_outside(cast.tenant.id, "developer")
    page = alice.post(f"{base}/sso/new/", {"name": "Okta", "kind": "oidc"})
    assert "Your plan does not include single sign-on." in page.text
    assert "Your plan does not include exports" in alice.get(f"{base}/settings/audit/download/jsonl/").text


def test_what_is_there_goes_on_when_the_plan_lacks_it(sso: Desk) -> None:
    entitle_outside(sso.cast.tenant.id, "developer")
    answer = sso.log_in(Client(), f"{sso.cast.alice.pk.hex}@{sso.domain}")
    assert answer.status_code == 302
    with tenant_context(sso.cast.tenant.id):
        assert SsoConnection.objects.exists()


def test_a_provider_goes_on_provisioning_when_the_plan_lacks_it(cast: Cast) -> None:
    provider = provider_of(cast)
    entitle_outside(cast.tenant.id, "developer")
    assert provider.user(cast.bob.email)


def test_an_invitation_beyond_the_plan_is_refused_with_its_figures(cast: Cast, keys: Keys) -> None:
    entitle_outside(cast.tenant.id, "developer", members=3)
    _invited(cast, "dora")
    answer = keys.admin.post("/invitations", email=make_user("erin").email, role="viewer")
    assert (answer.status, answer.code) == (422, "limit_reached")
    assert "Your plan allows 3 members." in answer.body["detail"]
    assert answer.body["entitlement"] == {
        "limit": "members",
        "allowed": 3,
        "used": 3,
        "plan": "developer",
        "lifted_by": "professional",
    }


@pytest.mark.parametrize("limit", [3, 1])
def test_of_two_who_join_at_once_at_the_limit_one_does(
    cast: Cast, limit: int, mailoutbox: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    people, tokens = [make_user("dora"), make_user("erin")], iter(["first", "second"])
    monkeypatch.setattr("tenants.services.members.secrets.token_urlsafe", lambda _length: next(tokens))
    actor = cast.acting(cast.alice)
    for person in people:
        with tenant_context(cast.tenant.id):
            members.member_invite(actor=actor, email=person.email, role=Role.VIEWER)
    # The plan became smaller than what is there, or than what was invited: nobody is put out.
    entitle_outside(cast.tenant.id, members=limit)
    outcomes = at_once(
        lambda: members.invitation_accept(user=people[0], slug=cast.tenant.slug, token="first"),
        lambda: members.invitation_accept(user=people[1], slug=cast.tenant.slug, token="second"),
    )
    assert refused_names([*outcomes]) == ["limit_reached"] * (1 if limit == 3 else 2)
    assert _members(cast) == max(2, limit)


def test_nobody_comes_back_or_in_by_a_provider_beyond_the_plan(sso: Desk) -> None:
    cast = sso.cast
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        members.member_deactivate(actor=actor, user_id=cast.bob.pk)
    provider = provider_of(cast)
    entitle_outside(cast.tenant.id, members=1)
    with tenant_context(cast.tenant.id), pytest.raises(Refused, match="allows 1 members"):
        members.member_reactivate(actor=actor, user_id=cast.bob.pk)
    answer = sso.log_in(Client(), f"dora@{sso.domain}")
    assert answer.status_code != 302
    told = {"schemas": [USER], "userName": f"erin@{sso.domain}", "active": True}
    provisioned = provider.send("POST", "/Users", told)
    assert (provisioned.status_code, "allows 1 members" in provisioned.text) == (403, True)
    assert _members(cast) == 1


def test_an_upgrade_makes_room_at_once(cast: Cast) -> None:
    entitle_outside(cast.tenant.id, "developer", members=2)
    with tenant_context(cast.tenant.id):
        professional = plan_on_sale("professional")
        entitlement_grant(tenant_id=cast.tenant.id, plan=professional, standing=Standing.ACTIVE)
    _invited(cast, "dora")


def test_the_place_of_an_invitation_is_taken_until_it_expires(cast: Cast) -> None:
    entitle_outside(cast.tenant.id, members=3)
    invited = _invited(cast, "dora")
    with pytest.raises(Refused):
        _invited(cast, "erin")
    with tenant_context(cast.tenant.id):
        Invitation.objects.filter(pk=invited.pk).update(expires_at=invited.expires_at - members.INVITATION_LIFETIME)
    _invited(cast, "erin")
