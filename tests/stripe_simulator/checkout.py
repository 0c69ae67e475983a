"""Checkout: a session that a customer completes on a hosted page, which subscribes, takes a payment or keeps a card."""

from dataclasses import dataclass
from typing import Any

import stripe
from stripe.params import checkout as params

from tests.stripe_simulator import invoices, standing
from tests.stripe_simulator.accounts import Account, new_id
from tests.stripe_simulator.customers import attach, card_make, tax_id_make
from tests.stripe_simulator.faults import Fault, declined, invalid
from tests.stripe_simulator.invoices import Line
from tests.stripe_simulator.money import cost
from tests.stripe_simulator.routing import Request, page, readable, route
from tests.stripe_simulator.shapes import Object, listed, shaped
from tests.stripe_simulator.subscriptions import subscription_make

DAY = 86_400

readable("checkout.session", "/v1/checkout/sessions", params.SessionRetrieveParams, params.SessionListParams,
         ("customer", "status"))  # fmt: skip


@route("POST", "/v1/checkout/sessions", params.SessionCreateParams)
def create(request: Request) -> Object:
    """A session, open for a day. Raises Fault for one that could never be completed."""
    account, given = request.account, request.params
    if account.platform and not account.platform.get("account", account.id)["charges_enabled"]:
        raise invalid("Your account cannot currently make charges.", code="account_not_chargeable")
    mode = given.get("mode", "payment")
    if given.get("ui_mode", "hosted_page") in {"hosted", "hosted_page"} and not given.get("success_url"):
        raise invalid("Missing required param: success_url.", param="success_url", code="parameter_missing")
    customer = account.named("customer", given["customer"], "customer") if "customer" in given else None
    lines = [_line(account, wanted, place, mode) for place, wanted in enumerate(given.get("line_items", []))]
    if not lines and mode != "setup":
        raise invalid("Missing required param: line_items.", param="line_items", code="parameter_missing")
    identifier = new_id("checkout.session")
    total = sum(line["amount_total"] for line in lines)
    session = account.make(
        stripe.checkout.Session, id=identifier, mode=mode, customer=customer["id"] if customer else None,
        customer_email=given.get("customer_email"), client_reference_id=given.get("client_reference_id"),
        success_url=given.get("success_url"), cancel_url=given.get("cancel_url"), status="open",
        url=f"{request.base}/_hosted/checkout/{identifier}", payment_status="unpaid", payment_method_types=["card"],
        expires_at=given.get("expires_at", account.now() + DAY), metadata=given.get("metadata") or {},
        automatic_tax=shaped(stripe.checkout.Session.AutomaticTax, enabled=False),
        custom_text=shaped(stripe.checkout.Session.CustomText), amount_subtotal=total, amount_total=total,
        currency=lines[0]["currency"] if lines else given.get("currency", "usd"), ui_mode="hosted_page",
        allow_promotion_codes=given.get("allow_promotion_codes"),
        line_items=listed(lines, f"/v1/checkout/sessions/{identifier}/line_items"),
    )  # fmt: skip
    account.wanted[identifier] = given
    return session


def _line(account: Account, wanted: dict[str, Any], place: int, mode: str) -> Object:
    price = account.named("price", wanted.get("price"), f"line_items[{place}][price]")
    if not price["active"]:
        raise invalid("The price specified is inactive.", param=f"line_items[{place}][price]")
    if mode == "payment" and price["recurring"]:
        raise invalid("You must provide one of the prices of type one_time in `payment` mode.", param="line_items")
    is_metered = bool(price["recurring"]) and price["recurring"]["usage_type"] == "metered"
    if is_metered and "quantity" in wanted:
        raise invalid("Quantity should not be specified where usage_type is `metered`.", param="line_items")
    if not is_metered and "quantity" not in wanted:
        raise invalid(f"Quantity is required ({price['id']}).", param=f"line_items[{place}][quantity]")
    quantity = wanted.get("quantity")
    amount = 0 if quantity is None else cost(price, quantity)
    return account.make(
        stripe.LineItem, price=price, quantity=quantity, currency=price["currency"], amount_subtotal=amount,
        amount_total=amount, amount_tax=0, amount_discount=0,
        description=account.get("product", price["product"])["name"],
    )  # fmt: skip


@route("GET", "/v1/checkout/sessions/{}/line_items", params.SessionListLineItemsParams)
def line_items(request: Request) -> Object:
    """What a session is for."""
    return page(request, request.account.get("checkout.session", request.ids[0])["line_items"]["data"][::-1])


@route("POST", "/v1/checkout/sessions/{}/expire", params.SessionExpireParams)
def expire(request: Request) -> Object:
    """Ends an open session."""
    session = request.account.get("checkout.session", request.ids[0])
    if session["status"] != "open":
        raise invalid(f"Only Checkout Sessions with a status of `open` can be expired ({session['status']}).")
    session.update(status="expired", url=None)
    request.account.emit("checkout.session.expired", session)
    return session


def complete(account: Account, session: Object, form: dict[str, str]) -> Object:
    """What the hosted page does with what was typed. Raises Fault for a card that refuses, and leaves all as it was."""
    if session["status"] != "open":
        raise invalid("This session is no longer open.")
    given, last4 = account.wanted[session["id"]], form.get("card", "").replace(" ", "")[-4:]
    if last4 in {"0002", "9995"}:
        raise declined("Your card was declined.", "generic_decline" if last4 == "0002" else "insufficient_funds")
    customer = _customer(account, session, form)
    card = attach(account, customer, card_make(account, last4)["id"])
    if form.get("tax_id"):
        tax_id_make(account, customer, {"type": form["tax_id_type"], "value": form["tax_id"]})
    done = {"subscription": _subscribe, "payment": _pay, "setup": _keep}[session["mode"]]
    session.update(done(account, session, Buying(customer, card, given, form)))
    session.update(status="complete", url=None, customer=customer["id"], customer_details=_details(customer))
    account.emit("checkout.session.completed", session)
    return session


def _customer(account: Account, session: Object, form: dict[str, str]) -> Object:
    if session["customer"]:
        return account.get("customer", session["customer"])
    email = form.get("email") or session["customer_email"]
    if not email:
        raise invalid("Your e-mail address is needed.", param="email")
    customer = account.make(
        stripe.Customer, email=email, name=form.get("name"), balance=0, delinquent=False, next_invoice_sequence=1,
        invoice_settings=shaped(stripe.Customer.InvoiceSettings), tax_exempt="none", metadata={},
        test_clock=account.newcomers_clock, invoice_prefix=new_id("customer")[-8:].upper(),
    )  # fmt: skip
    account.emit("customer.created", customer)
    return customer


def _details(customer: Object) -> Object:
    return shaped(stripe.checkout.Session.CustomerDetails, email=customer["email"], name=customer["name"])


@dataclass(frozen=True)
class Buying:
    """Who buys with which card. `given` is what the session was made with, `form` what was typed."""

    customer: Object
    card: Object
    given: dict[str, Any]
    form: dict[str, str]


def _subscribe(account: Account, _session: Object, buying: Buying) -> Object:
    customer, card, given = buying.customer, buying.card, buying.given
    wanted = given.get("subscription_data", {}) | {"items": given["line_items"], "default_payment_method": card["id"]}
    wanted["discounts"] = _discounts(account, given, buying.form)
    subscription = subscription_make(account, customer, wanted)
    try:
        standing.begin(account, subscription, "allow_incomplete", card["id"])
        if subscription["status"] == "incomplete":
            raise declined("Your card was declined.", "generic_decline")
    except Fault:
        standing.status_set(account, subscription, "incomplete_expired")
        raise
    invoice = account.get("invoice", subscription["latest_invoice"])
    return {
        "subscription": subscription["id"], "invoice": invoice["id"], "amount_total": invoice["total"],
        "payment_status": "paid" if invoice["amount_paid"] else "no_payment_required",
        "total_details": {"amount_discount": invoice["subtotal"] - invoice["total"], "amount_tax": 0},
    }  # fmt: skip


def _discounts(account: Account, given: dict[str, Any], form: dict[str, str]) -> list[dict[str, str]]:
    if not (typed := form.get("promotion_code")):
        return list(given.get("discounts", []))
    found = next(account.all("promotion_code", code=typed, active=True), None)
    if found is None or not given.get("allow_promotion_codes"):
        raise invalid("This code is invalid.", param="promotion_code")
    return [{"promotion_code": found["id"]}]


def _pay(account: Account, session: Object, buying: Buying) -> Object:
    customer, card = buying.customer, buying.card
    lines = session["line_items"]["data"]
    customer["currency"] = customer["currency"] or session["currency"]
    at = account.time_of(customer["id"])
    bought = [
        Line(line["amount_total"], line["description"], (at, at), line["price"], line["quantity"]) for line in lines
    ]
    invoice = invoices.invoice_make(
        account, customer, bought,
        subscription=None, reason="manual", metadata=buying.given.get("metadata") or {},
    )  # fmt: skip
    invoices.invoice_finalize(account, invoice)
    if invoice["status"] != "paid" and not invoices.invoice_attempt(account, invoice, card["id"]):
        raise declined("Your card was declined.", "generic_decline")
    paid = invoice["payments"]["data"]
    intent = paid[-1]["payment"]["payment_intent"] if paid else None
    return {"invoice": invoice["id"], "payment_intent": intent, "payment_status": "paid"}


def _keep(_account: Account, _session: Object, buying: Buying) -> Object:
    customer, card = buying.customer, buying.card
    customer["invoice_settings"]["default_payment_method"] = card["id"]
    return {"payment_status": "no_payment_required"}
