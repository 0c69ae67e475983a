"""Asking Stripe how things stand now: what an event is about, or all that a customer has. Outside of transactions."""

from collections.abc import Callable, Iterator
from typing import Any

import stripe

from billing.stripe.catalogue import is_metered
from billing.stripe.catalogue_names import PLAN, labels
from billing.stripe.client import is_gone, stripe_client
from billing.stripe.families import Family
from billing.stripe.fetched import (
    Fetched,
    FetchedCheckout,
    FetchedInvoice,
    FetchedSubscription,
    dispute_made,
    invoice_made,
    refund_made,
    subscription_made,
)

PAGE = 100
# Of a customer at a reconciliation: the latest, since older ones change no more.
MAXIMUM_INVOICES = 100
_WITH_INVOICE = ["latest_invoice"]


def customer_of(family: Family, about: dict[str, Any]) -> str:
    """Whose an event is where it does not say: that of the charge. Empty where it is nobody's."""
    charge = about["id"] if about.get("object") == "charge" else about.get("charge")
    if family not in {Family.DISPUTE, Family.REFUND} or not charge:
        return ""
    found = stripe_client().v1.charges.retrieve(charge if isinstance(charge, str) else charge["id"])
    return found.customer if isinstance(found.customer, str) else found.customer.id if found.customer else ""


def fetched_for(family: Family, about: dict[str, Any]) -> Fetched:
    """What has to be known anew of the object `about` that an event holds."""
    return _FETCHERS[family](about)


def fetched_of_customer(customer: str) -> Fetched:
    """All that a customer has now: every subscription, and the latest invoices."""
    client = stripe_client()
    found = client.v1.subscriptions.list(
        {"customer": customer, "status": "all", "limit": PAGE, "expand": ["data.latest_invoice"]}
    )
    subscriptions = [subscription_made(each) for each in found.auto_paging_iter() if _is_ours(each)]
    invoices = client.v1.invoices.list({"customer": customer, "limit": MAXIMUM_INVOICES}).data
    return Fetched(subscriptions=subscriptions, invoices=[_with_lines(each) for each in invoices])


def _is_ours(found: stripe.Subscription) -> bool:
    """Not what an operator sold to the customer besides, in the same account."""
    return any(PLAN in labels(item.price) for item in found["items"].data)


def _of_subscription(about: dict[str, Any]) -> Fetched:
    return Fetched(subscriptions=list(_subscription(about["id"])))


def _of_invoice(about: dict[str, Any]) -> Fetched:
    try:
        found = stripe_client().v1.invoices.retrieve(about["id"])
    except stripe.InvalidRequestError as error:
        if not is_gone(error):
            raise
        return Fetched(gone_invoices=[about["id"]])
    invoice = _with_lines(found)
    return Fetched(invoices=[invoice], subscriptions=list(_subscription(invoice.subscription)))


def _of_checkout(about: dict[str, Any]) -> Fetched:
    found = stripe_client().v1.checkout.sessions.retrieve(about["id"])
    subscription = found.subscription if isinstance(found.subscription, str) else ""
    checkout = FetchedCheckout(found.id, found.status or "open")
    return Fetched(checkouts=[checkout], subscriptions=list(_subscription(subscription)))


def _of_refund(about: dict[str, Any]) -> Fetched:
    charge = about["id"] if about.get("object") == "charge" else str(about["charge"])
    found = stripe_client().v1.refunds.list({"charge": charge, "limit": PAGE})
    return Fetched(refunds=[refund_made(each) for each in found.auto_paging_iter()])


def _of_dispute(about: dict[str, Any]) -> Fetched:
    return Fetched(disputes=[dispute_made(stripe_client().v1.disputes.retrieve(about["id"]))])


def _of_customer(about: dict[str, Any]) -> Fetched:
    return fetched_of_customer(about["id"])


_FETCHERS: dict[Family, Callable[[dict[str, Any]], Fetched]] = {
    Family.SUBSCRIPTION: _of_subscription,
    Family.INVOICE: _of_invoice,
    Family.CHECKOUT: _of_checkout,
    Family.REFUND: _of_refund,
    Family.DISPUTE: _of_dispute,
    Family.CUSTOMER: _of_customer,
}


def _subscription(identifier: str) -> Iterator[FetchedSubscription]:
    if identifier:
        found = stripe_client().v1.subscriptions.retrieve(identifier, {"expand": _WITH_INVOICE})
        if _is_ours(found):
            yield subscription_made(found)


def _with_lines(found: stripe.Invoice) -> FetchedInvoice:
    lines = found.lines.data
    if found.lines.has_more and found.id:
        lines = list(stripe_client().v1.invoices.line_items.list(found.id, {"limit": PAGE}).auto_paging_iter())
    return invoice_made(found, lines, is_metered)
