"""What a change in the middle of a period costs: the rest of what was paid back, the rest of the new charged."""

from typing import Any

from tests.stripe_simulator import invoices
from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.calendar_months import end_of_period
from tests.stripe_simulator.catalogue import merged
from tests.stripe_simulator.faults import declined, invalid
from tests.stripe_simulator.items import item_make, licensed_lines, metered_lines, plan_of, price_of, used_lines
from tests.stripe_simulator.money import cost, share
from tests.stripe_simulator.shapes import Object
from tests.stripe_simulator.standing import settle


def items_change(account: Account, subscription: Object, given: dict[str, Any]) -> None:
    """Changes, adds and takes away items. Raises Fault where the change has to be paid now and is not."""
    behavior = given.get("proration_behavior", "create_prorations")
    at = given.get("proration_date") or account.time_of(subscription["customer"])
    before = {item["id"]: dict(item) for item in subscription["items"]["data"]}
    first = subscription["items"]["data"][0]
    old_interval = (first["price"]["recurring"]["interval"], first["price"]["recurring"]["interval_count"])
    for place, wanted in enumerate(given["items"]):
        _item_change(account, subscription, wanted, f"items[{place}]")
    if not subscription["items"]["data"]:
        raise invalid("A subscription needs an item.", param="items")
    restarts = _restarts(subscription, old_interval, given)
    if behavior != "none" and subscription["status"] != "trialing":
        _bill_removed(account, subscription, before, at)
        _credit(account, subscription, list(before.values()), at)
        if not restarts:
            _charge(account, subscription, before, at)
    if restarts:
        _restart(account, subscription, at, given)
    elif behavior == "always_invoice":
        _invoice_now(account, subscription, [], given)


def _item_change(account: Account, subscription: Object, wanted: dict[str, Any], param: str) -> None:
    members = subscription["items"]["data"]
    if "id" not in wanted:
        price = price_of(account, wanted, param)
        period = (account.time_of(subscription["customer"]), members[0]["current_period_end"])
        item_make(account, subscription, price, wanted, period)
        return
    item = next((item for item in members if item["id"] == wanted["id"]), None)
    if item is None:
        raise invalid(f"No such subscription item: '{wanted['id']}'", param=f"{param}[id]", code="resource_missing")
    if wanted.get("deleted"):
        members.remove(item)
        account.drop(item)
        return
    if "price" in wanted:
        price = price_of(account, wanted, param)
        item.update(price=price, plan=plan_of(price))
    if "quantity" in wanted:
        item["quantity"] = wanted["quantity"]
    if "metadata" in wanted:
        item["metadata"] = merged(item["metadata"], wanted["metadata"])


def _restarts(subscription: Object, old: tuple[str, int], given: dict[str, Any]) -> bool:
    recurring = subscription["items"]["data"][0]["price"]["recurring"]
    return given.get("billing_cycle_anchor") == "now" or (recurring["interval"], recurring["interval_count"]) != old


def _rest(item: Object, at: int) -> tuple[int, int]:
    """What of its period is left, and how long that is, in seconds."""
    whole = item["current_period_end"] - item["current_period_start"]
    return min(max(item["current_period_end"] - at, 0), whole), whole


def _bill_removed(account: Account, subscription: Object, before: dict[str, Object], at: int) -> None:
    """What metered items counted that are no more (Stripe, "Update prices mid-cycle", flexible billing mode)."""
    customer = account.get("customer", subscription["customer"])
    left = {item["id"] for item in subscription["items"]["data"]}
    for item in [item for identifier, item in before.items() if identifier not in left and "quantity" not in item]:
        for line in used_lines(account, customer["id"], item, (item["current_period_start"], at)):
            if line.quantity and line.price:
                invoices.item_make(
                    account, customer, line.amount, line.description, quantity=line.quantity,
                    period={"start": line.period[0], "end": at}, pricing=invoices.pricing_of(line),
                    parent=_parent_of(item),
                )  # fmt: skip


def _parent_of(item: Object) -> Object:
    details = {"subscription": item["subscription"], "subscription_item": item["id"]}
    return {"type": "subscription_details", "subscription_details": details}


def _credit(account: Account, subscription: Object, items: list[Object], at: int) -> None:
    now = {item["id"]: item for item in subscription["items"]["data"]}
    for item in items:
        same = now.get(item["id"])
        if "quantity" not in item or (same and _same(same, item)):
            continue
        amount = -share(cost(item["price"], item["quantity"]), *_rest(item, at))
        _pend(account, item, amount, "Unused time on", at)


def _same(one: Object, other: Object) -> bool:
    return bool(one["price"]["id"] == other["price"]["id"] and one.get("quantity") == other.get("quantity"))


def _charge(account: Account, subscription: Object, before: dict[str, Object], at: int) -> None:
    for item in subscription["items"]["data"]:
        known = before.get(item["id"])
        if "quantity" not in item or (known and _same(item, known)):
            continue
        amount = share(cost(item["price"], item["quantity"]), *_rest(known or item, at))
        _pend(account, item, amount, "Remaining time on", at)


def _pend(account: Account, item: Object, amount: int, words: str, at: int) -> None:
    name = item["price"]["nickname"] or item["price"]["product"]
    customer = account.get("customer", account.get("subscription", item["subscription"])["customer"])
    invoices.item_make(
        account, customer, amount, f"{words} {name}", proration=True,
        period={"start": at, "end": item["current_period_end"]},
        parent=_parent_of(item),
    )  # fmt: skip


def _restart(account: Account, subscription: Object, at: int, given: dict[str, Any]) -> None:
    """A new period from now on, billed at once."""
    end = end_of_period(at, subscription["items"]["data"][0]["price"]["recurring"], at)
    used = metered_lines(account, subscription, (subscription["items"]["data"][0]["current_period_start"], at))
    subscription["billing_cycle_anchor"] = at
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = end
    for item in subscription["items"]["data"]:
        item.update(current_period_start=at, current_period_end=end)
    lines = [*used, *licensed_lines(subscription, (at, end))]
    _invoice_now(account, subscription, lines, given)


def _invoice_now(account: Account, subscription: Object, lines: list[invoices.Line], given: dict[str, Any]) -> None:
    customer = account.get("customer", subscription["customer"])
    invoice = invoices.invoice_make(account, customer, lines, subscription=subscription, reason="subscription_update")
    subscription["latest_invoice"] = invoice["id"]
    invoices.invoice_finalize(account, invoice)
    if invoice["status"] == "open" and subscription["collection_method"] == "charge_automatically":
        invoices.invoice_attempt(account, invoice)
    if invoice["status"] == "open" and given.get("payment_behavior") == "error_if_incomplete":
        raise declined("Your card was declined.", "generic_decline")
    settle(account, subscription, invoice)


def credit_rest(account: Account, subscription: Object) -> None:
    """Gives back what is left of a period that was paid."""
    at = account.time_of(subscription["customer"])
    for item in subscription["items"]["data"]:
        if "quantity" in item:
            amount = -share(cost(item["price"], item["quantity"]), *_rest(item, at))
            _pend(account, item, amount, "Unused time on", at)
