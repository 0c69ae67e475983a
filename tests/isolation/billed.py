"""What Stripe billed a tenant of the stage."""

import uuid

from django.utils import timezone

from billing.stripe.models import Invoice, InvoiceLine
from tenants.models import Tenant


def billed(tenant: Tenant, mark: str) -> dict[str, str]:
    """An invoice, marked in what its page shows, by the name under which probes ask for it."""
    now = timezone.now()
    made = Invoice.objects.create(
        tenant=tenant,
        stripe_id=f"in_{uuid.uuid4().hex}",
        created=now,
        guard=1,
        number=f"{mark}-0001",
        status="paid",
        reason="subscription_cycle",
        currency="usd",
        subtotal=499_00,
        total=499_00,
        amount_due=499_00,
        amount_paid=499_00,
        amount_remaining=0,
        period_start=now,
        period_end=now,
    )
    line = InvoiceLine.objects.create(
        tenant=tenant,
        invoice=made.stripe_id,
        stripe_id=f"il_{uuid.uuid4().hex}",
        place=0,
        description="Calls",
        amount=0,
        currency="usd",
        quantity=0,
        is_metered=True,
        period_start=now,
        period_end=now,
    )
    return {"invoice": made.stripe_id, "invoice_line": line.stripe_id}
