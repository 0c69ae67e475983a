"""What a tenant wants to spend at most on calls beyond those included, in a period, and what happens then.

A soft cap is told of and nothing else. A hard one refuses further calls: the entitlement says how many are left,
workers borrow from that, and what they borrowed and did not need is put back when nobody borrowed for a while.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from billing.entitlements import entitlement_held
from billing.ledger.summing import sum_due
from billing.metering.models import SpendingCap
from billing.metering.periods import Period, calls_in, period_now
from billing.plans.models import MAXIMUM_CENTS, Entitlement
from core.tenancy import tenant_context
from tenants.access import Actor, Permission
from tenants.validation import refused_fields

# So long after the last loan, what is left is what the ledger says: what was lent before is called or forgotten.
QUIET = timedelta(minutes=10)


def cap_set(*, actor: Actor, cents: int, is_hard: bool) -> SpendingCap:
    """Sets what may be spent in a period, in cents of the plan's currency. Opens contexts of its own.

    Raises Refused: PERMISSION_DENIED, INVALID_INPUT.
    """
    actor.require(Permission.MANAGE_BILLING)
    if not 0 <= cents <= MAXIMUM_CENTS:
        raise refused_fields({"cents": f"This is a whole number from 0 to {MAXIMUM_CENTS}."})
    tenant_id = actor.tenant.id
    sum_due(tenant_id)
    with tenant_context(tenant_id):
        cap, _ = SpendingCap.objects.update_or_create(
            tenant_id=tenant_id, defaults={"cents": cents, "is_hard": is_hard}
        )
        cap_settle(tenant_id, is_anew=True)
    return cap


def cap_remove(*, actor: Actor) -> None:
    """Takes the cap away. Opens a context of its own. Raises Refused(PERMISSION_DENIED)."""
    actor.require(Permission.MANAGE_BILLING)
    with tenant_context(actor.tenant.id):
        for cap in SpendingCap.objects.all():
            cap.delete()
        cap_settle(actor.tenant.id)


def cap_settle(tenant_id: UUID, *, is_anew: bool = False, now: datetime | None = None) -> None:
    """Works out anew how many calls are left before a hard cap, inside the tenant's context.

    While workers borrow it only ever lowers that, since the ledger hears of calls a little later than workers do;
    with `is_anew` what is left is what the ledger says. Raises Refused(NOT_FOUND) where the tenant is gone.
    """
    now = now or timezone.now()
    held = entitlement_held(tenant_id)
    period = period_now(tenant_id, now)
    left, until = _left(period, held, is_anew=is_anew, now=now)
    if (left, until) != (held.calls_left, held.calls_until):
        Entitlement.objects.filter(pk=tenant_id).update(calls_left=left, calls_until=until)


def _left(period: Period, held: Entitlement, *, is_anew: bool, now: datetime) -> tuple[int | None, datetime | None]:
    cap = SpendingCap.objects.filter(is_hard=True).first()
    reached = period.calls_for(cap.cents) if cap is not None else None
    if reached is None:
        return None, None
    left = max(0, reached - calls_in(period))
    is_lent = held.calls_lent_at is not None and held.calls_lent_at > now - QUIET
    if held.calls_left is not None and held.calls_until == period.until and is_lent and not is_anew:
        left = min(left, held.calls_left)
    return left, period.until
