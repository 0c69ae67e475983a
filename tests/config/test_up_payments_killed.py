"""Whoever is killed in the middle of a purchase, of sending calls or of a period's end: it comes to the same."""

import random
from datetime import UTC, datetime

import pytest

from tests.billing.reference.account import Account
from tests.config.paying_platform import Paying, hour_before
from tests.processes import eventually
from tests.running_platform import Platform

HOUR, DAY = 3_600, 86_400
ROUNDS = 2
# What a batch has of calls; the last ones are late.
BATCHES = (5, 40, 1, 14, 7)
_OPEN = "SELECT count(*) FROM billing_usagereport WHERE state <> 'sent'"


@pytest.fixture
def paying(platform: Platform) -> Paying:
    """The platform, all of it well."""
    platform.await_health()
    return Paying(platform)


def money(paying: Paying, tenant: str) -> list[tuple[int, int]]:
    """What each invoice came to and what was paid, as it is written down here."""
    with paying.database(tenant) as connection:
        rows = connection.execute("SELECT total, amount_paid FROM billing_invoice ORDER BY created, stripe_id")
        return [(int(total), int(paid)) for total, paid in rows]


def charged(paying: Paying, customer: str) -> int:
    """What cards paid."""
    charges = paying.client.v1.charges.list({"customer": customer, "limit": 100}).data
    return sum(charge.amount for charge in charges if charge.status == "succeeded")


def metered(paying: Paying, customer: str, since: int, until: int) -> int:
    """What Stripe's meter has of a customer."""
    (meter,) = paying.client.v1.billing.meters.list({}).data
    found = paying.client.v1.billing.meters.event_summaries.list(
        meter.id, {"customer": customer, "start_time": since - since % 60, "end_time": until - until % 60 + 60}
    )
    return int(sum(each.aggregated_value for each in found.data))


@pytest.mark.timeout(300)
def test_whoever_is_killed_in_the_middle_it_comes_to_the_same(paying: Paying) -> None:
    for number, tenant in enumerate(paying.tenants(ROUNDS)):
        _live(paying, tenant, random.Random(number))  # noqa: S311  no secret


def _live(paying: Paying, tenant: str, chance: random.Random) -> None:
    """A purchase some hours ago, calls since then, and the period's end, each with somebody killed."""
    now = datetime.now(UTC)
    began = int(now.timestamp()) - 5 * HOUR
    account = Account(began)
    clocks = paying.client.v1.test_helpers.test_clocks
    clock = clocks.create({"frozen_time": began}).id
    customer = paying.customer(tenant, test_clock=clock)
    with paying.killing(chance.choice(["jobs", "console"]), chance):
        bought = paying.subscribe(customer)
        account.subscribe("professional-1", "month")
        clocks.advance(clock, {"frozen_time": int(now.timestamp())})
        paying.await_done(lambda: paying.plan(tenant) == "professional-1")
    account.advance(int(now.timestamp()))
    _use(paying, tenant, account, chance)
    assert metered(paying, customer, began, int(now.timestamp())) == sum(BATCHES)
    ended = account.subscriptions[0].end + 2 * HOUR
    with paying.killing(chance.choice(["jobs", "console"]), chance):
        clocks.advance(clock, {"frozen_time": ended})
        account.advance(ended)
        bills = [(bill.total, bill.paid) for bill in account.bills]
        paying.await_done(lambda: money(paying, tenant) == bills)
        paying.client.v1.subscriptions.cancel(bought.id)
    paying.await_done(lambda: paying.plan(tenant) == "developer-1")
    _nothing_is_left(paying, tenant)
    assert money(paying, tenant) == bills
    assert charged(paying, customer) == sum(paid for _, paid in bills)
    quantity = paying.one("SELECT sum(quantity) FROM billing_invoiceline WHERE is_metered", tenant)
    assert quantity == sum(BATCHES)


def _use(paying: Paying, tenant: str, account: Account, chance: random.Random) -> None:
    """Calls come, are summed and are sent while the jobs are killed again and again."""
    for number, calls in enumerate(BATCHES):
        at = hour_before(datetime.now(UTC), 1 + number % 2)
        paying.call(tenant, at, calls)
        account.told.append((int(at.timestamp()), calls))
        if number % 2:
            paying.hurry()
            continue
        with paying.killing("jobs", chance):
            paying.hurry()
    wanted = sum(BATCHES)
    told = "SELECT coalesce(sum(calls) FILTER (WHERE state = 'sent'), 0) FROM billing_usagereport"
    paying.await_done(lambda: paying.one(told, tenant) == wanted and paying.one(_OPEN, tenant) == 0)
    assert paying.one("SELECT sum(billable) FROM billing_usagehour", tenant) == wanted


def _nothing_is_left(paying: Paying, tenant: str) -> None:
    """No event waits, and none was given up."""
    waits = """
        SELECT count(*) FROM billing_stripeevent e JOIN billing_stripecustomer c ON c.stripe_id = e.customer
        WHERE c.tenant_id = %s AND e.state NOT IN ('applied', 'ignored')
    """
    paying.await_done(lambda: paying.one(waits, tenant, tenant) == 0)
    eventually(lambda: paying.platform.get("/readyz")[0] == 200, 60)
