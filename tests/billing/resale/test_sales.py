"""Money: what is written down of each payment is what the accounts hold at Stripe, to the cent, whatever is lost."""

from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from billing.resale.models import ConnectedAccount, Offer, PurchaseStanding, Sale
from billing.resale.reconcile import seller_reconcile, sellers_reconcile
from billing.stripe.applying import event_apply
from billing.stripe.models import EventState, StripeEvent
from core.tenancy import tenant_context
from tests.billing.resale.selling import Seller
from tests.billing.stripe.paying import DAY
from tests.conftest import unique


@pytest.fixture
def selling(seller: Seller) -> Seller:
    """A seller whose account takes payments, and whose webhooks arrive."""
    seller.listen()
    seller.onboard()
    return seller


def split(selling: Seller) -> tuple[int, int, int, int]:
    """Gross, fee, refunded, net, as written down."""
    with tenant_context(selling.shop.tenant.id):
        sums = Sale.objects.aggregate(amount=Sum("amount"), fee=Sum("fee"), refunded=Sum("refunded"))
    gross, fee, refunded = (sums[name] or 0 for name in ("amount", "fee", "refunded"))
    return gross, fee, refunded, gross - fee - refunded


def platform_holds(selling: Seller, currency: str = "usd") -> int:
    balance = selling.shop.client.v1.balance.retrieve()
    return sum(each.amount for each in balance.available if each.currency == currency)


def charge_of(selling: Seller) -> str:
    return str(selling.shop.client.v1.charges.list(None, selling.options).data[0].id)


def test_a_payment_is_split_as_the_accounts_hold_it(selling: Seller) -> None:
    # 5 % of 333 is 16.65.
    selling.buy(selling.offer(amount=Decimal(333)))
    assert split(selling) == (333, 17, 0, 316)
    assert (selling.holds(), platform_holds(selling)) == ({"usd": 316}, 17)


@pytest.mark.parametrize(("percent", "fee"), [("0", 0), ("0.01", 0), ("12.34", 123), ("100", 999)])
def test_the_fee_is_that_of_the_day_on_which_it_went_on_sale(
    selling: Seller, settings: Any, percent: str, fee: int
) -> None:
    settings.RESALE_FEE_PERCENT = Decimal(percent)
    offer = selling.offer(amount=Decimal(999))
    settings.RESALE_FEE_PERCENT = Decimal(50)
    selling.buy(offer)
    assert split(selling) == (999, fee, 0, 999 - fee)
    assert selling.holds() == {"usd": 999 - fee}
    assert platform_holds(selling) == fee


def test_what_goes_back_counts_with_its_sale(selling: Seller) -> None:
    selling.buy(selling.offer(amount=Decimal(1_000)))
    client, charge = selling.shop.client, charge_of(selling)
    client.v1.refunds.create({"charge": charge, "amount": 300}, selling.options)
    selling.deliver()
    assert split(selling) == (1_000, 50, 300, 650)
    assert selling.holds() == {"usd": 650}
    client.v1.refunds.create({"charge": charge, "refund_application_fee": True}, selling.options)
    selling.deliver()
    (sale,) = selling.sales()
    assert (sale.refunded, sale.net) == (1_000, selling.holds()["usd"])
    assert sale.fee == platform_holds(selling)


def test_a_fee_that_the_platform_gives_back_is_the_sellers(selling: Seller) -> None:
    selling.buy(selling.offer(amount=Decimal(1_000)))
    (fee,) = selling.shop.client.v1.application_fees.list().data
    selling.shop.client.v1.application_fees.refunds.create(fee.id, {"amount": 20})
    selling.deliver()
    assert split(selling) == (1_000, 30, 0, 970)
    assert (selling.holds(), platform_holds(selling)) == ({"usd": 970}, 30)


def test_a_disputed_payment_is_gone_until_it_is_won(selling: Seller) -> None:
    selling.buy(selling.offer(amount=Decimal(1_000)))
    told: dict[str, Any] = {"key": selling.shop.key, "account": selling.account.account_id}
    dispute = selling.shop.simulator.told("disputes", charge=charge_of(selling), **told)
    selling.deliver()
    assert split(selling) == (1_000, 50, 1_000, -50)
    assert selling.holds() == {"usd": -50}
    selling.shop.simulator.told("disputes", close=dispute["id"], status="won", **told)
    selling.deliver()
    assert split(selling) == (1_000, 50, 0, 950)
    assert selling.holds() == {"usd": 950}


def test_each_month_is_a_sale_in_whatever_currency(seller: Seller) -> None:
    seller.listen()
    seller.onboard("JP")
    clock = seller.clock()
    seller.buy(seller.offer(amount=Decimal(777), currency="jpy"))
    clock.advance(63 * DAY)
    seller.deliver()
    assert [(sale.amount, sale.fee, sale.currency) for sale in seller.sales()] == [(777, 39, "jpy")] * 3
    assert seller.holds() == {"jpy": 3 * (777 - 39)}
    assert len({sale.period_start for sale in seller.sales()}) == 3


@pytest.mark.parametrize("weather", [{"duplicate": 1.0}, {"reorder": 0.6, "duplicate": 0.4, "seed": 7}], ids=str)
def test_webhooks_that_come_twice_or_in_any_order_come_to_the_same(selling: Seller, weather: dict[str, Any]) -> None:
    selling.shop.simulator.told("webhooks", **weather)
    clock = selling.clock()
    bought = selling.buy(selling.offer(amount=Decimal(1_000)))
    clock.advance(33 * DAY)
    selling.shop.client.v1.refunds.create({"charge": charge_of(selling), "amount": 1}, selling.options)
    selling.shop.simulator.told("webhooks")
    events = selling.events()
    selling.deliver()
    for event in events[::-1]:
        StripeEvent.objects.filter(pk=event.id).update(state=EventState.RECEIVED)
        event_apply(event.id)
    assert selling.again(bought).standing == PurchaseStanding.ACTIVE
    assert split(selling) == (2_000, 100, 1, 1_899)
    assert selling.holds() == {"usd": 1_899}


def test_what_no_webhook_told_is_found(selling: Seller) -> None:
    selling.shop.simulator.told("webhooks", drop=1.0)
    clock = selling.clock()
    offer = selling.offer(amount=Decimal(1_000))
    bought = selling.buy(offer)
    _, _, url = selling.open(offer)
    assert selling.shop.type_card(url, "4242424242424242").status_code == 303
    clock.advance(33 * DAY)
    selling.shop.client.v1.refunds.create({"charge": charge_of(selling), "amount": 100}, selling.options)
    selling.shop.client.v1.subscriptions.cancel(bought.subscription_id, None, selling.options)
    seller_reconcile(selling.shop.tenant.id)
    assert split(selling) == (4_000, 200, 100, 3_700)
    assert selling.holds() == {"usd": 3_700}
    assert selling.again(bought).standing == PurchaseStanding.ENDED
    seller_reconcile(selling.shop.tenant.id)
    assert split(selling) == (4_000, 200, 100, 3_700)


def test_each_seller_has_its_turn(selling: Seller) -> None:
    ConnectedAccount.objects.exclude(tenant_id=selling.shop.tenant.id).delete()
    assert [sellers_reconcile(), sellers_reconcile()] == [1, 1]


@pytest.mark.parametrize("status", [429, 500, 0])
def test_an_event_waits_while_stripe_is_away(selling: Seller, status: int) -> None:
    offer = selling.offer(amount=Decimal(1_000))
    purchase, _, url = selling.open(offer)
    assert selling.shop.type_card(url, "4242424242424242").status_code == 303
    outage = {"status": status, "times": 1_000, "path": "/v1/invoice"}
    selling.shop.simulator.told("outages", outages=[outage])
    events = [event for event in selling.events() if event.type == "invoice.paid"]
    selling.arrived()
    for event in events:
        assert event_apply(event.id)
        assert StripeEvent.objects.get(pk=event.id).state == EventState.RECEIVED
    selling.shop.simulator.told("outages", outages=[])
    StripeEvent.objects.filter(pk__in=[event.id for event in events]).update(next_try=purchase.created_at)
    selling.deliver()
    assert split(selling) == (1_000, 50, 0, 950)


def test_only_events_of_connected_accounts_are_taken(selling: Seller) -> None:
    bought = selling.buy(selling.offer())
    secret = selling.listen()
    (event,) = [event for event in selling.events() if event.type == "customer.subscription.created"]
    body = event.to_dict(for_json=True)
    for account in ("acct_of_nobody", ["acct"], {"id": "acct"}, 1):
        answer = selling.shop.send(body | {"id": unique("evt"), "account": account}, secret)
        assert (answer.status_code, answer.json()["code"]) == (400, "webhook_refused")
    live = body | {"id": unique("evt"), "livemode": True}
    assert selling.shop.send(live, secret).status_code == 400
    assert selling.shop.send(body | {"id": unique("evt")}, "whsec_of_somebody_else").status_code == 400
    assert not StripeEvent.objects.filter(account="acct_of_nobody").exists()
    assert selling.again(bought).standing == PurchaseStanding.ACTIVE


def test_an_event_about_what_is_another_accounts_changes_nothing(selling: Seller) -> None:
    bought = selling.buy(selling.offer())
    secret = selling.listen()
    other = stranger_customer(selling)
    about = {"object": "subscription", "id": other, "customer": "cus_x", "metadata": {"armstrong_purchase": bought.id}}
    sent = {
        "object": "event", "id": unique("evt"), "type": "customer.subscription.deleted", "created": 1_700_000_000,
        "livemode": False, "account": selling.account.account_id, "data": {"object": about | {"metadata": {}}},
    }  # fmt: skip
    assert selling.shop.send(sent, secret).status_code == 200
    event_apply(str(sent["id"]))
    assert StripeEvent.objects.get(pk=sent["id"]).state == EventState.IGNORED
    assert selling.again(bought).standing == PurchaseStanding.ACTIVE


def stranger_customer(selling: Seller) -> str:
    """A subscription in the platform's own account, which is not in the seller's."""
    customer = selling.shop.client.v1.customers.create({"email": "x@example.com"})
    return selling.shop.subscribe(customer.id)


def test_a_label_that_the_seller_writes_itself_is_not_believed(selling: Seller) -> None:
    offer = selling.offer()
    bought = selling.buy(offer)
    client, options = selling.shop.client, selling.options
    customer = client.v1.customers.create({"email": "x@example.com"}, options)
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id}, options)
    made = client.v1.subscriptions.create(
        {
            "customer": customer.id, "items": [{"price": offer.price_id}], "default_payment_method": method.id,
            "metadata": {"armstrong_purchase": str(bought.pk)},
        },
        options,
    )  # fmt: skip
    client.v1.subscriptions.cancel(made.id, None, options)
    selling.deliver()
    after = selling.again(bought)
    assert (after.standing, after.subscription_id) == (PurchaseStanding.ACTIVE, bought.subscription_id)


def test_who_takes_the_account_away_ends_what_was_bought(selling: Seller) -> None:
    bought = selling.buy(selling.offer())
    identifiers = [event.id for event in selling.events()]
    account = selling.account.account_id
    selling.told(deauthorize=True)
    selling.arrived_besides(account, identifiers)
    selling.follow()
    assert selling.again(bought).standing == PurchaseStanding.ENDED
    with tenant_context(selling.shop.tenant.id):
        assert Offer.objects.get(pk=bought.offer_id).state == "withdrawn"
    assert not selling.account.can_sell
