"""How members of a tenant have to have signed in, and whether a session that comes fulfils it.

The owner may come with a password and a second step whatever is required, so that a provider which fails locks nobody
out for good. What began before single sign-on was required ends with that: sessions are asked for it at their next
page, and what members let clients do without it is over, but for the owner's.
"""

from enum import StrEnum
from typing import NamedTuple

from django.db.models import QuerySet

from core import refusals
from core.refusals import Refused
from tenants.access import Actor, Permission
from tenants.audit.recording import audit_note
from tenants.authorization.grants import alive, grant_end
from tenants.models import ClientGrant, Membership, Role, SsoConnection, Tenant

ENDED = "single sign-on became required"


class Demand(StrEnum):
    """What a session lacks before its holder may enter a tenant."""

    SSO = "sso"
    MFA = "mfa"
    SESSION = "session"


class SignedIn(NamedTuple):
    """How a session came about: by this tenant's provider, with a second step of ours."""

    by_sso: bool
    by_mfa: bool


def demand_of(tenant: Tenant, role: str, signed_in: SignedIn) -> Demand | None:
    """What is still asked of a member with `role`; None for nothing."""
    if tenant.requires_sso and not signed_in.by_sso:
        if role != Role.OWNER:
            return Demand.SSO
        return None if signed_in.by_mfa else Demand.MFA
    if tenant.requires_mfa and not signed_in.by_mfa and not (signed_in.by_sso and tenant.sso_counts_as_mfa):
        return Demand.MFA
    return None


def policy_set(*, actor: Actor, requires_sso: bool, requires_mfa: bool, sso_counts_as_mfa: bool) -> Tenant:
    """Says how members sign in. Runs inside the tenant's context; it holds from each session's next request on.

    Where single sign-on becomes required, what members let clients do without it ends, at every worker within a second.

    Raises Refused: CONFLICT for single sign-on without a connection that is enabled; PERMISSION_DENIED for all but
    the owner.
    """
    actor.require(Permission.TRANSFER_OR_DELETE)
    tenant = Tenant.objects.select_for_update(no_key=True).get(pk=actor.tenant.id)
    if requires_sso and not SsoConnection.objects.filter(is_enabled=True).exists():
        raise Refused(refusals.CONFLICT, "Enable a connection first: nobody could come in otherwise.")
    if requires_sso and not tenant.requires_sso:
        _grants_end(tenant)
    tenant.requires_sso, tenant.requires_mfa = requires_sso, requires_mfa
    tenant.sso_counts_as_mfa = sso_counts_as_mfa
    tenant.save(update_fields=["requires_sso", "requires_mfa", "sso_counts_as_mfa"])
    return tenant


class Affected(NamedTuple):
    """Whom requiring single sign-on would concern: grants that would end, and of how many people."""

    grants: int
    people: int


def affected() -> Affected:
    """What would end if single sign-on became required now. Runs inside the tenant's context."""
    people = _ending().order_by().values_list("user_id", flat=True)
    return Affected(_ending().count(), len(set(people)))


def _ending() -> QuerySet[ClientGrant]:
    owner = Membership.objects.filter(role=Role.OWNER).values("user_id")
    return alive().filter(by_sso=False).exclude(user_id__in=owner)


def _grants_end(tenant: Tenant) -> None:
    found = affected()
    for grant in _ending():
        grant_end(grant, ENDED)
    told = [("grants ended", None, str(found.grants)), ("people", None, str(found.people))]
    audit_note(action="policy.enforced", kind="policy", target=tenant.pk, name=tenant.name, changes=told)
