"""The simulator's hosted pages, as a browser posts their forms; Connect, refunds, disputes and entitlements."""

from typing import Any

import httpx
import pytest
import stripe

from tests.stripe_simulator.process import Simulator

GOOD, FAILS_LATER, REFUSED = "4242 4242 4242 4242", "4000000000000341", "4000000000000002"
MONTH: Any = {"interval": "month"}
# The hosted pages are its own.
pytestmark = pytest.mark.usefixtures("simulator")


@pytest.fixture
def price(client: stripe.StripeClient) -> stripe.Price:
    product = client.v1.products.create({"name": "Professional"})
    return client.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 49_900, "recurring": MONTH}
    )


def checkout(client: stripe.StripeClient, price: stripe.Price, **more: Any) -> stripe.checkout.Session:
    asked: Any = {
        "mode": "subscription",
        "line_items": [{"price": price.id, "quantity": 1}],
        "success_url": "http://127.0.0.1:1/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:1/back",
        "client_reference_id": "tenant-1",
    }
    return client.v1.checkout.sessions.create(asked | more)


def post(url: str | None, **form: str) -> httpx.Response:
    assert url
    return httpx.post(url, data=form)


def test_checkout_subscribes_and_sends_the_browser_back(client: stripe.StripeClient, price: stripe.Price) -> None:
    session = checkout(client, price, customer_email="alice@example.com")
    assert "Simulated Stripe" in httpx.get(session.url or "").text
    done = post(session.url, card=GOOD)
    assert (done.status_code, done.headers["location"]) == (303, f"http://127.0.0.1:1/done?session={session.id}")
    found = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "customer"]})
    assert (found.status, found.payment_status, found.client_reference_id) == ("complete", "paid", "tenant-1")
    assert isinstance(found.subscription, stripe.Subscription)
    assert found.subscription.status == "active"
    assert isinstance(found.customer, stripe.Customer)
    assert found.customer.email == "alice@example.com"
    assert post(session.url, card=GOOD).status_code == 400


@pytest.mark.parametrize("card", [REFUSED, FAILS_LATER])
def test_a_card_that_does_not_pay_leaves_the_session_open(
    client: stripe.StripeClient, price: stripe.Price, card: str
) -> None:
    customer = client.v1.customers.create({"email": "alice@example.com"})
    session = checkout(client, price, customer=customer.id)
    refused = post(session.url, card=card)
    assert refused.status_code == 402
    assert "declined" in refused.text
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert not client.v1.subscriptions.list({"customer": customer.id}).data
    assert post(session.url, card=GOOD).status_code == 303


def test_a_promotion_code_is_typed_at_checkout(client: stripe.StripeClient, price: stripe.Price) -> None:
    coupon = client.v1.coupons.create({"percent_off": 100.0, "duration": "once"})
    client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "FREE"})
    session = checkout(client, price, customer_email="a@example.com", allow_promotion_codes=True)
    assert post(session.url, card=GOOD, promotion_code="NONE").status_code == 400
    assert post(session.url, card=GOOD, promotion_code="FREE").status_code == 303
    assert client.v1.checkout.sessions.retrieve(session.id).amount_total == 0


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"success_url": ""}, "success_url"),
        ({"line_items": []}, "line_items"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]"),
        ({"customer": "cus_none"}, "customer"),
        ({"mode": "gift"}, "mode"),
    ],
)
def test_sessions_that_could_not_be_completed_are_refused(
    client: stripe.StripeClient, price: stripe.Price, changed: Any, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        checkout(client, price, **changed)
    assert refused.value.param == param


def test_the_portal_changes_the_card_and_cancels(client: stripe.StripeClient, price: stripe.Price) -> None:
    session = checkout(client, price, customer_email="alice@example.com")
    post(session.url, card=GOOD)
    done = client.v1.checkout.sessions.retrieve(session.id)
    subscription, customer = str(done.subscription), str(done.customer)
    features: Any = {"payment_method_update": {"enabled": True}, "subscription_cancel": {"enabled": True}}
    client.v1.billing_portal.configurations.create({"features": features})
    portal = client.v1.billing_portal.sessions.create({"customer": customer, "return_url": "http://127.0.0.1:1/"})
    assert post(portal.url, action="card", card=REFUSED).status_code == 402
    assert post(portal.url, action="card", card="4000000000004242").status_code == 303
    assert post(portal.url, action="cancel", subscription=subscription).status_code == 303
    assert client.v1.subscriptions.retrieve(subscription).cancel_at_period_end
    assert post(portal.url, action="resume", subscription=subscription).status_code == 303
    assert not client.v1.subscriptions.retrieve(subscription).cancel_at_period_end
    assert "Keep it" not in httpx.get(portal.url).text


def test_what_was_paid_can_be_given_back_once(client: stripe.StripeClient, price: stripe.Price) -> None:
    session = checkout(client, price, customer_email="alice@example.com")
    post(session.url, card=GOOD)
    charge = client.v1.charges.list().data[0]
    client.v1.refunds.create({"charge": charge.id, "amount": 10_000})
    with pytest.raises(stripe.InvalidRequestError, match="greater than"):
        client.v1.refunds.create({"charge": charge.id, "amount": 49_900})
    client.v1.refunds.create({"charge": charge.id})
    assert client.v1.charges.retrieve(charge.id).refunded
    with pytest.raises(stripe.InvalidRequestError, match="already been refunded"):
        client.v1.refunds.create({"charge": charge.id})


def test_a_bank_opens_and_closes_a_dispute(simulator: Simulator) -> None:
    key = "sk_test_disputed"
    client = simulator.client(key)
    product = client.v1.products.create({"name": "Professional"})
    price = client.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 900, "recurring": MONTH})
    post(checkout(client, price, customer_email="alice@example.com").url, card=GOOD)
    charge = client.v1.charges.list().data[0].id
    dispute = simulator.told("disputes", key=key, charge=charge)
    simulator.told("disputes", key=key, close=dispute["id"], status="lost")
    assert client.v1.disputes.retrieve(dispute["id"]).status == "lost"
    types = [event.type for event in client.v1.events.list({"limit": 2}).data]
    assert types == ["charge.dispute.closed", "charge.dispute.created"]


def test_a_connected_account_sells_and_the_platform_gets_its_fee(client: stripe.StripeClient) -> None:
    capabilities: Any = {"card_payments": {"requested": True}, "transfers": {"requested": True}}
    account = client.v1.accounts.create(
        {"type": "express", "email": "seller@example.com", "capabilities": capabilities}
    )
    assert account.charges_enabled is False
    link = client.v1.account_links.create(
        {
            "account": account.id,
            "type": "account_onboarding",
            "return_url": "http://127.0.0.1:1/onboarded",
            "refresh_url": "http://127.0.0.1:1/again",
        }
    )
    assert post(link.url).headers["location"] == "http://127.0.0.1:1/onboarded"
    assert client.v1.accounts.retrieve(account.id).charges_enabled
    theirs: Any = {"stripe_account": account.id}
    product = client.v1.products.create({"name": "Tool"}, theirs)
    price = client.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 2_000, "recurring": MONTH}, theirs
    )
    session = client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": price.id, "quantity": 1}],
            "success_url": "http://127.0.0.1:1/",
            "customer_email": "buyer@example.com",
            "subscription_data": {"application_fee_percent": 10.0},
        },
        theirs,
    )
    assert post(session.url, card=GOOD).status_code == 303
    fee = client.v1.application_fees.list().data[0]
    assert (fee.amount, fee.account) == (200, account.id)
    assert client.v1.charges.list().data == []
    with pytest.raises(stripe.PermissionError):
        client.v1.charges.list({}, {"stripe_account": "acct_other"})


def test_features_of_what_was_bought_are_entitlements(client: stripe.StripeClient, price: stripe.Price) -> None:
    feature = client.v1.entitlements.features.create({"name": "SSO", "lookup_key": "sso"})
    client.v1.products.features.create(str(price.product), {"entitlement_feature": feature.id})
    session = checkout(client, price, customer_email="alice@example.com")
    post(session.url, card=GOOD)
    done = client.v1.checkout.sessions.retrieve(session.id)
    customer = str(done.customer)
    given = client.v1.entitlements.active_entitlements.list({"customer": customer})
    assert [entitlement.lookup_key for entitlement in given.data] == ["sso"]
    client.v1.subscriptions.cancel(str(done.subscription))
    assert client.v1.entitlements.active_entitlements.list({"customer": customer}).data == []
