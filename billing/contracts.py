"""What is agreed with single tenants, by operators: limits and prices other than a plan's, until a day."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from billing.entitlements import Limit, contract_in_force, entitlement_held, entitlement_settle
from billing.plans.models import MAXIMUM_CONNECTIONS, MINIMUM_AUDIT_DAYS, Contract, PlanVersion
from billing.plans.selling import longest_days
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import tenant_id_for
from tenants.validation import cleaned, refused_fields

MAXIMUM_LIMIT = 1_000_000_000_000
_BOUNDS = {
    Limit.CONNECTIONS: (1, MAXIMUM_CONNECTIONS),
    Limit.REQUESTS_PER_SECOND: (1, 10_000_000),
    Limit.ENDPOINTS: (0, 1_000_000),
    Limit.TOOLS_PER_ENDPOINT: (1, 100_000),
    Limit.MEMBERS: (1, 10_000_000),
    Limit.REQUESTS: (0, MAXIMUM_LIMIT),
    Limit.CALLS_INCLUDED: (0, MAXIMUM_LIMIT),
}
_NEVER_WITHOUT = frozenset({Limit.TOOLS_PER_ENDPOINT, Limit.USAGE_DAYS, Limit.AUDIT_DAYS})


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a contract says. `limits` are those that differ from the plan's, of which None is none.

    `price_cents` is of a month, `overage_millicents` of a call beyond those included; None: the plan's. `plan` is the
    one that the tenant has while the contract lasts; None: the one that it has anyhow.
    """

    plan: PlanVersion | None = None
    limits: dict[Limit, int | None] = field(default_factory=dict)
    price_cents: int | None = None
    overage_millicents: Decimal | None = None
    is_invoiced_by_hand: bool = False
    notes: str = ""
    ends_at: datetime | None = None


def contract_agree(*, slug: str, agreed: Agreed) -> Contract:
    """Puts a contract in force now, in place of one that is. Opens its own context.

    Workers hear of it at once; connections above a lower limit stay open, and no further ones are opened.
    Raises Refused: NOT_FOUND; INVALID_INPUT, with `data["fields"]`.
    """
    tenant_id, now = tenant_id_for(slug), timezone.now()
    _require_sane(agreed, now)
    with tenant_context(tenant_id):
        held = entitlement_held(tenant_id)
        Contract.objects.filter(tenant_id=tenant_id, ends_at=None).update(ends_at=now)
        Contract.objects.filter(tenant_id=tenant_id, ends_at__gt=now).update(ends_at=now)
        contract = Contract(
            tenant_id=tenant_id,
            plan=agreed.plan,
            limits={str(name): value for name, value in agreed.limits.items()},
            price_cents=agreed.price_cents,
            overage_millicents=agreed.overage_millicents,
            is_invoiced_by_hand=agreed.is_invoiced_by_hand,
            notes=agreed.notes,
            starts_at=now,
            ends_at=agreed.ends_at,
        )
        cleaned(contract).save(force_insert=True)
        entitlement_settle(held)
        return contract


def contract_end(*, slug: str) -> None:
    """Ends a tenant's contract now: what its plan says holds again. Opens its own context.

    Raises Refused(NOT_FOUND) where there is no such tenant, or none is in force.
    """
    tenant_id = tenant_id_for(slug)
    with tenant_context(tenant_id):
        held = entitlement_held(tenant_id)
        contract = contract_in_force(tenant_id)
        if contract is None:
            raise Refused(refusals.NOT_FOUND, "No contract is in force.")
        contract.ends_at = timezone.now()
        contract.save(update_fields=["ends_at"])
        entitlement_settle(held)


def _require_sane(agreed: Agreed, now: datetime) -> None:
    wrong = {}
    longest = longest_days()
    bounds = _BOUNDS | {Limit.USAGE_DAYS: (1, longest), Limit.AUDIT_DAYS: (MINIMUM_AUDIT_DAYS, 10 * longest)}
    for name, value in agreed.limits.items():
        lowest, highest = bounds[name]
        if value is None and name in _NEVER_WITHOUT:
            wrong[str(name)] = "There is always a limit to this."
        elif value is not None and not lowest <= value <= highest:
            wrong[str(name)] = f"Choose {lowest:,} to {highest:,}."
    if agreed.ends_at is not None and agreed.ends_at <= now:
        wrong["ends_at"] = "Choose a day to come."
    if wrong:
        raise refused_fields(wrong)
