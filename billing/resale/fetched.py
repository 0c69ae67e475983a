"""What was found in a seller's account, as plain values: made of Stripe's objects here, written by `writing.py`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import stripe

from billing.resale.models import PurchaseStanding
from billing.stripe.fetched import maybe, moment
from billing.stripe.standing import NEVER_BEGAN

# In the metadata of subscriptions and of sessions: which purchase they are of.
PURCHASE = "armstrong_purchase"
_AS_THEY_ARE = {
    "active": PurchaseStanding.ACTIVE,
    "trialing": PurchaseStanding.ACTIVE,
    "past_due": PurchaseStanding.PAST_DUE,
    "unpaid": PurchaseStanding.UNPAID,
    "paused": PurchaseStanding.UNPAID,
}


@dataclass(frozen=True, slots=True)
class FetchedAccount:
    """An account. `is_gone`: the platform may not look at it any more."""

    account_id: str
    is_gone: bool = False
    country: str = ""
    currency: str = ""
    charges_enabled: bool = False
    payouts_enabled: bool = False
    details_submitted: bool = False
    requirements_due: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchedPurchase:
    """A subscription of a purchase. Times are UTC."""

    purchase_id: UUID
    subscription_id: str
    customer_id: str
    standing: PurchaseStanding
    began_at: datetime
    period_start: datetime
    period_end: datetime
    cancel_at: datetime | None
    ended_at: datetime | None
    is_unpaid: bool


@dataclass(frozen=True, slots=True)
class FetchedCheckout:
    """A session, and whether its page is closed without anybody having paid."""

    checkout_id: str
    is_expired: bool


@dataclass(frozen=True, slots=True)
class FetchedSale:
    """An invoice that somebody paid."""

    purchase_id: UUID
    invoice_id: str
    number: str
    amount: int
    fee: int
    refunded: int
    currency: str
    quantities: dict[str, int]
    period_start: datetime
    period_end: datetime
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class FetchedSeller:
    """All that was found at one look into a seller's account."""

    account: FetchedAccount | None = None
    purchases: Sequence[FetchedPurchase] = ()
    checkouts: Sequence[FetchedCheckout] = ()
    sales: Sequence[FetchedSale] = field(default=())


def account_made(found: stripe.Account) -> FetchedAccount:
    """An account."""
    requirements = found.requirements
    return FetchedAccount(
        account_id=found.id,
        country=found.country or "",
        currency=found.default_currency or "",
        charges_enabled=bool(found.charges_enabled),
        payouts_enabled=bool(found.payouts_enabled),
        details_submitted=bool(found.details_submitted),
        requirements_due=tuple(requirements.currently_due or ()) if requirements else (),
    )


def purchase_of(metadata: object) -> UUID | None:
    """The purchase that metadata names, if it is one of ours."""
    labels = metadata.to_dict() if isinstance(metadata, stripe.StripeObject) else {}
    try:
        return UUID(str(labels.get(PURCHASE, "")))
    except ValueError:
        return None


def purchase_made(found: stripe.Subscription) -> FetchedPurchase | None:
    """A subscription whose `latest_invoice` was expanded; None for one of no purchase, or that never began."""
    purchase_id = purchase_of(found.metadata)
    items = found["items"].data
    if purchase_id is None or not items or found.status in NEVER_BEGAN:
        return None
    details = found.cancellation_details
    return FetchedPurchase(
        purchase_id=purchase_id,
        subscription_id=found.id,
        customer_id=found.customer if isinstance(found.customer, str) else found.customer.id,
        standing=_standing(found),
        began_at=moment(found.created),
        period_start=moment(items[0].current_period_start),
        period_end=moment(items[0].current_period_end),
        cancel_at=maybe(found.cancel_at),
        ended_at=maybe(found.ended_at),
        is_unpaid=details is not None and details.reason == "payment_failed",
    )


def _standing(found: stripe.Subscription) -> PurchaseStanding:
    standing = _AS_THEY_ARE.get(found.status, PurchaseStanding.ENDED)
    invoice = found.latest_invoice
    if standing != PurchaseStanding.PAST_DUE or not isinstance(invoice, stripe.Invoice):
        return standing
    tries_no_more = invoice.status == "open" and invoice.attempted and invoice.next_payment_attempt is None
    return PurchaseStanding.UNPAID if tries_no_more else standing
