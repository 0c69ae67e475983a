"""Items of a subscription: which prices can be one, and the lines that they make on invoices."""

from typing import Any

import stripe

from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.catalogue import merged
from tests.stripe_simulator.faults import invalid
from tests.stripe_simulator.invoices import Line
from tests.stripe_simulator.metering import metered
from tests.stripe_simulator.money import cost, tiered
from tests.stripe_simulator.shapes import Object, shaped


def price_of(account: Account, item: dict[str, Any], param: str) -> Object:
    """The price that an item names. Raises Fault for one that cannot be subscribed to."""
    price = account.named("price", item.get("price"), f"{param}[price]")
    if not price["active"]:
        raise invalid(f"The price specified is inactive ({price['id']}).", param=f"{param}[price]")
    if not price["recurring"]:
        raise invalid("The price specified is set to `type=one_time`.", param=f"{param}[price]")
    if price["recurring"]["usage_type"] == "metered" and "quantity" in item:
        raise invalid("Metered prices take no quantity.", param=f"{param}[quantity]")
    return price


def item_make(
    account: Account, subscription: Object, price: Object, given: dict[str, Any], period: tuple[int, int]
) -> Object:
    """A new item of the subscription."""
    is_metered = price["recurring"]["usage_type"] == "metered"
    item = account.make(
        stripe.SubscriptionItem, at=account.time_of(subscription["customer"]), subscription=subscription["id"],
        price=price, plan=plan_of(price), quantity=None if is_metered else given.get("quantity", 1),
        current_period_start=period[0], current_period_end=period[1], metadata=merged({}, given.get("metadata") or {}),
    )  # fmt: skip
    if is_metered:
        del item["quantity"]
    subscription["items"]["data"].append(item)
    return item


def plan_of(price: Object) -> Object:
    """A price in the words of before there were prices; items still carry it."""
    return shaped(
        stripe.Plan, object="plan", id=price["id"], active=price["active"], billing_scheme=price["billing_scheme"],
        created=price["created"], currency=price["currency"], livemode=price["livemode"], product=price["product"],
        amount=price["unit_amount"], interval=price["recurring"]["interval"], meter=price["recurring"]["meter"],
        interval_count=price["recurring"]["interval_count"], usage_type=price["recurring"]["usage_type"],
    )  # fmt: skip


def licensed_lines(subscription: Object, period: tuple[int, int]) -> list[Line]:
    """What the period ahead costs: quantities by their price, nothing while on trial."""
    on_trial = subscription["trial_end"] is not None and period[0] < subscription["trial_end"]
    return [
        Line(
            0 if on_trial else cost(item["price"], item["quantity"]),
            f"{'Trial of ' if on_trial else ''}{item['quantity']} of {_name(item['price'])}",
            period, item["price"], item["quantity"], item,
        )
        for item in subscription["items"]["data"]
        if "quantity" in item
    ]  # fmt: skip


def _name(price: Object) -> str:
    return str(price["nickname"] or price["product"])


def metered_lines(account: Account, subscription: Object, period: tuple[int, int]) -> list[Line]:
    """What was used in the period behind: a line for each tier that it reached."""
    lines = []
    for item in subscription["items"]["data"]:
        if item["price"]["recurring"]["usage_type"] != "metered":
            continue
        lines += used_lines(account, subscription["customer"], item, period)
    return lines


def used_lines(account: Account, customer: str, item: Object, period: tuple[int, int]) -> list[Line]:
    """What was used in a period since there is the item: a line for each tier that it reached."""
    price, since = item["price"], max(period[0], item["created"])
    meter = account.get("billing.meter", price["recurring"]["meter"])
    used = metered(account, meter, customer, since, period[1])
    return [_metered_line(price, item, (since, period[1]), part) for part in _parts(price, used)]


def _parts(price: Object, used: int) -> list[tuple[int, int, str | None]]:
    if price["billing_scheme"] == "per_unit":
        return [(used, cost(price, used), None)]
    return [(part.quantity, part.amount, part.unit_amount_decimal) for part in tiered(price, used)]


def _metered_line(price: Object, item: Object, period: tuple[int, int], part: tuple[int, int, str | None]) -> Line:
    quantity, amount, unit = part
    return Line(amount, f"{quantity} of {_name(price)}", period, price, quantity, item, unit_amount_decimal=unit)
