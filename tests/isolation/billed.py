"""What Stripe billed a tenant of the stage, and what the tenant sold."""

import uuid

from django.utils import timezone

from billing.resale.models import Offer, OfferState, Purchase, PurchaseStanding, Sale
from billing.stripe.models import Invoice, InvoiceLine
from mcp_runtime.models import Endpoint
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


def sold(endpoint: Endpoint, mark: str) -> dict[str, str]:
    """An offer that was withdrawn, what somebody bought of it, and the payment, marked in what their pages show."""
    ours, now = {"tenant_id": endpoint.tenant_id}, timezone.now()
    offer = Offer.objects.create(
        **ours,
        endpoint_id=endpoint.pk,
        slug=f"o{uuid.uuid4().hex[:12]}",
        name=f"Offer {mark}",
        description=mark,
        tools=[f"tool-{mark}"],
        kind="monthly",
        amount=500,
        currency="usd",
        state=OfferState.WITHDRAWN,
        fee_percent=5,
        withdrawn_at=now,
    )
    purchase = Purchase.objects.create(
        **ours,
        offer=offer,
        email=f"buyer@{mark}.example",
        token_digest=uuid.uuid4().hex,
        account_id="acct_1",
        standing=PurchaseStanding.ENDED,
        began_at=now,
        ended_at=now,
        expires_at=now,
    )
    sale = Sale.objects.create(
        **ours,
        purchase=purchase,
        invoice_id=f"in_{uuid.uuid4().hex}",
        number=f"{mark}-0002",
        amount=500,
        fee=25,
        currency="usd",
        period_start=now,
        period_end=now,
        paid_at=now,
        guard=1,
    )
    return {"offer": offer.slug, "sale": str(sale.pk)}
