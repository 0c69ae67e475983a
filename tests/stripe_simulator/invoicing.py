"""Operations on invoices and on what waits for the next one."""

from stripe import params

from tests.stripe_simulator import proration, standing
from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.calendar_months import end_of_period
from tests.stripe_simulator.faults import declined, invalid
from tests.stripe_simulator.invoices import (
    Line,
    invoice_attempt,
    invoice_finalize,
    invoice_make,
    item_make,
    make_void,
    mark_paid,
    subscription_of,
)  # fmt: skip
from tests.stripe_simulator.items import licensed_lines, metered_lines
from tests.stripe_simulator.routing import Request, fits, page, route
from tests.stripe_simulator.shapes import Object


@route("GET", "/v1/invoices/{}", params.InvoiceRetrieveParams)
def invoice_retrieve(request: Request) -> Object:
    """One invoice."""
    return request.account.get("invoice", request.ids[0])


@route("GET", "/v1/invoices", params.InvoiceListParams)
def invoice_list(request: Request) -> Object:
    """Invoices by customer, subscription and status."""
    given = request.params
    found = [
        invoice
        for invoice in request.account.all("invoice")
        if invoice["customer"] == given.get("customer", invoice["customer"])
        and invoice["status"] == given.get("status", invoice["status"])
        and ("created" not in given or fits(invoice["created"], given["created"]))
        and ("subscription" not in given or subscription_of(invoice) == given["subscription"])
    ]
    return page(request, found)


@route("GET", "/v1/invoice_payments", params.InvoicePaymentListParams)
def payment_list(request: Request) -> Object:
    """What was tried to pay invoices with, by the invoice or the intent."""
    given = request.params
    intent = given.get("payment", {}).get("payment_intent")
    found = [
        payment
        for payment in request.account.all("invoice_payment")
        if payment["invoice"] == given.get("invoice", payment["invoice"])
        and payment["status"] == given.get("status", payment["status"])
        and intent in {None, payment["payment"]["payment_intent"]}
    ]
    return page(request, found)


@route("GET", "/v1/invoices/{}/lines", params.InvoiceLineItemListParams)
def invoice_lines(request: Request) -> Object:
    """The lines of one."""
    return page(request, request.account.get("invoice", request.ids[0])["lines"]["data"][::-1])


@route("POST", "/v1/invoices/{}/finalize", params.InvoiceFinalizeInvoiceParams)
def finalize(request: Request) -> Object:
    """Finalizes it now."""
    return invoice_finalize(request.account, request.account.get("invoice", request.ids[0]))


@route("POST", "/v1/invoices/{}/pay", params.InvoicePayParams)
def pay(request: Request) -> Object:
    """Pays it now, or outside of Stripe. Raises Fault where it is not open, or the card refuses."""
    account = request.account
    invoice = account.get("invoice", request.ids[0])
    if invoice["status"] == "draft":
        invoice_finalize(account, invoice)
    if invoice["status"] not in {"open", "uncollectible"}:
        raise invalid("Invoice is already paid or void.", code="invoice_already_paid")
    if request.params.get("paid_out_of_band"):
        invoice["amount_paid_off_stripe"] = invoice["amount_due"]
        mark_paid(account, invoice)
    else:
        invoice_attempt(account, invoice, request.params.get("payment_method"))
    if subscription := account.objects.get(subscription_of(invoice) or ""):
        standing.settle(account, subscription, invoice)
    if invoice["status"] != "paid":
        raise declined("Your card was declined.", "generic_decline")
    return invoice


@route("POST", "/v1/invoices/{}/void", params.InvoiceVoidInvoiceParams)
def void(request: Request) -> Object:
    """Makes it as if it had never been owed."""
    account = request.account
    invoice = account.get("invoice", request.ids[0])
    if invoice["status"] not in {"open", "uncollectible"}:
        raise invalid("You can only void open invoices.", code="invoice_not_editable")
    return make_void(account, invoice)


@route("POST", "/v1/invoiceitems", params.InvoiceItemCreateParams)
def item_create(request: Request) -> Object:
    """Something for the customer's next invoice; a negative amount is a credit."""
    given = request.params
    customer = request.account.named("customer", given.get("customer"), "customer")
    item = item_make(request.account, customer, given.get("amount", 0), given.get("description", ""))
    item["metadata"] = given.get("metadata") or {}
    return item


@route("POST", "/v1/invoices/create_preview", params.InvoiceCreatePreviewParams)
def preview(request: Request) -> Object:
    """What a subscription's next invoice, or a change of its items, would cost. Nothing of it happens."""
    account, given = request.account, request.params
    subscription = account.named("subscription", given.get("subscription"), "subscription")
    changes = given.get("subscription_details") or {}
    with account.rehearsal():
        latest = subscription["latest_invoice"]
        subscription = account.get("subscription", subscription["id"])
        if "items" in changes:
            proration.items_change(account, subscription, {"proration_behavior": "create_prorations"} | changes)
        if subscription["latest_invoice"] != latest:  # a new interval is billed at once
            return dict(account.get("invoice", subscription["latest_invoice"]))
        customer = account.get("customer", subscription["customer"])
        lines = [] if changes.get("proration_behavior") == "always_invoice" else _next_lines(account, subscription)
        return invoice_make(account, customer, lines, subscription=subscription, reason="upcoming")


def _next_lines(account: Account, subscription: Object) -> list[Line]:
    first = subscription["items"]["data"][0]
    began, ended = first["current_period_start"], first["current_period_end"]
    used = metered_lines(account, subscription, (began, ended))
    if subscription["cancel_at_period_end"]:
        return used
    end = end_of_period(subscription["billing_cycle_anchor"], first["price"]["recurring"], ended)
    return [*used, *licensed_lines(subscription, (ended, end))]
