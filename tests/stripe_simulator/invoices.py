"""Invoices: lines, discounts, the customer's balance, and their way from draft to paid, open or void."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import stripe
from stripe import params

from tests.stripe_simulator import payments
from tests.stripe_simulator.accounts import Account, new_id
from tests.stripe_simulator.faults import invalid
from tests.stripe_simulator.money import off, rounded
from tests.stripe_simulator.routing import readable
from tests.stripe_simulator.shapes import Object, listed, shaped

DRAFT_SECONDS = 3_600
# After a refusal the card is tried again after so many days each; then the subscription ends.
RETRY_DAYS = (3, 5, 7)
DAY = 86_400

readable("invoice_payment", "/v1/invoice_payments", params.InvoicePaymentRetrieveParams)


@dataclass(frozen=True)
class Line:
    """What a line of an invoice is to say. `item` is the subscription item that it comes from."""

    amount: int
    description: str
    period: tuple[int, int]
    price: Object | None = None
    quantity: int | None = None
    item: Object | None = None
    proration: bool = False
    invoice_item: str | None = None
    unit_amount_decimal: str | None = None
    # Of what waited, which knows its price by this alone.
    pricing: Object | None = None
    metadata: dict[str, str] = field(default_factory=dict)


def invoice_make(
    account: Account, customer: Object, lines: list[Line], *, subscription: Object | None, reason: str, **more: Any
) -> Object:
    """A draft; pending items of the customer join its lines."""
    at = account.time_of(customer["id"])
    identifier = new_id("invoice")
    lines = [*lines, *_pending(account, customer, subscription, identifier)]
    made = [_line(identifier, line, subscription, customer) for line in lines]
    parent = _parent(subscription) if subscription else None
    more = {"period_start": at, "period_end": at, "metadata": {}} | _sums(account, made, subscription) | more
    invoice = account.make(
        stripe.Invoice, at=at, id=identifier, customer=customer["id"], customer_email=customer["email"],
        customer_name=customer["name"], currency=customer["currency"] or "usd", billing_reason=reason, parent=parent,
        lines=listed(made, f"/v1/invoices/{identifier}/lines"), status="draft", auto_advance=True,
        collection_method=subscription["collection_method"] if subscription else "charge_automatically",
        automatic_tax=shaped(stripe.Invoice.AutomaticTax, enabled=False), issuer={"type": "self", "account": None},
        payment_settings=shaped(stripe.Invoice.PaymentSettings), attempt_count=0, amount_overpaid=0, amount_shipping=0,
        status_transitions=shaped(stripe.Invoice.StatusTransitions), starting_balance=customer["balance"],
        payments=listed([], f"/v1/invoices/{identifier}/payments"), test_clock=customer["test_clock"],
        automatically_finalizes_at=at + DRAFT_SECONDS, **more,
    )  # fmt: skip
    if subscription:
        _use_up(account, subscription)
    account.emit("invoice.created", invoice)
    return invoice


def _use_up(account: Account, subscription: Object) -> None:
    """Takes away the discounts that are for one invoice."""
    coupons = {name: account.get("discount", name)["source"]["coupon"] for name in subscription["discounts"]}
    subscription["discounts"] = [
        name for name, coupon in coupons.items() if account.get("coupon", coupon)["duration"] != "once"
    ]


def _parent(subscription: Object) -> Object:
    details = shaped(
        stripe.Invoice.Parent.SubscriptionDetails, subscription=subscription["id"], metadata=subscription["metadata"]
    )
    return {"type": "subscription_details", "subscription_details": details, "quote_details": None}


def _pending(account: Account, customer: Object, subscription: Object | None, invoice: str) -> list[Line]:
    """What waits for the customer's next invoice, and no longer does."""
    found = []
    for waiting in list(account.all("invoiceitem", customer=customer["id"], invoice=None)):
        of = ((waiting["parent"] or {}).get("subscription_details") or {}).get("subscription")
        if of in {None, subscription["id"] if subscription else None}:
            period = (waiting["period"]["start"], waiting["period"]["end"])
            found.append(
                Line(waiting["amount"], waiting["description"], period, invoice_item=waiting["id"],
                     proration=waiting["proration"], quantity=waiting["quantity"], pricing=waiting["pricing"])
            )  # fmt: skip
            waiting["invoice"] = invoice
    return found


def _line(invoice: str, line: Line, subscription: Object | None, customer: Object) -> Object:
    of = subscription["id"] if subscription else None
    return shaped(
        stripe.InvoiceLineItem, id=new_id("line_item"), object="line_item", amount=line.amount, livemode=False,
        currency=customer["currency"] or "usd", description=line.description, discountable=not line.proration,
        invoice=invoice, period={"start": line.period[0], "end": line.period[1]}, quantity=line.quantity,
        pricing=line.pricing or pricing_of(line), subscription=of, subtotal=line.amount, parent=_line_parent(line, of),
        discount_amounts=[], metadata=line.metadata, taxes=[],
    )  # fmt: skip


def pricing_of(line: Line) -> Object | None:
    """A line's price and what one of it costs."""
    if not line.price:
        return None
    details = {"price": line.price["id"], "product": line.price["product"]}
    amount = line.unit_amount_decimal or line.price["unit_amount_decimal"]
    return shaped(
        stripe.InvoiceLineItem.Pricing, type="price_details", price_details=details, unit_amount_decimal=amount
    )


def _line_parent(line: Line, subscription: str | None) -> Object | None:
    if line.item:
        details = shaped(
            stripe.InvoiceLineItem.Parent.SubscriptionItemDetails, subscription=subscription,
            subscription_item=line.item["id"], proration=line.proration, invoice_item=line.invoice_item,
        )  # fmt: skip
        return {"type": "subscription_item_details", "subscription_item_details": details, "invoice_item_details": None}
    if line.invoice_item:
        details = shaped(
            stripe.InvoiceLineItem.Parent.InvoiceItemDetails, subscription=subscription,
            invoice_item=line.invoice_item, proration=line.proration,
        )  # fmt: skip
        return {"type": "invoice_item_details", "invoice_item_details": details, "subscription_item_details": None}
    return None


def _sums(account: Account, lines: list[Object], subscription: Object | None) -> Object:
    subtotal, taken = sum(line["amount"] for line in lines), []
    rest = sum(line["amount"] for line in lines if line["discountable"])
    for identifier in subscription["discounts"] if subscription else []:
        discount = account.get("discount", identifier)
        amount = off(account.get("coupon", discount["source"]["coupon"]), rest)
        rest -= amount
        taken.append({"amount": amount, "discount": identifier})
    total = subtotal - sum(discount["amount"] for discount in taken)
    return {
        "subtotal": subtotal, "subtotal_excluding_tax": subtotal, "total": total, "total_excluding_tax": total,
        "total_discount_amounts": taken, "discounts": [discount["discount"] for discount in taken],
        "amount_due": max(total, 0), "amount_paid": 0, "amount_remaining": max(total, 0), "total_taxes": [],
        "post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0,
    }  # fmt: skip


def invoice_finalize(account: Account, invoice: Object) -> Object:
    """Numbers it, puts the customer's balance to it, and opens it; nothing to pay is paid. Raises Fault if no draft."""
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize it.", code="invoice_not_editable")
    customer = account.get("customer", invoice["customer"])
    at = account.time_of(customer["id"])
    before = dict(invoice)
    balance = customer["balance"] + invoice["total"]
    due, left = max(balance, 0), min(balance, 0)
    invoice.update(
        status="open", number=f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}", effective_at=at,
        starting_balance=customer["balance"], ending_balance=left, amount_due=due, amount_remaining=due,
        hosted_invoice_url=f"/_hosted/invoice/{invoice['id']}", automatically_finalizes_at=None,
        status_transitions=invoice["status_transitions"] | {"finalized_at": at},
    )  # fmt: skip
    customer["next_invoice_sequence"] += 1
    customer["balance"] = left
    account.emit("invoice.finalized", invoice, before=before)
    if due == 0:
        mark_paid(account, invoice)
    return invoice


def mark_paid(account: Account, invoice: Object) -> None:
    """Nothing is owed any more."""
    before = dict(invoice)
    at = account.time_of(invoice["customer"])
    invoice.update(
        status="paid", attempted=True, amount_paid=invoice["amount_due"], amount_remaining=0,
        next_payment_attempt=None, status_transitions=invoice["status_transitions"] | {"paid_at": at},
    )  # fmt: skip
    account.emit("invoice.paid", invoice, before=before)
    account.emit("invoice.payment_succeeded", invoice, before=before)


def make_void(account: Account, invoice: Object) -> Object:
    """As if it had never been owed."""
    before = dict(invoice)
    invoice.update(status="void", next_payment_attempt=None, amount_remaining=0)
    account.emit("invoice.voided", invoice, before=before)
    return invoice


def invoice_attempt(account: Account, invoice: Object, method: str | None = None) -> bool:
    """Charges what is due to a card; whether it was paid. After a refusal it says when it will try again, or never."""
    customer = account.get("customer", invoice["customer"])
    intent = payments.intent_make(
        account, customer, invoice["amount_remaining"], invoice["currency"],
        application_fee_amount=fee_of(account, invoice),
    )  # fmt: skip
    _payment(account, invoice, intent)
    card = card_of(account, customer, invoice, method)
    is_paid = payments.charge(account, intent, card)
    invoice.update(attempt_count=invoice["attempt_count"] + 1, attempted=True)
    if is_paid:
        invoice["payments"]["data"][-1]["status"] = "paid"
        mark_paid(account, invoice)
        return True
    _try_later(account, invoice)
    return False


def fee_of(account: Account, invoice: Object) -> int | None:
    """What the platform gets of an invoice of a connected account."""
    subscription = account.objects.get(subscription_of(invoice) or "")
    percent = subscription and subscription["application_fee_percent"]
    return rounded(Decimal(invoice["amount_due"]) * Decimal(str(percent)) / 100) if percent else None


def _payment(account: Account, invoice: Object, intent: Object) -> None:
    made = account.make(
        stripe.InvoicePayment, at=account.time_of(invoice["customer"]), invoice=invoice["id"], is_default=True,
        amount_requested=invoice["amount_remaining"], currency=invoice["currency"], status="open",
        payment={"type": "payment_intent", "payment_intent": intent["id"], "charge": None, "payment_record": None},
        status_transitions={"canceled_at": None, "paid_at": None},
    )  # fmt: skip
    invoice["payments"]["data"].append(made)


def card_of(account: Account, customer: Object, invoice: Object, method: str | None = None) -> Object | None:
    """The card that pays: the one that was named, the subscription's, or the customer's."""
    subscription = account.objects.get(subscription_of(invoice) or "") or {}
    chosen = (
        method or subscription.get("default_payment_method") or customer["invoice_settings"]["default_payment_method"]
    )
    card = account.objects.get(chosen or "")
    return card if card and card["customer"] == customer["id"] else None


def _try_later(account: Account, invoice: Object) -> None:
    before = dict(invoice)
    tries = invoice["attempt_count"]
    is_cycle = invoice["billing_reason"] in {"subscription_cycle", "subscription_update"}
    later = account.time_of(invoice["customer"]) + RETRY_DAYS[tries - 1] * DAY if tries <= len(RETRY_DAYS) else None
    invoice["next_payment_attempt"] = later if is_cycle else None
    account.emit("invoice.payment_failed", invoice, before=before)


def subscription_of(invoice: Object) -> str | None:
    """The subscription that an invoice is of."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    found: str | None = details.get("subscription")
    return found


def item_make(account: Account, customer: Object, amount: int, description: str, **more: Any) -> Object:
    """A pending invoice item."""
    at = account.time_of(customer["id"])
    more.setdefault("period", {"start": at, "end": at})
    more = {"proration": False, "quantity": 1} | more
    made = account.make(
        stripe.InvoiceItem, customer=customer["id"], amount=amount, currency=customer["currency"] or "usd", date=at,
        description=description, discountable=False, quantity_decimal=str(more["quantity"]), net_amount=amount, **more,
    )  # fmt: skip
    account.emit("invoiceitem.created", made)
    return made
