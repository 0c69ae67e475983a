"""Who buys: customers, their tax ids, and the cards that they pay with."""

import re
from typing import Any

import stripe
from stripe import params
from stripe.params import test_helpers as _test_helpers  # noqa: F401  (its annotations are looked up by name)

from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.catalogue import changed, plain
from tests.stripe_simulator.faults import declined, invalid
from tests.stripe_simulator.routing import Request, page, readable, route
from tests.stripe_simulator.shapes import Object, shaped

# How a card behaves: taken or refused when it is given, and when it is charged.
GOOD, FAILS_LATER, REFUSED, TOO_POOR = "4242", "0341", "0002", "9995"
CARDS = {
    "pm_card_visa": GOOD, "pm_card_mastercard": GOOD, "pm_card_chargeCustomerFail": FAILS_LATER,
    "pm_card_visa_chargeDeclined": REFUSED, "pm_card_chargeDeclinedInsufficientFunds": TOO_POOR,
}  # fmt: skip
_TAX_IDS = {"eu_vat": r"[A-Z]{2}[A-Z0-9]{2,13}", "us_ein": r"\d{2}-\d{7}", "gb_vat": r"GB\d{9}", "ch_vat": r"CHE.+"}

readable("customer", "/v1/customers", params.CustomerRetrieveParams, params.CustomerListParams, ("email", "created"))
readable("payment_method", "/v1/payment_methods", params.PaymentMethodRetrieveParams)


@route("POST", "/v1/customers", params.CustomerCreateParams)
def customer_create(request: Request) -> Object:
    """A customer; with `test_clock` one whose time is that clock's."""
    account, given = request.account, plain(request.params, "invoice_settings", "payment_method", "tax_id_data", "tax")
    if "test_clock" in given:
        account.named("test_helpers.test_clock", given["test_clock"], "test_clock")
    customer = account.make(
        stripe.Customer, at=account.now(given.get("test_clock")), balance=given.pop("balance", 0), delinquent=False,
        invoice_settings=_invoice_settings({}), invoice_prefix=given.pop("invoice_prefix", None),
        next_invoice_sequence=1, tax_exempt=given.pop("tax_exempt", "none"), **given,
    )  # fmt: skip
    customer["invoice_prefix"] = customer["invoice_prefix"] or customer["id"][-8:].upper()
    _settle(account, customer, request.params)
    account.emit("customer.created", customer)
    return customer


def _settle(account: Account, customer: Object, given: dict[str, Any]) -> None:
    for data in given.get("tax_id_data", []):
        tax_id_make(account, customer, data)
    if "payment_method" in given:
        attach(account, customer, given["payment_method"])
    if settings := given.get("invoice_settings"):
        customer["invoice_settings"] = _invoice_settings(customer["invoice_settings"] | settings)


def _invoice_settings(given: dict[str, Any]) -> Object:
    if method := given.get("default_payment_method"):
        given = given | {"default_payment_method": method}
    return shaped(stripe.Customer.InvoiceSettings, **given)


@route("POST", "/v1/customers/{}", params.CustomerUpdateParams)
def customer_update(request: Request) -> Object:
    """Changes it. Raises Fault for a default card that is not the customer's."""
    account, given = request.account, dict(request.params)
    customer = account.get("customer", request.ids[0])
    settings = given.pop("invoice_settings", {})
    before = dict(customer)
    if method := settings.get("default_payment_method"):
        card = account.named("payment_method", method, "invoice_settings[default_payment_method]")
        if card["customer"] != customer["id"]:
            raise invalid("The payment method is not attached to this customer.", param="invoice_settings")
    if settings:
        customer["invoice_settings"] = _invoice_settings(customer["invoice_settings"] | settings)
    changed(account, customer, given)
    if before != customer:
        account.emit("customer.updated", customer, before=before)
    return customer


@route("POST", "/v1/customers/{}/balance_transactions", params.CustomerBalanceTransactionCreateParams)
def balance_transaction_create(request: Request) -> Object:
    """Adds to what the customer owes beyond its invoices; below 0 is a credit, which the next ones are paid from."""
    account, customer = request.account, request.account.get("customer", request.ids[0])
    customer["balance"] += request.params["amount"]
    return account.make(
        stripe.CustomerBalanceTransaction, at=account.now(customer.get("test_clock")), customer=customer["id"],
        ending_balance=customer["balance"], type="adjustment", **request.params,
    )  # fmt: skip


@route("GET", "/v1/customers/{}/balance_transactions", params.CustomerBalanceTransactionListParams)
def balance_transaction_list(request: Request) -> Object:
    """The latest first."""
    account = request.account
    made = list(account.all("customer_balance_transaction", customer=request.ids[0]))
    return page(request, made)


@route("DELETE", "/v1/customers/{}", params.CustomerDeleteParams)
def customer_delete(request: Request) -> Object:
    """Deletes it, and ends its subscriptions at once."""
    account = request.account
    customer = account.get("customer", request.ids[0])
    for subscription in account.all("subscription", customer=customer["id"]):
        if subscription["status"] != "canceled":
            before = dict(subscription)
            at = account.time_of(customer["id"])
            subscription.update(status="canceled", canceled_at=at, ended_at=at)
            account.emit("customer.subscription.deleted", subscription, before=before)
    account.drop(customer)
    gone = {"id": customer["id"], "object": "customer", "deleted": True}
    account.emit("customer.deleted", customer)
    account.keep(gone)  # can still be read, and says that it is gone
    return gone


@route("POST", "/v1/customers/{}/tax_ids", params.CustomerTaxIdCreateParams)
def tax_id_create(request: Request) -> Object:
    """A tax id of a customer. Raises Fault for one that does not look like its kind."""
    return tax_id_make(request.account, request.account.get("customer", request.ids[0]), request.params)


def tax_id_make(account: Account, customer: Object, given: dict[str, Any]) -> Object:
    """The tax id, checked by its form alone; its verification stays `pending`."""
    pattern = _TAX_IDS.get(given["type"], r".{1,40}")
    if not re.fullmatch(pattern, given["value"]):
        raise invalid(f"Invalid value for {given['type']}.", param="value", code="tax_id_invalid")
    verification = {"status": "pending", "verified_address": None, "verified_name": None}
    made = account.make(
        stripe.TaxId, customer=customer["id"], type=given["type"], value=given["value"], verification=verification,
        country=given["type"][:2].upper(),
    )  # fmt: skip
    account.emit("customer.tax_id.created", made)
    return made


@route("GET", "/v1/customers/{}/tax_ids", params.CustomerTaxIdListParams)
def tax_id_list(request: Request) -> Object:
    """The tax ids of a customer."""
    return page(request, list(request.account.all("tax_id", customer=request.ids[0])))


@route("DELETE", "/v1/customers/{}/tax_ids/{}", params.CustomerTaxIdDeleteParams)
def tax_id_delete(request: Request) -> Object:
    """Takes one away."""
    request.account.drop(request.account.get("tax_id", request.ids[1]))
    return {"id": request.ids[1], "object": "tax_id", "deleted": True}


def card_make(account: Account, last4: str, customer: Object | None = None) -> Object:
    """A card as a payment method. What it does when charged is told by its last four digits."""
    card = shaped(
        stripe.PaymentMethod.Card, brand="visa", country="US", exp_month=12, exp_year=2040, funding="credit",
        last4=last4, display_brand="visa", fingerprint=f"print{last4}",
    )  # fmt: skip
    billing = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
    return account.make(
        stripe.PaymentMethod, type="card", card=card, billing_details=billing,
        customer=customer["id"] if customer else None,
    )  # fmt: skip


def attach(account: Account, customer: Object, method: str) -> Object:
    """A payment method of the customer's: one that there is, or a new one of Stripe's test cards. Raises Fault."""
    if method in CARDS:
        card = card_make(account, CARDS[method])
    else:
        card = account.named("payment_method", method, "payment_method")
    if card["customer"] not in {None, customer["id"]}:
        raise invalid("The payment method you provided has already been attached to a customer.")
    if card["card"]["last4"] == REFUSED:
        raise declined("Your card was declined.", "generic_decline", param="")
    card["customer"] = customer["id"]
    account.emit("payment_method.attached", card)
    return card


@route("POST", "/v1/payment_methods/{}/attach", params.PaymentMethodAttachParams)
def payment_method_attach(request: Request) -> Object:
    """Attaches a payment method to a customer."""
    customer = request.account.named("customer", request.params["customer"], "customer")
    return attach(request.account, customer, request.ids[0])


@route("POST", "/v1/payment_methods/{}/detach", params.PaymentMethodDetachParams)
def payment_method_detach(request: Request) -> Object:
    """Takes a payment method from its customer."""
    card = request.account.get("payment_method", request.ids[0])
    card["customer"] = None
    request.account.emit("payment_method.detached", card)
    return card


@route("GET", "/v1/payment_methods", params.PaymentMethodListParams)
def payment_method_list(request: Request) -> Object:
    """The payment methods of a customer."""
    wanted = request.params.get("customer")
    return page(request, [card for card in request.account.all("payment_method") if card["customer"] == wanted])
