"""Giving back what was promised: the balance of the tenant's customer at Stripe, which pays the next invoice.

A tenant without a customer is credited by hand: what waits is listed, and noted once somebody has given it.
"""

import logging
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import stripe
from django.utils import timezone

from billing.stripe.catalogue_names import labels
from billing.stripe.client import is_passing, stripe_client
from billing.stripe.customers import customer_known
from billing.uptime.models import UptimeMonth
from billing.uptime.months import months_owed
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import tenant_id_for

logger = logging.getLogger(__name__)

# Stripe keeps an idempotency key for a day; what was credited before is found by this name of its month.
LABEL = "armstrong_uptime"
_LATEST = 100


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a tenant is to be given back for a month, by its first day, and has not been."""

    slug: str
    month: date
    credit_cents: int
    currency: str
    has_customer: bool


def credits_give() -> int:
    """Credits what is not credited yet; how many months that were. A tenant without a customer is credited by hand.

    Opens the tenants' contexts itself. What Stripe does not take is told in the log and tried again.
    """
    return sum(_give(tenant_id) for tenant_id in months_owed())


def credits_waiting() -> list[Waiting]:
    """What is not credited yet, by tenant and month. Opens the tenants' contexts itself."""
    return [one for tenant_id in months_owed() for one in _waiting(tenant_id)]


def credit_note(*, slug: str, month: date) -> None:
    """Notes that an operator has credited a month by hand, so that nobody else does. Opens its own context.

    Raises Refused(NOT_FOUND) where nothing waits for that tenant and month.
    """
    with tenant_context(tenant_id_for(slug)):
        rows = UptimeMonth.objects.filter(month=month, credit_cents__gt=0, credited_at=None)
        if not rows.update(credited_at=timezone.now()):
            raise Refused(refusals.NOT_FOUND, "Nothing waits to be credited for that month.")


def _waiting(tenant_id: UUID) -> list[Waiting]:
    has_customer = bool(customer_known(tenant_id))
    with tenant_context(tenant_id):
        rows = UptimeMonth.objects.filter(credit_cents__gt=0, credited_at=None).select_related("tenant")
        return [
            Waiting(row.tenant.slug, row.month, row.credit_cents, row.currency, has_customer)
            for row in rows.order_by("month")
        ]


def _give(tenant_id: UUID) -> int:
    customer = customer_known(tenant_id)
    if not customer:
        return 0
    with tenant_context(tenant_id):
        due = list(UptimeMonth.objects.filter(credit_cents__gt=0, credited_at=None).order_by("month"))
    for row in due:
        try:
            _credit(customer, row)
        except stripe.StripeError as error:
            if not is_passing(error):
                logger.error("%s is not credited for its uptime: %s", tenant_id, error)
            return 0
        with tenant_context(tenant_id):
            UptimeMonth.objects.filter(month=row.month).update(credited_at=timezone.now())
    return len(due)


def _credit(customer: str, row: UptimeMonth) -> None:
    name = f"{row.month:%Y-%m}"
    balance = stripe_client().v1.customers.balance_transactions
    known = balance.list(customer, {"limit": _LATEST}).data
    if any(labels(one).get(LABEL) == name for one in known):
        return
    balance.create(
        customer,
        {
            "amount": -row.credit_cents,
            "currency": row.currency,
            "description": f"Uptime of {row.month:%B %Y}: {row.uptime} % of {row.target} %",
            "metadata": {LABEL: name},
        },
        {"idempotency_key": f"uptime-{row.tenant_id}-{name}"},
    )
