"""Single sign-on becomes required: what began without it ends, and the page says so before."""

import pytest
from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from tenants.authorization import gate
from tenants.models import AuditEvent, ClientGrant, PublishedGate
from tenants.sso.policy import ENDED
from tests.conftest import Cast
from tests.console.conftest import signed_in
from tests.console.oauth.flows import Flow, error_of
from tests.console.oauth.test_devices import device_of
from tests.console.sso.conftest import Desk

SWITCH = {"requires_sso": "on"}


@pytest.fixture
def flow(cast: Cast, endpoint: Endpoint) -> Flow:
    """A public client."""
    made = Flow(cast.tenant, endpoint)
    assert made.register().status_code == 201
    return made


def _grants(cast: Cast) -> dict[str, str]:
    """Why each person's grant ended; empty: it stands."""
    with tenant_context(cast.tenant.id):
        return {grant.user.email: grant.revoked_reason for grant in ClientGrant.objects.select_related("user")}


def test_what_members_let_in_without_it_ends_and_the_owners_goes_on(sso: Desk, flow: Flow) -> None:
    cast, alice, bob, dora = sso.cast, signed_in(sso.cast.alice), signed_in(sso.cast.bob), Client()
    sso.log_in(dora, f"dora@{sso.domain}")
    with tenant_context(cast.tenant.id):
        sso.connection.__class__.objects.update(default_role="developer")
    fred = Client()
    sso.log_in(fred, f"fred@{sso.domain}")
    by_password, by_sso, owners = flow.tokens(bob), flow.tokens(fred), flow.tokens(alice)
    page = alice.get(f"/t/{cast.tenant.slug}/sso/").content.decode()
    assert "1 client of 1 member" in page
    assert "let in without it, ends at once" in page
    assert alice.post(f"/t/{cast.tenant.slug}/sso/policy/", SWITCH).status_code == 302
    assert _grants(cast) == {cast.bob.email: ENDED, f"fred@{sso.domain}": "", cast.alice.email: ""}
    assert error_of(flow.refresh(by_password["refresh_token"])) == "invalid_grant"
    assert flow.refresh(by_sso["refresh_token"]).status_code == 200
    assert flow.refresh(owners["refresh_token"]).status_code == 200
    with tenant_context(cast.tenant.id):
        told = gate.decode(bytes(PublishedGate.objects.get().document))
        ended = ClientGrant.objects.get(user=cast.bob)
        noted = AuditEvent.objects.get(action="policy.enforced")
    assert f"grant:{ended.pk}" in told.cutoffs
    assert ["grants ended", None, "1"] in noted.changes
    assert "/sso/" in bob.get(f"/t/{cast.tenant.slug}/")["Location"]
    assert dora.get(f"/t/{cast.tenant.slug}/").status_code == 200
    # Who comes again comes by it.
    assert "/sso/" in flow.asked(bob)["Location"]


def test_a_device_that_a_member_let_in_without_it_ends_too(sso: Desk, endpoint: Endpoint) -> None:
    cast, fred = sso.cast, Client()
    with tenant_context(cast.tenant.id):
        sso.connection.__class__.objects.update(default_role="developer")
    sso.log_in(fred, f"fred@{sso.domain}")
    devices = {person: device_of(cast, endpoint) for person in (signed_in(cast.bob), fred)}
    for person, device in devices.items():
        device.asks()
        assert device.answered(person).status_code == 200
    ended, kept = (device.polls().json() for device in devices.values())
    assert signed_in(cast.alice).post(f"/t/{cast.tenant.slug}/sso/policy/", SWITCH).status_code == 302
    assert _grants(cast) == {cast.bob.email: ENDED, f"fred@{sso.domain}": ""}
    by_password, by_sso = devices.values()
    assert error_of(by_password.refresh(ended["refresh_token"])) == "invalid_grant"
    assert by_sso.refresh(kept["refresh_token"]).status_code == 200


def test_nothing_ends_twice_or_when_it_is_no_longer_required(sso: Desk, flow: Flow) -> None:
    alice, base = signed_in(sso.cast.alice), f"/t/{sso.cast.tenant.slug}/sso/policy/"
    fred = Client()
    with tenant_context(sso.cast.tenant.id):
        sso.connection.__class__.objects.update(default_role="developer")
    sso.log_in(fred, f"fred@{sso.domain}")
    flow.tokens(fred)
    alice.post(base, SWITCH)
    session = alice.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": 4_102_444_800}]
    session.save()
    alice.post(base, SWITCH | {"requires_mfa": "on", "sso_counts_as_mfa": "on"})
    assert alice.post(base, {}).status_code == 302
    assert set(_grants(sso.cast).values()) == {""}
    with tenant_context(sso.cast.tenant.id):
        assert AuditEvent.objects.filter(action="policy.enforced").count() == 1


def test_it_is_not_required_while_nobody_could_come_by_it(cast: Cast, flow: Flow) -> None:
    bob = signed_in(cast.bob)
    flow.tokens(bob)
    assert signed_in(cast.alice).post(f"/t/{cast.tenant.slug}/sso/policy/", SWITCH).status_code == 422
    assert bob.post(f"/t/{cast.tenant.slug}/sso/policy/", SWITCH).status_code == 403
    assert set(_grants(cast).values()) == {""}
