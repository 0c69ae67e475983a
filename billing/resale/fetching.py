"""Asking how things stand in a seller's account now. Outside of transactions; passes Stripe's errors."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import stripe
from django.utils import timezone

from billing.resale.directory import inside
from billing.resale.fetched import (
    FetchedAccount,
    FetchedCheckout,
    FetchedPurchase,
    FetchedSale,
    FetchedSeller,
    account_made,
    purchase_made,
    purchase_of,
)
from billing.stripe.client import stripe_client
from billing.stripe.families import Family
from billing.stripe.fetched import moment

PAGE = 100
# Invoices and refunds that are younger are looked at when a seller is reconciled.
LOOKED_BACK = timedelta(days=60)


def account_fetched(account_id: str) -> FetchedAccount:
    """The account itself."""
    try:
        return account_made(stripe_client().v1.accounts.retrieve(account_id))
    except stripe.PermissionError:
        return FetchedAccount(account_id, is_gone=True)


def purchase_fetched(account_id: str, *, checkout: str, subscription: str) -> FetchedSeller:
    """A purchase by its subscription, or by its session while it has none, with the latest invoice."""
    if subscription:
        return _of_subscription(account_id, {"id": subscription})
    return _of_checkout(account_id, {"id": checkout}) if checkout else FetchedSeller()


def fetched_for(account_id: str, family: Family, about: dict[str, Any]) -> FetchedSeller:
    """What has to be known anew of the object `about` that an event of the account holds."""
    try:
        return _FETCHERS[family](account_id, about) if family in _FETCHERS else FetchedSeller()
    except stripe.PermissionError:
        return FetchedSeller(account=FetchedAccount(account_id, is_gone=True))


def seller_fetched(account_id: str) -> FetchedSeller:
    """All that there is of purchases in an account: every subscription, and what was paid and went back of late."""
    account = account_fetched(account_id)
    if account.is_gone:
        return FetchedSeller(account=account)
    client = stripe_client()
    listed = client.v1.subscriptions.list(
        {"status": "all", "limit": PAGE, "expand": ["data.latest_invoice"]}, inside(account_id)
    )
    purchases = [made for each in listed.auto_paging_iter() if (made := purchase_made(each))]
    since = int((timezone.now() - LOOKED_BACK).timestamp())
    invoices = client.v1.invoices.list({"status": "paid", "created": {"gte": since}, "limit": PAGE}, inside(account_id))
    sales = {sale.invoice_id: sale for each in invoices.auto_paging_iter() for sale in _sales(account_id, each)}
    refunds = client.v1.refunds.list({"created": {"gte": since}, "limit": PAGE}, inside(account_id))
    for each in refunds.auto_paging_iter():
        for sale in _of_refund(account_id, {"object": "refund", "payment_intent": each.payment_intent}).sales:
            sales[sale.invoice_id] = sale
    return FetchedSeller(account=account, purchases=purchases, sales=list(sales.values()))


def _of_account(account_id: str, _about: dict[str, Any]) -> FetchedSeller:
    return FetchedSeller(account=account_fetched(account_id))


def _of_subscription(account_id: str, about: dict[str, Any]) -> FetchedSeller:
    found = stripe_client().v1.subscriptions.retrieve(about["id"], {"expand": ["latest_invoice"]}, inside(account_id))
    made = purchase_made(found)
    return FetchedSeller(purchases=[made] if made else [], sales=list(_latest_sale(account_id, found)))


def _latest_sale(account_id: str, found: stripe.Subscription) -> Iterator[FetchedSale]:
    if isinstance(found.latest_invoice, stripe.Invoice):
        yield from _sales(account_id, found.latest_invoice)


def _of_checkout(account_id: str, about: dict[str, Any]) -> FetchedSeller:
    found = stripe_client().v1.checkout.sessions.retrieve(about["id"], None, inside(account_id))
    if found.subscription:
        return _of_subscription(account_id, {"id": _id(found.subscription)})
    return FetchedSeller(checkouts=[FetchedCheckout(found.id, found.status == "expired")])


def _of_invoice(account_id: str, about: dict[str, Any]) -> FetchedSeller:
    found = stripe_client().v1.invoices.retrieve(about["id"], None, inside(account_id))
    purchases: list[FetchedPurchase] = []
    if subscription := _subscription_of(found):
        purchases = list(_of_subscription(account_id, {"id": subscription}).purchases)
    return FetchedSeller(purchases=purchases, sales=list(_sales(account_id, found)))


def _of_refund(account_id: str, about: dict[str, Any]) -> FetchedSeller:
    """The sale that a charge, refund, dispute or fee is of, by what was paid with it."""
    client, intent = stripe_client(), about.get("payment_intent")
    if not intent:
        charge = about["id"] if about.get("object") == "charge" else about.get("charge")
        intent = client.v1.charges.retrieve(_id(charge), None, inside(account_id)).payment_intent if charge else None
    if not intent:
        return FetchedSeller()
    payments = client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": _id(intent)}}, inside(account_id)
    )
    sales: list[FetchedSale] = []
    for each in payments.auto_paging_iter():
        sales += _of_invoice(account_id, {"id": _id(each.invoice)}).sales
    return FetchedSeller(sales=sales)


_FETCHERS: dict[Family, Callable[[str, dict[str, Any]], FetchedSeller]] = {
    Family.ACCOUNT: _of_account,
    Family.SUBSCRIPTION: _of_subscription,
    Family.CHECKOUT: _of_checkout,
    Family.INVOICE: _of_invoice,
    Family.REFUND: _of_refund,
    Family.DISPUTE: _of_refund,
    Family.FEE: _of_refund,
}


def _sales(account_id: str, found: stripe.Invoice) -> Iterator[FetchedSale]:
    """The sale that an invoice is, if it is paid, of a purchase, and money moved."""
    details = found.parent.subscription_details if found.parent else None
    purchase_id = purchase_of(details.metadata) if details else None
    if found.status != "paid" or purchase_id is None or not found.id:
        return
    charges = list(_charges(account_id, found.id))
    if not charges:
        return
    lines = _lines(account_id, found)
    period = lines[0].period if lines else None
    yield FetchedSale(
        purchase_id=purchase_id,
        invoice_id=found.id,
        number=found.number or "",
        amount=sum(charge.amount_captured for charge in charges),
        fee=sum(_fee(charge) for charge in charges),
        refunded=sum(charge.amount_refunded + _disputed(account_id, charge) for charge in charges),
        currency=found.currency,
        quantities=_quantities(lines),
        period_start=moment(period.start if period else found.period_start),
        period_end=moment(period.end if period else found.period_end),
        paid_at=moment(found.status_transitions.paid_at or found.created),
    )


def _charges(account_id: str, invoice: str) -> Iterator[stripe.Charge]:
    client = stripe_client()
    payments = client.v1.invoice_payments.list({"invoice": invoice, "limit": PAGE}, inside(account_id))
    for payment in payments.auto_paging_iter():
        if intent := payment.payment.payment_intent:
            listed = client.v1.charges.list(
                {"payment_intent": _id(intent), "expand": ["data.application_fee"]}, inside(account_id)
            )
            yield from (charge for charge in listed.auto_paging_iter() if charge.status == "succeeded")


def _fee(charge: stripe.Charge) -> int:
    fee = charge.application_fee
    if isinstance(fee, stripe.ApplicationFee):
        return fee.amount - fee.amount_refunded
    return charge.application_fee_amount or 0


def _disputed(account_id: str, charge: stripe.Charge) -> int:
    """What a bank has taken back, or holds while it decides."""
    if not charge.disputed:
        return 0
    listed = stripe_client().v1.disputes.list({"charge": charge.id, "limit": PAGE}, inside(account_id))
    kept = {"won", "warning_needs_response", "warning_under_review", "warning_closed", "prevented"}
    return sum(each.amount for each in listed.auto_paging_iter() if each.status not in kept)


def _lines(account_id: str, found: stripe.Invoice) -> list[stripe.InvoiceLineItem]:
    if not found.lines.has_more or not found.id:
        return list(found.lines.data)
    listed = stripe_client().v1.invoices.line_items.list(found.id, {"limit": PAGE}, inside(account_id))
    return list(listed.auto_paging_iter())


def _quantities(lines: Iterable[stripe.InvoiceLineItem]) -> dict[str, int]:
    """How much of each price they bill."""
    found: dict[str, int] = {}
    for line in lines:
        details = line.pricing.price_details if line.pricing else None
        price = _id(details.price) if details and details.price else ""
        found[price] = found.get(price, 0) + (line.quantity or 0)
    return found


def _subscription_of(found: stripe.Invoice) -> str:
    details = found.parent.subscription_details if found.parent else None
    return _id(details.subscription) if details and details.subscription else ""


def _id(value: Any) -> str:
    return value if isinstance(value, str) else str(value.id)
