"""Writing down what Stripe has to be told: the difference between what the ledger's sums say and what was reported.

Runs inside the tenant's context, with its sums locked (`ledger.summing.lock_sums`): in the transaction that made them,
so that neither is without the other. Late calls make the difference grow, and with it another report.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from billing.ledger.models import UsageHour
from billing.metering.models import ReportState, UsageReport, UsageReportDue
from billing.stripe.models import Subscription

# What changes meanwhile is told together.
GATHERED = timedelta(minutes=5)
# Before a period ends, nothing is gathered: what is told after its end goes with the next.
BEFORE_THE_END = timedelta(minutes=10)
# Subscriptions that never began.
_NEVER_BEGAN = ("incomplete", "incomplete_expired")


def reports_derive(tenant_id: UUID, *, since: datetime, until: datetime) -> int:
    """Reports what is not reported yet of the hours from `since` on and before `until`; how many calls that were."""
    billed = list(billed_subscriptions(tenant_id))
    if not billed:
        return 0
    told = _sums(UsageReport.objects.filter(hour__gte=since, hour__lt=until), "calls")
    found = 0
    for hour, calls in billable_by_hour(since, until).items():
        more = calls - told.get(hour, 0)
        if more > 0 and any(is_billed(each, hour) for each in billed):
            _report(tenant_id, hour, more, _wait(billed))
            found += more
    return found


def billed_subscriptions(tenant_id: UUID) -> Iterator[Subscription]:
    """Those with which calls are, or were, billed."""
    rows = Subscription.objects.filter(~Q(overage_price=""), tenant_id=tenant_id)
    yield from rows.exclude(status__in=_NEVER_BEGAN)


def is_billed(subscription: Subscription, hour: datetime) -> bool:
    """Whether an hour's calls are billed with it: those of the hour in which it began are not."""
    return subscription.created <= hour and (subscription.ended_at is None or hour < subscription.ended_at)


def billable_by_hour(since: datetime, until: datetime) -> dict[datetime, int]:
    """What the ledger's sums say, by the hour."""
    return _sums(UsageHour.objects.filter(hour__gte=since, hour__lt=until), "billable")


def _sums(rows: QuerySet[UsageHour] | QuerySet[UsageReport], of: str) -> dict[datetime, int]:
    return {row["hour"]: row["sum"] for row in rows.values("hour").annotate(sum=Sum(of)).order_by("hour")}


def _wait(billed: list[Subscription]) -> timedelta:
    now = timezone.now()
    ending = any(now < each.period_end <= now + BEFORE_THE_END for each in billed)
    return timedelta(0) if ending else GATHERED


def _report(tenant_id: UUID, hour: datetime, calls: int, wait: timedelta) -> None:
    """Adds to a report that was not tried yet, or makes one."""
    untried = UsageReport.objects.select_for_update().filter(hour=hour, state=ReportState.WAITING, at=None).first()
    if untried is not None:
        UsageReport.objects.filter(pk=untried.pk).update(calls=F("calls") + calls)
        return
    made = UsageReport.objects.create(tenant_id=tenant_id, hour=hour, calls=calls)
    UsageReportDue.objects.create(report_id=made.pk, tenant_id=tenant_id, due_at=timezone.now() + wait)
