"""The page of billing: how the tenant stands, what it uses, the plans there are, and its invoices."""

from datetime import UTC, datetime, time
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.entitlements import contract_in_force, entitlement_of
from billing.ledger.selectors import Asked, usage_by
from billing.money import shown
from billing.stripe.catalogue_names import Interval
from billing.stripe.client import is_set_up
from billing.stripe.invoices import invoices_issued
from billing.stripe.models import RUNNING, Invoice
from billing.stripe.subscriptions import subscription_latest
from billing.trials import may_try
from console.access import MemberRequest, member
from console.excess import excess_now
from console.pages.billing.cards import cards_of
from console.pages.billing.spending import spending_of
from console.pages.usage.chart import bars_of
from console.rendering import page
from console.using import uses_of
from tenants.access import Permission

SHOWN_INVOICES = 24


@never_cache
@require_safe
@member(Permission.MANAGE_BILLING)
def show(request: MemberRequest) -> HttpResponse:
    """Everything at a glance. `?by=year` shows yearly prices."""
    tenant = request.actor.tenant
    held = entitlement_of(tenant.id)
    latest = subscription_latest(tenant.id)
    running = latest if latest is not None and latest.status in RUNNING else None
    interval = interval_of(request.GET.get("by") or (running.interval if running else ""))
    month, spending = _this_month(), spending_of(tenant)
    context = {
        "held": held,
        "subscription": running,
        "contract": contract_in_force(tenant.id),
        "interval": interval,
        "cards": cards_of(held, running, interval, spending.on_plans),
        "uses": uses_of(held, spending.period),
        "chart": bars_of(_days(month), month, "day"),
        "invoices": invoices_shown(),
        "spending": spending,
        "excess": excess_now(held),
        "can_try": running is None and may_try(held),
        "takes_payments": is_set_up(),
    }
    return page(request, "billing/show.html", context)


def interval_of(said: str) -> Interval:
    """By the month, unless `year` was said."""
    return Interval.YEAR if said == Interval.YEAR else Interval.MONTH


def invoices_shown() -> list[tuple[Invoice, str, str]]:
    """The latest invoices, each with its total and what is owed of it as people read them."""
    rows = invoices_issued()[:SHOWN_INVOICES]
    return [(row, shown(row.total, row.currency), shown(row.amount_remaining, row.currency)) for row in rows]


def _this_month() -> Asked:
    now = timezone.now()
    return Asked(datetime.combine(now.date().replace(day=1), time(), UTC), now)


def _days(month: Asked) -> list[dict[str, Any]]:
    return list(usage_by(month, "day")) if month.until > month.since else []
