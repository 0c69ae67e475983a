"""Telling Stripe's meter what was reported, once: by the report's id, whatever dies and however often it is tried.

Opens the tenants' contexts itself. Nothing is held in the database while Stripe is asked: a report that somebody took
is left to others after a while, and Stripe counts an identifier once.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

import stripe
from django.db import transaction
from django.utils import timezone

from billing.ledger.summing import lock_sums
from billing.metering.models import ReportState, UsageReport, UsageReportDue
from billing.metering.reports import reports_derive
from billing.stripe.catalogue_names import METER_EVENT
from billing.stripe.client import stripe_client
from billing.stripe.customers import customer_known
from billing.stripe.models import StripeCustomer, Subscription
from billing.stripe.subscriptions import subscription_running
from core.jitter import jittered
from core.tenancy import tenant_context

logger = logging.getLogger(__name__)

MOST_SENT = 500
BATCH = 50
# Longer than a batch takes: whoever dies with one leaves it to another then.
HELD = timedelta(minutes=5)
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 3_600.0
# Stripe promises to know an identifier again for a day.
KNOWN_AGAIN = timedelta(hours=23)
# How far back hours are compared with what was reported; Stripe takes nothing older.
LOOKED_BACK = timedelta(days=34)
_DUPLICATE = "duplicate_meter_event"


def reports_catch_up() -> int:
    """Reports what was summed before its subscription was known, of everybody; how many calls that were."""
    tenants = list(StripeCustomer.objects.values_list("tenant_id", flat=True))
    return sum(tenant_catch_up(tenant_id) for tenant_id in tenants)


def tenant_catch_up(tenant_id: UUID, now: datetime | None = None) -> int:
    """The same for one tenant, at `now`."""
    now = now or timezone.now()
    with tenant_context(tenant_id):
        lock_sums(tenant_id)
        return reports_derive(tenant_id, since=now - LOOKED_BACK, until=now + timedelta(days=1))


def reports_send(now: datetime | None = None, *, tenant_id: UUID | None = None) -> int:
    """Sends what is due at `now`, of everybody or of one tenant; how many reports were tried."""
    now = now or timezone.now()
    tried = 0
    while tried < MOST_SENT and (batch := _next(now, tenant_id)):
        for due in batch:
            tried += 1
            if not _send(due, now):
                # Nothing else would be answered now; what was taken is tried again with the rest.
                return tried
    return tried


def _next(now: datetime, tenant_id: UUID | None) -> list[UsageReportDue]:
    """Some that are due, held against everybody else for a while."""
    rows = UsageReportDue.objects.filter(due_at__lte=now)
    if tenant_id is not None:
        rows = rows.filter(tenant_id=tenant_id)
    with transaction.atomic():
        batch = list(rows.order_by("due_at").select_for_update(skip_locked=True)[:BATCH])
        UsageReportDue.objects.filter(pk__in=[due.pk for due in batch]).update(due_at=now + HELD)
    return batch


def _send(due: UsageReportDue, now: datetime) -> bool:
    """Whether it is done with."""
    with tenant_context(due.tenant_id):
        report = _begun(due, now)
    if report is None:
        UsageReportDue.objects.filter(pk=due.pk).delete()
        return True
    state, error = _told(report)
    with tenant_context(due.tenant_id):
        # Whoever took it meanwhile may have sent it.
        UsageReport.objects.filter(pk=report.pk, state=ReportState.WAITING).update(state=state, error=error[:500])
        if state == ReportState.WAITING:
            pause = jittered(min(FIRST_PAUSE * 2.0 ** min(report.tries, 10), LONGEST_PAUSE))
            UsageReportDue.objects.filter(pk=due.pk).update(due_at=now + timedelta(seconds=pause))
        else:
            UsageReportDue.objects.filter(pk=due.pk).delete()
    return state != ReportState.WAITING


def _begun(due: UsageReportDue, now: datetime) -> UsageReport | None:
    """The report with the time that it is told under, committed before Stripe hears of it; None: not to be told."""
    rows = UsageReport.objects.select_for_update().filter(pk=due.report_id, state=ReportState.WAITING)
    report = rows.first()
    if report is None:
        return None
    if report.at is None:
        running = subscription_running(due.tenant_id)
        if running is None or not running.overage_price:
            UsageReport.objects.filter(pk=report.pk).update(state=ReportState.WAIVED)
            return None
        report.at, report.first_tried_at = _time_for(report.hour, running, now), now
        report.customer = customer_known(due.tenant_id)
    elif report.first_tried_at is not None and report.first_tried_at < now - KNOWN_AGAIN:
        error = f"Stripe did not say for a day whether it has this. {report.error}".strip()
        UsageReport.objects.filter(pk=report.pk).update(state=ReportState.FAILED, error=error)
        return None
    report.tries += 1
    report.save(update_fields=["at", "first_tried_at", "customer", "tries"])
    return report


def _time_for(hour: datetime, running: Subscription, now: datetime) -> datetime:
    """The hour itself while its period can still be billed; else now, so that the present one is billed with it."""
    began = running.period_end if running.period_end <= now else running.period_start
    return hour if hour >= began else now.replace(microsecond=0)


def _told(report: UsageReport) -> tuple[ReportState, str]:
    assert report.at is not None  # noqa: S101  for the type: `_begun` has set it
    payload = {"stripe_customer_id": report.customer, "value": str(report.calls)}
    try:
        stripe_client().v1.billing.meter_events.create(
            {
                "event_name": METER_EVENT,
                "identifier": str(report.pk),
                "timestamp": int(report.at.timestamp()),
                "payload": payload,
            }
        )
    except stripe.InvalidRequestError as error:
        if error.code == _DUPLICATE:
            return ReportState.SENT, ""
        logger.error("Stripe would not have a report of calls: %s", error)
        return ReportState.FAILED, str(error)
    except stripe.StripeError as error:
        return ReportState.WAITING, str(error)
    return ReportState.SENT, ""
