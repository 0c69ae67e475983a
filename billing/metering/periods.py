"""The period that a tenant's calls are billed in now, on which terms, and how many there were. Inside its context."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from billing.entitlements import contract_in_force, entitlement_of
from billing.ledger.models import UsageHour
from billing.metering.amounts import Cost, calls_for, cost_of
from billing.metering.models import UsageReport
from billing.stripe.catalogue_names import Interval
from billing.stripe.subscriptions import subscription_running


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` to `until` (UTC). `included` calls cost nothing (None: all), further ones `millicents` each, where
    more are sold at all."""

    since: datetime
    until: datetime
    included: int | None
    millicents: Decimal | None
    currency: str

    def cost(self, calls: int) -> Cost:
        """What so many calls of it cost."""
        return cost_of(calls, included=self.included, millicents=self.millicents)

    def calls_for(self, cents: int) -> int | None:
        """How many of its calls cost at most so many cents; None: however many."""
        return calls_for(cents, included=self.included, millicents=self.millicents)


def period_now(tenant_id: UUID, now: datetime | None = None) -> Period:
    """The subscription's period where calls are billed with one, else the calendar month. Raises Refused(NOT_FOUND).

    After a change of plan it is what is left of the period: what was called before is billed with the former plan.
    """
    now = now or timezone.now()
    running = subscription_running(tenant_id)
    if running is not None and running.overage_price:
        plan, months = running.plan, Interval(running.interval).months
        included = None if plan.calls_included is None else plan.calls_included * months
        return Period(running.metered_from, running.period_end, included, plan.overage_millicents, running.currency)
    held, contract = entitlement_of(tenant_id), contract_in_force(tenant_id)
    since = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    until = (since + timedelta(days=32)).replace(day=1)
    agreed = contract.overage_millicents if contract is not None else None
    millicents = held.plan.overage_millicents if agreed is None else agreed
    return Period(since, until, held.calls_included, millicents, held.plan.currency)


def calls_in(period: Period) -> int:
    """The billable calls of its hours, and late ones of earlier hours that it bills."""
    hours = UsageHour.objects.filter(hour__gte=period.since, hour__lt=period.until).aggregate(sum=Sum("billable"))
    late = UsageReport.objects.filter(at__gte=period.since, at__lt=period.until, hour__lt=period.since)
    return int(hours["sum"] or 0) + int(late.aggregate(sum=Sum("calls"))["sum"] or 0)
