"""How a subscription stands: how it begins, is paid or not, and ends."""

import stripe

from tests.stripe_simulator import invoices
from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.faults import declined
from tests.stripe_simulator.items import licensed_lines, metered_lines
from tests.stripe_simulator.shapes import Object, shaped

ENDED = frozenset({"canceled", "incomplete_expired"})


def begin(
    account: Account, subscription: Object, behavior: str = "allow_incomplete", method: str | None = None
) -> None:
    """Bills the first period and sets the status by whether it was paid. Raises Fault where it had to be."""
    customer = account.get("customer", subscription["customer"])
    first = subscription["items"]["data"][0]
    period = (first["current_period_start"], first["current_period_end"])
    account.emit("customer.subscription.created", subscription)
    invoice = invoices.invoice_make(
        account, customer, licensed_lines(subscription, period), subscription=subscription, reason="subscription_create"
    )
    subscription["latest_invoice"] = invoice["id"]
    invoices.invoice_finalize(account, invoice)
    if invoice["status"] == "open" and behavior != "default_incomplete" and _is_automatic(subscription):
        invoices.invoice_attempt(account, invoice, method)
    if invoice["status"] != "paid" and behavior == "error_if_incomplete":
        status_set(account, subscription, "incomplete_expired")
        raise declined("Your card was declined.", "generic_decline")
    settle(account, subscription, invoice)


def _is_automatic(subscription: Object) -> bool:
    return bool(subscription["collection_method"] == "charge_automatically")


def settle(account: Account, subscription: Object, invoice: Object) -> None:
    """Sets the status by the latest invoice: paid, refused now, or refused for the last time."""
    if subscription["status"] in ENDED or subscription["latest_invoice"] != invoice["id"]:
        return
    customer = account.get("customer", subscription["customer"])
    if invoice["status"] in {"paid", "void"} or not _is_automatic(subscription):
        trial_end = subscription["trial_end"]
        on_trial = trial_end is not None and account.time_of(customer["id"]) < trial_end
        customer["delinquent"] = False
        status_set(account, subscription, "trialing" if on_trial else "active")
    elif invoice["status"] == "open" and invoice["attempted"] and subscription["status"] != "incomplete":
        customer["delinquent"] = True
        is_over = invoice["next_payment_attempt"] is None and invoice["attempt_count"] > len(invoices.RETRY_DAYS)
        if is_over and account.never_paid == "unpaid":
            status_set(account, subscription, "unpaid")
        elif is_over:
            end(account, subscription, "payment_failed")
        else:
            status_set(account, subscription, "past_due")


def status_set(account: Account, subscription: Object, status: str) -> None:
    """Another status, told of."""
    if subscription["status"] != status:
        before = dict(subscription)
        subscription["status"] = status
        account.emit("customer.subscription.updated", subscription, before=before)


def end(account: Account, subscription: Object, reason: str) -> None:
    """Ends it now; what the customer owes is collected no further by itself."""
    before = dict(subscription)
    for invoice in account.all("invoice", customer=subscription["customer"], status="open"):
        invoice["next_payment_attempt"] = None
    at = account.time_of(subscription["customer"])
    details = shaped(stripe.Subscription.CancellationDetails, reason=reason)
    subscription.update(
        status="canceled", canceled_at=subscription["canceled_at"] or at, ended_at=at, cancellation_details=details
    )
    account.emit("customer.subscription.deleted", subscription, before=before)


def last_invoice(account: Account, subscription: Object) -> None:
    """Bills what was used since the last invoice, and what is pending."""
    first = subscription["items"]["data"][0]
    customer = account.get("customer", subscription["customer"])
    period = (first["current_period_start"], account.time_of(customer["id"]))
    lines = metered_lines(account, subscription, period)
    invoice = invoices.invoice_make(account, customer, lines, subscription=subscription, reason="subscription_cycle")
    subscription["latest_invoice"] = invoice["id"]
    invoices.invoice_finalize(account, invoice)
    if invoice["status"] == "open" and _is_automatic(subscription):
        invoices.invoice_attempt(account, invoice)
