"""Whatever Stripe answers, or does not, at whichever request: each thing is done once, and what is not done, later."""

import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import Settings

from billing.models import UptimeMonth, UptimeWatch
from billing.stripe.catalogue import catalogue_sync
from billing.stripe.catalogue_names import Interval
from billing.stripe.checkout import checkout_begin
from billing.stripe.models import WAITING, Refund, StripeEvent
from billing.stripe.reconcile import customer_reconcile, events_list
from billing.stripe.returning import checkout_look
from billing.stripe.subscriptions import subscription_cancel, subscription_change, subscription_reactivate
from billing.uptime.crediting import credits_give
from core.refusals import Refused
from core.tenancy import tenant_context
from tests.billing.stripe.failing import SILENT, WAITS, Fault, NotYet, impatient
from tests.billing.stripe.metered import Metered
from tests.billing.stripe.paying import BACK, GOOD, Shop
from tests.conftest import unique

HOW: dict[str, dict[str, Any]] = {
    "too-many": {"status": 429},
    "failing": {"status": 500},
    "failing-when-it-was-done": {"status": 500, "is_done": True},
    "cut": {"status": 0},
    "cut-when-it-was-done": {"status": 0, "is_done": True},
    # Of these the writes alone, since each of them takes its time.
    "silent": {"status": 0, "seconds": SILENT, "method": "POST"},
    "silent-when-it-was-done": {"status": 0, "seconds": SILENT, "method": "POST", "is_done": True},
}


@pytest.fixture(params=list(HOW.values()), ids=list(HOW))
def fault(request: pytest.FixtureRequest, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fault]:
    """One way to fail."""
    with impatient(monkeypatch):
        yield Fault(shop.simulator, request.param)


def begin(shop: Shop, plan: str) -> str:
    return checkout_begin(actor=shop.alice, plan=plan, interval=Interval.MONTH, back_url=BACK)


def work(shop: Shop) -> None:
    """What jobs do with events, however long they pause."""
    for event in shop.events():
        StripeEvent.objects.filter(pk=event.id).update(next_try=shop.now())
    shop.work()
    if StripeEvent.objects.filter(pk__in=[event.id for event in shop.events()], state__in=WAITING).exists():
        raise NotYet


def test_a_plan_is_bought_changed_and_ended_once(shop: Shop, fault: Fault) -> None:
    fault.at_each_request(lambda: begin(shop, "professional"))
    url = fault.at_each_request(lambda: begin(shop, "enterprise"))
    assert len(shop.client.v1.customers.list({}).data) == 1
    sessions = shop.client.v1.checkout.sessions.list({}).data
    assert {session.url: session.status for session in sessions} == {None: "expired", url: "open"}
    assert len(sessions) == 2
    shop.type_card(url, GOOD)
    assert fault.at_each_request(lambda: checkout_look(shop.tenant.id)) == "complete"
    assert shop.has() == ("enterprise-1", "active", 500_000)
    assert fault.at_each_request(lambda: subscription_cancel(actor=shop.alice)).cancel_at_period_end
    assert not fault.at_each_request(lambda: subscription_reactivate(actor=shop.alice)).cancel_at_period_end
    for plan in ("professional", "enterprise"):
        changed = fault.at_each_request(lambda plan=plan: change(shop, plan))  # type: ignore[misc]  # mypy: no default
        assert changed.plan_id == f"{plan}-1"
    assert shop.has() == ("enterprise-1", "active", 500_000)
    assert len(shop.client.v1.invoices.list({}).data) == 3
    assert len(shop.client.v1.subscriptions.list({"status": "all"}).data) == 1


def change(shop: Shop, plan: str) -> Any:
    """A change that was made, whoever heard of it, is no error when it is asked for again."""
    try:
        return subscription_change(actor=shop.alice, plan=plan, interval=Interval.MONTH)
    except Refused as refused:
        if refused.refusal.name != "conflict":
            raise
        return shop.subscription()


def test_money_that_goes_back_is_written_down_once(shop: Shop, fault: Fault) -> None:
    shop.buy()
    customer_reconcile(shop.tenant.id)
    (charge,) = shop.client.v1.charges.list({}).data
    asked: Any = {"charge": charge.id, "amount": 1_234}
    fault.at_each_request(lambda: shop.client.v1.refunds.create(asked, {"idempotency_key": f"refund-{charge.id}"}))
    fault.at_each_request(events_list)
    fault.at_each_request(lambda: work(shop))
    with tenant_context(shop.tenant.id):
        assert list(Refund.objects.values_list("charge", "amount")) == [(charge.id, 1_234)]
    assert shop.client.v1.charges.retrieve(charge.id).amount_refunded == 1_234
    assert shop.has()[:2] == ("professional-1", "active")


def test_calls_are_told_once(metered: Metered, fault: Fault) -> None:
    for number in range(3):
        metered.ship(metered.first + timedelta(minutes=10 * number), 5)
        metered.ship(metered.first + timedelta(hours=1), 2)
        fault.at_each_request(lambda: sent(metered))
    found = metered.verified()
    assert (found.is_right, found.ledger, found.metered, found.unsure) == (True, 21, 21, 0)


def sent(metered: Metered) -> None:
    metered.send()
    if any(state != "sent" for _, state in metered.reports()):
        raise NotYet


def test_uptime_is_credited_once(shop: Shop, fault: Fault) -> None:
    clock = shop.clock()
    UptimeWatch.objects.create(tenant_id=shop.tenant.id, is_owed=True)
    with tenant_context(shop.tenant.id):
        for month in (9, 10):
            UptimeMonth.objects.create(
                tenant=shop.tenant, month=date(2026, month, 1), endpoints=[], uptime=Decimal("98.5"),
                target=Decimal("99.9"), share=25, credit_cents=749_75, currency="usd",
            )  # fmt: skip

    def give() -> None:
        credits_give()
        with tenant_context(shop.tenant.id):
            if UptimeMonth.objects.filter(credited_at=None).exists():
                raise NotYet

    fault.at_each_request(give)
    assert shop.client.v1.customers.retrieve(clock.customer).balance == -2 * 749_75


def test_the_catalogue_is_made_once(shop: Shop, fault: Fault, settings: Settings) -> None:
    settings.STRIPE_API_KEY = f"sk_test_{unique('shop')}"
    fault.at_each_request(catalogue_sync)
    api = shop.simulator.client(settings.STRIPE_API_KEY).v1
    keys = [price.lookup_key for price in api.prices.list({"limit": 100}).data]
    assert len(keys) == len(set(keys)) == 8
    assert [len(api.products.list({}).data), len(api.billing.meters.list({}).data)] == [2, 1]
    assert len(api.billing_portal.configurations.list({}).data) == 1
    assert catalogue_sync() == []


def test_what_a_deleted_tenant_has_ends_once(shop: Shop, fault: Fault) -> None:
    shop.buy()
    customer_reconcile(shop.tenant.id)
    with tenant_context(shop.tenant.id):
        type(shop.tenant).objects.update(delete_after=datetime.now(UTC) + timedelta(days=30))
    fault.at_each_request(lambda: customer_reconcile(shop.tenant.id))
    assert shop.subscription_at_stripe().cancel_at_period_end
    # Somebody thinks that it should go on, and is contradicted each time.
    for _ in range(2):
        shop.client.v1.subscriptions.update(shop.subscription_at_stripe().id, {"cancel_at_period_end": False})
        fault.at_each_request(lambda: customer_reconcile(shop.tenant.id))
        assert shop.subscription_at_stripe().cancel_at_period_end


def test_who_cannot_be_connected_to_is_away(shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody accepts, and there is room for one: who comes later hears nothing at all.
    with (
        impatient(monkeypatch),
        socket.create_server(("127.0.0.1", 0), backlog=0) as listening,
        socket.create_connection(listening.getsockname(), timeout=WAITS),
    ):
        settings.STRIPE_API_URL = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(Refused) as refusal:
            begin(shop, "professional")
    assert refusal.value.refusal.name == "temporarily_unavailable"
    settings.STRIPE_API_URL = shop.simulator.url
    begin(shop, "professional")
    assert len(shop.client.v1.customers.list({}).data) == 1


def test_a_card_that_was_refused_is_exchanged_and_pays(shop: Shop) -> None:
    """Stripe gives the same answer to the same key for a day, and no event says that there is another card."""
    clock = shop.clock()
    shop.buy()
    customer_reconcile(shop.tenant.id)
    clock.pay_with("pm_card_chargeCustomerFail")
    customer_reconcile(shop.tenant.id)
    for _ in range(2):
        with pytest.raises(Refused) as refusal:
            change(shop, "enterprise")
        assert refusal.value.refusal.name == "card_refused"
    clock.pay_with("pm_card_visa")
    assert change(shop, "enterprise").plan_id == "enterprise-1"
    assert shop.has()[:2] == ("enterprise-1", "active")


def test_what_ended_meanwhile_is_a_refusal(shop: Shop) -> None:
    shop.buy()
    customer_reconcile(shop.tenant.id)
    shop.client.v1.subscriptions.cancel(shop.subscription_at_stripe().id)
    for act in (subscription_cancel, subscription_reactivate):
        with pytest.raises(Refused) as refusal:
            act(actor=shop.alice)
        assert refusal.value.refusal.name == "conflict"
    assert shop.has()[:2] == ("developer-1", "free")
