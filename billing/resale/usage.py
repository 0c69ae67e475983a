"""Calls that buyers pay one by one: written down with the ledger's sums, told to the meter of the seller's account.

The same as the platform does for itself (`billing/metering/`), for each purchase by the principals of its keys.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Sum
from django.utils import timezone

from billing.ledger.models import UsageHour
from billing.metering.models import ReportState
from billing.metering.outbox import Billed, Outbox
from billing.metering.reports import BEFORE_THE_END, GATHERED
from billing.resale.models import (
    STANDING,
    OfferKind,
    Purchase,
    PurchaseKey,
    PurchaseReport,
    PurchaseReportDue,
)

type Hours = dict[tuple[UUID, datetime], int]


def purchase_reports_derive(*, since: datetime, until: datetime) -> int:
    """Reports what is not reported yet of the hours from `since` on and before `until`; how many calls that were.

    Runs inside the seller's context, with its sums locked.
    """
    called = purchase_calls(since, until)
    told = purchase_told(since, until)
    found = 0
    for (purchase_id, hour), calls in called.items():
        more = calls - told.get((purchase_id, hour), 0)
        if more > 0:
            _report(Purchase.objects.get(pk=purchase_id), hour, more)
            found += more
    return found


def purchase_calls(since: datetime, until: datetime) -> Hours:
    """Billable calls of purchases that are paid by the call, by purchase and hour, as the ledger's sums say."""
    hours = UsageHour.objects.filter(hour__gte=since, hour__lt=until, billable__gt=0)
    keys = PurchaseKey.objects.filter(principal__in=hours.values("principal"), purchase__offer__kind=OfferKind.PER_CALL)
    purchases = dict(keys.values_list("principal", "purchase_id"))
    found: Hours = {}
    rows = hours.filter(principal__in=list(purchases)).values("principal", "hour")
    for row in rows.annotate(sum=Sum("billable")).order_by("hour", "principal"):
        place = purchases[row["principal"]], row["hour"]
        found[place] = found.get(place, 0) + row["sum"]
    return found


def purchase_told(since: datetime, until: datetime) -> Hours:
    """What was reported of these hours, by purchase and hour."""
    rows = PurchaseReport.objects.filter(hour__gte=since, hour__lt=until).values("purchase_id", "hour")
    return {(row["purchase_id"], row["hour"]): row["sum"] for row in rows.annotate(sum=Sum("calls")).order_by()}


def purchase_reports_send(now: datetime | None = None, *, tenant_id: UUID | None = None) -> int:
    """Tells the meters of sellers' accounts what is due at `now`; how many reports were tried."""
    return _OUTBOX.send(now, tenant_id=tenant_id)


def _report(purchase: Purchase, hour: datetime, calls: int) -> None:
    """Adds to a report that was not tried yet, or makes one."""
    waiting = PurchaseReport.objects.filter(purchase=purchase, hour=hour, state=ReportState.WAITING, at=None)
    untried = waiting.select_for_update().first()
    if untried is not None:
        PurchaseReport.objects.filter(pk=untried.pk).update(calls=F("calls") + calls)
        return
    now, ends = timezone.now(), purchase.period_end
    wait = timedelta(0) if ends is not None and ends <= now + BEFORE_THE_END else GATHERED
    made = PurchaseReport.objects.create(tenant_id=purchase.tenant_id, purchase=purchase, hour=hour, calls=calls)
    PurchaseReportDue.objects.create(report_id=made.pk, tenant_id=purchase.tenant_id, due_at=now + wait)


def _billed(report: PurchaseReport) -> Billed | None:
    row = Purchase.objects.get(pk=report.purchase_id)
    if row.standing not in STANDING or row.period_start is None or row.period_end is None:
        return None
    return Billed(row.customer_id, row.period_start, row.period_end)


def _account(report: PurchaseReport) -> str:
    return Purchase.objects.values_list("account_id", flat=True).get(pk=report.purchase_id)


_OUTBOX = Outbox(PurchaseReport.objects, PurchaseReportDue.objects, _billed, _account)
