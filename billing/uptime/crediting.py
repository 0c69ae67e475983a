"""Giving back what was promised: the balance of the tenant's customer at Stripe, which pays the next invoice."""

import logging
from uuid import UUID

import stripe
from django.utils import timezone

from billing.stripe.catalogue_names import labels
from billing.stripe.client import is_passing, stripe_client
from billing.stripe.customers import customer_known
from billing.uptime.models import UptimeMonth, UptimeWatch
from core.tenancy import tenant_context

logger = logging.getLogger(__name__)

# Stripe keeps an idempotency key for a day; what was credited before is found by this name of its month.
LABEL = "armstrong_uptime"
_LATEST = 100


def credits_give() -> int:
    """Credits what is not credited yet; how many months that were. A tenant without a customer is credited by hand.

    Opens the tenants' contexts itself. What Stripe does not take is told in the log and tried again.
    """
    tenants = list(UptimeWatch.objects.values_list("tenant_id", flat=True))
    return sum(_give(tenant_id) for tenant_id in tenants)


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
