"""Whatever happens at Stripe, told twice, late, out of order or not at all: reconciled, everything is as Stripe has it.

A hypothesis state machine. The reference is the account itself, read by other words than ours: who runs on what, what
was charged and what was given back. `BILLING_EVENTS` says how many events have to have happened (`make fuzz`: 10,000).
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

from billing.stripe.applying import event_apply
from billing.stripe.families import WANTED_EVENTS
from billing.stripe.models import EventState, Invoice, Refund, StripeEvent, Subscription
from billing.stripe.receiving import event_store
from billing.stripe.reconcile import customer_reconcile
from billing.stripe.subscriptions import subscription_cancel
from core.refusals import Refused
from core.tenancy import tenant_context
from tests.billing.stripe.paying import DAY, Clock, Shop
from tests.conftest import make_cast

WANTED = int(os.environ.get("BILLING_EVENTS", "60"))
LONG = 1_000
PLANS = ("professional-1-month", "professional-1-year", "enterprise-1-month")
CARDS = ("pm_card_visa", "pm_card_chargeCustomerFail")
ENDED = {"canceled", "incomplete_expired"}


class Life(RuleBasedStateMachine):
    """One tenant's life with its payments, and a line to Stripe on which one cannot rely."""

    shop: Shop
    happened = 0

    def __init__(self) -> None:
        super().__init__()
        self.mine = Shop(self.shop.simulator, self.shop.client, make_cast(), self.shop.console_url)
        self.client = self.mine.client
        self.clock: Clock = self.mine.clock()
        self.time = 0
        # Up to which event all were told, and up to which they were reconciled: the stored cursor of `events_list`.
        self.latest = self.cursor = self.client.v1.events.list({"limit": 1}).data[0].id
        self.clock.pay_with("pm_card_visa")

    # What happens at Stripe.

    @precondition(lambda self: not self.running())
    @rule(plan=st.sampled_from(PLANS))
    def subscribe(self, plan: str) -> None:
        """Buys; where the card is refused, nothing of it begins."""
        (price,) = self.client.v1.prices.list({"lookup_keys": [plan]}).data
        self.client.v1.subscriptions.create({"customer": self.clock.customer, "items": [{"price": price.id}]})

    @precondition(lambda self: self.running())
    @rule(plan=st.sampled_from(PLANS), behavior=st.sampled_from(["create_prorations", "always_invoice", "none"]))
    def change(self, plan: str, behavior: Any) -> None:
        """Another price for what runs."""
        (price,) = self.client.v1.prices.list({"lookup_keys": [plan]}).data
        running = self.running()[0]
        item = running["items"].data[0].id
        self.client.v1.subscriptions.update(
            running.id, {"items": [{"id": item, "price": price.id}], "proration_behavior": behavior}
        )

    @precondition(lambda self: self.running())
    @rule(ends=st.booleans())
    def end_with_the_period(self, ends: bool) -> None:  # noqa: FBT001  drawn
        """Cancels, or thinks better of it."""
        self.client.v1.subscriptions.update(self.running()[0].id, {"cancel_at_period_end": ends})

    @precondition(lambda self: self.running())
    @rule()
    def end_now(self) -> None:
        """What an operator can do."""
        self.client.v1.subscriptions.cancel(self.running()[0].id, {"invoice_now": True})

    @rule(card=st.sampled_from(CARDS))
    def use_card(self, card: str) -> None:
        """A card that pays, or one that fails when it is charged."""
        self.clock.pay_with(card)

    @rule(days=st.sampled_from([1, 4, 17, 33]))
    def pass_time(self, days: int) -> None:
        """Renewals, retries and ends that come by themselves."""
        self.time += days * DAY
        self.clock.advance(self.time)

    @rule()
    def give_back(self) -> None:
        """A part of what was paid last."""
        for charge in self.client.v1.charges.list({"customer": self.clock.customer, "limit": 100}).data:
            if charge.status == "succeeded" and charge.amount - charge.amount_refunded > 100:
                self.client.v1.refunds.create({"charge": charge.id, "amount": 100})
                return

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
    def act_here(self) -> None:
        """The tenant does something by itself with what it knows, which may be long past."""
        try:
            subscription_cancel(actor=self.mine.alice)
        except (Refused, stripe.InvalidRequestError):
            return

    @rule()
    def reconcile(self) -> None:
        """After which nothing is different."""
        self.told()
        for event in self.since(self.cursor):
            event_store(event.to_dict(for_json=True))
        self.cursor = self.latest
        waiting = StripeEvent.objects.filter(customer=self.clock.customer, state=EventState.RECEIVED)
        for identifier in waiting.values_list("pk", flat=True):
            event_apply(identifier)
        customer_reconcile(self.mine.tenant.id)
        self.compare()

    def teardown(self) -> None:
        """Each life ends with a reconciliation."""
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

    def all_at_stripe(self) -> list[stripe.Subscription]:
        """What the customer ever subscribed to."""
        asked: Any = {"customer": self.clock.customer, "status": "all", "limit": 100, "expand": ["data.latest_invoice"]}
        return list(self.client.v1.subscriptions.list(asked).data)

    def running(self) -> list[stripe.Subscription]:
        """What of it runs."""
        return [each for each in self.all_at_stripe() if each.status not in ENDED | {"incomplete"}]

    def compare(self) -> None:
        """Holds what is here to what is there."""
        there = self.all_at_stripe()
        assert self.mine.has()[:2] == self.due(there)
        invoices = self.client.v1.invoices.list({"customer": self.clock.customer, "limit": 100}).data
        charges = self.client.v1.charges.list({"customer": self.clock.customer, "limit": 100}).data
        with tenant_context(self.mine.tenant.id):
            assert dict(Subscription.objects.values_list("stripe_id", "status")) == {e.id: e.status for e in there}
            statuses = dict(Invoice.objects.values_list("stripe_id", "status"))
            assert statuses == {invoice.id: invoice.status for invoice in invoices}
            paid = sum(Invoice.objects.values_list("amount_paid", flat=True))
            back = sum(Refund.objects.values_list("amount", flat=True))
        assert paid == sum(charge.amount for charge in charges if charge.status == "succeeded")
        assert back == sum(charge.amount_refunded for charge in charges)

    @staticmethod
    def due(there: list[stripe.Subscription]) -> tuple[str, str]:
        """Plan and standing, by what Stripe has."""
        running = [each for each in there if each.status in {"active", "past_due"}]
        stopped = [each for each in there if each.cancellation_details and each.status == "canceled"]
        failed = [each for each in stopped if getattr(each.cancellation_details, "reason", "") == "payment_failed"]
        if running:
            plan = running[0]["items"].data[0].price.metadata["armstrong_plan"]
            return plan, running[0].status
        if failed:
            return failed[0]["items"].data[0].price.metadata["armstrong_plan"], "grace"
        return "developer-1", "free"


@pytest.mark.timeout(7_200)
def test_reconciled_everything_is_as_stripe_has_it(shop: Shop) -> None:
    Life.shop, Life.happened = shop, 0
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    how = settings(
        max_examples=2, stateful_step_count=25, deadline=None, database=None, suppress_health_check=checks
    )  # fmt: skip
    # The short form is the same each time; the long one never is.
    first = 0 if WANTED < LONG else secrets.randbelow(2**32)
    for number in itertools.count(first):
        run_state_machine_as_test(seed(number)(Life), settings=how)
        if Life.happened >= WANTED:
            return
