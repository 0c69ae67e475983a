"""Subscriptions: their items and periods, what a change costs, and how they begin and end."""

from typing import Any

import stripe
from stripe import params

from tests.stripe_simulator import proration
from tests.stripe_simulator.accounts import Account, new_id
from tests.stripe_simulator.calendar_months import end_of_period
from tests.stripe_simulator.catalogue import changed, merged, plain
from tests.stripe_simulator.faults import invalid
from tests.stripe_simulator.items import item_make, price_of
from tests.stripe_simulator.routing import Request, page, route
from tests.stripe_simulator.shapes import Object, listed, shaped
from tests.stripe_simulator.standing import ENDED, begin, end, last_invoice

_KEPT = (
    "cancel_at_period_end", "collection_method", "days_until_due", "default_payment_method", "description",
    "application_fee_percent",
)  # fmt: skip


def subscription_make(account: Account, customer: Object, given: dict[str, Any]) -> Object:
    """A subscription with its items, before anything is billed. Raises Fault for prices that cannot be."""
    at = account.time_of(customer["id"])
    trial_end = _trial_end(given, at)
    prices = [price_of(account, item, f"items[{place}]") for place, item in enumerate(given.get("items", []))]
    if not prices:
        raise invalid("Missing required param: items.", param="items", code="parameter_missing")
    if len({price["currency"] for price in prices}) > 1 or len({_interval(price) for price in prices}) > 1:
        raise invalid("All prices of a subscription need the same currency and interval.", param="items")
    customer["currency"] = customer["currency"] or prices[0]["currency"]
    if customer["currency"] != prices[0]["currency"]:
        raise invalid("You cannot combine currencies on a single customer.", param="items")
    subscription = _bare(account, customer, given, trial_end)
    end = trial_end or end_of_period(at, prices[0]["recurring"], at)
    for item, price in zip(given["items"], prices, strict=True):
        item_make(account, subscription, price, item, (at, end))
    subscription["discounts"] = discounts_make(account, subscription, given.get("discounts") or [])
    return account.keep(subscription)


def _trial_end(given: dict[str, Any], at: int) -> int | None:
    end = given.get("trial_end")
    if end == "now":
        return None
    days = given.get("trial_period_days")
    if end is None and days:
        end = at + days * 86_400
    if end is not None and end <= at:
        raise invalid("Invalid timestamp: must be in the future.", param="trial_end")
    return end


def _interval(price: Object) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def _bare(account: Account, customer: Object, given: dict[str, Any], trial_end: int | None) -> Object:
    identifier, at = new_id("subscription"), account.time_of(customer["id"])
    kept = {name: given[name] for name in _KEPT if given.get(name) not in {None, ""}}
    kept.setdefault("collection_method", "charge_automatically")
    return shaped(
        stripe.Subscription, object="subscription", id=identifier, customer=customer["id"], created=at, start_date=at,
        livemode=account.livemode, currency=customer["currency"], billing_cycle_anchor=trial_end or at,
        automatic_tax=shaped(stripe.Subscription.AutomaticTax, enabled=False), latest_invoice=None,
        billing_mode=shaped(stripe.Subscription.BillingMode, type="flexible"),
        metadata=merged({}, given.get("metadata", {})),
        invoice_settings=shaped(stripe.Subscription.InvoiceSettings, issuer={"type": "self"}), discounts=[],
        items=listed([], f"/v1/subscription_items?subscription={identifier}"), status="incomplete",
        payment_settings=shaped(stripe.Subscription.PaymentSettings), test_clock=customer["test_clock"],
        trial_start=at if trial_end else None, trial_end=trial_end, **kept,
    )  # fmt: skip


def discounts_make(account: Account, subscription: Object, given: list[dict[str, Any]]) -> list[str]:
    """The ids of the discounts that coupons or promotion codes give. Raises Fault for one that is good no longer."""
    made = []
    for place, wanted in enumerate(given):
        code = (
            account.named("promotion_code", wanted["promotion_code"], f"discounts[{place}]")
            if wanted.get("promotion_code")
            else None
        )
        name = code["promotion"]["coupon"] if code else wanted.get("coupon")
        coupon = account.named("coupon", name, f"discounts[{place}][coupon]")
        if not coupon["valid"] or (code and not code["active"]):
            raise invalid("This coupon is no longer valid.", param=f"discounts[{place}]", code="coupon_expired")
        made.append(_discount(account, subscription, coupon, code)["id"])
    return made


def _discount(account: Account, subscription: Object, coupon: Object, code: Object | None) -> Object:
    at = account.time_of(subscription["customer"])
    months = coupon["duration_in_months"]
    end = end_of_period(at, {"interval": "month", "interval_count": months}, at) if months else None
    for counted in (coupon, code):
        if counted:
            counted["times_redeemed"] += 1
            limit = counted["max_redemptions"]
            if limit is not None and counted["times_redeemed"] >= limit:
                counted["valid" if counted is coupon else "active"] = False
    return account.make(
        stripe.Discount, customer=subscription["customer"], subscription=subscription["id"], start=at, end=end,
        source={"type": "coupon", "coupon": coupon["id"]}, promotion_code=code["id"] if code else None,
    )  # fmt: skip


@route("POST", "/v1/subscriptions", params.SubscriptionCreateParams)
def create(request: Request) -> Object:
    """A subscription, billed for its first period."""
    account, given = request.account, request.params
    customer = account.named("customer", given.get("customer"), "customer")
    subscription = subscription_make(account, customer, given)
    begin(account, subscription, given.get("payment_behavior", "allow_incomplete"))
    return subscription


@route("GET", "/v1/subscriptions/{}", params.SubscriptionRetrieveParams)
def retrieve(request: Request) -> Object:
    """One of them."""
    return request.account.get("subscription", request.ids[0])


@route("GET", "/v1/subscriptions", params.SubscriptionListParams)
def list_all(request: Request) -> Object:
    """By customer and status; without one, those that have not ended."""
    given, wanted = request.params, request.params.get("status")
    found = [
        subscription
        for subscription in request.account.all("subscription")
        if subscription["customer"] == given.get("customer", subscription["customer"])
        and (wanted == "all" or (subscription["status"] == wanted if wanted else subscription["status"] not in ENDED))
    ]
    return page(request, found)


@route("POST", "/v1/subscriptions/{}", params.SubscriptionUpdateParams)
def update(request: Request) -> Object:
    """Changes items, the end, the card or the discounts; other prices lead to prorations as asked for."""
    account, given = request.account, dict(request.params)
    subscription = account.get("subscription", request.ids[0])
    if subscription["status"] in ENDED:
        raise invalid("A canceled subscription can only update its cancellation_details.", code="resource_missing")
    before = dict(subscription)
    if "items" in given:
        proration.items_change(account, subscription, given)
    if given.get("trial_end") == "now" and subscription["status"] == "trialing":
        subscription["trial_end"] = account.time_of(subscription["customer"])
    if "discounts" in given:
        subscription["discounts"] = discounts_make(account, subscription, given["discounts"] or [])
    _end_set(account, subscription, given)
    kept = {name: given[name] for name in (*_KEPT, "metadata") if name in given}
    changed(account, subscription, plain(kept))
    if before != subscription:
        account.emit("customer.subscription.updated", subscription, before=before)
    return subscription


def _end_set(account: Account, subscription: Object, given: dict[str, Any]) -> None:
    at = account.time_of(subscription["customer"])
    if given.get("cancel_at_period_end") is True:
        end_at = max(item["current_period_end"] for item in subscription["items"]["data"])
        details = shaped(stripe.Subscription.CancellationDetails, reason="cancellation_requested")
        subscription.update(cancel_at=end_at, canceled_at=at, cancellation_details=details)
    elif given.get("cancel_at_period_end") is False or given.get("cancel_at") == "":
        subscription.update(cancel_at=None, canceled_at=None, cancellation_details=None)
    elif given.get("cancel_at"):
        subscription.update(cancel_at=given["cancel_at"], canceled_at=at)


@route("DELETE", "/v1/subscriptions/{}", params.SubscriptionCancelParams)
def cancel(request: Request) -> Object:
    """Ends it now; what was used since the last invoice is billed with `invoice_now`."""
    account, given = request.account, request.params
    subscription = account.get("subscription", request.ids[0])
    if subscription["status"] in ENDED:
        raise invalid(f"No such subscription: '{subscription['id']}'", code="resource_missing")
    if given.get("prorate"):
        proration.credit_rest(account, subscription)
    if given.get("invoice_now"):
        last_invoice(account, subscription)
    end(account, subscription, "cancellation_requested")
    return subscription
