"""What is sold, at Stripe: a product for each plan, prices for each version of it, and the meter that counts calls.

Everything is found again by a name of ours, so that making it twice makes it once. Prices of Stripe's never change;
nor does a version of a plan that was sold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import stripe
from stripe.params import PriceCreateParams

from billing.plans.models import PlanVersion
from billing.stripe.catalogue_names import (
    INTERVAL,
    METER_EVENT,
    PLAN,
    PORTAL,
    USAGE,
    Interval,
    Usage,
    labels,
    lookup_key,
)
from billing.stripe.client import is_gone, stripe_client
from core import refusals
from core.refusals import Refused

METER_NAME = "Calls of tools"
CENTS_DECIMALS = 1_000  # millicents in a cent


class CatalogueDiffers(Exception):
    """The account has a price under a key of ours with another amount. Its text says which."""


@dataclass(frozen=True, slots=True)
class Prices:
    """The ids of what a plan is sold at. `overage` is empty where no calls are sold beyond those included."""

    base: str
    overage: str = ""


def catalogue_sync() -> list[str]:
    """Makes what an account lacks of all that was ever on sale; what it made, a line each. Passes Stripe's errors.

    Raises CatalogueDiffers.
    """
    made: list[str] = []
    meter = _meter(made)
    for plan in PlanVersion.objects.exclude(sold_from=None).order_by("name", "version"):
        if _amounts(plan):
            _product(plan, made)
            _prices(plan, meter, made)
    _portal(made)
    return made


def prices_of(plan_id: str, interval: Interval) -> Prices:
    """The prices of a version of a plan. Raises Refused(PAYMENTS_NOT_SET_UP) where they were not made yet."""
    return _prices_of(stripe_client(), plan_id, interval)


@lru_cache(maxsize=256)
def _prices_of(_account: stripe.StripeClient, plan_id: str, interval: Interval) -> Prices:
    keys = [lookup_key(plan_id, interval, usage) for usage in Usage]
    found = {price.lookup_key: price.id for price in _by_keys(keys)}
    if keys[0] not in found:
        raise Refused(refusals.PAYMENTS_NOT_SET_UP, "This plan cannot be bought yet: it is not in the catalogue.")
    return Prices(found[keys[0]], found.get(keys[1], ""))


@lru_cache(maxsize=4_096)
def is_metered(price: str) -> bool:
    """Whether a price counts calls; prices never change. Passes Stripe's errors."""
    found = stripe_client().v1.prices.retrieve(price)
    return labels(found).get(USAGE) == Usage.OVERAGE


def portal_configuration() -> str:
    """The id of what customers may do in the portal. Raises Refused(PAYMENTS_NOT_SET_UP)."""
    found = _portal_known()
    if found is None:
        raise Refused(refusals.PAYMENTS_NOT_SET_UP, "The portal is not set up yet.")
    return found


def _amounts(plan: PlanVersion) -> dict[Interval, int]:
    amounts = {Interval.MONTH: plan.monthly_price_cents, Interval.YEAR: plan.yearly_price_cents}
    return {interval: cents for interval, cents in amounts.items() if cents}


def _meter(made: list[str]) -> str:
    client = stripe_client()
    for meter in client.v1.billing.meters.list({"status": "active", "limit": 100}).auto_paging_iter():
        if meter.event_name == METER_EVENT:
            return meter.id
    meter = client.v1.billing.meters.create(
        {"display_name": METER_NAME, "event_name": METER_EVENT, "default_aggregation": {"formula": "sum"}},
        {"idempotency_key": f"meter-{METER_EVENT}"},
    )
    made.append(f"meter {METER_EVENT}")
    return meter.id


def _product(plan: PlanVersion, made: list[str]) -> None:
    client, identifier = stripe_client(), _product_id(plan)
    try:
        product = client.v1.products.retrieve(identifier)
    except stripe.InvalidRequestError as error:
        if not is_gone(error):
            raise
        client.v1.products.create(
            {"id": identifier, "name": plan.title}, {"idempotency_key": f"product-{identifier}-{plan.id}"}
        )
        made.append(f"product {identifier}")
        return
    if not product.active:
        client.v1.products.update(identifier, {"active": True})
        made.append(f"product {identifier}, put back on sale")


def _product_id(plan: PlanVersion) -> str:
    return f"armstrong_{plan.name}"


def _prices(plan: PlanVersion, meter: str, made: list[str]) -> None:
    wanted = {params["lookup_key"]: params for params in _wanted(plan, meter)}
    known = {price.lookup_key: price for price in _by_keys(list(wanted))}
    for key, params in wanted.items():
        if key in known:
            _compare(params, known[key])
        else:
            stripe_client().v1.prices.create(params, {"idempotency_key": f"price-{key}"})
            made.append(f"price {key}")


def _by_keys(keys: list[str]) -> list[stripe.Price]:
    # Ten keys are the most that one request takes; a version has four.
    return stripe_client().v1.prices.list({"lookup_keys": keys, "limit": 100, "expand": ["data.tiers"]}).data


def _wanted(plan: PlanVersion, meter: str) -> Iterator[PriceCreateParams]:
    for interval, cents in _amounts(plan).items():
        base = _common(plan, interval, Usage.BASE)
        base["nickname"], base["unit_amount"] = f"{plan.title}, by {interval}", cents
        base["recurring"] = {"interval": interval.value}
        yield base
        if plan.overage_millicents:
            yield _overage(plan, interval, meter)


def _common(plan: PlanVersion, interval: Interval, usage: Usage) -> PriceCreateParams:
    return {
        "product": _product_id(plan),
        "currency": plan.currency,
        "lookup_key": lookup_key(plan.id, interval, usage),
        "metadata": {PLAN: plan.id, INTERVAL: interval.value, USAGE: usage.value},
        "tax_behavior": "exclusive",
    }


def _overage(plan: PlanVersion, interval: Interval, meter: str) -> PriceCreateParams:
    """A price for each call; the first of a period cost nothing where the plan includes some."""
    price = _common(plan, interval, Usage.OVERAGE)
    price["nickname"] = f"{plan.title}: calls"
    price["recurring"] = {"interval": interval.value, "usage_type": "metered", "meter": meter}
    each = Decimal(plan.overage_millicents or 0) / CENTS_DECIMALS
    if not plan.calls_included:
        price["billing_scheme"], price["unit_amount_decimal"] = "per_unit", each
        return price
    included = plan.calls_included * interval.months
    price["billing_scheme"], price["tiers_mode"] = "tiered", "graduated"
    price["tiers"] = [{"up_to": included, "unit_amount": 0}, {"up_to": "inf", "unit_amount_decimal": each}]
    return price


def _compare(wanted: PriceCreateParams, found: stripe.Price) -> None:
    if _is_same(wanted, found):
        return
    raise CatalogueDiffers(
        f"The account has a price `{wanted.get('lookup_key')}` ({found.id}) with other terms. Prices never change: "
        "sell a new version of the plan, or archive that price and take its lookup key away."
    )


def _is_same(wanted: PriceCreateParams, found: stripe.Price) -> bool:
    if found.currency != wanted["currency"] or not found.active:
        return False
    if "tiers" in wanted:
        return _tiers(wanted["tiers"]) == _tiers(found.to_dict().get("tiers") or [])
    amount = wanted.get("unit_amount", wanted.get("unit_amount_decimal"))
    return found.unit_amount_decimal is not None and Decimal(found.unit_amount_decimal) == Decimal(str(amount))


def _tiers(tiers: Any) -> list[tuple[int | None, Decimal]]:
    return [
        (None if up_to in {None, "inf"} else int(up_to), _each(tier)) for tier in tiers for up_to in [tier["up_to"]]
    ]


def _each(tier: Any) -> Decimal:
    amount = tier.get("unit_amount_decimal")
    return Decimal(str(tier.get("unit_amount", 0) if amount is None else amount))


def _portal(made: list[str]) -> None:
    if _portal_known() is not None:
        return
    stripe_client().v1.billing_portal.configurations.create(
        {
            "metadata": {PORTAL: "1"},
            "features": {
                "customer_update": {"enabled": True, "allowed_updates": ["address", "email", "name", "tax_id"]},
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
            },
        },
        {"idempotency_key": "portal-1"},
    )
    made.append("configuration of the portal")


def _portal_known() -> str | None:
    found = stripe_client().v1.billing_portal.configurations.list({"active": True, "limit": 100})
    return next((each.id for each in found.auto_paging_iter() if PORTAL in labels(each)), None)
