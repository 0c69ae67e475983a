"""The billing portal: a page on which a customer changes the card, pays what is open, and cancels."""

from typing import Any

import stripe
from stripe.params import billing_portal as params

from tests.stripe_simulator import invoices, standing
from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.catalogue import changed, plain
from tests.stripe_simulator.customers import attach, card_make
from tests.stripe_simulator.faults import declined, invalid
from tests.stripe_simulator.routing import Request, readable, route
from tests.stripe_simulator.shapes import Object, shaped

readable("billing_portal.configuration", "/v1/billing_portal/configurations", params.ConfigurationRetrieveParams,
         params.ConfigurationListParams, ("active", "is_default"))  # fmt: skip
_FEATURES = ("customer_update", "invoice_history", "payment_method_update", "subscription_cancel",
             "subscription_pause", "subscription_update")  # fmt: skip


@route("POST", "/v1/billing_portal/configurations", params.ConfigurationCreateParams)
def configuration_create(request: Request) -> Object:
    """What customers may do in the portal."""
    account, given = request.account, request.params
    profile = given.get("business_profile") or {}
    is_first = not any(account.all("billing_portal.configuration"))
    return account.make(
        stripe.billing_portal.Configuration, active=True, is_default=is_first, updated=account.now(),
        business_profile={"headline": None, "privacy_policy_url": None, "terms_of_service_url": None} | profile,
        features={name: {"enabled": False} | given["features"].get(name, {}) for name in _FEATURES},
        default_return_url=given.get("default_return_url") or None, metadata=given.get("metadata") or {},
        login_page={"enabled": False, "url": None},
    )  # fmt: skip


@route("POST", "/v1/billing_portal/configurations/{}", params.ConfigurationUpdateParams)
def configuration_update(request: Request) -> Object:
    """Changes it."""
    found = request.account.get("billing_portal.configuration", request.ids[0])
    given = dict(request.params)
    if "features" in given:
        given["features"] = found["features"] | {
            name: found["features"][name] | wanted for name, wanted in given["features"].items()
        }
    return changed(request.account, found, given)


@route("POST", "/v1/billing_portal/sessions", params.SessionCreateParams)
def session_create(request: Request) -> Object:
    """A way into the portal for one customer. Raises Fault where no configuration says what they may do."""
    account, given = request.account, plain(request.params, "flow_data")
    customer = account.named("customer", given.get("customer"), "customer")
    wanted = given.get("configuration")
    configuration = next(
        (made for made in account.all("billing_portal.configuration", active=True)
         if made["id"] == wanted or (wanted is None and made["is_default"])), None,
    )  # fmt: skip
    if configuration is None:
        raise invalid("No configuration provided and your test mode default configuration has not been created.")
    session = account.make(
        stripe.billing_portal.Session, customer=customer["id"], configuration=configuration["id"], url="",
        return_url=given.get("return_url") or configuration["default_return_url"],
    )  # fmt: skip
    session["url"] = f"{request.base}/_hosted/portal/{session['id']}"
    return session


def act(account: Account, session: Object, form: dict[str, str]) -> None:
    """What a button of the portal does. Raises Fault as the API would, and for what is not allowed there."""
    customer = account.get("customer", session["customer"])
    features = account.get("billing_portal.configuration", session["configuration"])["features"]
    {"card": _card, "pay": _pay, "cancel": _cancel, "resume": _resume}[form["action"]](
        account, customer, features, form
    )


def _allowed(features: Object, name: str) -> None:
    if not features[name]["enabled"]:
        raise invalid("The portal's configuration does not allow this.")


def _card(account: Account, customer: Object, features: Object, form: dict[str, str]) -> None:
    _allowed(features, "payment_method_update")
    card = attach(account, customer, card_make(account, form.get("card", "").replace(" ", "")[-4:])["id"])
    before = dict(customer)
    customer["invoice_settings"] = shaped(stripe.Customer.InvoiceSettings, default_payment_method=card["id"])
    for subscription in account.all("subscription", customer=customer["id"]):
        subscription["default_payment_method"] = card["id"]
    account.emit("customer.updated", customer, before=before)


def _pay(account: Account, customer: Object, _features: Object, form: dict[str, str]) -> None:
    invoice = account.get("invoice", form.get("invoice"))
    if invoice["customer"] != customer["id"] or invoice["status"] != "open":
        raise invalid("There is no such invoice to pay.")
    pay_open(account, invoice)


def pay_open(account: Account, invoice: Object) -> None:
    """Charges an open invoice to its customer's card. Raises Fault where it refuses."""
    is_paid = invoices.invoice_attempt(account, invoice)
    if subscription := account.objects.get(invoices.subscription_of(invoice) or ""):
        standing.settle(account, subscription, invoice)
    if not is_paid:
        raise declined("Your card was declined.", "generic_decline")


def _own(account: Account, customer: Object, form: dict[str, str]) -> Object:
    subscription = account.get("subscription", form.get("subscription"))
    if subscription["customer"] != customer["id"] or subscription["status"] in standing.ENDED:
        raise invalid("There is no such subscription.")
    return subscription


def _cancel(account: Account, customer: Object, features: Object, form: dict[str, str]) -> None:
    _allowed(features, "subscription_cancel")
    subscription = _own(account, customer, form)
    if features["subscription_cancel"].get("mode") == "immediately":
        standing.end(account, subscription, "cancellation_requested")
        return
    _set(account, subscription, True, subscription["items"]["data"][0]["current_period_end"])


def _resume(account: Account, customer: Object, _features: Object, form: dict[str, str]) -> None:
    _set(account, _own(account, customer, form), False, None)


def _set(account: Account, subscription: Object, ends: Any, at: int | None) -> None:
    before = dict(subscription)
    now = account.time_of(subscription["customer"]) if ends else None
    subscription.update(cancel_at_period_end=ends, cancel_at=at, canceled_at=now)
    account.emit("customer.subscription.updated", subscription, before=before)
