"""What Stripe was found to have, as plain values: made of its objects here alone, written by `mirror.py` alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import stripe

from billing.stripe.catalogue_names import INTERVAL, PLAN, USAGE, Usage, labels


class Unknown(Exception):
    """Stripe has something that this platform cannot have made: nothing can be made of it without a person."""


@dataclass(frozen=True, slots=True)
class FetchedSubscription:
    """A subscription. Times are UTC."""

    stripe_id: str
    created: datetime
    status: str
    plan_id: str
    interval: str
    currency: str
    item: str
    price: str
    overage_item: str
    overage_price: str
    overage_since: datetime | None
    period_start: datetime
    period_end: datetime
    trial_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    ended_at: datetime | None
    # Whether Stripe no longer tries to get what is owed.
    is_payment_stopped: bool
    latest_invoice: str


@dataclass(frozen=True, slots=True)
class FetchedLine:
    """A line of an invoice."""

    stripe_id: str
    place: int
    description: str
    amount: int
    currency: str
    quantity: int | None
    price: str
    unit_amount: Decimal | None
    is_metered: bool
    is_proration: bool
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True)
class FetchedInvoice:
    """An invoice with its lines."""

    stripe_id: str
    created: datetime
    number: str
    status: str
    reason: str
    subscription: str
    currency: str
    subtotal: int
    total: int
    amount_due: int
    amount_paid: int
    amount_remaining: int
    period_start: datetime
    period_end: datetime
    due_at: datetime | None
    paid_at: datetime | None
    attempts: int
    next_attempt_at: datetime | None
    hosted_url: str
    pdf_url: str
    lines: tuple[FetchedLine, ...]


@dataclass(frozen=True, slots=True)
class FetchedRefund:
    """A refund."""

    stripe_id: str
    created: datetime
    charge: str
    amount: int
    currency: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class FetchedDispute:
    """A dispute."""

    stripe_id: str
    created: datetime
    charge: str
    amount: int
    currency: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class FetchedCheckout:
    """A session of Checkout, and how it stands."""

    stripe_id: str
    state: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """All that was found at one look."""

    subscriptions: Sequence[FetchedSubscription] = ()
    invoices: Sequence[FetchedInvoice] = ()
    refunds: Sequence[FetchedRefund] = ()
    disputes: Sequence[FetchedDispute] = ()
    checkouts: Sequence[FetchedCheckout] = ()
    # Drafts can be deleted.
    gone_invoices: Sequence[str] = field(default=())


def subscription_made(found: stripe.Subscription) -> FetchedSubscription:
    """A subscription whose `latest_invoice` was expanded. Raises Unknown for one of prices that are not ours."""
    base, overage = _items(found)
    invoice = found.latest_invoice if isinstance(found.latest_invoice, stripe.Invoice) else None
    return FetchedSubscription(
        stripe_id=found.id,
        created=moment(found.created),
        status=found.status,
        plan_id=labels(base.price)[PLAN],
        interval=labels(base.price)[INTERVAL],
        currency=found.currency,
        item=base.id,
        price=base.price.id,
        overage_item=overage.id if overage else "",
        overage_price=overage.price.id if overage else "",
        overage_since=moment(overage.created) if overage else None,
        period_start=moment(base.current_period_start),
        period_end=moment(base.current_period_end),
        trial_end=maybe(found.trial_end),
        cancel_at_period_end=found.cancel_at_period_end,
        cancel_at=maybe(found.cancel_at),
        ended_at=maybe(found.ended_at),
        is_payment_stopped=_is_stopped(found, invoice),
        latest_invoice=invoice.id or "" if invoice else "",
    )


def _items(found: stripe.Subscription) -> tuple[stripe.SubscriptionItem, stripe.SubscriptionItem | None]:
    ours = {labels(item.price).get(USAGE): item for item in found["items"].data if PLAN in labels(item.price)}
    if Usage.BASE not in ours:
        raise Unknown(f"The subscription {found.id} is of no price that `armstrong billing sync` made.")
    return ours[Usage.BASE], ours.get(Usage.OVERAGE)


def _is_stopped(found: stripe.Subscription, invoice: stripe.Invoice | None) -> bool:
    if found.status == "canceled":
        details = found.cancellation_details
        return details is not None and details.reason == "payment_failed"
    if found.status == "past_due":
        return invoice is not None and invoice.attempted and invoice.next_payment_attempt is None
    return found.status == "unpaid"


def invoice_made(
    found: stripe.Invoice, lines: Sequence[stripe.InvoiceLineItem], is_metered: Callable[[str], bool]
) -> FetchedInvoice:
    """An invoice with all its lines; `is_metered` says of a price's id whether it counts calls."""
    assert found.id is not None  # noqa: S101  previews alone have none
    details = found.parent.subscription_details if found.parent else None
    subscription = details.subscription if details else ""
    return FetchedInvoice(
        stripe_id=found.id,
        created=moment(found.created),
        number=found.number or "",
        status=found.status or "draft",
        reason=found.billing_reason or "",
        subscription=subscription if isinstance(subscription, str) else subscription.id,
        currency=found.currency,
        subtotal=found.subtotal,
        total=found.total,
        amount_due=found.amount_due,
        amount_paid=found.amount_paid,
        amount_remaining=found.amount_remaining,
        period_start=moment(found.period_start),
        period_end=moment(found.period_end),
        due_at=maybe(found.due_date),
        paid_at=maybe(found.status_transitions.paid_at),
        attempts=found.attempt_count,
        next_attempt_at=maybe(found.next_payment_attempt),
        hosted_url=found.hosted_invoice_url or "",
        pdf_url=found.invoice_pdf or "",
        lines=tuple(_line(line, place, is_metered) for place, line in enumerate(lines)),
    )


def _line(found: stripe.InvoiceLineItem, place: int, is_metered: Callable[[str], bool]) -> FetchedLine:
    pricing = found.pricing
    price = pricing.price_details.price if pricing and pricing.price_details else ""
    price = price if isinstance(price, str) else price.id
    amount = pricing.unit_amount_decimal if pricing else None
    parent = found.parent
    details = (parent.subscription_item_details or parent.invoice_item_details) if parent else None
    return FetchedLine(
        stripe_id=found.id,
        place=place,
        description=found.description or "",
        amount=found.amount,
        currency=found.currency,
        quantity=found.quantity,
        price=price,
        unit_amount=None if amount is None else Decimal(amount),
        is_metered=bool(price) and is_metered(price),
        is_proration=bool(details and details.proration),
        period_start=moment(found.period.start),
        period_end=moment(found.period.end),
    )


def refund_made(found: stripe.Refund) -> FetchedRefund:
    """A refund."""
    charge = found.charge if isinstance(found.charge, str) else found.charge.id if found.charge else ""
    return FetchedRefund(
        found.id, moment(found.created), charge, found.amount, found.currency, found.status or "", found.reason or ""
    )


def dispute_made(found: stripe.Dispute) -> FetchedDispute:
    """A dispute."""
    charge = found.charge if isinstance(found.charge, str) else found.charge.id
    return FetchedDispute(
        found.id, moment(found.created), charge, found.amount, found.currency, found.status, found.reason
    )


def moment(seconds: int) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, UTC)


def maybe(seconds: int | None) -> datetime | None:
    """The same, or None for none."""
    return None if seconds is None else moment(seconds)
