"""Telling the platform's meter of tenants' calls: what is due, and what was summed before a subscription was known."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from billing.ledger.summing import lock_sums
from billing.metering.models import UsageReport, UsageReportDue
from billing.metering.outbox import KNOWN_AGAIN, Billed, Outbox
from billing.metering.reports import reports_derive
from billing.stripe.customers import customer_known
from billing.stripe.models import StripeCustomer
from billing.stripe.subscriptions import subscription_running
from core.tenancy import tenant_context

__all__ = ["KNOWN_AGAIN", "LOOKED_BACK", "reports_catch_up", "reports_send", "tenant_catch_up"]

# How far back hours are compared with what was reported.
LOOKED_BACK = timedelta(days=34)


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
    return _OUTBOX.send(now, tenant_id=tenant_id)


def _billed(report: UsageReport) -> Billed | None:
    running = subscription_running(report.tenant_id)
    if running is None or not running.overage_price:
        return None
    return Billed(customer_known(report.tenant_id), running.metered_from, running.period_end)


_OUTBOX = Outbox(UsageReport.objects, UsageReportDue.objects, _billed)
