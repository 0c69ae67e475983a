"""What tenants do with their subscription, each act over Stripe's API and back by its events."""

import pytest

from billing.stripe.catalogue_names import Interval
from billing.stripe.checkout import checkout_begin
from billing.stripe.models import Checkout, Invoice
from billing.stripe.portal import portal_open
from billing.stripe.subscriptions import (
    subscription_cancel,
    subscription_change,
    subscription_preview,
    subscription_reactivate,
)
from core.refusals import Refused
from core.tenancy import tenant_context
from tests.billing.stripe.paying import BACK, DAY, GOOD, REFUSED, Shop

MONTH = 31 * DAY
# What a few minutes of a month cost, in cents: a busy machine lets them pass.
MINUTES = 50


@pytest.fixture
def paid(shop: Shop) -> Shop:
    """Alice's tenant pays for Professional, by the month."""
    shop.listen()
    shop.buy()
    shop.deliver()
    return shop


def test_an_upgrade_is_paid_and_counts_at_once(paid: Shop) -> None:
    before = subscription_preview(actor=paid.alice, plan="enterprise", interval=Interval.MONTH).due
    changed = subscription_change(actor=paid.alice, plan="enterprise", interval=Interval.MONTH)
    assert (changed.plan_id, changed.status) == ("enterprise-1", "active")
    assert paid.has() == ("enterprise-1", "active", 500_000)
    paid.deliver()
    assert paid.has() == ("enterprise-1", "active", 500_000)
    with tenant_context(paid.tenant.id):
        latest = Invoice.objects.get(stripe_id=changed.latest_invoice)
    assert abs(latest.amount_paid - before) <= MINUTES
    assert abs(before - (299_900 - 49_900)) <= MINUTES


@pytest.mark.usefixtures("own_account")
def test_a_downgrade_is_put_to_the_credit_of_what_comes(paid: Shop) -> None:
    subscription_change(actor=paid.alice, plan="enterprise", interval=Interval.MONTH)
    subscription_change(actor=paid.alice, plan="professional", interval=Interval.MONTH)
    paid.deliver()
    assert paid.has() == ("professional-1", "active", 50_000)
    customer = paid.client.v1.customers.list({}).data[0]
    assert customer.balance == pytest.approx(-250_000, abs=MINUTES)


def test_another_interval_begins_a_new_period(paid: Shop) -> None:
    changed = subscription_change(actor=paid.alice, plan="professional", interval=Interval.YEAR)
    assert (changed.interval, (changed.period_end - changed.period_start).days) == ("year", 365)
    assert changed.overage_item
    paid.deliver()
    assert paid.has()[:2] == ("professional-1", "active")


def test_to_and_fro_is_not_mistaken_for_a_repetition(paid: Shop) -> None:
    for plan in ("enterprise", "professional", "enterprise", "professional"):
        subscription_change(actor=paid.alice, plan=plan, interval=Interval.MONTH)
        assert paid.has()[0] == f"{plan}-1"


@pytest.mark.usefixtures("own_account")
def test_a_card_that_is_refused_changes_nothing(shop: Shop) -> None:
    shop.listen()
    clock = shop.clock()
    shop.buy()
    shop.deliver()
    clock.pay_with("pm_card_chargeCustomerFail")
    with pytest.raises(Refused) as refusal:
        subscription_change(actor=shop.alice, plan="enterprise", interval=Interval.MONTH)
    assert refusal.value.refusal.name == "card_refused"
    shop.deliver()
    assert shop.has() == ("professional-1", "active", 50_000)
    assert len(shop.client.v1.invoices.list({}).data) == 1


def test_who_cancels_keeps_the_plan_until_the_period_ends(shop: Shop) -> None:
    shop.listen()
    clock = shop.clock()
    shop.buy()
    shop.deliver()
    assert subscription_cancel(actor=shop.alice).cancel_at_period_end
    assert not subscription_reactivate(actor=shop.alice).cancel_at_period_end
    assert subscription_cancel(actor=shop.alice).cancel_at_period_end
    clock.advance(MONTH - 2 * DAY)
    shop.deliver()
    assert shop.has() == ("professional-1", "active", 50_000)
    clock.advance(MONTH)
    shop.deliver()
    assert shop.has() == ("developer-1", "free", 1_000)
    shop.buy("enterprise")
    shop.deliver()
    assert shop.has() == ("enterprise-1", "active", 500_000)


@pytest.mark.usefixtures("own_account")
def test_one_page_is_open_at_a_time(shop: Shop) -> None:
    def begin(plan: str) -> str:
        return checkout_begin(actor=shop.alice, plan=plan, interval=Interval.MONTH, back_url=BACK)

    first = begin("professional")
    assert begin("professional") == first
    second = begin("enterprise")
    assert second != first
    states = {session.url: session.status for session in shop.client.v1.checkout.sessions.list({}).data}
    assert states == {None: "expired", second: "open"}
    with tenant_context(shop.tenant.id):
        assert Checkout.objects.filter(state="open").count() == 1


def test_nobody_subscribes_twice(paid: Shop) -> None:
    with pytest.raises(Refused) as refusal:
        checkout_begin(actor=paid.alice, plan="enterprise", interval=Interval.MONTH, back_url=BACK)
    assert refusal.value.refusal.name == "conflict"


@pytest.mark.usefixtures("own_account")
def test_a_page_that_was_paid_meanwhile_is_not_closed(shop: Shop) -> None:
    url = checkout_begin(actor=shop.alice, plan="professional", interval=Interval.MONTH, back_url=BACK)
    shop.type_card(url, GOOD)
    with pytest.raises(Refused) as refusal:
        checkout_begin(actor=shop.alice, plan="enterprise", interval=Interval.MONTH, back_url=BACK)
    assert refusal.value.refusal.name == "conflict"
    assert len(shop.client.v1.subscriptions.list({}).data) == 1


def test_a_refused_card_at_checkout_buys_nothing(shop: Shop) -> None:
    shop.listen()
    url = checkout_begin(actor=shop.alice, plan="professional", interval=Interval.MONTH, back_url=BACK)
    assert shop.type_card(url, REFUSED).status_code == 402
    shop.deliver()
    assert shop.has() == ("developer-1", "free", 1_000)
    assert shop.type_card(url, GOOD).status_code == 303
    shop.deliver()
    assert shop.has()[:2] == ("professional-1", "active")


@pytest.mark.parametrize("plan", ["developer", "unlimited", "never-heard-of"])
def test_what_is_not_for_sale_is_not_bought(shop: Shop, plan: str) -> None:
    with pytest.raises(Refused) as refusal:
        checkout_begin(actor=shop.alice, plan=plan, interval=Interval.MONTH, back_url=BACK)
    assert refusal.value.refusal.name == "not_found"


def test_only_who_may_pay_does(paid: Shop) -> None:
    bob = paid.cast.acting(paid.cast.bob)
    for act in (
        lambda: checkout_begin(actor=bob, plan="enterprise", interval=Interval.MONTH, back_url=BACK),
        lambda: subscription_change(actor=bob, plan="enterprise", interval=Interval.MONTH),
        lambda: subscription_cancel(actor=bob),
        lambda: subscription_reactivate(actor=bob),
        lambda: portal_open(actor=bob, back_url=BACK),
    ):
        with pytest.raises(Refused) as refusal:
            act()
        assert refusal.value.refusal.name == "permission_denied"


def test_the_portal_is_the_tenants_own(paid: Shop) -> None:
    assert "4242" not in portal_open(actor=paid.alice, back_url=BACK)
    charlie = paid.cast.acting(paid.cast.charlie, paid.cast.elsewhere)
    with pytest.raises(Refused) as refusal:
        portal_open(actor=charlie, back_url=BACK)
    assert refusal.value.refusal.name == "conflict"


@pytest.mark.usefixtures("own_account")
@pytest.mark.parametrize("is_done", [False, True], ids=["never-came", "came-and-was-lost"])
@pytest.mark.parametrize("path", ["/v1/customers", "/v1/checkout/sessions"])
def test_an_answer_that_is_lost_makes_nothing_twice(shop: Shop, path: str, is_done: bool) -> None:  # noqa: FBT001
    outage = {"status": 0, "path": path, "is_done": is_done}
    shop.simulator.told("outages", outages=[outage])
    with pytest.raises(Refused) as refusal:
        checkout_begin(actor=shop.alice, plan="professional", interval=Interval.MONTH, back_url=BACK)
    assert refusal.value.refusal.name == "temporarily_unavailable"
    shop.buy()
    assert len(shop.client.v1.customers.list({}).data) == 1
    assert len(shop.client.v1.checkout.sessions.list({}).data) == 1
