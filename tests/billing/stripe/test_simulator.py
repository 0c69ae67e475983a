"""What the simulator must have in common with Stripe, asked by the unchanged client."""

from dataclasses import dataclass
from typing import Any

import pytest
import stripe

from tests.conftest import unique
from tests.processes import eventually
from tests.stripe_simulator.process import Simulator

BEGAN = 1_767_225_600  # 2026-01-01
# Of Stripe's test mode, which lets time pass at its own pace.
PATIENCE = 90.0
DAY, HOUR = 86_400, 3_600
MONTHLY, YEARLY, INCLUDED = 49_900, 499_000, 1_000


@dataclass
class Shop:
    """What is sold, and a customer whose time stands until it is advanced."""

    client: stripe.StripeClient
    professional: stripe.Price
    yearly: stripe.Price
    enterprise: stripe.Price
    overage: stripe.Price
    meter: stripe.billing.Meter
    clock: stripe.test_helpers.TestClock
    customer: stripe.Customer

    def subscribe(
        self, price: stripe.Price | None = None, card: str = "pm_card_visa", **more: Any
    ) -> stripe.Subscription:
        method = self.client.v1.payment_methods.attach(card, {"customer": self.customer.id})
        settings: Any = {"default_payment_method": method.id}
        self.client.v1.customers.update(self.customer.id, {"invoice_settings": settings})
        items = [{"price": (price or self.professional).id}, {"price": self.overage.id}]
        asked: Any = {"customer": self.customer.id, "items": items, **more}
        return self.client.v1.subscriptions.create(asked)

    def advance(self, at: int) -> None:
        self.client.v1.test_helpers.test_clocks.advance(self.clock.id, {"frozen_time": at})
        eventually(lambda: self.client.v1.test_helpers.test_clocks.retrieve(self.clock.id).status == "ready", PATIENCE)

    def use(self, calls: int, identifier: str, at: int | None = None) -> None:
        payload = {"stripe_customer_id": self.customer.id, "value": str(calls)}
        event: Any = {"event_name": self.meter.event_name, "payload": payload, "identifier": identifier}
        self.client.v1.billing.meter_events.create(event if at is None else event | {"timestamp": at})

    def invoices(self) -> list[stripe.Invoice]:
        return list(self.client.v1.invoices.list({"customer": self.customer.id, "limit": 100}).auto_paging_iter())[::-1]

    def subscription(self, subscription: stripe.Subscription) -> stripe.Subscription:
        return self.client.v1.subscriptions.retrieve(subscription.id)

    def events(self) -> list[str]:
        return [str(event.type) for event in self.client.v1.events.list({"limit": 100}).auto_paging_iter()][::-1]


@pytest.fixture
def shop(client: stripe.StripeClient) -> Shop:
    product = client.v1.products.create({"name": "Professional"})
    meter = client.v1.billing.meters.create(
        {"display_name": "Calls", "event_name": unique("calls"), "default_aggregation": {"formula": "sum"}}
    )
    monthly: Any = {"interval": "month"}

    def price(amount: int, recurring: Any) -> stripe.Price:
        given: Any = {"product": product.id, "currency": "usd", "unit_amount": amount, "recurring": recurring}
        return client.v1.prices.create(given)

    tiers: Any = [{"up_to": INCLUDED, "unit_amount": 0}, {"up_to": "inf", "unit_amount_decimal": "0.05"}]
    metered: Any = {
        "product": product.id,
        "currency": "usd",
        "billing_scheme": "tiered",
        "tiers_mode": "graduated",
        "tiers": tiers,
        "recurring": {**monthly, "usage_type": "metered", "meter": meter.id},
    }
    overage = client.v1.prices.create(metered)
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": BEGAN})
    customer = client.v1.customers.create({"email": "alice@example.com", "test_clock": clock.id})
    yearly = price(YEARLY, {"interval": "year"})
    return Shop(client, price(MONTHLY, monthly), yearly, price(299_900, monthly), overage, meter, clock, customer)


def test_a_month_is_paid_ahead_and_use_behind(shop: Shop) -> None:
    subscription = shop.subscribe()
    assert (subscription.status, shop.invoices()[0].amount_paid) == ("active", MONTHLY)
    shop.use(400, "one")
    shop.advance(BEGAN + 20 * DAY)
    shop.use(10_600, "two", BEGAN + 3 * DAY)
    shop.advance(BEGAN + 31 * DAY + 2 * HOUR)
    invoice = shop.invoices()[-1]
    assert invoice.status == "paid"
    lines = [(line.amount, line.quantity) for line in invoice.lines.data]
    assert lines == [(0, INCLUDED), (500, 10_000), (MONTHLY, 1)]
    assert invoice.amount_paid == MONTHLY + 500
    assert subscription["items"].data[0].current_period_end == BEGAN + 31 * DAY


def test_an_identifier_counts_once(shop: Shop) -> None:
    shop.use(5, "same")
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        shop.use(5, "same")
    meter = shop.client.v1.billing.meters.list().data[0]
    begun = BEGAN - BEGAN % 60
    summary = shop.client.v1.billing.meters.event_summaries.list(
        meter.id, {"customer": shop.customer.id, "start_time": begun, "end_time": begun + HOUR}
    )
    assert [each.aggregated_value for each in summary.data] == [5.0]


@pytest.mark.parametrize(("days", "code"), [(-36, "timestamp_too_far_in_past"), (1, "timestamp_in_future")])
def test_use_long_ago_or_to_come_is_refused(shop: Shop, days: int, code: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.use(1, "far", BEGAN + days * DAY)
    assert refused.value.code == code


def test_an_upgrade_in_the_middle_of_the_month_costs_the_difference(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.advance(BEGAN + 31 * DAY // 2)
    change: Any = {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.enterprise.id}],
        "proration_behavior": "always_invoice",
    }
    expected = round((299_900 - MONTHLY) / 2)
    preview = shop.client.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": change})
    assert preview.total == expected
    assert len(shop.invoices()) == 1
    shop.client.v1.subscriptions.update(subscription.id, change)
    invoice = shop.invoices()[-1]
    assert (invoice.total, invoice.status, invoice.billing_reason) == (expected, "paid", "subscription_update")
    assert [line.amount < 0 for line in invoice.lines.data] == [True, False]


@pytest.mark.usefixtures("own_account")
def test_a_change_that_cannot_be_paid_has_not_happened(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.advance(BEGAN + DAY)
    bad = shop.client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": shop.customer.id})
    settings: Any = {"default_payment_method": bad.id}
    shop.client.v1.customers.update(shop.customer.id, {"invoice_settings": settings})
    before = shop.events()
    with pytest.raises(stripe.CardError):
        shop.client.v1.subscriptions.update(
            subscription.id,
            {
                "items": [{"id": subscription["items"].data[0].id, "price": shop.enterprise.id}],
                "proration_behavior": "always_invoice",
                "payment_behavior": "error_if_incomplete",
            },
        )
    assert shop.subscription(subscription)["items"].data[0].price.id == shop.professional.id
    assert (len(shop.invoices()), shop.events()) == (1, before)


@pytest.mark.usefixtures("own_account")
def test_a_card_that_fails_is_tried_again_and_then_the_subscription_ends(shop: Shop) -> None:
    subscription = shop.subscribe()
    bad = shop.client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": shop.customer.id})
    settings: Any = {"default_payment_method": bad.id}
    shop.client.v1.customers.update(shop.customer.id, {"invoice_settings": settings})
    shop.advance(BEGAN + 31 * DAY + 2 * HOUR)
    assert shop.subscription(subscription).status == "past_due"
    assert shop.invoices()[-1].next_payment_attempt
    shop.advance(BEGAN + 50 * DAY)
    assert shop.subscription(subscription).status == "canceled"
    assert shop.invoices()[-1].attempt_count == 4
    assert shop.events().count("invoice.payment_failed") == 4
    assert shop.events()[-2:] == ["customer.subscription.deleted", "test_helpers.test_clock.ready"]


def test_paying_what_is_open_ends_the_dunning(shop: Shop) -> None:
    subscription = shop.subscribe()
    bad = shop.client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": shop.customer.id})
    settings: Any = {"default_payment_method": bad.id}
    shop.client.v1.customers.update(shop.customer.id, {"invoice_settings": settings})
    shop.advance(BEGAN + 31 * DAY + 2 * HOUR)
    open_invoice = shop.invoices()[-1]
    with pytest.raises(stripe.CardError):
        shop.client.v1.invoices.pay(open_invoice.id)
    good = shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": shop.customer.id})
    assert shop.client.v1.invoices.pay(open_invoice.id, {"payment_method": good.id}).status == "paid"
    assert shop.subscription(subscription).status == "active"


def test_an_end_that_was_asked_for_comes_with_the_period(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    shop.use(INCLUDED + 2_000, "last", BEGAN)
    shop.advance(BEGAN + 30 * DAY)
    assert shop.subscription(subscription).status == "active"
    shop.advance(BEGAN + 31 * DAY + 2 * HOUR)
    assert shop.subscription(subscription).status == "canceled"
    assert shop.invoices()[-1].amount_paid == 100


@pytest.mark.usefixtures("own_account")
def test_a_trial_costs_nothing_until_it_ends(shop: Shop) -> None:
    subscription = shop.subscribe(trial_period_days=14)
    assert (subscription.status, shop.invoices()[0].total) == ("trialing", 0)
    shop.advance(BEGAN + 12 * DAY)
    assert "customer.subscription.trial_will_end" in shop.events()
    shop.advance(BEGAN + 14 * DAY + 2 * HOUR)
    assert shop.subscription(subscription).status == "active"
    assert shop.invoices()[-1].amount_paid == MONTHLY


def test_a_coupon_takes_its_share_once(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 25.0, "duration": "once"})
    shop.subscribe(discounts=[{"coupon": coupon.id}])
    shop.advance(BEGAN + 31 * DAY + 2 * HOUR)
    assert [invoice.total for invoice in shop.invoices()] == [MONTHLY * 3 // 4, MONTHLY]


def test_what_was_asked_twice_with_one_key_is_done_once(shop: Shop) -> None:
    made = [
        shop.client.v1.customers.create({"email": "b@example.com"}, {"idempotency_key": "one"}) for _time in range(2)
    ]
    assert made[0].id == made[1].id
    with pytest.raises(stripe.IdempotencyError):
        shop.client.v1.customers.create({"email": "other@example.com"}, {"idempotency_key": "one"})


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"nonsense": "1"}, "parameter_unknown"),
        ({"customer": "cus_none", "items": [{"price": "p", "nope": 1}]}, "parameter_unknown"),
        ({"customer": "cus_none", "items": []}, "resource_missing"),
        ({"customer": "cus_none", "collection_method": "by_pigeon"}, None),
        ({"customer": "cus_none", "cancel_at_period_end": "maybe"}, None),
        ({"customer": "cus_none", "trial_period_days": "many"}, None),
        ({"customer": "cus_none", "application_fee_percent": "nan"}, None),
    ],
)
def test_parameters_that_the_client_does_not_type_are_refused(
    client: stripe.StripeClient, params: Any, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.subscriptions.create(params)
    assert refused.value.code == code
    assert refused.value.param or code


def test_outages_are_what_the_client_knows(simulator: Simulator) -> None:
    client = simulator.client()
    for status, raised in [(429, stripe.RateLimitError), (500, stripe.APIError), (0, stripe.APIConnectionError)]:
        simulator.told("outages", outages=[{"status": status, "path": "/v1/coupons"}])
        with pytest.raises(raised):
            client.v1.coupons.list()
    assert client.v1.coupons.list().data == []


def test_an_answer_that_is_lost_was_an_act(simulator: Simulator) -> None:
    client = simulator.client()
    simulator.told("outages", outages=[{"status": 0, "path": "/v1/customers", "is_done": True}])
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"email": "lost@example.com"}, {"idempotency_key": "key"})
    again = client.v1.customers.create({"email": "lost@example.com"}, {"idempotency_key": "key"})
    assert [customer.id for customer in client.v1.customers.list().data] == [again.id]


@pytest.mark.parametrize("key", ["sk_live_0123456789", "nonsense"])
def test_only_test_keys_are_known(simulator: Simulator, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError):
        simulator.client(key).v1.customers.list()
