"""Writing down what was fetched, and what follows from it for the tenant: one transaction, and one way for all.

Runs inside the tenant's context. Whoever writes holds the customer's row, so that what is compared stays true.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from billing.entitlements import entitlement_grant
from billing.notices import Notice, notice_tell
from billing.plans.models import DEVELOPER, PlanVersion, Standing
from billing.plans.selling import plan_on_sale
from billing.stripe.fetched import Fetched, FetchedDispute, FetchedInvoice, FetchedSubscription, Unknown
from billing.stripe.models import (
    Checkout,
    CheckoutState,
    Dispute,
    Invoice,
    InvoiceLine,
    Refund,
    StripeCustomer,
    Subscription,
)
from billing.stripe.standing import Due, due_of

LOST = "lost"


def mirror_write(*, tenant_id: UUID, ticket: int, fetched: Fetched) -> None:
    """Stores what was fetched under a ticket wherever nothing later is known, and grants what follows from it."""
    customer = StripeCustomer.objects.select_for_update().get(pk=tenant_id)
    for subscription in fetched.subscriptions:
        _subscription(tenant_id, ticket, subscription)
    for invoice in fetched.invoices:
        _invoice(tenant_id, ticket, invoice)
    Invoice.objects.filter(tenant_id=tenant_id, stripe_id__in=fetched.gone_invoices).delete()
    for refund in fetched.refunds:
        _stored(Refund, tenant_id, ticket, asdict(refund))
    for dispute in fetched.disputes:
        _dispute(tenant_id, ticket, dispute)
    for checkout in fetched.checkouts:
        open_ones = Checkout.objects.filter(tenant_id=tenant_id, state=CheckoutState.OPEN)
        open_ones.filter(stripe_id=checkout.stripe_id).update(state=checkout.state)
    settle(customer)


def settle(customer: StripeCustomer, now: datetime | None = None) -> None:
    """Grants what a tenant is due at `now`, and notes when that changes by itself. The customer's row is held."""
    now = now or timezone.now()
    rows = list(Subscription.objects.filter(tenant_id=customer.tenant_id))
    due = due_of(rows, now=now, grace=timedelta(days=settings.BILLING_GRACE_DAYS))
    if due is not None:
        entitlement_grant(tenant_id=customer.tenant_id, plan=_plan(due), standing=due.standing, until=due.until)
    untold = Dispute.objects.filter(tenant_id=customer.tenant_id, status=LOST, told_at=None).exists()
    customer.look_at = now if untold else due.until if due else None
    customer.save(update_fields=["look_at"])


def _plan(due: Due) -> PlanVersion:
    if due.standing == Standing.FREE:
        return plan_on_sale(DEVELOPER)
    found = PlanVersion.objects.filter(pk=due.plan_id).first()
    if found is None:
        raise Unknown(f"A subscription is of the plan {due.plan_id}, which was never sold here.")
    return found


def _subscription(tenant_id: UUID, ticket: int, found: FetchedSubscription) -> None:
    values = asdict(found)
    is_stopped = values.pop("is_payment_stopped")
    known = Subscription.objects.filter(tenant_id=tenant_id, stripe_id=found.stripe_id).first()
    since = (known.payment_stopped_at if known else None) or found.ended_at or timezone.now()
    _stored(Subscription, tenant_id, ticket, values | {"payment_stopped_at": since if is_stopped else None})


def _invoice(tenant_id: UUID, ticket: int, found: FetchedInvoice) -> None:
    values = asdict(found)
    lines = values.pop("lines")
    if not _stored(Invoice, tenant_id, ticket, values):
        return
    InvoiceLine.objects.filter(tenant_id=tenant_id, invoice=found.stripe_id).delete()
    InvoiceLine.objects.bulk_create(InvoiceLine(tenant_id=tenant_id, invoice=found.stripe_id, **line) for line in lines)


def _dispute(tenant_id: UUID, ticket: int, found: FetchedDispute) -> None:
    """Tells of one that is new, and of one that is lost, once each: the customer's row is held."""
    known = Dispute.objects.filter(tenant_id=tenant_id, stripe_id=found.stripe_id).values_list("status", flat=True)
    former = known.first()
    if _stored(Dispute, tenant_id, ticket, asdict(found)) and (former is None or LOST == found.status != former):
        notice_tell(Notice("dispute", {"status": found.status, "reason": found.reason}))


def _stored(
    kind: type[Subscription | Invoice | Refund | Dispute], tenant_id: UUID, ticket: int, values: dict[str, Any]
) -> bool:
    """Whether it was newer than what is known."""
    rows = kind.objects.filter(tenant_id=tenant_id, stripe_id=values["stripe_id"])
    known = rows.values_list("guard", flat=True).first()
    if known is None:
        kind.objects.create(tenant_id=tenant_id, guard=ticket, **values)
    elif known < ticket:
        rows.update(guard=ticket, **values)
    return known is None or known < ticket
