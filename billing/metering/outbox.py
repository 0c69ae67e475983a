"""Telling a meter of Stripe's what was reported, once: by the report's id, whatever dies and however often it is tried.

Opens the tenants' contexts itself. Nothing is held in the database while Stripe is asked: a report that somebody took
is left to others after a while, and Stripe counts an identifier once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import stripe
from django.db import transaction
from django.db.models import Manager
from django.utils import timezone

from billing.metering.models import Report, ReportDue, ReportState
from billing.stripe.catalogue_names import METER_EVENT
from billing.stripe.client import stripe_client
from core.jitter import jittered
from core.tenancy import tenant_context

logger = logging.getLogger(__name__)

MOST_SENT = 500
BATCH = 50
# Longer than a batch takes: whoever dies with one leaves it to another then.
HELD = timedelta(minutes=5)
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 3_600.0
# How old an hour may be that something is told of: Stripe takes nothing of 35 days ago (Stripe, "Meter events").
OLDEST = timedelta(days=34)
# Stripe promises to know an identifier again for a day.
KNOWN_AGAIN = timedelta(hours=23)
_DUPLICATE = "duplicate_meter_event"


@dataclass(frozen=True, slots=True)
class Billed:
    """Who pays for a report, with which period; what is told under an earlier time would not be billed any more."""

    customer: str
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True)
class Outbox[ReportT: Report, DueT: ReportDue]:
    """Reports, and which of them wait. `billed` says, in the tenant's context, who pays for one; None: nobody does."""

    reports: Manager[ReportT]
    due: Manager[DueT]
    billed: Callable[[ReportT], Billed | None]
    # The account at Stripe in which a report is told; empty is the platform's.
    account: Callable[[ReportT], str] = lambda _report: ""

    def send(self, now: datetime | None = None, *, tenant_id: UUID | None = None) -> int:
        """Sends what is due at `now`, of everybody or of one tenant; how many reports were tried."""
        now = now or timezone.now()
        tried = 0
        while tried < MOST_SENT and (batch := self._next(now, tenant_id)):
            for due in batch:
                tried += 1
                if not self._send(due, now):
                    # Nothing else would be answered now; what was taken is tried again with the rest.
                    return tried
        return tried

    def _next(self, now: datetime, tenant_id: UUID | None) -> list[DueT]:
        """Some that are due, held against everybody else for a while."""
        rows = self.due.filter(due_at__lte=now)
        if tenant_id is not None:
            rows = rows.filter(tenant_id=tenant_id)
        with transaction.atomic():
            batch = list(rows.order_by("due_at").select_for_update(skip_locked=True)[:BATCH])
            self.due.filter(pk__in=[due.pk for due in batch]).update(due_at=now + HELD)
        return batch

    def _send(self, due: DueT, now: datetime) -> bool:
        """Whether it is done with."""
        dues = self.due.filter(pk=due.pk)
        with tenant_context(due.tenant_id):
            begun = self._begun(due, now)
        if begun is None:
            dues.delete()
            return True
        report, account = begun
        state, error = _told(report, account)
        with tenant_context(due.tenant_id):
            # Whoever took it meanwhile may have sent it.
            waiting = self.reports.filter(pk=report.pk, state=ReportState.WAITING)
            waiting.update(state=state, error=error[:500])
            if state == ReportState.WAITING:
                pause = jittered(min(FIRST_PAUSE * 2.0 ** min(report.tries, 10), LONGEST_PAUSE))
                dues.update(due_at=now + timedelta(seconds=pause))
            else:
                dues.delete()
        return state != ReportState.WAITING

    def _begun(self, due: DueT, now: datetime) -> tuple[ReportT, str] | None:
        """The report with the time that it is told under, committed before Stripe hears of it, and the account."""
        rows = self.reports.filter(pk=due.report_id, state=ReportState.WAITING)
        report = rows.select_for_update().first()
        if report is None:
            return None
        billed = self.billed(report)
        if report.at is None:
            if billed is None:
                rows.update(state=ReportState.WAIVED)
                return None
            report.at, report.first_tried_at = _time_for(report.hour, billed, now), now
            report.customer = billed.customer
        elif report.first_tried_at is not None and report.first_tried_at < now - KNOWN_AGAIN:
            error = f"Stripe did not say for a day whether it has this. {report.error}".strip()
            rows.update(state=ReportState.FAILED, error=error)
            return None
        report.tries += 1
        report.save(update_fields=["at", "first_tried_at", "customer", "tries"])
        return report, self.account(report)


def _time_for(hour: datetime, billed: Billed, now: datetime) -> datetime:
    """The hour itself while its period can still be billed; else now, so that the present one is billed with it."""
    began = billed.period_end if billed.period_end <= now else billed.period_start
    # A year's period has hours that Stripe takes nothing of any more.
    return hour if hour >= max(began, now - OLDEST) else now.replace(microsecond=0)


def _told(report: Report, account: str) -> tuple[ReportState, str]:
    assert report.at is not None  # noqa: S101  for the type: `_begun` has set it
    payload = {"stripe_customer_id": report.customer, "value": str(report.calls)}
    try:
        stripe_client().v1.billing.meter_events.create(
            {
                "event_name": METER_EVENT,
                "identifier": str(report.pk),
                "timestamp": int(report.at.timestamp()),
                "payload": payload,
            },
            {"stripe_account": account} if account else None,
        )
    except (stripe.InvalidRequestError, stripe.PermissionError) as error:
        if error.code == _DUPLICATE:
            return ReportState.SENT, ""
        logger.error("Stripe would not have a report of calls: %s", error)
        return ReportState.FAILED, str(error)
    except stripe.StripeError as error:
        return ReportState.WAITING, str(error)
    return ReportState.SENT, ""
