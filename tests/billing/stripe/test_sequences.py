"""Whatever happens at Stripe, told twice, late, out of order or not at all: reconciled, money and rights are as due.

A hypothesis state machine. The reference (`tests/billing/reference`) works out from what was done alone what each
invoice, the balance, the entitlement and the meter have to be: the account and our rows are both held to it.
`BILLING_EVENTS` says how many events have to have happened (`make fuzz`: 10,000).
"""

import itertools
import os
import random
import secrets
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from billing.metering.caps import cap_set
from billing.stripe.applying import event_apply
from billing.stripe.catalogue_names import Interval
from billing.stripe.families import WANTED_EVENTS
from billing.stripe.models import EventState, StripeEvent
from billing.stripe.receiving import event_store
from billing.stripe.reconcile import customer_reconcile
from billing.stripe.subscriptions import subscription_cancel, subscription_change, subscription_reactivate
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.services.tenants import tenant_delete
from tests.billing.reference import prices
from tests.billing.stripe.living import Life
from tests.billing.stripe.paying import DAY, Shop

pytestmark = pytest.mark.usefixtures("simulator")

WANTED = int(os.environ.get("BILLING_EVENTS", "60"))
LONG = 10_000
PLANS = st.sampled_from(sorted(prices.PLANS))
INTERVALS = st.sampled_from(["month", "month", "year"])
EXTRAS: list[dict[str, int]] = [{}, {}, {"trial": 14}, {"percent": 25}]
OUTAGES: list[dict[str, Any] | None] = [
    None, None, {"status": 500, "is_done": True}, {"status": 0, "is_done": True}, {"status": 429},
]  # fmt: skip


class Lives(RuleBasedStateMachine):
    """One tenant's life, and a line to Stripe on which one cannot rely."""

    shop: Shop
    happened = 0

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(self.shop)
        self.client = self.life.client
        # Up to which event all were told, and up to which they were reconciled: the stored cursor of `events_list`.
        self.latest = self.cursor = self.client.v1.events.list({"limit": 1}).data[0].id

    def is_running(self) -> bool:
        """Whether there is a subscription."""
        return self.life.account.running() is not None

    def may_change(self) -> bool:
        """Whether a change of price asks for nothing that the reference leaves out."""
        of = self.life.account.running()
        return of is not None and not of.had_coupon and of.status != "trialing" and not self.uses(of.start)

    def uses(self, since: int) -> bool:
        """Whether there are calls that are, or will be, billed in a period."""
        late = any(calls > self.life.reported.get(hour, 0) for hour, calls in self.life.calls.items())
        return late or any(at >= since for at, _ in self.life.account.told)

    # What happens at Stripe.

    @precondition(lambda self: not self.is_running())
    @rule(
        plan=PLANS,
        interval=INTERVALS,
        extra=st.sampled_from(EXTRAS),
        once=st.booleans(),
    )
    def subscribe(self, plan: str, interval: str, extra: dict[str, int], once: bool) -> None:  # noqa: FBT001  drawn
        """Buys; where the card is refused, nothing of it begins."""
        self.life.subscribe(plan, interval, **extra, **({"is_once": once} if "percent" in extra else {}))

    @precondition(lambda self: self.may_change())
    @rule(plan=PLANS, interval=INTERVALS, behavior=st.sampled_from(["create_prorations", "always_invoice", "none"]))
    def change(self, plan: str, interval: str, behavior: str) -> None:
        """Other prices for what runs."""
        self.life.change(plan, interval, behavior)

    @precondition(lambda self: self.is_running())
    @rule(ends=st.booleans())
    def end_with_the_period(self, ends: bool) -> None:  # noqa: FBT001  drawn
        """Cancels, or thinks better of it."""
        name, of = self.life.running() or ("", None)
        self.client.v1.subscriptions.update(name, {"cancel_at_period_end": ends})
        assert of
        of.ends = ends

    @precondition(lambda self: self.is_running())
    @rule()
    def end_now(self) -> None:
        """What an operator can do."""
        name, of = self.life.running() or ("", None)
        self.client.v1.subscriptions.cancel(name, {"invoice_now": True})
        assert of
        self.life.account.end_now(of)

    @rule(pays=st.booleans())
    def use_card(self, pays: bool) -> None:  # noqa: FBT001  drawn
        """A card that pays, or one that fails when it is charged."""
        self.life.clock.pay_with("pm_card_visa" if pays else "pm_card_chargeCustomerFail")
        self.life.account.card(pays=pays)

    # Odd seconds, so that no two things fall due at once: nothing says in which order these happen.
    @rule(days=st.sampled_from([1, 4, 17, 33]), seconds=st.integers(1, 7_000))
    def pass_time(self, days: int, seconds: int) -> None:
        """Renewals, retries and ends that come by themselves."""
        self.life.pass_to(self.life.account.now + days * DAY + seconds * 7 + 1)

    @precondition(lambda self: self.is_running())
    @rule(seconds=st.sampled_from([-1, 0, 1, 3_599, 3_601]))
    def pass_to_the_end(self, seconds: int) -> None:
        """To the second at which a period ends, or beside it."""
        of = self.life.account.running()
        assert of
        if of.end + seconds > self.life.account.now:
            self.life.pass_to(of.end + seconds)

    @rule(amount=st.sampled_from([1, 100, 12_345]))
    def give_back(self, amount: int) -> None:
        """A part of what was paid last."""
        self.life.give_back(amount)

    @precondition(lambda self: bool(self.life.account.owed()))
    @rule()
    def pay_what_is_open(self) -> None:
        """Whoever pays is back, where it is not over."""
        self.life.pay_open()

    # What happens here.

    @rule(hours_ago=st.sampled_from([0, 1, 2, 30, 700]), calls=st.sampled_from([1, 7, 997, 3_141_593, 61_000_003]))
    def call(self, hours_ago: int, calls: int) -> None:
        """Calls in the ledger, some of them late."""
        self.life.call(hours_ago, calls)

    @rule(failing=st.sampled_from(OUTAGES), dies=st.booleans())
    def send(self, failing: dict[str, Any] | None, dies: bool) -> None:  # noqa: FBT001  drawn
        """What the jobs do once an hour."""
        self.reconcile()
        self.life.send(failing, dies=dies)
        self.life.compare_calls()

    @precondition(lambda self: not self.is_running())
    @rule(plan=PLANS)
    def buy_here(self, plan: str) -> None:
        """Two clicks and a card that pays."""
        self.reconcile()
        self.life.shop.buy(plan.removesuffix("-1"), Interval.MONTH)
        self.life.learn()

    @precondition(lambda self: self.may_change())
    @rule(plan=PLANS, interval=INTERVALS)
    def change_here(self, plan: str, interval: str) -> None:
        """Paid at once, or not done at all."""
        self.reconcile()
        account, of = self.life.account, self.life.account.running()
        assert of
        pays = account.pays if of.pays is None else of.pays
        refused = (plan, interval) == (of.plan, of.interval) or (
            not pays and account.cost_of_change(of, plan, interval) > 0
        )
        try:
            subscription_change(actor=self.life.shop.alice, plan=plan.removesuffix("-1"), interval=Interval(interval))
        except Refused:
            if not refused:
                raise
            return
        assert not refused
        of.ends = False
        account.change(of, plan, interval, "always_invoice")

    @precondition(lambda self: self.is_running())
    @rule(ends=st.booleans())
    def act_here(self, ends: bool) -> None:  # noqa: FBT001  drawn
        """The tenant cancels or keeps what it knows, which may be long past."""
        act = subscription_cancel if ends else subscription_reactivate
        try:
            done = act(actor=self.life.shop.alice)
        except Refused:
            return
        self.life.ids[done.stripe_id].ends = ends

    @precondition(lambda self: self.is_running())
    @rule(cents=st.sampled_from([0, 1, 5_000]))
    def cap(self, cents: int) -> None:
        """A hard cap leaves what is included and what it pays for, less what was used."""
        self.send(None, dies=False)
        of = self.life.account.running()
        assert of
        cap_set(actor=self.life.shop.alice, cents=cents, is_hard=True)
        left = prices.affordable(of.plan, of.interval, cents) - self.life.account.used(of.start, of.end)
        assert self.life.shop.entitlement().calls_left == max(0, left)

    @rule(plan=st.sampled_from([None, "unlimited-1"]), connections=st.sampled_from([7, 750_000]))
    def agree(self, plan: str | None, connections: int) -> None:
        """An operator and a tenant agree."""
        self.life.agree(plan, connections)

    @precondition(lambda self: self.life.contract is not None)
    @rule()
    def agree_no_more(self) -> None:
        """Or no longer do."""
        self.life.agree_no_more()

    @rule(cents=st.sampled_from([1, 4_990]))
    def credit(self, cents: int) -> None:
        """Uptime that was not kept."""
        self.life.credit(cents)

    # What comes of it here.

    @rule(number=st.integers(0, 10_000), drop=st.sampled_from([0.0, 0.3, 0.9]))
    def hear(self, number: int, drop: float) -> None:
        """Events come: some twice, some never, in any order; some are applied at once, and some later."""
        chance = random.Random(number)  # noqa: S311  no secret
        came = [event for event in self.told() for _ in range(chance.choice([1, 1, 2])) if chance.random() >= drop]
        chance.shuffle(came)
        for event in came:
            event_store(event.to_dict(for_json=True))
            if chance.random() < 0.7:
                event_apply(event.id)

    @rule()
    def reconcile(self) -> None:
        """After which nothing is different."""
        self.told()
        for event in self.since(self.cursor):
            event_store(event.to_dict(for_json=True))
        self.cursor = self.latest
        waiting = StripeEvent.objects.filter(customer=self.life.clock.customer, state=EventState.RECEIVED)
        for identifier in waiting.values_list("pk", flat=True):
            event_apply(identifier)
        customer_reconcile(self.life.tenant.id)
        self.life.compare()

    def teardown(self) -> None:
        """Each life ends with a deletion: what is open stays open, and no further period begins."""
        self.reconcile()
        with tenant_context(self.life.tenant.id):
            tenant_delete(actor=self.life.shop.cast.acting_inside(self.life.shop.cast.alice, self.life.tenant))
        customer_reconcile(self.life.tenant.id)
        account = self.life.account
        if of := account.running():
            of.ends = True
            self.life.pass_to(of.end + 2 * DAY)
            assert account.running() is None
        self.reconcile()

    def told(self) -> list[stripe.Event]:
        """The events since the last time that are of this customer."""
        newer = self.since(self.latest)
        self.latest = newer[-1].id if newer else self.latest
        found = [event for event in newer if event.type in WANTED_EVENTS]
        type(self).happened += len(found)
        return found

    def since(self, event: str) -> list[stripe.Event]:
        """All that happened after an event, the first first: so the client goes through pages backwards."""
        asked: Any = {"ending_before": event, "limit": 100}
        return list(self.client.v1.events.list(asked).auto_paging_iter())


@pytest.mark.timeout(7_200)
def test_reconciled_everything_is_as_it_has_to_be(shop: Shop) -> None:
    Lives.shop, Lives.happened = shop, 0
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    how = settings(
        max_examples=2, stateful_step_count=25, deadline=None, database=None, suppress_health_check=checks
    )  # fmt: skip
    # What CI runs is the same each time; the long form never is.
    first = 0 if WANTED < LONG else secrets.randbelow(2**32)
    for number in itertools.count(first):
        run_state_machine_as_test(seed(number)(Lives), settings=how)
        if Lives.happened >= WANTED:
            return
