"""What a tenant may do and how much of it: asked here by console, API and runtime, and written here alone.

Everything but `entitlements_settle_due` runs inside the tenant's context.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from billing.notices import standing_tell
from billing.plans.models import DEVELOPER, TERMS, Contract, Entitlement, EntitlementDue, PlanVersion, Standing
from billing.plans.selling import plan_on_sale, plans_on_sale
from billing.uptime.promises import promise_settle
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context


class Right(StrEnum):
    """What a plan has or has not; named as the column."""

    SSO = "sso"
    SCIM = "scim"
    AUDIT_EXPORT = "audit_export"
    SLA = "sla"


class Limit(StrEnum):
    """What a plan gives so much of; named as the column. Units are in `Terms`."""

    CONNECTIONS = "connections"
    REQUESTS_PER_SECOND = "requests_per_second"
    ENDPOINTS = "endpoints"
    TOOLS_PER_ENDPOINT = "tools_per_endpoint"
    MEMBERS = "members"
    USAGE_DAYS = "usage_days"
    AUDIT_DAYS = "audit_days"
    REQUESTS = "requests"
    CALLS_INCLUDED = "calls_included"


IN_WORDS = {
    Right.SSO: "single sign-on",
    Right.SCIM: "provisioning by SCIM",
    Right.AUDIT_EXPORT: "exports of the audit log",
    Right.SLA: "a service level agreement",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a tenant may; `plan` is the plan it has, `lifted_by` the cheapest on sale that would let it."""

    right: Right
    allowed: bool
    plan: str
    lifted_by: str | None

    def __bool__(self) -> bool:
        return self.allowed

    @property
    def reason(self) -> str:
        """Why not, in a sentence; empty where it may."""
        return "" if self.allowed else f"Your plan does not include {IN_WORDS[self.right]}."


def entitlement_of(tenant_id: UUID) -> Entitlement:
    """What a tenant has now, with its plan. Raises Refused(NOT_FOUND) where the tenant is gone."""
    return _found(Entitlement.objects.select_related("plan").filter(tenant_id=tenant_id).first())


def entitlement_held(tenant_id: UUID) -> Entitlement:
    """The same, held until the transaction ends against whoever changes it, or counts against it as well."""
    rows = Entitlement.objects.select_for_update(no_key=True, of=("self",)).select_related("plan")
    return _found(rows.filter(tenant_id=tenant_id).first())


def limit(tenant_id: UUID, of: Limit) -> int | None:
    """How much of `of` a tenant may have; None: as much as it likes. Raises Refused(NOT_FOUND)."""
    value: int | None = getattr(entitlement_of(tenant_id), of)
    return value


def may(tenant_id: UUID, right: Right) -> Answer:
    """Whether a tenant has a right. Raises Refused(NOT_FOUND)."""
    held = entitlement_of(tenant_id)
    if getattr(held, right):
        return Answer(right, allowed=True, plan=held.plan.name, lifted_by=None)
    lifting = next((plan.name for plan in plans_on_sale() if getattr(plan, right)), None)
    return Answer(right, allowed=False, plan=held.plan.name, lifted_by=lifting)


def require(tenant_id: UUID, right: Right) -> None:
    """Raises Refused(NOT_IN_PLAN), which says what plan lifts it, unless a tenant has a right."""
    answer = may(tenant_id, right)
    if not answer:
        data = {"right": str(right), "plan": answer.plan, "lifted_by": answer.lifted_by}
        raise Refused(refusals.NOT_IN_PLAN, answer.reason, data)


def require_room(tenant_id: UUID, of: Limit, used: Callable[[], int], *, what: str = "") -> None:
    """Raises Refused(LIMIT_REACHED) unless one more fits beside the `used`, which are called `what`.

    They are counted while the entitlement is held, so that of two at the limit one gets through.
    """
    held = entitlement_held(tenant_id)
    allowed: int | None = getattr(held, of)
    if allowed is not None and (count := used()) >= allowed:
        raise refused_by(held, of, count, what or str(of))


def require_named_right(tenant_id: UUID, right: str) -> None:
    """`require`, for who is below this app and names a right by its value."""
    require(tenant_id, Right(right))


def require_member_room(tenant_id: UUID, members: Callable[[], int]) -> None:
    """`require_room` for members, for who is below this app."""
    require_room(tenant_id, Limit.MEMBERS, members)


def refused_by(held: Entitlement, of: Limit, used: int, what: str) -> Refused:
    """The refusal of one more than a limit allows: says plan, limit, current use, and what plan lifts it.

    Where the plan is not paid for, that may be the plan itself.
    """
    allowed: int | None = getattr(held, of)
    is_paid = held.standing != Standing.LAPSED
    others = (plan for plan in plans_on_sale() if not (is_paid and plan.pk == held.plan_id))
    above = (plan for plan in others if getattr(plan, of) is None or getattr(plan, of) > max(used, allowed or 0))
    data = {"limit": str(of), "allowed": allowed, "used": used, "plan": held.plan.name}
    data["lifted_by"] = next((plan.name for plan in above), None)
    return Refused(refusals.LIMIT_REACHED, f"Your plan allows {allowed} {what}.", data)


def entitlement_grant(*, tenant_id: UUID, plan: PlanVersion, standing: Standing, until: datetime | None = None) -> None:
    """Gives a tenant a plan, or another standing with it.

    While a contract names a plan, what is granted is kept and counts when the contract ends. Workers hear of it on
    commit, and the audit log has it. What orders news of Stripe is the ticket of what was fetched
    (billing/stripe/tickets.py). Raises Refused(NOT_FOUND) where the tenant is gone.
    """
    held = entitlement_held(tenant_id)
    held.granted_plan, held.granted_standing, held.granted_until = plan, standing, until
    entitlement_settle(held)


def entitlement_settle(held: Entitlement) -> None:
    """Works out anew what counts, of what was granted and the contract in force, and stores it; `held` is held.

    The uptime that is promised is remembered with it.
    """
    contract = contract_in_force(held.tenant_id)
    former = (held.plan_id, held.standing)
    trial = held.trial_until if held.trial_until is not None and held.trial_until > timezone.now() else None
    if contract is not None and contract.plan is not None:
        held.plan, held.standing, held.until = contract.plan, Standing.CONTRACT, contract.ends_at
    elif held.granted_standing == Standing.FREE and held.trial_plan is not None and trial is not None:
        held.plan, held.standing, held.until = held.trial_plan, Standing.TRIALING, trial
    else:
        held.plan, held.standing, held.until = held.granted_plan, held.granted_standing, held.granted_until
    if former != (held.plan_id, held.standing):
        held.since = timezone.now()
    if former[1] != held.standing:
        standing_tell(former[1], held)
    terms = plan_on_sale(DEVELOPER) if held.standing == Standing.LAPSED else held.plan
    agreed = contract.limits if contract is not None else {}
    for name in TERMS:
        setattr(held, name, agreed[name] if name in agreed else getattr(terms, name))
    held.save()
    promise_settle(held, contract)
    _note_due(held.tenant_id, contract.ends_at if contract is not None else None, trial)


def _note_due(tenant_id: UUID, *moments: datetime | None) -> None:
    """Has somebody look again when the earliest of the moments has come."""
    due_at = min((moment for moment in moments if moment is not None), default=None)
    if due_at is None:
        EntitlementDue.objects.filter(tenant_id=tenant_id).delete()
    else:
        EntitlementDue.objects.update_or_create(tenant_id=tenant_id, defaults={"due_at": due_at})


def entitlements_settle_due(now: datetime | None = None) -> int:
    """Ends the trials and contracts whose time has come at `now`; of how many tenants. Opens contexts of its own."""
    due = list(EntitlementDue.objects.filter(due_at__lte=now or timezone.now()).values_list("tenant_id", flat=True))
    for tenant_id in due:
        with tenant_context(tenant_id):
            _settle_due(tenant_id)
    return len(due)


def _settle_due(tenant_id: UUID) -> None:
    try:
        entitlement_settle(entitlement_held(tenant_id))
    except Refused:  # the tenant is gone
        EntitlementDue.objects.filter(tenant_id=tenant_id).delete()


def contract_in_force(tenant_id: UUID) -> Contract | None:
    """The contract that counts now: the one that started last."""
    now = timezone.now()
    rows = Contract.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), tenant_id=tenant_id, starts_at__lte=now)
    return rows.select_related("plan").order_by("-starts_at", "-created_at").first()


def _found(held: Entitlement | None) -> Entitlement:
    if held is None:
        raise Refused(refusals.NOT_FOUND)
    return held
